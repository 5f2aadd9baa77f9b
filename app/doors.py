"""Shared by the doors: the transaction of a call, who is calling, and the policies of routes."""

import re
from collections.abc import Callable, Iterator
from datetime import datetime, timedelta
from typing import Annotated
from urllib.parse import urlsplit

from fastapi import Depends, FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.routing import APIRoute, iter_route_contexts
from sqlmodel import Session

from app import audit, clock
from app.db import Transaction, act_as
from app.errors import DomainError
from app.people import machines, policy, sessions
from app.people import queries as people
from app.people.rules import Actor, Denied
from app.people.sessions import SessionTimes
from app.questionnaires import Forms
from app.settings import Settings

# A waiting call holds no thread. Without a limit, forty calls that wait for SQLite's one connection would hold every
# thread of the pool (40), and the call that owns the connection would find none to go on with. Refusals are audited
# after the session of their call is closed, so they need a limit of their own; together the two stay below the pool.
SESSIONS_AT_ONCE = 30
DENIALS_AT_ONCE = 5
LONG_WORK_AT_ONCE = 2
PASSKEYS_AT_ONCE = 2

SESSION_COOKIE = "__Host-sameday"
BACKGROUND_HEADER = "sameday-background"
"""Sent by our own scripts with calls that no person made, so that a page left open does not keep a session alive."""

ON_BEHALF_HEADER = "sameday-on-behalf-of"
"""Sent by integrations: the e-mail address of the person they call for."""

_TOKEN = re.compile(r"s[dm]_[A-Za-z0-9_-]{43}", re.ASCII)
_SECRET = re.compile(r"[A-Za-z0-9_-]{43}", re.ASCII)
_SAFE_METHODS = frozenset({"GET", "HEAD", "OPTIONS"})


def session(request: Request) -> Iterator[Session]:
    """One transaction for the call: committed when the route returns, rolled back when it raises."""
    transaction: Transaction = request.app.state.transaction
    attempts: tuple[audit.Recorded, ...] = ()
    try:
        with transaction() as opened:
            try:
                yield opened
            finally:
                attempts = audit.recorded(opened)
    except (DomainError, RequestValidationError) as error:
        # A refused call was an action of the person too, and its own transaction has been rolled back.
        if session_id := getattr(request.state, "session_acting", None):
            with transaction() as opened:
                sessions.note_action(opened, session_id, clock.now())
        # So was what it had audited by then: who asked for a document that was withdrawn did ask. Of a refusal
        # `write_denial` tells.
        if attempts and isinstance(error, DomainError) and not isinstance(error, Denied):
            with transaction() as opened:
                audit.record_failures(opened, attempts, error.code)
        raise


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


def session_times(settings: SettingsGiven) -> SessionTimes:
    """How long sessions last here."""
    return SessionTimes(
        idle=timedelta(minutes=settings.session_idle_minutes),
        longest=timedelta(hours=settings.session_hours),
        fresh=timedelta(minutes=settings.fresh_sign_in_minutes),
    )


TimesGiven = Annotated[SessionTimes, Depends(session_times)]


def current_actor(request: Request, session: DbSession, now: Now, times: TimesGiven, settings: SettingsGiven) -> Actor:
    """Who is calling: by bearer token, or by the cookie of a session.

    Raises not-signed-in (401), which never says what was wrong, and cross-site (403) for a call that another site's
    page made with our cookie.
    """
    authorization = request.headers.get("authorization")
    if authorization is not None:
        actor = _by_token(session, authorization, request.headers.get(ON_BEHALF_HEADER), now)
    else:
        actor = _by_session(request, session, now, times)
        if actor is not None:
            check_same_site(request, settings)
    if actor is None:
        raise DomainError("not-signed-in", "Sign in, or send a valid token: 'Authorization: Bearer …'.")
    request.state.means = {"client_id": actor.client_id, "token_id": actor.token_id}
    audit.name_means(session, **request.state.means)
    request.app.state.check_account(actor.client_id or actor.account_id)  # raises too-many-calls
    act_as(session, actor.account_id, now)
    return actor


def _by_token(session: Session, authorization: str, on_behalf_of: str | None, now: datetime) -> Actor | None:
    scheme, _, token = authorization.partition(" ")
    if scheme.lower() != "bearer" or not _TOKEN.fullmatch(token):
        return None
    if token.startswith(machines.ACCESS_TOKEN_PREFIX):
        return machines.actor_by_access_token(session, token, on_behalf_of, now)
    return people.actor_by_token(session, token, now)


def _by_session(request: Request, session: Session, now: datetime, times: SessionTimes) -> Actor | None:
    secret = request.cookies.get(SESSION_COOKIE, "")
    actor = sessions.actor_by_session(session, secret, now, times) if _SECRET.fullmatch(secret) else None
    if actor is not None and actor.session_id is not None and BACKGROUND_HEADER not in request.headers:
        sessions.note_action(session, actor.session_id, now)
        request.state.session_acting = actor.session_id
    return actor


def check_same_site(request: Request, settings: Settings) -> None:
    """Raise cross-site for a page of another site that sends our cookie, or signs its visitor in as somebody else.

    SameSite=Strict alone is not enough (security.md, 9).
    """
    if request.method in _SAFE_METHODS:
        return
    ours = urlsplit(settings.base_url)
    origin = request.headers.get("origin")
    # A form of our own pages says "null", because they send no referrer.
    if origin not in (None, "null"):
        is_ours = origin == f"{ours.scheme}://{ours.netloc}"
    else:
        is_ours = request.headers.get("sec-fetch-site") == "same-origin"
    if not is_ours:
        raise DomainError("cross-site", "This call must come from a page of this service.")


CurrentActor = Annotated[Actor, Depends(current_actor)]


def public() -> None:
    """Policy: anyone may call. Nothing about any child is behind such a route."""


def signed_in(actor: CurrentActor) -> None:
    """Policy: any person may call, about themselves. Never a machine."""
    _check_scope(actor, None)


def reads(actor: CurrentActor) -> None:
    """Policy: who may read outcomes; which ones, the stage's verb decides."""
    _check_scope(actor, "outcomes:read")


def writes(actor: CurrentActor) -> None:
    """Policy: who may write drafts; of which outcomes, the stage's verb decides."""
    _check_scope(actor, "outcomes:write")


def acknowledges(actor: CurrentActor) -> None:
    """Policy: who may answer deliveries; which ones, the stage's verb decides."""
    _check_scope(actor, "deliveries:acknowledge")


def freshly_signed_in(actor: CurrentActor, now: Now) -> None:
    """Policy: a person who signed in a few minutes ago; what they may do, the stage's verb decides.

    For what must not be done by whoever finds a tablet unlocked: sign, withdraw, break glass, change a way to sign in.
    Tokens never count as fresh. It is asked before anything is looked up, so the answer tells nothing about any record.
    """
    if actor.fresh_until is None or actor.fresh_until <= now:
        raise DomainError("fresh-sign-in-needed", "Sign in again, then repeat this. Nothing was changed.")


def freshly_signed_in_for_long_work(request: Request, now: Now, times: TimesGiven, settings: SettingsGiven) -> None:
    """Policy: as `freshly_signed_in`, for routes that then compute for long and must hold no transaction meanwhile.

    The person is in `request.state.actor`.
    """
    transaction: Transaction = request.app.state.transaction
    with transaction() as opened:
        actor = current_actor(request, opened, now, times, settings)
    freshly_signed_in(actor, now)
    request.state.actor = actor


def administrator(request: Request, actor: CurrentActor) -> None:
    """Policy: administrators of the service only. To all others the route does not exist."""
    _check_scope(actor, None)
    policy.check_administrator(actor, _operation(request))


def directory_reader(request: Request, actor: CurrentActor) -> None:
    """Policy: who chooses recipients, and who keeps the directory. To all others the route does not exist."""
    _check_scope(actor, "directory:read")
    if not policy.can_read_directory(actor):
        raise Denied(
            actor_id=actor.account_id, action=_operation(request), object_type="directory", object_id="directory"
        )


PUBLIC = Depends(public, scope="function")
SIGNED_IN = Depends(signed_in, scope="function")
READS = Depends(reads, scope="function")
WRITES = Depends(writes, scope="function")
ACKNOWLEDGES = Depends(acknowledges, scope="function")
FRESH = Depends(freshly_signed_in, scope="function")
FRESH_FOR_LONG_WORK = Depends(freshly_signed_in_for_long_work, scope="function", max_concurrency=LONG_WORK_AT_ONCE)
ADMINISTRATOR = Depends(administrator, scope="function")
DIRECTORY_READER = Depends(directory_reader, scope="function")
_POLICIES: frozenset[Callable[..., object]] = frozenset(
    {
        public,
        signed_in,
        reads,
        writes,
        acknowledges,
        freshly_signed_in,
        freshly_signed_in_for_long_work,
        administrator,
        directory_reader,
    }
)


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
        audit.name_means(opened, **getattr(request.state, "means", {}))
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


def _check_scope(actor: Actor, scope: str | None) -> None:
    """Raise insufficient-scope when a machine calls what it was not given, or what no machine may do (None)."""
    if actor.scopes is not None and (scope is None or scope not in actor.scopes):
        raise DomainError("insufficient-scope", "This integration was not given the right to do that.")
