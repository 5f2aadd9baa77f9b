"""Silence is answered along the site's chain until a person acknowledges."""

from datetime import datetime, timedelta
from uuid import UUID

import pytest
from signed import LETTERHEAD, Post, Story, attempts_of, enqueued, escalations_of
from sqlmodel import select

from app.db import Transaction
from app.deliveries.actions import acknowledge
from app.deliveries.attempts import attempt
from app.deliveries.channels import Failed
from app.deliveries.escalations import escalate
from app.deliveries.queueing import queue_missing, queue_withdrawal
from app.deliveries.tables import Delivery
from app.people.tables import Team


@pytest.fixture
def chain_id(story: Story, transaction: Transaction, now: datetime) -> UUID:
    """The in-app delivery to the duty team, on which its chain hangs."""
    queue_missing(transaction, LETTERHEAD, version_id=story.sign(), now=now)
    with transaction() as session:
        return story.delivery(session, "duty", "inbox").id


def test_the_chain_tells_one_after_the_other(transaction: Transaction, chain_id: UUID, now: datetime) -> None:
    for step in range(4):
        escalate(transaction, delivery_id=chain_id, step=step, now=now + timedelta(hours=4 + step))
    with transaction() as session:
        assert [(row.step, row.told, row.address) for row in escalations_of(session)] == [
            (0, "duty inbox of the team", "duty@meon.example"),
            (1, "author", "asha.kerrin@meon.example"),
            (2, "Named nurses", "nurses@meon.example"),
        ]
        assert {f"escalate:{chain_id}:{step}" for step in range(4)} & enqueued(session).keys() == {
            f"escalate:{chain_id}:{step}" for step in range(3)
        }


def test_the_next_step_waits_its_time(transaction: Transaction, chain_id: UUID, now: datetime) -> None:
    escalate(transaction, delivery_id=chain_id, step=0, now=now + timedelta(hours=4))
    with transaction() as session:
        assert abs(enqueued(session)[f"escalate:{chain_id}:1"] - 3600_000) < 5000


def test_a_mail_of_the_chain_says_the_same_words_and_is_tried_again(
    story: Story, transaction: Transaction, chain_id: UUID, now: datetime
) -> None:
    escalate(transaction, delivery_id=chain_id, step=0, now=now)
    with transaction() as session:
        mail = session.exec(select(Delivery).where(Delivery.purpose == "chase-outcome-0")).one()
        assert mail.payload == story.delivery(session, "duty", "inbox").payload
    attempt(transaction, {"email": Post([Failed(False, "421")])}, delivery_id=mail.id, number=1, now=now)
    with transaction() as session:
        assert f"deliver:{mail.id}:2" in enqueued(session)
    post = Post()
    attempt(transaction, {"email": post}, delivery_id=mail.id, number=2, now=now)
    assert [notice.address for notice in post.received] == ["duty@meon.example"]
    with transaction() as session:
        assert [row.result for row in attempts_of(session, mail.id)] == ["failed", "sent"]


def test_waking_twice_tells_once(transaction: Transaction, chain_id: UUID, now: datetime) -> None:
    for _ in range(2):
        escalate(transaction, delivery_id=chain_id, step=0, now=now)
    with transaction() as session:
        assert len(escalations_of(session)) == 1
        assert len(session.exec(select(Delivery).where(Delivery.purpose == "chase-outcome-0")).all()) == 1


@pytest.mark.parametrize("by", ["priya", "duty"])
def test_one_person_of_the_team_ends_the_chain(
    story: Story, transaction: Transaction, chain_id: UUID, now: datetime, by: str
) -> None:
    with transaction() as session:
        acknowledge(
            session, story.actor(session, "priya"), delivery_id=story.delivery(session, by, "inbox").id, now=now
        )
    escalate(transaction, delivery_id=chain_id, step=0, now=now + timedelta(hours=4))
    with transaction() as session:
        assert escalations_of(session) == []


def test_another_teams_answer_does_not_end_the_chain(
    story: Story, transaction: Transaction, chain_id: UUID, now: datetime
) -> None:
    with transaction() as session:
        police = story.delivery(session, "police", "inbox").id
        acknowledge(session, story.actor(session, "priya"), delivery_id=chain_id, now=now)
    escalate(transaction, delivery_id=police, step=0, now=now + timedelta(hours=4))
    with transaction() as session:
        # The police team has no inbox to write to, so the author is told.
        assert [(row.told, row.address) for row in escalations_of(session)] == [("author", "asha.kerrin@meon.example")]


def test_a_newer_version_takes_the_chain_over(
    story: Story, transaction: Transaction, chain_id: UUID, now: datetime
) -> None:
    queue_missing(transaction, LETTERHEAD, version_id=story.sign(number=2), now=now)
    escalate(transaction, delivery_id=chain_id, step=0, now=now + timedelta(hours=4))
    with transaction() as session:
        assert escalations_of(session) == []
        newer = story.delivery(session, "duty", "inbox").id
    escalate(transaction, delivery_id=newer, step=0, now=now + timedelta(hours=4))
    with transaction() as session:
        assert [row.delivery_id for row in escalations_of(session)] == [newer]


def test_an_answer_to_the_first_version_does_not_answer_the_second(
    story: Story, transaction: Transaction, chain_id: UUID, now: datetime
) -> None:
    with transaction() as session:
        acknowledge(session, story.actor(session, "priya"), delivery_id=chain_id, now=now)
    queue_missing(transaction, LETTERHEAD, version_id=story.sign(number=2), now=now)
    with transaction() as session:
        newer = story.delivery(session, "duty", "inbox").id
    escalate(transaction, delivery_id=newer, step=0, now=now + timedelta(hours=4))
    with transaction() as session:
        assert [row.delivery_id for row in escalations_of(session)] == [newer]


def test_a_withdrawal_takes_the_chain_over_and_is_chased_itself(
    story: Story, transaction: Transaction, chain_id: UUID, now: datetime
) -> None:
    with transaction() as session:
        acknowledge(session, story.actor(session, "priya"), delivery_id=chain_id, now=now)
    story.withdraw()
    queue_withdrawal(transaction, LETTERHEAD, outcome_id=story.ids["outcome"], now=now)
    with transaction() as session:
        police = story.delivery(session, "police", "inbox").id
        withdrawal = story.delivery(session, "duty", "inbox", "withdrawal").id
    for delivery_id in (police, withdrawal):
        escalate(transaction, delivery_id=delivery_id, step=0, now=now + timedelta(hours=4))
    with transaction() as session:
        assert [row.delivery_id for row in escalations_of(session)] == [withdrawal]
        mail = session.exec(select(Delivery).where(Delivery.purpose == "chase-withdrawal-0")).one()
        assert mail.address == "duty@meon.example"


def test_a_team_without_an_inbox_is_not_silence_without_end(
    story: Story, transaction: Transaction, chain_id: UUID, now: datetime
) -> None:
    with transaction() as session:
        session.get_one(Team, story.ids["nurses"]).inbox_email = None
    escalate(transaction, delivery_id=chain_id, step=2, now=now)
    with transaction() as session:
        assert [row.told for row in escalations_of(session)] == ["author"]
