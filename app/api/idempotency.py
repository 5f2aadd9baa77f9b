"""Answers already given, kept so that a repeated POST gets the same answer and does nothing twice."""

from datetime import datetime
from uuid import UUID

from sqlalchemy import UniqueConstraint
from sqlmodel import Field, SQLModel

from app.db import UTCDateTime, new_id


class IdempotentAnswer(SQLModel, table=True):
    """What one client was answered under one Idempotency-Key on one route."""

    __tablename__ = "idempotent_answer"
    __table_args__ = (UniqueConstraint("account_id", "route", "key"),)

    id: UUID = Field(default_factory=new_id, primary_key=True)
    account_id: UUID = Field(foreign_key="account.id")
    route: str = Field(max_length=200, description="Method and path as sent")
    key: str = Field(max_length=255)
    body_sha256: str = Field(max_length=64)
    status: int
    headers: str = Field(default="{}", description="JSON object of the headers that belong to the answer")
    body: str
    answered_at: datetime = Field(sa_type=UTCDateTime)
