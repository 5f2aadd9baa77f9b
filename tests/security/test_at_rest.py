"""Nothing of a child lies readable where the service keeps its data: canaries through every field, then raw bytes.

Every free-text answer of the worked cases becomes a canary of its own: 14 random letters that are nowhere else. The
cases are signed, amended, withdrawn and answered over HTTP; then every place on disk is searched for every canary.
"""

import secrets
import sqlite3
import string
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from uuid import UUID

import factories
import pytest
from serving import Service
from sqlalchemy import inspect, make_url, text
from sqlmodel import col, select, update
from throwaway import Server

from app import clock
from app.deliveries.queueing import queue_missing, queue_withdrawal
from app.deliveries.rules import Letterhead
from app.documents.actions import make_document
from app.documents.pool import DocumentPool
from app.outcomes.tables import Draft, OutcomeVersion
from app.questionnaires import Item
from demo.cases import load_cases, with_addresses, with_references

LETTERHEAD = Letterhead("Sameday", "https://sameday.example")
# Answers that the directory, a rule or another outcome decides; the NHS number is its own canary.
# The cases answer none of these.
ONLY_IN_A_DRAFT = (
    ("child", "usual-address"),
    ("consent", "family-told-reason"),
    ("examination", "weight-absent-reason"),
)
NOT_FREE = frozenset({"recipient-team", "recipient-person", "nhs-number", "linked-reference", "examiner-gmc"})


@dataclass
class Planted:
    """Everything that was written and must not be found, and what was done with it."""

    words: dict[str, str] = field(default_factory=dict)
    numbers: set[str] = field(default_factory=set)
    asked: set[str] = field(default_factory=set)
    control: str = ""
    first_segment: str = ""

    def canary(self, where: str) -> str:
        word = "".join(secrets.choice(string.ascii_lowercase) for _ in range(14)).capitalize()
        self.words[word] = where
        return word

    def in_answers(self, value: Any, items: dict[str, Item], link_id: str = "") -> Any:
        """The answers with a canary in place of every free text."""
        if isinstance(value, dict):
            return {name: self.in_answers(member, items, name) for name, member in value.items()}
        if isinstance(value, list):
            return [self.in_answers(member, items, link_id) for member in value]
        if link_id == "nhs-number":
            self.numbers.add(value)
        if link_id in NOT_FREE or link_id not in items or items[link_id].type not in ("string", "text"):
            return value
        self.asked.add(link_id)
        return self.canary(link_id)

    def found_in(self, *places: bytes) -> dict[str, str]:
        """Every canary that lies in one of these bytes, with the field it was written to."""
        needles = self.words | dict.fromkeys(self.numbers, "nhs-number")
        hits = {word: where for word, where in needles.items() if any(word.encode() in place for place in places)}
        marks = {mark: "a PDF" for mark in ("%PDF-", "startxref") if any(mark.encode() in one for one in places)}
        return hits | marks


@pytest.fixture(scope="module")
def planted(service: Service, tmp_path_factory: pytest.TempPathFactory) -> Planted:
    """The worked cases, played with canaries; version 1 of one is withdrawn, one has a draft, four have their PDF."""
    made = Planted(first_segment=_wal_segment(service))
    references = _play_cases(service, made)
    author = service.caller("asha.kerrin")
    _answer(service, made, references["leo"])
    _begin_another(service, made)
    _open_to_others(service, made)
    withdrawn = author.post(
        f"/outcomes/{references['mina'][0]}/withdrawal",
        {
            "reason_code": "other",
            "reason": made.canary("withdrawal reason"),
            "incident_number": made.canary("incident number"),
            "surname": references["mina"][1]["child"]["surname"],
            "birth_date": references["mina"][1]["child"]["birth-date"],
        },
    )
    assert withdrawn.status_code == 201, withdrawn.text
    pool = DocumentPool(service.settings.model_copy(update={"state_dir": tmp_path_factory.mktemp("pool")}))
    try:
        for version_id in _version_ids(service)[:4]:
            make_document(service.transaction, pool, version_id=version_id, now=clock.now())
    finally:
        pool.close()
    for outcome_id in {UUID(author.get(f"/outcomes/{references['mina'][0]}").json()["id"])}:
        queue_withdrawal(service.transaction, LETTERHEAD, outcome_id=outcome_id, now=clock.now())
    made.control = made.canary("control")
    del made.words[made.control]
    with service.as_owner() as connection:
        kind = "BLOB" if service.settings.is_embedded else "BYTEA"
        connection.execute(text(f"CREATE TABLE control (words VARCHAR(40), data {kind})"))
        both = {"words": made.control, "data": made.control.encode()}
        connection.execute(text("INSERT INTO control VALUES (:words, :data)"), both)
    return made


def test_canaries_went_through_every_free_text_of_the_form(planted: Planted) -> None:
    form = factories.forms().latest("cp-medical-outcome")
    free = {
        link_id
        for link_id, places in form.places.items()
        if places[-1].type in ("string", "text") and not places[-1].read_only and not places[-1].pattern
    }
    assert len(planted.words) >= 200
    assert len(planted.numbers) >= 15
    left = free - planted.asked - NOT_FREE
    # What asks for words when "other" was chosen is kept with all answers in one; nothing of it is kept apart.
    assert {one for one in left if not one.endswith("-other")} == set()


def test_no_row_of_any_table_holds_a_canary(service: Service, planted: Planted) -> None:
    values = list(_every_value(service))
    assert planted.found_in(*(value for table, value in values if table != "control")) == {}
    assert [table for table, value in values if planted.control.encode() in value] == ["control", "control"]
    tables = {table.rpartition(".")[2] for table, _ in values}
    assert {"outcome_version", "document", "idempotent_answer", "workflow_status", "audit_event"} <= tables


def test_no_file_of_the_database_holds_a_canary(
    service: Service, planted: Planted, tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    files = _files(service, request, tmp_path)
    for name, data in files.items():
        assert planted.control.encode() in data, f"the search finds nothing in {name}"
        assert planted.found_in(data) == {}, name


def test_the_journal_holds_no_canary(service: Service, planted: Planted) -> None:
    if service.settings.is_embedded:
        journal = _rollback_journal(service)
    else:
        folder = _postgres_home(service) / "pg_wal"
        last = _wal_segment(service)
        names = sorted(one.name for one in folder.iterdir() if planted.first_segment <= one.name <= last)
        journal = b"".join((folder / name).read_bytes() for name in names)
    assert planted.control.encode() in journal
    assert planted.found_in(journal) == {}


def test_what_was_kept_can_still_be_read(service: Service, planted: Planted) -> None:
    author = service.caller("asha.kerrin")
    told = [
        author.get(f"/outcomes/{one['reference']}/versions/1").text
        for one in author.get("/outcomes", params={"state": "signed"}).json()["items"]
    ]
    seen = {word for word in planted.words if any(word in one for one in told)}
    assert len(seen) > 100


def _play_cases(service: Service, made: Planted) -> dict[str, tuple[str, dict[str, Any]]]:
    """Reference and answers of every outcome, by its name in the cases."""
    form = factories.forms().latest("cp-medical-outcome")
    items = {link_id: places[-1] for link_id, places in form.places.items()}
    emails = {
        one: f"{one}@{_host(service, one)}" for one in ("priya.dunmore", "colin.ashe", "bea.farrow", "nell.marsh")
    }
    played: dict[str, tuple[str, dict[str, Any]]] = {}
    for case in load_cases(clock.now()):
        names = dict.fromkeys(case.outcomes, "7Q4K-2P")
        for key, outcome in case.outcomes.items():
            answers = with_addresses(with_references(outcome.answers, names), emails)
            answers = made.in_answers(answers, items)
            author = service.caller(outcome.author)
            if case.continues:
                reference = played[key][0]
                begun = author.post(f"/outcomes/{reference}/amendment")
                assert begun.status_code == 201, begun.text
                revision, more = begun.headers["etag"], {"amendment_reason": made.canary("amendment reason")}
            else:
                reference, revision, more = author.begin(case.site), '"1"', {}
            saved = author.save(reference, answers, revision)
            assert saved.status_code == 200, saved.text
            child = answers["child"]
            more |= {"surname": child["surname"], "birth_date": child["birth-date"]}
            signed = author.sign(reference, saved.headers["etag"], **more)
            assert signed.status_code == 201, signed.text
            played[key] = reference, answers
    return played


def _begin_another(service: Service, made: Planted) -> None:
    """A draft that is not signed, and one that was thrown away."""
    author = service.caller("asha.kerrin")
    for is_kept in (True, False):
        answers = factories.complete_answers(clock.now())
        for section, link_id in ONLY_IN_A_DRAFT:
            answers[section][link_id] = made.canary(link_id)
            made.asked.add(link_id)
        answers["sharing"]["recipients"][1]["recipient-reason"] = made.canary("recipient-reason")
        made.asked.add("recipient-reason")
        answers["consent"]["family-told-sharing"] = "no-unsafe"
        answers["examination"]["weight-absent"] = "not-done"
        del answers["examination"]["weight"]
        reference = author.begin()
        saved = author.save(reference, answers)
        assert saved.status_code == 200, saved.text
        if not is_kept:
            gone = author.call("DELETE", f"/outcomes/{reference}/draft", headers={"If-Match": saved.headers["etag"]})
            assert gone.status_code == 204, gone.text


def _open_to_others(service: Service, made: Planted) -> None:
    """The author opens an outcome to a team, a stranger breaks the glass, and a privacy officer looks into it."""
    author = service.caller("asha.kerrin")
    reference = author.signed()
    given = author.post(
        f"/outcomes/{reference}/grants",
        {"kind": "given", "team": "harbour-sarc", "reason": made.canary("grant reason")},
    )
    assert given.status_code == 201, given.text
    reason = f"The child is with us now: {made.canary('break-glass reason')}"
    body = {"reason_code": "child-at-risk-now", "reason": reason}
    broken = service.caller("glen.orchard").post(f"/outcomes/{reference}/break-glass", body)
    assert broken.status_code == 201, broken.text
    note = {"finding": "appropriate", "note": made.canary("review note")}
    looked = service.caller("petra.lund").post(f"/break-glass/{broken.json()['id']}/review", note)
    assert looked.status_code == 201, looked.text


def _answer(service: Service, made: Planted, leo: tuple[str, dict[str, Any]]) -> None:
    """Recipients leave notes with their answers."""
    for version_id in _version_ids(service):
        queue_missing(service.transaction, LETTERHEAD, version_id=version_id, now=clock.now())
    for person, path in (("joan.tapper", "acknowledgement"), ("priya.dunmore", "not-mine")):
        caller = service.caller(person)
        item = next(one for one in caller.get("/inbox").json()["items"])
        body = {"note": made.canary(f"note of {path}")}
        said = caller.call("POST", f"/deliveries/{item['delivery_id']}/{path}", json=body)
        assert said.status_code == 201, said.text


def _version_ids(service: Service) -> list[UUID]:
    with service.transaction() as session:
        return list(session.exec(select(OutcomeVersion.id).order_by(col(OutcomeVersion.id))))


def _host(service: Service, person: str) -> str:
    with service.transaction() as session:
        return factories.cast_in(session, clock.now())[person].email.partition("@")[2]


def _every_value(service: Service) -> Iterator[tuple[str, bytes]]:
    """Table and bytes of every value in every table, ours and the durable engine's."""
    with service.as_owner() as connection:
        inspector = inspect(connection)
        schemas = [None] if service.settings.is_embedded else ["public", "dbos"]
        for schema in schemas:
            for name in inspector.get_table_names(schema):
                table = f"{schema}.{name}" if schema else name
                quoted = ".".join(f'"{part}"' for part in table.split("."))
                for row in connection.execute(text(f"SELECT * FROM {quoted}")):
                    for value in row:
                        data = bytes(value) if isinstance(value, bytes | memoryview) else str(value).encode()
                        yield name, data


def _files(service: Service, request: pytest.FixtureRequest, tmp_path: Path) -> dict[str, bytes]:
    if not service.settings.is_embedded:
        return {"the folder of the database": _postgres_folder(service, request.getfixturevalue("postgres"))}
    database = Path(make_url(service.settings.database_url).database or "")
    with sqlite3.connect(database) as connection:
        connection.execute("VACUUM INTO ?", (str(tmp_path / "vacuumed.db"),))
        with sqlite3.connect(tmp_path / "backup.db") as backup:
            connection.backup(backup)
        backup.close()
    connection.close()
    names = {"the database": database, "VACUUM INTO": tmp_path / "vacuumed.db", "a backup": tmp_path / "backup.db"}
    return {name: file.read_bytes() for name, file in names.items()}


def _rollback_journal(service: Service) -> bytes:
    """What SQLite writes beside the database while a transaction changes drafts and the control."""
    database = Path(make_url(service.settings.database_url).database or "")
    with service.engine.begin() as connection:
        connection.execute(text("UPDATE control SET words = 'changed'"))
        connection.execute(update(Draft).values(revision=col(Draft.revision) + 1))
        journal = database.with_name(f"{database.name}-journal").read_bytes()
        connection.rollback()
    return journal


def _postgres_folder(service: Service, postgres: Server) -> bytes:
    """Every file of this database in the server's own folder, after everything in memory was written there."""
    postgres.run("CHECKPOINT")
    with service.as_owner() as connection:
        oid = connection.execute(text("SELECT oid FROM pg_database WHERE datname = current_database()")).scalar()
    files = sorted((_postgres_home(service) / "base" / str(oid)).iterdir())
    return b"".join(file.read_bytes() for file in files)


def _postgres_home(service: Service) -> Path:
    with service.as_owner() as connection:
        return Path(str(connection.execute(text("SHOW data_directory")).scalar()))


def _wal_segment(service: Service) -> str:
    """The file of the write-ahead log that is written now; nothing on SQLite."""
    if service.settings.is_embedded:
        return ""
    with service.as_owner() as connection:
        return str(connection.execute(text("SELECT pg_walfile_name(pg_current_wal_insert_lsn())")).scalar())
