"""Tries one cell of the matrix on the running service, and says in what the service differs from the oracle."""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, Literal

import factories
import httpx
from matrix_calls import Call, Route, at, routes, send
from matrix_operations import CALLS
from matrix_oracle import Cell
from matrix_world import NOT_THERE, Place, World
from rows import Rows
from serving import Caller

REFUSALS = {"no": 404, "sign in": 401, "again": 403, "not by machine": 403}
"""Answers that say nothing of the outcome, with their status."""

CODES = {"again": "fresh-sign-in-needed", "not by machine": "insufficient-scope", "sign in": "not-signed-in"}
HALFWAY = {"gone": 410, "conflict": 409, "nothing": 404}
"""Answers to those who may know that the outcome is there."""

OF_TRYING = frozenset({"sign_in_throttle", "passkey_challenge", "sign_in_attempt"})
"""Where tries to sign in are counted; what is refused may leave something there."""

NOWHERE = "/api/v1/nowhere"
_MADE_ANEW = re.compile(r"""nonce(-|=")[A-Za-z0-9_+/=-]+|expires=[^;]+""")


@dataclass(frozen=True, slots=True)
class Fault:
    """Something in which the service does not do what the oracle says."""

    kind: Literal["wrong grant", "wrong refusal", "wrong words", "left traces"]
    cell: Cell
    what: str

    def __str__(self) -> str:
        return f"{self.kind.upper()}: {self.cell}; {self.what}"


@dataclass
class Judge:
    """Tries cells one after the other, and looks at the database in between."""

    world: World
    _unknown: dict[tuple[str, str, str], tuple[Any, ...]] = field(default_factory=dict)
    _newest: dict[tuple[str, str], Place] = field(default_factory=dict)

    @cached_property
    def routes(self) -> dict[str, Route]:
        return routes()

    @cached_property
    def rows(self) -> Rows:
        return Rows(self.world.service)

    def faults(self, cell: Cell) -> Iterator[Fault]:
        """Everything that is wrong with one cell: nothing, when the service does as the oracle says."""
        call = CALLS[cell.operation]
        place = self._place(cell, call)
        # Before the first look at the database, because signing in is a change too.
        caller = self.world.people.caller(cell.subject, cell.sign_in)
        before = self.rows.now()
        alike = list(self._alike(cell, caller, call, place)) if cell.answer in REFUSALS else []
        denied = self.rows.denials()
        answer = send(caller, self.routes[cell.operation], call, place.seen_by(cell.subject))
        after = self.rows.now()
        if call.ends_session:
            self.world.people.sign_in_anew(cell.subject)
        told = fault_in(answer, cell, call, place.seen_by(cell.subject))
        if told:
            yield Fault(_kind(answer, cell), cell, f"{told}: {answer.status_code} {answer.text[:200]}")
        if cell.answer == "refused":
            alike = [("everybody else", self._unknown.setdefault((cell.operation, "", ""), _as_seen(answer)))]
        for what, other in alike:
            if _as_seen(answer) != other:
                yield Fault("wrong words", cell, f"is not answered as {what}: {_as_seen(answer)} and {other}")
        yield from self._traces(cell, call, before, after, self.rows.denials() - denied)

    def forget(self) -> None:
        """Forget what was made for other cells: what was the newest then is so no longer."""
        self._newest.clear()

    def _place(self, cell: Cell, call: Call) -> Place:
        """Where the cell happens: a place of its own when what is done there uses it up."""
        if cell.answer == "yes" and call.writes and call.names_something:
            return self.world.fresh(cell.state, spare=call.spare)
        if call.newest:
            key = (cell.operation, cell.state)
            if key not in self._newest:
                self._newest[key] = self.world.fresh(cell.state, spare=False)
            return self._newest[key]
        return self.world.places[cell.state]

    def _traces(self, cell: Cell, call: Call, before: Any, after: Any, denials: int) -> Iterator[Fault]:
        changed = {name for name in before if before[name] != after[name]}
        if cell.answer == "refused":
            changed -= OF_TRYING
            denials = 0  # what counts as one is for the stage of signing in to say
        if cell.answer not in ("yes", "tombstone") and changed:  # to read is to have opened it, which is kept
            yield Fault("left traces", cell, f"changed {sorted(changed)}")
        if cell.answer == "yes" and call.writes and call.writes not in changed:
            yield Fault("wrong refusal", cell, f"nothing changed in {call.writes}, but in {sorted(changed)}")
        if denials != (cell.answer == "no"):
            yield Fault("left traces", cell, f"{denials} denials in the audit")

    def _alike(self, cell: Cell, caller: Caller, call: Call, place: Place) -> Iterator[tuple[str, tuple[Any, ...]]]:
        """What the answer must equal: that to an unknown identifier and, for 'no', that of an unknown address."""
        key = (cell.operation, cell.sign_in, cell.subject)
        if call.names_something:
            if key not in self._unknown:
                self._unknown[key] = _as_seen(send(caller, self.routes[cell.operation], call, place.unknown()))
            yield "an unknown identifier", self._unknown[key]
        if cell.answer == "no":
            nowhere = ("", cell.sign_in, cell.subject)
            if nowhere not in self._unknown:
                self._unknown[nowhere] = _as_seen(at(caller, "GET", NOWHERE))
            yield "an unknown address", self._unknown[nowhere]


def fault_in(answer: httpx.Response, cell: Cell, call: Call, values: dict[str, str]) -> str:
    """What is wrong with the answer; empty when nothing is."""
    shown = _text(call, values)
    if cell.answer == "yes":
        return "" if answer.is_success and shown in answer.text else f"is not done, or does not show '{shown}'"
    if cell.answer == "none":
        return "" if answer.is_success and shown not in answer.text else "is refused, or shows the outcome"
    if cell.answer == "refused":
        return "" if answer.is_client_error and not answer.cookies else "is not refused"
    if cell.answer == "tombstone":
        is_stone = answer.is_success and "withdrawn" in answer.text and factories.SURNAME not in answer.text
        return "" if is_stone else "is not the tombstone"
    status = REFUSALS.get(cell.answer) or HALFWAY[cell.answer]
    code = CODES.get(cell.answer) or {"no": "not-found", "nothing": "no-draft"}.get(cell.answer, "")
    if answer.status_code != status or not answer.json()["type"].endswith(code):
        return "is answered otherwise"
    return ""


def _text(call: Call, values: dict[str, str]) -> str:
    return call.shows.removeprefix("text: ") if call.shows.startswith("text: ") else values.get(call.shows, "")


def _kind(answer: httpx.Response, cell: Cell) -> Literal["wrong grant", "wrong refusal"]:
    """Whoever gets more than the oracle says has a wrong grant; whoever gets less a wrong refusal."""
    if cell.answer in REFUSALS:
        return "wrong grant"
    if cell.answer == "yes" or not answer.is_success:
        return "wrong refusal"
    return "wrong grant"


def _as_seen(answer: httpx.Response) -> tuple[Any, ...]:
    """All that a caller sees of an answer but the time of day, and what is made anew for each answer."""
    headers = sorted((name, _MADE_ANEW.sub("", value)) for name, value in answer.headers.items() if name != "date")
    return answer.status_code, headers, _MADE_ANEW.sub("", answer.text)


def check_unknown(world: World) -> None:
    """Nothing has the reference that stands for nothing."""
    assert not world.service.rows(f"SELECT 1 FROM outcome WHERE reference = '{NOT_THERE}'")
