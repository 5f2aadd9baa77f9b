"""Pure rules of deliveries: which status may follow which, how long to wait before the next try, what a notice says."""

from dataclasses import dataclass
from datetime import timedelta
from typing import Any
from uuid import UUID

from app.errors import DomainError, Problem

OUTCOME = "outcome"
WITHDRAWAL = "withdrawal"

NOT_MINE_AUTHOR = "not-mine-author"
NOT_MINE_TEAM = "not-mine-team"

DOCUMENT = "document"
GLASS = "break-glass"
GLASS_AGAIN = "break-glass-again"

WORDS = {
    DOCUMENT: (
        "You have a new document in {service}",
        "You have a new document in {service}. Reference {reference}. Sign in to read it.",
    ),
    GLASS: (
        "Emergency access in {service}",
        "Someone used emergency access in {service}. Reference {reference}. Sign in to see who and why.",
    ),
    GLASS_AGAIN: (
        "Emergency access in {service}, repeated",
        "Someone used emergency access in {service}, and not for the first time. Reference {reference}. "
        "Sign in to see who and why.",
    ),
}
"""Subject and sentence of each kind of notice. The first is that of domain.md, 4.3, and is the same for a first, an
amended and a withdrawn document; the others are ours, and say as little."""

INBOX = "inbox"
EMAIL = "email"
WEBHOOK = "webhook"

MAY_BECOME: dict[str, frozenset[str]] = {
    "queued": frozenset({"sent", "dead", "cancelled"}),
    "sent": frozenset({"delivered", "bounced"}),
    # A mailbox may take a message and return it later (lessons.md, 13).
    "delivered": frozenset({"bounced"}),
    # Only a person opens these again, with a retry.
    "bounced": frozenset({"queued"}),
    "dead": frozenset({"queued"}),
    "cancelled": frozenset(),
}
"""Status of a delivery -> what it may become. Receipts that come twice or late therefore change nothing."""

BACK_OFF = (
    timedelta(),
    timedelta(seconds=30),
    timedelta(minutes=2),
    timedelta(minutes=10),
    timedelta(minutes=30),
    timedelta(hours=1),
    timedelta(hours=2),
    timedelta(hours=4),
    timedelta(hours=8),
    timedelta(hours=8),
    timedelta(hours=12),
    timedelta(hours=12),
)
"""Wait before each try, 48 hours in all: a mail server may be away for a weekend's day (lessons.md, 7). Ours."""

LONGEST_WAIT_ASKED = timedelta(hours=4)
"""We wait no longer than this because the other side asks for it (Retry-After)."""


HELPFULNESS = ("very", "partly", "not")
"""What a recipient may say of an outcome (domain.md Appendix a, H8)."""

LONGEST_NOTE = 2000


def predecessors(status: str) -> frozenset[str]:
    """The statuses from which a delivery may become `status`; the WHERE of every change of status."""
    return frozenset(before for before, after in MAY_BECOME.items() if status in after)


def wait_before(number: int, *, asked: timedelta = timedelta()) -> timedelta | None:
    """How long to wait before try `number` (from 1), or None when it is time for a person to look.

    asked: the least wait that the other side asked for.
    """
    if number > len(BACK_OFF):
        return None
    return max(BACK_OFF[number - 1], min(asked, LONGEST_WAIT_ASKED))


def chase_purpose(purpose: str, step: int) -> str:
    """The purpose of the mail that tells the chain's `step` (from 0) of the silence after `purpose`."""
    return f"chase-{purpose}-{step}"


def check_helpfulness(value: str | None) -> None:
    """Raise unknown-helpfulness unless `value` is None or one of HELPFULNESS."""
    if value is not None and value not in HELPFULNESS:
        sentence = f"Choose one of {', '.join(HELPFULNESS)}, or leave it out."
        problem = Problem("/helpfulness", "unknown-helpfulness", sentence)
        raise DomainError("unknown-helpfulness", sentence, problems=[problem])


def check_note(value: str | None) -> None:
    """Raise note-too-long for a note of more than LONGEST_NOTE characters."""
    if value is not None and len(value) > LONGEST_NOTE:
        sentence = f"Write at most {LONGEST_NOTE} characters."
        raise DomainError("note-too-long", sentence, problems=[Problem("/note", "note-too-long", sentence)])


def check_may_retry(status: str) -> None:
    """Raise delivery-not-waiting unless another try could change something."""
    if status not in ("queued", "dead", "bounced"):
        raise DomainError("delivery-not-waiting", "This delivery has arrived or was cancelled: nothing is to be sent.")


@dataclass(frozen=True, slots=True)
class Letterhead:
    """What every notice of this service bears: its name and where people reach it."""

    service_name: str
    base_url: str


@dataclass(frozen=True, slots=True)
class Notification:
    """One notice, ready to go out. It carries a random reference and a link: nothing of the child, ever."""

    delivery_id: UUID
    address: str
    service_name: str
    reference: str
    link: str
    secret: str | None = None
    words: str = DOCUMENT

    @property
    def subject(self) -> str:
        return WORDS[self.words][0].format(service=self.service_name)

    @property
    def text(self) -> str:
        """Fixed words (`WORDS`), and the link."""
        sentence = WORDS[self.words][1].format(service=self.service_name, reference=self.reference)
        return f"{sentence}\n\n{self.link}\n"


def payload_of(letterhead: Letterhead, reference: str) -> dict[str, Any]:
    """What is frozen with a delivery when it is queued, so that a late try says what the first one said."""
    return {
        "service_name": letterhead.service_name,
        "reference": reference,
        "link": f"{letterhead.base_url.rstrip('/')}/outcomes/{reference}",
    }


def notification_of(
    delivery_id: UUID, address: str | None, payload: dict[str, Any], secret: str | None
) -> Notification:
    """The notice for one delivery, from its frozen payload."""
    return Notification(
        delivery_id=delivery_id,
        address=address or "",
        service_name=payload["service_name"],
        reference=payload["reference"],
        link=payload["link"],
        secret=secret,
        words=payload.get("words", DOCUMENT),
    )
