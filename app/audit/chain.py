"""The chain: what of an event is hashed, how events hang together, and every way to see that they no longer do. Pure.

The form of an entry can never change without breaking every chain that was ever written; a test holds it with a
known answer.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from hashlib import sha256
from itertools import chain
from typing import Any, NamedTuple
from uuid import UUID

import rfc8785

BEGINNING = "0" * 64
"""What the first event names as the hash before it."""


class Entry(NamedTuple):
    """An event in the form that is hashed: plain values, ids in their usual form with hyphens, `at` in UTC with
    microseconds. `sha256` is over the canonical JSON (RFC 8785) of all the others.

    Read from a database that somebody may have edited, any of them may hold anything.
    """

    number: int
    id: str
    at: str
    actor_id: str | None
    action: str
    object_type: str
    object_id: str
    result: str
    detail: Any
    previous_sha256: str
    sha256: str


@dataclass(frozen=True, slots=True)
class Fault:
    """One thing that is wrong with the chain. kind: edited, unlinked, missing, misplaced, cut-off or rewritten."""

    kind: str
    number: int
    sentence: str


@dataclass(frozen=True, slots=True)
class Reach:
    """How far a verification came: events seen, the last number, the last head that agreed with its event."""

    count: int
    last_number: int
    last_head: int

    @property
    def unproven(self) -> int:
        """Events after the last head. Somebody with the owner's rights could still take them away unseen."""
        return self.last_number - self.last_head


Heads = Mapping[int, Sequence[str]]
"""Of each number that a genuine head names: the hashes that heads gave to it. More than one is a fault by itself."""


def digest(entry: Entry) -> str:
    """The hash of `entry`, whatever its `sha256` says. Raises ValueError for what canonical JSON cannot hold."""
    values = entry._asdict()
    del values["sha256"]
    return sha256(rfc8785.dumps(values)).hexdigest()


def entry_of(facts: Mapping[str, Any], number: int, previous_sha256: str) -> Entry:
    """The entry for an event that is to follow the one with the hash `previous_sha256`.

    facts: id, at (aware), actor_id, action, object_type, object_id, result and detail (plain JSON values).
    """
    entry = Entry(
        number=number,
        id=str(facts["id"]),
        at=time_text(facts["at"]),
        actor_id=_id_text(facts["actor_id"]),
        action=facts["action"],
        object_type=facts["object_type"],
        object_id=facts["object_id"],
        result=facts["result"],
        detail=facts["detail"],
        previous_sha256=previous_sha256,
        sha256="",
    )
    return entry._replace(sha256=digest(entry))


def time_text(at: datetime) -> str:
    """An aware time as it is hashed: `2026-11-23T14:05:00.000000+00:00`."""
    return at.astimezone(UTC).isoformat(timespec="microseconds")


def verify(entries: Iterable[Entry], heads: Heads, on_fault: Callable[[Fault], None]) -> Reach:
    """Look at every entry in the order given, which must be that of `number`, and tell each fault to `on_fault`.

    Holds one entry at a time. Without heads it sees only what was done without making the hashes again.
    """
    count = last_number = last_head = 0
    before = BEGINNING
    for entry in entries:
        count += 1
        found = list(chain(_faults_of_place(entry, last_number), _faults_of_content(entry, last_number, before)))
        given = heads.get(entry.number, ()) if isinstance(entry.number, int) else ()
        rewritten = [_rewritten(entry.number) for sha in given if sha != entry.sha256]
        for fault in found + rewritten[:1]:
            on_fault(fault)
        if isinstance(entry.number, int) and entry.number > last_number:
            last_number = entry.number
        if given and not rewritten:
            last_head = last_number
        before = entry.sha256
    for number in sorted(number for number in heads if number > last_number)[-1:]:
        on_fault(
            Fault(
                "cut-off",
                number,
                f"The audit ends with event {last_number}, but a signed head says that event {number} was there: "
                "events were taken away from the end, or the whole table was put back to an earlier state.",
            )
        )
    return Reach(count, last_number, last_head)


def _faults_of_place(entry: Entry, last_number: int) -> Iterable[Fault]:
    number = entry.number
    if not isinstance(number, int) or number <= last_number:
        yield Fault(
            "misplaced", last_number, f"After event {last_number} stands one with the number {number!r}: out of order."
        )
    elif number > last_number + 1:
        missing = f"Event {last_number + 1} is"
        if number > last_number + 2:
            missing = f"Events {last_number + 1} to {number - 1} are"
        yield Fault("missing", last_number + 1, f"{missing} missing.")


def _faults_of_content(entry: Entry, last_number: int, before: str) -> Iterable[Fault]:
    number = entry.number if isinstance(entry.number, int) else last_number
    if not _is_whole(entry):
        yield Fault("edited", number, f"Event {entry.number!r} is not what was written: something in it was edited.")
    if entry.previous_sha256 != before:
        yield Fault(
            "unlinked",
            number,
            f"Event {entry.number!r} does not follow what stands before it: something was edited, taken out, put in "
            "or moved.",
        )


def _is_whole(entry: Entry) -> bool:
    try:
        return digest(entry) == entry.sha256
    except (ValueError, RecursionError):  # what no event of ours ever held
        return False


def _rewritten(number: int) -> Fault:
    return Fault(
        "rewritten",
        number,
        f"Event {number} is not the one that a head was signed for: it or events before it were written anew.",
    )


def _id_text(value: UUID | None) -> str | None:
    return None if value is None else str(value)
