"""One-time links: by mail to the registered address, or printed for the operator. Never shown to an administrator.

The secret stands behind the '#' of the address, which browsers send to nobody: it is in no log and no Referer.
"""

import hashlib
import secrets
from datetime import datetime, timedelta
from typing import Final
from uuid import UUID

from sqlalchemy import ColumnElement, update
from sqlmodel import Session, col, select

from app import audit
from app import engine as work_engine
from app.encryption import Place, decrypt_text, encrypt_text
from app.engine import Work
from app.errors import DomainError
from app.people import policy
from app.people.changes import record_change
from app.people.rules import Actor
from app.people.sign_in_tables import OneTimeLink
from app.people.tables import Account

INVITATION, RECOVERY = "invitation", "recovery"
LIVES: Final = {INVITATION: timedelta(days=7), RECOVERY: timedelta(hours=1)}
"""Ours. A new colleague may be on leave; who lost a password is waiting at the screen."""


def mail_link(
    session: Session, actor: Actor | None, account: Account, purpose: str, *, resets_second_factor: bool, now: datetime
) -> OneTimeLink:
    """Send the person a link, by the worker, once this transaction has committed. A newer link ends older ones.

    For administrators, not about themselves. Raises not-found (Denied), account-closed.
    """
    policy.check_administrator(actor, f"issue-{purpose}")
    policy.check_not_own(actor, account.id, f"issue-{purpose}")
    row, secret = _issue(session, actor, account, purpose, resets_second_factor, now)
    row.secret_encrypted = encrypt_text(session, account.id, _place(row.id), secret)
    session.add(row)
    work_engine.enqueue(session, send_work(row.id))
    return row


def print_link(
    session: Session, account: Account, purpose: str, base_url: str, *, resets_second_factor: bool, now: datetime
) -> str:
    """A link for the operator to hand over, as an address. Raises account-closed."""
    row, secret = _issue(session, None, account, purpose, resets_second_factor, now)
    session.add(row)
    return address_of(secret, base_url)


def open_link(session: Session, secret: str, now: datetime) -> tuple[OneTimeLink, Account]:
    """The link and whose it is, if it still opens. Raises link-not-valid, which never says why; that is audited."""
    found = find_link(session, secret, now)
    if found is None:
        record_misuse(session, secret, now)
        raise not_valid()
    return found


def find_link(session: Session, secret: str, now: datetime) -> tuple[OneTimeLink, Account] | None:
    """The link and whose it is, if it still opens."""
    wanted = (
        select(OneTimeLink, Account)
        .join(Account, col(Account.id) == col(OneTimeLink.account_id))
        .where(OneTimeLink.secret_sha256 == _digest(secret), *_open(now), col(Account.closed_at).is_(None))
    )
    return session.exec(wanted).one_or_none()


def use_link(session: Session, link: OneTimeLink, now: datetime) -> None:
    """Use the link up. Raises link-not-valid when another call was first."""
    if not session.exec(
        update(OneTimeLink).where(col(OneTimeLink.id) == link.id, *_open(now)).values(used_at=now)
    ).rowcount:
        raise not_valid()
    record_use(session, link.account_id, link.id, now, "use-link", purpose=link.purpose)


def end_links_of(session: Session, account_id: UUID, now: datetime) -> None:
    """From now on no link of the account opens anything, and none waits to be sent."""
    theirs = update(OneTimeLink).where(col(OneTimeLink.account_id) == account_id, *_open(now))
    session.exec(theirs.values(ended_at=now, secret_encrypted=None))


def unsent_links(session: Session, now: datetime, grace: timedelta) -> list[Work]:
    """The sending of links that still open, were issued before `now - grace`, and no mail server has taken yet."""
    waiting = select(OneTimeLink.id).where(col(OneTimeLink.secret_encrypted).is_not(None), *_open(now))
    return [send_work(link_id) for link_id in session.exec(waiting.where(col(OneTimeLink.issued_at) < now - grace))]


def send_work(link_id: UUID) -> Work:
    """The work of sending a link; its only argument is the id."""
    return Work("send_link", f"send-link:{link_id}", (str(link_id),))


def to_send(session: Session, link_id: UUID, now: datetime) -> tuple[str, str] | None:
    """The registered address and the secret of a link that waits to be sent; None if it is sent or opens no more."""
    wanted = (
        select(OneTimeLink, Account)
        .join(Account, col(Account.id) == col(OneTimeLink.account_id))
        .where(OneTimeLink.id == link_id, *_open(now), col(Account.closed_at).is_(None))
    )
    found = session.exec(wanted).one_or_none()
    if found is None:
        return None
    link, account = found
    secret = decrypt_text(session, account.id, _place(link.id), link.secret_encrypted)
    return None if secret is None else (account.email, secret)


def note_sent(session: Session, link_id: UUID, now: datetime, *, is_sent: bool) -> None:
    """Forget the secret: the mail server has taken the link, or never will."""
    mine = (col(OneTimeLink.id) == link_id, col(OneTimeLink.secret_encrypted).is_not(None))
    if session.exec(update(OneTimeLink).where(*mine).values(secret_encrypted=None)).rowcount:
        account_id = session.get_one(OneTimeLink, link_id).account_id
        record_use(session, account_id, link_id, now, "send-link", result="done" if is_sent else "failed")


def address_of(secret: str, base_url: str) -> str:
    """The address that a person opens. Made of the settings, never of a call's headers."""
    return f"{base_url}/sign-in/link#{secret}"


def record_use(
    session: Session,
    account_id: UUID | None,
    link_id: UUID | None,
    now: datetime,
    action: str,
    result: audit.Result = "done",
    **detail: str,
) -> None:
    """Audit what became of a link. Nobody is signed in yet, so nobody is the actor."""
    audit.record(
        session,
        now=now,
        actor_id=None,
        action=action,
        object_type="account",
        object_id=account_id or "unknown",
        result=result,
        detail={"link": str(link_id), **detail} if link_id else detail,
    )


def record_misuse(session: Session, secret: str, now: datetime) -> None:
    """Audit that somebody tried a link that is unknown, too old, used or replaced."""
    row = session.exec(select(OneTimeLink).where(OneTimeLink.secret_sha256 == _digest(secret))).one_or_none()
    record_use(session, row.account_id if row else None, row.id if row else None, now, "use-link", result="failed")


def not_valid() -> DomainError:
    """The same for a link that is unknown, too old, used or replaced."""
    return DomainError("link-not-valid", "This link does not work, or not any more. Ask for a new one.")


def _issue(
    session: Session, actor: Actor | None, account: Account, purpose: str, resets_second_factor: bool, now: datetime
) -> tuple[OneTimeLink, str]:
    if account.closed_at is not None:
        raise DomainError("account-closed", "This account is closed for good.")
    end_links_of(session, account.id, now)
    secret = secrets.token_urlsafe(32)
    row = OneTimeLink(
        account_id=account.id,
        purpose=purpose,
        resets_second_factor=resets_second_factor,
        secret_sha256=_digest(secret),
        issued_by=None if actor is None else actor.account_id,
        issued_at=now,
        expires_at=now + LIVES[purpose],
    )
    record_change(
        session, actor, now, f"issue-{purpose}", "account", account.id, link=str(row.id), resets=resets_second_factor
    )
    return row, secret


def _open(now: datetime) -> tuple[ColumnElement[bool], ...]:
    return (
        col(OneTimeLink.used_at).is_(None),
        col(OneTimeLink.ended_at).is_(None),
        col(OneTimeLink.expires_at) > now,
    )


def _digest(secret: str) -> str:
    return hashlib.sha256(secret.encode("utf-8", "surrogatepass")).hexdigest()


def _place(link_id: UUID) -> Place:
    return Place("one_time_link", "secret", link_id)
