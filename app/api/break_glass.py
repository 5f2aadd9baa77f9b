"""Emergencies: opening a signed outcome that was not for you, and looking into who did."""

from datetime import timedelta
from uuid import UUID

from fastapi import APIRouter, Response

from app import audit
from app.api.access_schemas import BreakTheGlass, GlassBroken, GlassTold, ReviewBreakGlass, Reviewed
from app.api.answers import PREFIX, answer
from app.api.body import StrictRoute
from app.api.idempotency import OnceOnly
from app.api.pagination import PageAsked
from app.api.schemas import Listed
from app.api.translate_access import glass_told
from app.api.values import IdInPath, OutcomeInPath
from app.deliveries.break_glass import tell_of_break_glass
from app.deliveries.rules import Letterhead
from app.doors import FRESH, SIGNED_IN, CurrentActor, DbSession, Now, SettingsGiven
from app.outcomes import break_glass as actions
from app.outcomes.break_glass_list import review_list
from app.outcomes.break_glass_rules import GlassRules
from app.settings import Settings

router = APIRouter(prefix=PREFIX, route_class=StrictRoute, tags=["access"])


@router.post(
    "/outcomes/{outcome}/break-glass",
    status_code=201,
    operation_id="break-glass",
    dependencies=[FRESH],
    response_model=GlassBroken,
)
def break_glass(
    outcome: OutcomeInPath,
    body: BreakTheGlass,
    once: OnceOnly,
    session: DbSession,
    actor: CurrentActor,
    now: Now,
    settings: SettingsGiven,
) -> Response:
    """Open a signed outcome in an emergency, to read, for an hour at most. Its author and the site's lead are told."""

    def act() -> Response:
        glass = actions.break_glass(
            session,
            actor,
            outcome=outcome,
            **body.model_dump(),
            rules=_rules(settings),
            now=now,
        )
        tell_of_break_glass(session, glass, Letterhead(settings.service_name, settings.base_url), now)
        return answer(GlassBroken(id=glass.id, until=glass.until_at, is_repeated=glass.is_repeated))

    return once(act)


@router.get("/break-glass", operation_id="list-break-glass", dependencies=[SIGNED_IN])
def list_break_glass(page: PageAsked, session: DbSession, actor: CurrentActor, now: Now) -> Listed[GlassTold]:
    """Who opened what in an emergency, for those who review it: what waits for longer than a week first."""
    found = review_list(session, actor, after=page.after, limit=page.with_next, now=now)
    shown = found[: page.limit]
    audit.record_listing(
        session,
        now=now,
        actor_id=actor.account_id,
        action="list-break-glass",
        ids=[one.glass.outcome_id for one in shown],
    )
    return Listed(items=[glass_told(one) for one in shown], next=page.next_after([one.glass.id for one in found]))


@router.post(
    "/break-glass/{id}/review",
    status_code=201,
    operation_id="review-break-glass",
    dependencies=[SIGNED_IN],
    response_model=Reviewed,
)
def review_break_glass(
    glass_id: IdInPath, body: ReviewBreakGlass, once: OnceOnly, session: DbSession, actor: CurrentActor, now: Now
) -> Response:
    """Say what you found. Once, for good; not for whoever opened it."""

    def act() -> Response:
        said = actions.review(session, actor, break_glass_id=UUID(glass_id), **body.model_dump(), now=now)
        return answer(Reviewed(finding=said.finding, at=said.reviewed_at))

    return once(act)


def _rules(settings: Settings) -> GlassRules:
    return GlassRules(
        lasts=timedelta(minutes=settings.break_glass_minutes),
        period=timedelta(days=settings.break_glass_period_days),
        by_person=settings.break_glass_often_by_person,
        on_child=settings.break_glass_often_on_child,
    )
