"""What an OpenID provider must have said before a person is signed in, and before a session is ended. Pure."""

import base64
import hashlib
import hmac
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from authlib.oidc.core import CodeIDToken
from joserfc.errors import JoseError
from joserfc.jwk import KeySet

from app.errors import DomainError
from app.people.oidc_tokens import (
    LEEWAY_SECONDS,
    SignedToken,
    TokenRefusedError,
    check_claims,
    read_token,
    seconds_claim,
    text_claim,
)
from app.people.providers import Demand, Provider, RoleClaims

LOGOUT_EVENT = "http://schemas.openid.net/event/backchannel-logout"
LOGOUT_WINDOW_SECONDS = 300
"""How far `iat` of a logout token may be from now, on both sides (as in NHS services; security.md 1.3)."""
ID_TOKEN_SECONDS = 300
"""Ours: an id_token comes straight from the provider, so one that was issued longer ago is not for this sign-in."""


class SignInRefused(DomainError):  # noqa: N818 - as `Denied`: `raise SignInRefused` says what happens
    """The provider answered, and what it said is not enough. `why` is for the audit, the sentence for the person."""

    def __init__(self, *, why: str, sentence: str = "This sign-in cannot be believed. Start again.") -> None:
        super().__init__("sign-in-refused", sentence)
        self.why = why


@dataclass(frozen=True, slots=True)
class Proofs:
    """What ties a sign-in to one browser and one use: all derived from a secret that only its cookie holds."""

    state: str
    nonce: str
    verifier: str


@dataclass(frozen=True, slots=True)
class Person:
    """Who a provider says has signed in."""

    issuer: str
    subject: str
    sub: str
    provider_session: str | None
    claims: dict[str, Any]


@dataclass(frozen=True, slots=True)
class Logout:
    """What a provider says has ended: a session there, or all of one person's."""

    issuer: str
    sub: str | None
    provider_session: str | None
    token_id: str
    issued_at: int
    expires_at: int


def proofs_of(secret: str) -> Proofs:
    """State (RFC 6749), nonce (OpenID Connect) and verifier (RFC 7636), 256 bits each; none tells another."""
    return Proofs(*(_derived(secret, purpose) for purpose in ("state", "nonce", "verifier")))


def check_id_token(
    provider: Provider, text: str, keys: KeySet, *, nonce: str, access_token: str, began_at: datetime, now: datetime
) -> dict[str, Any]:
    """The claims of an id_token that was issued to us, for this sign-in, just now. Raises TokenRefusedError."""
    token = read_token(text, keys, algorithms=provider.algorithms, types=("jwt", ""))
    claims, seconds = token.claims, int(now.timestamp())
    check_claims(claims, seconds, iss=provider.issuer, aud=provider.client_id, sub=None, exp=None, iat=None)
    _check_for_us(claims, provider.client_id)
    _check_by_protocol(token, provider, seconds, nonce, access_token)
    if claims["iat"] < seconds - ID_TOKEN_SECONDS:
        raise TokenRefusedError("claim-wrong-iat")
    _check_sign_in_time(seconds_claim(claims, "auth_time"), provider, began_at, now)
    return claims


def person_from(provider: Provider, claims: dict[str, Any], userinfo: dict[str, Any] | None) -> Person:
    """The person, once userinfo is about the same one and every demand of the profile is met.

    Raises TokenRefusedError, SignInRefused.
    """
    sub = text_claim(claims, "sub")
    if userinfo is not None and userinfo.get("sub") != sub:
        raise TokenRefusedError("userinfo-of-another")
    whole = {**(userinfo or {}), **claims}
    for demand in provider.demands:
        if not _is_met(demand, whole):
            raise SignInRefused(why=f"demand-{demand.claims[0]}", sentence=demand.sentence)
    names = [text_claim(whole, name) for name in provider.subject]
    if sub is None or not all(names):
        raise TokenRefusedError("subject-missing")
    subject = "/".join(name for name in names if name)
    if len(subject) > 255 or subject.count("/") >= len(names) > 1:
        raise TokenRefusedError("subject-unclear")
    return Person(provider.issuer, subject, sub, text_claim(whole, "sid"), whole)


def check_role(role: RoleClaims, claims: dict[str, Any], ods_code: str | None) -> None:
    """Raise SignInRefused unless the person acts for the account's organisation, in a role that may.

    When the provider says which role was chosen, only that one counts.
    """
    listed = claims.get(role.roles)
    held = [one for one in listed if isinstance(one, dict)] if isinstance(listed, list) else []
    if role.selected in claims:
        held = [one for one in held if one.get(role.role_id) == claims[role.selected]]
    if ods_code is None or not any(one.get(role.organisation) == ods_code for one in held):
        raise SignInRefused(
            why="organisation", sentence="You are signed in for another organisation. Choose yours, and try again."
        )
    if not any(one.get(role.organisation) == ods_code and _may(role, one) for one in held):
        raise SignInRefused(
            why="role", sentence="This role does not use the service. Choose another, or ask your administrator."
        )


def check_logout_token(provider: Provider, text: str, keys: KeySet, now: datetime) -> Logout:
    """What a logout token ends, by OpenID Connect Back-Channel Logout 1.0, section 2.6, complete but for replay.

    Raises TokenRefusedError.
    """
    types = ("logout+jwt", "") if provider.logout_type_may_be_missing else ("logout+jwt",)
    claims = read_token(text, keys, algorithms=provider.algorithms, types=types).claims
    seconds = int(now.timestamp())
    others = {name: value for name, value in claims.items() if name != "iat"}  # which has a window of its own
    check_claims(others, seconds, iss=provider.issuer, aud=provider.client_id, exp=None, jti=None)
    _check_for_us(claims, provider.client_id)
    issued_at, expires_at = seconds_claim(claims, "iat"), seconds_claim(claims, "exp")
    token_id = text_claim(claims, "jti")
    if issued_at is None or expires_at is None or token_id is None:
        raise TokenRefusedError("claim-missing")
    if abs(issued_at - seconds) > LOGOUT_WINDOW_SECONDS:
        raise TokenRefusedError("claim-wrong-iat")
    if "nonce" in claims:
        raise TokenRefusedError("claim-wrong-nonce")
    events = claims.get("events")
    if not isinstance(events, dict) or events.keys() != {LOGOUT_EVENT} or not isinstance(events[LOGOUT_EVENT], dict):
        raise TokenRefusedError("claim-wrong-events")
    sub, provider_session = text_claim(claims, "sub"), text_claim(claims, "sid")
    if sub is None and provider_session is None:
        raise TokenRefusedError("nobody-named")
    return Logout(provider.issuer, sub, provider_session, token_id, issued_at, expires_at)


def _derived(secret: str, purpose: str) -> str:
    digest = hmac.digest(secret.encode(), purpose.encode(), hashlib.sha256)
    return base64.urlsafe_b64encode(digest).rstrip(b"=").decode()


def _check_for_us(claims: dict[str, Any], client_id: str) -> None:
    """For us alone: another audience would hold a token that we believe."""
    if claims["aud"] not in (client_id, [client_id]) or claims.get("azp", client_id) != client_id:
        raise TokenRefusedError("claim-wrong-aud")


def _check_by_protocol(token: SignedToken, provider: Provider, seconds: int, nonce: str, access_token: str) -> None:
    """OpenID Connect Core 3.1.3.7 by Authlib: nonce, at_hash and azp."""
    text_claim(token.claims, "nonce")
    text_claim(token.claims, "at_hash")
    asked = {"nonce": nonce, "client_id": provider.client_id, "access_token": access_token, "max_age": 1}
    try:
        CodeIDToken(token.claims, token.header, params=asked).validate(seconds, LEEWAY_SECONDS)
    except (JoseError, ValueError, TypeError) as error:
        raise TokenRefusedError(f"claim-wrong-{getattr(error, 'claim', None) or 'unknown'}") from error


def _check_sign_in_time(auth_time: int | None, provider: Provider, began_at: datetime, now: datetime) -> None:
    """That the person proved who they are lately and, where the provider is known to ask again, for this sign-in."""
    leeway = timedelta(seconds=LEEWAY_SECONDS)
    earliest = now - timedelta(seconds=provider.sign_in_seconds)
    if provider.reauthenticates:
        earliest = max(earliest, began_at - leeway)
    if auth_time is None or not earliest.timestamp() <= auth_time <= (now + leeway).timestamp():
        raise SignInRefused(
            why="claim-wrong-auth_time", sentence="The provider did not ask you to sign in anew. Start again."
        )


def _is_met(demand: Demand, claims: dict[str, Any]) -> bool:
    return any(_says(demand, claims[name], claims) for name in demand.claims if name in claims)


def _says(demand: Demand, value: object, claims: dict[str, Any]) -> bool:
    if demand.at_least is not None and (_level(value) is None or (_level(value) or 0) < demand.at_least):
        return False
    if demand.same_as is not None and (not isinstance(value, str) or value != claims.get(demand.same_as)):
        return False
    if demand.has_any:
        said = value if isinstance(value, list) else [value]
        return any(isinstance(one, str) and one in demand.has_any for one in said)
    return True


def _level(value: object) -> int | None:
    """CIS2 tells its levels as text, such as '3'; its documentation shows numbers too."""
    if isinstance(value, str) and len(value) == 1 and value in "0123456789":
        return int(value)
    return value if isinstance(value, int) and not isinstance(value, bool) else None


def _may(role: RoleClaims, held: dict[str, Any]) -> bool:
    code = held.get(role.role_code)
    if not isinstance(code, str) or not {code, code.rpartition(":")[2]} & set(role.allowed_role_codes):
        return False
    groups = held.get(role.workgroups)
    named = {one for one in groups if isinstance(one, str)} if isinstance(groups, list) else set()
    return not role.allowed_workgroups or bool(named & set(role.allowed_workgroups))
