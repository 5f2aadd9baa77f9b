"""Signing in with an OpenID provider: to it and back, and out again when it says so.

For browsers, so what goes wrong is a page in plain words. Every address is made of the settings.
"""

import re
from http import HTTPStatus
from typing import Annotated
from urllib.parse import urlencode

from fastapi import APIRouter, Body, Path, Query, Request, Response
from fastapi.responses import HTMLResponse, RedirectResponse
from pydantic import Field

from app.api import oidc_flow
from app.api.body import StrictRoute
from app.api.form_fields import FORM, fields_of
from app.api.oidc_flow import client_of
from app.api.pages import page
from app.api.problems import problem_response
from app.api.schemas import Told
from app.api.session_cookie import former_session, give_session
from app.api.sign_in import OWN_PAGE
from app.api.values import Sent
from app.doors import PUBLIC, Now, SettingsGiven
from app.errors import DomainError
from app.people import oidc, oidc_rules
from app.people.oidc import Begun, SignedIn
from app.people.oidc_rules import SignInRefused
from app.people.oidc_tokens import TokenRefusedError
from app.settings import Settings
from app.statuses import STATUSES

SIGN_IN_COOKIE = "__Host-sameday-sign-in"
"""Ties a sign-in to the browser that began it. Lax, as it is the provider's page that leads back to us."""
_SECRET = re.compile(r"[A-Za-z0-9_-]{43}", re.ASCII)

router = APIRouter(prefix="/sign-in", route_class=StrictRoute, tags=["sign-in"], dependencies=[PUBLIC])

ProviderInPath = Annotated[str, Path(alias="provider", pattern=r"^[a-z0-9-]{1,40}$", examples=["cis2"])]
ReturnTo = Annotated[
    str,
    Query(pattern=r"^/(?:outcomes/[0-9A-Z]{4}-[0-9A-Z]{2})?$", description="Where to go on: a path of this service"),
]
CodeInQuery = Annotated[str | None, Query(min_length=1, max_length=4096, pattern=r"^[\x21-\x7e]+$")]
InQuery = Annotated[str | None, Query(max_length=500)]


class OpenInvitation(Sent):
    """What stands behind the '#' of an invitation."""

    link: Annotated[str, Field(pattern=rf"^{_SECRET.pattern}$")]


class GoTo(Told):
    """Where the browser goes now."""

    address: str


@router.get("/{provider}", operation_id="begin-sign-in", response_class=RedirectResponse, status_code=303)
async def begin_sign_in(
    request: Request, provider: ProviderInPath, now: Now, settings: SettingsGiven, return_to: ReturnTo = "/"
) -> Response:
    """To the provider, to sign in there; a page in plain words while it does not answer."""
    try:
        address, secret = await oidc_flow.begin(request, client_of(request, provider), now, return_to=return_to)
    except DomainError as error:
        return _not_signed_in(request, settings, error)
    answer = RedirectResponse(address, HTTPStatus.SEE_OTHER)
    _bind(answer, secret)
    return answer


@router.post("/{provider}", operation_id="begin-first-sign-in", dependencies=[OWN_PAGE])
async def begin_first_sign_in(
    request: Request, response: Response, provider: ProviderInPath, body: OpenInvitation, now: Now
) -> GoTo:
    """The first sign-in of somebody who was invited: whoever comes back is linked to that account."""
    address, secret = await oidc_flow.begin(request, client_of(request, provider), now, invitation=body.link)
    _bind(response, secret)
    return GoTo(address=address)


@router.get("/{provider}/callback", operation_id="finish-sign-in", response_class=HTMLResponse)
async def finish_sign_in(
    request: Request,
    provider: ProviderInPath,
    now: Now,
    settings: SettingsGiven,
    state: InQuery = None,
    code: CodeInQuery = None,
    iss: InQuery = None,
) -> Response:
    """Back from the provider: a page that says so, with a link.

    Not a redirect: along one that began at another site the browser would not send a SameSite=Strict cookie. Without
    a code the provider refused, whatever words it gives for it; they are not repeated.
    """
    try:
        client = client_of(request, provider)
        secret = request.cookies.get(SIGN_IN_COOKIE, "")
        begun = await oidc_flow.resume(request, client, secret if _SECRET.fullmatch(secret) else "", state or "", now)
        try:
            await oidc_flow.check_answered_by(client, iss, now)
            if code is None:
                raise SignInRefused(why="refused-there", sentence="The provider did not sign you in.")
            person = await oidc_flow.person_for(request, client, code, secret, begun, now)
            signed_in = await oidc_flow.at_once(
                request,
                lambda session: oidc.sign_in(session, client.provider, person, begun, former_session(request), now),
            )
        except SignInRefused as refused:
            await oidc_flow.record_refusal(request, client, "sign-in", refused.why, now)
            raise
    except DomainError as error:
        return _not_signed_in(request, settings, error)
    return _signed_in(request, settings, signed_in, begun)


@router.get(
    "/{provider}/sign-out", operation_id="sign-out-at-provider", response_class=RedirectResponse, status_code=303
)
async def sign_out_at_provider(
    request: Request, provider: ProviderInPath, now: Now, settings: SettingsGiven
) -> Response:
    """To the provider, to sign out there too (OpenID Connect RP-Initiated Logout 1.0). Here it ends nothing.

    We keep no id_token, so there is no id_token_hint: the provider knows us by client_id and may ask the person.
    """
    try:
        client = client_of(request, provider)
        address = (await client.metadata(now)).end_session_endpoint
        if address is None:
            raise DomainError("not-found", "This provider has no page for signing out. Close the browser there.")
    except DomainError as error:
        return _not_signed_in(request, settings, error)
    query = urlencode({"client_id": client.provider.client_id})
    return RedirectResponse(f"{address}{'&' if '?' in address else '?'}{query}", HTTPStatus.SEE_OTHER)


@router.post("/{provider}/backchannel-logout", operation_id="provider-signs-out", response_class=Response)
async def provider_signs_out(
    request: Request, provider: ProviderInPath, now: Now, body: Annotated[bytes, Body(media_type=FORM)] = b""
) -> Response:
    """The provider says that a session there has ended (OpenID Connect Back-Channel Logout 1.0). Ours end at once."""
    client = client_of(request, provider)
    try:
        token = _logout_token(body)
        logout = await oidc_flow.with_keys(
            client, now, lambda keys: oidc_rules.check_logout_token(client.provider, token, keys, now)
        )
        await oidc_flow.at_once(request, lambda session: oidc.end_by_provider(session, logout, now))
    except TokenRefusedError as refused:
        await oidc_flow.record_refusal(request, client, "provider-sign-out", refused.why, now)
        raise DomainError("logout-refused", "This logout token cannot be believed. Nothing was changed.") from refused
    return Response(status_code=HTTPStatus.OK)


def _logout_token(body: bytes) -> str:
    try:
        return fields_of(body)["logout_token"]
    except (ValueError, KeyError) as error:
        raise TokenRefusedError("no-token") from error


def _signed_in(request: Request, settings: Settings, signed_in: SignedIn, begun: Begun) -> Response:
    address = settings.base_url + begun.return_to
    answer = page(request, "signed-in.html", service_name=settings.service_name, address=address)
    give_session(answer, signed_in.secret)
    _unbind(answer)
    return answer


def _not_signed_in(request: Request, settings: Settings, error: DomainError) -> Response:
    answer = page(
        request,
        "not-signed-in.html",
        service_name=settings.service_name,
        sentence=error.sentence,
        address=f"{settings.base_url}/",
        code=error.code,
    )
    answer.status_code = STATUSES[error.code]
    if "retry-after" in (known := problem_response(error).headers):
        answer.headers["Retry-After"] = known["retry-after"]
    _unbind(answer)
    return answer


def _bind(answer: Response, secret: str) -> None:
    seconds = int(oidc.ATTEMPT.total_seconds())
    answer.set_cookie(SIGN_IN_COOKIE, secret, max_age=seconds, path="/", secure=True, httponly=True, samesite="lax")


def _unbind(answer: Response) -> None:
    answer.delete_cookie(SIGN_IN_COOKIE, path="/", secure=True, httponly=True, samesite="lax")
