"""Passkeys (WebAuthn level 3, through py_webauthn): the device must verify its user, and signs each challenge once.

Passkeys are kept by the device together with the account (discoverable). So the options of a sign-in name nobody and
are the same for everybody: they cannot tell whether an address has an account.
"""

import hashlib
import logging
import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from urllib.parse import urlsplit
from uuid import UUID

import webauthn
from sqlalchemy import delete, update
from sqlmodel import Session, col, select
from webauthn.helpers import base64url_to_bytes, options_to_json_dict, parse_client_data_json
from webauthn.helpers.structs import (
    AuthenticatorSelectionCriteria,
    PublicKeyCredentialDescriptor,
    ResidentKeyRequirement,
    UserVerificationRequirement,
)

from app.db import insert_if_absent
from app.errors import DomainError
from app.people.sign_in_tables import Passkey, PasskeyChallenge
from app.people.tables import Account

CHALLENGE_LIVES = timedelta(minutes=5)
"""Ours: long enough to look for the key, or to type a PIN. The specification recommends up to 10 minutes (15.1)."""

_TIMEOUT_MS = 300_000

_log = logging.getLogger("sameday.sign-in")


@dataclass(frozen=True, slots=True)
class RelyingParty:
    """Us, as passkeys know us: our name, the host name they belong to, and the only origin they may be used on."""

    name: str
    id: str
    origin: str


def relying_party(service_name: str, base_url: str) -> RelyingParty:
    """The relying party of a service at `base_url`. It never comes from a call's headers."""
    parts = urlsplit(base_url)
    return RelyingParty(service_name, parts.hostname or "", f"{parts.scheme}://{parts.netloc}")


def begin_adding(session: Session, us: RelyingParty, account: Account, now: datetime) -> dict[str, Any]:
    """Options for `navigator.credentials.create()`: a discoverable key that verifies its user."""
    options = webauthn.generate_registration_options(
        rp_id=us.id,
        rp_name=us.name,
        user_id=account.id.bytes,
        user_name=account.email,
        user_display_name=account.name,
        challenge=_new_challenge(session, account.id, now),
        timeout=_TIMEOUT_MS,
        authenticator_selection=AuthenticatorSelectionCriteria(
            resident_key=ResidentKeyRequirement.REQUIRED, user_verification=UserVerificationRequirement.REQUIRED
        ),
        exclude_credentials=[
            PublicKeyCredentialDescriptor(id=one.credential_id) for one in passkeys_of(session, account.id)
        ],
    )
    return options_to_json_dict(options)


def add_passkey(
    session: Session, us: RelyingParty, account_id: UUID, credential: Mapping[str, Any], label: str, now: datetime
) -> Passkey:
    """Keep the passkey that answered `begin_adding`. Raises passkey-refused."""
    challenge = _use_challenge(session, credential, account_id, now)
    if challenge is not None:
        try:
            verified = webauthn.verify_registration_response(
                credential=dict(credential),
                expected_challenge=challenge,
                expected_rp_id=us.id,
                expected_origin=us.origin,
                require_user_verification=True,
            )
        except Exception as error:  # noqa: BLE001  the library's parsers raise anything on bytes that make no sense
            _log.info("passkey-refused", extra={"kind": type(error).__name__})
        else:
            row = Passkey(
                account_id=account_id,
                credential_id=verified.credential_id,
                public_key=verified.credential_public_key,
                sign_count=verified.sign_count,
                label=label,
                created_at=now,
            )
            if insert_if_absent(session, row):
                return row
    raise DomainError("passkey-refused", "This passkey cannot be added. Start again, on a page of this service.")


def begin_passkey_sign_in(session: Session, us: RelyingParty, now: datetime) -> dict[str, Any]:
    """Options for `navigator.credentials.get()`; the same for everybody but for the challenge."""
    options = webauthn.generate_authentication_options(
        rp_id=us.id,
        challenge=_new_challenge(session, None, now),
        timeout=_TIMEOUT_MS,
        user_verification=UserVerificationRequirement.REQUIRED,
    )
    return options_to_json_dict(options)


def use_passkey(session: Session, us: RelyingParty, credential: Mapping[str, Any], now: datetime) -> Passkey | None:
    """The passkey that signed a challenge of `begin_passkey_sign_in`; None if anything about it is not right."""
    challenge, row = _use_challenge(session, credential, None, now), _signed_by(session, credential)
    if challenge is None or row is None:
        return None
    try:
        verified = webauthn.verify_authentication_response(
            credential=dict(credential),
            expected_challenge=challenge,
            expected_rp_id=us.id,
            expected_origin=us.origin,
            credential_public_key=row.public_key,
            credential_current_sign_count=row.sign_count,
            require_user_verification=True,
        )
    except Exception as error:  # noqa: BLE001  as above
        _log.info("passkey-refused", extra={"kind": type(error).__name__})
        return None
    # A device that counts never says the same number twice; two calls at once cannot both bring the next one.
    unchanged = (col(Passkey.id) == row.id, col(Passkey.sign_count) == row.sign_count, col(Passkey.ended_at).is_(None))
    used = update(Passkey).where(*unchanged).values(sign_count=verified.new_sign_count, last_used_at=now)
    return row if session.exec(used).rowcount == 1 else None


def passkeys_of(session: Session, account_id: UUID) -> list[Passkey]:
    """The passkeys that open the account, oldest first."""
    wanted = select(Passkey).where(Passkey.account_id == account_id, col(Passkey.ended_at).is_(None))
    return list(session.exec(wanted.order_by(col(Passkey.id))))


def end_passkeys(session: Session, account_id: UUID, now: datetime, *, only: UUID | None = None) -> int:
    """From now on the account's passkeys, or only one of them, open nothing. Gives how many there were."""
    mine = update(Passkey).where(col(Passkey.account_id) == account_id, col(Passkey.ended_at).is_(None))
    if only is not None:
        mine = mine.where(col(Passkey.id) == only)
    return int(session.exec(mine.values(ended_at=now)).rowcount)


def _new_challenge(session: Session, account_id: UUID | None, now: datetime) -> bytes:
    session.exec(delete(PasskeyChallenge).where(col(PasskeyChallenge.expires_at) < now))
    challenge = secrets.token_bytes(32)
    session.add(
        PasskeyChallenge(account_id=account_id, challenge_sha256=_digest(challenge), expires_at=now + CHALLENGE_LIVES)
    )
    return challenge


def _use_challenge(
    session: Session, credential: Mapping[str, Any], account_id: UUID | None, now: datetime
) -> bytes | None:
    """The challenge that was signed, used up by this; None if it is not one of ours, too old, used or another's."""
    try:
        client_data = base64url_to_bytes(credential["response"]["clientDataJSON"])
        challenge: bytes = parse_client_data_json(client_data).challenge
    except Exception:  # noqa: BLE001  as above
        return None
    ours = (col(PasskeyChallenge.challenge_sha256) == _digest(challenge), col(PasskeyChallenge.used_at).is_(None))
    theirs = (col(PasskeyChallenge.account_id) == account_id, col(PasskeyChallenge.expires_at) > now)
    used = update(PasskeyChallenge).where(*ours, *theirs).values(used_at=now)
    return challenge if session.exec(used).rowcount == 1 else None


def _signed_by(session: Session, credential: Mapping[str, Any]) -> Passkey | None:
    """The passkey the answer names, if its account is the one the device has it for."""
    try:
        credential_id = base64url_to_bytes(credential["id"])
        handle = base64url_to_bytes(credential["response"].get("userHandle") or "")
    except ValueError:
        return None
    wanted = select(Passkey).where(Passkey.credential_id == credential_id, col(Passkey.ended_at).is_(None))
    row = session.exec(wanted).one_or_none()
    return row if row is not None and handle == row.account_id.bytes else None


def _digest(challenge: bytes) -> str:
    return hashlib.sha256(challenge).hexdigest()
