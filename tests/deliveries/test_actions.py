"""What people do: open, acknowledge, say 'not mine', ask for another try."""

from datetime import datetime, timedelta
from uuid import UUID, uuid4

import pytest
from signed import LETTERHEAD, Post, Story, attempts_of, enqueued
from sqlalchemy import update
from sqlmodel import select

from app.audit import AuditEvent
from app.db import Transaction
from app.deliveries import actions
from app.deliveries.attempts import attempt
from app.deliveries.channels import Failed
from app.deliveries.queries import inbox_of
from app.deliveries.queueing import queue_missing, queue_withdrawal
from app.deliveries.tables import Acknowledgement, Delivery
from app.errors import DomainError
from app.people.rules import Denied
from app.people.tables import Grant, RoleAssignment


@pytest.fixture
def version_id(story: Story, transaction: Transaction, now: datetime) -> UUID:
    version_id = story.sign()
    queue_missing(transaction, LETTERHEAD, version_id=version_id, now=now)
    return version_id


def test_the_first_opening_is_kept(story: Story, transaction: Transaction, version_id: UUID, now: datetime) -> None:
    for minutes in (1, 2):
        with transaction() as session:
            at = now + timedelta(minutes=minutes)
            actions.mark_opened(session, story.actor(session, "priya"), version_id=version_id, now=at)
    with transaction() as session:
        for name, channel in (("priya", "inbox"), ("priya", "email"), ("duty", "inbox"), ("duty", "email")):
            delivery = story.delivery(session, name, channel)
            assert (delivery.opened_at, delivery.opened_by) == (now + timedelta(minutes=1), story.ids["priya"])


def test_opening_marks_only_what_was_for_the_reader(
    story: Story, transaction: Transaction, version_id: UUID, now: datetime
) -> None:
    with transaction() as session:
        actions.mark_opened(session, story.actor(session, "colin"), version_id=version_id, now=now)
        actions.mark_opened(session, story.actor(session, "asha"), version_id=version_id, now=now)
    with transaction() as session:
        assert story.delivery(session, "duty", "inbox").opened_by == story.ids["colin"]
        assert story.delivery(session, "priya", "inbox").opened_at is None
        assert story.delivery(session, "police", "inbox").opened_at is None


def test_the_first_answer_stands(story: Story, transaction: Transaction, version_id: UUID, now: datetime) -> None:
    with transaction() as session:
        delivery_id = story.delivery(session, "duty", "inbox").id
        first, is_first = actions.acknowledge(
            session, story.actor(session, "colin"), delivery_id=delivery_id, helpfulness="very", note="Thanks", now=now
        )
        assert is_first
    with transaction() as session:
        again, is_first = actions.acknowledge(
            session,
            story.actor(session, "priya"),
            delivery_id=delivery_id,
            helpfulness="not",
            now=now + timedelta(hours=1),
        )
        assert not is_first
        assert again == first
        assert (again.by, again.helpfulness, again.note) == (story.ids["colin"], "very", "Thanks")
        events = session.exec(select(AuditEvent.actor_id).where(AuditEvent.action == "acknowledge")).all()
        assert events == [story.ids["colin"]]


def test_an_answer_by_one_channel_counts_for_all(
    story: Story, transaction: Transaction, version_id: UUID, now: datetime
) -> None:
    with transaction() as session:
        priya = story.actor(session, "priya")
        by_mail, _ = actions.acknowledge(
            session, priya, delivery_id=story.delivery(session, "priya", "email").id, now=now
        )
        in_app, is_first = actions.acknowledge(
            session, priya, delivery_id=story.delivery(session, "priya", "inbox").id, now=now
        )
        assert (in_app, is_first) == (by_mail, False)
        assert len(session.exec(select(Acknowledgement)).all()) == 1


@pytest.mark.parametrize(("who", "whose"), [("colin", "priya"), ("asha", "duty"), ("priya", "police")])
def test_nobody_answers_for_others(
    story: Story, transaction: Transaction, version_id: UUID, now: datetime, who: str, whose: str
) -> None:
    with transaction() as session:
        delivery_id = story.delivery(session, whose, "inbox").id
        for verb in (actions.acknowledge, actions.not_mine):
            with pytest.raises(Denied):
                verb(session, story.actor(session, who), delivery_id=delivery_id, now=now)


def test_what_does_not_exist_looks_like_what_is_not_for_you(
    story: Story, transaction: Transaction, version_id: UUID, now: datetime
) -> None:
    with transaction() as session:
        for verb in (actions.acknowledge, actions.not_mine, actions.retry):
            with pytest.raises(Denied):
                verb(session, story.actor(session, "priya"), delivery_id=uuid4(), now=now)


def test_who_may_read_it_no_more_has_only_its_withdrawal_to_answer(
    story: Story, transaction: Transaction, version_id: UUID, now: datetime
) -> None:
    with transaction() as session:
        assert len(inbox_of(session, story.actor(session, "colin"), now=now)) == 1
        session.connection().execute(update(Grant).values(until_at=now))
    later = now + timedelta(minutes=1)
    with transaction() as session:
        colin, outcome = story.actor(session, "colin"), story.delivery(session, "duty", "inbox").id
        assert inbox_of(session, colin, state="all", now=later) == []
    for answer in (actions.acknowledge, actions.not_mine):
        with pytest.raises(Denied), transaction() as session:
            answer(session, colin, delivery_id=outcome, now=later)
    story.withdraw()
    queue_withdrawal(transaction, LETTERHEAD, outcome_id=story.ids["outcome"], now=later)
    with transaction() as session:
        (item,) = inbox_of(session, colin, state="all", now=later)
        assert item.purpose == "withdrawal"
        _, is_first = actions.acknowledge(session, colin, delivery_id=item.delivery_id, now=later)
        assert is_first


def test_not_mine_goes_back_to_the_ward_and_the_duty_inbox(
    story: Story, transaction: Transaction, version_id: UUID, now: datetime
) -> None:
    with transaction() as session:
        delivery_id = story.delivery(session, "priya", "inbox").id
        for _ in range(2):
            said, _ = actions.not_mine(
                session, story.actor(session, "priya"), delivery_id=delivery_id, note="Left the team", now=now
            )
        assert (said.by, said.note) == (story.ids["priya"], "Left the team")
    with transaction() as session:
        told = session.exec(select(Delivery).where(Delivery.purpose.startswith("not-mine"))).all()  # type: ignore[attr-defined]
        assert {mail.address for mail in told} == {"asha.kerrin@meon.example", "duty@meon.example"}
        assert {f"deliver:{mail.id}:1" for mail in told} <= enqueued(session).keys()
    post = Post()
    for mail in told:
        attempt(transaction, {"email": post}, delivery_id=mail.id, number=1, now=now)
    assert {notice.address for notice in post.received} == {"asha.kerrin@meon.example", "duty@meon.example"}


def test_notices_to_others_cannot_be_answered(
    story: Story, transaction: Transaction, version_id: UUID, now: datetime
) -> None:
    with transaction() as session:
        priya = story.actor(session, "priya")
        actions.not_mine(session, priya, delivery_id=story.delivery(session, "priya", "inbox").id, now=now)
        told = story.delivery(session, "priya", "email", "not-mine-author")
        with pytest.raises(Denied):
            actions.acknowledge(session, priya, delivery_id=told.id, now=now)


def test_the_author_may_try_again_beyond_the_limit(
    story: Story, transaction: Transaction, version_id: UUID, now: datetime
) -> None:
    with transaction() as session:
        delivery_id = story.delivery(session, "priya", "email").id
    attempt(transaction, {"email": Post([Failed(True, "550")])}, delivery_id=delivery_id, number=1, now=now)
    with transaction() as session:
        for _ in range(2):
            actions.retry(session, story.actor(session, "asha"), delivery_id=delivery_id, now=now)
        assert session.get_one(Delivery, delivery_id).status == "queued"
        assert f"deliver:{delivery_id}:2:by-hand" in enqueued(session)
    attempt(transaction, {"email": Post()}, delivery_id=delivery_id, number=2, now=now)
    with transaction() as session:
        assert session.get_one(Delivery, delivery_id).status == "sent"
        assert [row.result for row in attempts_of(session, delivery_id)] == ["failed", "sent"]
        with pytest.raises(DomainError, match="delivery-not-waiting"):
            actions.retry(session, story.actor(session, "asha"), delivery_id=delivery_id, now=now)


def test_recipients_may_not_ask_for_another_try_but_administrators_may(
    story: Story, transaction: Transaction, version_id: UUID, now: datetime
) -> None:
    with transaction() as session:
        delivery_id = story.delivery(session, "priya", "email").id
        with pytest.raises(Denied):
            actions.retry(session, story.actor(session, "priya"), delivery_id=delivery_id, now=now)
        session.add(RoleAssignment(account_id=story.ids["colin"], role="administrator", given_at=now))
        session.flush()
        actions.retry(session, story.actor(session, "colin"), delivery_id=delivery_id, now=now)
        events = session.exec(select(AuditEvent.actor_id).where(AuditEvent.action == "retry-delivery")).all()
        assert events == [story.ids["colin"]]
