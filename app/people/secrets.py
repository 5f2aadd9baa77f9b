"""The webhook secrets of teams: encrypted with the team's key, opened to send and to compare, and never shown."""

from uuid import UUID

from sqlmodel import Session

from app.encryption import Place, decrypt_text, encrypt_text
from app.people.tables import Team


def webhook_secret_of(session: Session, team: Team) -> str | None:
    """The team's Standard Webhooks secret. Raises RecordDamagedError, KeyAwayError."""
    return decrypt_text(session, team.id, _place(team.id), team.webhook_secret_encrypted)


def closed_webhook_secret(session: Session, team_id: UUID, secret: str | None) -> bytes | None:
    """A webhook secret as the team's row keeps it."""
    return encrypt_text(session, team_id, _place(team_id), secret)


def _place(team_id: UUID) -> Place:
    return Place("team", "webhook_secret", team_id)
