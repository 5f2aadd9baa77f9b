"""The operations of signing in, and what anyone may call: what they are called with (see `matrix_operations`)."""

from urllib.parse import urlencode
from uuid import uuid4

from matrix_calls import Call

PASSWORD = "seven quiet herons by the weir"
_LINK = {"link": "A" * 43}
_CREDENTIAL = {
    "credential": {
        "id": "AAAA",
        "rawId": "AAAA",
        "type": "public-key",
        "response": {"clientDataJSON": "AAAA", "authenticatorData": "AAAA", "signature": "AAAA", "userHandle": "AAAA"},
    }
}
_NEW_CREDENTIAL = {
    "credential": _CREDENTIAL["credential"] | {"response": {"clientDataJSON": "AAAA", "attestationObject": "AAAA"}},
    "label": "Phone",
}
_FORM = "application/x-www-form-urlencoded"
_PROVIDER = {"provider": "provider"}


def _wrong_password(_: object) -> object:
    # Of another person each time: after many failures the answer would be that there were too many.
    return {"email": f"{uuid4().hex}@meon.example", "password": "not the right one", "code": "000000"}


def _wrong_secret(_: object) -> bytes:
    fields = {"grant_type": "client_credentials", "client_id": str(uuid4()), "client_secret": "not the right one"}
    return urlencode(fields).encode()


OF_ONES_OWN = {
    "list-sessions": Call(shows="text: is_this"),
    "sign-out": Call(writes="sign_in_session", ends_session=True),
    "sign-out-everywhere": Call(writes="sign_in_session", ends_session=True),
    "change-my-password": Call(body=lambda _: {"current": PASSWORD, "new": PASSWORD}, writes="password"),
    "begin-my-totp": Call(writes="totp"),
    "confirm-my-totp": Call(body=lambda _: {"code": "000000"}),
    "list-my-passkeys": Call(shows='text: "items":['),
    "begin-my-passkey": Call(writes="passkey_challenge"),
    "add-my-passkey": Call(body=lambda _: _NEW_CREDENTIAL),
    "remove-my-passkey": Call({"id": "passkey"}),
}

FOR_ANYONE = {
    "sign-in-by-password": Call(body=_wrong_password, from_page=True),
    "begin-sign-in-by-passkey": Call(shows="text: challenge", from_page=True),
    "sign-in-by-passkey": Call(body=lambda _: _CREDENTIAL, from_page=True),
    "look-at-link": Call(body=lambda _: _LINK, from_page=True),
    "begin-totp-by-link": Call(body=lambda _: _LINK, from_page=True),
    "set-password-by-link": Call(body=lambda _: _LINK | {"password": PASSWORD, "code": "000000"}, from_page=True),
    "begin-passkey-by-link": Call(body=lambda _: _LINK, from_page=True),
    "add-passkey-by-link": Call(body=lambda _: _LINK | _NEW_CREDENTIAL, from_page=True),
    "get-access-token": Call(body=_wrong_secret, media_type=_FORM, says_who=True),
    "begin-sign-in": Call(_PROVIDER),
    "begin-first-sign-in": Call(_PROVIDER, body=lambda _: _LINK, from_page=True),
    "finish-sign-in": Call(_PROVIDER),
    "sign-out-at-provider": Call(_PROVIDER),
    "provider-signs-out": Call(_PROVIDER, body=lambda _: b"logout_token=AAAA", media_type=_FORM),
    "how-to-verify": Call(),
    "how-to-use-a-link": Call(),
    "how-to-read": Call({"reference": "outcome"}),
    "read-api-description": Call(shows="text: openapi"),
    "read-security-txt": Call(shows="text: Expires"),
    "read-security-policy": Call(),
    "is-alive": Call(),
    "is-ready": Call(),
    "read-metrics": Call(),
}
