"""The glass: who broke it on which outcome and why, and what those who looked into it found. Facts, never changed."""

from datetime import datetime
from uuid import UUID

from sqlmodel import Field, SQLModel

from app.db import UTCDateTime, new_id


class BreakGlass(SQLModel, table=True):
    """Somebody opened an outcome in an emergency."""

    __tablename__ = "break_glass"

    id: UUID = Field(default_factory=new_id, primary_key=True)
    outcome_id: UUID = Field(foreign_key="outcome.id", index=True)
    account_id: UUID = Field(foreign_key="account.id", index=True)
    grant_id: UUID = Field(foreign_key="grant.id", unique=True)
    reason_code: str = Field(max_length=40)
    reason_encrypted: bytes
    broken_at: datetime = Field(sa_type=UTCDateTime)
    until_at: datetime = Field(sa_type=UTCDateTime)
    times_by_person: int = Field(description="Which time by this person within the period that counts, from 1")
    times_on_child: int = Field(description="Which time on an outcome of this child within that period, from 1")
    is_repeated: bool = Field(description="Whether that was often enough to be pointed out")


class BreakGlassReview(SQLModel, table=True):
    """What somebody found who looked into it."""

    __tablename__ = "break_glass_review"

    break_glass_id: UUID = Field(foreign_key="break_glass.id", primary_key=True)
    finding: str = Field(max_length=20, description="appropriate, inappropriate or unclear")
    note_encrypted: bytes | None = Field(default=None)
    reviewed_by: UUID = Field(foreign_key="account.id")
    reviewed_at: datetime = Field(sa_type=UTCDateTime)
