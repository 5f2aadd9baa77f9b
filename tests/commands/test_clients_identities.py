"""The commands that keep integrations and links to providers, as an operator types them."""

import json
import re
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import typer
from click.testing import Result
from joserfc.jwk import RSAKey
from typer.testing import CliRunner

from app.commands import clients, people
from app.settings import settings_from_environment
from app.version import ROOT

Run = Callable[..., Result]
ASHA = "asha.kerrin@beacon-down-trust.example"


@pytest.fixture
def run(sqlite_url: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[Run]:
    """Runs one command against the test's own database, with the cast in it."""
    monkeypatch.setenv("SAMEDAY_DATABASE_URL", sqlite_url)
    settings_from_environment.cache_clear()

    def invoke(app: typer.Typer, *words: str) -> Result:
        return CliRunner().invoke(app, words)

    assert invoke(people.app, "load", str(ROOT / "demo" / "cast.yaml")).exit_code == 0
    yield invoke
    settings_from_environment.cache_clear()


def test_an_integration_is_registered_renewed_and_ended(run: Run, tmp_path: Path) -> None:
    made = run(clients.app, "register", "beacon-down-trust", "Record system", "--scope", "outcomes:read")
    assert made.exit_code == 0
    found = re.fullmatch(r"client_id: (\S{36})\nclient_secret: (sc_[A-Za-z0-9_-]{43})\n", made.stdout)
    assert found
    listed = run(clients.app, "list").stdout
    assert found[1] in listed
    assert found[2] not in listed
    keys = tmp_path / "keys.json"
    keys.write_text(json.dumps({"keys": [RSAKey.generate_key(2048).as_dict(private=False)]}), "utf-8")
    renewed = run(clients.app, "renew", found[1], "--keys", str(keys))
    assert (renewed.exit_code, renewed.stdout) == (0, f"client_id: {found[1]}\n")
    assert run(clients.app, "end", found[1]).exit_code == 0
    assert "ended" in run(clients.app, "list").stdout
    assert run(clients.app, "renew", found[1]).exit_code == 1


def test_a_registration_that_is_wrong_is_refused(run: Run, tmp_path: Path) -> None:
    refused = run(clients.app, "register", "beacon-down-trust", "x", "--scope", "outcomes:sign")
    assert (refused.exit_code, refused.stdout) == (1, "")
    assert "/scopes" in refused.stderr
    assert run(clients.app, "register", "nowhere", "x", "--scope", "outcomes:read").exit_code == 1
    keys = tmp_path / "keys.json"
    keys.write_text("no JSON", "utf-8")
    words = ("register", "beacon-down-trust", "x", "--scope", "outcomes:read", "--keys")
    told = run(clients.app, *words, str(keys)).stderr.replace("│", " ")  # a box, broken where the line is full
    assert "no JWK Set" in " ".join(told.split())
    keys.write_text(json.dumps({"keys": [RSAKey.generate_key(2048).as_dict(private=True)]}), "utf-8")
    assert "private key" in run(clients.app, *words, str(keys)).stderr


def test_a_person_is_linked_and_unlinked(run: Run) -> None:
    words = (ASHA, "https://cis2.example", "555021935107")
    assert run(people.app, "link", *words).exit_code == 0
    again = run(people.app, "link", *words)
    assert (again.exit_code, "already" in again.stderr) == (1, True)
    assert run(people.app, "unlink", *words).exit_code == 0
    assert run(people.app, "unlink", *words).exit_code == 0
    assert run(people.app, "link", *words).exit_code == 0
    assert run(people.app, "link", "nobody@x.example", *words[1:]).exit_code == 1
    assert run(people.app, "link", ASHA, "cis2", "1").exit_code == 1
