"""Changing how one signs in oneself: password, authenticator app, passkeys. For people who have just signed in.

What takes something away, or puts something in its place, ends every other session of the person: whoever may have
learned the old secret is out on the next call.
"""

from collections.abc import Mapping
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlmodel import Session

from app.db import Transaction
from app.errors import DomainError, Problem
from app.people import passkeys, passwords, rules, sessions, throttle, totp
from app.people.changes import record_change
from app.people.passkeys import RelyingParty
from app.people.rules import Actor, Denied
from app.people.sign_in import BY_PASSWORD, failed, record_failure
from app.people.sign_in_tables import Passkey, Password


def change_password(
    transaction: Transaction, actor: Actor, *, current: str | None, new: str, memory_kib: int, now: datetime
) -> None:
    """Replace the password, or set the first one. Raises invalid, sign-in-failed (wrong `current`), too-many-tries.

    current: the present password; needed when there is one (ASVS 6.2.3).
    """
    rules.check_no_problems(passwords.problems_in_password(new, (actor.name, actor.email), "/new"))
    with transaction() as session:
        throttle.take_try(session, actor.email, actor.account_id, now, at=throttle.OWN_PASSWORD)
        stored = session.get(Password, actor.account_id)
        hashed = stored.hash if stored else None
    is_right = hashed is None or passwords.is_right(hashed, current or "", memory_kib)
    newer = passwords.hash_password(new, memory_kib) if is_right else None
    with transaction() as session:
        present = session.get(Password, actor.account_id)
        if newer is not None and (present.hash if present else None) == hashed:
            passwords.set_password(session, actor.account_id, newer, now)
            throttle.forgive(session, actor.email, at=throttle.OWN_PASSWORD)
            _note(session, actor, now, "change-password")
            return
        record_failure(session, actor.account_id, "wrong-password", BY_PASSWORD, now)
    raise failed()


def begin_totp(session: Session, actor: Actor, now: datetime) -> str:
    """The secret for a new app, which opens nothing before `confirm_totp`."""
    return totp.begin_totp(session, actor.account_id, now)


def confirm_totp(session: Session, actor: Actor, code: str, now: datetime) -> None:
    """Put the new app in the place of the former one. Raises invalid."""
    if not totp.confirm_totp(session, actor.account_id, code, now):
        sentence = "This code does not belong to the app you are adding. Wait for the next one."
        problem = Problem("/code", "wrong-code", sentence)
        raise DomainError("invalid", "The app was not added.", problems=[problem])
    _note(session, actor, now, "change-totp")


def add_passkey(
    session: Session, us: RelyingParty, actor: Actor, credential: Mapping[str, Any], label: str, now: datetime
) -> Passkey:
    """Keep a further passkey. Raises passkey-refused."""
    added = passkeys.add_passkey(session, us, actor.account_id, credential, label, now)
    record_change(session, actor, now, "add-passkey", "account", actor.account_id, passkey=str(added.id))
    return added


def remove_passkey(session: Session, actor: Actor, passkey_id: UUID, now: datetime) -> None:
    """Let a passkey open nothing from now on. Raises not-found (Denied) for one that is not one's own."""
    if not passkeys.end_passkeys(session, actor.account_id, now, only=passkey_id):
        raise Denied(actor_id=actor.account_id, action="remove-passkey", object_type="passkey", object_id=passkey_id)
    _note(session, actor, now, "remove-passkey", passkey=str(passkey_id))


def _note(session: Session, actor: Actor, now: datetime, action: str, **detail: str) -> None:
    record_change(session, actor, now, action, "account", actor.account_id, **detail)
    sessions.end_sessions_of(session, actor.account_id, now, besides=actor.session_id)
