"""The sealed PDF of a version, and what an outsider may ask about one."""

from hashlib import sha256
from http import HTTPStatus
from typing import Annotated

from fastapi import APIRouter, Body, Response

from app import audit
from app.api.answers import PREFIX
from app.api.body import StrictRoute
from app.api.lookup import outcome_id_of
from app.api.minimum import check_may_have_document
from app.api.schemas import VerificationTold
from app.api.values import NumberInPath, OutcomeInPath
from app.deliveries import actions as deliveries
from app.documents import queries as documents
from app.doors import PUBLIC, READS, CurrentActor, DbSession, Now
from app.errors import DomainError
from app.outcomes import queries

VERIFICATION_PATH = f"{PREFIX}/verification"
PDF = "application/pdf"

router = APIRouter(prefix=PREFIX, route_class=StrictRoute, tags=["documents"])


@router.get(
    "/outcomes/{outcome}/versions/{number}/document",
    operation_id="read-document",
    dependencies=[READS],
    response_class=Response,
    responses={HTTPStatus.OK: {"content": {PDF: {"schema": {"type": "string", "format": "binary"}}}}},
)
def read_document(
    outcome: OutcomeInPath, number: NumberInPath, session: DbSession, actor: CurrentActor, now: Now
) -> Response:
    """The sealed PDF, byte for byte as it was sealed. 409 with Retry-After while it is being made.

    403 `document-withheld` if it holds more than you are shown of the version: a sealed document cannot be cut.
    """
    outcome_id = outcome_id_of(session, actor, outcome, "read-document")
    view = queries.read_version(session, actor, outcome_id, int(number), now)
    if view.withdrawal is not None:
        raise DomainError("outcome-withdrawn", "This outcome was withdrawn. Delete every copy of it.")
    check_may_have_document(session, actor, view, now)
    document = documents.document_of(session, view.version.id)
    if document is None:
        raise DomainError("document-not-ready", "The document is being made. Ask again in a moment.")
    deliveries.mark_opened(session, actor, version_id=view.version.id, now=now)
    audit.record(
        session,
        now=now,
        actor_id=actor.account_id,
        action="read-document",
        object_type="document",
        object_id=document.id,
    )
    name = f"outcome-{view.outcome.reference}-v{view.version.number}.pdf"
    headers = {"Content-Disposition": f'attachment; filename="{name}"', "ETag": f'"{document.sha256}"'}
    return Response(documents.opened(session, document), media_type=PDF, headers=headers)


@router.post("/verification", operation_id="verify-document", dependencies=[PUBLIC])
def verify_document(body: Annotated[bytes, Body(media_type=PDF)], session: DbSession) -> VerificationTold:
    """Is this PDF ours, and does it still count? Nothing else is said, and the file is not kept."""
    return VerificationTold(standing=documents.standing_of(session, sha256(body).hexdigest()))
