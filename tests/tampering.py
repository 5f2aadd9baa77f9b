"""Writes events, verifies the whole table, and reaches it as its owner, whom no trigger and no role stops."""

from collections.abc import Callable, Iterator
from datetime import datetime

import pytest
from sqlalchemy import Connection, Engine, create_engine, make_url, text
from sqlmodel import Session
from throwaway import OWNER

from app import audit
from app.audit.chain import Fault, Heads, Reach, verify
from app.audit.queries import entries
from app.db import Transaction
from app.settings import Settings

Tamper = Callable[[str], None]
"""Runs one statement on the audit as its owner, with the triggers taken away and put back again."""


@pytest.fixture
def owner(engine: Engine, settings: Settings) -> Iterator[Engine]:
    """The same database for its owner. On SQLite that is whoever can open the file."""
    url = make_url(settings.database_url)
    owning = create_engine(url.set(username=OWNER, query={}) if engine.dialect.name == "postgresql" else url)
    yield owning
    owning.dispose()


@pytest.fixture
def tamper(owner: Engine) -> Tamper:
    """Runs one statement on the audit as its owner, with the triggers taken away and put back again."""

    def run(statement: str) -> None:
        with owner.begin() as connection:
            triggers = _take_triggers(connection)
            connection.execute(text(statement))
            for one in triggers:
                connection.execute(text(one))

    return run


def _take_triggers(connection: Connection) -> list[str]:
    if connection.dialect.name == "postgresql":
        connection.execute(text("ALTER TABLE audit_event DISABLE TRIGGER USER"))
        return ["ALTER TABLE audit_event ENABLE TRIGGER USER"]
    found = connection.execute(
        text("SELECT name, sql FROM sqlite_master WHERE type = 'trigger' AND tbl_name = 'audit_event'")
    ).all()
    assert len(found) == 2
    for name, _ in found:
        connection.execute(text(f"DROP TRIGGER {name}"))
    return [sql for _, sql in found]


def write(session: Session, now: datetime, *actions: str) -> None:
    """Record so many events."""
    for action in actions:
        audit.record(
            session,
            now=now,
            actor_id=None,
            action=action,
            object_type="outcome",
            object_id="1",
            detail={"ids": ["a", "b"], "count": 2},
        )


def look(transaction: Transaction, heads: Heads | None = None) -> tuple[list[Fault], Reach]:
    """The whole table, verified."""
    faults: list[Fault] = []
    with transaction() as session:
        reach = verify(entries(session.connection()), heads or {}, faults.append)
    return faults, reach
