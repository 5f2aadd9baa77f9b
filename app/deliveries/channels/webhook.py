"""Signed webhooks, as https://www.standardwebhooks.com describes them."""

import ipaddress
import json
import time
from collections.abc import Callable
from datetime import datetime, timedelta
from email.utils import parsedate_to_datetime

import httpcore
import httpx
from standardwebhooks.webhooks import EmptyWebhookSecretError
from standardwebhooks.webhooks import Webhook as Signer

from app.deliveries.channels import Failed, Sent
from app.deliveries.channels.peer import CheckedAddresses, addresses_of, is_public
from app.deliveries.rules import Notification

EVENT_TYPE = "document.waiting"
"""One type for first, amended and withdrawn documents: the outside must not tell them apart (domain.md, 4.3)."""

_LATER = frozenset({408, 425, 429})
_HTTPS_PORT = 443
_PORTS = 65536
_NOT_REACHED = (httpcore.TimeoutException, httpcore.NetworkError, httpcore.ProtocolError)


class Webhook:
    """A receiver of another organisation. It is told that something waits, and never what.

    timeout_seconds bounds the whole exchange with it, from connecting to the status. clock says when the message is
    signed. allow_private: also receivers on private networks, and over http on this machine. Otherwise only those on
    the public network are spoken to, so that nobody can point us at a neighbour that trusts us.
    """

    def __init__(self, timeout_seconds: float, clock: Callable[[], datetime], *, allow_private: bool = False) -> None:
        self._timeout_seconds = timeout_seconds
        self._clock = clock
        self._allow_private = allow_private
        # No certificates from the environment: the process trusts only what it came with.
        self._tls = httpx.create_ssl_context(trust_env=False)

    def send(self, notification: Notification) -> Sent | Failed:
        """POST the signed notice. 2xx is sent; 4xx (but 408, 425, 429) is permanent; all else is tried again."""
        url = _url(notification.address, allow_http=self._allow_private)
        if url is None:
            return Failed(True, "the address is not https")
        if url.userinfo:
            return Failed(True, "the address holds a password; the signature is the proof that it is us")
        now = self._clock()
        body = _body(notification, now).encode()
        try:
            headers = _headers(notification, now, body.decode())
        except (EmptyWebhookSecretError, ValueError):
            return Failed(True, "the team has no secret, or not one that can be used")
        deadline = time.monotonic() + self._timeout_seconds
        try:
            addresses = addresses_of(url.raw_host.decode("ascii"), url.port or _HTTPS_PORT)
            if not self._allow_private and not all(is_public(address) for address in addresses):
                return Failed(True, "the address is not on the public network")
            return self._post(url, CheckedAddresses(addresses, deadline), headers, body, now)
        except ValueError as error:
            # UnicodeError is one: a name that the name service cannot even be asked for.
            return Failed(True, f"the address cannot be used: {type(error).__name__}")
        except (*_NOT_REACHED, OSError) as error:
            return Failed(False, f"receiver not reached: {type(error).__name__}")

    def _post(
        self, url: httpx.URL, network: CheckedAddresses, headers: dict[str, str], body: bytes, now: datetime
    ) -> Sent | Failed:
        target = httpcore.URL(scheme=url.raw_scheme, host=url.raw_host, port=url.port, target=url.raw_path)
        lines = httpx.Headers({"host": url.netloc.decode("ascii"), **headers}).raw
        # The answer's body is never read, so it cannot be too long. Redirects are not followed.
        with (
            httpcore.ConnectionPool(ssl_context=self._tls, network_backend=network) as connections,
            connections.stream("POST", target, headers=lines, content=body) as response,
        ):
            return _result(response, now)


def _url(address: str, *, allow_http: bool) -> httpx.URL | None:
    """The address, if it is https; or http to this machine, where that is allowed."""
    try:
        url = httpx.URL(address)
    except (httpx.InvalidURL, ValueError):
        return None
    is_allowed = url.scheme == "https" or (allow_http and url.scheme == "http" and _is_loopback(url.host))
    has_port = url.port is None or 0 < url.port < _PORTS
    return url if url.host and has_port and is_allowed else None


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def _body(notification: Notification, now: datetime) -> str:
    return json.dumps(
        {
            "type": EVENT_TYPE,
            "timestamp": now.isoformat(timespec="seconds").replace("+00:00", "Z"),
            "data": {
                "reference": notification.reference,
                "link": notification.link,
                "delivery_id": str(notification.delivery_id),
            },
        }
    )


def _headers(notification: Notification, now: datetime, body: str) -> dict[str, str]:
    message_id = str(notification.delivery_id)
    return {
        "content-type": "application/json",
        "webhook-id": message_id,
        "webhook-timestamp": str(int(now.timestamp())),
        "webhook-signature": Signer(notification.secret or "").sign(message_id, now, body),
    }


def _result(response: httpcore.Response, now: datetime) -> Sent | Failed:
    status = response.status
    if 200 <= status < 300:
        return Sent(f"HTTP {status}")
    permanent = 400 <= status < 500 and status not in _LATER
    asked = httpx.Headers(response.headers).get("retry-after")
    return Failed(permanent, f"HTTP {status}", _wait_asked(asked, now))


def _wait_asked(header: str | None, now: datetime) -> timedelta:
    """Retry-After (RFC 9110, 10.2.3): seconds or a date. What cannot be read asks for nothing."""
    if header is None:
        return timedelta()
    try:
        wait = timedelta(seconds=int(header)) if header.isdecimal() else parsedate_to_datetime(header) - now
    except (ValueError, TypeError, OverflowError):
        return timedelta()
    return max(wait, timedelta())
