"""What crosses the wire of access: opening an outcome to a colleague, breaking the glass, and looking into it."""

from datetime import datetime
from typing import Literal
from uuid import UUID

from pydantic import Field

from app.api.delivery_schemas import AttemptTold, DeliveryTold
from app.api.schemas import Listed, Told
from app.api.values import Code, Line, Moment, Prose, Sent

Kind = Literal["author", "co-examiner", "recipient", "given", "break-glass"]


class OpenOutcome(Sent):
    """Open an outcome to a colleague. Name a person or a team, and not both."""

    kind: Literal["co-examiner", "given"] = Field(
        description="co-examiner: a clinician of the site, reads the draft too; given: reads what is signed"
    )
    email: Line | None = Field(default=None, examples=["tom.lyle@meon-trust.example"])
    team: Code | None = Field(default=None, description="Code of a team; not for a co-examiner")
    reason: Prose
    until: Moment | None = Field(default=None, description="When it ends by itself; none: when you end it")


class Opened(Told):
    """The grant that was made. The reason is not repeated: this is kept for a repeat of the call."""

    id: UUID
    kind: Kind
    from_at: datetime
    until_at: datetime | None


class OutcomeGrantTold(Told):
    """To whom the outcome is open, why, from when and until when. For its author."""

    id: UUID
    kind: Kind
    email: str | None = Field(description="Of the person; none for a team")
    team: str | None = Field(description="Code of the team; none for a person")
    name: str
    reason: str
    granted_by: str | None
    from_at: datetime
    until_at: datetime | None


class BreakTheGlass(Sent):
    """Open a signed outcome in an emergency. The author and the site's lead are told at once."""

    reason_code: Literal["child-at-risk-now", "named-recipient-absent", "cover", "other"]
    reason: Prose = Field(description="At least 20 visible characters, in words that others will read")


class GlassBroken(Told):
    """It is open to you, to read, until then."""

    id: UUID
    until: datetime
    is_repeated: bool = Field(description="That this was not the first time is pointed out to those who are told")


class ReviewBreakGlass(Sent):
    """What you found."""

    finding: Literal["appropriate", "inappropriate", "unclear"]
    note: Prose | None = None


class ReviewTold(Told):
    """What somebody found who looked into it."""

    finding: str
    by: str
    at: datetime


class Reviewed(Told):
    """What you found is recorded."""

    finding: str
    at: datetime


class GlassTold(Told):
    """Somebody opened an outcome in an emergency."""

    id: UUID
    reference: str
    site: str
    by: str
    organisation: str
    reason_code: str
    reason: str
    at: datetime
    until: datetime
    times_by_person: int
    times_on_child: int
    is_repeated: bool
    review: ReviewTold | None


class GlassMail(Told):
    """A mail that told of it."""

    delivery_id: UUID
    purpose: str = Field(description="glass-author, glass-site-lead or glass-officer: whom it told")
    status: str
    attempts: list[AttemptTold]


class GlassOnOutcome(GlassTold):
    """The same, with the mails that told of it."""

    mails: list[GlassMail]


class DeliveriesTold(Listed[DeliveryTold]):
    """The deliveries of an outcome, and for its author who opened it in an emergency."""

    break_glass: list[GlassOnOutcome] = Field(description="For the author of the outcome only")
