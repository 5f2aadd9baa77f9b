"""From the stages to the wire, as `translate` does: who opened an outcome in an emergency."""

from collections.abc import Sequence
from typing import Any

from app.api.access_schemas import GlassMail, GlassOnOutcome, GlassTold, ReviewTold
from app.api.translate import attempts_told
from app.deliveries.queries import Mail
from app.documents.labels import ORGANISATION_WITHHELD, ROLES_WITHOUT_NAME_WHEN_ADDRESS_IS_CONFIDENTIAL
from app.outcomes.break_glass_list import GlassView


def glass_told(view: GlassView) -> GlassTold:
    """A broken glass, for those who review it; without an organisation that would give the child's area away."""
    members = _members(view)
    if view.is_address_confidential and view.roles & ROLES_WITHOUT_NAME_WHEN_ADDRESS_IS_CONFIDENTIAL:
        members["organisation"] = ORGANISATION_WITHHELD
    return GlassTold(**members)


def glass_on_outcome(view: GlassView, mails: Sequence[Mail]) -> GlassOnOutcome:
    """The same for the author of the outcome, with the mails that told of it."""
    return GlassOnOutcome(
        **_members(view),
        mails=[
            GlassMail(
                delivery_id=one.delivery_id,
                purpose=one.purpose,
                status=one.status,
                attempts=attempts_told(one.attempts, is_author=True),
            )
            for one in mails
        ],
    )


def _members(view: GlassView) -> dict[str, Any]:
    glass, review = view.glass, view.review
    return {
        "id": glass.id,
        "reference": view.reference,
        "site": view.site,
        "by": view.by,
        "organisation": view.organisation,
        "reason_code": glass.reason_code,
        "reason": view.reason,
        "at": glass.broken_at,
        "until": glass.until_at,
        "times_by_person": glass.times_by_person,
        "times_on_child": glass.times_on_child,
        "is_repeated": glass.is_repeated,
        "review": ReviewTold(finding=review.finding, by=review.by, at=review.at) if review else None,
    }
