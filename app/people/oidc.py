"""Signing in with an OpenID provider, and being signed out by it. What was asked of the provider is already known."""

import hashlib
import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from uuid import UUID

from sqlalchemy import delete, update
from sqlmodel import Session, col, select

from app import audit
from app.db import insert_if_absent
from app.errors import DomainError
from app.people import links, oidc_rules, sessions
from app.people.identities import check_may_link, identity_at, link_by_invitation
from app.people.oidc_rules import Logout, Person, SignInRefused
from app.people.oidc_tokens import LEEWAY_SECONDS, TokenRefusedError
from app.people.provider_tables import Identity, SignInAttempt, UsedTokenId
from app.people.providers import Provider
from app.people.queries import actor_by_account
from app.people.sign_in_tables import OneTimeLink
from app.people.tables import Organisation

ATTEMPT = timedelta(minutes=10)
"""How long a sign-in may take between leaving for the provider and coming back (the length of an OAuth code)."""
FORGET_AFTER = timedelta(days=1)
"""Ours: sign-ins that were begun are kept a little longer than they count, for whoever looks into a fault."""


@dataclass(frozen=True, slots=True)
class Begun:
    """A sign-in that came back to the browser it began in."""

    began_at: datetime
    return_to: str
    link_id: UUID | None


@dataclass(frozen=True, slots=True)
class SignedIn:
    """The account, and the secret of its new session's cookie, for this once."""

    account_id: UUID
    secret: str


def begin_sign_in(
    session: Session, provider: Provider, *, return_to: str = "/", invitation: str | None = None, now: datetime
) -> str:
    """Note that a sign-in has begun. Gives the secret for the browser's cookie; its proofs come from it.

    invitation: the secret of a one-time link, for the first sign-in of a person.
    Raises link-not-valid, second-factor-kept.
    """
    link = None
    if invitation is not None:
        link, _ = links.open_link(session, invitation, now)
        if link.purpose != links.INVITATION:
            raise links.not_valid()
        check_may_link(session, link)
    session.exec(delete(SignInAttempt).where(col(SignInAttempt.started_at) < now - FORGET_AFTER))
    secret = secrets.token_urlsafe(32)
    session.add(
        SignInAttempt(
            provider=provider.name,
            secret_sha256=_digest(secret),
            return_to=return_to,
            link_id=None if link is None else link.id,
            started_at=now,
        )
    )
    return secret


def resume_sign_in(session: Session, provider: Provider, secret: str, state: str, now: datetime) -> Begun:
    """Use up a sign-in that began in this browser. Raises sign-in-expired: late, used, or another browser's."""
    found = session.exec(select(SignInAttempt).where(SignInAttempt.secret_sha256 == _digest(secret))).one_or_none()
    is_ours = secrets.compare_digest(state.encode(), oidc_rules.proofs_of(secret).state.encode())
    if found is not None and is_ours and found.provider == provider.name and now - found.started_at < ATTEMPT:
        is_unused = (col(SignInAttempt.id) == found.id, col(SignInAttempt.used_at).is_(None))
        if session.exec(update(SignInAttempt).where(*is_unused).values(used_at=now)).rowcount:
            return Begun(found.started_at, found.return_to, found.link_id)
    raise DomainError(
        "sign-in-expired", "This sign-in was begun too long ago, elsewhere, or is finished. Start again from our page."
    )


def sign_in(
    session: Session, provider: Provider, person: Person, begun: Begun, former: str | None, now: datetime
) -> SignedIn:
    """Start a session for the account that this person is linked to, or is being linked to by an invitation.

    Raises SignInRefused, link-not-valid (the invitation was used meanwhile). No account is ever made here, and an
    e-mail address is never enough: whoever can set it there would choose who they are here.

    former: the secret of the session that this browser had, which ends.
    """
    identity = identity_at(session, person.issuer, person.subject)
    if identity is None and begun.link_id is not None:
        link = session.get_one(OneTimeLink, begun.link_id)
        identity = link_by_invitation(session, link, issuer=person.issuer, subject=person.subject, now=now)
    actor = None if identity is None else actor_by_account(session, identity.account_id, now)
    if identity is None or actor is None:
        raise SignInRefused(
            why="nobody-linked",
            sentence="Nobody here is linked to your sign-in there yet. Ask your administrator to link you.",
        )
    organisation = session.get_one(Organisation, actor.organisation_id)
    if provider.organisations and organisation.code not in provider.organisations:
        raise SignInRefused(why="organisation", sentence="People of your organisation do not sign in here.")
    if provider.role is not None:
        oidc_rules.check_role(provider.role, person.claims, organisation.ods_code)
    session.exec(update(Identity).where(col(Identity.id) == identity.id).values(sub=person.sub))
    if former is not None:
        sessions.replace_session(session, former, now)
    secret = sessions.start_session(
        session,
        account_id=actor.account_id,
        method=provider.name,
        issuer=person.issuer,
        provider_session=person.provider_session,
        now=now,
    )
    return SignedIn(actor.account_id, secret)


def end_by_provider(session: Session, logout: Logout, now: datetime) -> int:
    """End the sessions that a logout token names, if it is new. Gives how many. Raises TokenRefusedError.

    Sessions that began after the token was issued stay: it cannot have meant them.
    """
    check_unused(session, logout.issuer, logout.token_id, logout.expires_at, now)
    accounts: Sequence[UUID | None] = [None]
    if logout.sub is not None:
        wanted = select(Identity.account_id).where(Identity.issuer == logout.issuer, Identity.sub == logout.sub)
        accounts = session.exec(wanted.distinct()).all()
    latest = datetime.fromtimestamp(logout.issued_at + LEEWAY_SECONDS, UTC)
    return sum(
        sessions.end_sessions_at_provider(
            session,
            issuer=logout.issuer,
            provider_session=logout.provider_session,
            account_id=account_id,
            begun_by=latest,
            now=now,
        )
        for account_id in accounts
    )


def check_unused(session: Session, issuer: str, token_id: str, expires_at: int, now: datetime) -> None:
    """Raise TokenRefusedError when a token with this `jti` was taken before. Holds when two come at the same time."""
    session.exec(delete(UsedTokenId).where(col(UsedTokenId.expires_at) < now - timedelta(seconds=LEEWAY_SECONDS)))
    until = datetime.fromtimestamp(expires_at + LEEWAY_SECONDS, UTC)
    if not insert_if_absent(session, UsedTokenId(issuer=issuer, token_id=token_id, expires_at=until)):
        raise TokenRefusedError("used-before")


def record_refusal(session: Session, provider: Provider, action: str, why: str, now: datetime) -> None:
    """Audit that a sign-in or a logout came to nothing. why: a code of ours."""
    audit.record(
        session,
        now=now,
        actor_id=None,
        action=action,
        object_type="provider",
        object_id=provider.name,
        result="denied",
        detail={"why": why},
    )


def _digest(secret: str) -> str:
    return hashlib.sha256(secret.encode("utf-8", "surrogatepass")).hexdigest()
