"""The draft: what is being written. Only its author sees it; it is never sent to anyone."""

from http import HTTPStatus

from fastapi import APIRouter, Response

from app.api.answers import PREFIX, answer
from app.api.body import StrictRoute
from app.api.idempotency import OnceOnly
from app.api.lookup import outcome_id_of
from app.api.preconditions import Revision, etag
from app.api.schemas import AmendmentBegun, DraftTold, FormNamed, SaveDraft
from app.api.translate import draft_told
from app.api.values import OutcomeInPath
from app.doors import WRITES, CurrentActor, DbSession, LoadedForms, Now
from app.outcomes import actions, queries
from app.outcomes.queries import DraftView

router = APIRouter(
    prefix=f"{PREFIX}/outcomes/{{outcome}}", route_class=StrictRoute, tags=["drafts"], dependencies=[WRITES]
)


@router.get("/draft", operation_id="read-draft", response_model=DraftTold)
def read_draft(
    outcome: OutcomeInPath, session: DbSession, actor: CurrentActor, forms: LoadedForms, now: Now
) -> Response:
    """The draft, what is still missing, and who will be told when it is signed. Its ETag is its revision."""
    outcome_id = outcome_id_of(session, actor, outcome, "read-draft")
    return _answer(queries.draft_for(session, actor, outcome_id, forms, now))


@router.put("/draft", operation_id="save-draft", response_model=DraftTold)
def save_draft(
    outcome: OutcomeInPath,
    body: SaveDraft,
    revision: Revision,
    session: DbSession,
    actor: CurrentActor,
    forms: LoadedForms,
    now: Now,
) -> Response:
    """Save all answers. Wrong ones are refused with a pointer each; what is only missing is listed, not refused."""
    outcome_id = outcome_id_of(session, actor, outcome, "save-draft")
    view = actions.save_draft(
        session, actor, outcome_id=outcome_id, revision=revision, answers=body.answers, forms=forms, now=now
    )
    return _answer(view)


@router.delete("/draft", status_code=204, operation_id="discard-draft")
def discard_draft(
    outcome: OutcomeInPath, revision: Revision, session: DbSession, actor: CurrentActor, now: Now
) -> None:
    """Throw the draft away. Signed versions stay."""
    outcome_id = outcome_id_of(session, actor, outcome, "discard-draft")
    actions.discard_draft(session, actor, outcome_id=outcome_id, revision=revision, now=now)


@router.post("/amendment", status_code=201, operation_id="begin-amendment", response_model=AmendmentBegun)
def begin_amendment(
    outcome: OutcomeInPath, once: OnceOnly, session: DbSession, actor: CurrentActor, forms: LoadedForms, now: Now
) -> Response:
    """Start a new version with the answers and the form version of the last one."""

    def act() -> Response:
        outcome_id = outcome_id_of(session, actor, outcome, "begin-amendment")
        view = actions.begin_amendment(session, actor, outcome_id=outcome_id, forms=forms, now=now)
        location = f"/outcomes/{view.outcome.reference}/draft"
        begun = AmendmentBegun(
            revision=view.draft.revision,
            form=FormNamed(name=view.outcome.form_name, version=view.draft.form_version),
            amends_number=view.draft.amends_number,
        )
        return answer(begun, location=location, etag=etag(view.draft.revision))

    return once(act)


def _answer(view: DraftView) -> Response:
    return answer(draft_told(view), HTTPStatus.OK, etag=etag(view.draft.revision))
