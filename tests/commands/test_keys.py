"""`sameday keys`: what operators see and do when a key is exchanged."""

from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path

import factories
import pytest
from click.testing import Result
from sqlmodel import update
from throwaway import seeing_all
from typer.testing import CliRunner

from app.commands.keys import app
from app.db import engine_for, transactions
from app.encryption.keyring import read_keys
from app.encryption.tables import DataKey
from app.settings import Settings, settings_from_environment

Run = Callable[..., Result]
NOW = datetime(2026, 11, 23, 14, 5, tzinfo=UTC)


@pytest.fixture
def keys(tmp_path: Path) -> Path:
    file = tmp_path / "keys"
    file.write_text(CliRunner().invoke(app, ["new", "--id", "first"]).stdout)
    return file


@pytest.fixture
def run(database_url: str, keys: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Run]:
    monkeypatch.setenv("SAMEDAY_DATABASE_URL", database_url)
    monkeypatch.setenv("SAMEDAY_ENCRYPTION_KEYS_FILE", str(keys))
    settings_from_environment.cache_clear()
    engine = engine_for(Settings(database_url=seeing_all(database_url), encryption_keys_file=keys))
    with transactions(engine)() as session:
        cast = factories.load_cast(session, NOW)
        factories.signed_outcome(session, cast["asha.kerrin"], cast.sites["beacon-down"], NOW)
    engine.dispose()
    yield lambda *words: CliRunner().invoke(app, words)
    settings_from_environment.cache_clear()


def lines(told: Result) -> list[list[str]]:
    """The cells of the rows of the table."""
    return [[cell.strip() for cell in line.split("│")[1:-1]] for line in told.stdout.splitlines() if "│" in line]


def test_a_key_is_exchanged_as_the_handbook_says(run: Run, keys: Path) -> None:
    assert lines(run("list")) == [["first", "2", "current"]]
    keys.write_text(run("new", "--id", "second").stdout + keys.read_text())
    assert lines(run("list")) == [["first", "2", "yes"], ["second", "0", "current"]]
    done = run("rewrap")
    assert done.exit_code == 0
    assert "2 keys of records are now wrapped under second" in done.stdout
    assert lines(run("list")) == [["first", "0", "yes"], ["second", "2", "current"]]
    keys.write_text(keys.read_text().splitlines()[0])
    assert lines(run("list")) == [["second", "2", "current"]]
    assert "0 keys of records" in run("rewrap").stdout


def test_a_key_that_is_missing_is_shown_and_keeps_the_command_from_ending_well(run: Run, keys: Path) -> None:
    keys.write_text(run("new", "--id", "other").stdout)
    assert lines(run("list")) == [["first", "2", "MISSING"], ["other", "0", "current"]]
    refused = run("rewrap")
    assert refused.exit_code == 1
    assert "2 could not be opened" in " ".join(refused.stdout.split())


def test_every_new_line_is_another_and_can_be_read(tmp_path: Path) -> None:
    made = [CliRunner().invoke(app, ["new"]).stdout for _ in range(3)]
    (tmp_path / "keys").write_text("".join(made))
    assert len(read_keys(tmp_path / "keys")) == 3
    assert CliRunner().invoke(app, ["new", "--id", "a b"]).exit_code == 2


def test_a_file_without_a_key_is_said_in_a_sentence(run: Run, keys: Path) -> None:
    keys.write_text("# nothing\n")
    told = run("list")
    assert (told.exit_code, "sameday keys new" in " ".join(told.stderr.split())) == (1, True)


def test_a_damaged_key_is_named_and_the_rest_is_done(run: Run, keys: Path, database_url: str) -> None:
    engine = engine_for(Settings(database_url=seeing_all(database_url), encryption_keys_file=keys))
    with transactions(engine)() as session:
        session.connection().execute(update(DataKey).values(wrapped=b"\x01" + b"\x00" * 60))
    engine.dispose()
    keys.write_text(run("new", "--id", "second").stdout + keys.read_text())
    told = run("rewrap")
    assert (told.exit_code, told.stdout.count("not opened:")) == (1, 2)
