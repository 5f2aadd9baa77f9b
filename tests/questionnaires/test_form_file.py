"""The published form says what the field list and the vocabulary say."""

import re

import pytest

from app.questionnaires import Form, check_forms, display

ROWS = [
    *[f"A{number}" for number in range(1, 15)],
    *[f"B{number}" for number in range(1, 11)],
    *[f"C{number}" for number in range(1, 12)],
    *[f"D{number}" for number in range(1, 8)],
    *[f"E{number}" for number in range(1, 21)],
    *[f"F{number}" for number in range(1, 11)],
    "F1b",
    *[f"G{number}" for number in range(1, 9)],
    *[f"H{number}" for number in range(1, 11)],
]


def test_the_forms_of_the_product_have_no_fault() -> None:
    assert check_forms() == []


@pytest.mark.parametrize("row", ROWS)
def test_every_row_of_the_field_list_has_an_item(form: Form, row: str) -> None:
    assert row in {path[-1].prefix for path in form.places.values()}


def test_no_item_claims_a_row_that_the_field_list_does_not_have(form: Form) -> None:
    sections = {item.prefix for item in form.items}
    assert {path[-1].prefix for path in form.places.values()} - sections == set(ROWS)


def test_the_likelihood_ladder_has_the_agreed_words(form: Form) -> None:
    ladder = form.item("overall-likelihood")
    assert [(option.code, option.display) for option in ladder.options] == [
        ("L0", "No injury or sign of harm found today"),
        ("L1", "Accidental or medical cause: the explanation given fits the findings"),
        ("L2", "Non-accidental cause unlikely"),
        ("L3", "Not able to say: findings are unclear or the cause is undetermined"),
        ("L4", "Non-accidental cause more likely than not (balance of probability)"),
        ("L5", "Non-accidental cause highly likely"),
        ("LX", "No opinion: examination declined, not completed, or redirected"),
    ]
    assert form.item("injury-likelihood").options == ladder.options[1:6]


def test_neglect_stands_on_its_own_axis(form: Form) -> None:
    assert [option.code for option in form.item("neglect").options] == ["N0", "N1", "N2", "not-assessed"]
    assert form.item("neglect").enable_when == ()


def test_no_source_of_concern_is_called_malicious(form: Form) -> None:
    words = " ".join(option.display for option in form.item("concern-source").options).lower()
    assert "anonymous" in words
    assert not re.search("malicious|vexatious|false", words)


def test_a_relative_is_never_offered_as_interpreter(form: Form) -> None:
    words = " ".join(option.display for option in form.item("interpreter").options).lower()
    assert not re.search("relative|family|parent|friend", words)


def test_display_gives_the_words_of_a_code(form: Form) -> None:
    assert display(form.item("neglect"), "N2") == "Significant concern"
    with pytest.raises(KeyError):
        display(form.item("neglect"), "N9")


def test_the_questionnaire_is_a_copy_that_may_be_changed(form: Form) -> None:
    questionnaire = form.questionnaire()
    questionnaire["item"].clear()
    assert form.questionnaire()["item"]
