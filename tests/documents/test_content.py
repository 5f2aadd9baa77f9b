"""What a document says, before there is any paper."""

from collections.abc import Iterator
from copy import deepcopy
from dataclasses import asdict
from datetime import UTC, date, datetime
from typing import Any

import pytest

from app.documents.content import ReplacedFacts, document_content
from app.documents.labels import NOT_PRINTED
from app.documents.render import Press
from app.documents.wording import age_words, birth_words, name_words, nhs_number_words, number_words, time_words
from app.questionnaires import Form, Item
from bench.samples import signature

SERVER_FILLED = {"reference", "site", "signer", "signed-at", "version", "preliminary", "formal-report-due"}
# Printed from the recipients that were fixed at signature, with their names, and not from these codes.
AS_SIGNED = {"recipient-role", "recipient-team", "recipient-person", "recipient-reason"}
FIRST = {"string": "first words", "text": "first words", "boolean": True, "date": "2026-01-02", "integer": 3}
SECOND = {"string": "other words", "text": "other words", "boolean": False, "date": "2026-03-04", "integer": 4}
MORE_FIRST = {"dateTime": "2026-11-23T10:00:00+00:00", "decimal": 0.25, "quantity": 12.5}
MORE_SECOND = {"dateTime": "2026-11-22T11:00:00+00:00", "decimal": 0.75, "quantity": 13.5}


def value(item: Item, variant: int) -> Any:
    """One of two different answers to a question."""
    if item.type == "choice":
        code = item.options[variant % len(item.options)].code
        return [code] if item.repeats else code
    if item.type == "group":
        row = {one.link_id: value(one, 0) for one in askable(item)}
        return [row] if item.repeats else row
    found = ({**FIRST, **MORE_FIRST}, {**SECOND, **MORE_SECOND})[variant][item.type]
    return [found] if item.repeats else found


def askable(group: Item) -> Iterator[Item]:
    for item in group.items:
        if item.type != "display" and not item.read_only and not item.link_id.endswith("-absent"):
            yield item


def everything(form: Form) -> dict[str, Any]:
    """An answer to every question at once, which no one form would have."""
    answers = {section.link_id: {item.link_id: value(item, 0) for item in askable(section)} for section in form.items}
    answers["child"]["address-confidential"] = False
    answers["child"]["nhs-number"] = "9990002371"
    answers["examination"]["no-injury-seen"] = False
    answers["opinion"]["overall-likelihood"] = "L5"
    return answers


def changed(form: Form, answers: dict[str, Any], item: Item, variant: int) -> dict[str, Any]:
    """The same answers, with another one to this question."""
    answers = deepcopy(answers)
    place = answers[form.ancestors(item.link_id)[0].link_id]
    for group in form.ancestors(item.link_id)[1:]:
        place = place[group.link_id][0] if group.repeats else place[group.link_id]
    place[item.link_id] = value(item, variant)
    place.pop(f"{item.link_id}-other", None)
    if item.link_id.endswith(("-absent", "-absent-reason")):
        place.pop(item.link_id.split("-absent")[0], None)
    return answers


def test_every_answer_reaches_the_paper_or_the_list_of_what_is_not_printed(form: Form, press: Press) -> None:
    answers, silent = everything(form), []
    leaves = [place[-1] for place in form.places.values() if place[-1].type not in {"group", "display"}]
    for item in leaves:
        if item.link_id in SERVER_FILLED | AS_SIGNED | set(NOT_PRINTED):
            continue
        first, second = (
            press.html(document_content(form, changed(form, answers, item, variant), signature())) for variant in (0, 1)
        )
        if first == second and not (len(item.options) == 1 and item.options[0].display in first):
            silent.append(item.link_id)
    assert silent == []
    assert len(leaves) > 150


def test_what_is_not_printed_has_a_reason_each() -> None:
    assert all(len(reason) > 20 for reason in NOT_PRINTED.values())


def test_a_confidential_address_takes_everything_with_it_that_gives_the_area_away(
    form: Form, answers: dict[str, Any]
) -> None:
    answers["child"]["address-confidential"] = True
    told = str(asdict(document_content(form, answers, signature())))
    for secret in ("Quay Cottages", "Hillside", "Old Mill Surgery, with", "Ann Porter"):
        assert secret not in told
    assert "withheld from this document" in told


def test_a_linked_outcome_prints_its_reference_and_relation_only(form: Form, answers: dict[str, Any]) -> None:
    answers["episode"]["linked-outcomes"] = [{"linked-reference": "8R5L-3Q", "linked-relation": "sibling"}]
    sections = document_content(form, answers, signature()).sections
    facts = [fact for section in sections for fact in section.facts if fact.label == "Linked outcomes"]
    assert [fact.values for fact in facts] == [("8R5L-3Q (Sibling)",)]


def test_an_amendment_names_what_it_replaces_and_why(form: Form, answers: dict[str, Any]) -> None:
    before = ReplacedFacts(1, datetime(2026, 6, 1, 13, 5, tzinfo=UTC), "the survey shows rib fractures")
    amendment = document_content(form, answers, signature(before)).amendment
    assert amendment is not None
    assert amendment.headline == "Version 2 replaces version 1 of 1 Jun 2026, 14:05 BST."
    assert amendment.reason == "the survey shows rib fractures"


@pytest.mark.parametrize(("code", "seen"), [("L0", False), ("L1", True)])
def test_absence_of_signs_is_said_not_to_exclude_abuse(
    form: Form, answers: dict[str, Any], code: str, seen: bool
) -> None:
    answers["opinion"]["overall-likelihood"] = code
    if seen:
        answers["examination"]["no-injury-seen"] = True
    assert document_content(form, answers, signature()).no_injury


def test_an_injury_without_a_position_is_listed_and_not_drawn(form: Form, answers: dict[str, Any]) -> None:
    views = {view.name: view for view in document_content(form, answers, signature()).views}
    assert set(views) == {"front", "back", "left", "head"}
    assert views["front"].not_drawn == (3,)
    assert [(mark.number, mark.x, mark.y) for mark in views["left"].marks] == [(1, 0.44, 0.31)]


def test_a_missing_nhs_number_says_why(form: Form, answers: dict[str, Any]) -> None:
    del answers["child"]["nhs-number"]
    answers["child"]["nhs-number-absent"] = "trace-postponed"
    assert document_content(form, answers, signature()).child.nhs_number.startswith("none: trace postponed")


def test_names_dates_and_numbers_have_the_form_that_gp_practices_expect() -> None:
    assert name_words("Adeyemi-Clark", "Rosa May") == "ADEYEMI-CLARK, Rosa May"
    assert birth_words(date(2019, 3, 2)) == "02-Mar-2019"
    assert nhs_number_words("9990002371") == "999 000 2371"
    assert number_words(6.0) == "6"


@pytest.mark.parametrize(
    ("born", "words"),
    [((2026, 11, 11), "12 days"), ((2026, 10, 1), "7 weeks"), ((2026, 7, 24), "3 months"), ((2024, 11, 23), "2 years")],
)
def test_an_age_is_told_in_the_unit_of_that_age(born: tuple[int, int, int], words: str) -> None:
    assert age_words(date(*born), date(2026, 11, 23)) == words


def test_a_time_names_its_zone_and_a_time_without_one_is_refused() -> None:
    assert time_words(datetime(2026, 11, 23, 14, 5, tzinfo=UTC)) == "23 Nov 2026, 14:05 GMT"
    assert time_words(datetime(2026, 7, 1, 23, 30, tzinfo=UTC)) == "2 Jul 2026, 00:30 BST"
    with pytest.raises(ValueError, match="zone"):
        time_words(datetime(2026, 7, 1, 23, 30))  # noqa: DTZ001


@pytest.mark.parametrize(
    ("said", "printed"), [("It hurt.", "“It hurt.”"), ('"It hurt." Then: "Dad."', '"It hurt." Then: "Dad."')]
)
def test_other_peoples_words_stand_between_quotation_marks_once(
    form: Form, answers: dict[str, Any], said: str, printed: str
) -> None:
    answers["history"]["child-words"] = said
    sections = document_content(form, answers, signature()).sections
    facts = {fact.label: fact.values for section in sections for fact in section.facts}
    assert facts["In the child's own words"][0].startswith(printed + ";")
