"""Reads tests/security/matrix.yaml, the oracle of who may do what, and refuses a file that leaves anything open."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from ruamel.yaml import YAML

FILE = Path(__file__).parent / "security" / "matrix.yaml"
FEWEST_CELLS = 2500

# Groups that need no list: all, and those whom the line does not name.
EVERYONE, EVERYONE_ELSE = "everyone", "everyone else"
EVERY_STATE = "every state"


@dataclass(frozen=True, slots=True)
class Cell:
    """What one subject is answered when it asks for one operation while the outcome is in one state.

    sign_in: how the subject signed in, when the oracle says so; empty: freshly.
    """

    operation: str
    sign_in: str
    state: str
    subject: str
    answer: str

    def __str__(self) -> str:
        with_what = f", with {self.sign_in}" if self.sign_in else ""
        return f"{self.operation}, {self.state}, {self.subject}{with_what}: should be '{self.answer}'"


@dataclass(frozen=True, slots=True)
class Row:
    """One operation, in words, with all its cells."""

    operation: str
    sign_in: str
    words: str
    cells: tuple[Cell, ...]

    def __str__(self) -> str:
        return f"{self.operation}, {self.sign_in}" if self.sign_in else self.operation


class UnclearError(Exception):
    """The file leaves a cell open, says two things of one, or uses a word that it does not explain."""


@cache
def rows() -> tuple[Row, ...]:
    """Every row of the file. Raises UnclearError."""
    file = _file()
    return tuple(_row(file, given) for given in file["rows"])


@cache
def subjects() -> tuple[str, ...]:
    """The 15 subjects, in the order of the file."""
    return tuple(_file()["subjects"])


@cache
def states() -> tuple[str, ...]:
    """The states of an outcome, in the order of the file."""
    return tuple(_file()["states"])


@cache
def _file() -> dict[str, Any]:
    return dict(YAML(typ="safe", pure=True).load(FILE.read_text("utf-8")))


def _row(file: Mapping[str, Any], given: Mapping[str, Any]) -> Row:
    operation, sign_in = given["operation"], given.get("with", "")
    by_state: dict[str, Mapping[str, Any]] = {}
    for key in given:
        if key in ("operation", "in words", "with"):
            continue
        for state in file["states"] if key == EVERY_STATE else key.split(", "):
            if state not in file["states"] or state in by_state:
                raise UnclearError(f"{operation}: '{state}' is no state, or is there twice")
            by_state[state] = given[key]
    if set(by_state) != set(file["states"]):
        raise UnclearError(f"{operation}: says nothing of {sorted(set(file['states']) - set(by_state))}")
    cells = tuple(
        Cell(operation, sign_in, state, subject, answer)
        for state in file["states"]
        for subject, answer in _answers(file, f"{operation}, {state}", by_state[state]).items()
    )
    return Row(operation, sign_in, given["in words"], cells)


def _answers(file: Mapping[str, Any], where: str, line: Mapping[str, Any]) -> dict[str, str]:
    """Subject -> answer, for every subject, in the order of the file."""
    told: dict[str, str] = {}
    rest = ""
    for answer, names in line.items():
        if answer not in file["answers"]:
            raise UnclearError(f"{where}: '{answer}' is not explained")
        if names == EVERYONE_ELSE:
            rest = answer
            continue
        for subject in _named(file, where, names):
            if subject in told:
                raise UnclearError(f"{where}: says two things of {subject}")
            told[subject] = answer
    left = [subject for subject in file["subjects"] if subject not in told]
    if bool(left) != bool(rest):
        raise UnclearError(f"{where}: says nothing of {left}, or says 'everyone else' for nobody")
    return {subject: told.get(subject, rest) for subject in file["subjects"]}


def _named(file: Mapping[str, Any], where: str, names: str | list[str]) -> Iterator[str]:
    for name in [names] if isinstance(names, str) else names:
        if name == EVERYONE:
            yield from file["subjects"]
        elif name in file["groups"]:
            yield from file["groups"][name]
        elif name in file["subjects"]:
            yield name
        else:
            raise UnclearError(f"{where}: nobody is called '{name}'")
