"""Keeping the integrations: registered, given new keys or a new secret, and ended. Every change is audited."""

import hashlib
import secrets
from collections.abc import Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import delete, update
from sqlmodel import Session, col, select

from app.errors import DomainError, Problem
from app.people import policy, rules
from app.people.changes import record_change
from app.people.machine_tables import ApiClient, ClientToken
from app.people.oidc_tokens import holds_private_key, usable_keys
from app.people.rules import Actor

SECRET_PREFIX = "sc_"  # noqa: S105 - not a secret: lets scanners find a secret that was left lying about


def register_client(
    session: Session,
    actor: Actor | None,
    *,
    organisation_id: UUID,
    name: str,
    scopes: Sequence[str],
    jwks: dict[str, Any] | None,
    now: datetime,
) -> tuple[ApiClient, str | None]:
    """Register an integration of one organisation. Gives it, and the secret made for it when it brings no keys.

    Raises invalid. None is the operator at the command line.
    """
    policy.check_administrator(actor, "register-client")
    problems = rules.problems_in_text(name, "/name", most=100)
    if not scopes or not set(scopes) <= policy.SCOPES.keys():
        problems.append(Problem("/scopes", "not-offered", f"Choose from {', '.join(policy.SCOPES)}."))
    rules.check_no_problems(problems + _problems_in_keys(jwks))
    secret = None if jwks is not None else _new_secret()
    client = ApiClient(
        organisation_id=organisation_id,
        name=name.strip(),
        jwks=jwks,
        secret_sha256=_digest(secret),
        scopes=" ".join(sorted(set(scopes))),
        created_at=now,
    )
    session.add(client)
    record_change(session, actor, now, "register-client", "api-client", client.id, scopes=sorted(set(scopes)))
    return client, secret


def renew_client(
    session: Session, actor: Actor | None, *, client_id: UUID, jwks: dict[str, Any] | None, now: datetime
) -> str | None:
    """Give an integration other keys or, with none, a new secret, which comes back. What it held works no longer.

    Raises unknown-client, invalid.
    """
    policy.check_administrator(actor, "renew-client")
    rules.check_no_problems(_problems_in_keys(jwks))
    client = _client(session, client_id)
    secret = None if jwks is not None else _new_secret()
    client.jwks, client.secret_sha256 = jwks, _digest(secret)
    session.add(client)
    _end_tokens(session, client_id)
    record_change(session, actor, now, "renew-client", "api-client", client_id, way="keys" if jwks else "secret")
    return secret


def end_client(session: Session, actor: Actor | None, *, client_id: UUID, now: datetime) -> None:
    """End an integration and its tokens at once. Raises unknown-client. A repeat changes nothing."""
    policy.check_administrator(actor, "end-client")
    client = session.get(ApiClient, client_id)
    if client is None:
        raise _unknown()
    is_open = (col(ApiClient.id) == client_id, col(ApiClient.ended_at).is_(None))
    if session.exec(update(ApiClient).where(*is_open).values(ended_at=now)).rowcount:
        _end_tokens(session, client_id)
        record_change(session, actor, now, "end-client", "api-client", client_id)


def clients(session: Session, *, after: UUID | None = None, limit: int | None = None) -> list[ApiClient]:
    """Every integration, newest first, ended ones too; or a page, at most `limit` that follow `after`."""
    wanted = select(ApiClient).order_by(col(ApiClient.id).desc()).limit(limit)
    if after is not None:
        wanted = wanted.where(col(ApiClient.id) < after)
    return list(session.exec(wanted))


def _client(session: Session, client_id: UUID) -> ApiClient:
    """The integration, held until the commit, so that two renewals leave one secret. Raises unknown-client."""
    wanted = select(ApiClient).where(ApiClient.id == client_id, col(ApiClient.ended_at).is_(None)).with_for_update()
    client = session.exec(wanted).one_or_none()
    if client is None:
        raise _unknown()
    return client


def _unknown() -> DomainError:
    return DomainError("unknown-client", "There is no integration with this id, or it has ended.")


def _end_tokens(session: Session, client_id: UUID) -> None:
    session.exec(delete(ClientToken).where(col(ClientToken.client_id) == client_id))


def _problems_in_keys(jwks: dict[str, Any] | None) -> list[Problem]:
    if jwks is None:
        return []
    if holds_private_key(jwks):
        return [
            Problem("/jwks", "private-key", "This holds a private key. Make a new pair; send the public half only.")
        ]
    try:
        usable_keys(jwks)
    except ValueError:
        return [Problem("/jwks", "no-usable-key", "Send a JWK Set with an RSA key of 2048 bits or more, or P-256.")]
    return []


def _new_secret() -> str:
    return SECRET_PREFIX + secrets.token_urlsafe(32)


def _digest(secret: str | None) -> str | None:
    return None if secret is None else hashlib.sha256(secret.encode()).hexdigest()
