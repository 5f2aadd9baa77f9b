"""FHIR QuestionnaireResponse: what it looks like, and what is refused on the way back."""

from collections.abc import Callable
from copy import deepcopy
from typing import Any

import pytest
from fhir.resources.R4B.questionnaireresponse import QuestionnaireResponse

from app.errors import DomainError
from app.questionnaires import Form, canonical, from_questionnaire_response, to_questionnaire_response

Response = dict[str, Any]


def test_complete_answers_come_back_unchanged(form: Form, answers: dict[str, Any]) -> None:
    response = to_questionnaire_response(form, answers)
    QuestionnaireResponse.model_validate(deepcopy(response))
    assert response["questionnaire"].endswith("/cp-medical-outcome|1.0.0")
    assert from_questionnaire_response(form, response) == answers


def test_answers_carry_words_units_and_systems(form: Form) -> None:
    answers = {"child": {"nhs-number-status": "08"}, "examination": {"head-circumference": 35.5}}
    [child, examination] = to_questionnaire_response(form, answers)["item"]
    assert child["item"][0]["answer"][0]["valueCoding"] == {
        "system": "https://fhir.hl7.org.uk/CodeSystem/UKCore-NHSNumberVerificationStatus",
        "code": "08",
        "display": "Trace postponed (baby under six weeks)",
    }
    assert examination["item"][0]["answer"] == [
        {"valueQuantity": {"value": 35.5, "unit": "cm", "system": "http://unitsofmeasure.org", "code": "cm"}}
    ]


def test_equal_answers_have_one_canonical_form() -> None:
    assert canonical({"b": 1.0, "a": "é"}) == canonical({"a": "é", "b": 1}) == '{"a":"é","b":1}'.encode()


def _weight(response: Response) -> Response:
    [examination] = [item for item in response["item"] if item["linkId"] == "examination"]
    return next(item for item in examination["item"] if item["linkId"] == "weight")


def _disposal(response: Response) -> Response:
    [section] = [item for item in response["item"] if item["linkId"] == "recommendations"]
    return next(item for item in section["item"] if item["linkId"] == "disposal")


BREAKS: list[Callable[[Response], Any]] = [
    lambda response: response.update(resourceType="Questionnaire"),
    lambda response: response.update(questionnaire="https://sameday.example/other|1.0.0"),
    lambda response: response.update(item={}),
    lambda response: response.update(item=None),
    lambda response: response["item"].append("text"),
    lambda response: response["item"].append({"linkId": "nobody"}),
    lambda response: response["item"].append({"linkId": ["child"]}),
    lambda response: response["item"].append({}),
    lambda response: response["item"].append(response["item"][0]),
    lambda response: response["item"][0].update(answer=[]),
    lambda response: _weight(response).update(answer=[]),
    lambda response: _weight(response).update(answer=[{"valueString": "23.4"}]),
    lambda response: _weight(response).update(answer=[{"valueQuantity": 23.4}]),
    lambda response: _weight(response)["answer"][0]["valueQuantity"].update(code="g"),
    lambda response: _weight(response)["answer"][0]["valueQuantity"].update(comparator="<"),
    lambda response: _weight(response).update(answer=_weight(response)["answer"] * 2),
    lambda response: _weight(response).update(item=[]),
    lambda response: _disposal(response)["answer"][0]["valueCoding"].update(code="flown"),
    lambda response: _disposal(response)["answer"][0]["valueCoding"].update(system="http://snomed.info/sct"),
    lambda response: _disposal(response)["answer"][0].update(item=[]),
]


@pytest.mark.parametrize("spoil", BREAKS)
def test_a_response_that_would_lose_something_is_refused(
    form: Form, answers: dict[str, Any], spoil: Callable[[Response], Any]
) -> None:
    response = deepcopy(to_questionnaire_response(form, answers))
    spoil(response)
    with pytest.raises(DomainError, match="questionnaire-response-unreadable"):
        from_questionnaire_response(form, response)


@pytest.mark.parametrize("response", [None, [], "text", {}])
def test_what_is_no_response_is_refused(form: Form, response: Any) -> None:
    with pytest.raises(DomainError, match="questionnaire-response-unreadable"):
        from_questionnaire_response(form, response)
