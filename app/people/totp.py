"""Authenticator apps (TOTP, RFC 6238): each code opens once, and one step of 30 seconds to either side is taken."""

import hmac
from datetime import datetime
from uuid import UUID

import pyotp
from sqlalchemy import update
from sqlmodel import Session, col, select

from app.encryption import Place, decrypt, encrypt
from app.people.sign_in_tables import Totp

STEP_SECONDS = 30
WINDOW = 1
"""Steps a clock may be off, to either side (RFC 6238, 5.2; ASVS 6.5.5)."""


def begin_totp(session: Session, account_id: UUID, now: datetime) -> str:
    """Make a secret of 160 bits (base32) for an app. It opens nothing until a code of it confirms it."""
    waiting = (col(Totp.account_id) == account_id, col(Totp.confirmed_at).is_(None), col(Totp.ended_at).is_(None))
    session.exec(update(Totp).where(*waiting).values(ended_at=now))
    secret = pyotp.random_base32()
    row = Totp(account_id=account_id, secret_encrypted=b"", created_at=now)
    row.secret_encrypted = encrypt(session, account_id, _place(row), secret.encode("ascii"))
    session.add(row)
    return secret


def address_of(secret: str, email: str, service_name: str) -> str:
    """The `otpauth:` address that apps read from a QR code."""
    return pyotp.TOTP(secret).provisioning_uri(name=email, issuer_name=service_name)


def has_totp(session: Session, account_id: UUID) -> bool:
    """Whether the account has a confirmed app."""
    return _open(session, account_id, is_confirmed=True) is not None


def use_code(session: Session, account_id: UUID, code: str, now: datetime) -> bool:
    """Use up a code of the account's app; False if it is wrong, too old or used. Of two at once one wins."""
    row = _open(session, account_id, is_confirmed=True)
    return row is not None and _use(session, row, code, now)


def confirm_totp(session: Session, account_id: UUID, code: str, now: datetime) -> bool:
    """Put the app that was begun last in the place of the former one, by a first code of it; False if it is wrong."""
    row = _open(session, account_id, is_confirmed=False)
    if row is None or not _use(session, row, code, now):
        return False
    end_totp(session, account_id, now)
    session.exec(update(Totp).where(col(Totp.id) == row.id).values(confirmed_at=now))
    return True


def end_totp(session: Session, account_id: UUID, now: datetime) -> None:
    """From now on the account's confirmed app opens nothing."""
    confirmed = (col(Totp.account_id) == account_id, col(Totp.confirmed_at).is_not(None), col(Totp.ended_at).is_(None))
    session.exec(update(Totp).where(*confirmed).values(ended_at=now))


def step_of(secret: str, code: str, now: datetime) -> int | None:
    """The time step whose code this is, within the window; None if there is none."""
    totp, present = pyotp.TOTP(secret), int(now.timestamp()) // STEP_SECONDS
    for step in range(present - WINDOW, present + WINDOW + 1):
        if hmac.compare_digest(totp.generate_otp(step).encode(), code.encode("utf-8")):
            return step
    return None


def _open(session: Session, account_id: UUID, *, is_confirmed: bool) -> Totp | None:
    confirmed = col(Totp.confirmed_at).is_not(None) if is_confirmed else col(Totp.confirmed_at).is_(None)
    wanted = select(Totp).where(Totp.account_id == account_id, confirmed, col(Totp.ended_at).is_(None))
    return session.exec(wanted.order_by(col(Totp.id).desc()).limit(1)).first()


def _use(session: Session, row: Totp, code: str, now: datetime) -> bool:
    secret = decrypt(session, row.account_id, _place(row), row.secret_encrypted).decode("ascii")
    step = step_of(secret, code, now)
    if step is None:
        return False
    newer = (col(Totp.id) == row.id, col(Totp.ended_at).is_(None), col(Totp.last_step) < step)
    return session.exec(update(Totp).where(*newer).values(last_step=step)).rowcount == 1


def _place(row: Totp) -> Place:
    return Place("totp", "secret", row.id)
