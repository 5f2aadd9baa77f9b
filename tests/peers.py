"""Real other sides on loopback: a mail server and a receiver of webhooks that behave as a test says."""

import asyncio
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from aiosmtpd.controller import Controller


@dataclass
class Peer:
    """The other side: what it got, and how it behaves: accept, later, never, drop or hang."""

    behaviour: str = "accept"
    got: list[Any] = field(default_factory=list)
    released: threading.Event = field(default_factory=threading.Event)


@dataclass
class MailPeer(Peer):
    async def handle_RCPT(self, server: Any, session: Any, envelope: Any, address: str, options: Any) -> str:
        if self.behaviour == "later":
            return f"451 4.3.0 mailbox of {address} is busy"
        if self.behaviour == "never":
            return f"550 5.1.1 {address}: Ivy Penrose unknown here"
        if self.behaviour == "drop":
            server.transport.close()
        if self.behaviour == "hang":
            while not self.released.is_set():
                await asyncio.sleep(0.02)
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, server: Any, session: Any, envelope: Any) -> str:
        if self.behaviour == "data-never":
            return "554 5.7.1 no"
        self.got.append(envelope)
        return "250 OK"

    async def handle_QUIT(self, server: Any, session: Any, envelope: Any) -> str:
        return "421 odd" if self.behaviour == "odd-goodbye" else "221 Bye"


@contextmanager
def mail_server(peer: MailPeer, **options: Any) -> Iterator[int]:
    port = free_port()
    controller = Controller(peer, hostname="127.0.0.1", port=port, **options)
    controller.start()
    try:
        yield port
    finally:
        peer.released.set()
        controller.stop()


def free_port() -> int:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return int(listener.getsockname()[1])


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_POST(self) -> None:
        peer: Peer = self.server.peer  # type: ignore[attr-defined]
        body = self.rfile.read(int(self.headers["content-length"]))
        if peer.behaviour == "drop":
            self.connection.shutdown(socket.SHUT_RDWR)
            return
        if peer.behaviour == "hang":
            peer.released.wait(10)
            return
        peer.got.append((dict(self.headers), body))
        status = {"accept": 200, "later": 503, "never": 410}.get(peer.behaviour) or int(peer.behaviour)
        self.send_response(status)
        for name, value in getattr(peer, "headers", {}).items():
            self.send_header(name, value)
        self.send_header("content-length", str(getattr(peer, "length", 0)))
        self.end_headers()

    def log_message(self, *args: Any) -> None:
        pass


@contextmanager
def receiver(peer: Peer) -> Iterator[str]:
    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.peer = peer  # type: ignore[attr-defined]
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_address[1]}/hook"
    finally:
        peer.released.set()
        server.shutdown()
        server.server_close()
        thread.join()
