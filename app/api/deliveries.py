"""Who has it: the deliveries of an outcome, my inbox, and what a recipient says."""

from http import HTTPStatus
from typing import Annotated, Literal
from uuid import UUID

from fastapi import APIRouter, Query, Response

from app import audit
from app.api.answers import PREFIX, answer
from app.api.body import StrictRoute
from app.api.delivery_schemas import (
    Acknowledge,
    AcknowledgementTold,
    DeliveryTold,
    InboxItem,
    NotMineTold,
    RetryTold,
    SayNotMine,
)
from app.api.lookup import outcome_id_of
from app.api.pagination import PageAsked
from app.api.schemas import (
    Listed,
)
from app.api.translate import delivery_told
from app.api.values import IdInPath, OutcomeInPath
from app.deliveries import actions, queries
from app.doors import SIGNED_IN, CurrentActor, DbSession, Now
from app.outcomes.queries import outcome_for
from app.people.tables import Account

router = APIRouter(prefix=PREFIX, route_class=StrictRoute, tags=["deliveries"], dependencies=[SIGNED_IN])


@router.get("/outcomes/{outcome}/deliveries", operation_id="list-deliveries")
def list_deliveries(outcome: OutcomeInPath, session: DbSession, actor: CurrentActor, now: Now) -> Listed[DeliveryTold]:
    """Who was told, how that went, and who has it. For the author and the recipients."""
    outcome_id = outcome_id_of(session, actor, outcome, "list-deliveries")
    found = outcome_for(session, actor, outcome_id, now, action="list-deliveries")
    audit.record(
        session,
        now=now,
        actor_id=actor.account_id,
        action="list-deliveries",
        object_type="outcome",
        object_id=found.id,
    )
    is_author = found.author_id == actor.account_id
    return Listed(items=[delivery_told(one, is_author=is_author) for one in queries.deliveries_of(session, found.id)])


@router.get("/inbox", operation_id="read-inbox")
def read_inbox(
    page: PageAsked,
    session: DbSession,
    actor: CurrentActor,
    state: Annotated[Literal["waiting", "all"], Query(description="Waiting: still asks for an answer")] = "waiting",
) -> Listed[InboxItem]:
    """What came for you and your teams, newest first. It names no child."""
    found = queries.inbox_of(session, actor, state=state, limit=page.with_next, after=page.after)
    return Listed(
        items=[
            InboxItem(
                delivery_id=one.delivery_id,
                reference=one.reference,
                version=one.version_number,
                purpose=one.purpose,
                received_at=one.received_at,
                opened_at=one.opened_at,
                acknowledged_at=one.acknowledged_at,
                not_mine_at=one.not_mine_at,
            )
            for one in found[: page.limit]
        ],
        next=page.next_after([one.delivery_id for one in found]),
    )


@router.post(
    "/deliveries/{id}/acknowledgement",
    status_code=201,
    operation_id="acknowledge",
    response_model=AcknowledgementTold,
    responses={200: {"model": AcknowledgementTold, "description": "Said before; this is the first answer"}},
)
def acknowledge(
    delivery_id: IdInPath, body: Acknowledge, session: DbSession, actor: CurrentActor, now: Now
) -> Response:
    """'I have it'; for a withdrawal 'I have deleted it'. It needs no Idempotency-Key: a delivery has one answer."""
    said, is_first = actions.acknowledge(
        session, actor, delivery_id=UUID(delivery_id), helpfulness=body.helpfulness, note=body.note, now=now
    )
    told = AcknowledgementTold(
        by=session.get_one(Account, said.acknowledged_by).name,
        at=said.acknowledged_at,
        helpfulness=said.helpfulness,
        note=said.note,
    )
    return answer(told, HTTPStatus.CREATED if is_first else HTTPStatus.OK)


@router.post(
    "/deliveries/{id}/not-mine",
    status_code=201,
    operation_id="say-not-mine",
    response_model=NotMineTold,
    responses={200: {"model": NotMineTold, "description": "Said before; this is the first answer"}},
)
def say_not_mine(
    delivery_id: IdInPath, body: SayNotMine, session: DbSession, actor: CurrentActor, now: Now
) -> Response:
    """'This is not for me': the author and the team's duty inbox are told. A delivery has one such answer."""
    said, is_first = actions.not_mine(session, actor, delivery_id=UUID(delivery_id), note=body.note, now=now)
    told = NotMineTold(by=session.get_one(Account, said.said_by).name, at=said.said_at, note=said.note)
    return answer(told, HTTPStatus.CREATED if is_first else HTTPStatus.OK)


@router.post("/deliveries/{id}/retry", status_code=202, operation_id="retry-delivery")
def retry_delivery(delivery_id: IdInPath, session: DbSession, actor: CurrentActor, now: Now) -> RetryTold:
    """Try again now, also beyond the automatic limit. For the author of the outcome and for administrators."""
    actions.retry(session, actor, delivery_id=UUID(delivery_id), now=now)
    return RetryTold(delivery_id=UUID(delivery_id), status="queued")
