"""Reads signed tokens (JWS compact, RFC 7515) of providers and integrations.

Strictly: one meaning for each token, algorithms from a list of ours, and keys that were known before. Nothing in a
token's header says where its key is (CVE-2026-27962 was such a fault). Verified by joserfc. Pure.
"""

import json
import re
from collections.abc import Collection, Mapping
from contextlib import suppress
from dataclasses import dataclass
from typing import Any, Final, NoReturn

from joserfc import jws
from joserfc.errors import JoseError
from joserfc.jwk import Key, KeySet, import_key
from joserfc.jwt import JWTClaimsRegistry
from joserfc.util import urlsafe_b64decode

ALGORITHMS: Final = ("RS256", "PS256", "ES256")
"""Asymmetric only, so that a public key can never be taken for a shared secret (security.md 1.2, API2)."""
MOST_CHARACTERS = 16 * 1024
"""Ours: the longest token that is looked at. Real ones have one to three thousand characters."""
LEEWAY_SECONDS = 60
"""Ours: how far the clocks of two services may be apart."""

_COMPACT = re.compile(r"[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+", re.ASCII)
# x5t and x5t#S256 only name a certificate; jwk, jku, x5u and x5c would bring or fetch a key, crit and b64 change rules.
_HEADERS = frozenset({"alg", "kid", "typ", "x5t", "x5t#S256"})
_PUBLIC_MEMBERS = ("kty", "kid", "use", "alg", "n", "e", "crv", "x", "y")
_PRIVATE_MEMBERS = frozenset({"d", "p", "q", "dp", "dq", "qi", "oth", "k"})
_LEAST_MODULUS = 342  # characters of base64url: 2048 bits


class TokenRefusedError(Exception):
    """A token that must not be believed. `why` is a code of ours, never a part of the token."""

    def __init__(self, why: str) -> None:
        super().__init__(why)
        self.why = why


class UnknownKeyError(TokenRefusedError):
    """Signed with a key that is not among those known; there may be a new one."""


@dataclass(frozen=True, slots=True)
class SignedToken:
    """A token whose signature holds. Its claims are still to be checked."""

    header: dict[str, Any]
    claims: dict[str, Any]


def read_token(
    text: str, keys: KeySet, *, algorithms: Collection[str] = ALGORITHMS, types: Collection[str]
) -> SignedToken:
    """The token, if one of `keys` signed it. types: what `typ` may be, lower case; '' is none.

    Raises TokenRefusedError, UnknownKeyError.
    """
    if len(text) > MOST_CHARACTERS or not _COMPACT.fullmatch(text):
        raise TokenRefusedError("not-a-token")
    header, claims = (_part(part) for part in text.split(".")[:2])
    if not header.keys() <= _HEADERS or not all(isinstance(value, str) for value in header.values()):
        raise TokenRefusedError("header-not-allowed")
    if header.get("alg") not in algorithms:
        raise TokenRefusedError("algorithm-not-allowed")
    if header.get("typ", "").lower() not in types:
        raise TokenRefusedError("wrong-type")
    _check_key_known(header.get("kid"), keys)
    try:
        jws.deserialize_compact(text, keys, algorithms=list(algorithms))
    except (JoseError, ValueError, TypeError) as error:
        raise TokenRefusedError("signature-wrong") from error
    return SignedToken(header, claims)


def unverified_claims(text: str) -> dict[str, Any]:
    """What a token says, true or not: only to find out whose keys to check it with. Nothing when it cannot be read."""
    try:
        return _part(text.split(".")[1]) if len(text) <= MOST_CHARACTERS and _COMPACT.fullmatch(text) else {}
    except TokenRefusedError:
        return {}


def check_claims(claims: dict[str, Any], now_seconds: int, **wanted: Any) -> None:
    """Check iss, aud, exp, iat and nbf, as far as they are there, by joserfc; `wanted` must be there.

    A claim that is wanted as None may hold any value. Raises TokenRefusedError.
    """
    options: Any = {
        name: {"essential": True} | ({} if value is None else {"value": value}) for name, value in wanted.items()
    }
    try:
        JWTClaimsRegistry(now=now_seconds, leeway=LEEWAY_SECONDS, **options).validate(claims)
    except (JoseError, ValueError, TypeError, OverflowError) as error:
        raise TokenRefusedError(f"claim-wrong-{getattr(error, 'claim', None) or 'unknown'}") from error


def text_claim(claims: dict[str, Any], name: str) -> str | None:
    """A claim that names something: one line of at most 255 characters; None if there is none.

    Raises TokenRefusedError for anything else.
    """
    value = claims.get(name)
    if name not in claims:
        return None
    if not isinstance(value, str) or not 0 < len(value) <= 255 or not value.isprintable() or value != value.strip():
        raise TokenRefusedError(f"claim-wrong-{name}")
    return value


def seconds_claim(claims: dict[str, Any], name: str) -> int | None:
    """A moment, in seconds since 1970; None if there is none. Raises TokenRefusedError for anything else."""
    value = claims.get(name)
    if name not in claims:
        return None
    if isinstance(value, bool) or not isinstance(value, int) or not 0 <= value < 1 << 40:
        raise TokenRefusedError(f"claim-wrong-{name}")
    return value


def json_object(raw: bytes) -> dict[str, Any]:
    """A JSON object that has one meaning. Raises ValueError for any other, and for one with a member twice."""
    try:
        found = json.loads(raw.decode("utf-8"), object_pairs_hook=_members, parse_constant=_refuse)
        json.dumps(found, ensure_ascii=False).encode("utf-8")  # half of a surrogate pair cannot be stored
    except RecursionError as error:
        raise ValueError("nested too deep") from error
    if not isinstance(found, dict):
        raise ValueError("not an object")
    return found


def usable_keys(jwks: object) -> KeySet:
    """The keys of a JWK Set that sign with one of our algorithms: RSA of 2048 bits or more, and P-256.

    All others are left out, as RFC 7517 (5) says. Private members are never looked at. Raises ValueError for none.
    """
    listed = jwks.get("keys") if isinstance(jwks, dict) else None
    if not isinstance(listed, list) or len(listed) > 100:
        raise ValueError("not a set of keys")
    found: dict[str | None, Key] = {}
    for one in listed:
        if isinstance(one, dict) and is_usable_key(one):
            with suppress(JoseError, ValueError, TypeError):  # not a key after all
                key = import_key({name: one[name] for name in _PUBLIC_MEMBERS if name in one})
                found.setdefault(key.kid, key)
    if not found:
        raise ValueError("no key that could be used")
    return KeySet(list(found.values()))


def holds_private_key(jwks: object) -> bool:
    """Whether somebody sent a key that they should have kept to themselves."""
    listed = jwks.get("keys") if isinstance(jwks, dict) else None
    return isinstance(listed, list) and any(isinstance(one, dict) and one.keys() & _PRIVATE_MEMBERS for one in listed)


def is_usable_key(key: Mapping[str, Any]) -> bool:
    """Whether a key, as a JWK, signs with one of our algorithms and is long enough."""
    if not all(isinstance(key.get(name, ""), str) for name in _PUBLIC_MEMBERS):
        return False
    if key.get("use", "sig") != "sig" or not 0 < len(key.get("kid", "x")) <= 255:
        return False
    if key.get("kty") == "RSA":
        return len(key.get("n", "")) >= _LEAST_MODULUS
    return key.get("kty") == "EC" and key.get("crv") == "P-256"


def _check_key_known(key_id: str | None, keys: KeySet) -> None:
    known = [key.kid for key in keys]
    if key_id is None and len(known) != 1:
        raise TokenRefusedError("key-not-named")
    if key_id is not None and key_id not in known:
        raise UnknownKeyError("key-unknown")


def _part(encoded: str) -> dict[str, Any]:
    try:
        return json_object(urlsafe_b64decode(encoded.encode("ascii")))
    except ValueError as error:
        raise TokenRefusedError("not-a-token") from error


def _members(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    members = dict(pairs)
    if len(members) != len(pairs):
        raise ValueError("a member is given twice")
    return members


def _refuse(_constant: str) -> NoReturn:
    raise ValueError("not a number of JSON")
