"""Tampering for real, by the owner of the database with the triggers taken away; each is seen against the heads."""

from collections.abc import Iterator
from datetime import datetime
from uuid import uuid4

import pytest
from sqlalchemy import Engine, create_engine, text
from sqlalchemy.exc import DBAPIError
from tampering import Tamper, look, write
from throwaway import Server

from app.audit.chain import BEGINNING, Heads, Reach, digest
from app.audit.queries import count_without_number, entries
from app.db import Transaction

LENGTH = 12

SWAP = (
    "UPDATE audit_event SET number = -5 WHERE number = 4",
    "UPDATE audit_event SET number = 4 WHERE number = 5",
    "UPDATE audit_event SET number = 5 WHERE number = -5",
)
CLOSE_THE_GAP = (
    "UPDATE audit_event SET number = 1 - number WHERE number > 5",
    "UPDATE audit_event SET number = -number WHERE number < 0",
)
FORGE = (
    "INSERT INTO audit_event SELECT '{id}', at, actor_id, action, object_type, object_id, result, detail, number + 1, "
    "sha256, previous_sha256 FROM audit_event WHERE number = 12"
)

EVERYWHERE: dict[str, tuple[str, ...]] = {
    "an action": ("UPDATE audit_event SET action = 'nothing' WHERE number = 5",),
    "a detail": ('UPDATE audit_event SET detail = \'{"ids": ["a"], "count": 1}\' WHERE number = 1',),
    "an actor": (f"UPDATE audit_event SET actor_id = '{uuid4()}' WHERE number = 12",),
    "a hash": ("UPDATE audit_event SET sha256 = previous_sha256 WHERE number = 6",),
    "everything": ("UPDATE audit_event SET object_id = '2'",),
    "one gone": ("DELETE FROM audit_event WHERE number = 5",),
    "several gone": ("DELETE FROM audit_event WHERE number IN (1, 4, 5, 6, 11)",),
    "two swapped": SWAP,
    "one gone, the gap closed": ("DELETE FROM audit_event WHERE number = 5", *CLOSE_THE_GAP),
    "one put in at the end": (FORGE.format(id=uuid4()),),
    "the tail cut off": ("DELETE FROM audit_event WHERE number > 8",),
    "all gone": ("DELETE FROM audit_event",),
}
ONLY_ON = {
    "sqlite": {
        "no time": ("UPDATE audit_event SET at = 'yesterday' WHERE number = 5",),
        "a microsecond": ("UPDATE audit_event SET at = '2026-11-23 14:05:00.000001' WHERE number = 5",),
        "no number": ("UPDATE audit_event SET number = 'five' WHERE number = 5",),
        "no JSON": ("UPDATE audit_event SET detail = '{' WHERE number = 5",),
        "no id": ("UPDATE audit_event SET id = x'ff' WHERE number = 5",),
    },
    "postgresql": {
        "no time": ("UPDATE audit_event SET at = 'infinity' WHERE number = 5",),
        "a microsecond": ("UPDATE audit_event SET at = at + interval '1 microsecond' WHERE number = 5",),
        "truncated": ("TRUNCATE audit_event",),
    },
}


@pytest.fixture
def heads(transaction: Transaction, now: datetime) -> Heads:
    """Twelve events, of which the 4th, the 9th and the last stand in a head."""
    with transaction() as session:
        write(session, now, *(f"action-{number}" for number in range(1, LENGTH + 1)))
    with transaction() as session:
        return {one.number: [one.sha256] for one in entries(session.connection()) if one.number in (4, 9, LENGTH)}


@pytest.mark.parametrize("statements", EVERYWHERE.values(), ids=EVERYWHERE.keys())
def test_what_an_owner_does_to_the_table_is_seen(
    transaction: Transaction, tamper: Tamper, heads: Heads, statements: tuple[str, ...]
) -> None:
    assert look(transaction, heads) == ([], Reach(LENGTH, LENGTH, LENGTH))
    for statement in statements:
        tamper(statement)
    assert look(transaction, heads)[0] != []


def test_what_only_one_database_lets_in_is_seen(
    engine: Engine, transaction: Transaction, tamper: Tamper, heads: Heads, owner: Engine
) -> None:
    for statements in ONLY_ON[engine.dialect.name].values():
        with owner.begin() as connection:
            connection.execute(text("CREATE TABLE kept AS SELECT * FROM audit_event"))
        for statement in statements:
            tamper(statement)
        assert look(transaction, heads)[0] != [], statements
        tamper("DELETE FROM audit_event")
        tamper("INSERT INTO audit_event SELECT * FROM kept")
        assert look(transaction, heads)[0] == []
        with owner.begin() as connection:
            connection.execute(text("DROP TABLE kept"))


def test_a_table_put_back_to_an_earlier_state_that_went_on_is_seen(
    transaction: Transaction, tamper: Tamper, heads: Heads, now: datetime
) -> None:
    tamper("DELETE FROM audit_event WHERE number > 6")
    with transaction() as session:
        write(session, now, *(f"again-{number}" for number in range(20)))
    assert look(transaction)[0] == []
    faults, reach = look(transaction, heads)
    assert [(fault.kind, fault.number) for fault in faults] == [("rewritten", 9), ("rewritten", LENGTH)]
    assert reach.last_head == 4


def test_an_edit_with_every_hash_made_again_is_seen(transaction: Transaction, tamper: Tamper, heads: Heads) -> None:
    tamper("UPDATE audit_event SET object_id = '2' WHERE number = 3")
    with transaction() as session:
        rows = list(entries(session.connection()))
    before = BEGINNING
    for row in rows:
        made = digest(row._replace(previous_sha256=before))
        tamper(f"UPDATE audit_event SET previous_sha256 = '{before}', sha256 = '{made}' WHERE number = {row.number}")
        before = made
    assert look(transaction)[0] == []
    assert [fault.number for fault in look(transaction, heads)[0]] == [4, 9, LENGTH]


def test_a_second_event_with_the_same_number_is_seen_at_the_edge_of_a_page(
    transaction: Transaction, tamper: Tamper, heads: Heads, monkeypatch: pytest.MonkeyPatch, owner: Engine
) -> None:
    monkeypatch.setattr("app.audit.queries.PAGE", 5)
    assert look(transaction, heads)[0] == []
    _drop_unique_numbers(owner)
    tamper(FORGE.format(id="f" * 32).replace("number + 1", "5").replace("number = 12", "number = 5"))
    assert next(fault.kind for fault in look(transaction, heads)[0]) == "misplaced"


def test_the_triggers_stay_after_the_migration(transaction: Transaction, heads: Heads, owner: Engine) -> None:
    for statement in ("UPDATE audit_event SET action = 'nothing' WHERE number = 8", "DELETE FROM audit_event"):
        with pytest.raises(DBAPIError, match="never changed"), owner.begin() as connection:
            connection.execute(text(statement))
    assert look(transaction, heads)[0] == []


@pytest.fixture
def unguarded(postgres: Server, migrated_template: str) -> Iterator[Engine]:
    """A PostgreSQL database for its owner, whose events need no number."""
    name = f"test_{uuid4().hex}"
    postgres.run(f"CREATE DATABASE {name} TEMPLATE {migrated_template}")
    owning = create_engine(postgres.owner_url(name))
    with owning.begin() as connection:
        connection.execute(text("ALTER TABLE audit_event ALTER COLUMN number DROP NOT NULL"))
    yield owning
    owning.dispose()
    postgres.run(f"DROP DATABASE {name} WITH (FORCE)")


def test_events_without_a_number_are_counted(unguarded: Engine) -> None:
    with unguarded.begin() as connection:
        connection.execute(
            text(
                "INSERT INTO audit_event (id, at, action, object_type, object_id, result, detail, previous_sha256, "
                f"sha256) VALUES ('{uuid4()}', now(), 'a', 'b', 'c', 'done', '{{}}', '', '')"
            )
        )
        assert count_without_number(connection) == 1


def _drop_unique_numbers(owner: Engine) -> None:
    with owner.begin() as connection:
        if owner.dialect.name == "postgresql":
            connection.execute(text("ALTER TABLE audit_event DROP CONSTRAINT uq_audit_event_number"))
            return
        # SQLite cannot drop the constraint: the table is copied without it.
        connection.execute(text("CREATE TABLE loose AS SELECT * FROM audit_event"))
        connection.execute(text("DROP TABLE audit_event"))
        connection.execute(text("ALTER TABLE loose RENAME TO audit_event"))
        for verb in ("update", "delete"):
            connection.execute(
                text(f"CREATE TRIGGER audit_event_refuse_{verb} BEFORE {verb} ON audit_event BEGIN SELECT 1; END")
            )
