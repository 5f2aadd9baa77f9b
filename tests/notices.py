"""One notice, and the webhook channel that sends it to the tests' own receivers."""

from datetime import UTC, datetime
from uuid import UUID

from app.deliveries.channels.webhook import Webhook
from app.deliveries.rules import Letterhead, Notification, notification_of, payload_of

SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
ID = UUID("01890000-0000-7000-8000-000000000001")
PAYLOAD = payload_of(Letterhead("Sameday", "https://sameday.example"), "7Q4K-2P")


def real_now() -> datetime:
    return datetime.now(UTC)


def webhook(timeout: float = 5, *, allow_private: bool = True) -> Webhook:
    """Our receivers stand on this machine, so private addresses are allowed unless a test says otherwise."""
    return Webhook(timeout, real_now, allow_private=allow_private)


def notice(address: str, secret: str | None = SECRET) -> Notification:
    return notification_of(ID, address, PAYLOAD, secret)
