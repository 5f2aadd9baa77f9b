"""Which questions are asked, given the answers so far: FHIR R4 enableWhen, with the scope of rows.

A condition looks at the nearest answer: inside a row of a list it sees that row's answers. An answer to a
question that is itself hidden counts as no answer. `=` and `!=` are false while there is no answer.
Malformed answers are treated as they stand; `problems` reports them.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from app.questionnaires.form import Condition, Form, Item, display

# The objects around a question: the answers, then for each group around it the group's object (or row).
Trail = tuple[Mapping[str, Any], ...]


@dataclass(frozen=True, slots=True)
class Shown:
    """One item to print. pointer: JSON pointer into the answers. value: None for groups and fixed lines.

    items: what stands below it; a repeating group gives one Shown for each row.
    """

    item: Item
    pointer: str
    value: Any
    items: "tuple[Shown, ...]" = ()


def is_enabled(form: Form, item: Item, trail: Trail) -> bool:
    """Whether an item is asked, the groups around it taken for granted. trail ends with its own group."""
    if not item.enable_when:
        return True
    holds = (_holds(form, condition, item, trail) for condition in item.enable_when)
    return any(holds) if item.enable_behavior == "any" else all(holds)


def when_words(form: Form, item: Item) -> str:
    """The condition of an item in words, such as: “Chaperone” is “Yes”."""
    words = []
    for condition in item.enable_when:
        target = form.item(condition.question)
        if condition.operator == "exists":
            words.append(f"“{target.text}” {'has an' if condition.answer else 'has no'} answer")
        else:
            verb = "is" if condition.operator == "=" else "is answered, and not by"
            words.append(f"“{target.text}” {verb} “{_answer_words(target, condition)}”")
    return (" or " if item.enable_behavior == "any" else " and ").join(words)


def shown(form: Form, answers: Mapping[str, Any]) -> list[Shown]:
    """Every enabled item that has an answer, and every enabled fixed line, in form order, as a tree.

    answers must have no problems. Groups without anything below them are left out.
    """
    return list(_shown(form, form.items, (answers,), ""))


def _shown(form: Form, items: Sequence[Item], trail: Trail, pointer: str) -> Iterator[Shown]:
    for item in items:
        value = trail[-1].get(item.link_id)
        here = f"{pointer}/{item.link_id}"
        if not is_enabled(form, item, trail):
            continue
        if item.type == "display":
            yield Shown(item, here, None)
        elif item.type != "group":
            if value is not None:
                yield Shown(item, here, value)
        elif item.repeats:
            for index, row in enumerate(value or ()):
                yield from _shown_group(form, item, row, trail, f"{here}/{index}")
        else:
            yield from _shown_group(form, item, value or {}, trail, here)


def _shown_group(form: Form, item: Item, row: Mapping[str, Any], trail: Trail, pointer: str) -> Iterator[Shown]:
    below = tuple(_shown(form, item.items, (*trail, row), pointer))
    if below:
        yield Shown(item, pointer, None, below)


def _holds(form: Form, condition: Condition, item: Item, trail: Trail) -> bool:
    given = _given(form, condition.question, item, trail)
    if condition.operator == "exists":
        return bool(given) is condition.answer
    same = (type(value) is type(condition.answer) and value == condition.answer for value in given)
    return any(same) if condition.operator == "=" else any(not equal for equal in same)


def _given(form: Form, link_id: str, item: Item, trail: Trail) -> list[Any]:
    """The answers to a question as seen from an item, nearest scope first; empty when hidden or not answered."""
    path = form.places[link_id]
    around = form.ancestors(item.link_id)
    shared = 0
    while shared < len(around) and shared < len(path) - 1 and around[shared] is path[shared]:
        shared += 1
    start = trail[: shared + 1]
    for part in path[shared:-1]:
        inner = start[-1].get(part.link_id)
        if not isinstance(inner, Mapping) or not is_enabled(form, part, start):
            return []
        start = (*start, inner)
    target = path[-1]
    value = start[-1].get(link_id)
    if value is None or not is_enabled(form, target, start):
        return []
    return list(value) if target.repeats and isinstance(value, list) else [value]


def _answer_words(target: Item, condition: Condition) -> str:
    if isinstance(condition.answer, bool):
        return "true" if condition.answer else "false"
    return display(target, condition.answer)
