"""How people prove who they are, and the sessions that follow. No secret is kept in a form that could be used."""

from datetime import datetime
from uuid import UUID

from sqlalchemy import BigInteger, Index, text
from sqlmodel import Field, SQLModel

from app.db import UTCDateTime, new_id


class SignInSession(SQLModel, table=True):
    """One sign-in of a person in one browser. Only the SHA-256 of its 256 random bits is kept."""

    __tablename__ = "sign_in_session"

    id: UUID = Field(default_factory=new_id, primary_key=True)
    account_id: UUID = Field(foreign_key="account.id", index=True)
    secret_sha256: str = Field(unique=True, max_length=64)
    method: str = Field(max_length=40, description="password-and-totp, passkey, or the provider's profile")
    issuer: str | None = Field(default=None, max_length=500, description="The OpenID provider, when one signed them in")
    provider_session: str | None = Field(default=None, max_length=255, index=True, description="Its `sid`")
    started_at: datetime = Field(sa_type=UTCDateTime)
    fresh_at: datetime = Field(sa_type=UTCDateTime, description="When the person last proved who they are")
    last_action_at: datetime = Field(sa_type=UTCDateTime, description="When they last did something themselves")
    ended_at: datetime | None = Field(default=None, sa_type=UTCDateTime)


class Password(SQLModel, table=True):
    """The password of an account, as the argon2id hash that tells its own parameters and salt."""

    account_id: UUID = Field(foreign_key="account.id", primary_key=True)
    hash: str = Field(max_length=200)
    changed_at: datetime = Field(sa_type=UTCDateTime)


class Totp(SQLModel, table=True):
    """An authenticator app of an account (RFC 6238). It counts from `confirmed_at`; at most one is open then."""

    __table_args__ = (
        Index(
            "uq_totp_open",
            "account_id",
            unique=True,
            sqlite_where=text("confirmed_at IS NOT NULL AND ended_at IS NULL"),
            postgresql_where=text("confirmed_at IS NOT NULL AND ended_at IS NULL"),
        ),
    )

    id: UUID = Field(default_factory=new_id, primary_key=True)
    account_id: UUID = Field(foreign_key="account.id", index=True)
    secret_encrypted: bytes
    last_step: int = Field(default=0, sa_type=BigInteger, description="Newest time step that was used; none twice")
    created_at: datetime = Field(sa_type=UTCDateTime)
    confirmed_at: datetime | None = Field(default=None, sa_type=UTCDateTime)
    ended_at: datetime | None = Field(default=None, sa_type=UTCDateTime)


class Passkey(SQLModel, table=True):
    """A WebAuthn credential of an account: the public half of a key that never leaves the person's device."""

    id: UUID = Field(default_factory=new_id, primary_key=True)
    account_id: UUID = Field(foreign_key="account.id", index=True)
    credential_id: bytes = Field(unique=True, max_length=1023)
    public_key: bytes = Field(description="COSE key")
    sign_count: int = Field(sa_type=BigInteger, description="As the device counts its uses; 0 where it does not")
    label: str = Field(max_length=100)
    created_at: datetime = Field(sa_type=UTCDateTime)
    last_used_at: datetime | None = Field(default=None, sa_type=UTCDateTime)
    ended_at: datetime | None = Field(default=None, sa_type=UTCDateTime)


class PasskeyChallenge(SQLModel, table=True):
    """What a passkey has to sign: good for one use and a few minutes. No account: for a sign-in by anybody."""

    __tablename__ = "passkey_challenge"

    id: UUID = Field(default_factory=new_id, primary_key=True)
    account_id: UUID | None = Field(default=None, foreign_key="account.id")
    challenge_sha256: str = Field(unique=True, max_length=64)
    expires_at: datetime = Field(sa_type=UTCDateTime, index=True)
    used_at: datetime | None = Field(default=None, sa_type=UTCDateTime)


class OneTimeLink(SQLModel, table=True):
    """A link by which a person proves that a mailbox is theirs. Only the SHA-256 of its 256 random bits is kept.

    secret_encrypted holds the secret for the worker that mails it, and is emptied when the mail is taken.
    """

    __tablename__ = "one_time_link"

    id: UUID = Field(default_factory=new_id, primary_key=True)
    account_id: UUID = Field(foreign_key="account.id", index=True)
    purpose: str = Field(max_length=20, description="invitation or recovery")
    resets_second_factor: bool = Field(description="Whether a new second factor may take the place of the one there is")
    secret_sha256: str = Field(unique=True, max_length=64)
    secret_encrypted: bytes | None = None
    issued_by: UUID | None = Field(default=None, foreign_key="account.id", description="None: the operator")
    issued_at: datetime = Field(sa_type=UTCDateTime)
    expires_at: datetime = Field(sa_type=UTCDateTime)
    used_at: datetime | None = Field(default=None, sa_type=UTCDateTime)
    ended_at: datetime | None = Field(default=None, sa_type=UTCDateTime, description="Replaced by a newer link")


class SignInThrottle(SQLModel, table=True):
    """Failed tries for one address, whether there is an account or not. The address itself is not kept."""

    __tablename__ = "sign_in_throttle"

    address_index: str = Field(primary_key=True, max_length=64, description="Keyed hash of the address, hex")
    failures: int = Field(default=0, description="In a row, and not yet forgiven")
    waits_until: datetime = Field(sa_type=UTCDateTime, description="No try is taken before")
    failed_at: datetime = Field(sa_type=UTCDateTime, index=True)
