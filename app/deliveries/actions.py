"""What people do with deliveries: open, acknowledge, say 'not mine', ask for another try."""

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from sqlalchemy import ColumnElement, and_, or_, update
from sqlmodel import Session, col, func, select

from app import audit, engine
from app.db import as_service, insert_if_absent
from app.deliveries import notes, work
from app.deliveries.attempts import move
from app.deliveries.escalations import tell_by_email
from app.deliveries.rules import (
    INBOX,
    NOT_MINE_AUTHOR,
    NOT_MINE_TEAM,
    OUTCOME,
    WITHDRAWAL,
    check_helpfulness,
    check_may_retry,
    check_note,
)
from app.deliveries.tables import Acknowledgement, Attempt, Delivery, NotMine
from app.outcomes.tables import Outcome, OutcomeVersion, Recipient
from app.people import policy
from app.people.queries import readable_outcome_ids
from app.people.rules import Actor, Denied
from app.people.tables import Account, Team


@dataclass(frozen=True, slots=True)
class Said:
    """What a person of the recipient said to a delivery, with their note."""

    by: UUID
    at: datetime
    helpfulness: str | None
    note: str | None


def mark_opened(session: Session, actor: Actor, *, version_id: UUID, now: datetime) -> None:
    """Mark the first opening on the deliveries of this version that were for `actor` or a team of theirs."""
    mine = select(Recipient.id).where(Recipient.version_id == version_id, reaches(actor))
    session.connection().execute(
        update(Delivery)
        .where(
            col(Delivery.recipient_id).in_(mine),
            col(Delivery.purpose).in_((OUTCOME, WITHDRAWAL)),
            col(Delivery.opened_at).is_(None),
        )
        .values(opened_at=now, opened_by=actor.account_id)
    )


@as_service
def acknowledge(
    session: Session,
    actor: Actor,
    *,
    delivery_id: UUID,
    helpfulness: str | None = None,
    note: str | None = None,
    now: datetime,
) -> tuple[Said, bool]:
    """Record 'I have it' (for a withdrawal: 'I have deleted it') and whether this was the first time.

    One answer counts for all channels by which the recipient was told: it is kept with the in-app delivery. A repeat,
    by anyone of the team, gives the first answer. Raises Denied, unknown-helpfulness, note-too-long.
    """
    check_helpfulness(helpfulness)
    check_note(note)
    delivery = _received(session, actor, delivery_id, "acknowledge", now)
    answer = Acknowledgement(
        delivery_id=delivery.id,
        acknowledged_by=actor.account_id,
        acknowledged_at=now,
        helpfulness=helpfulness,
        note_encrypted=notes.closed_note(session, notes.ACKNOWLEDGEMENT, delivery, note),
    )
    is_first = insert_if_absent(session, answer)
    if is_first:
        _audit(session, actor, now, "acknowledge", delivery.id)
    return _said(session, delivery, session.get_one(Acknowledgement, delivery.id)), is_first


@as_service
def not_mine(
    session: Session, actor: Actor, *, delivery_id: UUID, note: str | None = None, now: datetime
) -> tuple[Said, bool]:
    """Record 'this is not for me' and tell the author and the team's duty inbox; and whether this was the first time.

    The chain on silence goes on, because nobody has acknowledged. Raises Denied, note-too-long.
    """
    check_note(note)
    delivery = _received(session, actor, delivery_id, "say-not-mine", now)
    closed = notes.closed_note(session, notes.NOT_MINE, delivery, note)
    said = NotMine(delivery_id=delivery.id, said_by=actor.account_id, said_at=now, note_encrypted=closed)
    is_first = insert_if_absent(session, said)
    if is_first:
        _tell_ward_and_duty_inbox(session, delivery, now)
        _audit(session, actor, now, "say-not-mine", delivery.id)
    return _said(session, delivery, session.get_one(NotMine, delivery.id)), is_first


@as_service
def retry(session: Session, actor: Actor, *, delivery_id: UUID, now: datetime) -> None:
    """Try again now, also beyond the automatic limit. For the author of the outcome and for administrators.

    A second call before that try has ended changes nothing. Raises Denied, delivery-not-waiting.
    """
    delivery = session.get(Delivery, delivery_id)
    if delivery is None or not policy.can_retry_delivery(actor, _outcome_of(session, delivery).author_id):
        raise _denied(actor, "retry-delivery", delivery_id)
    check_may_retry(delivery.status)
    last = session.exec(select(func.max(Attempt.number)).where(Attempt.delivery_id == delivery_id)).one() or 0
    move(session, delivery_id, "queued")
    engine.enqueue(session, work.deliver_by_hand(delivery_id, last + 1))
    _audit(session, actor, now, "retry-delivery", delivery_id)


def reaches(actor: Actor) -> ColumnElement[bool]:
    """Whether a recipient is `actor` in person, or a team that they are in now."""
    in_team = and_(col(Recipient.account_id).is_(None), col(Recipient.team_id).in_(actor.team_ids))
    return or_(col(Recipient.account_id) == actor.account_id, in_team)


def concerns(actor: Actor, now: datetime) -> ColumnElement[bool]:
    """Whether a delivery is of an outcome that `actor` may read now, or is its withdrawal, which asks them to delete.

    For the WHERE of a query over Delivery and its OutcomeVersion.
    """
    readable = col(OutcomeVersion.outcome_id).in_(readable_outcome_ids(actor, now))
    return or_(col(Delivery.purpose) == WITHDRAWAL, readable)


def _received(session: Session, actor: Actor, delivery_id: UUID, action: str, now: datetime) -> Delivery:
    """The in-app delivery to the same recipient for the same purpose. Raises Denied if it is not for `actor`."""
    meant = session.get(Delivery, delivery_id)
    if meant is None or meant.purpose not in (OUTCOME, WITHDRAWAL):
        raise _denied(actor, action, delivery_id)
    found = session.exec(
        select(Delivery)
        .join(Recipient, col(Recipient.id) == col(Delivery.recipient_id))
        .join(OutcomeVersion, col(OutcomeVersion.id) == col(Delivery.version_id))
        .where(
            Delivery.recipient_id == meant.recipient_id,
            Delivery.purpose == meant.purpose,
            Delivery.channel == INBOX,
            reaches(actor),
            concerns(actor, now),
        )
    ).one_or_none()
    if found is None:
        raise _denied(actor, action, delivery_id)
    return found


def _said(session: Session, delivery: Delivery, row: Acknowledgement | NotMine) -> Said:
    note = notes.open_note(session, delivery, row)
    if isinstance(row, Acknowledgement):
        return Said(row.acknowledged_by, row.acknowledged_at, row.helpfulness, note)
    return Said(row.said_by, row.said_at, None, note)


def _tell_ward_and_duty_inbox(session: Session, delivery: Delivery, now: datetime) -> None:
    author = session.get_one(Account, _outcome_of(session, delivery).author_id)
    team = session.get_one(Team, session.get_one(Recipient, delivery.recipient_id).team_id)
    tell_by_email(session, delivery, NOT_MINE_AUTHOR, author.email, now)
    if team.inbox_email:
        tell_by_email(session, delivery, NOT_MINE_TEAM, team.inbox_email, now)


def _outcome_of(session: Session, delivery: Delivery) -> Outcome:
    return session.get_one(Outcome, session.get_one(OutcomeVersion, delivery.version_id).outcome_id)


def _denied(actor: Actor, action: str, delivery_id: UUID) -> Denied:
    return Denied(actor_id=actor.account_id, action=action, object_type="delivery", object_id=delivery_id)


def _audit(session: Session, actor: Actor, now: datetime, action: str, delivery_id: UUID) -> None:
    audit.record(
        session, now=now, actor_id=actor.account_id, action=action, object_type="delivery", object_id=delivery_id
    )
