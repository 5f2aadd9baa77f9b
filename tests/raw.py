"""Sockets that speak, or fail to speak, HTTP as we like."""

import re
import socket
from collections.abc import Iterable
from contextlib import suppress

PATIENCE_SECONDS = 30.0


def address_of(url: str) -> tuple[str, int]:
    """Host and port of http://host:port."""
    found = re.fullmatch(r"http://([^:/]+):(\d+)", url)
    assert found
    return found[1], int(found[2])


def connect(url: str, words: bytes = b"", source: str = "127.0.0.1") -> socket.socket:
    """A connection that has said `words`. source: another loopback address is another network."""
    connection = socket.create_connection(address_of(url), PATIENCE_SECONDS, source_address=(source, 0))
    connection.sendall(words)
    return connection


def all_from(connection: socket.socket) -> bytes:
    """What the server says until it closes; a reset closes too. Raises TimeoutError when it never does."""
    said = b""
    with suppress(ConnectionError):
        while part := connection.recv(65536):
            said += part
    return said


def exchange(url: str, words: bytes, source: str = "127.0.0.1") -> bytes:
    """What the server says to `words`, until it closes."""
    with connect(url, words, source) as connection:
        return all_from(connection)


def get(path: str, headers: Iterable[str] = (), host: str = "127.0.0.1", method: str = "GET") -> bytes:
    """A whole call, after which the connection is closed."""
    lines = [f"{method} {path} HTTP/1.1", f"Host: {host}", "Connection: close", *headers, "", ""]
    return "\r\n".join(lines).encode("latin-1")


def status_of(answer: bytes) -> int:
    """The status of a raw answer; 0 when there is none."""
    found = re.match(rb"HTTP/1\.1 (\d{3}) ", answer)
    return int(found[1]) if found else 0
