"""What a document says, before there is any paper."""

from collections.abc import Iterator
from copy import deepcopy
from dataclasses import asdict, replace
from datetime import UTC, date, datetime
from typing import Any

import pytest

from app.documents.content import RecipientFacts, ReplacedFacts, SignatureFacts, document_content
from app.documents.labels import NOT_PRINTED
from app.documents.render import Press
from app.documents.wording import age_words, birth_words, name_words, nhs_number_words, number_words, time_words
from app.questionnaires import Form, Item, display
from bench.samples import signature

SERVER_FILLED = {"reference", "site", "signer", "signed-at", "version", "preliminary", "formal-report-due"}
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


def signed_for(form: Form, answers: dict[str, Any]) -> SignatureFacts:
    """A signature whose recipients are those of the answers, as signing fixes them."""
    row = answers["sharing"]["recipients"][0]
    role = display(form.item("recipient-role"), row["recipient-role"])
    return replace(signature(), recipients=(RecipientFacts(role, "Duty team", "Council", row["recipient-reason"]),))


def test_every_answer_reaches_the_paper_or_the_list_of_what_is_not_printed(form: Form, press: Press) -> None:
    answers, silent = everything(form), []
    leaves = [place[-1] for place in form.places.values() if place[-1].type not in {"group", "display"}]
    for item in leaves:
        if item.link_id in SERVER_FILLED | set(NOT_PRINTED):
            continue
        both = (changed(form, answers, item, variant) for variant in (0, 1))
        first, second = (press.html(document_content(form, one, signed_for(form, one))) for one in both)
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
    for secret in ("Quay Cottages", "Hillside", "Old Mill", "Ann Porter"):
        assert secret not in told
    assert "left out of the fields of this document" in told


def test_a_confidential_address_leaves_only_the_role_of_those_who_work_where_the_child_lives(
    form: Form, answers: dict[str, Any]
) -> None:
    answers["child"]["address-confidential"] = True
    local = [RecipientFacts(role, "Lime Row", "Lime Row Trust", "x") for role in ("Health visitor", "School nurse")]
    facts = replace(signature(), recipients=(*signature().recipients, *local, *local))
    recipients = document_content(form, answers, facts).recipients
    assert [one.label for one in recipients] == [
        *("Priya Dunmore", "Duty team", "Child abuse investigation team"),
        *("GP", "Health visitor", "School nurse"),
    ]
    assert "Lime Row" not in str(recipients)


def test_an_address_that_is_not_confidential_leaves_the_recipients_their_names(
    form: Form, answers: dict[str, Any]
) -> None:
    assert "Old Mill Surgery" in [one.label for one in document_content(form, answers, signature()).recipients]


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
    told = document_content(form, answers, signature()).absence
    assert told == form.item("no-injury-footer").text == "Absence of signs does not exclude abuse."


def test_absence_of_signs_is_not_spoken_of_where_there_are_signs(form: Form, answers: dict[str, Any]) -> None:
    assert document_content(form, answers, signature()).absence == ""


@pytest.mark.parametrize(
    ("done", "likelihood", "amends", "occasion"),
    [
        ("yes", "L5", False, "Written at the time of the medical."),
        ("yes", "L5", True, "Amended 23 Nov 2026."),
        ("in-part", "LX", False, "Written without an opinion."),
        ("no", "LX", False, "No examination took place."),
        ("no", "LX", True, "No examination took place. Amended 23 Nov 2026."),
    ],
)
def test_the_banner_claims_only_what_took_place(
    form: Form, answers: dict[str, Any], done: str, likelihood: str, *, amends: bool, occasion: str
) -> None:
    answers["examination"]["examination-done"] = done
    answers["opinion"]["overall-likelihood"] = likelihood
    before = ReplacedFacts(1, datetime(2026, 11, 20, 9, tzinfo=UTC), "why") if amends else None
    assert document_content(form, answers, signature(before)).occasion == occasion


@pytest.mark.parametrize(
    ("done", "reason", "label"),
    [
        ("yes", "consent-refused", "Examined by"),
        ("no", "consent-refused", "Seen by"),
        ("no", "not-brought", "Would have been seen by"),
    ],
)
def test_who_examined_is_said_only_of_an_examination(
    form: Form, answers: dict[str, Any], done: str, reason: str, label: str
) -> None:
    answers["examination"] |= {"examination-done": done, "examination-not-done-reason": reason}
    labels = [fact.label for section in document_content(form, answers, signature()).sections for fact in section.facts]
    assert [one for one in labels if one in {"Examined by", "Seen by", "Would have been seen by"}] == [label]


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
    [
        ((2026, 11, 11), "12 days"),
        ((2026, 10, 27), "27 days"),
        ((2026, 10, 26), "4 weeks"),
        ((2026, 10, 1), "7 weeks"),
        ((2026, 7, 24), "3 months"),
        ((2024, 11, 23), "2 years"),
    ],
)
def test_an_age_is_told_in_the_unit_of_that_age(born: tuple[int, int, int], words: str) -> None:
    assert age_words(date(*born), date(2026, 11, 23)) == words


def test_a_time_names_its_zone_and_a_time_without_one_is_refused() -> None:
    assert time_words(datetime(2026, 11, 23, 14, 5, tzinfo=UTC)) == "23 Nov 2026, 14:05 GMT"
    assert time_words(datetime(2026, 7, 1, 23, 30, tzinfo=UTC)) == "2 Jul 2026, 00:30 BST"
    with pytest.raises(ValueError, match="zone"):
        time_words(datetime(2026, 7, 1, 23, 30))  # noqa: DTZ001


@pytest.mark.parametrize("said", ["Said that it hurt.", '"It hurt." Then: "Dad."'])
def test_other_peoples_words_are_printed_as_they_were_typed(form: Form, answers: dict[str, Any], said: str) -> None:
    answers["history"]["child-words"] = said
    sections = document_content(form, answers, signature()).sections
    facts = {fact.label: fact.values for section in sections for fact in section.facts}
    assert facts["In the child's own words"][0].startswith(said + ";")
