"""The parts a document is made of. Frozen, plain texts; they cross to the rendering process by pickle."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Identity:
    """The child, as printed on every page (GP Connect Messaging 1.3: `SURNAME, Forename(s)`, `DD-Mmm-YYYY`)."""

    name: str
    born: str
    age: str
    nhs_number: str


@dataclass(frozen=True, slots=True)
class Fact:
    """One label and its answer; each value is a paragraph."""

    label: str
    values: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Section:
    """A heading and its facts."""

    title: str
    facts: tuple[Fact, ...]


@dataclass(frozen=True, slots=True)
class Step:
    """One step of the likelihood scale."""

    code: str
    is_chosen: bool


@dataclass(frozen=True, slots=True)
class Opinion:
    """The part that must be clear. facts: the remaining answers of the section, in form order."""

    code: str
    likelihood: str
    steps: tuple[Step, ...]
    reason: tuple[str, ...]
    safe_to_return: str
    significant_harm: str
    neglect: str
    neglect_evidence: tuple[str, ...]
    facts: tuple[Fact, ...]


@dataclass(frozen=True, slots=True)
class Ask:
    """What one agency is asked to do first."""

    agency: str
    action: str
    needs_action: bool


@dataclass(frozen=True, slots=True)
class Injury:
    """One row of the injury list."""

    number: int
    kind: str
    where: str
    size: str
    look: str
    explanations: tuple[str, ...]
    fit: str
    code: str
    likelihood: str
    view: str
    photographed: str


@dataclass(frozen=True, slots=True)
class Mark:
    """A numbered mark; x and y from 0 to 1, from the top left of the view."""

    number: int
    x: float
    y: float


@dataclass(frozen=True, slots=True)
class View:
    """One drawing of the body map. not_drawn: numbers of injuries on this view without a position."""

    name: str
    title: str
    width: int
    height: int
    marks: tuple[Mark, ...]
    not_drawn: tuple[int, ...]
