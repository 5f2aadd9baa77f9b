"""To whom an outcome is open: the author names a co-examiner or gives it to a colleague, and ends that again."""

from uuid import UUID

from fastapi import APIRouter, Response

from app import audit
from app.api.access_schemas import Opened, OpenOutcome, OutcomeGrantTold
from app.api.answers import PREFIX, about, answer
from app.api.body import StrictRoute
from app.api.idempotency import OnceOnly
from app.api.lookup import outcome_id_of
from app.api.schemas import Listed
from app.api.values import IdInPath, OutcomeInPath
from app.doors import READS, WRITES, CurrentActor, DbSession, Now
from app.errors import DomainError
from app.outcomes import opening

router = APIRouter(prefix=f"{PREFIX}/outcomes/{{outcome}}/grants", route_class=StrictRoute, tags=["access"])


@router.post("", status_code=201, operation_id="open-outcome", dependencies=[WRITES], response_model=Opened)
def open_outcome(
    outcome: OutcomeInPath, body: OpenOutcome, once: OnceOnly, session: DbSession, actor: CurrentActor, now: Now
) -> Response:
    """Open the outcome to a co-examiner or a colleague. For its author. Nobody is notified: tell them yourself."""

    def act() -> Response:
        outcome_id = outcome_id_of(session, actor, outcome, "open-outcome")
        try:
            made = opening.open_to_colleague(session, actor, outcome_id=outcome_id, **body.model_dump(), now=now)
        except DomainError as error:
            if error.code != "unknown-team":
                raise
            with about("/team"):
                raise
        return answer(Opened(id=made.id, kind=made.kind, from_at=made.from_at, until_at=made.until_at))

    return once(act)


@router.get("", operation_id="list-outcome-grants", dependencies=[READS])
def list_outcome_grants(
    outcome: OutcomeInPath, session: DbSession, actor: CurrentActor, now: Now
) -> Listed[OutcomeGrantTold]:
    """To whom the outcome is and was open, oldest first. For its author."""
    outcome_id = outcome_id_of(session, actor, outcome, "list-outcome-grants")
    found = opening.list_grants(session, actor, outcome_id=outcome_id, now=now)
    audit.record(
        session,
        now=now,
        actor_id=actor.account_id,
        action="list-outcome-grants",
        object_type="outcome",
        object_id=outcome_id,
    )
    return Listed(
        items=[
            OutcomeGrantTold(
                id=one.id,
                kind=one.kind,
                email=one.email,
                team=one.team,
                name=one.name,
                reason=one.reason,
                granted_by=one.granted_by,
                from_at=one.from_at,
                until_at=one.until_at,
            )
            for one in found
        ]
    )


@router.delete("/{id}", status_code=204, operation_id="end-grant", dependencies=[WRITES])
def end_grant(outcome: OutcomeInPath, grant_id: IdInPath, session: DbSession, actor: CurrentActor, now: Now) -> None:
    """End at once what you gave. A repeat changes nothing."""
    outcome_id = outcome_id_of(session, actor, outcome, "end-grant")
    opening.end_grant(session, actor, outcome_id=outcome_id, grant_id=UUID(grant_id), now=now)
