"""The duty to tell one recipient, each try, the answer, and what happened on silence."""

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import JSON, CheckConstraint, Column, UniqueConstraint
from sqlmodel import Field, SQLModel

from app.db import UTCDateTime, new_id


class Delivery(SQLModel, table=True):
    """The duty to tell somebody by one channel. The only row with a status, because a queue must be searched.

    It is about one recipient; or about a broken glass, of which those are told who watch over the outcome.
    """

    __table_args__ = (
        UniqueConstraint("recipient_id", "channel", "purpose"),
        UniqueConstraint("break_glass_id", "purpose", "address"),
        CheckConstraint("(recipient_id IS NULL) <> (break_glass_id IS NULL)", name="one_reason"),
    )

    id: UUID = Field(default_factory=new_id, primary_key=True)
    version_id: UUID = Field(foreign_key="outcome_version.id", index=True)
    recipient_id: UUID | None = Field(default=None, foreign_key="recipient.id", index=True)
    break_glass_id: UUID | None = Field(default=None, foreign_key="break_glass.id", index=True)
    channel: str = Field(max_length=20, description="inbox, email or webhook")
    purpose: str = Field(
        max_length=20,
        description="outcome or withdrawal; or chase-… and not-mine-…, which tell others of them; or glass-… and whom",
    )
    address: str | None = Field(default=None, max_length=2000, description="Where to; none for the inbox")
    payload: dict[str, Any] = Field(sa_column=Column(JSON, nullable=False), description="The frozen notification")
    status: str = Field(max_length=20, index=True, description="queued, sent, delivered, bounced, dead or cancelled")
    queued_at: datetime = Field(sa_type=UTCDateTime)
    opened_at: datetime | None = Field(default=None, sa_type=UTCDateTime)
    opened_by: UUID | None = Field(default=None, foreign_key="account.id")


class Attempt(SQLModel, table=True):
    """One try at one delivery, in words that a person can read."""

    __table_args__ = (UniqueConstraint("delivery_id", "number"),)

    id: UUID = Field(default_factory=new_id, primary_key=True)
    delivery_id: UUID = Field(foreign_key="delivery.id")
    number: int
    started_at: datetime = Field(sa_type=UTCDateTime)
    ended_at: datetime = Field(sa_type=UTCDateTime)
    result: str = Field(max_length=20, description="sent, failed or cancelled")
    is_permanent: bool = Field(default=False, description="A failure that another try will not mend")
    detail: str = Field(max_length=500, description="What the other side said, without any address or name")
    next_at: datetime | None = Field(
        default=None, sa_type=UTCDateTime, description="When the next try is due; none: there is none by itself"
    )


class Acknowledgement(SQLModel, table=True):
    """A person said: I have it. For a withdrawal: I have deleted it."""

    delivery_id: UUID = Field(foreign_key="delivery.id", primary_key=True)
    acknowledged_by: UUID = Field(foreign_key="account.id")
    acknowledged_at: datetime = Field(sa_type=UTCDateTime)
    helpfulness: str | None = Field(default=None, max_length=20, description="very, partly or not")
    note_encrypted: bytes | None = Field(default=None)


class NotMine(SQLModel, table=True):
    """A person said: this is not for me. It goes back to the ward and the duty inbox."""

    __tablename__ = "not_mine"

    delivery_id: UUID = Field(foreign_key="delivery.id", primary_key=True)
    said_by: UUID = Field(foreign_key="account.id")
    said_at: datetime = Field(sa_type=UTCDateTime)
    note_encrypted: bytes | None = Field(default=None)


class Escalation(SQLModel, table=True):
    """Silence was answered: whom we told, when, at which step of the site's chain."""

    __table_args__ = (UniqueConstraint("delivery_id", "step"),)

    id: UUID = Field(default_factory=new_id, primary_key=True)
    delivery_id: UUID = Field(foreign_key="delivery.id")
    step: int
    escalated_at: datetime = Field(sa_type=UTCDateTime)
    told: str = Field(max_length=200, description="Who was told, by role: team inbox, author, named nurse, …")
    address: str = Field(max_length=254)
