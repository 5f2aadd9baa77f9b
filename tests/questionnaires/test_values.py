"""Strict typing: nothing is converted, trimmed or guessed."""

from collections.abc import Callable
from typing import Any

import pytest

from app.questionnaires import Form, problems_in

Found = Callable[..., list[tuple[str, str]]]
HUGE = 10**400


@pytest.mark.parametrize(
    ("value", "code"),
    [
        ("0", "bad-date"),
        (0, "wrong-type"),
        (20190314, "wrong-type"),
        (True, "wrong-type"),
        (None, "wrong-type"),
        (["2019-03-14"], "wrong-type"),
        ({"date": "2019-03-14"}, "wrong-type"),
        ("", "bad-date"),
        ("2026-02-30", "bad-date"),
        ("2025-02-29", "bad-date"),
        ("2026-13-01", "bad-date"),
        ("2026-1-1", "bad-date"),
        ("20190314", "bad-date"),
        ("2019-W11-4", "bad-date"),
        ("2019-073", "bad-date"),
        ("14/03/2019", "bad-date"),
        ("2019-03", "bad-date"),
        ("2019-03-14T00:00:00Z", "bad-date"),
        (" 2019-03-14", "bad-date"),
        ("2019-03-14\n", "bad-date"),
        ("٢٠١٩-٠٣-١٤", "bad-date"),
        ("２０１９-03-14", "bad-date"),
        ("0001-01-01", "out-of-range"),
        ("9999-12-31", "out-of-range"),
    ],
)
def test_a_date_is_a_real_day_in_ascii_digits(found: Found, value: Any, code: str) -> None:
    assert found({"child": {"birth-date": value}}, complete=False) == [("/child/birth-date", code)]


@pytest.mark.parametrize(
    "value",
    ["2026-06-01T14:10:00+01:00", "2026-06-01T13:10:00Z", "2026-06-01T13:10:00.250-00:30", "2026-06-01T23:59:59+14:00"],
)
def test_a_time_with_seconds_and_offset_is_taken(found: Found, value: str) -> None:
    assert found({"episode": {"first-reply": value}}, complete=False) == []


@pytest.mark.parametrize(
    ("value", "code"),
    [
        ("2026-06-01T14:10:00", "bad-date-time"),
        ("2026-06-01T14:10+01:00", "bad-date-time"),
        ("2026-06-01 14:10:00+01:00", "bad-date-time"),
        ("2026-06-01t14:10:00z", "bad-date-time"),
        ("2026-06-01", "bad-date-time"),
        ("2026-02-30T14:10:00Z", "bad-date-time"),
        ("2026-06-01T24:00:00Z", "bad-date-time"),
        ("2026-06-01T14:60:00Z", "bad-date-time"),
        ("2026-06-01T14:10:60Z", "bad-date-time"),
        ("2026-06-01T14:10:00+14:30", "bad-date-time"),
        ("2026-06-01T14:10:00+0100", "bad-date-time"),
        ("٢٠٢٦-06-01T14:10:00Z", "bad-date-time"),
        ("0001-01-01T00:00:00+14:00", "out-of-range"),
        (1780319400, "wrong-type"),
    ],
)
def test_a_time_without_offset_or_without_meaning_is_refused(found: Found, value: Any, code: str) -> None:
    assert found({"episode": {"first-reply": value}}, complete=False) == [("/episode/first-reply", code)]


@pytest.mark.parametrize(
    ("value", "code"),
    [
        (True, "wrong-type"),
        ("1", "wrong-type"),
        (1.0, "wrong-type"),
        (1.5, "wrong-type"),
        (float("nan"), "wrong-type"),
        (None, "wrong-type"),
        (0, "out-of-range"),
        (100, "out-of-range"),
        (-1, "out-of-range"),
        (HUGE, "out-of-range"),
    ],
)
def test_a_whole_number_is_neither_a_boolean_nor_a_float(found: Found, value: Any, code: str) -> None:
    answers = {"examination": {"injuries": [{"injury-number": value}]}}
    assert found(answers, complete=False) == [("/examination/injuries/0/injury-number", code)]


@pytest.mark.parametrize(
    ("value", "code"),
    [
        (True, "wrong-type"),
        ("23.4", "wrong-type"),
        ({"value": 23.4}, "wrong-type"),
        (float("nan"), "wrong-type"),
        (float("inf"), "wrong-type"),
        (float("-inf"), "wrong-type"),
        (0.2, "out-of-range"),
        (250.1, "out-of-range"),
        (HUGE, "out-of-range"),
        (-HUGE, "out-of-range"),
    ],
)
def test_a_weight_is_a_finite_number_of_kilograms(found: Found, value: Any, code: str) -> None:
    answers = {"examination": {"examination-done": "yes", "weight": value}}
    assert found(answers, complete=False) == [("/examination/weight", code)]


def test_a_range_is_told_with_its_unit(form: Form) -> None:
    answers = {"examination": {"examination-done": "yes", "weight": 0.1}}
    [problem] = problems_in(form, answers, complete=False)
    assert problem.sentence == "“Weight” must be from 0.3 to 250 kg."


@pytest.mark.parametrize("value", [0, 1, "true", "yes", None, []])
def test_a_boolean_is_true_or_false(found: Found, value: Any) -> None:
    answers = {"child": {"address-confidential": value}}
    assert found(answers, complete=False) == [("/child/address-confidential", "wrong-type")]


@pytest.mark.parametrize(
    ("character", "named"),
    [
        ("\x00", "U+0000 (control character)"),
        ("\x07", "U+0007 (control character)"),
        ("\r", "U+000D (control character)"),
        ("\x1b", "U+001B (control character)"),
        ("\x7f", "U+007F (control character)"),
        ("\x85", "U+0085 (control character)"),
        ("\u00ad", "U+00AD SOFT HYPHEN (invisible character)"),
        ("\u200b", "U+200B ZERO WIDTH SPACE (invisible character)"),
        ("\u200e", "U+200E LEFT-TO-RIGHT MARK (control character of writing direction)"),
        ("\u202e", "U+202E RIGHT-TO-LEFT OVERRIDE (control character of writing direction)"),
        ("\u2066", "U+2066 LEFT-TO-RIGHT ISOLATE (control character of writing direction)"),
        ("\u2028", "U+2028 LINE SEPARATOR (line separator)"),
        ("\u2029", "U+2029 PARAGRAPH SEPARATOR (paragraph separator)"),
        ("\ufeff", "U+FEFF ZERO WIDTH NO-BREAK SPACE (invisible character)"),
        ("\ud800", "U+D800 (half of a character)"),
        ("\ue000", "U+E000 (private-use character)"),
        ("\uffff", "U+FFFF (unassigned character)"),
        ("\U000e0041", "U+E0041 TAG LATIN CAPITAL LETTER A (invisible character)"),
    ],
)
def test_a_character_that_nobody_sees_is_refused_by_name(form: Form, character: str, named: str) -> None:
    for answers in ({"child": {"surname": f"Mar{character}wood"}}, {"child": {"disability": f"Mar{character}wood"}}):
        [problem] = problems_in(form, answers, complete=False)
        assert problem.code == "refused-character"
        assert named in problem.sentence


@pytest.mark.parametrize(
    "name",
    ["Zoë", "O’Neill-Čapek", "Nguyễn", "محمد", "می\u200cخواهم", "José Ángel", "李小龍", "😀", "<b>Marwood</b>", "=1+1"],
)
def test_names_of_every_script_are_taken_as_they_are(found: Found, name: str) -> None:
    assert found({"child": {"surname": name}}, complete=False) == []


def test_letters_and_accents_apart_are_sent_back(form: Form) -> None:
    [problem] = problems_in(form, {"child": {"surname": "Zoe\u0308"}}, complete=False)
    assert problem.code == "not-nfc"
    assert "NFC" in problem.sentence


def test_only_long_texts_have_lines(found: Found) -> None:
    assert found({"child": {"disability": "deaf\n\tsigns"}}, complete=False) == []
    assert found({"child": {"surname": "Mar\nwood"}}, complete=False) == [("/child/surname", "refused-character")]
    assert found({"child": {"surname": "Mar\twood"}}, complete=False) == [("/child/surname", "refused-character")]


def test_a_text_has_at_most_500_lines(found: Found) -> None:
    assert found({"history": {"background": "\n".join("x" * 500)}}, complete=False) == []
    assert found({"history": {"background": "\n".join("x" * 501)}}, complete=False) == [
        ("/history/background", "too-many-lines")
    ]


@pytest.mark.parametrize(
    ("section", "member", "limit"),
    [
        ("child", "surname", 300),
        ("child", "address", 500),
        ("opinion", "opinion-reason", 1200),
        ("history", "background", 5000),
    ],
)
def test_a_text_has_the_length_of_its_question(found: Found, section: str, member: str, limit: int) -> None:
    assert found({section: {member: "é" * limit}}, complete=False) == []
    assert found({section: {member: "é" * (limit + 1)}}, complete=False) == [(f"/{section}/{member}", "too-long")]


@pytest.mark.parametrize("blank", ["", " ", "\n", "\u00a0"])
def test_a_blank_text_is_no_answer(found: Found, blank: str) -> None:
    assert found({"child": {"disability": blank}}, complete=False) == [("/child/disability", "empty")]


@pytest.mark.parametrize("value", ["990001", "99000012", "990000a", "٩٩٠٠٠٠١"])
def test_a_gmc_number_has_seven_digits(found: Found, value: str) -> None:
    [(pointer, code)] = found({"examination": {"examined-by": {"examiner-gmc": value}}}, complete=False)
    assert pointer == "/examination/examined-by/examiner-gmc"
    assert code == ("too-long" if len(value) > 7 else "bad-format")


def test_no_sentence_repeats_what_was_written(form: Form) -> None:
    secret = "Marwood\u202e"
    answers = {"child": {"surname": secret, "sex": secret, "birth-date": secret, "nhs-number": secret}}
    for problem in problems_in(form, answers, complete=False):
        assert "Marwood" not in problem.sentence
