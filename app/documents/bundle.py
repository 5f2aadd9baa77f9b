"""The outcome as a FHIR R4 document, which travels inside the PDF as its machine-readable source. Pure.

Aligned with UK Core where it has a name for a thing; no conformance is claimed (domain facts, section 6.5).
"""

from collections.abc import Mapping
from typing import Any
from uuid import NAMESPACE_URL, uuid5

from app.documents.content import SignatureFacts, withhold_where_the_child_lives
from app.questionnaires import Form, to_questionnaire_response

NHS_NUMBER = "https://fhir.nhs.uk/Id/nhs-number"
GMC_NUMBER = "https://fhir.hl7.org.uk/Id/gmc-number"
GENDERS = {"female": "female", "male": "male", "indeterminate": "other", "not-known": "unknown"}


def outcome_bundle(form: Form, answers: Mapping[str, Any], signature: SignatureFacts) -> dict[str, Any]:
    """The document Bundle of a signed version: Composition, Patient, Practitioner, QuestionnaireResponse.

    The same facts as on paper: what is withheld there is withheld here.
    """
    answers = withhold_where_the_child_lives(answers)
    address = _addresses(signature)
    signed_at = signature.signed_at.isoformat(timespec="seconds")
    response = to_questionnaire_response(form, answers, authored=signed_at)
    response |= {"subject": {"reference": address["Patient"]}, "author": {"reference": address["Practitioner"]}}
    resources = (
        _composition(signature, address, signed_at),
        _patient(answers["child"]),
        _practitioner(signature),
        response,
    )
    return {
        "resourceType": "Bundle",
        "identifier": {"system": "urn:ietf:rfc:3986", "value": address["Bundle"]},
        "type": "document",
        "timestamp": signed_at,
        "entry": [{"fullUrl": address[one["resourceType"]], "resource": one} for one in resources],
    }


def _addresses(signature: SignatureFacts) -> dict[str, str]:
    """Fixed for each version, so that the same version always gives the same bytes."""
    kinds = ("Bundle", "Composition", "Patient", "Practitioner", "QuestionnaireResponse")
    seed = f"{signature.content_sha256}/{signature.reference}/{signature.version}"
    return {kind: f"urn:uuid:{uuid5(NAMESPACE_URL, f'{seed}/{kind}')}" for kind in kinds}


def _composition(signature: SignatureFacts, address: Mapping[str, str], signed_at: str) -> dict[str, Any]:
    composition: dict[str, Any] = {
        "resourceType": "Composition",
        "identifier": {"value": f"{signature.reference}/{signature.version}"},
        "status": "amended" if signature.replaces else "final",
        "type": {"text": "Outcome of a child protection medical"},
        "subject": {"reference": address["Patient"]},
        "date": signed_at,
        "author": [{"reference": address["Practitioner"]}],
        "title": f"Outcome {signature.reference}, version {signature.version}",
        "confidentiality": "R",
        "custodian": {"display": signature.organisation_name},
        "section": [{"title": "Outcome", "entry": [{"reference": address["QuestionnaireResponse"]}]}],
    }
    if signature.replaces:
        target = {"value": f"{signature.reference}/{signature.replaces.number}"}
        composition["relatesTo"] = [{"code": "replaces", "targetIdentifier": target}]
    return composition


def _patient(child: Mapping[str, Any]) -> dict[str, Any]:
    patient: dict[str, Any] = {
        "resourceType": "Patient",
        "name": [{"use": "official", "family": child["surname"], "given": child["forenames"].split()}],
        "birthDate": child["birth-date"],
        "gender": GENDERS.get(child.get("sex", ""), "unknown"),
    }
    if "nhs-number" in child:
        patient["identifier"] = [{"system": NHS_NUMBER, "value": child["nhs-number"]}]
    return patient


def _practitioner(signature: SignatureFacts) -> dict[str, Any]:
    practitioner: dict[str, Any] = {"resourceType": "Practitioner", "name": [{"text": signature.signer_name}]}
    body, _, number = (signature.signer_registration or "").partition(" ")
    if body == "GMC" and number:
        practitioner["identifier"] = [{"system": GMC_NUMBER, "value": number}]
    elif signature.signer_registration:
        practitioner["identifier"] = [{"value": signature.signer_registration}]
    return practitioner
