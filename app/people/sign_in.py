"""Signing in to a local account: password with a code of the app, or a passkey. A password alone never opens.

Whatever is wrong, the answer and the work are the same: one hash, whether there is an account or not. The verbs take a
`transaction` and open it twice, for moments, because nobody may hold it while hashing (SQLite has one connection).
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlmodel import Session, select

from app import audit
from app.db import Transaction
from app.errors import DomainError
from app.people import passkeys, passwords, sessions, throttle, totp
from app.people.passkeys import RelyingParty
from app.people.rules import normal_email
from app.people.sessions import SessionTimes
from app.people.sign_in_tables import Password
from app.people.tables import Account

BY_PASSWORD, BY_PASSKEY = "password-and-totp", "passkey"


@dataclass(frozen=True, slots=True)
class Tried:
    """What somebody typed, and the network they called from."""

    email: str
    password: str
    code: str
    network: str = ""


def sign_in_by_password(
    transaction: Transaction, tried: Tried, *, memory_kib: int, former: str | None, now: datetime
) -> str:
    """The secret of a new session. Raises sign-in-failed, too-many-tries.

    memory_kib: of argon2id. former: the secret of the session this browser had, which ends with this.
    """
    with transaction() as session:
        account = session.exec(select(Account).where(Account.email == normal_email(tried.email))).one_or_none()
        place = _place_of(session, account, tried, former, now)
        throttle.take_sign_in(session, tried.email, place, account.id if account else None, now)
        stored = session.get(Password, account.id) if account else None
        hashed = stored.hash if stored else None
    is_right = passwords.is_right(hashed, tried.password, memory_kib)
    newer = None
    if is_right and hashed and passwords.is_outdated(hashed, memory_kib):
        newer = passwords.hash_password(tried.password, memory_kib)
    with transaction() as session:
        reason = _reason_against(session, account, hashed, is_right, tried.code, now)
        if reason is None and account is not None:
            if newer:
                passwords.set_password(session, account.id, newer, now)
            throttle.forgive_sign_in(session, tried.email, place)
            return begin_session(session, account.id, BY_PASSWORD, former, now)
        record_failure(session, account.id if account else None, reason or "", BY_PASSWORD, now)
    raise failed()


def sign_in_by_passkey(
    transaction: Transaction, us: RelyingParty, credential: Mapping[str, Any], *, former: str | None, now: datetime
) -> str:
    """The secret of a new session. Raises sign-in-failed. Wrong passwords never delay it."""
    with transaction() as session:
        used = passkeys.use_passkey(session, us, credential, now)
        account = session.get(Account, used.account_id) if used else None
        if account is not None and account.closed_at is None:
            return begin_session(session, account.id, BY_PASSKEY, former, now)
        reason = "account-closed" if account else "passkey-refused"
        record_failure(session, account.id if account else None, reason, BY_PASSKEY, now)
    raise failed()


def begin_session(session: Session, account_id: UUID, method: str, former: str | None, now: datetime) -> str:
    """Start a session in the place of the one this browser had: a secret from before is worth nothing after."""
    if former is not None:
        sessions.replace_session(session, former, now)
    return sessions.start_session(session, account_id=account_id, method=method, now=now)


def record_failure(session: Session, account_id: UUID | None, reason: str, method: str, now: datetime) -> None:
    """Audit a try that failed. What was typed is not kept: people type passwords where addresses go."""
    audit.record(
        session,
        now=now,
        actor_id=None,
        action="sign-in",
        object_type="account",
        object_id=account_id or "unknown",
        result="failed",
        detail={"reason": reason, "method": method},
    )


def failed() -> DomainError:
    """The one answer to everything that is wrong with a sign-in."""
    return DomainError("sign-in-failed", "This did not work. Check what you typed, and wait for a new code.")


def _place_of(session: Session, account: Account | None, tried: Tried, former: str | None, now: datetime) -> str:
    """Where the try is counted. Whoever is signed in already counts apart: no stranger keeps them from being fresh."""
    holder = sessions.actor_by_session(session, former, now, SessionTimes()) if former else None
    if account is not None and holder is not None and holder.account_id == account.id:
        return throttle.IN_SESSION
    return tried.network


def _reason_against(
    session: Session, account: Account | None, hashed: str | None, is_right: bool, code: str, now: datetime
) -> str | None:
    """Why this sign-in fails, as a code for the audit; None: it does not, and the code is used up."""
    if account is None:
        return "unknown-address"
    present = session.get(Password, account.id)
    if not is_right or present is None or present.hash != hashed:
        return "wrong-password"
    if session.get_one(Account, account.id).closed_at is not None:
        return "account-closed"
    if not totp.has_totp(session, account.id):
        return "no-second-factor"
    return None if totp.use_code(session, account.id, code, now) else "wrong-code"
