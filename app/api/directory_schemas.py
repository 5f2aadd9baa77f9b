"""The rest of the whitelist of what may cross the wire: people, teams, sites, forms, and the audit."""

from datetime import datetime
from typing import Annotated, Any
from uuid import UUID

from pydantic import Field

from app.api.schemas import FormNamed, Told
from app.api.values import Address, Code, Line, Sent


class AddOrganisation(Sent):
    """A trust, council, police force or practice."""

    code: Code = Field(examples=["meon-council"])
    name: Line
    ods_code: Code | None = None


class AddTeam(Sent):
    """A team that can be told: it needs a duty inbox or a webhook."""

    organisation: Code = Field(description="Code of its organisation")
    code: Code = Field(examples=["meon-duty"])
    name: Line
    role: Code = Field(examples=["social-worker"])
    inbox_email: Line | None = None
    webhook_url: Address | None = None
    webhook_secret: Line | None = None


class ChangeTeam(Sent):
    """What is left out stays; an empty text takes a value away."""

    name: Line | None = None
    inbox_email: Annotated[str, Field(max_length=254)] | None = None
    webhook_url: Annotated[str, Field(max_length=2000)] | None = None
    webhook_secret: Annotated[str, Field(max_length=200)] | None = None


class AddAccount(Sent):
    """A person."""

    organisation: Code = Field(description="Code of their organisation")
    email: Line = Field(examples=["ruth.kaur@meon.example"])
    name: Line
    grade: Line | None = None
    registration_body: Code | None = Field(default=None, examples=["GMC"])
    registration_number: Code | None = Field(default=None, examples=["9900001"])


class JoinTeam(Sent):
    """The team to join."""

    team: Code


class GiveRole(Sent):
    """The role, at one site or, with none, everywhere."""

    role: Code = Field(examples=["clinician"])
    site: Code | None = None


class IssueToken(Sent):
    """A personal token."""

    label: Annotated[Line, Field(max_length=100)]
    days: int = Field(default=90, description="How long it works, 1 to 365")


class AddSite(Sent):
    """A pilot site and what it decides for itself."""

    organisation: Code
    code: Code
    name: Line
    ods_code: Code | None = None
    policy: dict[str, Any] = Field(default={}, description="See docs/reference/site-policy; empty: the defaults")


class OrganisationTold(Told):
    """An organisation."""

    id: UUID
    code: str
    name: str
    ods_code: str | None


class TeamKept(Told):
    """A team as administrators see it. The webhook's secret is never shown again."""

    id: UUID
    code: str
    name: str
    role: str
    inbox_email: str | None
    webhook_url: str | None


class AccountTold(Told):
    """An account."""

    id: UUID
    email: str
    name: str
    grade: str | None
    registration: str | None
    closed_at: datetime | None


class TokenIssued(Told):
    """The plain token is shown this once and kept nowhere."""

    id: UUID
    token: str
    expires_at: datetime


class TokenTold(Told):
    """A token that was issued. What it is cannot be read back."""

    id: UUID
    label: str
    created_at: datetime
    expires_at: datetime
    revoked_at: datetime | None


class GrantTold(Told):
    """Why an account, or everyone in a team, may read an outcome; from when and until when."""

    id: UUID
    kind: str = Field(description="author, co-examiner, recipient, given or break-glass")
    account_id: UUID | None
    team_id: UUID | None
    reason: str
    granted_by: UUID | None
    from_at: datetime
    until_at: datetime | None


class Done(Told):
    """What was asked for is so."""

    id: UUID


class EventTold(Told):
    """One line of the audit, with its place in the chain."""

    id: UUID
    number: int
    at: datetime
    actor_id: UUID | None
    action: str
    object_type: str
    object_id: str
    result: str
    detail: dict[str, Any]
    sha256: str


class TeamOfMine(Told):
    """A team I am in now."""

    code: str
    name: str
    role: str


class RoleOfMine(Told):
    """A role I hold; no site means everywhere."""

    role: str
    site: str | None


class Me(Told):
    """The account whose token this is."""

    account_id: str
    name: str
    email: str
    organisation: str
    teams: list[TeamOfMine]
    roles: list[RoleOfMine]
    session_ends_at: datetime | None = Field(
        description="If nothing more is done; none for tokens, which have no session"
    )
    fresh_until: datetime | None = Field(description="Until when signing, withdrawing and the like need no new sign-in")


class SiteTold(Told):
    """A pilot site."""

    code: str
    name: str
    ods_code: str | None


class Member(Told):
    """A person in a team."""

    name: str
    email: str


class TeamTold(Told):
    """A team that outcomes can be sent to."""

    code: str
    name: str
    role: str
    organisation: str
    members: list[Member]


class FormListed(FormNamed):
    """A form version in the list."""

    title: str
