"""Answers only under the service's own names, so that no forged Host header is ever believed by anything inside.

Links are made of the setting `base_url` alone; this is the second line of defence (security.md, 5.2).
"""

import re
from collections.abc import Collection
from ipaddress import ip_address
from urllib.parse import urlsplit

from starlette.types import ASGIApp, Receive, Scope, Send

from app.api.refusals import refuse_unread
from app.errors import DomainError

# Probes of containers and of load balancers ask by address. Nothing personal is behind these, and no link is in them.
OPEN_PATHS = frozenset({"/healthz", "/readyz", "/metrics"})
_LOOPBACK_NAMES = frozenset({"localhost", "127.0.0.1", "::1"})
# A name or IPv4 address, or an IPv6 address in brackets; a port, which may be any (proxies have their own).
_HOST = re.compile(rb"(?:\[([0-9A-Fa-f:.]+)\]|([A-Za-z0-9._-]+))(?::[0-9]{1,5})?")


class OwnHosts:
    """Refuses calls for other hosts with 421 wrong-host, before anything else looks at them.

    base_url: its host is ours; when that is a loopback name, all loopback names are. names: further names of ours.
    """

    def __init__(self, app: ASGIApp, *, base_url: str, names: Collection[str] = ()) -> None:
        self._app = app
        own = (urlsplit(base_url).hostname or "").lower()
        self._names = frozenset({own, *(name.lower().strip("[]") for name in names)})
        if _is_loopback(own):
            self._names |= _LOOPBACK_NAMES

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or scope["path"] in OPEN_PATHS or self._is_ours(scope):
            await self._app(scope, receive, send)
            return
        error = DomainError("wrong-host", "This service does not answer under that name.")
        await refuse_unread(scope, receive, send, error)

    def _is_ours(self, scope: Scope) -> bool:
        hosts = [value for name, value in scope["headers"] if name == b"host"]
        found = _HOST.fullmatch(hosts[0]) if len(hosts) == 1 else None
        if found is None:
            return False
        return (found[1] or found[2]).decode("ascii").lower().rstrip(".") in self._names


def _is_loopback(name: str) -> bool:
    try:
        return ip_address(name).is_loopback
    except ValueError:
        return name == "localhost"
