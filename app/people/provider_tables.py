"""Sign-in by an OpenID provider: who is who there, sign-ins that have begun, and tokens that have been used."""

from datetime import datetime
from uuid import UUID

from sqlalchemy import Index, UniqueConstraint, text
from sqlmodel import Field, SQLModel

from app.db import UTCDateTime, new_id


class Identity(SQLModel, table=True):
    """Who an account is at a provider. One person there is at most one account here, while the link is open."""

    __table_args__ = (
        Index(
            "uq_identity_open",
            "issuer",
            "subject",
            unique=True,
            sqlite_where=text("ended_at IS NULL"),
            postgresql_where=text("ended_at IS NULL"),
        ),
    )

    id: UUID = Field(default_factory=new_id, primary_key=True)
    account_id: UUID = Field(foreign_key="account.id", index=True)
    issuer: str = Field(max_length=500)
    subject: str = Field(max_length=255, description="The claims that the provider's profile names, joined by '/'")
    sub: str | None = Field(
        default=None, max_length=255, index=True, description="Its `sub` at the last sign-in, as logout tokens name it"
    )
    linked_by: UUID | None = Field(default=None, foreign_key="account.id", description="None: the operator, or a link")
    linked_at: datetime = Field(sa_type=UTCDateTime)
    ended_at: datetime | None = Field(default=None, sa_type=UTCDateTime)


class SignInAttempt(SQLModel, table=True):
    """A sign-in that began here and is to come back, once. Of the browser's secret only the SHA-256 is kept."""

    __tablename__ = "sign_in_attempt"

    id: UUID = Field(default_factory=new_id, primary_key=True)
    provider: str = Field(max_length=60)
    secret_sha256: str = Field(unique=True, max_length=64)
    return_to: str = Field(max_length=100, description="A path of ours")
    link_id: UUID | None = Field(default=None, foreign_key="one_time_link.id", description="The invitation it came by")
    started_at: datetime = Field(sa_type=UTCDateTime, index=True)
    used_at: datetime | None = Field(default=None, sa_type=UTCDateTime)


class UsedTokenId(SQLModel, table=True):
    """The `jti` of a token that may be used once, kept for as long as the token could be taken."""

    __tablename__ = "used_token_id"
    __table_args__ = (UniqueConstraint("issuer", "token_id", name="uq_used_token_id_issuer"),)

    id: UUID = Field(default_factory=new_id, primary_key=True)
    issuer: str = Field(max_length=500)
    token_id: str = Field(max_length=255)
    expires_at: datetime = Field(sa_type=UTCDateTime, index=True)
