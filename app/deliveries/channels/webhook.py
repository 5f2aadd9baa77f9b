"""Signed webhooks, as https://www.standardwebhooks.com describes them."""

import ipaddress
import json
from collections.abc import Callable
from datetime import datetime, timedelta
from email.utils import parsedate_to_datetime

import httpx
from standardwebhooks.webhooks import EmptyWebhookSecretError
from standardwebhooks.webhooks import Webhook as Signer

from app.deliveries.channels import Failed, Sent
from app.deliveries.rules import Notification

EVENT_TYPE = "document.waiting"
"""One type for first, amended and withdrawn documents: the outside must not tell them apart (domain.md, 4.3)."""

_LATER = frozenset({408, 425, 429})


class Webhook:
    """A receiver of another organisation. It is told that something waits, and never what.

    timeout_seconds bounds each exchange with it. clock says when the message is signed.
    """

    def __init__(self, timeout_seconds: float, clock: Callable[[], datetime]) -> None:
        self._clock = clock
        # No proxy or certificate from the environment: the process speaks only to what its settings name.
        self._client = httpx.Client(timeout=timeout_seconds, follow_redirects=False, trust_env=False)

    def send(self, notification: Notification) -> Sent | Failed:
        """POST the signed notice. 2xx is sent; 4xx (but 408, 425, 429) is permanent; all else is tried again."""
        if not _is_allowed(notification.address):
            return Failed(True, "the address is not https")
        now = self._clock()
        body = _body(notification, now)
        try:
            headers = _headers(notification, now, body)
        except (EmptyWebhookSecretError, ValueError):
            return Failed(True, "the team has no secret, or not one that can be used")
        try:
            # The answer's body is never read, so it cannot be too long.
            with self._client.stream("POST", notification.address, content=body, headers=headers) as response:
                return _result(response, now)
        except (httpx.HTTPError, httpx.InvalidURL, OSError) as error:
            return Failed(False, f"receiver not reached: {type(error).__name__}")

    def close(self) -> None:
        """Close the connections that are kept open."""
        self._client.close()


def _is_allowed(address: str) -> bool:
    try:
        url = httpx.URL(address)
    except httpx.InvalidURL:
        return False
    if url.scheme == "https":
        return bool(url.host)
    return url.scheme == "http" and _is_loopback(url.host)


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


def _result(response: httpx.Response, now: datetime) -> Sent | Failed:
    status = response.status_code
    if response.is_success:
        return Sent(f"HTTP {status}")
    permanent = 400 <= status < 500 and status not in _LATER
    return Failed(permanent, f"HTTP {status}", _wait_asked(response.headers.get("retry-after"), now))


def _wait_asked(header: str | None, now: datetime) -> timedelta:
    """Retry-After (RFC 9110, 10.2.3): seconds or a date. What cannot be read asks for nothing."""
    if header is None:
        return timedelta()
    try:
        wait = timedelta(seconds=int(header)) if header.isdecimal() else parsedate_to_datetime(header) - now
    except (ValueError, TypeError, OverflowError):
        return timedelta()
    return max(wait, timedelta())
