"""Answers as FHIR R4 QuestionnaireResponse and back, without loss; and as canonical bytes for hashing.

Both directions expect answers without problems: those have no empty lists or texts, which FHIR cannot carry.
"""

from collections.abc import Mapping, Sequence
from typing import Any

import rfc8785

from app.errors import DomainError
from app.questionnaires.form import Form, Item

_UCUM = "http://unitsofmeasure.org"
_VALUE_KEYS = {
    "boolean": "valueBoolean",
    "choice": "valueCoding",
    "date": "valueDate",
    "dateTime": "valueDateTime",
    "decimal": "valueDecimal",
    "integer": "valueInteger",
    "quantity": "valueQuantity",
    "string": "valueString",
    "text": "valueString",
}


def canonical(value: Any) -> bytes:
    """The one byte form of answers, or of JSON that holds them (RFC 8785), for hashing: equal values, equal bytes."""
    return rfc8785.dumps(value)


def to_questionnaire_response(
    form: Form, answers: Mapping[str, Any], *, status: str = "completed", authored: str | None = None
) -> dict[str, Any]:
    """Answers as a QuestionnaireResponse. authored: RFC 3339; left out when None."""
    response: dict[str, Any] = {
        "resourceType": "QuestionnaireResponse",
        "questionnaire": f"{form.url}|{form.version}",
        "status": status,
    }
    if authored is not None:
        response["authored"] = authored
    items = _to_items(form.items, answers)
    return {**response, "item": items} if items else response


def from_questionnaire_response(form: Form, response: Any) -> dict[str, Any]:
    """The answers in a QuestionnaireResponse to exactly this form version; run `problems_in` on them next.

    Raises DomainError `questionnaire-response-unreadable`.
    """
    if not isinstance(response, dict) or response.get("resourceType") != "QuestionnaireResponse":
        raise _unreadable("It is not a QuestionnaireResponse.")
    if response.get("questionnaire") != f"{form.url}|{form.version}":
        raise _unreadable("It answers another questionnaire, or another version.")
    return _from_items(form.items, response.get("item", []))


def _to_items(items: Sequence[Item], answers: Mapping[str, Any]) -> list[dict[str, Any]]:
    written: list[dict[str, Any]] = []
    for item in items:
        if item.link_id not in answers:
            continue
        value = answers[item.link_id]
        values = value if item.repeats else [value]
        head = {"linkId": item.link_id, "text": item.text}
        if item.type != "group":
            written.append({**head, "answer": [_to_answer(item, one) for one in values]})
            continue
        for row in values:
            below = _to_items(item.items, row)
            written.append({**head, "item": below} if below else head)
    return written


def _to_answer(item: Item, value: Any) -> dict[str, Any]:
    if item.type == "choice":
        option = next(option for option in item.options if option.code == value)
        system = {"system": option.system} if option.system else {}
        value = {**system, "code": option.code, "display": option.display}
    elif item.type == "quantity":
        value = {"value": value, "unit": item.unit, "system": _UCUM, "code": item.unit}
    return {_VALUE_KEYS[item.type]: value}


def _from_items(items: Sequence[Item], written: Any) -> dict[str, Any]:
    known = {item.link_id: item for item in items}
    answers: dict[str, Any] = {}
    for entry in _objects(written):
        item = known.get(str(entry.get("linkId")))
        if item is None:
            raise _unreadable("It holds a linkId that does not stand at that place of the form.")
        if item.type == "group":
            _no_more_than(entry, {"linkId", "text", "item"})
            values = [_from_items(item.items, entry.get("item", []))]
        else:
            _no_more_than(entry, {"linkId", "text", "answer"})
            values = [_from_answer(item, answer) for answer in _objects(entry.get("answer"))]
        if item.repeats:
            answers.setdefault(item.link_id, []).extend(values)
        elif item.link_id in answers or len(values) != 1:
            raise _unreadable("A question that does not repeat needs one answer.")
        else:
            answers[item.link_id] = values[0]
    return answers


def _from_answer(item: Item, answer: dict[str, Any]) -> Any:
    key = _VALUE_KEYS.get(item.type, "")
    if set(answer) != {key}:
        raise _unreadable("An answer has another type than its question.")
    value = answer[key]
    if item.type not in ("choice", "quantity"):
        return value
    if not isinstance(value, dict):
        raise _unreadable("A coding or a quantity is not an object.")
    if item.type == "choice":
        return _code(item, value)
    if value.get("code") != item.unit or value.get("system") != _UCUM:
        raise _unreadable("A quantity is not in the unit of its question.")
    _no_more_than(value, {"value", "unit", "system", "code"})
    return value.get("value")


def _code(item: Item, coding: dict[str, Any]) -> str:
    _no_more_than(coding, {"system", "code", "display"})
    for option in item.options:
        if option.code == coding.get("code") and option.system == coding.get("system", ""):
            return option.code
    raise _unreadable("A coding is none of the answers that its question offers.")


def _objects(entries: Any) -> list[dict[str, Any]]:
    if not isinstance(entries, list) or not all(isinstance(entry, dict) for entry in entries):
        raise _unreadable("Where items or answers are expected, something else stands.")
    return entries


def _no_more_than(entry: dict[str, Any], keys: set[str]) -> None:
    if not set(entry) <= keys:
        raise _unreadable("It holds members that answers to this form cannot hold.")


def _unreadable(why: str) -> DomainError:
    return DomainError("questionnaire-response-unreadable", f"This QuestionnaireResponse cannot be read. {why}")
