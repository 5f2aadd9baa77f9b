"""From a signed version, or a withdrawal, to one delivery for each recipient and channel. The worker calls these."""

import logging
from collections.abc import Iterator
from datetime import datetime, timedelta
from uuid import UUID

from sqlmodel import Session, col, select

from app import engine
from app.db import Transaction, insert_if_absent
from app.deliveries import work
from app.deliveries.channels import Sent
from app.deliveries.channels.inbox import Inbox
from app.deliveries.rules import (
    EMAIL,
    INBOX,
    OUTCOME,
    WEBHOOK,
    WITHDRAWAL,
    Letterhead,
    notification_of,
    payload_of,
)
from app.deliveries.tables import Attempt, Delivery
from app.errors import DomainError
from app.outcomes.tables import Outcome, OutcomeVersion, Recipient, Withdrawal
from app.people.tables import Account, Team
from app.sites.queries import policy_of
from app.sites.rules import escalation_at
from app.sites.tables import Site

_log = logging.getLogger(__name__)


def queue_missing(transaction: Transaction, letterhead: Letterhead, *, version_id: UUID, now: datetime) -> None:
    """Queue what is missing so that every recipient of a version is told, by every channel they have.

    Nothing for a version that was withdrawn meanwhile: its recipients get the withdrawal. A repeat changes nothing.
    """
    with transaction() as session:
        version = session.get(OutcomeVersion, version_id)
        assert version is not None, "work is enqueued in the transaction that writes the version"
        if session.get(Withdrawal, version.outcome_id) is None:
            recipients = session.exec(select(Recipient).where(Recipient.version_id == version_id))
            _queue(session, letterhead, version.outcome_id, list(recipients), OUTCOME, now)


def queue_withdrawal(transaction: Transaction, letterhead: Letterhead, *, outcome_id: UUID, now: datetime) -> None:
    """Queue the withdrawal for everyone who received any version, once each. A repeat changes nothing."""
    with transaction() as session:
        found = session.exec(
            select(Recipient)
            .join(OutcomeVersion)
            .where(OutcomeVersion.outcome_id == outcome_id)
            .order_by(col(OutcomeVersion.number))
        )
        # Someone told of several versions is asked once, as the recipient of the last of them.
        last = {(recipient.team_id, recipient.account_id): recipient for recipient in found}
        _queue(session, letterhead, outcome_id, list(last.values()), WITHDRAWAL, now)


def _queue(
    session: Session, letterhead: Letterhead, outcome_id: UUID, recipients: list[Recipient], purpose: str, now: datetime
) -> None:
    outcome = session.get_one(Outcome, outcome_id)
    chain_wait = _wait_of_first_step(session.get_one(Site, outcome.site_id), now)
    payload = payload_of(letterhead, outcome.reference)
    for recipient in recipients:
        for channel, address in _channels_of(session, recipient):
            delivery = Delivery(
                version_id=recipient.version_id,
                recipient_id=recipient.id,
                channel=channel,
                purpose=purpose,
                address=address,
                payload=payload,
                status="sent" if channel == INBOX else "queued",
                queued_at=now,
            )
            if not insert_if_absent(session, delivery):
                continue
            if channel != INBOX:
                engine.enqueue(session, work.deliver(delivery.id, 1))
                continue
            _settle_inbox(session, delivery, now)
            if recipient.account_id is None and chain_wait is not None:
                engine.enqueue(session, work.escalate(delivery.id, 0, chain_wait))


def _wait_of_first_step(site: Site, now: datetime) -> timedelta | None:
    """How long silence may last before the site's chain begins; None if it has no chain, or no usable policy.

    A fault there must keep nobody from being told. The sweep begins the chain once the policy is put right.
    """
    try:
        due = escalation_at(policy_of(site), now, 0)
    except (DomainError, ValueError, TypeError, OverflowError):
        _log.exception("the site's policy gives no due times", extra={"site": site.id})
        return None
    return None if due is None else due - now


def _channels_of(session: Session, recipient: Recipient) -> Iterator[tuple[str, str | None]]:
    """Channel and address of everything that reaches a recipient; the inbox always."""
    yield INBOX, None
    if recipient.account_id is not None:
        yield EMAIL, session.get_one(Account, recipient.account_id).email
        return
    team = session.get_one(Team, recipient.team_id)
    if team.inbox_email:
        yield EMAIL, team.inbox_email
    if team.webhook_url:
        yield WEBHOOK, team.webhook_url


def _settle_inbox(session: Session, delivery: Delivery, now: datetime) -> None:
    """The inbox is this database: the try is over as soon as this transaction commits."""
    result = Inbox().send(notification_of(delivery.id, None, delivery.payload, None))
    assert isinstance(result, Sent)
    session.add(
        Attempt(delivery_id=delivery.id, number=1, started_at=now, ended_at=now, result="sent", detail=result.detail)
    )
