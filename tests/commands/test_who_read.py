"""`sameday audit who-read`: the answer to "who has seen what you keep about this child?"."""

import json
from collections.abc import Callable, Iterator

import factories
import pytest
from click.testing import Result
from serving import Service
from typer.testing import CliRunner

from app import clock
from app.commands import audit
from app.commands.database import console
from app.settings import settings_from_environment

Run = Callable[..., Result]
READER = "joan.tapper"
STRANGER = "colin.ashe"


@pytest.fixture
def run(embedded_service: Service, monkeypatch: pytest.MonkeyPatch) -> Iterator[Run]:
    """Runs the command beside the running service, on its database."""
    monkeypatch.setenv("SAMEDAY_DATABASE_URL", embedded_service.settings.database_url)
    monkeypatch.setenv("SAMEDAY_STATE_DIR", str(embedded_service.settings.state_dir))
    monkeypatch.setattr(console, "width", 160)  # fixed when it was made, by whatever terminal the tests have
    settings_from_environment.cache_clear()
    yield lambda *words: CliRunner().invoke(audit.app, ["who-read", *words])
    settings_from_environment.cache_clear()


def told(result: Result) -> list[tuple[str, str, str]]:
    assert result.exit_code == 0, result.output
    return [(one["name"], one["action"], one["result"]) for one in json.loads(result.stdout)]


def test_every_kind_of_sight_is_told_with_who_and_from_where(embedded_service: Service, run: Run) -> None:
    service = embedded_service
    reference = service.caller().signed()
    reader = service.caller(READER)
    reader.get(f"/outcomes/{reference}/versions/1")
    assert reader.get(f"/outcomes/{reference}/versions/1/document").status_code == 409
    reader.get("/outcomes")
    reader.get(f"/outcomes/{reference}/deliveries")
    service.caller(STRANGER).get(f"/outcomes/{reference}/versions/1")
    found = json.loads(run(reference, "--json").stdout)
    assert {one["outcome"] for one in found} == {reference}
    seen = {(one["name"], one["organisation"], one["action"], one["result"]) for one in found}
    practice = "Lime Street Surgery"
    assert seen >= {
        ("Joan Tapper", practice, "read-version", "done"),
        ("Joan Tapper", practice, "read-version", "failed"),
        ("Joan Tapper", practice, "list-outcomes", "done"),
        ("Joan Tapper", practice, "list-deliveries", "done"),
        ("Colin Ashe", "Harbour City Council", "read-version", "denied"),
    }
    assert found == sorted(found, key=lambda one: one["at"])
    assert all(one["at"].endswith("+00:00") for one in found)
    table = run(reference).stdout
    assert [words for words in ("Joan Tapper", practice, "list-outcomes", "denied", " GMT") if words not in table] == []


def test_what_others_saw_and_other_records_are_not_told(embedded_service: Service, run: Run) -> None:
    author = embedded_service.caller()
    reference, other = author.signed(), author.signed()
    author.get("/outcomes")
    said = run(reference, "--json").stdout
    assert other not in said
    assert author.get(f"/outcomes/{other}").json()["id"] not in said


def test_the_look_up_is_itself_told_the_next_time(embedded_service: Service, run: Run) -> None:
    reference = embedded_service.caller().signed()
    again = ("the service or its operator", "who-read", "done")
    assert again not in told(run(reference, "--json"))
    assert told(run(reference, "--json")).count(again) == 1


def test_a_child_is_found_by_nhs_number_and_by_name(embedded_service: Service, run: Run) -> None:
    reference = embedded_service.caller().signed()
    embedded_service.caller(READER).get(f"/outcomes/{reference}/versions/1")
    number = factories.complete_answers(clock.now())["child"]["nhs-number"]
    name = ("--surname", factories.SURNAME.lower(), "--born", factories.BIRTH_DATE.isoformat())
    for words in ((number,), (f"{number[:3]} {number[3:6]} {number[6:]}",), name):
        found = json.loads(run(*words, "--json").stdout)
        assert reference in {one["outcome"] for one in found if one["action"] == "read-version"}, words


@pytest.mark.parametrize("words", [("9990002398",), ("--surname", "Nobody", "--born", "2019-03-14")])
def test_a_child_who_is_not_known_here_is_said_so(run: Run, words: tuple[str, ...]) -> None:
    assert "No outcome about this child was found." in run(*words).stdout
    assert told(run(*words, "--json")) == []


def test_an_outcome_that_nobody_looked_at_is_said_so(embedded_service: Service, run: Run) -> None:
    reference = embedded_service.caller().begin()
    assert f"Nobody has read {reference} or tried to." in run(reference).stdout


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ((), "Say whose record"),
        (("2222-22",), "no outcome with this reference"),
        (("Marwood",), "no outcome with this reference"),
        (("--surname", "Marwood"), "Say whose record"),
        (("--born", "2019-03-14"), "Say whose record"),
        (("2222-22", "--surname", "Marwood", "--born", "2019-03-14"), "Say whose record"),
    ],
)
def test_half_a_question_is_refused_with_what_is_missing(run: Run, words: tuple[str, ...], said: str) -> None:
    refused = run(*words)
    assert (refused.exit_code, refused.stdout, said in refused.stderr) == (1, "", True)
