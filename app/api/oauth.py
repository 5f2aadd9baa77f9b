"""Where integrations get their access tokens: OAuth 2 client credentials (RFC 6749, 6750, 7523).

Errors here have the shape of RFC 6749, section 5.2, as every OAuth library expects them.
"""

import base64
import binascii
from collections.abc import Callable, Coroutine
from datetime import datetime, timedelta
from http import HTTPStatus
from typing import Annotated, Any
from urllib.parse import unquote_plus

from fastapi import APIRouter, Body, Request, Response
from fastapi.responses import JSONResponse
from pydantic import BaseModel
from sqlmodel import Session

from app.api import oidc_flow
from app.api.body import StrictRoute
from app.api.form_fields import FORM, fields_of
from app.doors import PUBLIC, Now, SettingsGiven
from app.errors import DomainError
from app.people import machines
from app.people.machine_tables import ApiClient
from app.people.machines import AccessToken, ClientRefusedError
from app.settings import Settings
from app.statuses import STATUSES

TOKEN_PATH = "/oauth/token"  # noqa: S105 - an address
_ASSERTION_TYPE = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"


class OAuthRoute(StrictRoute):
    """A route whose refusals have the shape of RFC 6749 instead of a problem document."""

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        handle = super().get_route_handler()

        async def handle_as_oauth(request: Request) -> Response:
            try:
                return await handle(request)
            except ClientRefusedError as refused:
                return _refusal(refused.error, refused.sentence)
            except DomainError as error:
                if STATUSES[error.code] >= HTTPStatus.INTERNAL_SERVER_ERROR:
                    raise
                return _refusal("invalid_request", error.sentence)

        return handle_as_oauth


class TokenGranted(BaseModel):
    """An access token. It is shown this once."""

    access_token: str
    token_type: str = "Bearer"  # noqa: S105 - the kind
    expires_in: int
    scope: str


router = APIRouter(route_class=OAuthRoute, tags=["sign-in"], dependencies=[PUBLIC])


@router.post(TOKEN_PATH, operation_id="get-access-token", response_model=TokenGranted)
async def get_access_token(
    request: Request, settings: SettingsGiven, now: Now, body: Annotated[bytes, Body(media_type=FORM)] = b""
) -> JSONResponse:
    """A short-lived access token for an integration that proves itself by a signed assertion, or by its secret."""
    authorization = request.headers.get("authorization")
    try:
        fields = _fields(body)
        granted = await oidc_flow.at_once(
            request, lambda session: _grant(session, settings, fields, authorization, now)
        )
    except ClientRefusedError as error:
        refused = error
        await oidc_flow.at_once(request, lambda session: machines.record_client_refused(session, refused, now))
        raise
    told = TokenGranted(
        access_token=granted.token,
        expires_in=settings.access_token_minutes * 60,
        scope=" ".join(granted.scopes),
    )
    return JSONResponse(told.model_dump(), headers={"Cache-Control": "no-store", "Pragma": "no-cache"})


def _grant(
    session: Session, settings: Settings, fields: dict[str, str], authorization: str | None, now: datetime
) -> AccessToken:
    if "grant_type" not in fields:
        raise ClientRefusedError("invalid_request", "Say grant_type=client_credentials.")
    if fields["grant_type"] != "client_credentials":
        raise ClientRefusedError("unsupported_grant_type", "Only client_credentials is offered here.")
    client = _client(session, settings, fields, authorization, now)
    lives = timedelta(minutes=settings.access_token_minutes)
    return machines.issue_access_token(session, client, fields.get("scope"), lives=lives, now=now)


def _client(
    session: Session, settings: Settings, fields: dict[str, str], authorization: str | None, now: datetime
) -> ApiClient:
    """Who calls, proved in exactly one way (RFC 6749, section 2.3). Raises ClientRefusedError."""
    ways = [authorization is not None, "client_secret" in fields, "client_assertion" in fields]
    if sum(ways) != 1:
        raise ClientRefusedError("invalid_request", "Prove who you are in exactly one way.")
    if "client_assertion" in fields:
        if fields.get("client_assertion_type") != _ASSERTION_TYPE:
            raise ClientRefusedError("invalid_request", f"client_assertion_type must be {_ASSERTION_TYPE}.")
        audiences = (settings.base_url + TOKEN_PATH, settings.base_url)
        found = machines.client_by_assertion(session, fields["client_assertion"], audiences, now)
        if fields.get("client_id", str(found.id)) != str(found.id):
            raise ClientRefusedError("invalid_client", "client_id names another integration than the assertion.")
        return found
    client_id, secret = (
        _basic(authorization)
        if authorization is not None
        else (
            fields.get("client_id", ""),
            fields["client_secret"],
        )
    )
    return machines.client_by_secret(session, client_id, secret, now)


def _fields(body: bytes) -> dict[str, str]:
    try:
        return fields_of(body)
    except ValueError as error:
        raise ClientRefusedError("invalid_request", "Send a form, and each field once.") from error


def _basic(authorization: str) -> tuple[str, str]:
    """Id and secret of HTTP Basic, each form-encoded before (RFC 6749, section 2.3.1)."""
    scheme, _, encoded = authorization.partition(" ")
    try:
        if scheme.lower() != "basic":
            raise ValueError("not Basic")
        client_id, separator, secret = base64.b64decode(encoded, validate=True).decode("ascii").partition(":")
        if not separator:
            raise ValueError("no colon")
    except (ValueError, binascii.Error) as error:
        raise ClientRefusedError("invalid_client", "The Authorization header cannot be read.") from error
    return unquote_plus(client_id), unquote_plus(secret)


def _refusal(error: str, sentence: str) -> JSONResponse:
    is_unknown = error == "invalid_client"
    status = HTTPStatus.UNAUTHORIZED if is_unknown else HTTPStatus.BAD_REQUEST
    headers = {"Cache-Control": "no-store", "Pragma": "no-cache"}
    if is_unknown:
        headers["WWW-Authenticate"] = 'Basic realm="sameday"'
    return JSONResponse({"error": error, "error_description": sentence}, status, headers)
