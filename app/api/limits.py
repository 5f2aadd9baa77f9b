"""The outermost layer of the HTTP app: how much a body may hold, headers of every answer, and no naked failure.

Pure ASGI, so that it sees bytes as they arrive and answers even when everything inside has failed.
"""

import asyncio
import logging
from collections.abc import Mapping
from contextlib import suppress
from time import perf_counter

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from app.api.metrics import Metrics
from app.api.problems import problem_response
from app.errors import DomainError

# A body must be there within this time; a client that dribbles must not hold a place for ever (security.md, fact 10).
BODY_SECONDS = 30.0
# A connection that is closed while the client still sends loses the answer, so a little more is taken and dropped.
# Together with the limit of 256 KiB this stays below 1 MiB (security.md, G20).
LINGER_BYTES = 512 * 1024
LINGER_SECONDS = 1.0

_HEADERS = {
    b"cache-control": b"no-store",
    b"x-content-type-options": b"nosniff",
    b"referrer-policy": b"no-referrer",
    b"content-security-policy": b"default-src 'none'; frame-ancestors 'none'",
    b"cross-origin-resource-policy": b"same-origin",
    b"strict-transport-security": b"max-age=31536000; includeSubDomains",
}

_logger = logging.getLogger("sameday.api")


class BodyLimit:
    """Reads the whole body before anything else runs, and refuses it once it is too large or too slow.

    What counts is what arrives, whatever Content-Length says. limits: bytes by exact path; default: for all others.
    """

    def __init__(self, app: ASGIApp, *, default: int, limits: Mapping[str, int], seconds: float = BODY_SECONDS) -> None:
        self._app = app
        self._default = default
        self._limits = limits
        self._seconds = seconds

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        limit = self._limits.get(scope["path"], self._default)
        try:
            async with asyncio.timeout(self._seconds):
                body = await _read(scope, receive, limit)
        except TimeoutError:
            await _refuse(scope, receive, send, DomainError("body-too-slow", "The body did not arrive in time."))
        except DomainError as error:
            await _refuse(scope, receive, send, error)
        else:
            if body is not None:
                await self._app(scope, _replay(body, receive), send)


class Envelope:
    """Every answer leaves with the security headers, is counted, and a failure leaves as a bare 500 problem."""

    def __init__(self, app: ASGIApp, *, metrics: Metrics) -> None:
        self._app = app
        self._metrics = metrics

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        began = perf_counter()
        status = 0

        async def send_with_headers(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                message["headers"] = _with_security_headers(message.get("headers", []))
            await send(message)

        try:
            await self._app(scope, receive, send_with_headers)
        except Exception as error:  # the last line of defence: whatever it is, no detail leaves
            _logger.error("call-failed", exc_info=error, extra={"route": _template(scope)})
            if status == 0:
                failure = problem_response(DomainError("internal", "The service failed. It has been written down."))
                await failure(scope, receive, send_with_headers)
        finally:
            self._metrics.observe(scope["method"], _template(scope), status, perf_counter() - began)


async def _read(scope: Scope, receive: Receive, limit: int) -> bytes | None:
    # None: the client has gone away, and nobody waits for an answer.
    too_large = DomainError("body-too-large", f"The body may hold at most {limit} bytes.")
    declared = dict(scope["headers"]).get(b"content-length", b"")
    if declared.isdigit() and (len(declared) > 18 or int(declared) > limit):
        await _drop_the_rest(receive)
        raise too_large
    body = bytearray()
    while True:
        message = await receive()
        if message["type"] == "http.disconnect":
            return None
        body += message.get("body", b"")
        is_whole = not message.get("more_body", False)
        if len(body) > limit:
            if not is_whole:
                await _drop_the_rest(receive)
            raise too_large
        if is_whole:
            return bytes(body)


async def _drop_the_rest(receive: Receive) -> None:
    dropped = 0
    with suppress(TimeoutError):
        async with asyncio.timeout(LINGER_SECONDS):
            while dropped < LINGER_BYTES:
                message = await receive()
                dropped += len(message.get("body", b""))
                if not message.get("more_body", False):
                    return


def _replay(body: bytes, receive: Receive) -> Receive:
    is_given = False

    async def give() -> Message:
        nonlocal is_given
        if is_given:
            return await receive()
        is_given = True
        return {"type": "http.request", "body": body, "more_body": False}

    return give


async def _refuse(scope: Scope, receive: Receive, send: Send, error: DomainError) -> None:
    # The rest of the body is still on its way: only a closed connection stops it.
    await problem_response(error, headers={"Connection": "close"})(scope, receive, send)


def _template(scope: Scope) -> str:
    return getattr(scope.get("route"), "path", "unmatched")


def _with_security_headers(headers: list[tuple[bytes, bytes]]) -> list[tuple[bytes, bytes]]:
    given = {name.lower() for name, _ in headers}
    return [*headers, *((name, value) for name, value in _HEADERS.items() if name not in given)]
