"""How much a body may hold, how long it may take, and how many calls may be at work at once.

Pure ASGI, so that it sees bytes as they arrive.
"""

import asyncio
from collections import Counter
from collections.abc import Mapping

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from app.api.networks import network_of_call
from app.api.problems import problem_response
from app.api.refusals import drop_the_rest, refuse_unread
from app.errors import DomainError

# A body must be there within this time; a client that dribbles must not hold a place for ever (security.md, fact 10).
BODY_SECONDS = 30.0
# Calls whose body may be larger than others' (PDFs of up to 10 MiB to verify), at once; ours. 16 hold 160 MiB at most.
LARGE_BODIES_AT_ONCE = 16
# Asked by whatever restarts the service: it must not be told that a service is dead because it is busy.
_NEVER_BUSY = "/healthz"


class Places:
    """Places to be taken at once. One network gets at most half, so that none can take the last one from all others."""

    def __init__(self, most: int) -> None:
        self._most = most
        self._taken: Counter[str] = Counter()

    def take(self, network: str) -> bool:
        """Take one for a caller from `network`; False when there is none. Every place taken is given back once."""
        if self._taken.total() >= self._most or self._taken[network] >= max(1, self._most // 2):
            return False
        self._taken[network] += 1
        return True

    def give_back(self, network: str) -> None:
        """Give back one that `network` took."""
        self._taken[network] -= 1
        if not self._taken[network]:
            del self._taken[network]


class BodyLimit:
    """Reads the whole body before anything else runs, and refuses it once it is too large or too slow.

    What counts is what arrives, whatever Content-Length says. limits: bytes by exact path; default: for all others.
    """

    def __init__(self, app: ASGIApp, *, default: int, limits: Mapping[str, int], seconds: float = BODY_SECONDS) -> None:
        self._app = app
        self._default = default
        self._limits = limits
        self._seconds = seconds
        self._large = Places(LARGE_BODIES_AT_ONCE)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        limit = self._limits.get(scope["path"], self._default)
        if limit <= self._default:
            await self._run(scope, receive, send, limit)
            return
        network = network_of_call(scope)
        if not self._large.take(network):
            await refuse_unread(scope, receive, send, _busy())
            return
        try:
            await self._run(scope, receive, send, limit)
        finally:
            self._large.give_back(network)

    async def _run(self, scope: Scope, receive: Receive, send: Send, limit: int) -> None:
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


class CallsAtWork:
    """So many calls at work at once, until their answer is sent; more are told to come back. Bodies were read before.

    Sockets that are silent or send slowly are no calls yet, and take no place.
    """

    def __init__(self, app: ASGIApp, *, most: int) -> None:
        self._app = app
        self._places = Places(most)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or scope["path"] == _NEVER_BUSY:
            await self._app(scope, receive, send)
            return
        network = network_of_call(scope)
        if not self._places.take(network):
            await problem_response(_busy())(scope, receive, send)
            return
        try:
            await self._app(scope, receive, send)
        finally:
            self._places.give_back(network)


def _busy() -> DomainError:
    return DomainError("busy", "The service has too much to do at once. Try again in a moment.")


async def _read(scope: Scope, receive: Receive, limit: int) -> bytes | None:
    # None: the client has gone away, and nobody waits for an answer.
    too_large = DomainError("body-too-large", f"The body may hold at most {limit} bytes.")
    declared = dict(scope["headers"]).get(b"content-length", b"")
    if declared.isdigit() and (len(declared) > 18 or int(declared) > limit):
        await drop_the_rest(receive)
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
                await drop_the_rest(receive)
            raise too_large
        if is_whole:
            return bytes(body)


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
