"""From a signed version to its stored document, and what an outsider is told of it."""

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
from on_paper import Paper, squeezed
from signed import Story, begin_story
from sqlmodel import select
from typer.testing import CliRunner

from app.__main__ import app
from app.audit import AuditEvent
from app.db import Transaction, new_id
from app.documents.actions import make_document
from app.documents.pool import DocumentPool
from app.documents.queries import document_of, facts_of, opened, standing_of
from app.outcomes.contents import closed_recipient, closed_version
from app.outcomes.rules import PlannedRecipient
from app.settings import Settings, settings_from_environment
from app.sites.tables import Site
from bench.samples import case_2


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("actions")


@pytest.fixture(scope="module")
def pool(folder: Path) -> Iterator[DocumentPool]:
    pool = DocumentPool(Settings(state_dir=folder))
    yield pool
    pool.close()


@pytest.fixture
def story(transaction: Transaction, now: datetime) -> Story:
    return begin_story(transaction, now)


def signed(story: Story, *, number: int = 1) -> UUID:
    """A version of Leo's outcome, by Dr Kerrin, to the duty team."""
    with story.transaction() as session:
        version = story.version(
            number=number,
            answers=case_2(),
            content_sha256=hashlib.sha256(str(number).encode()).hexdigest(),
            signer_registration="GMC 9900001",
            amends_number=number - 1 or None,
            amendment_reason="the survey shows rib fractures" if number > 1 else None,
        )
        session.add(closed_version(session, version))
        session.flush()
        duty = PlannedRecipient("social-worker", story.ids["duty"], None, "Duty", "Meon Council", "Team inbox")
        session.add(closed_recipient(session, version, new_id(), duty))
        return version.id


@dataclass(frozen=True)
class Made:
    """A stored document, opened."""

    id: UUID
    sha256: str
    data: bytes


def made(story: Story, pool: DocumentPool, version_id: UUID) -> Made:
    make_document(story.transaction, pool, version_id=version_id, now=story.now)
    with story.transaction() as session:
        document = document_of(session, version_id)
        assert document is not None
        return Made(document.id, document.sha256, opened(session, document))


def test_a_document_is_made_once_and_its_making_is_audited(story: Story, pool: DocumentPool) -> None:
    version_id = signed(story)
    first, second = made(story, pool, version_id), made(story, pool, version_id)
    assert first.id == second.id
    assert first.sha256 == hashlib.sha256(first.data).hexdigest()
    with story.transaction() as session:
        events = session.exec(select(AuditEvent).where(AuditEvent.action == "seal-document")).all()
        facts = facts_of(session, [version_id])
    assert [event.object_id for event in events] == [str(first.id)]
    assert (facts[version_id].sha256, facts[version_id].seal_level) == (first.sha256, "B-B")


def test_an_amended_document_says_on_top_what_it_replaces(story: Story, pool: DocumentPool, paper: Paper) -> None:
    signed(story)
    text = paper.text(made(story, pool, signed(story, number=2)).data)
    words = squeezed("Version 2 replaces version 1 of 23 Nov 2026, 14:05 GMT. Because: the survey shows rib fractures")
    assert text.index(words) < text.index("Preliminary.")


def test_a_site_prints_the_heading_of_its_own_policy(story: Story, pool: DocumentPool, paper: Paper) -> None:
    with story.transaction() as session:
        site = session.exec(select(Site)).one()
        site.policy = {**site.policy, "document": {"heading": "Meon Children’s Hospital"}}
    assert squeezed("Meon Children’s Hospital") in paper.text(made(story, pool, signed(story)).data)


def test_what_was_withdrawn_gets_no_document(story: Story, pool: DocumentPool) -> None:
    version_id = signed(story)
    story.withdraw()
    make_document(story.transaction, pool, version_id=version_id, now=story.now)
    with story.transaction() as session:
        assert document_of(session, version_id) is None


def test_an_outsider_is_told_how_a_file_stands_and_nothing_else(story: Story, pool: DocumentPool) -> None:
    first = made(story, pool, signed(story)).sha256
    with story.transaction() as session:
        assert standing_of(session, first) == "genuine-and-current"
        assert standing_of(session, "0" * 64) == "not-genuine"
    second = made(story, pool, signed(story, number=2)).sha256
    with story.transaction() as session:
        assert standing_of(session, first) == "genuine-but-superseded"
        assert standing_of(session, second) == "genuine-and-current"
    story.withdraw()
    with story.transaction() as session:
        assert {standing_of(session, one) for one in (first, second)} == {"withdrawn"}


def run(arguments: list[str], monkeypatch: pytest.MonkeyPatch, **environment: str) -> Any:
    for name, value in environment.items():
        monkeypatch.setenv(f"SAMEDAY_{name}", value)
    settings_from_environment.cache_clear()
    try:
        return CliRunner().invoke(app, ["verify", *arguments])
    finally:
        settings_from_environment.cache_clear()


def test_the_command_ends_well_only_for_what_is_genuine_and_current(
    story: Story,
    pool: DocumentPool,
    folder: Path,
    settings: Settings,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    file = tmp_path / "outcome.pdf"
    file.write_bytes(made(story, pool, signed(story)).data)
    where = {"STATE_DIR": str(folder), "DATABASE_URL": settings.database_url}
    told = run([str(file)], monkeypatch, **where)
    assert (told.exit_code, told.output.splitlines()[-1]) == (0, "Genuine and current.")
    assert run([str(file), "--offline"], monkeypatch, **where).exit_code == 3
    made(story, pool, signed(story, number=2))
    told = run([str(file)], monkeypatch, **where)
    assert told.exit_code == 1
    assert "superseded" in told.output
    changed = bytearray(file.read_bytes())
    changed[4000] ^= 1
    file.write_bytes(changed)
    told = run([str(file)], monkeypatch, **where)
    assert (told.exit_code, told.output.strip()) == (1, "Seal: not ours, or the file was changed.")


def test_the_command_makes_no_database_where_there_is_none(
    sealed: bytes, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file, database = tmp_path / "outcome.pdf", tmp_path / "none.db"
    file.write_bytes(sealed)
    run([str(file)], monkeypatch, DATABASE_URL=f"sqlite:///{database}", STATE_DIR=str(tmp_path))
    assert not database.exists()
