"""Sessions of people who signed in: kept by us, so that ending one works on the very next call."""

import hashlib
import secrets
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from uuid import UUID

from sqlalchemy import ColumnElement, and_, update
from sqlmodel import Session, col, select

from app import audit
from app.people.queries import actor_by_account
from app.people.rules import Actor
from app.people.sign_in_tables import SignInSession

TOUCH_EVERY = timedelta(seconds=20)
"""Ours: an action is noted at most this often, so that not every read is also a write."""


@dataclass(frozen=True, slots=True)
class SessionTimes:
    """How long sessions last: without an action (idle), altogether (longest), and counted as fresh."""

    idle: timedelta = timedelta(minutes=15)
    longest: timedelta = timedelta(hours=12)
    fresh: timedelta = timedelta(minutes=5)


def start_session(
    session: Session,
    *,
    account_id: UUID,
    method: str,
    issuer: str | None = None,
    provider_session: str | None = None,
    now: datetime,
) -> str:
    """Start a session for a person who has just proved who they are. Gives the secret of the cookie, for this once.

    method: how they proved it. issuer, provider_session: the OpenID provider and its `sid`, when it was one.
    """
    secret = secrets.token_urlsafe(32)
    row = SignInSession(
        account_id=account_id,
        secret_sha256=_digest(secret),
        method=method,
        issuer=issuer,
        provider_session=provider_session,
        started_at=now,
        fresh_at=now,
        last_action_at=now,
    )
    session.add(row)
    _record(session, account_id, "sign-in", row.id, now, method=method)
    return secret


def actor_by_session(session: Session, secret: str, now: datetime, times: SessionTimes) -> Actor | None:
    """The person whose session this is, with the teams and roles they have now; None if it has ended in any way."""
    found = session.exec(select(SignInSession).where(_is_live(secret, now, times))).one_or_none()
    if found is None:
        return None
    actor = actor_by_account(session, found.account_id, now)
    if actor is None:
        return None
    return replace(actor, session_id=found.id, fresh_until=found.fresh_at + times.fresh)


def note_action(session: Session, session_id: UUID, now: datetime) -> None:
    """Note that the person did something themselves, which keeps the session from going idle. It never revives one."""
    session.exec(
        update(SignInSession)
        .where(col(SignInSession.id) == session_id, col(SignInSession.ended_at).is_(None))
        .where(col(SignInSession.last_action_at) < now - TOUCH_EVERY)
        .values(last_action_at=now)
    )


def end_session(session: Session, actor: Actor, now: datetime) -> None:
    """Sign out: end the session of this call. A call without one changes nothing."""
    if actor.session_id is not None:
        _end(session, col(SignInSession.id) == actor.session_id, actor.account_id, "sign-out", now)


def replace_session(session: Session, secret: str, now: datetime) -> None:
    """End the session that a browser had before its person signed in anew, whoever's it was."""
    found = session.exec(select(SignInSession).where(SignInSession.secret_sha256 == _digest(secret))).one_or_none()
    if found is not None:
        _end(session, col(SignInSession.id) == found.id, found.account_id, "replace-session", now)


def end_sessions_of(session: Session, account_id: UUID, now: datetime, *, besides: UUID | None = None) -> int:
    """End every session of an account, for example when it is closed or recovered. Gives how many there were.

    besides: the id of one that goes on.
    """
    theirs = col(SignInSession.account_id) == account_id
    if besides is not None:
        theirs = and_(theirs, col(SignInSession.id) != besides)
    return _end(session, theirs, account_id, "end-sessions", now)


def end_sessions_at_provider(
    session: Session,
    *,
    issuer: str,
    provider_session: str | None,
    account_id: UUID | None,
    begun_by: datetime | None = None,
    now: datetime,
) -> int:
    """End what a provider's back-channel logout names: one of its sessions, or all of one person's that it began.

    begun_by: not those that began later. Gives how many there were.
    """
    wanted = col(SignInSession.issuer) == issuer
    if provider_session is not None:
        wanted = and_(wanted, col(SignInSession.provider_session) == provider_session)
    if account_id is not None:
        wanted = and_(wanted, col(SignInSession.account_id) == account_id)
    if begun_by is not None:
        wanted = and_(wanted, col(SignInSession.started_at) <= begun_by)
    assert provider_session is not None or account_id is not None, "a logout names a session or a person"
    return _end(session, wanted, account_id, "provider-sign-out", now)


def ends_at(row: SignInSession, times: SessionTimes) -> datetime:
    """When the session ends if its person does nothing more."""
    return min(row.last_action_at + times.idle, row.started_at + times.longest)


def session_ends_at(session: Session, actor: Actor, times: SessionTimes) -> datetime | None:
    """When the session of this call ends if nothing more is done; None for a call without one."""
    return None if actor.session_id is None else ends_at(session.get_one(SignInSession, actor.session_id), times)


def live_sessions_of(session: Session, account_id: UUID, now: datetime, times: SessionTimes) -> list[SignInSession]:
    """The sessions of an account that still hold, newest first."""
    wanted = select(SignInSession).where(SignInSession.account_id == account_id, *_holds(now, times))
    return list(session.exec(wanted.order_by(col(SignInSession.id).desc())))


def _end(session: Session, which: ColumnElement[bool], account_id: UUID | None, action: str, now: datetime) -> int:
    ended = update(SignInSession).where(which, col(SignInSession.ended_at).is_(None)).values(ended_at=now)
    count: int = session.exec(ended).rowcount
    if count:
        _record(session, account_id, action, account_id or "provider", now, sessions=count)
    return count


def _is_live(secret: str, now: datetime, times: SessionTimes) -> ColumnElement[bool]:
    return and_(col(SignInSession.secret_sha256) == _digest(secret), *_holds(now, times))


def _holds(now: datetime, times: SessionTimes) -> tuple[ColumnElement[bool], ...]:
    return (
        col(SignInSession.ended_at).is_(None),
        col(SignInSession.last_action_at) > now - times.idle,
        col(SignInSession.started_at) > now - times.longest,
    )


def _digest(secret: str) -> str:
    return hashlib.sha256(secret.encode("utf-8", "surrogatepass")).hexdigest()


def _record(
    session: Session, account_id: UUID | None, action: str, object_id: UUID | str, now: datetime, **detail: str | int
) -> None:
    audit.record(
        session,
        now=now,
        actor_id=account_id,
        action=action,
        object_type="session" if action == "sign-in" else "account",
        object_id=object_id,
        detail=detail,
    )
