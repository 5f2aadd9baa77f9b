"""Every database of these tests is born with the cast in it: loading it for each test would take most of their time."""

import shutil
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from uuid import uuid4

import factories
import pytest
from factories import Cast
from sqlmodel import Session
from throwaway import seeing_all

from app.db import engine_for
from app.settings import Settings

LOADED_AT = datetime(2026, 11, 23, 14, 5, tzinfo=UTC)


@pytest.fixture(scope="session")
def migrated_file(migrated_file: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An SQLite database with every table and the cast; tests copy it."""
    file = tmp_path_factory.mktemp("sqlite-cast") / "cast.db"
    shutil.copy(migrated_file, file)
    _load(f"sqlite:///{file}")
    return file


@pytest.fixture(scope="session")
def migrated_template(postgres: Any, migrated_template: str) -> Iterator[str]:
    """The same on PostgreSQL."""
    name = f"cast_{uuid4().hex}"
    postgres.run(f"CREATE DATABASE {name} TEMPLATE {migrated_template}")
    _load(postgres.url(name))
    yield name
    postgres.run(f"DROP DATABASE {name} WITH (FORCE)")


@pytest.fixture
def cast(session: Session, now: datetime) -> Cast:
    """Who is who. The session is closed again: on SQLite there is only one connection."""
    found = factories.cast_in(session, now)
    session.expunge_all()
    session.close()
    return found


def _load(url: str) -> None:
    engine = engine_for(Settings(database_url=seeing_all(url)))
    with Session(engine) as session:
        factories.load_cast(session, LOADED_AT)
        session.commit()
    engine.dispose()
