"""This stage begins where signing has ended: a site, its people, and versions that are signed."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Any
from uuid import UUID

from sqlmodel import Session, col, select, text

from app.db import Transaction, new_id
from app.deliveries.channels import Failed, Sent
from app.deliveries.rules import Letterhead, Notification
from app.deliveries.tables import Attempt, Delivery, Escalation
from app.outcomes.contents import (
    OpenWithdrawal,
    SignedVersion,
    closed_recipient,
    closed_version,
    closed_withdrawal,
)
from app.outcomes.rules import PlannedRecipient
from app.outcomes.tables import Outcome, Recipient
from app.people.queries import actor_by_account
from app.people.rules import Actor
from app.people.secrets import closed_webhook_secret
from app.people.tables import Account, Grant, Membership, Organisation, Team
from app.sites.tables import Site

LETTERHEAD = Letterhead("Sameday", "https://sameday.example")
POLICY = {
    "escalation": [
        {"after": "PT0S", "tell": "team-inbox"},
        {"after": "PT1H", "tell": "author"},
        {"after": "PT2H", "tell": "team", "team": "meon-named-nurses"},
    ]
}


@dataclass
class Post:
    """A channel whose other side answers as the test says, and remembers what came."""

    answers: list[Sent | Failed] = field(default_factory=list)
    received: list[Notification] = field(default_factory=list)

    def send(self, notification: Notification) -> Sent | Failed:
        self.received.append(notification)
        return self.answers.pop(0) if self.answers else Sent("taken")


@dataclass
class Story:
    """An outcome by Dr Kerrin, to Priya Dunmore, her duty team, and a police team with a webhook."""

    transaction: Transaction
    now: datetime
    ids: dict[str, UUID]

    def sign(self, *, to: tuple[str, ...] = ("duty", "priya", "police"), number: int = 1) -> UUID:
        with self.transaction() as session:
            version = self.version(number=number)
            session.add(closed_version(session, version))
            session.flush()
            for name in to:
                session.add(closed_recipient(session, version, new_id(), self._recipient(name)))
                session.add(self._grant(name))
            return version.id

    def version(self, **given: Any) -> SignedVersion:
        """A version by Dr Kerrin with no answers, but for what is given."""
        values: dict[str, Any] = {
            "id": new_id(),
            "outcome_id": self.ids["outcome"],
            "number": 1,
            "form_version": "1.0.0",
            "answers": {},
            "content_sha256": "0" * 64,
            "signed_by": self.ids["asha"],
            "signed_at": self.now,
            "signer_name": "Dr Asha Kerrin",
            "signer_grade": None,
            "signer_registration": None,
            "formal_report_due": date(2026, 12, 7),
            "amends_number": None,
            "amendment_reason": None,
        }
        return SignedVersion(**(values | given))

    def withdraw(self) -> None:
        with self.transaction() as session:
            withdrawal = OpenWithdrawal(
                id=new_id(),
                outcome_id=self.ids["outcome"],
                reason_code="wrong-child",
                reason="Signed on the wrong record.",
                incident_number=None,
                withdrawn_by=self.ids["asha"],
                withdrawn_at=self.now,
            )
            session.add(closed_withdrawal(session, withdrawal))

    def actor(self, session: Session, name: str) -> Actor:
        actor = actor_by_account(session, self.ids[name], self.now)
        assert actor is not None
        return actor

    def delivery(self, session: Session, name: str, channel: str, purpose: str = "outcome") -> Delivery:
        """The newest delivery to duty, priya or police by this channel."""
        account_id = self.ids["priya"] if name == "priya" else None
        team_id = self.ids["duty"] if name in ("duty", "priya") else self.ids[name]
        return session.exec(
            select(Delivery)
            .join(Recipient, col(Recipient.id) == col(Delivery.recipient_id))
            .where(Recipient.team_id == team_id, col(Recipient.account_id).is_not_distinct_from(account_id))
            .where(Delivery.channel == channel, Delivery.purpose == purpose)
            .order_by(col(Delivery.id).desc())
        ).first()  # type: ignore[return-value]

    def _recipient(self, name: str) -> PlannedRecipient:
        return PlannedRecipient(
            role="police" if name == "police" else "social-worker",
            team_id=self.ids["duty"] if name == "priya" else self.ids[name],
            account_id=self.ids["priya"] if name == "priya" else None,
            name=name,
            organisation_name="Meon Council",
            reason="named by the clinician",
        )

    def _grant(self, name: str) -> Grant:
        account_id = self.ids["priya"] if name == "priya" else None
        return Grant(
            outcome_id=self.ids["outcome"],
            account_id=account_id,
            team_id=None if account_id else self.ids[name],
            kind="recipient",
            reason="recipient",
            from_at=self.now,
        )


def begin_story(transaction: Transaction, now: datetime) -> Story:
    ids = {name: new_id() for name in ("org", "duty", "police", "nurses", "asha", "priya", "colin", "site", "outcome")}
    with transaction() as session:
        session.add(Organisation(id=ids["org"], code="meon-council", name="Meon Council"))
        session.flush()
        session.add_all(_people(session, ids, now))
        site = Site(id=ids["site"], organisation_id=ids["org"], code="meon", name="Meon", policy=POLICY)
        session.add(site)
        session.flush()
        session.add(Membership(account_id=ids["priya"], team_id=ids["duty"], from_at=now))
        session.add(Membership(account_id=ids["colin"], team_id=ids["duty"], from_at=now))
        session.add(
            Outcome(
                id=ids["outcome"],
                reference="7Q4K-2P",
                site_id=ids["site"],
                form_name="cp-medical-outcome",
                author_id=ids["asha"],
                begun_at=now,
            )
        )
    return Story(transaction, now, ids)


def _people(session: Session, ids: dict[str, UUID], now: datetime) -> Iterator[Any]:
    common = {"organisation_id": ids["org"]}
    yield Team(
        id=ids["duty"], code="meon-duty", name="Duty", role="social-worker", inbox_email="duty@meon.example", **common
    )
    yield Team(
        id=ids["police"],
        code="meon-police",
        name="Police",
        role="police",
        webhook_url="http://127.0.0.1:9/hook",
        webhook_secret_encrypted=closed_webhook_secret(
            session, ids["police"], "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
        ),
        **common,
    )
    yield Team(
        id=ids["nurses"],
        code="meon-named-nurses",
        name="Named nurses",
        role="named-nurse",
        inbox_email="nurses@meon.example",
        **common,
    )
    for name, email in (("asha", "asha.kerrin"), ("priya", "priya.dunmore"), ("colin", "colin.ashe")):
        yield Account(id=ids[name], email=f"{email}@meon.example", name=email.title(), created_at=now, **common)


def enqueued(session: Session) -> dict[str, int]:
    """Id of everything that was handed to the engine -> milliseconds it waits."""
    table = "workflow_status" if session.get_bind().dialect.name == "sqlite" else "dbos.workflow_status"
    rows = session.exec(  # type: ignore[call-overload]
        text(f"SELECT workflow_uuid, COALESCE(delay_until_epoch_ms - created_at, 0) FROM {table}")
    )
    return {str(row[0]): int(row[1]) for row in rows}


def attempts_of(session: Session, delivery_id: UUID) -> list[Attempt]:
    return list(session.exec(select(Attempt).where(Attempt.delivery_id == delivery_id).order_by(col(Attempt.number))))


def escalations_of(session: Session) -> list[Escalation]:
    return list(session.exec(select(Escalation).order_by(col(Escalation.step))))
