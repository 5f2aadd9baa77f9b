"""Who an account is at a provider: links made and ended by administrators, never guessed from an e-mail address."""

from datetime import datetime
from uuid import UUID

from sqlalchemy import update
from sqlmodel import Session, col, select

from app.db import insert_if_absent
from app.errors import DomainError, Problem
from app.people import links, passkeys, policy, rules, sessions, totp
from app.people.changes import record_change
from app.people.provider_tables import Identity
from app.people.rules import Actor
from app.people.sign_in_tables import OneTimeLink


def link_identity(
    session: Session, actor: Actor | None, *, account_id: UUID, issuer: str, subject: str, now: datetime
) -> Identity:
    """Let this person of this provider sign in to the account. None is the operator at the command line.

    Raises invalid, already-exists (this person is linked, here or to another account).
    """
    policy.check_administrator(actor, "link-identity")
    policy.check_not_own(actor, account_id, "link-identity")
    problems = rules.problems_in_text(issuer, "/issuer", most=500)
    if not issuer.startswith(("https://", "http://")):
        problems.append(Problem("/issuer", "wrong-format", "Write the issuer exactly as the provider does: https://…"))
    rules.check_no_problems(problems + rules.problems_in_text(subject, "/subject", most=255))
    identity = Identity(
        account_id=account_id,
        issuer=issuer,
        subject=subject,
        linked_by=None if actor is None else actor.account_id,
        linked_at=now,
    )
    _insert(session, identity)
    record_change(session, actor, now, "link-identity", "account", account_id, identity=str(identity.id))
    return session.get_one(Identity, identity.id)


def link_by_invitation(session: Session, link: OneTimeLink, *, issuer: str, subject: str, now: datetime) -> Identity:
    """Link the person who opened an invitation and has just signed in there. Uses the invitation up.

    An invitation proves a mailbox and no more, so it adds no way in to an account that has one, unless it was issued
    to replace that; and it ends every session of before.
    Raises link-not-valid (used, replaced or too old by now), second-factor-kept, already-exists.
    """
    check_may_link(session, link)
    links.use_link(session, link, now)
    sessions.end_sessions_of(session, link.account_id, now)
    identity = Identity(account_id=link.account_id, issuer=issuer, subject=subject, linked_at=now)
    _insert(session, identity)
    links.record_use(session, link.account_id, link.id, now, "link-identity", identity=str(identity.id))
    return session.get_one(Identity, identity.id)


def check_may_link(session: Session, link: OneTimeLink) -> None:
    """Raise second-factor-kept when the account can be signed in to already, and the link does not replace that."""
    has_own = totp.has_totp(session, link.account_id) or passkeys.passkeys_of(session, link.account_id)
    if (has_own or is_linked(session, link.account_id)) and not link.resets_second_factor:
        raise DomainError(
            "second-factor-kept", "This account can be signed in to already. Ask an administrator to link you."
        )


def unlink_identity(session: Session, actor: Actor | None, *, identity_id: UUID, now: datetime) -> None:
    """End a link at once, and every session that the person began with it. A repeat changes nothing.

    Raises unknown-identity.
    """
    policy.check_administrator(actor, "unlink-identity")
    identity = session.get(Identity, identity_id)
    if identity is None:
        raise DomainError("unknown-identity", "There is no link with this id.")
    is_open = (col(Identity.id) == identity_id, col(Identity.ended_at).is_(None))
    if session.exec(update(Identity).where(*is_open).values(ended_at=now)).rowcount:
        sessions.end_sessions_at_provider(
            session, issuer=identity.issuer, provider_session=None, account_id=identity.account_id, now=now
        )
        record_change(session, actor, now, "unlink-identity", "account", identity.account_id, identity=str(identity_id))


def identities_of(session: Session, account_id: UUID) -> list[Identity]:
    """Who an account is or was at which provider, oldest first."""
    return list(session.exec(select(Identity).where(Identity.account_id == account_id).order_by(col(Identity.id))))


def is_linked(session: Session, account_id: UUID) -> bool:
    """Whether some person of some provider may sign in to the account."""
    return any(one.ended_at is None for one in identities_of(session, account_id))


def identity_at(session: Session, issuer: str, subject: str) -> Identity | None:
    """The open link of this person of this provider."""
    wanted = select(Identity).where(Identity.issuer == issuer, Identity.subject == subject)
    return session.exec(wanted.where(col(Identity.ended_at).is_(None))).one_or_none()


def _insert(session: Session, identity: Identity) -> None:
    if not insert_if_absent(session, identity):
        raise DomainError("already-exists", "This person of this provider is linked to an account already.")
