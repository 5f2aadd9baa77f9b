"""Who broke the glass, for those who must know: the author of the outcome, and those who review it."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from sqlalchemy import ColumnElement, and_, case, or_
from sqlmodel import Session, col, select

from app.db import as_service
from app.encryption import decrypt
from app.errors import DomainError
from app.outcomes import reading
from app.outcomes.break_glass import reason_place
from app.outcomes.break_glass_rules import REVIEW_WITHIN
from app.outcomes.break_glass_tables import BreakGlass, BreakGlassReview
from app.outcomes.tables import Outcome
from app.people import policy
from app.people import queries as people
from app.people.rules import Actor, Denied
from app.people.tables import Account, Organisation
from app.sites.queries import site_by_id


@dataclass(frozen=True, slots=True)
class Finding:
    """What somebody found who looked into it, by name."""

    finding: str
    by: str
    at: datetime


@dataclass(frozen=True, slots=True)
class GlassView:
    """That somebody opened an outcome in an emergency, with the reason in their words.

    roles: of the teams that the person was in when they did. is_address_confidential: of the child.
    """

    glass: BreakGlass
    reference: str
    site: str
    by: str
    organisation: str
    reason: str
    review: Finding | None
    roles: frozenset[str]
    is_address_confidential: bool


def glass_broken_on(session: Session, outcome: Outcome) -> list[GlassView]:
    """Every time on this outcome, oldest first. For its author."""
    wanted = select(BreakGlass).where(BreakGlass.outcome_id == outcome.id).order_by(col(BreakGlass.id))
    return _views(session, session.exec(wanted).all())


@as_service
def review_list(
    session: Session, actor: Actor, *, after: UUID | None = None, limit: int = 50, now: datetime
) -> list[GlassView]:
    """What `actor` reviews: what has waited for longer than a week first, then the newest; done ones too.

    A site's lead sees their site, a privacy officer the sites of that role. Raises Denied for everyone else.
    """
    sites = policy.reviews_at(actor)
    if not sites:
        raise Denied(
            actor_id=actor.account_id, action="list-break-glass", object_type="break-glass", object_id="break-glass"
        )
    wanted = select(BreakGlass).outerjoin(BreakGlassReview).join(Outcome, col(Outcome.id) == col(BreakGlass.outcome_id))
    if None not in sites:
        wanted = wanted.where(col(Outcome.site_id).in_(sites))
    overdue = case((_is_overdue(now), 1), else_=0)
    if after is not None:
        last = session.exec(wanted.where(BreakGlass.id == after)).one_or_none()
        if last is None:
            raise DomainError("invalid", "The list was asked to go on after something that is not on it.")
        is_reviewed = session.get(BreakGlassReview, last.id) is not None
        was_overdue = int(not is_reviewed and last.broken_at < now - REVIEW_WITHIN)
        wanted = wanted.where(or_(overdue < was_overdue, and_(overdue == was_overdue, col(BreakGlass.id) < after)))
    return _views(session, session.exec(wanted.order_by(overdue.desc(), col(BreakGlass.id).desc()).limit(limit)).all())


def _is_overdue(now: datetime) -> ColumnElement[bool]:
    return and_(col(BreakGlassReview.break_glass_id).is_(None), col(BreakGlass.broken_at) < now - REVIEW_WITHIN)


def _views(session: Session, rows: Sequence[BreakGlass]) -> list[GlassView]:
    return [_view(session, row) for row in rows]


def _view(session: Session, glass: BreakGlass) -> GlassView:
    outcome = session.get_one(Outcome, glass.outcome_id)
    person = session.get_one(Account, glass.account_id)
    review = session.get(BreakGlassReview, glass.id)
    found = None
    if review is not None:
        found = Finding(review.finding, session.get_one(Account, review.reviewed_by).name, review.reviewed_at)
    return GlassView(
        glass=glass,
        reference=outcome.reference,
        site=site_by_id(session, outcome.site_id).code,
        by=person.name,
        organisation=session.get_one(Organisation, person.organisation_id).name,
        reason=decrypt(session, outcome.id, reason_place(glass.id), glass.reason_encrypted).decode("utf-8"),
        review=found,
        roles=people.team_roles_at(session, person.id, glass.broken_at),
        is_address_confidential=reading.is_address_confidential(session, outcome.id),
    )
