"""The JSON Schema (2020-12) of a form version: what clients may send, as far as a schema can say it.

The schema is the shape of a draft: types, members, codes, lengths, ranges. With complete=True it also demands
the answers that are always mandatory. Conditions (`x-shown-when`), contradictions, characters and the check
digit of the NHS number are said by `problems_in` alone. JSON Schema counts 1.0 as an integer; we do not.
"""

from collections.abc import Sequence
from typing import Any

from app.questionnaires.form import Form, Item
from app.questionnaires.values import MAX_FIELD, MAX_ROWS
from app.questionnaires.visibility import when_words

_DATE = r"^[0-9]{4}-[0-9]{2}-[0-9]{2}$"
_DATE_TIME = r"^[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}(\.[0-9]{1,6})?(Z|[+-][0-9]{2}:[0-9]{2})$"


def json_schema(form: Form, *, complete: bool = False) -> dict[str, Any]:
    """The schema of the answers to a form version."""
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "$id": f"{form.url}/{form.version}/schema",
        "title": f"{form.title} {form.version}",
        **_object(form, form.items, complete=complete),
    }


def _object(form: Form, items: Sequence[Item], *, complete: bool) -> dict[str, Any]:
    asked = [item for item in items if item.type != "display" and not item.read_only]
    schema: dict[str, Any] = {
        "type": "object",
        "additionalProperties": False,
        "properties": {item.link_id: _question(form, item, complete=complete) for item in asked},
    }
    needed = [item.link_id for item in asked if item.required and not item.enable_when]
    if complete and needed:
        schema["required"] = needed
    return schema


def _question(form: Form, item: Item, *, complete: bool) -> dict[str, Any]:
    schema = _object(form, item.items, complete=complete) if item.type == "group" else _value(item)
    if item.repeats:
        schema = {"type": "array", "items": schema, "minItems": 1, "maxItems": MAX_ROWS}
        if item.type == "choice":
            schema["uniqueItems"] = True
    schema = {"title": item.text, **schema}
    if item.enable_when:
        schema["x-shown-when"] = when_words(form, item)
    return schema


def _value(item: Item) -> dict[str, Any]:
    match item.type:
        case "boolean":
            return {"type": "boolean"}
        case "choice":
            return {"oneOf": [{"const": option.code, "title": option.display} for option in item.options]}
        case "integer" | "decimal" | "quantity":
            kind = "integer" if item.type == "integer" else "number"
            unit = {"x-unit": item.unit} if item.unit else {}
            return {"type": kind, "minimum": item.min, "maximum": item.max, **unit}
        case "date":
            return {"type": "string", "format": "date", "pattern": _DATE}
        case "dateTime":
            return {"type": "string", "format": "date-time", "pattern": _DATE_TIME}
        case _:
            return _text(item)


def _text(item: Item) -> dict[str, Any]:
    schema: dict[str, Any] = {"type": "string", "minLength": 1, "maxLength": item.max_length or MAX_FIELD}
    if item.pattern:
        schema["pattern"] = f"^(?:{item.pattern})$"
    elif any(constraint.key == "nhs-number" for constraint in item.constraints):
        schema["pattern"] = "^[0-9]{10}$"
    return schema
