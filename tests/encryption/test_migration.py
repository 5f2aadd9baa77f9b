"""Migration 0003 carries the directory over, and refuses what version 0.1 kept unencrypted."""

from collections.abc import Iterator
from pathlib import Path
from uuid import uuid4

import pytest
from alembic import command
from alembic.config import Config
from sqlalchemy import Connection, Engine, inspect, text
from throwaway import Server, owning

from app.db import MigrationRefusedError, engine_for
from app.settings import Settings
from app.version import ROOT

ORGANISATION, TEAM, ACCOUNT, SITE, OUTCOME = (uuid4() for _ in range(5))


@pytest.fixture(params=["sqlite", "postgresql"])
def old(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Engine]:
    """A database of version 0.1, at migration 0002, with a directory."""
    name = f"old_{uuid4().hex}"
    postgres: Server | None = None
    url = f"sqlite:///{tmp_path / 'old.db'}"
    if request.param == "postgresql":
        postgres = request.getfixturevalue("postgres")
        postgres.run(f"CREATE DATABASE {name}")
        url = owning(postgres.url(name))
    engine = engine_for(Settings(database_url=url))
    upgrade(engine, "0002")
    with engine.begin() as connection:
        put(connection, "organisation", id=ORGANISATION, code="meon", name="Meon")
        put(connection, "team", id=TEAM, organisation_id=ORGANISATION, code="duty", name="Duty", role="gp")
        put(connection, "account", id=ACCOUNT, organisation_id=ORGANISATION, email="a@b.example", name="A")
        put(connection, "site", id=SITE, organisation_id=ORGANISATION, code="meon", name="Meon", policy="{}")
    yield engine
    engine.dispose()
    if postgres is not None:
        postgres.run(f"DROP DATABASE {name} WITH (FORCE)")


def upgrade(engine: Engine, revision: str) -> None:
    config = Config(toml_file=str(ROOT / "pyproject.toml"))
    with engine.begin() as connection:
        config.attributes["connection"] = connection
        command.upgrade(config, revision)


def put(connection: Connection, table: str, **values: object) -> None:
    is_sqlite = connection.dialect.name == "sqlite"
    times = {"account": {"created_at": "2026-11-01 00:00:00"}, "outcome": {"begun_at": "2026-11-01 00:00:00"}}
    values = {
        name: value.hex if is_sqlite and hasattr(value, "hex") else value
        for name, value in (values | times.get(table, {})).items()
    }
    names = ", ".join(values)
    places = ", ".join(f":{name}" for name in values)
    connection.execute(text(f"INSERT INTO {table} ({names}) VALUES ({places})"), values)


def columns(engine: Engine, table: str) -> set[str]:
    return {one["name"] for one in inspect(engine).get_columns(table)}


def test_a_directory_is_carried_over(old: Engine) -> None:
    upgrade(old, "0003")
    with old.connect() as connection:
        assert connection.execute(text("SELECT code FROM team")).scalars().all() == ["duty"]
        assert connection.execute(text("SELECT email FROM account")).scalars().all() == ["a@b.example"]
    assert "webhook_secret" not in columns(old, "team")
    assert "answers" not in columns(old, "draft") | columns(old, "outcome_version")


def test_outcomes_that_were_kept_unencrypted_are_refused_and_left(old: Engine) -> None:
    with old.begin() as connection:
        put(
            connection, "outcome", id=OUTCOME, reference="7Q4K-2P", site_id=SITE, form_name="x", author_id=ACCOUNT,
            last_revision=0,
        )  # fmt: skip
    with pytest.raises(MigrationRefusedError, match="Begin with a new database"):
        upgrade(old, "0003")
    assert "answers" in columns(old, "draft")
    assert not inspect(old).has_table("data_key")


def test_a_webhook_secret_that_was_kept_unencrypted_is_refused_and_left(old: Engine) -> None:
    with old.begin() as connection:
        connection.execute(text("UPDATE team SET webhook_secret = 'whsec_x'"))
    with pytest.raises(MigrationRefusedError, match="webhook secret"):
        upgrade(old, "0003")
    with old.connect() as connection:
        assert connection.execute(text("SELECT webhook_secret FROM team")).scalar() == "whsec_x"
