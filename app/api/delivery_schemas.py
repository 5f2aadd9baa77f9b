"""What crosses the wire of deliveries: bodies that recipients send, and who was told, who has it, what waits."""

from datetime import datetime
from typing import Literal
from uuid import UUID

from pydantic import Field

from app.api.schemas import RecipientNamed, Told
from app.api.values import Prose, Sent


class Acknowledge(Sent):
    """'I have it'; for a withdrawal 'I have deleted it'."""

    helpfulness: Literal["very", "partly", "not"] | None = None
    note: Prose | None = None


class SayNotMine(Sent):
    """'This is not for me'."""

    note: Prose | None = None


class AttemptTold(Told):
    """One try to tell a recipient. detail: what the other side said; for the author of the outcome only."""

    number: int
    started_at: datetime
    ended_at: datetime
    result: str
    detail: str | None


class AcknowledgementTold(Told):
    """Who has it, since when, and whether it helped."""

    by: str
    at: datetime
    helpfulness: str | None
    note: str | None


class NotMineTold(Told):
    """Who said that it is not for them."""

    by: str
    at: datetime
    note: str | None


class EscalationTold(Told):
    """Whom silence was taken to. told: by role, never by address."""

    step: int
    at: datetime
    told: str
    status: str = Field(description="Of the mail that told them")
    delivery_id: UUID | None = Field(description="Of that mail, for another try; for the author of the outcome only")
    attempts: list[AttemptTold] = Field(description="At that mail; for the author of the outcome only")


class NotMineMail(Told):
    """A mail that told someone of a 'not mine'."""

    delivery_id: UUID
    purpose: str = Field(description="not-mine-author or not-mine-team: whom it told")
    status: str
    attempts: list[AttemptTold]


class DeliveryTold(Told):
    """The duty to tell one recipient by one channel, and how it goes."""

    id: UUID
    recipient: RecipientNamed
    channel: str
    purpose: str
    version: int
    status: str
    queued_at: datetime
    opened_at: datetime | None
    attempts: list[AttemptTold]
    acknowledged: AcknowledgementTold | None
    escalations: list[EscalationTold]
    not_mine: NotMineTold | None
    not_mine_mails: list[NotMineMail] = Field(description="On the in-app delivery; for the author of the outcome only")


class InboxItem(Told):
    """Something waits. No clinical content."""

    delivery_id: UUID
    reference: str
    version: int
    purpose: str
    received_at: datetime
    opened_at: datetime | None
    acknowledged_at: datetime | None
    not_mine_at: datetime | None


class RetryTold(Told):
    """Another try will be made."""

    delivery_id: UUID
    status: str
