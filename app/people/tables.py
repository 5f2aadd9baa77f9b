"""Accounts, organisations, teams, roles, grants and API tokens."""

from datetime import datetime
from uuid import UUID

from sqlalchemy import Index, text
from sqlmodel import Field, SQLModel

from app.db import UTCDateTime, new_id


class Organisation(SQLModel, table=True):
    """A trust, council, police force or practice. Police forces have no ODS code (domain.md, 6.2)."""

    id: UUID = Field(default_factory=new_id, primary_key=True)
    code: str = Field(unique=True, max_length=60, description="Short name, such as 'meon-council'")
    name: str = Field(max_length=200)
    ods_code: str | None = Field(default=None, max_length=10, unique=True)


class Team(SQLModel, table=True):
    """A team that receives outcomes, with its duty inbox and, where it has one, its webhook."""

    id: UUID = Field(default_factory=new_id, primary_key=True)
    organisation_id: UUID = Field(foreign_key="organisation.id", index=True)
    code: str = Field(unique=True, max_length=60, description="What a clinician names it by, such as 'meon-duty'")
    name: str = Field(max_length=200)
    role: str = Field(max_length=40, description="Recipient role: social-worker, police, gp, health-visitor, …")
    inbox_email: str | None = Field(default=None, max_length=254)
    webhook_url: str | None = Field(default=None, max_length=2000)
    webhook_secret_encrypted: bytes | None = Field(default=None, description="Standard Webhooks secret, 'whsec_…'")


class Account(SQLModel, table=True):
    """A person, or an integration that acts for one."""

    id: UUID = Field(default_factory=new_id, primary_key=True)
    organisation_id: UUID = Field(foreign_key="organisation.id", index=True)
    email: str = Field(unique=True, max_length=254, description="Lower case; where notices go")
    name: str = Field(max_length=200)
    grade: str | None = Field(default=None, max_length=100)
    registration_body: str | None = Field(default=None, max_length=10, description="GMC, NMC or SWE")
    registration_number: str | None = Field(default=None, max_length=20)
    created_at: datetime = Field(sa_type=UTCDateTime)
    closed_at: datetime | None = Field(default=None, sa_type=UTCDateTime)


def _unique_while(empty: str, *columns: str, name: str) -> Index:
    """A unique index over the rows whose columns `empty` (SQL) are null, which a unique constraint does not bind."""
    return Index(name, *columns, unique=True, sqlite_where=text(empty), postgresql_where=text(empty))


class Membership(SQLModel, table=True):
    """An account's time in a team. At any moment at most one is open for each account and team."""

    __table_args__ = (_unique_while("until_at IS NULL", "account_id", "team_id", name="uq_membership_open"),)

    id: UUID = Field(default_factory=new_id, primary_key=True)
    account_id: UUID = Field(foreign_key="account.id", index=True)
    team_id: UUID = Field(foreign_key="team.id", index=True)
    from_at: datetime = Field(sa_type=UTCDateTime)
    until_at: datetime | None = Field(default=None, sa_type=UTCDateTime)


class RoleAssignment(SQLModel, table=True):
    """An account's time in a role (see `people.rules.ROLES`) at one site or, with none, everywhere.

    At any moment at most one is open for each account, role and site, and one with no site.
    """

    __tablename__ = "role_assignment"
    __table_args__ = (
        _unique_while("ended_at IS NULL", "account_id", "role", "site_id", name="uq_role_assignment_open_at_site"),
        _unique_while(
            "ended_at IS NULL AND site_id IS NULL", "account_id", "role", name="uq_role_assignment_open_everywhere"
        ),
    )

    id: UUID = Field(default_factory=new_id, primary_key=True)
    account_id: UUID = Field(foreign_key="account.id", index=True)
    role: str = Field(max_length=40)
    site_id: UUID | None = Field(default=None, foreign_key="site.id")
    given_at: datetime = Field(sa_type=UTCDateTime)
    ended_at: datetime | None = Field(default=None, sa_type=UTCDateTime)


class Grant(SQLModel, table=True):
    """Why an account, or every member of a team, may read one outcome; from when, until when, granted by whom."""

    id: UUID = Field(default_factory=new_id, primary_key=True)
    outcome_id: UUID = Field(foreign_key="outcome.id", index=True)
    account_id: UUID | None = Field(default=None, foreign_key="account.id", index=True)
    team_id: UUID | None = Field(default=None, foreign_key="team.id", index=True)
    kind: str = Field(max_length=20, description="author, co-examiner, recipient, given or break-glass (people.policy)")
    reason: str = Field(max_length=200, description="In fixed words")
    reason_encrypted: bytes | None = Field(default=None, description="In the words of whoever gave it, if they said")
    granted_by: UUID | None = Field(default=None, foreign_key="account.id")
    from_at: datetime = Field(sa_type=UTCDateTime)
    until_at: datetime | None = Field(default=None, sa_type=UTCDateTime)


class ApiToken(SQLModel, table=True):
    """A personal token for the API. Only the SHA-256 of its 256 random bits is kept."""

    __tablename__ = "api_token"

    id: UUID = Field(default_factory=new_id, primary_key=True)
    account_id: UUID = Field(foreign_key="account.id", index=True)
    label: str = Field(max_length=100)
    token_sha256: str = Field(unique=True, max_length=64)
    created_at: datetime = Field(sa_type=UTCDateTime)
    expires_at: datetime = Field(sa_type=UTCDateTime)
    revoked_at: datetime | None = Field(default=None, sa_type=UTCDateTime)
