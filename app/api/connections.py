"""Connections, below HTTP: how many there may be, and how long a client may keep one without giving us work.

Uvicorn 0.54 has no time limit for the head of a request, counts silent sockets as concurrency, and waits for ever for a
client that does not read its answer (security.md, fact 10). Here a connection on which we wait for the client has a
deadline, and it is the first to go when there are too many.
"""

import asyncio
import sys
from collections import Counter
from collections.abc import Sequence
from ipaddress import IPv4Network, IPv6Network
from typing import ClassVar, Literal

import h11
import uvicorn
from starlette.types import ASGIApp
from uvicorn.protocols.http.h11_impl import H11Protocol

from app.api.headers import with_security_headers
from app.api.limits import BODY_SECONDS
from app.api.networks import is_in, network_of
from app.api.problems import problem_response
from app.api.refusals import LINGER_SECONDS
from app.errors import DomainError
from app.settings import Settings

Awaited = Literal["head", "body", "reader"]

# Between two calls on one connection. Short: browsers and httpx open a new one without anybody noticing.
KEEP_ALIVE_SECONDS = 5
# The longest that calls which are at work may take to end when the service stops.
SHUT_DOWN_SECONDS = 30
# A head is given to h11 in pieces: h11 looks at the size of what is unfinished only, so a head of 256 KiB that arrives
# at once would pass whatever its limit is.
PIECE_BYTES = 1024


class Guard:
    """Which connections are open, from which networks, and on which of them we wait for the client.

    Belongs to one event loop. most, most_of_network: connections; proxies: where one address
    is many people, so that only `most` counts.
    """

    def __init__(self, *, most: int, most_of_network: int, proxies: Sequence[IPv4Network | IPv6Network]) -> None:
        self._most = most
        self._most_of_network = most_of_network
        self._proxies = proxies
        self._open: dict[GuardedProtocol, str] = {}
        self._of_network: Counter[str] = Counter()
        # In the order in which the waiting began.
        self._waiting: dict[str, dict[GuardedProtocol, None]] = {}

    def admit(self, connection: "GuardedProtocol", address: str) -> bool:
        """Take the connection in. When there are too many, the one that has kept us waiting longest goes instead,
        before all others one that never had an answer.

        A network that is full loses one of its own; when all is full, the network with the most waiting loses one.
        False: there is no room, because every connection is at work.
        """
        network = network_of(address)
        if self._of_network[network] >= self._most_of_network and not is_in(address, self._proxies):
            if not self._drop_oldest(network):
                return False
        elif len(self._open) >= self._most:
            crowd = max(self._waiting, key=lambda one: len(self._waiting[one]), default=None)
            if crowd is None or not self._drop_oldest(crowd):
                return False
        self._open[connection] = network
        self._of_network[network] += 1
        return True

    def waits(self, connection: "GuardedProtocol") -> None:
        """From now on we wait for this client."""
        network = self._open.get(connection)
        if network is not None:
            self._waiting.setdefault(network, {})[connection] = None

    def works(self, connection: "GuardedProtocol") -> None:
        """We no longer wait for this client."""
        network = self._open.get(connection, "")
        waiting = self._waiting.get(network, {})
        waiting.pop(connection, None)
        if not waiting:
            self._waiting.pop(network, None)

    def leave(self, connection: "GuardedProtocol") -> None:
        """The connection is gone, or going. May be said twice."""
        self.works(connection)
        network = self._open.pop(connection, None)
        if network is not None:
            self._of_network[network] -= 1
            if not self._of_network[network]:
                del self._of_network[network]

    def _drop_oldest(self, network: str) -> bool:
        waiting = self._waiting.get(network)
        if not waiting:
            return False
        # Whoever was answered before, and rests between two calls, is more likely a person than who never asked.
        oldest = next((one for one in waiting if not one.was_answered), next(iter(waiting)))
        self.leave(oldest)
        oldest.transport.abort()
        return True


class GuardedProtocol(H11Protocol):
    """Uvicorn's HTTP/1.1, with deadlines for the client, and with problem documents for what is no HTTP."""

    guard: ClassVar[Guard]
    seconds: ClassVar[dict[Awaited, float]]
    most_ahead: ClassVar[int]
    """Bytes that may be there of calls behind the one at work."""
    was_answered = False
    _awaited: Awaited | None = None
    _deadline: asyncio.TimerHandle | None = None
    _is_unread = False

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]  # as in uvicorn
        """A client has connected: from here its first head has its deadline."""
        super().connection_made(transport)
        # Ask to be told of the first byte that the client does not take, not only of 64 KiB.
        transport.set_write_buffer_limits(high=0)
        if not self.guard.admit(self, self.client[0] if self.client else ""):
            self._refuse(DomainError("busy", "The service has too many connections. Try again in a moment."))
            return
        self._watch()

    def connection_lost(self, exc: Exception | None) -> None:
        """The connection is gone."""
        self.guard.leave(self)
        self._stop_waiting()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        """Bytes of the client."""
        if self.conn.their_state is h11.IDLE:
            for start in range(0, len(data), PIECE_BYTES):
                if not self.transport.is_closing():
                    super().data_received(data[start : start + PIECE_BYTES])
        else:
            super().data_received(data)
        self._watch()

    def on_response_complete(self) -> None:
        """An answer is out; the next head, if there is one, gets its own deadline."""
        if len(self.conn.trailing_data[0]) > self.most_ahead:
            self.transport.close()  # h11 would take a whole head of any size; nobody talks so far ahead in earnest
        super().on_response_complete()
        self.was_answered = True
        self._watch()

    def pause_writing(self) -> None:
        """The client does not take what we send."""
        super().pause_writing()
        self._is_unread = True
        self._watch()

    def resume_writing(self) -> None:
        """The client has taken all."""
        super().resume_writing()
        self._is_unread = False
        self._watch()

    def send_400_response(self, msg: str) -> None:
        """What came is no HTTP, or its head is too large. Uvicorn calls this while it handles h11's error."""
        if getattr(sys.exc_info()[1], "error_status_hint", None) == 431:
            self._refuse(DomainError("head-too-large", "The headers of this call are too large."))
        else:
            self._refuse(DomainError("bad-request", "The call cannot be understood."))

    def _watch(self) -> None:
        """Set, keep or take away the deadline, as what we wait for has changed or not."""
        awaited = self._what_we_await()
        if awaited == self._awaited:
            return
        self._stop_waiting()
        self._awaited = awaited
        if awaited is not None:
            self._deadline = self.loop.call_later(self.seconds[awaited], self._give_up)
            self.guard.waits(self)

    def _what_we_await(self) -> Awaited | None:
        if self._is_unread:
            return "reader"
        if self.conn.their_state is h11.IDLE:
            return "head"
        return "body" if self.conn.their_state is h11.SEND_BODY else None

    def _stop_waiting(self) -> None:
        self._awaited = None
        self.guard.works(self)
        if self._deadline is not None:
            self._deadline.cancel()
            self._deadline = None

    def _give_up(self) -> None:
        self._deadline = None
        has_begun = bool(self.conn.trailing_data[0])
        if self._awaited == "head" and has_begun and not self.transport.is_closing():
            self._refuse(DomainError("head-too-slow", "The headers of this call did not arrive in time."))
        else:
            self.transport.abort()

    def _refuse(self, error: DomainError) -> None:
        """Answer without the app, and close."""
        if self.conn.our_state not in (h11.IDLE, h11.SEND_RESPONSE):
            self.transport.abort()  # an answer has begun, so no other can be given
            return
        if self.cycle is not None:
            self.cycle.disconnected = True  # whatever the app still does, nobody listens
        answer = problem_response(error, headers={"Connection": "close"})
        start = h11.Response(status_code=answer.status_code, headers=with_security_headers(answer.raw_headers, ""))
        for event in (start, h11.Data(data=bytes(answer.body)), h11.EndOfMessage()):
            self.transport.write(self.conn.send(event) or b"")
        self.transport.close()


def server_config(app: ASGIApp, settings: Settings, *, host: str = "127.0.0.1", port: int = 0) -> uvicorn.Config:
    """How the service is served, on `host` and `port` (0: a free one). For one server only."""
    guard = Guard(
        most=settings.connections,
        most_of_network=settings.connections_per_network,
        proxies=settings.forwarded_allow_ips,
    )
    seconds: dict[Awaited, float] = {
        "head": settings.header_seconds,
        # The app refuses a slow body itself, and nicely; this is for what it did not wait for.
        "body": BODY_SECONDS + 2 * LINGER_SECONDS,
        "reader": settings.reader_seconds,
    }
    settled = {"guard": guard, "seconds": seconds, "most_ahead": settings.header_bytes}
    return uvicorn.Config(
        app,
        host=host,
        port=port,
        http=type("Protocol", (GuardedProtocol,), settled),
        ws="none",
        # Our own lines only: an access log would write every address, and with it every reference.
        access_log=False,
        log_config=None,
        server_header=False,
        proxy_headers=bool(settings.forwarded_allow_ips),
        forwarded_allow_ips=[str(network) for network in settings.forwarded_allow_ips],
        h11_max_incomplete_event_size=settings.header_bytes,
        timeout_keep_alive=KEEP_ALIVE_SECONDS,
        timeout_graceful_shutdown=SHUT_DOWN_SECONDS,
    )
