"""The outcome, its draft, its signed versions and their recipients, its withdrawal and the formal report's date.

Columns that end in `_encrypted` are opened by `app.outcomes.contents`, and by nothing else.
"""

from datetime import date, datetime
from uuid import UUID

from sqlalchemy import Index, UniqueConstraint, text
from sqlmodel import Field, SQLModel

from app.db import UTCDateTime, new_id


class Outcome(SQLModel, table=True):
    """The record of one child protection medical. Its id is made by the client, its reference is random."""

    id: UUID = Field(primary_key=True)
    reference: str = Field(unique=True, max_length=7, description="Random: says nothing of the child")
    site_id: UUID = Field(foreign_key="site.id", index=True)
    form_name: str = Field(max_length=60)
    author_id: UUID = Field(foreign_key="account.id", index=True)
    begun_at: datetime = Field(sa_type=UTCDateTime)
    last_revision: int = Field(default=0, description="Of the last draft that ended; the next one begins above it")


class Draft(SQLModel, table=True):
    """What is being written: never read by recipients or statistics. Gone when it is signed or discarded."""

    outcome_id: UUID = Field(foreign_key="outcome.id", primary_key=True)
    revision: int = Field(description="Counts saves from 1; what If-Match must name")
    form_version: str = Field(max_length=20)
    answers_encrypted: bytes
    amends_number: int | None = Field(default=None, description="The version it will replace")
    saved_by: UUID = Field(foreign_key="account.id")
    saved_at: datetime = Field(sa_type=UTCDateTime)


class OutcomeVersion(SQLModel, table=True):
    """A numbered, signed version. A trigger refuses UPDATE and DELETE on both databases."""

    __tablename__ = "outcome_version"
    __table_args__ = (UniqueConstraint("outcome_id", "number"),)

    id: UUID = Field(default_factory=new_id, primary_key=True)
    outcome_id: UUID = Field(foreign_key="outcome.id")
    number: int
    form_version: str = Field(max_length=20)
    answers_encrypted: bytes
    content_sha256: str = Field(max_length=64, description="Of the canonical JSON (RFC 8785) of what was signed")
    signed_by: UUID = Field(foreign_key="account.id", index=True)
    signed_at: datetime = Field(sa_type=UTCDateTime)
    signer_name: str = Field(max_length=200)
    signer_grade: str | None = Field(default=None, max_length=100)
    signer_registration: str | None = Field(default=None, max_length=40, description="Such as 'GMC 9900001'")
    formal_report_due: date
    amends_number: int | None = Field(default=None)
    amendment_reason_encrypted: bytes | None = Field(default=None)


class Recipient(SQLModel, table=True):
    """A person or a team entitled to one version, fixed when it was signed."""

    __table_args__ = (
        UniqueConstraint("version_id", "team_id", "account_id"),
        # To a unique constraint two rows without an account are two different rows.
        Index(
            "uq_recipient_team",
            "version_id",
            "team_id",
            unique=True,
            sqlite_where=text("account_id IS NULL"),
            postgresql_where=text("account_id IS NULL"),
        ),
    )

    id: UUID = Field(default_factory=new_id, primary_key=True)
    version_id: UUID = Field(foreign_key="outcome_version.id", index=True)
    role: str = Field(max_length=40)
    team_id: UUID = Field(foreign_key="team.id", index=True)
    account_id: UUID | None = Field(default=None, foreign_key="account.id", index=True, description="None: the team")
    name: str = Field(max_length=200)
    organisation_name: str = Field(max_length=200)
    reason_encrypted: bytes = Field(description="Why they receive it, in words, which may be the author's")


class Withdrawal(SQLModel, table=True):
    """The outcome taken back, all versions of it; what stays for readers is the tombstone."""

    outcome_id: UUID = Field(foreign_key="outcome.id", primary_key=True)
    id: UUID = Field(default_factory=new_id, unique=True)
    reason_code: str = Field(max_length=40, description="wrong-child or entered-in-error or other")
    reason_encrypted: bytes
    incident_number_encrypted: bytes | None = Field(default=None)
    withdrawn_by: UUID = Field(foreign_key="account.id")
    withdrawn_at: datetime = Field(sa_type=UTCDateTime)


class NhsNumberIndex(SQLModel, table=True):
    """A blind index: which outcomes have a signed version with this NHS number. It is no use without its key."""

    __tablename__ = "nhs_number_index"

    outcome_id: UUID = Field(foreign_key="outcome.id", primary_key=True)
    digest: bytes = Field(primary_key=True, index=True, description="HMAC-SHA-256 of the ten digits")


class FormalReport(SQLModel, table=True):
    """When the later, full report was issued; we hold the date and not the report."""

    __tablename__ = "formal_report"

    outcome_id: UUID = Field(foreign_key="outcome.id", primary_key=True)
    issued_on: date
    recorded_by: UUID = Field(foreign_key="account.id")
    recorded_at: datetime = Field(sa_type=UTCDateTime)
