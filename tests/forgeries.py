"""Forged and stale signed tokens: every kind that we know of, made from a genuine one."""

import base64
import hashlib
import hmac
import json
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

from joserfc import jws
from joserfc.jwk import ECKey, RSAKey

STRANGER = RSAKey.generate_key(2048, private=True)
STRANGER_EC = ECKey.generate_key("P-256", private=True)


@dataclass(frozen=True)
class Genuine:
    """What a genuine token says, and the key that signs it."""

    header: dict[str, Any]
    claims: dict[str, Any]
    key: RSAKey

    def signed(self) -> str:
        return sign(self.header, json.dumps(self.claims).encode(), self.key)

    def saying(self, **changed: Any) -> str:
        """With other claims; None takes one away."""
        claims = {name: value for name, value in (self.claims | changed).items() if value is not None}
        return replace(self, claims=claims).signed()

    def headed(self, **changed: Any) -> str:
        """With another header, rightly signed; None takes a member away."""
        header = {name: value for name, value in (self.header | changed).items() if value is not None}
        return sign(header, json.dumps(self.claims).encode(), self.key)

    def raw(self, payload: bytes, header: bytes | None = None) -> str:
        """Any bytes at all, rightly signed."""
        return sign_raw(header or json.dumps(self.header).encode(), payload, self.key)


Forgery = Callable[[Genuine], str]


def b64(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def sign(header: dict[str, Any], payload: bytes, key: RSAKey) -> str:
    return sign_raw(json.dumps(header).encode(), payload, key, str(header.get("alg")))


def sign_raw(header: bytes, payload: bytes, key: RSAKey, algorithm: str = "RS256") -> str:
    """A compact JWS of exactly these bytes. The signature is right for RS256 and the like, whatever the header says."""
    signing = f"{b64(header)}.{b64(payload)}"
    known = jws.JWSRegistry.algorithms.get(algorithm)
    if known is None or algorithm == "none" or not algorithm.startswith(("RS", "PS")):
        known = jws.JWSRegistry.algorithms["RS256"]
    return f"{signing}.{b64(known.sign(signing.encode(), key))}"


def unsigned(genuine: Genuine, algorithm: str) -> str:
    return (
        f"{b64(json.dumps(genuine.header | {'alg': algorithm}).encode())}.{b64(json.dumps(genuine.claims).encode())}."
    )


def shared_secret(genuine: Genuine, secret: bytes, algorithm: str = "HS256") -> str:
    """The public key taken for a shared secret."""
    signing = (
        f"{b64(json.dumps(genuine.header | {'alg': algorithm}).encode())}.{b64(json.dumps(genuine.claims).encode())}"
    )
    digest = hmac.digest(secret, signing.encode(), getattr(hashlib, f"sha{algorithm[2:]}"))
    return f"{signing}.{b64(digest)}"


def by_stranger(genuine: Genuine, **header: Any) -> str:
    return replace(genuine, key=STRANGER).headed(**header)


def by_stranger_ec(genuine: Genuine) -> str:
    header = genuine.header | {"alg": "ES256"}
    signing = f"{b64(json.dumps(header).encode())}.{b64(json.dumps(genuine.claims).encode())}"
    return f"{signing}.{b64(jws.JWSRegistry.algorithms['ES256'].sign(signing.encode(), STRANGER_EC))}"


def part(token: str, number: int, change: Callable[[str], str]) -> str:
    parts = token.split(".")
    parts[number] = change(parts[number])
    return ".".join(parts)


def flipped(text: str) -> str:
    return ("B" if text[0] != "B" else "C") + text[1:]


def other_last_bits(text: str) -> str:
    """The same bytes, spelled with bits that mean nothing."""
    alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
    return text[:-1] + alphabet[alphabet.index(text[-1]) ^ 1]


def jwk_of(key: RSAKey) -> dict[str, Any]:
    return dict(key.as_dict(private=False))


def twice(genuine: Genuine, name: str, value: Any) -> str:
    """A claim that is there twice: first the stranger's, then the genuine one."""
    payload = json.dumps(genuine.claims)
    return genuine.raw(("{" + f"{json.dumps(name)}: {json.dumps(value)}, " + payload[1:]).encode())


COMMON: dict[str, Forgery] = {
    "alg none": lambda it: unsigned(it, "none"),
    "alg None": lambda it: unsigned(it, "None"),
    "alg nOnE": lambda it: unsigned(it, "nOnE"),
    "alg empty": lambda it: unsigned(it, ""),
    "alg none with the old signature": lambda it: unsigned(it, "none") + it.signed().rpartition(".")[2],
    "alg missing": lambda it: it.headed(alg=None),
    "alg a list": lambda it: it.headed(alg=["RS256"]),
    "HS256 with the public key in PEM": lambda it: shared_secret(it, it.key.as_pem(private=False)),
    "HS256 with the public key as JWK": lambda it: shared_secret(it, json.dumps(jwk_of(it.key)).encode()),
    "HS256 with the modulus": lambda it: shared_secret(it, jwk_of(it.key)["n"].encode()),
    "HS256 with nothing": lambda it: shared_secret(it, b""),
    "HS512 with the public key in PEM": lambda it: shared_secret(it, it.key.as_pem(private=False), "HS512"),
    "RS512, which is not on the list": lambda it: it.headed(alg="RS512"),
    "RS1": lambda it: it.headed(alg="RS1"),
    "ES256 over an RSA signature": lambda it: it.headed(alg="ES256"),
    "another key under the same kid": by_stranger,
    "another key without a kid": lambda it: by_stranger(it, kid=None),
    "another kind of key under the same kid": by_stranger_ec,
    "its own key in jwk": lambda it: by_stranger(it, jwk=jwk_of(STRANGER), kid=None),
    "its own key in jwk under the same kid": lambda it: by_stranger(it, jwk=jwk_of(STRANGER)),
    "its own key behind jku": lambda it: by_stranger(it, jku="https://attacker.example/jwks"),
    "its own key behind x5u": lambda it: by_stranger(it, x5u="https://attacker.example/cert.pem"),
    "its own certificate in x5c": lambda it: by_stranger(it, x5c=["MIIB"]),
    "genuine, but with a jwk": lambda it: it.headed(jwk=jwk_of(STRANGER)),
    "genuine, but with a jku": lambda it: it.headed(jku="https://attacker.example/jwks"),
    "kid a path": lambda it: by_stranger(it, kid="../../../../dev/null"),
    "kid of SQL": lambda it: by_stranger(it, kid="x' UNION SELECT 'secret' --"),
    "kid unknown": lambda it: by_stranger(it, kid="nobody"),
    "kid a number": lambda it: it.headed(kid=7),
    "kid an object": lambda it: it.headed(kid={"$ne": None}),
    "kid over-long": lambda it: it.headed(kid="k" * 5000),
    "crit that nobody knows": lambda it: it.headed(crit=["exp2"], exp2=1),
    "crit that is not there": lambda it: it.headed(crit=["b64"]),
    "b64 false": lambda it: it.headed(b64=False, crit=["b64"]),
    "zip": lambda it: it.headed(zip="DEF"),
    "header with a claim": lambda it: it.headed(sub="somebody"),
    "header given alg twice": lambda it: it.raw(
        json.dumps(it.claims).encode(), (json.dumps(it.header)[:-1] + ', "alg": "RS256"}').encode()
    ),
    "header not JSON": lambda it: it.raw(json.dumps(it.claims).encode(), b"alg: RS256"),
    "header a list": lambda it: it.raw(json.dumps(it.claims).encode(), b"[]"),
    "nested": lambda it: sign(it.header | {"cty": "JWT"}, it.signed().encode(), it.key),
    "nested without saying so": lambda it: it.raw(it.signed().encode()),
    "no signature": lambda it: it.signed().rpartition(".")[0] + ".",
    "no signature and no dot": lambda it: it.signed().rpartition(".")[0],
    "signature cut short": lambda it: it.signed()[:-8],
    "signature longer": lambda it: it.signed() + "AAAA",
    "signature changed": lambda it: part(it.signed(), 2, flipped),
    "signature spelled otherwise": lambda it: part(it.signed(), 2, other_last_bits),
    "signature of another token": lambda it: part(it.signed(), 2, lambda _: it.saying(sub="x").rpartition(".")[2]),
    "payload changed": lambda it: part(it.signed(), 1, lambda _: b64(json.dumps(it.claims | {"sub": "x"}).encode())),
    "header changed": lambda it: part(it.signed(), 0, lambda _: b64(json.dumps(it.header | {"typ": "x"}).encode())),
    "parts exchanged": lambda it: ".".join(reversed(it.signed().split("."))),
    "four parts": lambda it: it.signed() + ".AAAA",
    "five parts, as if encrypted": lambda it: it.signed() + ".AAAA.AAAA",
    "a space before": lambda it: " " + it.signed(),
    "a line break after": lambda it: it.signed() + "\n",
    "white space within": lambda it: part(it.signed(), 1, lambda text: f"{text[:8]} {text[8:]}"),
    "padding": lambda it: part(it.signed(), 2, lambda text: text + "=="),
    "the other alphabet of base64": lambda it: part(it.signed(), 2, lambda text: text + "+/"),
    "a letter that only looks alike": lambda it: part(it.signed(), 1, lambda text: "е" + text[1:]),
    "a NUL": lambda it: part(it.signed(), 1, lambda text: text[:4] + "\0" + text[4:]),
    "JSON serialisation": lambda it: json.dumps(
        dict(zip(("protected", "payload", "signature"), it.signed().split("."), strict=True))
    ),
    "empty": lambda it: "",
    "dots only": lambda it: "..",
    "over-long": lambda it: it.saying(filling="x" * 40_000),
    "payload a list": lambda it: it.raw(b"[]"),
    "payload text": lambda it: it.raw(b'"sub"'),
    "payload not JSON": lambda it: it.raw(b"sub=somebody"),
    "payload in UTF-16": lambda it: it.raw(json.dumps(it.claims).encode("utf-16")),
    "payload with a byte order mark": lambda it: it.raw(b"\xef\xbb\xbf" + json.dumps(it.claims).encode()),
    "payload nested too deep": lambda it: it.raw(b'{"a":' * 3000 + b"1" + b"}" * 3000),
    "payload with half a character": lambda it: it.raw((json.dumps(it.claims)[:-1] + ', "x": "\\ud800"}').encode()),
    "exp twice": lambda it: twice(it, "exp", 4102444800),
    "iss twice": lambda it: twice(it, "iss", "https://attacker.example"),
    "aud twice": lambda it: twice(it, "aud", "another"),
    "exp NaN": lambda it: it.raw(json.dumps(it.claims | {"exp": float("nan")}).encode()),
    "exp infinite": lambda it: it.raw(json.dumps(it.claims).replace(str(it.claims["exp"]), "1e999").encode()),
    "exp text": lambda it: it.saying(exp="4102444800"),
    "exp true": lambda it: it.saying(exp=True),
    "exp a list": lambda it: it.saying(exp=[4102444800]),
    "exp past": lambda it: it.saying(exp=it.claims["iat"] - 90),
    "exp negative": lambda it: it.saying(exp=-1),
    "exp missing": lambda it: it.saying(exp=None),
    "iat text": lambda it: it.saying(iat="now"),
    "iat to come": lambda it: it.saying(iat=it.claims["iat"] + 400),
    "iat long ago": lambda it: it.saying(iat=it.claims["iat"] - 400),
    "nbf to come": lambda it: it.saying(nbf=it.claims["iat"] + 400),
    "nbf text": lambda it: it.saying(nbf="now"),
    "iss of another": lambda it: it.saying(iss="https://attacker.example"),
    "iss with a slash more": lambda it: it.saying(iss=it.claims["iss"] + "/"),
    "iss in capitals": lambda it: it.saying(iss=it.claims["iss"].upper() + "X"),
    "iss a list": lambda it: it.saying(iss=[it.claims["iss"]]),
    "iss missing": lambda it: it.saying(iss=None),
    "aud of another": lambda it: it.saying(aud="another"),
    "aud only begins like ours": lambda it: it.saying(aud=f"{it.claims['aud']}.attacker.example"),
    "aud ours and another": lambda it: it.saying(aud=[it.claims["aud"], "another"]),
    "aud an empty list": lambda it: it.saying(aud=[]),
    "aud an object": lambda it: it.saying(aud={it.claims["aud"]: True}),
    "aud missing": lambda it: it.saying(aud=None),
    "sub a number": lambda it: it.saying(sub=7),
    "sub a list": lambda it: it.saying(sub=[it.claims["sub"]]),
    "sub empty": lambda it: it.saying(sub=""),
    "sub with a NUL": lambda it: it.saying(sub=f"{it.claims['sub']}\0"),
    "sub over-long": lambda it: it.saying(sub=it.claims["sub"] * 300),
}
"""Wrong for every signed token. A genuine one has iss, aud, sub, exp and iat."""
