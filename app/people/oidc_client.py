"""Asks an OpenID provider: its description, its keys, tokens for a code, and what it says of a person.

Whatever comes back is limited in size and time and believed only after it has been checked (OWASP API10). Calls are
asynchronous, so that a slow provider holds no thread and no transaction. The protocol's parts are Authlib's.
"""

import asyncio
import logging
import ssl
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

import httpx
from authlib.oauth2.auth import ClientAuth
from authlib.oauth2.rfc6749.parameters import prepare_token_request
from authlib.oauth2.rfc7523 import PrivateKeyJWT
from joserfc.errors import JoseError
from joserfc.jwk import ECKey, Key, KeySet, RSAKey
from pydantic import SecretStr

from app.errors import DomainError
from app.people.oidc_rules import SignInRefused
from app.people.oidc_tokens import is_usable_key, json_object, usable_keys
from app.people.providers import Provider, check_address
from app.people.providers_file import load_providers
from app.settings import Settings, SettingsError

MOST_BYTES = 256 * 1024
"""Ours: the largest answer that is read. Entra ID's keys have about 20 KiB, a CIS2 userinfo a few."""
KEEP = timedelta(hours=1)
"""Ours: how long a provider's description and keys are believed. A key taken back there works here no longer."""
ASK_AGAIN_AFTER = timedelta(minutes=1)
"""Ours: a token signed with an unknown key makes us fetch the keys anew, but not more often than this."""
WAIT_AFTER_FAILURE = timedelta(seconds=5)
"""Ours: whoever waited while a provider did not answer is told so, and does not wait for it again one by one."""
ASKED_AT_ONCE = 20
"""Ours: more who wait for one provider are told to come back; they must not take every place there is."""
ASSERTION_SECONDS = 60
"""Ours: how long the assertion that proves who we are can be used. It is sent at once."""

_logger = logging.getLogger("sameday.people")


@dataclass(frozen=True, slots=True)
class Metadata:
    """What we need of a provider's own description (OpenID Connect Discovery 1.0)."""

    authorization_endpoint: str
    token_endpoint: str
    jwks_uri: str
    userinfo_endpoint: str | None
    end_session_endpoint: str | None
    names_itself: bool
    """Whether its answers in the browser carry `iss` (RFC 9207)."""


@dataclass(slots=True)
class ProviderClient:
    """One provider, what it said of itself lately, and our key for it. Lives as long as the service."""

    provider: Provider
    key: Key
    seconds: float
    """Longest wait for one answer, from the first byte sent to the last one read."""
    _tls: ssl.SSLContext = field(default_factory=lambda: httpx.create_ssl_context(trust_env=False))
    _lock: asyncio.Lock = field(default_factory=asyncio.Lock)
    _metadata: tuple[datetime, Metadata] | None = None
    _keys: tuple[datetime, KeySet] | None = None
    _failed_at: datetime | None = None
    _asked_now: int = 0

    async def metadata(self, now: datetime) -> Metadata:
        """The provider's description, at most an hour old. Raises provider-away."""
        async with self._lock:
            if self._metadata is None or now - self._metadata[0] >= KEEP:
                address = self.provider.issuer.rstrip("/") + "/.well-known/openid-configuration"
                said = await self._ask_of_itself(address, now)
                self._metadata = now, _metadata_from(said, self.provider.issuer)
            return self._metadata[1]

    async def keys(self, now: datetime, *, newer: bool = False) -> KeySet:
        """Its keys, at most an hour old. newer: a token named one that is not among them. Raises provider-away."""
        address = (await self.metadata(now)).jwks_uri
        async with self._lock:
            if self._keys is None or now - self._keys[0] >= (ASK_AGAIN_AFTER if newer else KEEP):
                try:
                    self._keys = now, usable_keys(await self._ask_of_itself(address, now))
                except ValueError as error:
                    raise _away() from error
            return self._keys[1]

    async def tokens_for(self, code: str, verifier: str, redirect_uri: str, now: datetime) -> dict[str, Any]:
        """What the token endpoint gives for a code. Raises SignInRefused, provider-away."""
        address = (await self.metadata(now)).token_endpoint
        body = prepare_token_request("authorization_code", "", redirect_uri, code=code, code_verifier=verifier)
        headers = {"Content-Type": "application/x-www-form-urlencoded"}
        prove = ClientAuth(self.provider.client_id, self.key, self._assertion(address, now))
        _, headers, body = prove.prepare("POST", address, headers, body)
        return await self._ask("POST", address, headers=headers, body=body)

    async def userinfo(self, access_token: str, now: datetime) -> dict[str, Any]:
        """What it says of the person whose token this is. Raises provider-away."""
        address = (await self.metadata(now)).userinfo_endpoint
        if address is None:
            raise _away()
        return await self._ask("GET", address, headers={"Authorization": f"Bearer {access_token}"})

    async def _ask_of_itself(self, address: str, now: datetime) -> dict[str, Any]:
        """Its description or keys, which many may be waiting for."""
        if self._failed_at is not None and abs(now - self._failed_at) < WAIT_AFTER_FAILURE:
            raise _away()
        try:
            return await self._ask("GET", address)
        except DomainError:
            self._failed_at = now
            raise

    def _assertion(self, address: str, now: datetime) -> PrivateKeyJWT:
        """The proof of who we are (RFC 7523), by our own clock and for a minute."""
        seconds = int(now.timestamp())
        header = {"kid": self.provider.client_key_id or self.key.thumbprint()}
        if self.provider.client_certificate_sha256:
            header["x5t#S256"] = self.provider.client_certificate_sha256
        times = {"iat": seconds, "nbf": seconds, "exp": seconds + ASSERTION_SECONDS}
        return PrivateKeyJWT(address, claims=times, headers=header, alg=self.provider.client_algorithm)

    async def _ask(
        self, method: str, address: str, *, headers: dict[str, str] | None = None, body: str | None = None
    ) -> dict[str, Any]:
        if self._asked_now >= ASKED_AT_ONCE:
            raise _away()
        self._asked_now += 1
        try:
            async with asyncio.timeout(self.seconds):
                status, raw = await self._read(method, address, {"Accept": "application/json", **(headers or {})}, body)
            if method == "POST" and 400 <= status < 500:
                raise SignInRefused(why=_why(raw), sentence="The provider did not accept this sign-in. Start again.")
            if status != 200:
                raise _away()
            return json_object(raw)
        except (httpx.HTTPError, httpx.InvalidURL, OSError, TimeoutError, ValueError) as error:
            cause = {"provider": self.provider.name, "address": address, "cause": type(error).__name__}
            _logger.warning("provider-away", extra=cause)
            raise _away() from error
        finally:
            self._asked_now -= 1

    async def _read(self, method: str, address: str, headers: dict[str, str], body: str | None) -> tuple[int, bytes]:
        """Status and body. Nothing is unpacked, so a small answer cannot become a large one."""
        plain = {"Accept-Encoding": "identity", **headers}
        # No proxy and no password from the environment; a redirect is no answer.
        async with (
            httpx.AsyncClient(verify=self._tls, trust_env=False, timeout=self.seconds) as client,
            client.stream(method, address, headers=plain, content=body) as response,
        ):
            if response.headers.get("content-encoding", "identity") != "identity":
                raise ValueError("packed, though asked not to")
            raw = b""
            async for part in response.aiter_raw():
                raw += part
                if len(raw) > MOST_BYTES:
                    raise ValueError("too large")
            return response.status_code, raw


def provider_clients(settings: Settings) -> dict[str, ProviderClient]:
    """The providers that people may sign in with here, by name. Raises SettingsError."""
    providers = load_providers(settings.oidc_providers_file)
    return {
        name: ProviderClient(one, _key_for(one, settings.oidc_client_key), settings.oidc_seconds)
        for name, one in providers.items()
    }


def _key_for(provider: Provider, pem: SecretStr | None) -> Key:
    kind: type[RSAKey] | type[ECKey] = ECKey if provider.client_algorithm == "ES256" else RSAKey
    try:
        key = kind.import_key(pem.get_secret_value() if pem is not None else "")
    except (JoseError, ValueError, TypeError) as error:
        raise SettingsError(
            f"SAMEDAY_OIDC_CLIENT_KEY: {provider.name} needs a private key in PEM for {provider.client_algorithm}."
        ) from error
    if not key.is_private or not is_usable_key(key.as_dict(private=False)):
        raise SettingsError("SAMEDAY_OIDC_CLIENT_KEY: needs a private key, RSA of 2048 bits or more, or P-256.")
    return key


def _metadata_from(said: dict[str, Any], issuer: str) -> Metadata:
    if said.get("issuer") != issuer:
        raise _away()
    try:
        return Metadata(
            authorization_endpoint=check_address(said["authorization_endpoint"]),
            token_endpoint=check_address(said["token_endpoint"]),
            jwks_uri=check_address(said["jwks_uri"]),
            userinfo_endpoint=_address_or_none(said.get("userinfo_endpoint")),
            end_session_endpoint=_address_or_none(said.get("end_session_endpoint")),
            names_itself=said.get("authorization_response_iss_parameter_supported") is True,
        )
    except (KeyError, ValueError, TypeError, AttributeError) as error:
        raise _away() from error


def _address_or_none(value: str | None) -> str | None:
    return None if value is None else check_address(value)


def _why(raw: bytes) -> str:
    """Why the token endpoint refused, if RFC 6749 (5.2) has a word for it: tells a wrong key from an old code."""
    known = ("invalid_request", "invalid_client", "invalid_grant", "unauthorized_client", "unsupported_grant_type")
    try:
        said = json_object(raw).get("error")
    except ValueError:
        said = None
    return f"token-endpoint-{said}" if said in known else "token-endpoint"


def _away() -> DomainError:
    return DomainError("provider-away", "The sign-in service does not answer as it should. Try again in a moment.")
