"""The notes that recipients leave with an answer: free text about a child, and so encrypted with the outcome's key."""

from sqlmodel import Session

from app.deliveries.tables import Acknowledgement, Delivery, NotMine
from app.encryption import Place, decrypt_text, encrypt_text
from app.outcomes.tables import OutcomeVersion

ACKNOWLEDGEMENT = "acknowledgement"
NOT_MINE = "not_mine"


def closed_note(session: Session, table: str, delivery: Delivery, note: str | None) -> bytes | None:
    """A note as `table` keeps it beside `delivery`."""
    version = session.get_one(OutcomeVersion, delivery.version_id)
    return encrypt_text(session, version.outcome_id, _place(table, delivery, version), note)


def open_note(session: Session, delivery: Delivery, said: Acknowledgement | NotMine) -> str | None:
    """The note in an answer to `delivery`. Raises RecordDamagedError, KeyAwayError."""
    table = ACKNOWLEDGEMENT if isinstance(said, Acknowledgement) else NOT_MINE
    version = session.get_one(OutcomeVersion, delivery.version_id)
    return decrypt_text(session, version.outcome_id, _place(table, delivery, version), said.note_encrypted)


def _place(table: str, delivery: Delivery, version: OutcomeVersion) -> Place:
    return Place(table, "note", delivery.id, version.number)
