"""Who did what to what, when; reads and refusals too. Ids and field names only, never a value.

Each event is linked to the one before it by its hash, and the end of the chain is signed outside the database
(docs/decisions/0009-tamper-evident-audit.md).
"""

from app.audit.events import (
    AuditEvent,
    Recorded,
    Result,
    link,
    name_means,
    record,
    record_failures,
    record_listing,
    recorded,
)
from app.audit.queries import events_of, listings_of

__all__ = [
    "AuditEvent",
    "Recorded",
    "Result",
    "events_of",
    "link",
    "listings_of",
    "name_means",
    "record",
    "record_failures",
    "record_listing",
    "recorded",
]
