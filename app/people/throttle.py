"""Slows down who tries passwords: the wait grows with each failure for an address, up to a quarter of an hour.

It grows for the network the tries come from, so that a stranger elsewhere keeps no doctor from signing in; from all
networks together only after many more failures.

An address without an account is slowed down alike, so that waiting tells nothing. Passkeys are never slowed down: a
signature cannot be guessed, so its owner gets in however many others try passwords.
"""

from datetime import datetime, timedelta
from math import ceil
from uuid import UUID

from sqlalchemy import delete, update
from sqlmodel import Session, col, select

from app import audit
from app.db import insert_if_absent
from app.encryption import blind_index
from app.errors import DomainError
from app.people.rules import normal_email
from app.people.sign_in_tables import SignInThrottle

SIGN_IN, LINK, OWN_PASSWORD = "sign-in", "link", "own-password"
IN_SESSION = "in-session"
"""Where tries are counted. Whoever floods the first, which is open to all, keeps nobody from the other two."""

FREE_TRIES = 5
FREE_TRIES_ANYWHERE = 100
LONGEST_WAIT = timedelta(minutes=15)
FORGOTTEN_AFTER = timedelta(days=1)
"""Ours: five slips cost nothing; then 2, 4, 8 … seconds up to 15 minutes: at most about 100 guesses a day from one
network, and about 200 from all; and each guess must be right about the password and the code of the moment."""


class TooManyTriesError(DomainError):
    """Too many failed tries; `wait_seconds` says when the next one is taken."""

    def __init__(self, wait: timedelta) -> None:
        super().__init__("too-many-tries", "Too many tries. Wait a moment, or sign in with a passkey.")
        self.wait_seconds = ceil(wait.total_seconds())


def wait_after(failures: int, free: int = FREE_TRIES) -> timedelta:
    """How long nothing is taken after so many failures in a row, of which the first `free` cost nothing."""
    over = failures - free
    if over < 0:
        return timedelta()
    return LONGEST_WAIT if over > 9 else min(timedelta(seconds=2 ** (over + 1)), LONGEST_WAIT)


def take_sign_in(session: Session, email: str, network: str, account_id: UUID | None, now: datetime) -> None:
    """Count one sign-in from this network (or IN_SESSION) as failed, until `forgive_sign_in`.

    Raises TooManyTriesError.
    """
    take_try(session, email, account_id, now, at=f"{SIGN_IN}:{network}")
    if network != IN_SESSION:
        take_try(session, email, account_id, now, at=SIGN_IN, free=FREE_TRIES_ANYWHERE)


def forgive_sign_in(session: Session, email: str, network: str) -> None:
    """Forget the failures for this address from this network, and from all: its owner has signed in."""
    forgive(session, email, at=f"{SIGN_IN}:{network}")
    forgive(session, email, at=SIGN_IN)


def take_try(
    session: Session, email: str, account_id: UUID | None, now: datetime, *, at: str, free: int = FREE_TRIES
) -> None:
    """Count one try for this address as failed, until `forgive` says otherwise. Raises TooManyTriesError.

    It is counted before the password is looked at, so that many guesses at once do not all get through. A refused try
    counts nothing: a flood cannot make the wait longer. at: where it is tried; each place counts for itself.
    """
    session.exec(delete(SignInThrottle).where(col(SignInThrottle.failed_at) < now - FORGOTTEN_AFTER))
    index = _index(session, email, at)
    wanted = select(SignInThrottle).where(SignInThrottle.address_index == index).with_for_update()
    while (row := session.exec(wanted).one_or_none()) is None:
        insert_if_absent(session, SignInThrottle(address_index=index, failures=0, waits_until=now, failed_at=now))
    if row.waits_until > now:
        raise TooManyTriesError(row.waits_until - now)
    row.failures, row.failed_at = row.failures + 1, now
    row.waits_until = now + wait_after(row.failures, free)
    session.add(row)
    if row.waits_until > now:
        audit.record(
            session,
            now=now,
            actor_id=None,
            action="sign-in-slowed-down",
            object_type="account",
            object_id=account_id or "unknown",
            detail={"failures": row.failures},
        )


def forgive(session: Session, email: str, *, at: str) -> None:
    """Forget the failures for this address: its owner has signed in."""
    mine = col(SignInThrottle.address_index) == _index(session, email, at)
    session.exec(update(SignInThrottle).where(mine).values(failures=0, waits_until=col(SignInThrottle.failed_at)))


def _index(session: Session, email: str, at: str) -> str:
    return blind_index(session, f"{at}-address", normal_email(email)).hex()
