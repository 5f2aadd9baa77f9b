"""People who sign in as people do: with a password and the code of an authenticator app."""

import secrets
import time
from dataclasses import dataclass, field
from typing import Any

import httpx
import pyotp

PREFIX = "/api/v1"
COOKIE = "__Host-sameday"
STEP_SECONDS = 30
OWN_PAGE = {"Sec-Fetch-Site": "same-origin"}
"""What a browser says of a call that one of the service's own pages makes."""


@dataclass
class Person:
    """Somebody with a local account: what they know, what they have, and their session."""

    email: str
    password: str = field(default_factory=lambda: secrets.token_urlsafe(16))
    totp_secret: str = ""
    session: str = ""
    _last_step: int = 0

    def enrol(self, http: httpx.Client, link: str) -> None:
        """Follow an invitation: add an app, set the password. Afterwards the person is signed in."""
        secret = {"link": link.partition("#")[2]}
        self.totp_secret = _post(http, "/sign-in/link/totp", secret).json()["secret"]
        body = secret | {"password": self.password, "code": self.code()}
        self._take(_post(http, "/sign-in/link/password", body))

    def sign_in(self, http: httpx.Client) -> None:
        """Sign in, or again: for a fresh session."""
        body = {"email": self.email, "password": self.password, "code": self.code()}
        self._take(_post(http, "/sign-in/password", body))

    def headers(self) -> dict[str, str]:
        """What the browser sends with a call."""
        # By hand: over plain HTTP a program's cookie jar would keep a Secure cookie to itself.
        return {"Cookie": f"{COOKIE}={self.session}", **OWN_PAGE}

    def code(self) -> str:
        """A code that was not used yet. Each is good once, and the next may be used a little early."""
        step = max(int(time.time()) // STEP_SECONDS, self._last_step + 1)
        time.sleep(max(0.0, (step - 1) * STEP_SECONDS - time.time()))
        self._last_step = step
        return pyotp.TOTP(self.totp_secret).generate_otp(step)

    def _take(self, response: httpx.Response) -> None:
        self.session = response.cookies[COOKIE]


def _post(http: httpx.Client, path: str, body: dict[str, Any]) -> httpx.Response:
    return http.post(PREFIX + path, json=body, headers=OWN_PAGE).raise_for_status()
