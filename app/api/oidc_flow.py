"""The steps between the browser, the provider and the database when somebody signs in with a provider.

Providers are asked outside any transaction: one that is slow must not keep others from theirs (SQLite has one
connection). The short transactions run on threads of their own, so that they never wait for a place in the pool.
"""

from collections.abc import Callable
from datetime import datetime
from typing import TypeVar

from anyio import CapacityLimiter, to_thread
from authlib.oauth2.rfc6749.parameters import prepare_grant_uri
from authlib.oauth2.rfc7636 import create_s256_code_challenge
from fastapi import Request
from joserfc.jwk import KeySet
from sqlmodel import Session

from app.db import Transaction
from app.errors import DomainError
from app.people import oidc, oidc_rules
from app.people.oidc import Begun
from app.people.oidc_client import ProviderClient
from app.people.oidc_rules import Person, SignInRefused
from app.people.oidc_tokens import TokenRefusedError, UnknownKeyError
from app.settings import Settings

THREADS = 4
"""Ours: sign-ins by providers, logouts and access tokens that may be in a transaction at once."""

Result = TypeVar("Result")


async def at_once(request: Request, act: Callable[[Session], Result]) -> Result:
    """What `act` gives, in a transaction of its own and on a thread of its own."""
    transaction: Transaction = request.app.state.transaction
    threads: CapacityLimiter = request.app.state.sign_in_threads

    def run() -> Result:
        with transaction() as session:
            return act(session)

    return await to_thread.run_sync(run, limiter=threads)


async def begin(
    request: Request, client: ProviderClient, now: datetime, *, return_to: str = "/", invitation: str | None = None
) -> tuple[str, str]:
    """The address at the provider, and the secret for the browser's cookie. Raises provider-away, link-not-valid."""
    metadata, provider = await client.metadata(now), client.provider
    secret = await at_once(
        request,
        lambda session: oidc.begin_sign_in(session, provider, return_to=return_to, invitation=invitation, now=now),
    )
    proofs = oidc_rules.proofs_of(secret)
    address: str = prepare_grant_uri(
        metadata.authorization_endpoint,
        client_id=provider.client_id,
        response_type="code",
        redirect_uri=_callback(request, client),
        scope=provider.scope,
        state=proofs.state,
        nonce=proofs.nonce,
        code_challenge=create_s256_code_challenge(proofs.verifier),
        code_challenge_method="S256",
        acr_values=provider.acr_values,
        prompt="login",
        max_age="0",
    )
    return address, secret


async def resume(request: Request, client: ProviderClient, secret: str, state: str, now: datetime) -> Begun:
    """The sign-in that began in this browser, used up now. Raises sign-in-expired."""
    return await at_once(request, lambda session: oidc.resume_sign_in(session, client.provider, secret, state, now))


async def person_for(
    request: Request, client: ProviderClient, code: str, secret: str, begun: Begun, now: datetime
) -> Person:
    """Who signed in there, for a code: everything is checked. Raises SignInRefused, provider-away."""
    provider, proofs = client.provider, oidc_rules.proofs_of(secret)
    given = await client.tokens_for(code, proofs.verifier, _callback(request, client), now)
    id_token, access_token = given.get("id_token"), given.get("access_token")
    try:
        if not isinstance(id_token, str) or not isinstance(access_token, str) or not _is_visible(access_token):
            raise TokenRefusedError("no-token")
        claims = await with_keys(
            client,
            now,
            lambda keys: oidc_rules.check_id_token(
                provider,
                id_token,
                keys,
                nonce=proofs.nonce,
                access_token=access_token,
                began_at=begun.began_at,
                now=now,
            ),
        )
        userinfo = await client.userinfo(access_token, now) if provider.userinfo else None
        return oidc_rules.person_from(provider, claims, userinfo)
    except TokenRefusedError as refused:
        raise SignInRefused(why=refused.why) from refused


async def check_answered_by(client: ProviderClient, issuer: str | None, now: datetime) -> None:
    """Raise SignInRefused when another provider answers than the one that was asked (RFC 9207)."""
    is_missing = issuer is None and (await client.metadata(now)).names_itself
    if is_missing or issuer not in (None, client.provider.issuer):
        raise SignInRefused(why="answered-by-another")


async def with_keys(client: ProviderClient, now: datetime, check: Callable[[KeySet], Result]) -> Result:
    """What `check` gives with the provider's keys; with newer ones if the token names one that is not among them."""
    try:
        return check(await client.keys(now))
    except UnknownKeyError:
        return check(await client.keys(now, newer=True))


async def record_refusal(request: Request, client: ProviderClient, action: str, why: str, now: datetime) -> None:
    """Audit that a sign-in or a logout came to nothing; what it was about has been rolled back."""
    await at_once(request, lambda session: oidc.record_refusal(session, client.provider, action, why, now))


def client_of(request: Request, name: str) -> ProviderClient:
    """The provider of this name. Raises not-found."""
    found: ProviderClient | None = request.app.state.providers.get(name)
    if found is None:
        raise DomainError("not-found", "There is nothing here, or nothing for you.")
    return found


def _callback(request: Request, client: ProviderClient) -> str:
    settings: Settings = request.app.state.settings
    return f"{settings.base_url}/sign-in/{client.provider.name}/callback"


def _is_visible(token: str) -> bool:
    """Fit for a header: anything else would be our own failure, or a second header."""
    return 0 < len(token) <= 16_384 and token.isascii() and token.isprintable() and " " not in token
