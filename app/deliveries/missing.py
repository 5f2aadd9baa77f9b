"""Work is what is missing: what the sweep looks for, a second net below the durable engine (design, section 1).

Each query leaves alone what is younger than `grace`, because the engine is probably at work on it.
"""

import logging
from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta
from uuid import UUID

from sqlmodel import Session, col, func, not_, select

from app.deliveries import work
from app.deliveries.escalations import is_settled
from app.deliveries.rules import INBOX, OUTCOME, WITHDRAWAL
from app.deliveries.tables import Attempt, Delivery, Escalation
from app.documents.tables import Document
from app.engine import Work
from app.errors import DomainError
from app.outcomes.tables import Outcome, OutcomeVersion, Recipient, Withdrawal
from app.sites.queries import policy_of, sites
from app.sites.rules import escalation_at

_log = logging.getLogger(__name__)


def missing_work(session: Session, *, now: datetime, grace: timedelta) -> list[Work]:
    """Everything that should have been done before `now - grace` and is not."""
    before = now - grace
    return [
        *(work.share(version_id) for version_id in _unshared_versions(session, before)),
        *(work.share_withdrawal(outcome_id) for outcome_id in _unshared_withdrawals(session, before)),
        *(work.deliver(delivery_id, number) for delivery_id, number in _stalled_deliveries(session, before)),
        *(work.escalate(delivery_id, step) for delivery_id, step in _overdue_escalations(session, before)),
    ]


def _unshared_versions(session: Session, before: datetime) -> set[UUID]:
    """Signed versions without a document, or with a recipient who has no delivery."""
    signed = (
        select(OutcomeVersion.id)
        .outerjoin(Withdrawal, col(Withdrawal.outcome_id) == col(OutcomeVersion.outcome_id))
        .where(col(OutcomeVersion.signed_at) < before, col(Withdrawal.outcome_id).is_(None))
    )
    unsealed = signed.outerjoin(Document, col(Document.version_id) == col(OutcomeVersion.id)).where(
        col(Document.id).is_(None)
    )
    untold = (
        signed.join(Recipient, col(Recipient.version_id) == col(OutcomeVersion.id))
        .outerjoin(Delivery, (col(Delivery.recipient_id) == col(Recipient.id)) & (col(Delivery.purpose) == OUTCOME))
        .where(col(Delivery.id).is_(None))
    )
    return {*session.exec(unsealed), *session.exec(untold)}


def _unshared_withdrawals(session: Session, before: datetime) -> set[UUID]:
    """Withdrawals of which nobody was told. All are told in one transaction, so one delivery stands for all."""
    told = (
        select(OutcomeVersion.outcome_id)
        .join(Delivery, col(Delivery.version_id) == col(OutcomeVersion.id))
        .where(Delivery.purpose == WITHDRAWAL)
    )
    withdrawn = (
        select(Withdrawal.outcome_id)
        .join(OutcomeVersion, col(OutcomeVersion.outcome_id) == col(Withdrawal.outcome_id))
        .join(Recipient, col(Recipient.version_id) == col(OutcomeVersion.id))
    )
    return set(
        session.exec(withdrawn.where(col(Withdrawal.withdrawn_at) < before, col(Withdrawal.outcome_id).not_in(told)))
    )


def _stalled_deliveries(session: Session, before: datetime) -> Iterator[tuple[UUID, int]]:
    """Deliveries whose next try is overdue, with the number of that try."""
    waiting = (
        select(Delivery.id, Delivery.queued_at, func.max(Attempt.number), func.max(Attempt.next_at))
        .outerjoin(Attempt, col(Attempt.delivery_id) == col(Delivery.id))
        .where(Delivery.status == "queued")
        .group_by(col(Delivery.id), col(Delivery.queued_at))
    )
    for delivery_id, queued_at, last, next_at in session.exec(waiting):
        if (next_at or queued_at) < before:
            yield delivery_id, (last or 0) + 1


def _overdue_escalations(session: Session, before: datetime) -> Iterator[tuple[UUID, int]]:
    """In-app deliveries to teams that nobody has acknowledged, whose next step of the chain is overdue.

    One query for each site, over what is still chased there: a site's policy that cannot be used stops only its own.
    """
    for site in sites(session):
        try:
            policy = policy_of(site)
            for delivery_id, queued_at, step in _chased(session, site.id, len(policy.escalation), before):
                due = escalation_at(policy, queued_at, step)
                if due is not None and due < before:
                    yield delivery_id, step
        except (DomainError, ValueError, TypeError, OverflowError):
            _log.exception("the site's policy gives no due times", extra={"site": site.id})


def _chased(session: Session, site_id: UUID, steps: int, before: datetime) -> Sequence[tuple[UUID, datetime, int]]:
    """Delivery, when it was queued, and the next step, where the site's chain of so many `steps` has not ended."""
    done = (
        select(func.count(col(Escalation.id)))
        .where(Escalation.delivery_id == col(Delivery.id))
        .correlate(Delivery)
        .scalar_subquery()
    )
    return session.exec(
        select(Delivery.id, Delivery.queued_at, done)
        .join(Recipient, col(Recipient.id) == col(Delivery.recipient_id))
        .join(OutcomeVersion, col(OutcomeVersion.id) == col(Delivery.version_id))
        .join(Outcome, col(Outcome.id) == col(OutcomeVersion.outcome_id))
        .where(
            Outcome.site_id == site_id,
            Delivery.channel == INBOX,
            col(Delivery.queued_at) < before,
            col(Recipient.account_id).is_(None),
            done < steps,
            not_(is_settled()),
        )
    ).all()
