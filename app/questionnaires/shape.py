"""Which keys, values and extensions a form file may hold. Everything else is a fault: nothing is ignored.

FHIR R4 Questionnaire allows far more; we take what the product understands and refuse the rest, because a
rule that is written but not obeyed is worse than none.
"""

from collections.abc import Iterator, Mapping
from typing import Any, get_args

from app.questionnaires.form import ItemType
from app.questionnaires.source import Fault, Place, Source

EXTENSION = "http://hl7.org/fhir/StructureDefinition/"
CONSTRAINT = EXTENSION + "questionnaire-constraint"
UNIT = EXTENSION + "questionnaire-unit"
MIN = EXTENSION + "minValue"
MAX = EXTENSION + "maxValue"
REGEX = EXTENSION + "regex"
EXCLUSIVE = EXTENSION + "questionnaire-optionExclusive"

# key -> (type, must it be there)
_QUESTIONNAIRE = {
    "resourceType": (str, True),
    "id": (str, True),
    "url": (str, True),
    "version": (str, True),
    "name": (str, True),
    "title": (str, True),
    "status": (str, True),
    "date": (str, True),
    "publisher": (str, False),
    "description": (str, False),
    "subjectType": (list, False),
    "extension": (list, False),
    "item": (list, True),
}
_ITEM = {
    "linkId": (str, True),
    "prefix": (str, True),
    "text": (str, True),
    "type": (str, True),
    "required": (bool, False),
    "repeats": (bool, False),
    "readOnly": (bool, False),
    "maxLength": (int, False),
    "enableBehavior": (str, False),
    "enableWhen": (list, False),
    "extension": (list, False),
    "answerOption": (list, False),
    "item": (list, False),
}
_CONDITION = {
    "question": (str, True),
    "operator": (str, True),
    "answerBoolean": (bool, False),
    "answerCoding": (dict, False),
}
_OPTION = {"valueCoding": (dict, True), "extension": (list, False)}
_CODING = {"system": (str, False), "code": (str, True), "display": (str, False)}
_EXTENSIONS = {
    "questionnaire": {CONSTRAINT: "extension"},
    "item": {
        CONSTRAINT: "extension",
        UNIT: "valueCoding",
        MIN: "valueDecimal valueInteger",
        MAX: "valueDecimal valueInteger",
        REGEX: "valueString",
    },
    "answerOption": {EXCLUSIVE: "valueBoolean"},
}
_CONSTRAINT_PARTS = {"key": "valueId", "severity": "valueCode", "human": "valueString", "expression": "valueString"}
_VALUE_TYPES = {
    "valueCoding": (dict,),
    "valueDecimal": (int, float),
    "valueInteger": (int,),
    "valueBoolean": (bool,),
    "valueString": (str,),
    "valueId": (str,),
    "valueCode": (str,),
    "extension": (list,),
}
_WORDS = {str: "text", bool: "true or false", int: "a whole number", list: "a list", dict: "a mapping"}
_TYPES = get_args(ItemType)


def shape_faults(source: Source) -> Iterator[Fault]:
    """Every unknown key or extension, missing key and wrong type in a form file, with its line."""
    yield from _members(source, source.data, (), _QUESTIONNAIRE)
    if not isinstance(source.data, dict):
        return
    if source.data.get("resourceType") != "Questionnaire":
        yield source.fault(("resourceType",), "resourceType must be Questionnaire.")
    if source.data.get("status") not in ("draft", "active", "retired"):
        yield source.fault(("status",), "status must be draft, active or retired.")
    yield from _extensions(source, source.data, (), "questionnaire")
    yield from _items(source, source.data, ())


def _items(source: Source, parent: dict[str, Any], place: Place) -> Iterator[Fault]:
    for index, item in enumerate(_list(parent, "item")):
        here = (*place, "item", index)
        yield from _members(source, item, here, _ITEM)
        if not isinstance(item, dict):
            continue
        if isinstance(item.get("type"), str) and item["type"] not in _TYPES:
            yield source.fault((*here, "type"), f"This product has no question type “{item['type']}”.")
        if item.get("enableBehavior", "all") not in ("all", "any"):
            yield source.fault((*here, "enableBehavior"), "enableBehavior must be all or any.")
        yield from _extensions(source, item, here, "item")
        yield from _conditions(source, item, here)
        yield from _options(source, item, here)
        yield from _items(source, item, here)


def _conditions(source: Source, item: dict[str, Any], place: Place) -> Iterator[Fault]:
    for index, condition in enumerate(_list(item, "enableWhen")):
        here = (*place, "enableWhen", index)
        yield from _members(source, condition, here, _CONDITION)
        if not isinstance(condition, dict):
            continue
        if condition.get("operator") not in ("exists", "=", "!="):
            yield source.fault((*here, "operator"), "operator must be exists, = or !=.")
        if ("answerBoolean" in condition) == ("answerCoding" in condition):
            yield source.fault(here, "enableWhen needs one of answerBoolean and answerCoding.")
        if "answerCoding" in condition:
            yield from _members(source, condition["answerCoding"], (*here, "answerCoding"), _CODING)


def _options(source: Source, item: dict[str, Any], place: Place) -> Iterator[Fault]:
    for index, option in enumerate(_list(item, "answerOption")):
        here = (*place, "answerOption", index)
        yield from _members(source, option, here, _OPTION)
        if isinstance(option, dict):
            yield from _members(source, option.get("valueCoding"), (*here, "valueCoding"), _CODING)
            yield from _extensions(source, option, here, "answerOption")


def _extensions(source: Source, owner: dict[str, Any], place: Place, kind: str) -> Iterator[Fault]:
    for index, extension in enumerate(_list(owner, "extension")):
        here = (*place, "extension", index)
        url = extension.get("url") if isinstance(extension, dict) else None
        allowed = _EXTENSIONS[kind].get(url) if isinstance(url, str) else None
        if allowed is None:
            yield source.fault(here, f"This extension is not understood here: {url}.")
            continue
        yield from _extension_value(source, extension, here, allowed)
        if url == CONSTRAINT:
            yield from _constraint(source, extension, here)


def _constraint(source: Source, extension: dict[str, Any], place: Place) -> Iterator[Fault]:
    seen: list[str] = []
    for index, part in enumerate(_list(extension, "extension")):
        here = (*place, "extension", index)
        url = part.get("url") if isinstance(part, dict) else None
        if url not in _CONSTRAINT_PARTS:
            yield source.fault(here, f"A constraint has no part “{url}”.")
            continue
        seen.append(url)
        yield from _extension_value(source, part, here, _CONSTRAINT_PARTS[url])
        if url == "severity" and part.get("valueCode") not in ("error", "warning"):
            yield source.fault(here, "severity must be error or warning.")
    if sorted(seen) != sorted(_CONSTRAINT_PARTS):
        yield source.fault(place, "A constraint needs key, severity, human and expression, once each.")


def _extension_value(source: Source, extension: dict[str, Any], place: Place, allowed: str) -> Iterator[Fault]:
    keys = [key for key in extension if key != "url"]
    if len(keys) != 1 or keys[0] not in allowed.split():
        yield source.fault(place, f"This extension needs exactly one value: {' or '.join(allowed.split())}.")
        return
    value = extension[keys[0]]
    if not isinstance(value, _VALUE_TYPES[keys[0]]) or (isinstance(value, bool) and keys[0] != "valueBoolean"):
        yield source.fault((*place, keys[0]), f"{keys[0]} has a value of the wrong type.")
    elif keys[0] == "valueCoding":
        yield from _members(source, value, (*place, "valueCoding"), _CODING)


def _members(source: Source, data: Any, place: Place, keys: Mapping[str, tuple[type, bool]]) -> Iterator[Fault]:
    if not isinstance(data, dict):
        yield source.fault(place, "Here must stand a mapping of keys and values.")
        return
    for key, value in data.items():
        if key not in keys:
            yield source.fault((*place, key), f"The key “{key}” is not understood here.")
        elif not isinstance(value, keys[key][0]) or (isinstance(value, bool) and keys[key][0] is not bool):
            yield source.fault((*place, key), f"“{key}” must be {_WORDS[keys[key][0]]}.")
        elif value in ("", []):
            yield source.fault((*place, key), f"“{key}” is empty.")
    for key, (_, needed) in keys.items():
        if needed and key not in data:
            yield source.fault(place, f"“{key}” is missing.")


def _list(owner: dict[str, Any], key: str) -> list[Any]:
    value = owner.get(key, [])
    return value if isinstance(value, list) else []
