"""What a one-time link opens: setting a password and a second factor, and then the account.

A link proves a mailbox, and a mailbox may be read by others. So it takes the place of no second factor that is there,
unless an administrator or the operator issued it for that. Its use ends every session of before, and a
recovery every personal token: somebody else may have had them.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal

from sqlmodel import Session

from app.db import Transaction
from app.errors import DomainError
from app.people import access, links, passkeys, passwords, rules, sessions, throttle, totp
from app.people.identities import is_linked
from app.people.passkeys import RelyingParty
from app.people.sign_in import BY_PASSKEY, BY_PASSWORD, begin_session, failed, record_failure
from app.people.sign_in_tables import OneTimeLink
from app.people.tables import Account

SecondFactor = Literal["new", "code", "passkey", "provider"]


@dataclass(frozen=True, slots=True)
class Look:
    """What the holder of a link is told. second_factor: one must be enrolled ('new'), or which there is."""

    purpose: str
    name: str
    email: str
    expires_at: datetime
    second_factor: SecondFactor


@dataclass(frozen=True, slots=True)
class NewPassword:
    """The link's secret, the password to set, and a code of the app: the new one, or the one that is there."""

    link: str
    password: str
    code: str


def look(session: Session, secret: str, now: datetime) -> Look:
    """What the link is for; looking does not use it up. Raises link-not-valid."""
    link, account = links.open_link(session, secret, now)
    return Look(link.purpose, account.name, account.email, link.expires_at, _second_factor(session, link))


def begin_totp(session: Session, secret: str, now: datetime) -> tuple[str, str]:
    """A new app for the account: its secret, and the account's address. Raises link-not-valid, second-factor-kept."""
    link, account = links.open_link(session, secret, now)
    _check_may_enrol(session, link)
    return totp.begin_totp(session, account.id, now), account.email


def set_password(
    transaction: Transaction, given: NewPassword, *, memory_kib: int, former: str | None, now: datetime
) -> str:
    """Set the password and use the link up: the secret of a new session.

    Raises link-not-valid, second-factor-kept, invalid, too-many-tries, sign-in-failed (a wrong code).
    """
    with transaction() as session:
        found = links.find_link(session, given.link, now)
        if found is None:
            links.record_misuse(session, given.link, now)
        elif _second_factor(session, found[0]) in ("passkey", "provider"):
            raise _kept()
    if found is None:
        raise links.not_valid()
    account = found[1]
    about = (account.name, account.email)
    rules.check_no_problems(passwords.problems_in_password(given.password, about, "/password"))
    hashed = passwords.hash_password(given.password, memory_kib)
    with transaction() as session:
        link, account = links.open_link(session, given.link, now)
        throttle.take_try(session, account.email, account.id, now, at=throttle.LINK)
        is_new = _second_factor(session, link) == "new"
        use = totp.confirm_totp if is_new else totp.use_code
        if use(session, account.id, given.code, now):
            if is_new:
                passkeys.end_passkeys(session, account.id, now)
            passwords.set_password(session, account.id, hashed, now)
            throttle.forgive(session, account.email, at=throttle.SIGN_IN)
            throttle.forgive(session, account.email, at=throttle.LINK)
            return _enter(session, link, account, BY_PASSWORD, former, now)
        record_failure(session, account.id, "wrong-code", f"link-{link.purpose}", now)
    raise failed()


def begin_passkey(session: Session, us: RelyingParty, secret: str, now: datetime) -> dict[str, Any]:
    """Options for a new passkey. Raises link-not-valid, second-factor-kept."""
    link, account = links.open_link(session, secret, now)
    _check_may_enrol(session, link)
    return passkeys.begin_adding(session, us, account, now)


def add_passkey(
    session: Session,
    us: RelyingParty,
    secret: str,
    credential: Mapping[str, Any],
    *,
    label: str,
    former: str | None,
    now: datetime,
) -> str:
    """Keep the passkey and use the link up: the secret of a new session.

    Raises link-not-valid, second-factor-kept, passkey-refused.
    """
    link, account = links.open_link(session, secret, now)
    _check_may_enrol(session, link)
    passkeys.end_passkeys(session, account.id, now)
    totp.end_totp(session, account.id, now)
    passkeys.add_passkey(session, us, account.id, credential, label, now)
    return _enter(session, link, account, BY_PASSKEY, former, now)


def _enter(
    session: Session, link: OneTimeLink, account: Account, method: str, former: str | None, now: datetime
) -> str:
    links.use_link(session, link, now)
    sessions.end_sessions_of(session, account.id, now)
    if link.purpose == links.RECOVERY:
        access.revoke_tokens_of(session, account.id, now)
    return begin_session(session, account.id, method, former, now)


def _second_factor(session: Session, link: OneTimeLink) -> SecondFactor:
    if link.resets_second_factor:
        return "new"
    if totp.has_totp(session, link.account_id):
        return "code"
    if passkeys.passkeys_of(session, link.account_id):
        return "passkey"
    # Who signs in with a smartcard or at their organisation keeps that: a mailbox must not take its place.
    return "provider" if is_linked(session, link.account_id) else "new"


def _check_may_enrol(session: Session, link: OneTimeLink) -> None:
    if _second_factor(session, link) != "new":
        raise _kept()


def _kept() -> DomainError:
    return DomainError(
        "second-factor-kept", "This account has a second factor. Use it, or ask an administrator to have it replaced."
    )
