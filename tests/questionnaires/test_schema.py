"""The JSON Schema of the form, read by an independent validator."""

from typing import Any

import pytest
from jsonschema import Draft202012Validator

from app.questionnaires import Form, json_schema, problems_in

WRONG: list[Any] = [
    [],
    {"person": {}},
    {"child": []},
    {"child": {"shoe-size": 30}},
    {"child": {"surname": 1}},
    {"child": {"surname": ""}},
    {"child": {"surname": "x" * 301}},
    {"child": {"birth-date": "0"}},
    {"child": {"birth-date": None}},
    {"child": {"nhs-number": "999000237"}},
    {"child": {"sex": "boy"}},
    {"child": {"address-confidential": "yes"}},
    {"child": {"parental-responsibility": {}}},
    {"child": {"parental-responsibility": []}},
    {"episode": {"first-reply": "2026-06-01T14:10:00"}},
    {"episode": {"reference": "7Q4K-2P"}},
    {"episode": {"legal-status": "section-47"}},
    {"episode": {"legal-status": ["section-47", "section-47"]}},
    {"episode": {"linked-outcomes": [{"linked-reference": "7q4k-2p"}]}},
    {"examination": {"injuries": [{"injury-number": True}]}},
    {"examination": {"injuries": [{"injury-number": 1.5}]}},
    {"examination": {"injuries": [{"injury-x": 1.01}]}},
    {"examination": {"injuries": [{}] * 101}},
    {"examination": {"head-circumference": "35"}},
    {"examination": {"head-circumference": 71}},
    {"opinion": {"no-injury-footer": "x"}},
]


def test_the_schema_is_a_json_schema_of_2020_12(form: Form) -> None:
    for complete in (False, True):
        Draft202012Validator.check_schema(json_schema(form, complete=complete))


@pytest.mark.parametrize("answers", WRONG)
def test_the_schema_refuses_what_has_problems(form: Form, answers: Any) -> None:
    assert not Draft202012Validator(json_schema(form)).is_valid(answers)
    assert problems_in(form, answers, complete=False)


def test_the_schema_takes_complete_answers_and_empty_drafts(form: Form, answers: dict[str, Any]) -> None:
    assert Draft202012Validator(json_schema(form, complete=True)).is_valid(answers)
    assert Draft202012Validator(json_schema(form)).is_valid({})
    assert not Draft202012Validator(json_schema(form, complete=True)).is_valid({})


def test_the_complete_schema_demands_nothing_that_may_be_missing(form: Form, answers: dict[str, Any]) -> None:
    validator = Draft202012Validator(json_schema(form, complete=True))
    for section, members in answers.items():
        for member in members:
            rest = {name: value for name, value in members.items() if name != member}
            changed = {**answers, section: rest}
            if not validator.is_valid(changed):
                codes = {problem.code for problem in problems_in(form, changed, complete=True)}
                assert "missing" in codes, member


def test_the_schema_tells_when_a_question_is_shown(form: Form) -> None:
    questions = json_schema(form)["properties"]["consent"]["properties"]
    assert questions["chaperone-name"]["x-shown-when"] == "“Chaperone” is “Yes”"
