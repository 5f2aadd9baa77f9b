"""`sameday audit verify` and `publish-head`, as an operator or an auditor types them."""

import logging
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread

import pytest
from click.testing import Result
from peers import Peer, receiver
from tampering import Tamper, write
from typer.testing import CliRunner

from app.audit.publishing import head_file
from app.commands import audit
from app.db import Transaction
from app.settings import Settings, settings_from_environment

Run = Callable[..., Result]


@pytest.fixture
def run(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> Iterator[Run]:
    """Runs one command against the test's own database and state folder."""

    def invoke(*words: str, **more: str) -> Result:
        for name, value in {
            "DATABASE_URL": settings.database_url,
            "STATE_DIR": str(settings.state_dir),
            **more,
        }.items():
            monkeypatch.setenv(f"SAMEDAY_{name}", value)
        settings_from_environment.cache_clear()
        return CliRunner().invoke(audit.app, words)

    yield invoke
    settings_from_environment.cache_clear()


@pytest.fixture(autouse=True)
def events(transaction: Transaction, now: object) -> None:
    with transaction() as session:
        write(session, now, "a", "b", "c", "d", "e")  # type: ignore[arg-type]


def test_a_whole_audit_is_proven_up_to_its_last_head(run: Run, transaction: Transaction, now: object) -> None:
    assert "reaches event 5 " in run("publish-head").stdout
    with transaction() as session:
        write(session, now, "f", "g")  # type: ignore[arg-type]
    told = run("verify")
    assert told.exit_code == 0
    assert told.stdout.splitlines() == [
        "Events seen: 7, the last with the number 7.",
        "The audit is as it was written, up to event 5, which the last signed head names.",
        "Events after it, which no head proves yet: 2.",
    ]


def test_without_a_head_it_says_what_it_cannot_know(run: Run) -> None:
    told = run("verify")
    assert told.exit_code == 3
    assert "There is no signed head" in told.stdout


@pytest.mark.parametrize(
    ("statement", "said", "signs_on"),
    [
        ("UPDATE audit_event SET result = 'denied' WHERE number = 2", "Event 2 is not what was written", True),
        ("DELETE FROM audit_event WHERE number IN (2, 3)", "Events 2 to 3 are missing.", True),
        ("DELETE FROM audit_event WHERE number > 3", "a signed head says that event 5 was there", False),
        ("DELETE FROM audit_event", "The audit ends with event 0", False),
    ],
)
def test_what_was_done_to_it_is_told_with_numbers(
    run: Run, tamper: Tamper, statement: str, said: str, signs_on: bool
) -> None:
    run("publish-head")
    tamper(statement)
    told = run("verify")
    assert told.exit_code == 1
    assert said in told.stdout
    assert "NOT as it was written" in told.stdout
    assert run("publish-head").exit_code == (0 if signs_on else 1)


def test_a_thousand_faults_are_counted_and_a_hundred_told(
    run: Run, tamper: Tamper, transaction: Transaction, now: object
) -> None:
    with transaction() as session:
        write(session, now, *("x" for _ in range(150)))  # type: ignore[arg-type]
    tamper("UPDATE audit_event SET action = 'nothing'")
    lines = run("verify").stdout.splitlines()
    assert (len(lines), lines[-3]) == (103, "… and 55 more.")


def test_an_auditor_brings_heads_and_key_from_elsewhere(run: Run, settings: Settings, tmp_path: Path) -> None:
    run("publish-head")
    (public,) = (settings.state_dir / "audit-keys").glob("*.pem")
    elsewhere = {"STATE_DIR": str(tmp_path / "auditor")}
    heads = str(head_file(settings))
    unknown = run("verify", "--heads", heads, **elsewhere)
    assert (unknown.exit_code, "names a key that is not among the public keys" in unknown.stdout) == (1, True)
    assert run("verify", "--heads", heads, "--public-key", str(public), **elsewhere).exit_code == 0
    with serving_lines(head_file(settings).read_bytes()) as url:
        assert run("verify", "--heads", url, "--public-key", str(public), **elsewhere).exit_code == 0
    assert not (tmp_path / "auditor").exists()


def test_a_false_head_is_a_fault_and_a_torn_line_is_only_told(run: Run, settings: Settings) -> None:
    run("publish-head")
    whole = head_file(settings).read_text()
    head_file(settings).write_text(whole + whole[:40])
    told = run("verify")
    assert (told.exit_code, "is no head" in told.stdout) == (0, True)
    head_file(settings).write_text(whole.replace('"number":5', '"number":4'))
    told = run("verify")
    assert (told.exit_code, "event 4 has a wrong signature" in told.stdout) == (1, True)


def test_a_source_that_cannot_be_read_is_named(run: Run, tmp_path: Path) -> None:
    refused = run("verify", "--heads", str(tmp_path / "none.jsonl"))
    assert (refused.exit_code, "none.jsonl" in refused.stderr) == (1, True)
    refused = run("verify", "--public-key", str(tmp_path / "none.pem"))
    assert (refused.exit_code, "none.pem" in refused.stderr) == (1, True)


def test_a_head_is_sent_where_the_settings_say_or_that_is_told(run: Run) -> None:
    peer = Peer()
    with receiver(peer) as url:
        assert run("publish-head", AUDIT_HEAD_URL=url).exit_code == 0
        peer.behaviour = "later"
        refused = run("publish-head", AUDIT_HEAD_URL=url)
    assert len(peer.got) == 2
    assert (refused.exit_code, "not taken" in refused.stderr) == (1, True)


def test_a_key_that_cannot_sign_is_named(run: Run, tmp_path: Path) -> None:
    refused = run("publish-head", AUDIT_KEY_FILE=str(tmp_path / "none.pem"))
    assert (refused.exit_code, "SAMEDAY_AUDIT_KEY_FILE" in refused.stderr) == (1, True)


def test_an_empty_audit_has_nothing_to_sign(run: Run, tamper: Tamper) -> None:
    tamper("DELETE FROM audit_event")
    assert "nothing to sign" in run("publish-head").stdout


def test_verifying_needs_the_address_of_the_database_and_nothing_else(
    run: Run, settings: Settings, tmp_path: Path
) -> None:
    """In a process of its own, in an empty folder: no key, no state, no secret, and nothing is made there."""
    run("publish-head")
    (public,) = (settings.state_dir / "audit-keys").glob("*.pem")
    home = tmp_path / "empty"
    home.mkdir()
    kept = {name: value for name, value in os.environ.items() if not name.startswith("SAMEDAY_")}
    words = ["verify", "--heads", str(head_file(settings)), "--public-key", str(public)]
    told = subprocess.run(
        [sys.executable, "-m", "app", "audit", *words],
        env=kept | {"SAMEDAY_DATABASE_URL": settings.database_url, "PYTHONPATH": str(Path.cwd())},
        cwd=home,
        capture_output=True,
        text=True,
        check=False,
    )
    assert (told.returncode, told.stderr, list(home.iterdir())) == (0, "", [])


@contextmanager
def serving_lines(data: bytes) -> Iterator[str]:
    """Another machine, from which heads can be fetched."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200)
            self.send_header("content-length", str(len(data)))
            self.end_headers()
            self.wfile.write(data)

        def log_message(self, *args: object) -> None:
            logging.getLogger(__name__).debug(*args)

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_address[1]}/heads"
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
