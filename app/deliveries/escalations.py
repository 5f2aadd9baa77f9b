"""What happens on silence: the next in the site's chain is told, until a person acknowledges. The worker calls this."""

from datetime import datetime, timedelta
from uuid import UUID

from sqlalchemy import ColumnElement, and_, or_
from sqlalchemy.orm import aliased
from sqlmodel import Session, col, select

from app import engine
from app.db import Transaction, insert_if_absent
from app.deliveries import work
from app.deliveries.rules import EMAIL, OUTCOME, chase_purpose
from app.deliveries.tables import Acknowledgement, Delivery, Escalation
from app.outcomes.tables import Outcome, OutcomeVersion, Recipient, Withdrawal
from app.people.queries import team_by_code
from app.people.tables import Account, Team
from app.sites.queries import policy_of
from app.sites.rules import EscalationStep, escalation_at
from app.sites.tables import Site


def escalate(transaction: Transaction, *, delivery_id: UUID, step: int, now: datetime) -> None:
    """Look at the facts; if nobody has acknowledged, tell the next in the chain and wait for the one after.

    The chain hangs on the in-app delivery to a team. Telling is a delivery of its own by e-mail, so a mail that fails
    is tried again like any other. A repeat changes nothing.
    """
    with transaction() as session:
        delivery = session.get(Delivery, delivery_id)
        if delivery is None:
            return
        recipient = session.get_one(Recipient, delivery.recipient_id)
        version = session.get_one(OutcomeVersion, delivery.version_id)
        if _is_settled(session, delivery_id):
            return
        outcome = session.get_one(Outcome, version.outcome_id)
        policy = policy_of(session.get_one(Site, outcome.site_id))
        if step >= len(policy.escalation):
            return  # the site has shortened its chain since
        told, address = _whom(session, policy.escalation[step], recipient, outcome)
        fact = Escalation(delivery_id=delivery_id, step=step, escalated_at=now, told=told, address=address)
        if not insert_if_absent(session, fact):
            return
        tell_by_email(session, delivery, chase_purpose(delivery.purpose, step), address, now)
        due = escalation_at(policy, delivery.queued_at, step + 1)
        if due is not None:
            engine.enqueue(session, work.escalate(delivery_id, step + 1, max(due - now, timedelta())))


def is_settled() -> ColumnElement[bool]:
    """Whether nobody need be chased: a person of the team has it, or a later notice to that team took its place.

    For the WHERE of a query over Delivery, its Recipient and its OutcomeVersion.
    """
    other, reached, their_version = aliased(Delivery), aliased(Recipient), aliased(OutcomeVersion)
    same_team = (
        select(other.id)
        .join(reached, col(reached.id) == col(other.recipient_id))
        .join(their_version, col(their_version.id) == col(reached.version_id))
        .where(
            their_version.outcome_id == col(OutcomeVersion.outcome_id),
            reached.team_id == col(Recipient.team_id),
            reached.role == col(Recipient.role),
            other.purpose == col(Delivery.purpose),
        )
        .correlate(Delivery, Recipient, OutcomeVersion)
    )
    # 'I have it' is said of one version; 'I have deleted it' of all of them.
    same_notice = or_(col(Delivery.purpose) != OUTCOME, col(reached.version_id) == col(Recipient.version_id))
    acknowledged = same_team.join(Acknowledgement, col(Acknowledgement.delivery_id) == col(other.id)).where(same_notice)
    newer = same_team.where(col(their_version.number) > col(OutcomeVersion.number), col(reached.account_id).is_(None))
    withdrawn = select(Withdrawal.outcome_id).where(Withdrawal.outcome_id == col(OutcomeVersion.outcome_id))
    overtaken = and_(col(Delivery.purpose) == OUTCOME, or_(newer.exists(), withdrawn.exists()))
    return or_(acknowledged.exists(), overtaken)


def _is_settled(session: Session, delivery_id: UUID) -> bool:
    found = (
        select(Delivery.id)
        .join(Recipient, col(Recipient.id) == col(Delivery.recipient_id))
        .join(OutcomeVersion, col(OutcomeVersion.id) == col(Delivery.version_id))
        .where(Delivery.id == delivery_id, is_settled())
    )
    return session.exec(found).first() is not None


def tell_by_email(session: Session, about: Delivery, purpose: str, address: str, now: datetime) -> None:
    """Send the fixed words of `about` to someone else by e-mail, tried again as any other delivery."""
    delivery = Delivery(
        version_id=about.version_id,
        recipient_id=about.recipient_id,
        channel=EMAIL,
        purpose=purpose,
        address=address,
        payload=about.payload,
        status="queued",
        queued_at=now,
    )
    if insert_if_absent(session, delivery):
        engine.enqueue(session, work.deliver(delivery.id, 1))


def _whom(session: Session, step: EscalationStep, recipient: Recipient, outcome: Outcome) -> tuple[str, str]:
    """Who is told, by role, and their address. The author, where the team meant has no inbox to write to."""
    team = None
    if step.tell == "team-inbox":
        team = session.get_one(Team, recipient.team_id)
    elif step.tell == "team" and step.team is not None:
        team = team_by_code(session, step.team)
    if team is not None and team.inbox_email:
        told = "duty inbox of the team" if step.tell == "team-inbox" else team.name
        return told, team.inbox_email
    return "author", session.get_one(Account, outcome.author_id).email
