"""One try at one delivery: read, send outside any transaction, settle in one transaction. The worker calls this."""

import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from sqlalchemy import CursorResult, update
from sqlalchemy.exc import InterfaceError, OperationalError
from sqlalchemy.exc import TimeoutError as PoolTimeoutError
from sqlmodel import Session, col, select

from app import engine
from app.db import Transaction, insert_if_absent
from app.deliveries import work
from app.deliveries.channels import Channels, Failed, Sent
from app.deliveries.rules import (
    OUTCOME,
    WEBHOOK,
    WITHDRAWAL,
    Notification,
    notification_of,
    predecessors,
    wait_before,
)
from app.deliveries.tables import Attempt, Delivery
from app.outcomes.tables import OutcomeVersion, Recipient, Withdrawal
from app.people import policy
from app.people.queries import actor_by_account, is_team_entitled, may_read_outcome
from app.people.secrets import webhook_secret_of
from app.people.tables import Team

_AWAY = (OperationalError, InterfaceError, PoolTimeoutError)
_LONGEST_PAUSE_SECONDS = 5.0


@dataclass(frozen=True, slots=True)
class Cancelled:
    """It must not be sent any more. detail: why."""

    detail: str


def attempt(transaction: Transaction, channels: Channels, *, delivery_id: UUID, number: int, now: datetime) -> None:
    """Try for the `number`-th time. Does nothing if that try is recorded or the delivery no longer waits.

    After a crash between sending and settling the same try is made again under the same delivery id: the other side
    can recognise it, and only one Attempt row is written.
    """
    started = time.monotonic()
    with transaction() as session:
        delivery = session.get(Delivery, delivery_id)
        if delivery is None or delivery.status != "queued" or _is_recorded(session, delivery_id, number):
            return
        refusal = _why_not(session, delivery, now)
        notification = _notification(session, delivery)
    result: Sent | Failed | Cancelled
    result = Cancelled(refusal) if refusal else channels[delivery.channel].send(notification)
    ended_at = now + timedelta(seconds=time.monotonic() - started)
    while_database_is_away(
        lambda: _settle(transaction, delivery_id, number, started_at=now, ended_at=ended_at, result=result)
    )


def while_database_is_away(settle: Callable[[], None]) -> None:
    """Run `settle` until the database takes it. To give up here would be to lose what the other side answered."""
    pause = 0.1
    while True:
        try:
            settle()
        except _AWAY:
            time.sleep(pause)
            pause = min(pause * 2, _LONGEST_PAUSE_SECONDS)
        else:
            return


def _settle(
    transaction: Transaction,
    delivery_id: UUID,
    number: int,
    *,
    started_at: datetime,
    ended_at: datetime,
    result: Sent | Failed | Cancelled,
) -> None:
    with transaction() as session:
        wait = None
        if isinstance(result, Failed) and not result.permanent:
            wait = wait_before(number + 1, asked=result.retry_after)
        row = Attempt(
            delivery_id=delivery_id,
            number=number,
            started_at=started_at,
            ended_at=ended_at,
            result=type(result).__name__.lower(),
            is_permanent=isinstance(result, Failed) and result.permanent,
            detail=result.detail[:500],
            next_at=None if wait is None else ended_at + wait,
        )
        if not insert_if_absent(session, row):
            return
        if wait is not None:
            engine.enqueue(session, work.deliver(delivery_id, number + 1, wait))
        elif isinstance(result, Failed):
            move(session, delivery_id, "dead")
        else:
            move(session, delivery_id, row.result)


def move(session: Session, delivery_id: UUID, status: str) -> bool:
    """Move a delivery to `status` if its present one allows that. Says whether it did."""
    moved = session.connection().execute(
        update(Delivery)
        .where(col(Delivery.id) == delivery_id, col(Delivery.status).in_(predecessors(status)))
        .values(status=status)
    )
    assert isinstance(moved, CursorResult)
    return moved.rowcount == 1


def _is_recorded(session: Session, delivery_id: UUID, number: int) -> bool:
    found = select(Attempt.id).where(Attempt.delivery_id == delivery_id, Attempt.number == number)
    return session.exec(found).first() is not None


def _notification(session: Session, delivery: Delivery) -> Notification:
    secret = None
    if delivery.channel == WEBHOOK:
        recipient = session.get_one(Recipient, delivery.recipient_id)
        secret = webhook_secret_of(session, session.get_one(Team, recipient.team_id))
    return notification_of(delivery.id, delivery.address, delivery.payload, secret)


def _why_not(session: Session, delivery: Delivery, now: datetime) -> str | None:
    """Why this must not be sent any more, looked at just before sending; None if it may."""
    if delivery.purpose not in (OUTCOME, WITHDRAWAL):
        return None  # tells the ward or another of the site's chain, who are no recipients
    recipient = session.get_one(Recipient, delivery.recipient_id)
    actor = actor_by_account(session, recipient.account_id, now) if recipient.account_id else None
    if recipient.account_id and actor is None:
        return "the account is closed"
    if delivery.purpose == WITHDRAWAL:
        return None  # whoever was told is asked to delete, also those who may no longer read
    version = session.get_one(OutcomeVersion, delivery.version_id)
    if session.get(Withdrawal, version.outcome_id) is not None:
        return "withdrawn before it was sent"
    # Whoever lost that right is told nothing more, not even while they read it for some other reason.
    if actor is not None:
        is_entitled = may_read_outcome(session, actor, version.outcome_id, now, policy.LASTING)
    else:
        is_entitled = is_team_entitled(session, recipient.team_id, version.outcome_id, now, policy.LASTING)
    return None if is_entitled else "may no longer read this outcome"
