"""Signed versions: sign the draft, read what was signed."""

from http import HTTPStatus

from fastapi import APIRouter, Response

from app import engine
from app.api.answers import PREFIX, answer
from app.api.body import StrictRoute
from app.api.idempotency import OnceOnly
from app.api.lookup import outcome_id_of
from app.api.minimum import shown_of
from app.api.preconditions import Revision, etag
from app.api.schemas import Sign, Tombstone, VersionSummary, VersionTold
from app.api.translate import version_summary, version_told, withdrawal_told
from app.api.values import NumberInPath, OutcomeInPath
from app.deliveries import actions as deliveries
from app.deliveries import work
from app.documents import queries as documents
from app.doors import FRESH, READS, CurrentActor, DbSession, LoadedForms, Now
from app.outcomes import queries, signing

router = APIRouter(
    prefix=f"{PREFIX}/outcomes/{{outcome}}/versions",
    route_class=StrictRoute,
    tags=["versions"],
)


@router.post("", status_code=201, operation_id="sign-version", dependencies=[FRESH], response_model=VersionSummary)
def sign_version(
    outcome: OutcomeInPath,
    body: Sign,
    revision: Revision,
    once: OnceOnly,
    session: DbSession,
    actor: CurrentActor,
    forms: LoadedForms,
    now: Now,
) -> Response:
    """Sign the draft. From here on its document is made and its recipients are told, whatever happens to the service.

    The version, its audit event and the work are one transaction; the answer comes after its commit.
    """

    def act() -> Response:
        version = signing.sign(
            session,
            actor,
            outcome_id=outcome_id_of(session, actor, outcome, "sign"),
            revision=revision,
            **body.model_dump(),
            forms=forms,
            now=now,
        )
        session.flush()
        engine.enqueue(session, work.share(version.id))
        # Kept for a repeat of the call, and so without clinical prose.
        told = version_summary(version, None, amendment_reason=None)
        return answer(told, location=f"/outcomes/{outcome}/versions/{version.number}")

    return once(act)


@router.get("/{number}", operation_id="read-version", dependencies=[READS], response_model=VersionTold | Tombstone)
def read_version(
    outcome: OutcomeInPath, number: NumberInPath, session: DbSession, actor: CurrentActor, now: Now
) -> Response:
    """What was signed, as far as it is for you: `withheld` lists what is left out.

    Reading is audited, and marks what came to you as opened.

    Of a withdrawn outcome only the tombstone is left, for its author too.
    """
    outcome_id = outcome_id_of(session, actor, outcome, "read-version")
    view = queries.read_version(session, actor, outcome_id, int(number), now)
    deliveries.mark_opened(session, actor, version_id=view.version.id, now=now)
    if view.withdrawal is not None:
        withdrawn = withdrawal_told(view.withdrawal)
        tombstone = Tombstone(reference=view.outcome.reference, number=view.version.number, withdrawn=withdrawn)
        return answer(tombstone, HTTPStatus.OK)
    facts = documents.facts_of(session, [view.version.id])
    told = version_told(view, facts.get(view.version.id), shown_of(session, actor, view, now))
    return answer(told, HTTPStatus.OK, etag=etag(view.version.content_sha256))
