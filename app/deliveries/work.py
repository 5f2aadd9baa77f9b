"""The work that this stage hands to the durable engine, each piece under a fixed id: a repeat is harmless."""

from datetime import timedelta
from uuid import UUID

from app.engine import DOCUMENT_QUEUE, Work


def share(version_id: UUID) -> Work:
    """Make the document of a signed version, then tell its recipients."""
    return Work("share", f"share:{version_id}", [str(version_id)], queue=DOCUMENT_QUEUE)


def share_withdrawal(outcome_id: UUID) -> Work:
    """Ask everyone who was ever told of this outcome to delete it."""
    return Work("share_withdrawal", f"share_withdrawal:{outcome_id}", [str(outcome_id)])


def deliver(delivery_id: UUID, number: int, delay: timedelta = timedelta()) -> Work:
    """Try for the `number`-th time (from 1) to tell one recipient by one channel."""
    return Work("deliver", f"deliver:{delivery_id}:{number}", [str(delivery_id), number], delay)


def deliver_by_hand(delivery_id: UUID, number: int) -> Work:
    """The same try, at once, because a person asked; the id differs as the automatic one may be waiting its time."""
    return Work("deliver", f"deliver:{delivery_id}:{number}:by-hand", [str(delivery_id), number])


def escalate(delivery_id: UUID, step: int, delay: timedelta = timedelta()) -> Work:
    """Look whether anyone has acknowledged; if not, tell the next in the site's chain (`step` counts from 0)."""
    return Work("escalate", f"escalate:{delivery_id}:{step}", [str(delivery_id), step], delay)
