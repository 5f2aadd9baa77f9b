"""Who has it: the deliveries of an outcome with all that happened to them, and a person's inbox."""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Literal, TypeVar
from uuid import UUID

from sqlalchemy import ColumnElement, and_, not_, or_
from sqlalchemy.orm import aliased
from sqlmodel import Session, col, select

from app.db import as_service
from app.deliveries.actions import concerns, reaches
from app.deliveries.notes import open_note
from app.deliveries.rules import INBOX, NOT_MINE_AUTHOR, NOT_MINE_TEAM, OUTCOME, WITHDRAWAL, chase_purpose
from app.deliveries.tables import Acknowledgement, Attempt, Delivery, Escalation, NotMine
from app.outcomes.tables import Outcome, OutcomeVersion, Recipient, Withdrawal
from app.people.rules import Actor
from app.people.tables import Account

_Fact = TypeVar("_Fact", Attempt, Escalation)


@dataclass(frozen=True, slots=True)
class Answer:
    """What a person said of a delivery: by name, when, and in what words."""

    by: str
    at: datetime
    helpfulness: str | None
    note: str | None


@dataclass(frozen=True, slots=True)
class Mail:
    """A mail that told someone else of a delivery, a delivery itself: how it stands and what was tried."""

    delivery_id: UUID
    purpose: str
    status: str
    attempts: tuple[Attempt, ...]


@dataclass(frozen=True, slots=True)
class Chase:
    """One step of the chain on silence: who was told, by role, and the mail to them."""

    step: int
    at: datetime
    told: str
    mail: Mail


@dataclass(frozen=True, slots=True)
class DeliveryView:
    """One delivery with all that happened to it. The answer of a recipient shows on each of their channels."""

    delivery: Delivery
    recipient: Recipient
    version_number: int
    attempts: tuple[Attempt, ...]
    acknowledged: Answer | None
    not_mine: Answer | None
    not_mine_mails: tuple[Mail, ...]
    escalations: tuple[Chase, ...]


@dataclass(frozen=True, slots=True)
class InboxItem:
    """One line of a person's inbox: that something waits, and nothing of what."""

    delivery_id: UUID
    reference: str
    version_number: int
    purpose: str
    received_at: datetime
    opened_at: datetime | None
    acknowledged_at: datetime | None
    not_mine_at: datetime | None


def deliveries_of(session: Session, outcome_id: UUID) -> list[DeliveryView]:
    """Every delivery of the outcome to a recipient, oldest first; what was told to others hangs on them."""
    rows = session.exec(
        select(Delivery, Recipient, OutcomeVersion.number)
        .join(Recipient, col(Recipient.id) == col(Delivery.recipient_id))
        .join(OutcomeVersion, col(OutcomeVersion.id) == col(Delivery.version_id))
        .where(OutcomeVersion.outcome_id == outcome_id)
        .order_by(col(Delivery.id))
    ).all()
    deliveries = [delivery for delivery, _, _ in rows]
    facts = _Facts(session, deliveries)
    return [
        DeliveryView(
            delivery=delivery,
            recipient=recipient,
            version_number=number,
            attempts=facts.attempts(delivery),
            acknowledged=facts.acknowledged.get((delivery.recipient_id, delivery.purpose)),
            not_mine=facts.not_mine.get((delivery.recipient_id, delivery.purpose)),
            not_mine_mails=facts.not_mine_mails(delivery),
            escalations=facts.chases(delivery),
        )
        for delivery, recipient, number in rows
        if delivery.purpose in (OUTCOME, WITHDRAWAL)
    ]


@as_service
def inbox_of(
    session: Session,
    actor: Actor,
    *,
    state: Literal["waiting", "all"] = "waiting",
    limit: int = 50,
    after: UUID | None = None,
    now: datetime,
) -> list[InboxItem]:
    """What came for `actor` and their teams, newest first. after: the delivery id of the last item seen.

    waiting: neither answered nor overtaken by a newer version or a withdrawal, which have lines of their own.
    Who may read an outcome no more sees no line of it but its withdrawal: what they were given must be deleted.
    """
    wanted = (
        select(Delivery, Outcome.reference, OutcomeVersion.number, Acknowledgement.acknowledged_at)
        .join(Recipient, col(Recipient.id) == col(Delivery.recipient_id))
        .join(OutcomeVersion, col(OutcomeVersion.id) == col(Delivery.version_id))
        .join(Outcome, col(Outcome.id) == col(OutcomeVersion.outcome_id))
        .outerjoin(Acknowledgement, col(Acknowledgement.delivery_id) == col(Delivery.id))
        .outerjoin(NotMine, col(NotMine.delivery_id) == col(Delivery.id))
        .where(Delivery.channel == INBOX, reaches(actor), concerns(actor, now))
        .order_by(col(Delivery.id).desc())
        .limit(limit)
    )
    if state == "waiting":
        wanted = wanted.where(col(Acknowledgement.delivery_id).is_(None), col(NotMine.delivery_id).is_(None))
        wanted = wanted.where(not_(_is_overtaken()))
    if after is not None:
        wanted = wanted.where(col(Delivery.id) < after)
    rows = session.exec(wanted).all()
    not_mine_at = _not_mine_at(session, [delivery.id for delivery, _, _, _ in rows])
    return [_inbox_item(*row, not_mine_at.get(row[0].id)) for row in rows]


def _inbox_item(
    delivery: Delivery, reference: str, number: int, acknowledged_at: datetime | None, not_mine_at: datetime | None
) -> InboxItem:
    return InboxItem(
        delivery_id=delivery.id,
        reference=reference,
        version_number=number,
        purpose=delivery.purpose,
        received_at=delivery.queued_at,
        opened_at=delivery.opened_at,
        acknowledged_at=acknowledged_at,
        not_mine_at=not_mine_at,
    )


def _not_mine_at(session: Session, ids: list[UUID]) -> dict[UUID, datetime]:
    said = select(NotMine.delivery_id, NotMine.said_at).where(col(NotMine.delivery_id).in_(ids))
    return dict(session.exec(said).all())


def _is_overtaken() -> ColumnElement[bool]:
    """Whether a delivery tells of a version that is withdrawn, or of which the same recipient has got a newer one."""
    newer, reached, their_version = aliased(Delivery), aliased(Recipient), aliased(OutcomeVersion)
    superseded = (
        select(newer.id)
        .join(reached, col(reached.id) == col(newer.recipient_id))
        .join(their_version, col(their_version.id) == col(reached.version_id))
        .where(
            newer.purpose == OUTCOME,
            reached.team_id == col(Recipient.team_id),
            col(reached.account_id).is_not_distinct_from(col(Recipient.account_id)),
            their_version.outcome_id == col(OutcomeVersion.outcome_id),
            col(their_version.number) > col(OutcomeVersion.number),
        )
        .correlate(Recipient, OutcomeVersion)
    )
    withdrawn = select(Withdrawal.outcome_id).where(Withdrawal.outcome_id == col(OutcomeVersion.outcome_id))
    return and_(col(Delivery.purpose) == OUTCOME, or_(superseded.exists(), withdrawn.exists()))


class _Facts:
    """The facts about some deliveries, read with one query for each kind of fact."""

    def __init__(self, session: Session, deliveries: Sequence[Delivery]) -> None:
        ids = [delivery.id for delivery in deliveries]
        key = {delivery.id: (delivery.recipient_id, delivery.purpose) for delivery in deliveries}
        by_id = {delivery.id: delivery for delivery in deliveries}
        self._by_purpose = {(delivery.recipient_id, delivery.purpose): delivery for delivery in deliveries}
        self._attempts = _grouped(session, Attempt, ids)
        self._escalations = _grouped(session, Escalation, ids)
        self.acknowledged = {
            key[said.delivery_id]: Answer(
                name,
                said.acknowledged_at,
                said.helpfulness,
                open_note(session, by_id[said.delivery_id], said),
            )
            for said, name in session.exec(
                select(Acknowledgement, Account.name)
                .join(Account, col(Account.id) == col(Acknowledgement.acknowledged_by))
                .where(col(Acknowledgement.delivery_id).in_(ids))
            )
        }
        self.not_mine = {
            key[said.delivery_id]: Answer(name, said.said_at, None, open_note(session, by_id[said.delivery_id], said))
            for said, name in session.exec(
                select(NotMine, Account.name)
                .join(Account, col(Account.id) == col(NotMine.said_by))
                .where(col(NotMine.delivery_id).in_(ids))
            )
        }

    def attempts(self, delivery: Delivery) -> tuple[Attempt, ...]:
        return tuple(sorted(self._attempts[delivery.id], key=lambda attempt: attempt.number))

    def chases(self, delivery: Delivery) -> tuple[Chase, ...]:
        return tuple(
            self._chase(delivery, escalation)
            for escalation in sorted(self._escalations[delivery.id], key=lambda escalation: escalation.step)
        )

    def _chase(self, delivery: Delivery, escalation: Escalation) -> Chase:
        mail = self._by_purpose[delivery.recipient_id, chase_purpose(delivery.purpose, escalation.step)]
        return Chase(
            step=escalation.step,
            at=escalation.escalated_at,
            told=escalation.told,
            mail=self._mail(mail),
        )

    def not_mine_mails(self, delivery: Delivery) -> tuple[Mail, ...]:
        """They hang on the in-app delivery, as the answer does."""
        if delivery.channel != INBOX or (delivery.recipient_id, delivery.purpose) not in self.not_mine:
            return ()
        told = (self._by_purpose.get((delivery.recipient_id, purpose)) for purpose in (NOT_MINE_AUTHOR, NOT_MINE_TEAM))
        return tuple(self._mail(mail) for mail in told if mail is not None)

    def _mail(self, mail: Delivery) -> Mail:
        return Mail(mail.id, mail.purpose, mail.status, self.attempts(mail))


def _grouped(session: Session, table: type[_Fact], ids: list[UUID]) -> defaultdict[UUID, list[_Fact]]:
    found: defaultdict[UUID, list[_Fact]] = defaultdict(list)
    for fact in session.exec(select(table).where(col(table.delivery_id).in_(ids))):
        found[fact.delivery_id].append(fact)
    return found
