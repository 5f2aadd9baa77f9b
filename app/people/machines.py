"""Integrations calling: who they prove to be, the tokens they get, and the person they name. RFC 6749, 6750, 7523."""

import hashlib
import hmac
import secrets
from collections.abc import Collection
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Literal
from uuid import UUID

from sqlalchemy import delete
from sqlmodel import Session, col, select

from app import audit
from app.errors import DomainError
from app.people.machine_tables import ApiClient, ClientToken
from app.people.oidc import check_unused
from app.people.oidc_tokens import (
    TokenRefusedError,
    check_claims,
    read_token,
    seconds_claim,
    text_claim,
    unverified_claims,
    usable_keys,
)
from app.people.queries import actor_by_account
from app.people.rules import Actor, Denied, normal_email
from app.people.tables import Account

ACCESS_TOKEN_PREFIX = "sm_"  # noqa: S105 - not a secret: lets scanners find a token that was left lying about
LONGEST_ASSERTION = timedelta(minutes=5)
"""Ours: an assertion is made for one call, so its `exp` and `iat` are not further away."""
_ASSERTION_TYPES = ("jwt", "client-authentication+jwt", "")
_OAuthCode = Literal["invalid_request", "invalid_client", "invalid_scope", "unsupported_grant_type"]


class ClientRefusedError(Exception):
    """An integration gets no token: RFC 6749, section 5.2. client_id: whom it claimed to be, if that is one of ours."""

    def __init__(self, error: _OAuthCode, sentence: str, client_id: UUID | None = None) -> None:
        super().__init__(error)
        self.error = error
        self.sentence = sentence
        self.client_id = client_id


@dataclass(frozen=True, slots=True)
class AccessToken:
    """A token that was issued: the plain one, for this once, and what it may do."""

    token: str
    scopes: tuple[str, ...]


def client_by_secret(session: Session, client_id: str, secret: str, now: datetime) -> ApiClient:
    """The integration whose id and secret these are. Raises ClientRefusedError, which never says what was wrong."""
    client = _open_client(session, client_id, now)
    kept = client.secret_sha256 if client is not None else None
    # Compared whatever is kept, so that an unknown id takes as long as a wrong secret.
    is_right = hmac.compare_digest(_digest(secret), kept or "-" * 64)
    if client is None or not is_right:
        raise _not_believed(client)
    return client


def client_by_assertion(session: Session, assertion: str, audiences: Collection[str], now: datetime) -> ApiClient:
    """The integration that signed `assertion` with a key it registered, just now and for us (RFC 7523, section 3).

    audiences: our token endpoint and our own name. Raises ClientRefusedError, which never says what was wrong.
    """
    client = _open_client(session, _claimed_id(assertion), now)
    if client is None or client.jwks is None:
        raise _not_believed(client)
    try:
        claims = read_token(assertion, usable_keys(client.jwks), types=_ASSERTION_TYPES).claims
        name = str(client.id)
        check_claims(claims, int(now.timestamp()), iss=name, sub=name, aud=None, exp=None, jti=None)
        if claims["aud"] not in [*audiences, *([one] for one in audiences)]:
            raise TokenRefusedError("claim-wrong-aud")
        expires_at, issued_at = seconds_claim(claims, "exp"), seconds_claim(claims, "iat")
        token_id = text_claim(claims, "jti")
        if expires_at is None or token_id is None or _is_long(expires_at, issued_at, now):
            raise TokenRefusedError("claim-wrong-exp")
        check_unused(session, name, token_id, expires_at, now)
    except (TokenRefusedError, ValueError) as error:
        raise _not_believed(client) from error
    return client


def issue_access_token(
    session: Session, client: ApiClient, scope: str | None, *, lives: timedelta, now: datetime
) -> AccessToken:
    """Give an integration that has proved itself a token. scope: less than it may have; None: all of it.

    Raises ClientRefusedError invalid_scope.
    """
    may = client.scopes.split()
    wanted = may if scope is None else sorted(set(scope.split()))
    if not wanted or not set(wanted) <= set(may):
        raise ClientRefusedError("invalid_scope", "The integration was not given one of these scopes.", client.id)
    session.exec(delete(ClientToken).where(col(ClientToken.expires_at) < now - timedelta(days=1)))
    plain = ACCESS_TOKEN_PREFIX + secrets.token_urlsafe(32)
    token = ClientToken(
        client_id=client.id,
        token_sha256=_digest(plain),
        scopes=" ".join(wanted),
        created_at=now,
        expires_at=now + lives,
    )
    session.add(token)
    _record(session, "issue-access-token", client.id, now, token=str(token.id), scopes=wanted)
    return AccessToken(plain, tuple(wanted))


def actor_by_access_token(session: Session, token: str, on_behalf_of: str | None, now: datetime) -> Actor | None:
    """The person of the integration's organisation that it acts for; None if the token is unknown or has ended.

    on_behalf_of: the person's e-mail address. Raises on-behalf-of-missing, and Denied for whoever is not an open
    account of that organisation: whether the address is known elsewhere is not told.
    """
    wanted = (
        select(ClientToken, ApiClient)
        .join(ApiClient, col(ApiClient.id) == col(ClientToken.client_id))
        .where(ClientToken.token_sha256 == _digest(token), col(ClientToken.expires_at) > now)
        .where(col(ApiClient.ended_at).is_(None))
    )
    found = session.exec(wanted).one_or_none()
    if found is None:
        return None
    issued, client = found
    if on_behalf_of is None:
        raise DomainError(
            "on-behalf-of-missing", "Say for whom you call: 'Sameday-On-Behalf-Of: name@organisation.example'."
        )
    actor = _person_of(session, client, on_behalf_of, now)
    if actor is None:
        raise Denied(actor_id=None, action="act-on-behalf", object_type="api-client", object_id=client.id)
    return replace(actor, client_id=client.id, scopes=frozenset(issued.scopes.split()))


def record_client_refused(session: Session, refused: ClientRefusedError, now: datetime) -> None:
    """Audit that an integration got no token."""
    _record(session, "issue-access-token", refused.client_id or "unknown", now, result="denied", error=refused.error)


def _person_of(session: Session, client: ApiClient, email: str, now: datetime) -> Actor | None:
    wanted = select(Account.id).where(Account.email == normal_email(email))
    found = session.exec(wanted.where(Account.organisation_id == client.organisation_id)).one_or_none()
    return None if found is None else actor_by_account(session, found, now)


def _open_client(session: Session, client_id: str | None, now: datetime) -> ApiClient | None:
    try:
        client = session.get(ApiClient, UUID(client_id or ""))
    except ValueError:
        return None
    return client if client is not None and (client.ended_at is None or client.ended_at > now) else None


def _claimed_id(assertion: str) -> str | None:
    """Whom the assertion says it is from; believed only once a key registered for that one has been found to fit."""
    issuer = unverified_claims(assertion).get("iss")
    return issuer if isinstance(issuer, str) else None


def _is_long(expires_at: int, issued_at: int | None, now: datetime) -> bool:
    longest = LONGEST_ASSERTION.total_seconds()
    is_old = issued_at is not None and issued_at < now.timestamp() - longest
    return expires_at > now.timestamp() + longest or is_old


def _not_believed(client: ApiClient | None) -> ClientRefusedError:
    sentence = "The integration could not be recognised. Check its id, and its key or secret."
    return ClientRefusedError("invalid_client", sentence, None if client is None else client.id)


def _digest(secret: str) -> str:
    return hashlib.sha256(secret.encode("utf-8", "surrogatepass")).hexdigest()


def _record(
    session: Session,
    action: str,
    object_id: UUID | str,
    now: datetime,
    result: audit.Result = "done",
    **detail: str | list[str],
) -> None:
    audit.record(
        session,
        now=now,
        actor_id=None,
        action=action,
        object_type="api-client",
        object_id=object_id,
        result=result,
        detail=detail,
    )
