"""What the audit keeps of a change to the directory: who made it."""

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlmodel import Session

from app import audit
from app.people.rules import Actor


def record_change(
    session: Session, actor: Actor | None, now: datetime, action: str, kind: str, object_id: UUID, **detail: Any
) -> None:
    """Audit what `actor` did to the object of this kind. None is the operator at the command line."""
    audit.record(
        session,
        now=now,
        actor_id=None if actor is None else actor.account_id,
        action=action,
        object_type=kind,
        object_id=object_id,
        detail=detail,
    )
