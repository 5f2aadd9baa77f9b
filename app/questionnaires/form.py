"""A form in memory: what is asked, in which order, under which condition. Frozen, made by `loading`."""

from collections.abc import Iterator, Mapping
from copy import deepcopy
from dataclasses import dataclass
from typing import Any, Literal

from app.errors import DomainError

ItemType = Literal[
    "group", "display", "boolean", "decimal", "integer", "date", "dateTime", "string", "text", "choice", "quantity"
]


@dataclass(frozen=True, slots=True)
class Option:
    """One answer that is offered. display: the words recipients read. exclusive: stands alone in a list."""

    code: str
    display: str
    system: str = ""
    exclusive: bool = False


@dataclass(frozen=True, slots=True)
class Condition:
    """One enableWhen. answer is a code for a choice, else a boolean."""

    question: str
    operator: Literal["exists", "=", "!="]
    answer: str | bool


@dataclass(frozen=True, slots=True)
class Constraint:
    """A rule over answers. key names the function in `constraints`; human is the sentence people read.

    severity "error" stops a signature, "warning" only asks. expression: FHIRPath, for other FHIR tools.
    """

    key: str
    severity: Literal["error", "warning"]
    human: str
    expression: str


@dataclass(frozen=True, slots=True)
class Item:
    """One question, group of questions or fixed line.

    prefix: the row of the field list, such as "E11". unit: UCUM code ("kg", "cm") of a quantity, else "".
    min and max: inclusive, in that unit. max_length: in characters (code points). pattern: the whole text
    must match it.
    """

    link_id: str
    prefix: str
    text: str
    type: ItemType
    required: bool = False
    repeats: bool = False
    read_only: bool = False
    enable_when: tuple[Condition, ...] = ()
    enable_behavior: Literal["all", "any"] = "all"
    options: tuple[Option, ...] = ()
    unit: str = ""
    min: float | None = None
    max: float | None = None
    max_length: int | None = None
    pattern: str = ""
    items: "tuple[Item, ...]" = ()
    constraints: tuple[Constraint, ...] = ()


@dataclass(frozen=True, slots=True)
class Form:
    """One version of a form. places: each linkId with its ancestors, outermost first, itself last."""

    name: str
    version: str
    title: str
    url: str
    items: tuple[Item, ...]
    constraints: tuple[Constraint, ...]
    places: Mapping[str, tuple[Item, ...]]
    source: Mapping[str, Any]

    def item(self, link_id: str) -> Item:
        """The item of that linkId; KeyError when the form has none."""
        return self.places[link_id][-1]

    def ancestors(self, link_id: str) -> tuple[Item, ...]:
        """The groups around an item, outermost first."""
        return self.places[link_id][:-1]

    def questionnaire(self) -> dict[str, Any]:
        """The form as FHIR R4 Questionnaire JSON: a copy the caller may change."""
        return deepcopy(dict(self.source))


class Forms:
    """Every form version that was loaded."""

    def __init__(self, forms: Iterator[Form]) -> None:
        self._forms = {(form.name, form.version): form for form in forms}

    def __iter__(self) -> Iterator[Form]:
        return iter(sorted(self._forms.values(), key=lambda form: (form.name, _order(form))))

    def get(self, name: str, version: str) -> Form:
        """That version. Raises DomainError `form-unknown`."""
        form = self._forms.get((name, version))
        if form is None:
            raise DomainError("form-unknown", "There is no such form version. The list of forms names them all.")
        return form

    def latest(self, name: str) -> Form:
        """The highest version of a form. Raises DomainError `form-unknown`."""
        versions = [form for form in self._forms.values() if form.name == name]
        if not versions:
            raise DomainError("form-unknown", "There is no form of that name. The list of forms names them all.")
        return max(versions, key=_order)


def display(item: Item, code: str) -> str:
    """The words recipients read for a code; KeyError when the item does not offer it."""
    for option in item.options:
        if option.code == code:
            return option.display
    raise KeyError(code)


def places_of(items: tuple[Item, ...], above: tuple[Item, ...] = ()) -> Iterator[tuple[Item, ...]]:
    """Every item with its ancestors before it, in form order."""
    for item in items:
        yield (*above, item)
        yield from places_of(item.items, (*above, item))


def _order(form: Form) -> tuple[int, ...]:
    return tuple(int(part) for part in form.version.split("."))
