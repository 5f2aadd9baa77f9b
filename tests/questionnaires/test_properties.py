"""Properties over many answers: nothing is lost in FHIR, the schema agrees, and nothing ever raises."""

import json
import unicodedata
from datetime import date
from functools import partial
from typing import Any

from fhir.resources.R4B.questionnaireresponse import QuestionnaireResponse
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from jsonschema import Draft202012Validator

from app.questionnaires import (
    Item,
    canonical,
    from_questionnaire_response,
    json_schema,
    load_forms,
    problems_in,
    to_questionnaire_response,
    warnings_in,
)

FORM = load_forms().latest("cp-medical-outcome")
SCHEMA = Draft202012Validator(json_schema(FORM))
ASKED = sorted(
    path[-1].link_id
    for path in FORM.places.values()
    if path[-1].type not in ("group", "display") and not path[-1].read_only
)
modest = partial(settings, deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.filter_too_much])

LETTERS = st.text(
    st.characters(min_codepoint=0x21, max_codepoint=0x17F, exclude_categories=("Cc", "Cf", "Zs")), min_size=1
)
ANY_TEXT = st.text(min_size=0, max_size=20)
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | ANY_TEXT,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.sampled_from(ASKED) | ANY_TEXT, inner, max_size=4),
    max_leaves=12,
)
SURROGATES = st.text(st.characters(), max_size=5) | st.sampled_from(["\ud800", "a\udfffb"])


def _answer(item: Item) -> st.SearchStrategy[Any]:
    match item.type:
        case "boolean":
            return st.booleans()
        case "choice":
            return st.sampled_from([option.code for option in item.options])
        case "integer":
            return st.integers(int(item.min or 0), int(item.max or 0))
        case "decimal" | "quantity":
            return st.integers(int(item.min or 0) + 1, int(item.max or 1)) | st.floats(item.min, item.max)
        case "date":
            return st.dates(date(1900, 1, 1), date(2199, 12, 31)).map(str)
        case "dateTime":
            return st.sampled_from(["2026-06-01T14:10:00+01:00", "2026-06-01T13:10:00.5Z", "1999-12-31T23:59:59-05:00"])
    if item.link_id == "nhs-number":
        return st.sampled_from(["9990001006", "9990002371"])
    if item.pattern:
        return st.from_regex(item.pattern.replace("{3,10}", "{3,9}"), fullmatch=True)
    return LETTERS.map(lambda text: unicodedata.normalize("NFC", text)[: item.max_length])


def _answers(items: tuple[Item, ...], wanted: frozenset[str]) -> st.SearchStrategy[dict[str, Any]]:
    members: dict[str, st.SearchStrategy[Any]] = {}
    for item in items:
        if item.type == "group":
            below = _answers(item.items, wanted)
            if any(item in path for path in (FORM.places[link_id] for link_id in wanted)):
                members[item.link_id] = st.lists(below, min_size=1, max_size=3) if item.repeats else below
        elif item.link_id in wanted and item.repeats:
            alone = {option.code for option in item.options if option.exclusive}
            one = _answer(item).filter(lambda code, alone=alone: code not in alone)
            members[item.link_id] = st.lists(one, min_size=1, max_size=3, unique=True)
        elif item.link_id in wanted:
            members[item.link_id] = _answer(item)
    return st.fixed_dictionaries(members)


def _without_hidden(answers: dict[str, Any]) -> dict[str, Any]:
    """Takes hidden answers out until none is left, and says that nothing else was wrong."""
    while problems := problems_in(FORM, answers, complete=False):
        assert {problem.code for problem in problems} == {"hidden-question"}, problems
        *way, last = problems[0].pointer.removeprefix("/").split("/")
        place: Any = answers
        for step in way:
            place = place[int(step)] if isinstance(place, list) else place[step]
        del place[last]
    return answers


DRAFTS = (
    st.frozensets(st.sampled_from(ASKED), min_size=3, max_size=20)
    .flatmap(lambda wanted: _answers(FORM.items, wanted))
    .map(_without_hidden)
)


@modest(max_examples=150)
@given(DRAFTS)
def test_a_questionnaire_response_loses_nothing(answers: dict[str, Any]) -> None:
    response = to_questionnaire_response(FORM, answers, status="in-progress", authored="2026-06-01T15:00:00+01:00")
    through_json = json.loads(json.dumps(response))
    QuestionnaireResponse.model_validate(through_json)
    back = from_questionnaire_response(FORM, through_json)
    assert back == answers
    assert canonical(back) == canonical(answers)


@modest(max_examples=150)
@given(DRAFTS)
def test_the_schema_takes_what_has_no_problem(answers: dict[str, Any]) -> None:
    assert [error.message for error in SCHEMA.iter_errors(answers)] == []


@modest(max_examples=100)
@given(DRAFTS, st.data())
def test_one_wrong_value_anywhere_is_told_at_its_place(answers: dict[str, Any], data: st.DataObject) -> None:
    link_id = data.draw(st.sampled_from(ASKED))
    path = FORM.places[link_id]
    place: Any = answers
    pointer = ""
    for group in path[:-1]:
        pointer += f"/{group.link_id}"
        place = place.setdefault(group.link_id, [{}] if group.repeats else {})
        if group.repeats:
            place, pointer = place[0], f"{pointer}/0"
    place[link_id] = None
    problems = problems_in(FORM, answers, complete=False)
    around = [pointer[: pointer.index(f"/{group.link_id}") + len(group.link_id) + 1] for group in path[:-1]]
    assert {problem.pointer for problem in problems} & {f"{pointer}/{link_id}", *around}


@modest(max_examples=300)
@given(JSON | st.dictionaries(st.sampled_from([item.link_id for item in FORM.items]) | SURROGATES, JSON, max_size=5))
def test_problems_in_never_raises_and_can_always_be_sent(answers: Any) -> None:
    for complete in (False, True):
        problems = problems_in(FORM, answers, complete=complete)
        assert complete is False or problems
        json.dumps(
            [[problem.pointer, problem.code, problem.sentence] for problem in problems], ensure_ascii=False
        ).encode()
    warnings_in(FORM, answers)


@modest(max_examples=300)
@given(DRAFTS, st.data())
def test_problems_in_never_raises_when_one_value_is_anything(answers: dict[str, Any], data: st.DataObject) -> None:
    link_id = data.draw(st.sampled_from(sorted(FORM.places)))
    place: Any = answers
    for group in FORM.places[link_id][:-1]:
        place = place.setdefault(group.link_id, [{}] if group.repeats else {})
        if group.repeats:
            place = place[0]
    place[link_id] = data.draw(JSON)
    problems = problems_in(FORM, answers, complete=True)
    assert all(problem.sentence for problem in problems)
