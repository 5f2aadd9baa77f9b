"""The commands that keep the directory and look into the audit, as an operator types them."""

import re
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path

import factories
import pytest
import typer
from click.testing import Result
from typer.testing import CliRunner

from app.commands import audit, people, tokens
from app.db import engine_for, transactions
from app.outcomes import queries
from app.people import by_link, links
from app.people.queries import actor_by_token, grants_on, may_read_outcome
from app.settings import Settings, settings_from_environment
from app.version import ROOT

CAST = str(ROOT / "demo" / "cast.yaml")
Run = Callable[..., Result]


@pytest.fixture
def run(sqlite_url: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[Run]:
    """Runs one command against the test's own database."""
    monkeypatch.setenv("SAMEDAY_DATABASE_URL", sqlite_url)
    settings_from_environment.cache_clear()

    def invoke(app: typer.Typer, *words: str) -> Result:
        return CliRunner().invoke(app, words)

    yield invoke
    settings_from_environment.cache_clear()


def test_the_cast_is_loaded_and_listed(run: Run) -> None:
    loaded = run(people.app, "load", CAST)
    assert (loaded.exit_code, loaded.stdout.splitlines()[0]) == (0, "organisations: 16 added or changed")
    assert "all of it is there already" in run(people.app, "load", CAST).stdout
    listed = run(people.app, "list")
    assert listed.exit_code == 0
    assert "Kerrin" in listed.stdout


def test_a_file_that_is_wrong_changes_nothing_and_says_where(run: Run, tmp_path: Path) -> None:
    file = tmp_path / "people.yaml"
    file.write_text(
        "organisations: [{code: x, name: X}]\nteams: [{code: t, organisation: x, name: T, role: police}]\n",
        "utf-8",
    )
    refused = run(people.app, "load", str(file))
    assert refused.exit_code == 1
    assert "/inbox_email: Give a duty inbox" in refused.stderr
    assert "Traceback" not in refused.output
    file.write_text("organisations: [{code: x, name: X}]\n", "utf-8")
    assert "organisations: 1 added" in run(people.app, "load", str(file)).stdout


def test_a_token_is_issued_listed_and_revoked(run: Run, sqlite_url: str) -> None:
    run(people.app, "load", CAST)
    email = "asha.kerrin@beacon-down-trust.example"
    issued = run(tokens.app, "issue", email, "--label", "ward", "--days", "7")
    plain = issued.stdout.strip()
    assert re.fullmatch(r"sd_[A-Za-z0-9_-]{43}", plain)
    assert _speaks_for(sqlite_url, plain) == email
    listed = run(tokens.app, "list", "--email", email).stdout
    assert "works" in listed
    assert plain not in listed
    (token_id,) = re.findall(r"[0-9a-f]{8}-[0-9a-f-]{27}", listed)
    assert run(tokens.app, "revoke", token_id).exit_code == 0
    assert "revoked" in run(tokens.app, "list").stdout
    assert _speaks_for(sqlite_url, plain) is None


def test_what_a_person_may_do_is_taken_away(run: Run, sqlite_url: str) -> None:
    run(people.app, "load", CAST)
    priya = "priya.dunmore@beacon-down-council.example"
    plain = run(tokens.app, "issue", priya).stdout.strip()
    asha = "asha.kerrin@beacon-down-trust.example"
    assert run(people.app, "leave", priya, "meon-duty").exit_code == 0
    assert run(people.app, "end-role", asha, "clinician", "--site", "meon").exit_code == 0
    cast = _cast(sqlite_url)
    assert cast["priya.dunmore"].team_ids == {cast.teams["beacon-duty"].id}
    assert ("clinician", cast.sites["meon"].id) not in cast["asha.kerrin"].roles
    assert ("clinician", cast.sites["beacon-down"].id) in cast["asha.kerrin"].roles
    assert run(people.app, "close", priya).exit_code == 0
    assert _speaks_for(sqlite_url, plain) is None
    assert "revoked" in run(tokens.app, "list", "--email", priya).stdout
    for words in (("close", "nobody@x.example"), ("leave", asha, "nowhere"), ("end-role", asha, "x", "--site", "y")):
        refused = run(people.app, *words)
        assert (refused.exit_code, refused.stdout) == (1, "")


def test_a_grant_is_shown_and_ended(run: Run, sqlite_url: str) -> None:
    now = datetime(2026, 11, 23, 14, 5, tzinfo=UTC)
    engine = engine_for(Settings(database_url=sqlite_url))
    with transactions(engine)() as session:
        cast = factories.load_cast(session, now)
        outcome, _ = factories.signed_outcome(session, cast["asha.kerrin"], cast.sites["beacon-down"], now)
        granted = [one.id for one in grants_on(session, outcome.id) if one.account_id == cast["asha.kerrin"].account_id]
    shown = run(people.app, "grants", outcome.reference)
    assert str(granted[0]) in shown.stdout
    assert run(people.app, "revoke-grant", str(granted[0])).exit_code == 0
    with transactions(engine)() as session:
        assert not may_read_outcome(session, cast["asha.kerrin"], outcome.id, datetime.now(UTC))
    engine.dispose()
    assert run(people.app, "grants", "2222-22").exit_code == 1
    assert "no grant" in run(people.app, "revoke-grant", str(outcome.id)).stderr


def test_links_are_printed_one_a_line_and_the_newest_opens(run: Run, sqlite_url: str) -> None:
    run(people.app, "load", CAST)
    asha, tom = "asha.kerrin@beacon-down-trust.example", "tom.lyle@meon-trust.example"
    invited = run(people.app, "invite", asha, tom)
    assert invited.exit_code == 0
    first, second = invited.stdout.split()
    recovered = run(people.app, "recover", asha, "--reset-second-factor").stdout.strip()
    with transactions(engine_for(Settings(database_url=sqlite_url)))() as session:
        looks = [by_link.look(session, link.partition("#")[2], datetime.now(UTC)) for link in (second, recovered)]
        assert [(one.email, one.purpose) for one in looks] == [(tom, "invitation"), (asha, "recovery")]
        assert links.find_link(session, first.partition("#")[2], datetime.now(UTC)) is None
    refused = run(people.app, "invite", "nobody@coast.example")
    assert (refused.exit_code, refused.stdout) == (1, "")
    assert "There is no account with this e-mail address." in refused.stderr


def test_a_token_for_nobody_or_for_ever_is_refused(run: Run) -> None:
    run(people.app, "load", CAST)
    assert "no account" in run(tokens.app, "issue", "nobody@x.example").stderr
    refused = run(tokens.app, "issue", "asha.kerrin@beacon-down-trust.example", "--days", "9999")
    assert (refused.exit_code, refused.stdout) == (1, "")
    assert "/days" in refused.stderr


def test_the_audit_tells_who_read_an_outcome_and_nothing_of_the_child(run: Run, sqlite_url: str) -> None:
    now = datetime(2026, 11, 23, 14, 5, tzinfo=UTC)
    engine = engine_for(Settings(database_url=sqlite_url))
    with transactions(engine)() as session:
        cast = factories.load_cast(session, now)
        outcome, _ = factories.signed_outcome(session, cast["asha.kerrin"], cast.sites["beacon-down"], now)
        queries.read_version(session, cast["priya.dunmore"], outcome.id, 1, now)
    engine.dispose()
    told = run(audit.app, "who-read", outcome.reference.lower())
    assert told.exit_code == 0
    assert "Dunmore" in told.stdout
    assert "Marwood" not in told.stdout
    listed = run(audit.app, "list", "--object", str(outcome.id))
    assert "sign" in listed.stdout
    assert run(audit.app, "who-read", "2222-22").exit_code == 1
    assert "Nothing is recorded" in run(audit.app, "list", "--object", "none").stdout


def test_a_database_without_tables_is_explained(run: Run, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("SAMEDAY_DATABASE_URL", f"sqlite:///{tmp_path / 'empty.db'}")
    settings_from_environment.cache_clear()
    refused = run(people.app, "list")
    assert refused.exit_code == 1
    assert "sameday migrate" in refused.stderr


def _speaks_for(url: str, plain: str) -> str | None:
    engine = engine_for(Settings(database_url=url))
    with transactions(engine)() as session:
        actor = actor_by_token(session, plain, datetime.now(UTC))
    engine.dispose()
    return actor.email if actor else None


def _cast(url: str) -> factories.Cast:
    engine = engine_for(Settings(database_url=url))
    with transactions(engine)() as session:
        cast = factories.cast_in(session, datetime.now(UTC))
    engine.dispose()
    return cast
