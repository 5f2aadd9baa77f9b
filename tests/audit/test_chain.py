"""The chain shows everything that is done to it: 1,000 tamperings, each against the heads that were published."""

import random
from collections import Counter
from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from uuid import UUID

import pytest

from app.audit.chain import BEGINNING, Entry, Fault, Heads, Reach, digest, entry_of, verify

TAMPERINGS = 1_000
LENGTH = 60
HEADS_AT = (7, 19, 20, 33, 48, LENGTH)
START = datetime(2026, 11, 23, 14, 5, tzinfo=UTC)

Tampering = Callable[[random.Random, list[Entry]], list[Entry]]


def chain_of(length: int, previous: str = BEGINNING, first: int = 1, action: str = "read-version") -> list[Entry]:
    """So many events, linked as the service links them."""
    made: list[Entry] = []
    for number in range(first, first + length):
        facts = {
            "id": UUID(int=number, version=4),
            "at": START + timedelta(seconds=number, microseconds=number),
            "actor_id": None if number % 5 == 0 else UUID(int=number % 7 + 1, version=4),
            "action": action,
            "object_type": "outcome-version",
            "object_id": str(UUID(int=number % 11, version=4)),
            "result": "denied" if number % 9 == 0 else "done",
            "detail": {} if number % 3 else {"outcome": str(UUID(int=number % 11, version=4)), "number": number % 4},
        }
        made.append(entry_of(facts, number, made[-1].sha256 if made else previous))
    return made


WHOLE = chain_of(LENGTH)
HEADS: Heads = {number: [WHOLE[number - 1].sha256] for number in HEADS_AT}


def found_in(entries: Sequence[Entry], heads: Heads = HEADS) -> tuple[list[Fault], Reach]:
    faults: list[Fault] = []
    reach = verify(entries, heads, faults.append)
    return faults, reach


def edit(chance: random.Random, rows: list[Entry]) -> list[Entry]:
    place, name = chance.randrange(len(rows)), chance.choice(Entry._fields)
    rows[place] = rows[place]._replace(**{name: _other(chance, rows[place], name)})
    return rows


def delete_one(chance: random.Random, rows: list[Entry]) -> list[Entry]:
    del rows[chance.randrange(len(rows))]
    return rows


def delete_several(chance: random.Random, rows: list[Entry]) -> list[Entry]:
    gone = set(chance.sample(range(len(rows)), chance.randint(2, len(rows))))
    return [row for place, row in enumerate(rows) if place not in gone]


def swap_contents(chance: random.Random, rows: list[Entry]) -> list[Entry]:
    one, other = chance.sample(range(len(rows)), 2)
    rows[one], rows[other] = rows[other]._replace(number=one + 1), rows[one]._replace(number=other + 1)
    return rows


def swap_places(chance: random.Random, rows: list[Entry]) -> list[Entry]:
    one, other = chance.sample(range(len(rows)), 2)
    rows[one], rows[other] = rows[other], rows[one]
    return rows


def delete_and_renumber(chance: random.Random, rows: list[Entry]) -> list[Entry]:
    del rows[chance.randrange(len(rows))]
    return [row._replace(number=number) for number, row in enumerate(rows, 1)]


def insert_forged(chance: random.Random, rows: list[Entry]) -> list[Entry]:
    place = chance.randrange(len(rows))
    before = rows[place - 1].sha256 if place else BEGINNING
    (forged,) = chain_of(1, before, place + 1, "read-nothing")
    rows.insert(place, forged)
    if chance.random() < 0.5:  # as well hidden as can be without making the hashes again
        return [row._replace(number=number) for number, row in enumerate(rows, 1)]
    return rows


def truncate(chance: random.Random, rows: list[Entry]) -> list[Entry]:
    return rows[: chance.randrange(len(rows))]


def roll_back(chance: random.Random, rows: list[Entry]) -> list[Entry]:
    """The table as it was earlier, and life goes on from there, past where it had been."""
    earlier = truncate(chance, rows)
    before = earlier[-1].sha256 if earlier else BEGINNING
    return earlier + chain_of(LENGTH + 10 - len(earlier), before, len(earlier) + 1, "read-again")


def edit_and_link_anew(chance: random.Random, rows: list[Entry]) -> list[Entry]:
    """By somebody who knows how: whatever follows is hashed again, so the chain itself is whole."""
    place = chance.randrange(len(rows))
    name = chance.choice([name for name in Entry._fields if name not in ("number", "previous_sha256", "sha256")])
    rows[place] = rows[place]._replace(**{name: _other(chance, rows[place], name)})
    return linked_anew(rows, place)


def delete_and_link_anew(chance: random.Random, rows: list[Entry]) -> list[Entry]:
    place = chance.randrange(len(rows))
    del rows[place]
    rows = [row._replace(number=number) for number, row in enumerate(rows, 1)]
    return linked_anew(rows, place)


KINDS: tuple[Tampering, ...] = (
    edit,
    delete_one,
    delete_several,
    swap_contents,
    swap_places,
    delete_and_renumber,
    insert_forged,
    truncate,
    roll_back,
    edit_and_link_anew,
    delete_and_link_anew,
)


def linked_anew(rows: list[Entry], start: int) -> list[Entry]:
    for place in range(start, len(rows)):
        rows[place] = rows[place]._replace(previous_sha256=rows[place - 1].sha256 if place else BEGINNING)
        rows[place] = rows[place]._replace(sha256=digest(rows[place]))
    return rows


def _other(chance: random.Random, row: Entry, name: str) -> object:
    value = getattr(row, name)
    if name == "number":
        return chance.choice([value + 1, value - 1, 0, -value, value + 1000, None, str(value), 2**70])
    if name == "detail":
        return chance.choice([{**value, "more": 1}, {"outcome": "another"}, [], None, "{", {"number": "1"}])
    if name == "at":
        return (START + timedelta(seconds=row.number, microseconds=row.number + 1)).isoformat(timespec="microseconds")
    if name == "actor_id":
        return str(UUID(int=99, version=4))
    if name in ("sha256", "previous_sha256"):
        return digest(row._replace(object_id="another"))
    place = chance.randrange(len(value))
    return value[:place] + ("x" if value[place] != "x" else "y") + value[place + 1 :]


def test_an_untouched_chain_is_whole_up_to_its_last_head() -> None:
    assert found_in(WHOLE) == ([], Reach(count=LENGTH, last_number=LENGTH, last_head=LENGTH))
    longer = WHOLE + chain_of(5, WHOLE[-1].sha256, LENGTH + 1)
    faults, reach = found_in(longer)
    assert (faults, reach.last_head, reach.unproven) == ([], LENGTH, 5)
    assert found_in([], {}) == ([], Reach(0, 0, 0))


def test_each_of_a_thousand_tamperings_is_seen() -> None:
    chance = random.Random(20261124)  # the same thousand each time
    seen: Counter[str] = Counter()
    for number in range(TAMPERINGS):
        kind = KINDS[number % len(KINDS)]
        tampered = kind(chance, list(WHOLE))
        assert tampered != WHOLE, f"{kind.__name__} {number} changed nothing"
        faults, _ = found_in(tampered)
        assert faults, f"{kind.__name__} {number} was not seen"
        seen.update({fault.kind for fault in faults})
    assert set(seen) == {"edited", "unlinked", "missing", "misplaced", "cut-off", "rewritten"}


@pytest.mark.parametrize("kind", [truncate, roll_back, edit_and_link_anew, delete_and_link_anew])
def test_who_makes_the_hashes_again_is_seen_only_by_a_head(kind: Tampering) -> None:
    tampered = kind(random.Random(7), list(WHOLE))
    assert found_in(tampered, {})[0] == []
    assert {fault.kind for fault in found_in(tampered)[0]} <= {"cut-off", "rewritten"}
    assert found_in(tampered)[0] != []


def test_what_comes_after_the_last_head_can_be_taken_away_unseen() -> None:
    """What we say we cannot see: should this ever fail, the decision record must be written anew."""
    longer = WHOLE + chain_of(5, WHOLE[-1].sha256, LENGTH + 1)
    assert found_in(longer[:-2])[0] == []


@pytest.mark.parametrize(
    ("rows", "said"),
    [
        (WHOLE[:4] + WHOLE[5:], "Event 5 is missing"),
        (WHOLE[:4] + WHOLE[8:], "Events 5 to 8 are missing"),
        (WHOLE[4:], "Events 1 to 4 are missing"),
        (WHOLE[:-1], "event 60 was there"),
        ([*WHOLE[:9], WHOLE[9]._replace(action="sign"), *WHOLE[10:]], "Event 10 is not what was written"),
        ([*WHOLE[:2], WHOLE[2], *WHOLE[2:]], "After event 3 stands one with the number 3"),
    ],
)
def test_a_fault_is_told_with_its_numbers(rows: list[Entry], said: str) -> None:
    assert any(said in fault.sentence for fault in found_in(rows)[0])


@pytest.mark.parametrize("junk", [None, "", b"\xff", 1.5, float("nan"), 2**80, "\ud800", [[]], {"a": {1: 2}}])
@pytest.mark.parametrize("name", Entry._fields)
def test_whatever_stands_in_a_column_is_a_fault_and_no_crash(name: str, junk: object) -> None:
    rows = [*WHOLE[:10], WHOLE[10]._replace(**{name: junk}), *WHOLE[11:]]
    assert found_in(rows)[0] != []


def test_two_heads_that_contradict_each_other_are_a_fault() -> None:
    assert [fault.kind for fault in found_in(WHOLE, {7: [WHOLE[6].sha256, "0" * 64]})[0]] == ["rewritten"]


def test_the_form_of_an_entry_never_changes() -> None:
    """The known answer. Changing it would break every chain that was ever written."""
    hashed = (
        '{"action":"read-version","actor_id":"00000000-0000-4000-8000-000000000004","at":"2026-11-23T14:05:03.000003'
        '+00:00","detail":{"number":3,"outcome":"00000000-0000-4000-8000-000000000003"},"id":"00000000-0000-4000-8000-'
        '000000000003","number":3,"object_id":"00000000-0000-4000-8000-000000000003","object_type":"outcome-version",'
        f'"previous_sha256":"{WHOLE[1].sha256}","result":"done"}}'
    )
    assert WHOLE[2].sha256 == sha256(hashed.encode()).hexdigest()
    assert WHOLE[0].previous_sha256 == "0" * 64
    assert WHOLE[0].sha256 == "f7b6d4b77c2555495ffc1d230af8e6c5338196b21947b41c1136622fd5dabe66"
