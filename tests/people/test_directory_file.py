"""The cast as a file, and what a wrong file is answered."""

from datetime import datetime
from pathlib import Path

import factories
import pytest
from sqlmodel import Session

from app.commands.directory_file import load_directory, read_directory
from app.errors import DomainError
from app.people import queries
from app.sites.queries import policy_of, site_by_code
from app.version import ROOT

CAST = ROOT / "demo" / "cast.yaml"


def test_the_cast_can_be_loaded_again_and_nothing_changes(session: Session, now: datetime) -> None:
    file = read_directory(CAST)
    assert load_directory(session, file, now) == {
        "organisations": len(file.organisations),
        "teams": len(file.teams),
        "sites": 4,
        "accounts": len(file.accounts),
    }
    assert load_directory(session, file, now).total() == 0


def test_every_team_of_the_cast_has_someone_in_it(session: Session, now: datetime) -> None:
    factories.load_cast(session, now)
    assert [team.code for team in queries.directory(session, now) if not team.members] == []


def test_a_changed_file_changes_channels_and_policies(session: Session, now: datetime, tmp_path: Path) -> None:
    load_directory(session, read_directory(CAST), now)
    changed = tmp_path / "cast.yaml"
    text = CAST.read_text("utf-8").replace("duty@meon-council.example", "new-duty@meon-council.example")
    changed.write_text(text.replace("value: PT3S", "value: PT9S"), "utf-8")
    assert +load_directory(session, read_directory(changed), now) == {"teams": 1, "sites": 1}
    assert queries.team_by_code(session, "meon-duty").inbox_email == "new-duty@meon-council.example"
    policy = policy_of(site_by_code(session, "meon"))
    assert policy.clocks.acknowledge_within.value.total_seconds() == 9


@pytest.mark.parametrize(
    ("text", "pointer"),
    [
        ("organisation: []", "/organisation"),
        ("teams: [{code: x}]", "/teams/0/organisation"),
        ("accounts: [{email: a@b.example, organisation: x, name: X, registration: GMC}]", "/accounts/0/registration"),
    ],
)
def test_a_file_that_makes_no_sense_is_refused_with_the_place(tmp_path: Path, text: str, pointer: str) -> None:
    file = tmp_path / "cast.yaml"
    file.write_text(text, "utf-8")
    with pytest.raises(DomainError, match="unreadable-file") as caught:
        read_directory(file)
    assert pointer in [problem.pointer for problem in caught.value.problems]


@pytest.mark.parametrize("content", [b"a: [", b"\xff\xfe", b"a: 1\na: 2"])
def test_a_file_that_is_not_yaml_is_refused(tmp_path: Path, content: bytes) -> None:
    file = tmp_path / "cast.yaml"
    file.write_bytes(content)
    with pytest.raises(DomainError, match="unreadable-file"):
        read_directory(file)
