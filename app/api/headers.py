"""The security headers of every answer, and the nonce that a page needs for its own styles and scripts.

The outermost layer, so that refusals and failures carry them too. Sources: security.md, 9; OWASP ASVS 5.0, V3.4.
"""

import secrets
from collections.abc import Iterable

from starlette.types import ASGIApp, Message, Receive, Scope, Send

Headers = list[tuple[bytes, bytes]]

_ALWAYS: Headers = [
    (b"x-content-type-options", b"nosniff"),
    (b"x-frame-options", b"DENY"),  # for browsers that do not know frame-ancestors
    (b"referrer-policy", b"no-referrer"),
    (b"cross-origin-opener-policy", b"same-origin"),
    (b"cross-origin-embedder-policy", b"require-corp"),
    (b"cross-origin-resource-policy", b"same-origin"),
    (
        b"permissions-policy",
        b"accelerometer=(), bluetooth=(), camera=(), clipboard-read=(), display-capture=(), geolocation=(), "
        b"gyroscope=(), hid=(), microphone=(), midi=(), payment=(), serial=(), usb=()",
    ),
    (b"strict-transport-security", b"max-age=31536000; includeSubDomains"),
]
# What a route may say itself: nothing is kept by anybody unless a route knows that it may be.
_UNLESS_SAID: Headers = [(b"cache-control", b"no-store")]
# Never told: what we run on, and that pages of other sites may read us.
_NEVER = frozenset({b"server", b"x-powered-by"})

_POLICY_OF_DATA = "default-src 'none'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
# No 'strict-dynamic': nothing that our scripts might be talked into loading is to be trusted.
_POLICY_OF_PAGES = (
    "default-src 'none'; script-src 'nonce-{nonce}'; style-src 'nonce-{nonce}'; img-src 'self' data:; "
    "connect-src 'self'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'; "
    "require-trusted-types-for 'script'"
)


class SecurityHeaders:
    """Adds the headers to every answer, and puts a fresh nonce into the state of every call.

    Pages find the nonce as `request.state.csp_nonce` (128 random bits) and must name it in each <style> and <script>;
    the policy allows no other. Answers that are not HTML may load and do nothing.
    """

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        nonce = secrets.token_urlsafe(16)
        scope.setdefault("state", {})["csp_nonce"] = nonce

        async def send_with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                message["headers"] = with_security_headers(message.get("headers", []), nonce)
            await send(message)

        await self._app(scope, receive, send_with_headers)


def with_security_headers(given: Iterable[tuple[bytes, bytes]], nonce: str) -> Headers:
    """The headers of one answer: those given, and ours in place of any that say something else."""
    kept = [(name.lower(), value) for name, value in given]
    is_page = any(name == b"content-type" and value.startswith(b"text/html") for name, value in kept)
    policy = _POLICY_OF_PAGES.format(nonce=nonce) if is_page else _POLICY_OF_DATA
    ours = [*_ALWAYS, (b"content-security-policy", policy.encode("ascii"))]
    replaced = _NEVER | {name for name, _ in ours}
    kept = [(name, value) for name, value in kept if name not in replaced]
    said = {name for name, _ in kept}
    return [*kept, *ours, *((name, value) for name, value in _UNLESS_SAID if name not in said)]
