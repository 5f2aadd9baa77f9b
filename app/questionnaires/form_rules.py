"""Our own rules for a form, beyond FHIR's: what makes a question honest, answerable and safe to hide."""

import re
from collections.abc import Iterator
from typing import Any

from app.questionnaires.constraints import RULES
from app.questionnaires.form import Condition, Constraint, Form, Item, places_of
from app.questionnaires.source import Fault, Place, Source
from app.questionnaires.values import MAX_FIELD

# Mandatory questions without a companion that says why there is no answer, and why that is honest.
NO_WAY_OUT = {
    "surname": "“Unknown” is an answer, and the guard against the wrong child needs one",
    "forenames": "“Unknown” is an answer",
    "birth-date": "an estimate is an answer, and the guard against the wrong child needs one",
    "language": "“not known” is an answer",
    "examiner-name": "the clinician knows who looked at the child",
    "opinion-reason": "an opinion without its reason is the fault this product exists to end",
    "recipients": "an outcome that nobody is told of must not be signed",
}

# Bruises cannot be aged (domain.md §2.2), so no question may ask for it, in whatever words.
_AGE = re.compile(r"\b(age|aged|ageing|aging|old|older|days|weeks)\b")
_MARK = re.compile(r"\b(bruises?|bruising|injur\w+|marks?|wounds?|burns?|fractures?)\b")
# Sharing is not consent-based (domain.md §2.4): the family is told, not asked.
_CONSENT_TO_SHARE = re.compile(
    r"\b(consent|agree|permission|allow)\w*\b.*\bshar|\bshar.*\b(consent|agree|permission|allow)"
)
_NAME = re.compile(r"[a-z][a-z0-9]*(-[a-z0-9]+)*")


def rule_faults(form: Form, source: Source) -> Iterator[Fault]:
    """Every breach of our rules in a form whose shape is sound."""
    if source.file != f"{form.name}/{form.version}.yaml" or not re.fullmatch(r"\d+\.\d+\.\d+", form.version):
        yield source.fault(
            ("version",), f"The form {form.name} {form.version} must be {form.name}/MAJOR.MINOR.PATCH.yaml."
        )
    seen: set[str] = set()
    keys: set[str] = set()
    for place, path in zip(_places(source.data, ()), places_of(form.items), strict=True):
        item = path[-1]
        if item.link_id in seen:
            yield source.fault((*place, "linkId"), f"The linkId “{item.link_id}” is used twice.")
        seen.add(item.link_id)
        for sentence in _item_faults(form, path):
            yield source.fault(place, f"“{item.link_id}”: {sentence}")
        yield from _constraint_faults(item.constraints, source, place, keys)
        for index, condition in enumerate(item.enable_when):
            for sentence in _condition_faults(form, path, condition):
                yield source.fault((*place, "enableWhen", index), f"“{item.link_id}”: {sentence}")
    yield from _constraint_faults(form.constraints, source, (), keys)


def _places(parent: dict[str, Any], place: Place) -> Iterator[Place]:
    for index, item in enumerate(parent.get("item", [])):
        here = (*place, "item", index)
        yield here
        yield from _places(item, here)


def _item_faults(form: Form, path: tuple[Item, ...]) -> Iterator[str]:
    item = path[-1]
    if not _NAME.fullmatch(item.link_id):
        yield "a linkId is written in small letters, digits and single hyphens."
    if len(path) == 1 and (item.type != "group" or item.repeats or not item.required):
        yield "the outermost items are sections: groups, required, not repeated."
    if item.type == "display" and (item.required or item.repeats or item.read_only):
        yield "a fixed line is never answered: no required, repeats or readOnly."
    if item.read_only and item.required:
        yield "a question that the server fills must not be required of the clinician."
    if len(item.enable_when) > 1 and not _says_behavior(form, item):
        yield "several enableWhen need enableBehavior (FHIR R4, que-12)."
    if item.pattern and not _compiles(item.pattern):
        yield "the regex cannot be read."
    yield from _structure_faults(item)
    yield from _option_faults(item)
    yield from _wording_faults(form, path)
    if not _has_way_out(form, path):
        yield f"a mandatory question needs a way out: add “{item.link_id}-absent”."


def _structure_faults(item: Item) -> Iterator[str]:
    if (item.type == "group") != bool(item.items):
        yield "a group holds items, and nothing else does."
    if (item.type == "quantity") != bool(item.unit):
        yield "a quantity names its unit, and nothing else does."
    if item.type in ("integer", "decimal", "quantity"):
        if item.min is None or item.max is None or item.min > item.max:
            yield "a number needs minValue and maxValue, the first not above the second."
    elif item.min is not None or item.max is not None:
        yield "only a number has minValue and maxValue."
    if item.type in ("string", "text") and not item.read_only:
        if item.max_length is None or not 1 <= item.max_length <= MAX_FIELD:
            yield f"a text needs maxLength, at most {MAX_FIELD:,}."
    elif item.max_length is not None:
        yield "maxLength is for texts that people write."


def _option_faults(item: Item) -> Iterator[str]:
    codes = [option.code for option in item.options]
    if (item.type == "choice") != bool(codes):
        yield "a choice offers answerOption, and nothing else does."
    if len(set(codes)) != len(codes):
        yield "a code is offered twice."
    if not all(option.display for option in item.options):
        yield "every answerOption needs the words that recipients read (display)."
    if any(option.exclusive for option in item.options) and not item.repeats:
        yield "an exclusive answer makes sense only where several may be chosen."


def _wording_faults(form: Form, path: tuple[Item, ...]) -> Iterator[str]:
    item = path[-1]
    words = f"{item.link_id.replace('-', ' ')} {item.text}".lower()
    around = " ".join(part.link_id.replace("-", " ") for part in path)
    if item.type not in ("group", "display") and _AGE.search(words) and _MARK.search(f"{around} {words}"):
        yield "a form must not ask for the age of a bruise or another mark."
    if item.type in ("boolean", "choice") and _CONSENT_TO_SHARE.search(words):
        yield "sharing does not wait for consent: ask whether the family was told."
    if path[0].link_id == "sharing" and any(
        condition.question in form.places and form.ancestors(condition.question)[:1] != path[:1]
        for condition in item.enable_when
    ):
        yield "who is told must not depend on another answer."


def _has_way_out(form: Form, path: tuple[Item, ...]) -> bool:
    """A choice carries its own way out, and so does an answer that another answer asked for."""
    item = path[-1]
    plain_group = item.type == "group" and not item.repeats
    if not item.required or item.type == "choice" or plain_group or item.link_id in NO_WAY_OUT:
        return True
    opened = [part for part in path[:-1] if part.repeats or not part.required]
    return bool(item.enable_when or opened or f"{item.link_id}-absent" in form.places)


def _condition_faults(form: Form, path: tuple[Item, ...], condition: Condition) -> Iterator[str]:
    if condition.question not in form.places:
        yield f"enableWhen names “{condition.question}”, which this form does not have."
        return
    target = form.item(condition.question)
    foreign = [part for part in form.ancestors(condition.question) if part not in path]
    if any(part.repeats for part in foreign):
        yield f"enableWhen reaches into the rows of another list (“{condition.question}”)."
    if target in path or _depends(form, target, path[-1].link_id, set()):
        yield f"enableWhen goes round in a circle through “{condition.question}”."
    if condition.operator == "exists":
        if not isinstance(condition.answer, bool):
            yield "exists needs answerBoolean (FHIR R4, que-7)."
    elif target.type == "boolean":
        if not isinstance(condition.answer, bool):
            yield f"“{condition.question}” is answered by true or false."
    elif condition.answer not in {option.code for option in target.options}:
        yield f"“{condition.question}” does not offer the answer “{condition.answer}”."


def _depends(form: Form, item: Item, link_id: str, seen: set[str]) -> bool:
    """Whether showing an item depends, at any distance, on the item named."""
    for part in form.places[item.link_id]:
        for condition in part.enable_when:
            if condition.question == link_id:
                return True
            if condition.question in form.places and condition.question not in seen:
                seen.add(condition.question)
                if _depends(form, form.item(condition.question), link_id, seen):
                    return True
    return False


def _constraint_faults(
    constraints: tuple[Constraint, ...], source: Source, place: Place, keys: set[str]
) -> Iterator[Fault]:
    for constraint in constraints:
        if constraint.key not in RULES:
            yield source.fault((*place, "extension"), f"No rule is called “{constraint.key}” (see constraints.py).")
        if constraint.key in keys:
            yield source.fault((*place, "extension"), f"The constraint “{constraint.key}” is declared twice.")
        keys.add(constraint.key)


def _says_behavior(form: Form, item: Item) -> bool:
    data: Any = form.source
    for part in form.places[item.link_id]:
        data = next(child for child in data["item"] if child["linkId"] == part.link_id)
    return "enableBehavior" in data


def _compiles(pattern: str) -> bool:
    try:
        re.compile(pattern)
    except re.error:
        return False
    return True
