"""Shared by the doors: the transaction, who is calling, the policies of routes, and which status an error gets."""

import re
from collections.abc import Callable, Iterator, Mapping
from datetime import datetime
from http import HTTPStatus
from typing import Annotated

from fastapi import Depends, FastAPI, Request
from fastapi.routing import APIRoute, iter_route_contexts
from sqlmodel import Session

from app import audit, clock
from app.db import Transaction
from app.errors import DomainError
from app.people import queries as people
from app.people import rules as people_rules
from app.people.rules import Actor, Denied
from app.questionnaires import Forms
from app.settings import Settings

STATUSES: Mapping[str, HTTPStatus] = {
    # The call itself
    "bad-request": HTTPStatus.BAD_REQUEST,
    "invalid-json": HTTPStatus.BAD_REQUEST,
    "body-not-expected": HTTPStatus.BAD_REQUEST,
    "wrong-parameter": HTTPStatus.BAD_REQUEST,
    "wrong-precondition": HTTPStatus.BAD_REQUEST,
    "idempotency-key-missing": HTTPStatus.BAD_REQUEST,
    "not-signed-in": HTTPStatus.UNAUTHORIZED,
    "method-not-allowed": HTTPStatus.METHOD_NOT_ALLOWED,
    "body-too-slow": HTTPStatus.REQUEST_TIMEOUT,
    "body-too-large": HTTPStatus.REQUEST_ENTITY_TOO_LARGE,
    "unsupported-media-type": HTTPStatus.UNSUPPORTED_MEDIA_TYPE,
    "precondition-missing": HTTPStatus.PRECONDITION_REQUIRED,
    # Not there, or not for this account
    "not-found": HTTPStatus.NOT_FOUND,
    "form-unknown": HTTPStatus.NOT_FOUND,
    "no-draft": HTTPStatus.NOT_FOUND,
    "unknown-account": HTTPStatus.NOT_FOUND,
    "unknown-grant": HTTPStatus.NOT_FOUND,
    "unknown-token": HTTPStatus.NOT_FOUND,
    "outcome-withdrawn": HTTPStatus.GONE,
    # Not like that
    "invalid": HTTPStatus.UNPROCESSABLE_ENTITY,
    "invalid-answers": HTTPStatus.UNPROCESSABLE_ENTITY,
    "invalid-policy": HTTPStatus.UNPROCESSABLE_ENTITY,
    "idempotency-key-reused": HTTPStatus.UNPROCESSABLE_ENTITY,
    "incomplete": HTTPStatus.UNPROCESSABLE_ENTITY,
    "no-channel": HTTPStatus.UNPROCESSABLE_ENTITY,
    "note-too-long": HTTPStatus.UNPROCESSABLE_ENTITY,
    "questionnaire-response-unreadable": HTTPStatus.UNPROCESSABLE_ENTITY,
    "unknown-helpfulness": HTTPStatus.UNPROCESSABLE_ENTITY,
    "unknown-organisation": HTTPStatus.UNPROCESSABLE_ENTITY,
    "unknown-site": HTTPStatus.UNPROCESSABLE_ENTITY,
    "unknown-team": HTTPStatus.UNPROCESSABLE_ENTITY,
    "wrong-child": HTTPStatus.UNPROCESSABLE_ENTITY,
    # Not now
    "stale-revision": HTTPStatus.PRECONDITION_FAILED,
    "already-exists": HTTPStatus.CONFLICT,
    "already-signed": HTTPStatus.CONFLICT,
    "already-withdrawn": HTTPStatus.CONFLICT,
    "conflict": HTTPStatus.CONFLICT,
    "delivery-not-waiting": HTTPStatus.CONFLICT,
    "document-not-ready": HTTPStatus.CONFLICT,
    "draft-exists": HTTPStatus.CONFLICT,
    "formal-report-date-differs": HTTPStatus.CONFLICT,
    "id-taken": HTTPStatus.CONFLICT,
    "idempotency-key-in-use": HTTPStatus.CONFLICT,
    "not-signed": HTTPStatus.CONFLICT,
    # Our own fault
    "internal": HTTPStatus.INTERNAL_SERVER_ERROR,
    "database-away": HTTPStatus.SERVICE_UNAVAILABLE,
    "not-ready": HTTPStatus.SERVICE_UNAVAILABLE,
}
"""The HTTP status of every code that a rule of the house can raise; a test keeps it complete and without dead lines."""

# A waiting call holds no thread. Without a limit, forty calls that wait for SQLite's one connection would hold every
# thread of the pool (40), and the call that owns the connection would find none to go on with. Refusals are audited
# after the session of their call is closed, so they need a limit of their own; together the two stay below the pool.
SESSIONS_AT_ONCE = 30
DENIALS_AT_ONCE = 5

_TOKEN = re.compile(r"sd_[A-Za-z0-9_-]{43}", re.ASCII)


def session(request: Request) -> Iterator[Session]:
    """One transaction for the call: committed when the route returns, rolled back when it raises."""
    transaction: Transaction = request.app.state.transaction
    with transaction() as opened:
        yield opened


# scope="function": the commit comes before the answer. With the default scope a failed commit would still answer 200.
DbSession = Annotated[Session, Depends(session, scope="function", max_concurrency=SESSIONS_AT_ONCE)]


def now() -> datetime:
    """The time of this call; one and the same for everything it writes."""
    return clock.now()


Now = Annotated[datetime, Depends(now)]


def forms(request: Request) -> Forms:
    """The published forms, read once when the service started."""
    loaded: Forms = request.app.state.forms
    return loaded


LoadedForms = Annotated[Forms, Depends(forms)]


def settings(request: Request) -> Settings:
    """The settings the service was started with."""
    given: Settings = request.app.state.settings
    return given


SettingsGiven = Annotated[Settings, Depends(settings)]


def current_actor(request: Request, session: DbSession, now: Now) -> Actor:
    """Who is calling, by bearer token. Raises not-signed-in (401); never says what was wrong with the token."""
    scheme, _, token = request.headers.get("authorization", "").partition(" ")
    actor = None
    if scheme.lower() == "bearer" and _TOKEN.fullmatch(token):
        actor = people.actor_by_token(session, token, now)
    if actor is None:
        raise DomainError("not-signed-in", "Send a valid token: 'Authorization: Bearer sd_…'.")
    return actor


CurrentActor = Annotated[Actor, Depends(current_actor)]


def public() -> None:
    """Policy: anyone may call. Nothing about any child is behind such a route."""


def signed_in(actor: CurrentActor) -> None:
    """Policy: any account may call; the stage's verb decides what this account may do."""


def administrator(request: Request, actor: CurrentActor) -> None:
    """Policy: administrators of the service only. To all others the route does not exist."""
    people_rules.check_administrator(actor, _operation(request))


def directory_reader(request: Request, actor: CurrentActor) -> None:
    """Policy: who chooses recipients, and who keeps the directory. To all others the route does not exist."""
    if not people_rules.can_read_directory(actor):
        raise Denied(
            actor_id=actor.account_id, action=_operation(request), object_type="directory", object_id="directory"
        )


PUBLIC = Depends(public, scope="function")
SIGNED_IN = Depends(signed_in, scope="function")
ADMINISTRATOR = Depends(administrator, scope="function")
DIRECTORY_READER = Depends(directory_reader, scope="function")
_POLICIES: frozenset[Callable[..., object]] = frozenset({public, signed_in, administrator, directory_reader})


class PolicyMissingError(Exception):
    """A route says nothing about who may call it, so the service must not start."""


def check_policies(app: FastAPI) -> None:
    """Raise PolicyMissingError unless every route of `app` names exactly one policy (design, section 9)."""
    for context in iter_route_contexts(app.routes):
        route = context.original_route
        named = [one for one in getattr(context, "dependencies", ()) if one.dependency in _POLICIES]
        if not isinstance(route, APIRoute) or len(named) != 1:
            where = getattr(context, "path", route)
            raise PolicyMissingError(f"{where}: give the route exactly one of the policies in app/doors.py")


def write_denial(request: Request, denied: Denied) -> None:
    """Audit a refusal in a transaction of its own: the one it was raised in has been rolled back."""
    transaction: Transaction = request.app.state.transaction
    with transaction() as opened:
        audit.record(
            opened,
            now=clock.now(),
            actor_id=denied.actor_id,
            action=denied.action,
            object_type=denied.object_type,
            object_id=denied.object_id,
            result="denied",
        )


def _operation(request: Request) -> str:
    """What the route is called in the API description and in the audit."""
    return str(request.scope["route"].operation_id)
