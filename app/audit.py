"""Who did what to what, when; reads and refusals too. Ids and field names only, never a value."""

from collections.abc import Iterable
from datetime import datetime
from typing import Any, Literal
from uuid import UUID

from sqlalchemy import JSON, Column
from sqlmodel import Field, Session, SQLModel, col, select

from app.db import UTCDateTime, new_id

Result = Literal["done", "denied", "failed"]


class AuditEvent(SQLModel, table=True):
    """One line of the audit. A trigger refuses UPDATE and DELETE on both databases."""

    __tablename__ = "audit_event"

    id: UUID = Field(default_factory=new_id, primary_key=True)
    at: datetime = Field(sa_type=UTCDateTime, index=True)
    actor_id: UUID | None = Field(default=None, index=True, description="Account; none for the service itself")
    action: str = Field(max_length=60)
    object_type: str = Field(max_length=60)
    object_id: str = Field(max_length=60, index=True)
    result: str = Field(max_length=10)
    detail: dict[str, Any] = Field(default_factory=dict, sa_column=Column(JSON, nullable=False))


def record(
    session: Session,
    *,
    now: datetime,
    actor_id: UUID | None,
    action: str,
    object_type: str,
    object_id: UUID | str,
    result: Result = "done",
    detail: dict[str, Any] | None = None,
) -> None:
    """Write one event in the caller's transaction: it stands or falls with what it tells of.

    actor_id: the account that acts, or None for the service. detail: ids, codes and names of fields; never values.
    """
    session.add(
        AuditEvent(
            at=now,
            actor_id=actor_id,
            action=action,
            object_type=object_type,
            object_id=str(object_id),
            result=result,
            detail=detail or {},
        )
    )


def events_of(session: Session, object_ids: Iterable[str]) -> list[AuditEvent]:
    """Every event on one of these objects, oldest first. For people who look into it; no feature reads the audit."""
    wanted = select(AuditEvent).where(col(AuditEvent.object_id).in_(set(object_ids)))
    return list(session.exec(wanted.order_by(col(AuditEvent.at), col(AuditEvent.id))))
