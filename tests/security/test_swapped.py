"""Ciphertext that is put in another place of the real tables is refused: every pair, in both directions."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID, uuid4

import factories
from factories import Cast
from serving import Service
from sqlmodel import Session, SQLModel, col, select, update

from app.db import SERVICE, Transaction, engine_for, transactions
from app.deliveries import notes
from app.deliveries.tables import Acknowledgement, Delivery, NotMine
from app.documents.queries import closed, opened
from app.documents.tables import Document
from app.encryption import RecordDamagedError
from app.encryption.tables import DataKey
from app.outcomes import closing, contents
from app.outcomes.tables import Draft, Outcome, OutcomeVersion, Recipient, Withdrawal
from app.people import secrets
from app.people.tables import Team
from app.settings import Settings


@dataclass
class Field:
    """One encrypted field of one row, and how the service opens it."""

    row: SQLModel
    column: str
    open: Callable[[], Any]

    def put(self, data: bytes) -> None:
        setattr(self.row, self.column, data)

    def get(self) -> bytes:
        return bytes(getattr(self.row, self.column))


def test_every_field_opens_in_its_own_place_only(settings: Settings, now: datetime) -> None:
    engine = engine_for(settings)
    transaction = transactions(engine, acting_as=SERVICE)
    _write(transaction, now)
    with transaction() as session, session.no_autoflush:
        fields = _fields(session)
        kinds = {(type(field.row).__name__, field.column) for field in fields}
        kept = [field.get() for field in fields]
        plain = [field.open() for field in fields]
        accepted = refused = 0
        for field, own, words in zip(fields, kept, plain, strict=True):
            for other in kept:
                field.put(other)
                try:
                    assert field.open() == words
                    accepted += 1
                    assert other is own
                except RecordDamagedError:
                    refused += 1
                    assert other is not own
            field.put(own)
        session.expunge_all()
    engine.dispose()
    assert kinds == {
        ("Draft", "answers_encrypted"), ("OutcomeVersion", "answers_encrypted"),
        ("OutcomeVersion", "amendment_reason_encrypted"), ("Recipient", "reason_encrypted"),
        ("Withdrawal", "reason_encrypted"), ("Withdrawal", "incident_number_encrypted"),
        ("Document", "data_encrypted"), ("Acknowledgement", "note_encrypted"), ("NotMine", "note_encrypted"),
        ("Team", "webhook_secret_encrypted"),
    }  # fmt: skip
    assert len(fields) >= 30
    assert (accepted, refused) == (len(fields), len(fields) * (len(fields) - 1))


def test_a_caller_is_told_of_a_damaged_record_and_others_stay_readable(service: Service) -> None:
    author = service.caller()
    first, second = author.drafted(), author.drafted()
    ids = {one: author.get(f"/outcomes/{one}").json()["id"] for one in (first, second)}
    with service.transaction() as session:
        one, other = (_draft(session, ids[reference]) for reference in (first, second))
        answers = one.answers_encrypted
        one.answers_encrypted = other.answers_encrypted
    told = author.get(f"/outcomes/{first}/draft")
    assert (told.status_code, told.json()["type"]) == (503, "urn:sameday:problem:record-damaged")
    assert "retry-after" not in told.headers
    assert author.sign(first).status_code == 503
    assert author.get(f"/outcomes/{second}/draft").status_code == 200
    assert first in {one["reference"] for one in author.get("/outcomes").json()["items"]}
    with service.transaction() as session:
        _draft(session, ids[first]).answers_encrypted = answers
    assert author.sign(first).status_code == 201


def test_a_caller_is_asked_to_come_back_while_a_key_is_away(service: Service) -> None:
    author = service.caller()
    reference = author.drafted()
    outcome_id = author.get(f"/outcomes/{reference}").json()["id"]
    with service.transaction() as session:
        known = session.exec(select(DataKey.key_id).distinct()).first()
        _set_key(session, outcome_id, "in-the-safe")
    told = author.get(f"/outcomes/{reference}/draft")
    assert (told.status_code, told.json()["type"]) == (503, "urn:sameday:problem:key-away")
    assert told.headers["retry-after"] == "5"
    assert "in-the-safe" not in told.text
    with service.transaction() as session:
        _set_key(session, outcome_id, str(known))
    assert author.get(f"/outcomes/{reference}/draft").status_code == 200


def _write(transaction: Transaction, now: datetime) -> None:
    """Two outcomes with two versions each, withdrawn; two with a draft; their recipients, notes and documents."""
    with transaction() as session:
        cast = factories.load_cast(session, now)
        asha, site = cast["asha.kerrin"], cast.sites["beacon-down"]
        for number in range(2):
            factories.drafted_outcome(session, asha, site, now)
            outcome, first = factories.signed_outcome(session, asha, site, now)
            second = factories.amended_outcome(session, asha, outcome, now)
            for version in (first, second):
                _document(session, version.id, now)
                _said(session, version.id, cast, now)
            closing.withdraw(
                session,
                asha,
                outcome_id=outcome.id,
                reason_code="other",
                reason="Not this child",
                incident_number=f"INC-{number}",
                surname=factories.SURNAME,
                birth_date=factories.BIRTH_DATE,
                now=now,
            )
        for team in (cast.teams["beacon-duty"], cast.teams["meon-duty"]):
            row = session.get_one(Team, team.id)
            row.webhook_secret_encrypted = secrets.closed_webhook_secret(session, row.id, "whsec_" + "A" * 32)


def _document(session: Session, version_id: Any, now: datetime) -> None:
    document_id = uuid4()
    session.add(
        Document(
            id=document_id,
            version_id=version_id,
            data_encrypted=closed(session, document_id, version_id, b"%PDF-1.7"),
            sha256=document_id.hex * 2,
            pages=1,
            seal_level="B-B",
            certificate_sha256="0" * 64,
            created_at=now,
        )
    )


def _said(session: Session, version_id: Any, cast: Cast, now: datetime) -> None:
    """'I have it' and 'not mine' on one delivery, each with a note."""
    recipient = session.exec(select(Recipient).where(Recipient.version_id == version_id)).first()
    assert recipient is not None
    delivery = Delivery(
        version_id=version_id,
        recipient_id=recipient.id,
        channel="inbox",
        purpose="outcome",
        payload={},
        status="sent",
        queued_at=now,
    )
    session.add(delivery)
    session.flush()
    who = cast["priya.dunmore"].account_id
    closed_note = {one: notes.closed_note(session, one, delivery, "Thanks") for one in ("acknowledgement", "not_mine")}
    session.add(
        Acknowledgement(
            delivery_id=delivery.id,
            acknowledged_by=who,
            acknowledged_at=now,
            note_encrypted=closed_note["acknowledgement"],
        )
    )
    session.add(NotMine(delivery_id=delivery.id, said_by=who, said_at=now, note_encrypted=closed_note["not_mine"]))


def _fields(session: Session) -> list[Field]:
    found = [Field(one, "answers_encrypted", lambda one=one: contents.open_draft(session, one).answers)
             for one in session.exec(select(Draft))]  # fmt: skip
    for version in session.exec(select(OutcomeVersion)):
        found.append(Field(version, "answers_encrypted", lambda one=version: contents.open_version(session, one)))
        if version.amendment_reason_encrypted is not None:
            reason = lambda one=version: contents.amendment_reason(session, one)  # noqa: E731
            found.append(Field(version, "amendment_reason_encrypted", reason))
        for recipient in session.exec(select(Recipient).where(Recipient.version_id == version.id)):
            told = lambda of=version, one=recipient: contents.open_recipient(session, of, one)  # noqa: E731
            found.append(Field(recipient, "reason_encrypted", told))
    for withdrawal in session.exec(select(Withdrawal)):
        for column in ("reason_encrypted", "incident_number_encrypted"):
            found.append(Field(withdrawal, column, lambda one=withdrawal: contents.open_withdrawal(session, one)))
    for document in session.exec(select(Document)):
        found.append(Field(document, "data_encrypted", lambda one=document: opened(session, one)))
    for table in (Acknowledgement, NotMine):
        for said in session.exec(select(table)):
            delivery = session.get_one(Delivery, said.delivery_id)
            note = lambda of=delivery, one=said: notes.open_note(session, of, one)  # noqa: E731
            found.append(Field(said, "note_encrypted", note))
    for team in session.exec(select(Team).where(col(Team.webhook_secret_encrypted).is_not(None))):
        found.append(Field(team, "webhook_secret_encrypted", lambda one=team: secrets.webhook_secret_of(session, one)))
    return found


def _draft(session: Session, outcome_id: str) -> Draft:
    return session.exec(select(Draft).join(Outcome).where(Outcome.id == UUID(outcome_id))).one()


def _set_key(session: Session, outcome_id: str, key_id: str) -> None:
    session.connection().execute(update(DataKey).where(col(DataKey.id) == UUID(outcome_id)).values(key_id=key_id))
