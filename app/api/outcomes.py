"""Outcomes: begin one, list them, read where one stands, take one back, note the full report."""

from http import HTTPStatus
from typing import Annotated, Literal

from fastapi import APIRouter, Query, Response

from app import audit, engine
from app.api.answers import PREFIX, about, answer
from app.api.body import StrictRoute
from app.api.idempotency import OnceOnly
from app.api.lookup import outcome_id_of
from app.api.pagination import PageAsked
from app.api.schemas import (
    BeginOutcome,
    Begun,
    FormalReportTold,
    FormNamed,
    Listed,
    OutcomeSummary,
    OutcomeTold,
    RecordFormalReport,
    Withdraw,
    WithdrawalTold,
)
from app.api.translate import outcome_summary, version_summary, withdrawal_told
from app.api.values import OutcomeInPath
from app.deliveries import work
from app.documents import queries as documents
from app.doors import FRESH, READS, WRITES, CurrentActor, DbSession, LoadedForms, Now
from app.outcomes import actions, closing, queries
from app.outcomes.contents import amendment_reason, open_withdrawal
from app.sites import queries as sites

router = APIRouter(prefix=f"{PREFIX}/outcomes", route_class=StrictRoute, tags=["outcomes"])


@router.post(
    "",
    status_code=201,
    operation_id="begin-outcome",
    dependencies=[WRITES],
    response_model=Begun,
    responses={200: {"model": Begun, "description": "It was begun before, by you, under the same id"}},
)
def begin_outcome(
    body: BeginOutcome,
    once: OnceOnly,
    session: DbSession,
    actor: CurrentActor,
    forms: LoadedForms,
    now: Now,
) -> Response:
    """Begin an outcome at a site where you are a clinician. Its draft is empty and has revision 1."""

    def act() -> Response:
        with about("/site"):
            site = sites.site_by_code(session, body.site)
        form = forms.latest(body.form)
        begun = actions.begin(session, actor, outcome_id=body.id, site=site, form=form, now=now)
        told = Begun(
            id=begun.outcome.id,
            reference=begun.outcome.reference,
            site=site.code,
            form=FormNamed(name=form.name, version=form.version),
        )
        status = HTTPStatus.CREATED if begun.is_new else HTTPStatus.OK
        return answer(told, status, location=f"/outcomes/{begun.outcome.reference}")

    return once(act)


@router.get("", operation_id="list-outcomes", dependencies=[READS])
def list_outcomes(
    page: PageAsked,
    session: DbSession,
    actor: CurrentActor,
    now: Now,
    state: Annotated[Literal["draft", "signed", "withdrawn"] | None, Query(description="Only those")] = None,
) -> Listed[OutcomeSummary]:
    """The outcomes you wrote or were granted, newest first."""
    found = queries.list_outcomes(session, actor, state=state, after=page.after, limit=page.with_next, now=now)
    shown = found[: page.limit]
    audit.record_listing(
        session, now=now, actor_id=actor.account_id, action="list-outcomes", ids=[one.outcome.id for one in shown]
    )
    return Listed(
        items=[outcome_summary(one) for one in shown],
        next=page.next_after([one.outcome.id for one in found]),
    )


@router.get("/{outcome}", operation_id="read-outcome", dependencies=[READS])
def read_outcome(outcome: OutcomeInPath, session: DbSession, actor: CurrentActor, now: Now) -> OutcomeTold:
    """Where an outcome stands, without its answers."""
    outcome_id = outcome_id_of(session, actor, outcome, "read-outcome")
    found = queries.outcome_for(session, actor, outcome_id, now, action="read-outcome")
    audit.record(
        session,
        now=now,
        actor_id=actor.account_id,
        action="read-outcome",
        object_type="outcome",
        object_id=found.id,
    )
    overview = queries.overview(session, actor, found, now)
    facts = documents.facts_of(session, [version.id for version in overview.versions])
    return OutcomeTold(
        **outcome_summary(overview).model_dump(),
        versions=[
            version_summary(
                version,
                facts.get(version.id),
                amendment_reason=None if overview.withdrawal else amendment_reason(session, version),
            )
            for version in overview.versions
        ],
        withdrawal=withdrawal_told(open_withdrawal(session, overview.withdrawal)) if overview.withdrawal else None,
    )


@router.post(
    "/{outcome}/withdrawal",
    status_code=201,
    operation_id="withdraw-outcome",
    dependencies=[FRESH],
    response_model=WithdrawalTold,
)
def withdraw_outcome(
    outcome: OutcomeInPath, body: Withdraw, once: OnceOnly, session: DbSession, actor: CurrentActor, now: Now
) -> Response:
    """Take the outcome back, all versions of it, for good. Everyone who was told is asked to delete it."""

    def act() -> Response:
        outcome_id = outcome_id_of(session, actor, outcome, "withdraw")
        withdrawal = closing.withdraw(session, actor, outcome_id=outcome_id, **body.model_dump(), now=now)
        session.flush()
        engine.enqueue(session, work.share_withdrawal(outcome_id))
        # Kept for a repeat of the call, and so without clinical prose.
        return answer(withdrawal_told(withdrawal, without_reason=True))

    return once(act)


@router.put("/{outcome}/formal-report", operation_id="record-formal-report", dependencies=[WRITES])
def record_formal_report(
    outcome: OutcomeInPath, body: RecordFormalReport, session: DbSession, actor: CurrentActor, now: Now
) -> FormalReportTold:
    """Note the day on which the full report was issued. It can be said once; the same day again is harmless.

    It takes no If-Match: nothing is ever replaced, so no update can be lost.
    """
    outcome_id = outcome_id_of(session, actor, outcome, "record-formal-report")
    report = closing.record_formal_report(session, actor, outcome_id=outcome_id, issued_on=body.issued_on, now=now)
    return FormalReportTold(issued_on=report.issued_on, recorded_at=report.recorded_at)
