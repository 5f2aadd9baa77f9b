"""Databases for the tests: every test that asks for one runs on SQLite and on PostgreSQL, freshly migrated."""

import os
import shutil
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from tempfile import TemporaryDirectory
from uuid import uuid4

import pytest
from sqlalchemy import Engine
from sqlmodel import Session
from throwaway import SERVICE_ROLE, Server, postgres_server, seeing_all

from app import engine as work_engine
from app import roles
from app.db import Transaction, engine_for, migrate, transactions
from app.settings import Settings


@pytest.fixture(scope="session", autouse=True)
def state_folder(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """Where self-made keys go of settings that name no folder: not into the checkout."""
    folder = tmp_path_factory.mktemp("state")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("SAMEDAY_STATE_DIR", str(folder))
        yield folder


@pytest.fixture
def now() -> datetime:
    """The afternoon on which the stories happen: Monday 23 Nov 2026, 14:05 GMT."""
    return datetime(2026, 11, 23, 14, 5, tzinfo=UTC)


@pytest.fixture(scope="session")
def postgres() -> Iterator[Server]:
    """A throw-away PostgreSQL server on loopback, or the one that SAMEDAY_TEST_POSTGRES_PORT names."""
    given = os.environ.get("SAMEDAY_TEST_POSTGRES_PORT")
    if given:
        server = Server(int(given))
        server.add_service_role()
        yield server
        return
    # Not below pytest's own folder, which another run beside this one may tidy away.
    with (
        TemporaryDirectory(prefix="sameday-postgres-") as name,
        postgres_server(Path(name) / "home", fsync=False) as it,
    ):
        yield it


@pytest.fixture(scope="session")
def migrated_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An SQLite database with every table and not one row; tests copy it."""
    file = tmp_path_factory.mktemp("sqlite") / "migrated.db"
    _migrate(f"sqlite:///{file}")
    return file


@pytest.fixture(scope="session")
def migrated_template(postgres: Server) -> str:
    """The same on PostgreSQL: the name of a database to be used as a template."""
    name = f"migrated_{uuid4().hex}"
    postgres.run(f"CREATE DATABASE {name}")
    _migrate(postgres.owner_url(name))
    return name


@pytest.fixture(params=["sqlite", "postgresql"])
def database_url(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    """The address of an empty, migrated database; the test runs once for each engine."""
    if request.param == "sqlite":
        yield from _sqlite_copy(request.getfixturevalue("migrated_file"), tmp_path)
    else:
        yield from _postgres_copy(request.getfixturevalue("postgres"), request.getfixturevalue("migrated_template"))


@pytest.fixture
def sqlite_url(migrated_file: Path, tmp_path: Path) -> Iterator[str]:
    """For tests whose subject does not depend on the database: SQLite only."""
    yield from _sqlite_copy(migrated_file, tmp_path)


@pytest.fixture
def settings(database_url: str, tmp_path: Path) -> Settings:
    return Settings(database_url=database_url, state_dir=tmp_path / "state", base_url="https://sameday.example")


@pytest.fixture
def engine(settings: Settings) -> Iterator[Engine]:
    """An engine for tests of verbs: on PostgreSQL it logs in as the service's role, and acts as the service."""
    engine = engine_for(settings.model_copy(update={"database_url": seeing_all(settings.database_url)}))
    yield engine
    engine.dispose()


@pytest.fixture
def transaction(engine: Engine) -> Transaction:
    return transactions(engine)


@pytest.fixture
def session(engine: Engine) -> Iterator[Session]:
    """A session that a test commits itself."""
    with Session(engine, expire_on_commit=False) as session:
        yield session


def _sqlite_copy(migrated_file: Path, folder: Path) -> Iterator[str]:
    shutil.copy(migrated_file, folder / "sameday.db")
    yield f"sqlite:///{folder / 'sameday.db'}"


def _postgres_copy(postgres: Server, template: str) -> Iterator[str]:
    name = f"test_{uuid4().hex}"
    postgres.run(f"CREATE DATABASE {name} TEMPLATE {template}")
    yield postgres.url(name)
    postgres.run(f"DROP DATABASE {name} WITH (FORCE)")


def _migrate(url: str) -> None:
    engine = engine_for(Settings(database_url=url))
    migrate(engine)
    work_engine.prepare(url)
    if engine.dialect.name == "postgresql":
        roles.grant_what_is_needed(engine, SERVICE_ROLE)
    engine.dispose()
