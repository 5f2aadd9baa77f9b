"""Who has it: the deliveries of an outcome, my inbox, and what a recipient says."""

from collections.abc import Sequence
from http import HTTPStatus
from typing import Annotated, Literal
from uuid import UUID

from fastapi import APIRouter, Query, Response
from sqlmodel import Session

from app import audit
from app.api.access_schemas import DeliveriesTold
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
from app.api.minimum import without_names
from app.api.pagination import PageAsked
from app.api.schemas import (
    Listed,
)
from app.api.translate import delivery_told
from app.api.translate_access import glass_on_outcome
from app.api.values import IdInPath, OutcomeInPath
from app.deliveries import actions, queries
from app.deliveries.break_glass import mails_about
from app.documents.labels import ROLES_WITHOUT_NAME_WHEN_ADDRESS_IS_CONFIDENTIAL
from app.doors import ACKNOWLEDGES, READS, WRITES, CurrentActor, DbSession, Now
from app.outcomes.break_glass_list import glass_broken_on
from app.outcomes.queries import outcome_for
from app.outcomes.reading import is_address_confidential
from app.outcomes.tables import Outcome
from app.people.queries import team_names
from app.people.tables import Account

router = APIRouter(prefix=PREFIX, route_class=StrictRoute, tags=["deliveries"])


@router.get("/outcomes/{outcome}/deliveries", operation_id="list-deliveries", dependencies=[READS])
def list_deliveries(outcome: OutcomeInPath, session: DbSession, actor: CurrentActor, now: Now) -> DeliveriesTold:
    """Who was told, how that went, and who has it. For the author and the recipients.

    The author also sees who opened the outcome in an emergency. When the address is confidential, others see the
    recipients whose name would give the area away by their role alone.
    """
    outcome_id = outcome_id_of(session, actor, outcome, "list-deliveries")
    found = outcome_for(session, actor, outcome_id, now, action="list-deliveries")
    shown = queries.deliveries_of(session, found.id)
    audit.record_listing(
        session,
        now=now,
        actor_id=actor.account_id,
        action="list-deliveries",
        of=("outcome", found.id),
        ids=[one.delivery.id for one in shown],
    )
    is_author = found.author_id == actor.account_id
    glasses = glass_broken_on(session, found) if is_author else []
    mails = mails_about(session, [one.glass.id for one in glasses])
    return DeliveriesTold(
        items=[delivery_told(one, is_author=True) for one in shown]
        if is_author
        else _for_others(session, found, shown),
        break_glass=[glass_on_outcome(one, mails.get(one.glass.id, [])) for one in glasses],
    )


@router.get("/inbox", operation_id="read-inbox", dependencies=[READS])
def read_inbox(
    page: PageAsked,
    session: DbSession,
    actor: CurrentActor,
    now: Now,
    state: Annotated[Literal["waiting", "all"], Query(description="Waiting: still asks for an answer")] = "waiting",
) -> Listed[InboxItem]:
    """What came for you and your teams, newest first. It names no child."""
    found = queries.inbox_of(session, actor, state=state, limit=page.with_next, after=page.after, now=now)
    shown = found[: page.limit]
    audit.record_listing(
        session, now=now, actor_id=actor.account_id, action="read-inbox", ids=[one.delivery_id for one in shown]
    )
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
            for one in shown
        ],
        next=page.next_after([one.delivery_id for one in found]),
    )


@router.post(
    "/deliveries/{id}/acknowledgement",
    status_code=201,
    operation_id="acknowledge",
    dependencies=[ACKNOWLEDGES],
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
        by=session.get_one(Account, said.by).name,
        at=said.at,
        helpfulness=said.helpfulness,
        note=said.note,
    )
    return answer(told, HTTPStatus.CREATED if is_first else HTTPStatus.OK)


@router.post(
    "/deliveries/{id}/not-mine",
    status_code=201,
    operation_id="say-not-mine",
    dependencies=[ACKNOWLEDGES],
    response_model=NotMineTold,
    responses={200: {"model": NotMineTold, "description": "Said before; this is the first answer"}},
)
def say_not_mine(
    delivery_id: IdInPath, body: SayNotMine, session: DbSession, actor: CurrentActor, now: Now
) -> Response:
    """'This is not for me': the author and the team's duty inbox are told. A delivery has one such answer."""
    said, is_first = actions.not_mine(session, actor, delivery_id=UUID(delivery_id), note=body.note, now=now)
    told = NotMineTold(by=session.get_one(Account, said.by).name, at=said.at, note=said.note)
    return answer(told, HTTPStatus.CREATED if is_first else HTTPStatus.OK)


@router.post("/deliveries/{id}/retry", status_code=202, operation_id="retry-delivery", dependencies=[WRITES])
def retry_delivery(delivery_id: IdInPath, session: DbSession, actor: CurrentActor, now: Now) -> RetryTold:
    """Try again now, also beyond the automatic limit. For the author of the outcome and for administrators."""
    actions.retry(session, actor, delivery_id=UUID(delivery_id), now=now)
    return RetryTold(delivery_id=UUID(delivery_id), status="queued")


def _for_others(session: Session, outcome: Outcome, shown: Sequence[queries.DeliveryView]) -> list[DeliveryTold]:
    told = [delivery_told(one, is_author=False) for one in shown]
    if not is_address_confidential(session, outcome.id):
        return told
    teams = team_names(session, ROLES_WITHOUT_NAME_WHEN_ADDRESS_IS_CONFIDENTIAL)
    return [without_names(one, teams) for one in told]
