"""The command `sameday`: what it says when something is wrong, and a whole life of it as people run it."""

import logging
import os
import re
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

import httpx
import pytest

from app.__main__ import main
from app.db import hold_alone
from app.settings import Settings, settings_from_environment
from app.version import VERSION

Run = Callable[..., tuple[object, str]]


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Iterator[Run]:
    """Run the command in this process: how it ended, and what it said."""
    handlers, dbos_level, mask = logging.root.handlers[:], logging.getLogger("dbos").level, os.umask(0o022)

    def run(*args: str, **settings: str) -> tuple[object, str]:
        for name, value in ({"SAMEDAY_DATABASE_URL": f"sqlite:///{tmp_path / 'none.db'}"} | settings).items():
            monkeypatch.setenv(name, value)
        monkeypatch.setenv("COLUMNS", "200")
        monkeypatch.setattr(sys, "argv", ["sameday", *args])
        settings_from_environment.cache_clear()
        with pytest.raises(SystemExit) as ended:
            main()
        said = capsys.readouterr()
        return ended.value.code, said.out + said.err

    yield run
    os.umask(mask)
    logging.root.handlers[:] = handlers
    logging.getLogger("dbos").setLevel(dbos_level)
    settings_from_environment.cache_clear()


def test_the_version_is_printed(run: Run) -> None:
    assert run("--version") == (0, f"sameday {VERSION}\n")


def test_every_command_is_listed(run: Run) -> None:
    _, listed = run("--help")
    for command in ("serve", "worker", "migrate", "forms", "people", "tokens", "audit", "verify", "demo"):
        assert re.search(rf"\b{command}\b", listed), command


@pytest.mark.parametrize("command", ["serve", "worker", "migrate"])
def test_a_wrong_setting_is_named_without_a_traceback(run: Run, command: str) -> None:
    status, said = run(command, SAMEDAY_SMTP_PORT="a lot")
    assert (status, "SAMEDAY_SMTP_PORT" in said, "Traceback" in said) == (1, True, False)


def test_a_secret_file_that_is_not_there_is_named(run: Run) -> None:
    status, said = run("migrate", SAMEDAY_SMTP_PASSWORD_FILE="/nowhere/secret")
    assert (status, "/nowhere/secret" in said, "Traceback" in said) == (1, True, False)


def test_a_database_that_does_not_answer_is_named_without_its_password(run: Run) -> None:
    status, said = run("migrate", SAMEDAY_DATABASE_URL="postgresql+psycopg://sameday:hunter2@127.0.0.1:1/none")
    assert (status, "127.0.0.1:1/none" in said, "hunter2" in said) == (1, True, False)


@pytest.mark.parametrize("address", ["nonsense", "postgres://x", "oracle://x/y"])
def test_what_is_no_address_of_a_database_is_named_without_a_traceback(run: Run, address: str) -> None:
    status, said = run("migrate", SAMEDAY_DATABASE_URL=address)
    assert (status, "SAMEDAY_DATABASE_URL" in said, "Traceback" in said) == (1, True, False)


def test_a_database_that_is_made_is_for_its_owner_only(run: Run, tmp_path: Path) -> None:
    run("migrate")
    assert (tmp_path / "none.db").stat().st_mode & 0o077 == 0


def test_a_second_service_on_one_sqlite_file_is_refused(run: Run, tmp_path: Path) -> None:
    run("migrate")
    settings = Settings(database_url=f"sqlite:///{tmp_path / 'none.db'}")
    with hold_alone(settings):
        status, said = run("serve")
    assert (status, "Another" in said) == (1, True)


def test_the_service_asks_for_the_migration_first(run: Run) -> None:
    status, said = run("serve")
    assert (status, "sameday migrate" in said) == (1, True)


def test_no_second_process_works_on_an_embedded_database(run: Run) -> None:
    status, said = run("worker")
    assert (status, "sameday serve" in said) == (1, True)


def test_a_fresh_machine_migrates_serves_and_stops_when_asked(tmp_path: Path) -> None:
    environment = _environment(tmp_path)
    for _ in range(2):
        subprocess.run([sys.executable, "-m", "app", "migrate"], env=environment, check=True, capture_output=True)
    with subprocess.Popen(
        [sys.executable, "-m", "app", "serve", "--port", "0"],
        env=environment,
        stderr=subprocess.PIPE,
        text=True,
    ) as serving:
        assert serving.stderr is not None
        address = next(found[0] for line in serving.stderr if (found := re.search(r"http://127.0.0.1:\d+", line)))
        assert httpx.get(f"{address}/readyz").json() == {"status": "ready"}
        serving.send_signal(signal.SIGTERM)
        lines = serving.stderr.read().splitlines()
    assert serving.returncode in (0, -signal.SIGTERM)
    assert all(line.startswith("{") for line in lines), lines


def _environment(folder: Path) -> Mapping[str, str]:
    foreign = {name: value for name, value in os.environ.items() if not name.startswith("SAMEDAY_")}
    return foreign | {
        "SAMEDAY_DATABASE_URL": f"sqlite:///{folder / 'sameday.db'}",
        "SAMEDAY_STATE_DIR": str(folder / "state"),
    }
