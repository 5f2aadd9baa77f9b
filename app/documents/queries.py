"""Reading documents, and what an outsider may know of one."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Literal
from uuid import UUID

from sqlalchemy import func
from sqlalchemy.orm import defer
from sqlmodel import Session, col, select

from app.db import as_service
from app.documents.tables import Document
from app.encryption import Place, decrypt, encrypt
from app.outcomes.tables import OutcomeVersion, Withdrawal

Standing = Literal["genuine-and-current", "genuine-but-superseded", "withdrawn", "not-genuine"]


@dataclass(frozen=True, slots=True)
class Facts:
    """A document without its bytes."""

    sha256: str
    seal_level: str
    seal_note: str | None
    pages: int
    created_at: datetime


def document_of(session: Session, version_id: UUID) -> Document | None:
    """The sealed document of a version, or None while it is being made. `opened` gives its bytes."""
    return session.exec(select(Document).where(Document.version_id == version_id)).first()


def opened(session: Session, document: Document) -> bytes:
    """The sealed PDF, byte for byte. Raises RecordDamagedError, KeyAwayError."""
    version = session.get_one(OutcomeVersion, document.version_id)
    return decrypt(session, version.outcome_id, _place(document.id, version), document.data_encrypted)


def closed(session: Session, document_id: UUID, version_id: UUID, data: bytes) -> bytes:
    """A sealed PDF as the row of that id keeps it."""
    version = session.get_one(OutcomeVersion, version_id)
    return encrypt(session, version.outcome_id, _place(document_id, version), data)


def facts_of(session: Session, version_ids: Sequence[UUID]) -> dict[UUID, Facts]:
    """What is known of the documents of these versions, without reading their bytes."""
    without_bytes = defer(Document.data_encrypted, raiseload=True)  # type: ignore[arg-type]
    rows = session.exec(select(Document).where(col(Document.version_id).in_(version_ids)).options(without_bytes))
    return {row.version_id: Facts(row.sha256, row.seal_level, row.seal_note, row.pages, row.created_at) for row in rows}


@as_service
def standing_of(session: Session, sha256: str) -> Standing:
    """What a file with this SHA-256 (hex) is worth today. All that an outsider is told.

    Equal to the bytes that were stored implies that the seal is whole; so no stranger's PDF has to be parsed.
    """
    found = session.exec(select(OutcomeVersion).join(Document).where(Document.sha256 == sha256)).first()
    if found is None:
        return "not-genuine"
    if session.get(Withdrawal, found.outcome_id) is not None:
        return "withdrawn"
    last = session.exec(
        select(func.max(OutcomeVersion.number)).where(OutcomeVersion.outcome_id == found.outcome_id)
    ).one()
    return "genuine-and-current" if found.number == last else "genuine-but-superseded"


def _place(document_id: UUID, version: OutcomeVersion) -> Place:
    return Place("document", "data", document_id, version.number)
