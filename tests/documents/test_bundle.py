"""The FHIR document inside the PDF."""

import warnings
from datetime import UTC, datetime
from typing import Any

import pytest

with warnings.catch_warnings():
    warnings.simplefilter("ignore")  # fhir.resources itself uses what pydantic has deprecated
    from fhir.resources.R4B.bundle import Bundle

from app.documents.bundle import outcome_bundle
from app.documents.content import ReplacedFacts
from app.questionnaires import Form, from_questionnaire_response
from bench.samples import signature


def resource(bundle: dict[str, Any], kind: str) -> dict[str, Any]:
    return next(entry["resource"] for entry in bundle["entry"] if entry["resource"]["resourceType"] == kind)


@pytest.mark.parametrize("replaces", [None, ReplacedFacts(1, datetime(2026, 11, 20, 9, tzinfo=UTC), "why")])
def test_the_document_is_a_valid_fhir_bundle(
    form: Form, answers: dict[str, Any], replaces: ReplacedFacts | None
) -> None:
    bundle = outcome_bundle(form, answers, signature(replaces))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        assert Bundle.model_validate(bundle).type == "document"
    assert bundle["entry"][0]["resource"]["resourceType"] == "Composition"
    assert resource(bundle, "Composition")["status"] == ("amended" if replaces else "final")


def test_every_reference_in_it_leads_to_an_entry(form: Form, answers: dict[str, Any]) -> None:
    bundle = outcome_bundle(form, answers, signature())
    addresses = {entry["fullUrl"] for entry in bundle["entry"]}

    def references(value: Any) -> set[str]:
        if isinstance(value, dict):
            own = {value["reference"]} if isinstance(value.get("reference"), str) else set()
            return own.union(*(references(one) for one in value.values()))
        return set().union(*(references(one) for one in value)) if isinstance(value, list) else set()

    assert references(bundle) <= addresses


def test_the_answers_come_back_from_it_as_they_were(form: Form, answers: dict[str, Any]) -> None:
    bundle = outcome_bundle(form, answers, signature())
    assert from_questionnaire_response(form, resource(bundle, "QuestionnaireResponse")) == answers


def test_a_confidential_address_is_withheld_from_it_too(form: Form, answers: dict[str, Any]) -> None:
    answers["child"]["address-confidential"] = True
    bundle = outcome_bundle(form, answers, signature())
    told = str(bundle)
    assert not [
        secret for secret in ("Quay Cottages", "Hillside", "Ann Porter", "Old Mill", "old-mill") if secret in told
    ]
    sharing = from_questionnaire_response(form, resource(bundle, "QuestionnaireResponse"))["sharing"]
    assert sharing["recipients"] == [*answers["sharing"]["recipients"][:2], {"recipient-role": "gp"}]


def test_an_amendment_points_to_what_it_replaces(form: Form, answers: dict[str, Any]) -> None:
    before = ReplacedFacts(1, datetime(2026, 11, 20, 9, tzinfo=UTC), "why")
    composition = resource(outcome_bundle(form, answers, signature(before)), "Composition")
    assert composition["relatesTo"] == [{"code": "replaces", "targetIdentifier": {"value": "7Q4K-2P/1"}}]
