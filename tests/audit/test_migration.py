"""The migration makes one chain of the events that were there before it."""

from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path
from uuid import uuid4

import pytest
from alembic import command
from alembic.config import Config
from sqlalchemy import Engine, text
from sqlalchemy.exc import DBAPIError
from tampering import look, write
from throwaway import Server

from app.audit.chain import Reach
from app.db import engine_for, new_id, transactions
from app.settings import Settings
from app.version import ROOT

OLD = (
    "INSERT INTO audit_event (id, at, actor_id, action, object_type, object_id, result, detail) "
    "VALUES (:id, :at, :actor, 'old', 'outcome', '1', 'done', :detail)"
)


@pytest.fixture(params=["sqlite", "postgresql"])
def before(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Engine]:
    """A database as it was before the events were a chain, for its owner."""
    if request.param == "sqlite":
        yield from _upgraded(f"sqlite:///{tmp_path / 'old.db'}")
        return
    postgres: Server = request.getfixturevalue("postgres")
    name = f"test_{uuid4().hex}"
    postgres.run(f"CREATE DATABASE {name}")
    yield from _upgraded(postgres.owner_url(name))
    postgres.run(f"DROP DATABASE {name} WITH (FORCE)")


def test_events_of_before_are_linked_in_the_order_of_time(before: Engine, now: datetime) -> None:
    is_sqlite = before.dialect.name == "sqlite"
    times = [now + timedelta(microseconds=shift) for shift in (2_000_001, 0, 1, 0)]
    with before.begin() as connection:
        for number, at in enumerate(times):
            row_id, actor = new_id(), uuid4() if number % 2 else None
            values = {
                "id": row_id.hex if is_sqlite else row_id,
                "at": f"{at:%Y-%m-%d %H:%M:%S.%f}" if is_sqlite else at,
                "actor": actor.hex if is_sqlite and actor else actor,
                "detail": f'{{"was": {number}}}',
            }
            connection.execute(text(OLD), values)
    _upgrade(before, "head")
    assert look(transactions(before)) == ([], Reach(4, 4, 0))
    with before.begin() as connection:
        order = connection.scalars(text("SELECT CAST(detail AS TEXT) FROM audit_event ORDER BY number")).all()
    assert order == [f'{{"was": {number}}}' for number in (1, 3, 2, 0)]
    with transactions(before)() as session:
        write(session, now, "new")
    assert look(transactions(before)) == ([], Reach(5, 5, 0))
    for statement in ("UPDATE audit_event SET action = 'x'", "DELETE FROM audit_event"):
        with pytest.raises(DBAPIError, match="never changed"), before.begin() as connection:
            connection.execute(text(statement))


def _upgraded(url: str) -> Iterator[Engine]:
    engine = engine_for(Settings(database_url=url))
    _upgrade(engine, "0003")
    yield engine
    engine.dispose()


def _upgrade(engine: Engine, revision: str) -> None:
    config = Config(toml_file=str(ROOT / "pyproject.toml"))
    with engine.begin() as connection:
        config.attributes["connection"] = connection
        command.upgrade(config, revision)
