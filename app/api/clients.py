"""Integrations and links to providers, kept by administrators. None of these calls reads an outcome."""

from datetime import datetime
from typing import Annotated, Any
from uuid import UUID

from fastapi import APIRouter, Response
from pydantic import Field
from sqlmodel import Session

from app.api.answers import PREFIX, about, answer
from app.api.body import StrictRoute
from app.api.idempotency import OnceOnly
from app.api.pagination import PageAsked
from app.api.schemas import Listed, Told
from app.api.values import Address, Code, IdInPath, Line, Sent
from app.doors import ADMINISTRATOR, CurrentActor, DbSession, Now
from app.errors import DomainError
from app.people import identities, machines_kept
from app.people import queries as people
from app.people.machine_tables import ApiClient
from app.people.provider_tables import Identity
from app.people.tables import Account

router = APIRouter(prefix=PREFIX, route_class=StrictRoute, tags=["administration"], dependencies=[ADMINISTRATOR])

Jwks = Annotated[dict[str, Any] | None, Field(description="Its public keys, as a JWK Set; none: it gets a secret")]


class RegisterClient(Sent):
    """An integration that will call for people of one organisation."""

    organisation: Code = Field(description="Code of its organisation")
    name: Annotated[Line, Field(max_length=100)]
    scopes: list[Code] = Field(max_length=10, examples=[["outcomes:read", "deliveries:acknowledge"]])
    jwks: Jwks = None


class RenewClient(Sent):
    """What it proves itself by from now on."""

    jwks: Jwks = None


class LinkIdentity(Sent):
    """Who the person is at the provider."""

    issuer: Address = Field(examples=["https://provider.example"])
    subject: Address = Field(description="For Entra ID: tid/oid; for others: sub")


class ClientTold(Told):
    """An integration. Its secret cannot be read back."""

    id: UUID
    organisation_id: UUID
    name: str
    scopes: list[str]
    has_keys: bool
    created_at: datetime
    ended_at: datetime | None


class ClientRegistered(Told):
    """The integration's id, and its secret if one was made: shown this once."""

    id: UUID
    secret: str | None


class IdentityTold(Told):
    """A link between an account and a person of a provider."""

    id: UUID
    issuer: str
    subject: str
    linked_at: datetime
    ended_at: datetime | None


@router.post("/clients", status_code=201, operation_id="register-client", response_model=ClientRegistered)
def register_client(body: RegisterClient, session: DbSession, actor: CurrentActor, now: Now) -> ClientRegistered:
    """Register an integration. It takes no Idempotency-Key, as the answer must not be kept."""
    with about("/organisation"):
        organisation = people.organisation_by_code(session, body.organisation)
    client, secret = machines_kept.register_client(
        session,
        actor,
        organisation_id=organisation.id,
        name=body.name,
        scopes=body.scopes,
        jwks=body.jwks,
        now=now,
    )
    return ClientRegistered(id=client.id, secret=secret)


@router.get("/clients", operation_id="list-clients")
def list_clients(page: PageAsked, session: DbSession) -> Listed[ClientTold]:
    """Every integration, newest first; ended ones too."""
    found = machines_kept.clients(session, after=page.after, limit=page.with_next)
    return Listed(
        items=[_client_told(one) for one in found[: page.limit]], next=page.next_after([one.id for one in found])
    )


@router.post("/clients/{id}/credentials", operation_id="renew-client", response_model=ClientRegistered)
def renew_client(
    client_id: IdInPath, body: RenewClient, session: DbSession, actor: CurrentActor, now: Now
) -> ClientRegistered:
    """Give an integration other keys or a new secret; what it held works no longer. Takes no Idempotency-Key."""
    secret = machines_kept.renew_client(session, actor, client_id=UUID(client_id), jwks=body.jwks, now=now)
    return ClientRegistered(id=UUID(client_id), secret=secret)


@router.delete("/clients/{id}", status_code=204, operation_id="end-client")
def end_client(client_id: IdInPath, session: DbSession, actor: CurrentActor, now: Now) -> None:
    """End an integration and its tokens at once. A repeat changes nothing."""
    machines_kept.end_client(session, actor, client_id=UUID(client_id), now=now)


@router.post("/accounts/{id}/identities", status_code=201, operation_id="link-identity", response_model=IdentityTold)
def link_identity(
    account_id: IdInPath, body: LinkIdentity, once: OnceOnly, session: DbSession, actor: CurrentActor, now: Now
) -> Response:
    """Let this person of this provider sign in to the account."""

    def act() -> Response:
        account = _account_in_path(session, account_id)
        values = body.model_dump()
        return answer(
            _identity_told(identities.link_identity(session, actor, account_id=account.id, **values, now=now))
        )

    return once(act)


@router.get("/accounts/{id}/identities", operation_id="list-identities")
def list_identities(account_id: IdInPath, session: DbSession) -> Listed[IdentityTold]:
    """Who the account is or was at which provider, oldest first: all of them."""
    found = identities.identities_of(session, _account_in_path(session, account_id).id)
    return Listed(items=[_identity_told(one) for one in found], next=None)


@router.delete("/identities/{id}", status_code=204, operation_id="unlink-identity")
def unlink_identity(identity_id: IdInPath, session: DbSession, actor: CurrentActor, now: Now) -> None:
    """End a link, and the sessions that began with it, at once. A repeat changes nothing."""
    identities.unlink_identity(session, actor, identity_id=UUID(identity_id), now=now)


def _client_told(one: ApiClient) -> ClientTold:
    return ClientTold(
        id=one.id,
        organisation_id=one.organisation_id,
        name=one.name,
        scopes=one.scopes.split(),
        has_keys=one.jwks is not None,
        created_at=one.created_at,
        ended_at=one.ended_at,
    )


def _identity_told(one: Identity) -> IdentityTold:
    return IdentityTold(
        id=one.id, issuer=one.issuer, subject=one.subject, linked_at=one.linked_at, ended_at=one.ended_at
    )


def _account_in_path(session: Session, account_id: str) -> Account:
    account = session.get(Account, UUID(account_id))
    if account is None:
        raise DomainError("not-found", "There is no account with this id.")
    return account
