"""Reaching a stranger's server: only where it may stand, and no longer than we mean to wait."""

import ipaddress
import socket
import ssl
import time
from collections.abc import Iterable

import httpcore

_NAT64 = ipaddress.IPv6Network("64:ff9b::/96")
"""RFC 6052: IPv4 addresses as seen through a translator; the last 32 bits are the real one."""

_Address = ipaddress.IPv4Address | ipaddress.IPv6Address


def addresses_of(host: str, port: int) -> list[str]:
    """The addresses of a name, or the address itself. Raises OSError when there is no answer, UnicodeError for a name
    that cannot be one. The name service's own limits bound the wait; a receiver has no hold on it.
    """
    found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return list(dict.fromkeys(str(address[0]) for _, _, _, _, address in found))


def is_public(address: str) -> bool:
    """Whether it lies on the public network: not this machine, its neighbours, or one of these in disguise."""
    real = _undisguised(ipaddress.ip_address(address))
    return real.is_global and not real.is_multicast and not real.is_reserved


def _undisguised(address: _Address) -> _Address:
    """The IPv4 address that an IPv6 address carries: mapped, 6to4 (RFC 3056), Teredo's client (RFC 4380) or NAT64."""
    if isinstance(address, ipaddress.IPv4Address):
        return address
    inner = address.ipv4_mapped or address.sixtofour or (address.teredo[1] if address.teredo else None)
    if address in _NAT64:
        inner = ipaddress.IPv4Address(int(address) & 0xFFFF_FFFF)
    return inner or address


class CheckedAddresses(httpcore.NetworkBackend):
    """Connects to these addresses, whatever name the URL bears: another look-up could answer otherwise.

    All that is done with the connection has ended at the deadline (`time.monotonic`), or raises a timeout.
    """

    def __init__(self, addresses: Iterable[str], deadline: float) -> None:
        self._addresses = list(addresses)
        self._deadline = deadline
        self._backend = httpcore.SyncBackend()

    def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,
        socket_options: Iterable[httpcore.SOCKET_OPTION] | None = None,
    ) -> httpcore.NetworkStream:
        """The first of the addresses that answers. Raises httpcore.ConnectError or ConnectTimeout."""
        fault: Exception = httpcore.ConnectError("no address")
        for address in self._addresses:
            left = _left(self._deadline, httpcore.ConnectTimeout)
            try:
                return _Bounded(self._backend.connect_tcp(address, port, left), self._deadline)
            except (httpcore.ConnectError, httpcore.ConnectTimeout) as error:
                fault = error
        raise fault


class _Bounded(httpcore.NetworkStream):
    """A connection whose every step gets only what is left of the whole time."""

    def __init__(self, stream: httpcore.NetworkStream, deadline: float) -> None:
        self._stream = stream
        self._deadline = deadline

    def read(self, max_bytes: int, timeout: float | None = None) -> bytes:
        return self._stream.read(max_bytes, _left(self._deadline, httpcore.ReadTimeout))

    def write(self, buffer: bytes, timeout: float | None = None) -> None:
        self._stream.write(buffer, _left(self._deadline, httpcore.WriteTimeout))

    def close(self) -> None:
        self._stream.close()

    def start_tls(
        self, ssl_context: ssl.SSLContext, server_hostname: str | None = None, timeout: float | None = None
    ) -> httpcore.NetworkStream:
        left = _left(self._deadline, httpcore.ConnectTimeout)
        return _Bounded(self._stream.start_tls(ssl_context, server_hostname, left), self._deadline)

    def get_extra_info(self, info: str) -> object:
        return self._stream.get_extra_info(info)


def _left(deadline: float, timed_out: type[Exception]) -> float:
    left = deadline - time.monotonic()
    if left <= 0:
        raise timed_out("the whole exchange took too long")
    return left
