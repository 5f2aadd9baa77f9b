"""One try: sent outside any transaction, settled in one, recorded once."""

import threading
from datetime import datetime, timedelta
from uuid import UUID

import pytest
from signed import LETTERHEAD, Post, Story, attempts_of, enqueued
from sqlalchemy.exc import OperationalError
from sqlmodel import select

from app.db import Transaction
from app.deliveries.attempts import attempt, move, while_database_is_away
from app.deliveries.channels import Failed, Sent
from app.deliveries.queueing import queue_missing, queue_withdrawal
from app.deliveries.rules import BACK_OFF
from app.deliveries.tables import Delivery
from app.people.tables import Account, Grant


@pytest.fixture
def email_id(story: Story, transaction: Transaction, now: datetime) -> UUID:
    """The queued e-mail to Priya Dunmore."""
    queue_missing(transaction, LETTERHEAD, version_id=story.sign(), now=now)
    with transaction() as session:
        return story.delivery(session, "priya", "email").id


def test_what_was_taken_is_sent(transaction: Transaction, email_id: UUID, now: datetime) -> None:
    post = Post()
    attempt(transaction, {"email": post}, delivery_id=email_id, number=1, now=now)
    assert [notice.delivery_id for notice in post.received] == [email_id]
    with transaction() as session:
        assert session.get_one(Delivery, email_id).status == "sent"
        (row,) = attempts_of(session, email_id)
        assert (row.number, row.result, row.detail, row.next_at) == (1, "sent", "taken", None)
        assert row.started_at == now <= row.ended_at


def test_a_passing_failure_is_tried_again_after_the_wait(
    transaction: Transaction, email_id: UUID, now: datetime
) -> None:
    post = Post([Failed(False, "451 4.3.0")])
    attempt(transaction, {"email": post}, delivery_id=email_id, number=1, now=now)
    with transaction() as session:
        assert session.get_one(Delivery, email_id).status == "queued"
        (row,) = attempts_of(session, email_id)
        assert (row.result, row.is_permanent, row.next_at) == ("failed", False, row.ended_at + BACK_OFF[1])
        assert 25_000 < enqueued(session)[f"deliver:{email_id}:2"] <= 31_000


def test_the_wait_that_the_other_side_asks_for_is_kept(transaction: Transaction, email_id: UUID, now: datetime) -> None:
    post = Post([Failed(False, "HTTP 503", timedelta(minutes=7))])
    attempt(transaction, {"email": post}, delivery_id=email_id, number=1, now=now)
    with transaction() as session:
        (row,) = attempts_of(session, email_id)
        assert row.next_at == row.ended_at + timedelta(minutes=7)


def test_a_lasting_failure_is_dead_and_visible(transaction: Transaction, email_id: UUID, now: datetime) -> None:
    post = Post([Failed(True, "recipient refused: 550 5.1.1")])
    attempt(transaction, {"email": post}, delivery_id=email_id, number=1, now=now)
    with transaction() as session:
        assert session.get_one(Delivery, email_id).status == "dead"
        (row,) = attempts_of(session, email_id)
        assert (row.is_permanent, row.detail, row.next_at) == (True, "recipient refused: 550 5.1.1", None)
        assert f"deliver:{email_id}:2" not in enqueued(session)


def test_after_the_last_try_the_delivery_is_dead(transaction: Transaction, email_id: UUID, now: datetime) -> None:
    post = Post([Failed(False, "not reached")] * len(BACK_OFF))
    for number in range(1, len(BACK_OFF) + 1):
        attempt(transaction, {"email": post}, delivery_id=email_id, number=number, now=now)
    with transaction() as session:
        assert session.get_one(Delivery, email_id).status == "dead"
        assert [row.number for row in attempts_of(session, email_id)] == list(range(1, len(BACK_OFF) + 1))


def test_a_try_that_is_recorded_is_not_made_again(transaction: Transaction, email_id: UUID, now: datetime) -> None:
    post = Post([Failed(False, "not reached")])
    for _ in range(2):
        attempt(transaction, {"email": post}, delivery_id=email_id, number=1, now=now)
    assert len(post.received) == 1


def test_a_try_made_twice_at_once_is_one_row_under_one_delivery_id(
    transaction: Transaction, email_id: UUID, now: datetime
) -> None:
    together = threading.Barrier(2)

    class Slow(Post):
        def send(self, notification):  # type: ignore[no-untyped-def]
            together.wait(timeout=10)
            return super().send(notification)

    post = Slow([Failed(False, "451"), Failed(False, "451")])
    tries = [
        threading.Thread(
            target=attempt,
            args=(transaction, {"email": post}),
            kwargs={"delivery_id": email_id, "number": 1, "now": now},
        )
        for _ in range(2)
    ]
    for one in tries:
        one.start()
    for one in tries:
        one.join()
    assert [notice.delivery_id for notice in post.received] == [email_id, email_id]
    with transaction() as session:
        assert len(attempts_of(session, email_id)) == 1
        assert len([name for name in enqueued(session) if name.startswith(f"deliver:{email_id}:")]) == 2


def test_who_may_no_longer_read_is_not_told(
    story: Story, transaction: Transaction, email_id: UUID, now: datetime
) -> None:
    with transaction() as session:
        for grant in session.exec(select(Grant).where(Grant.account_id == story.ids["priya"])):
            grant.until_at = now
        for grant in session.exec(select(Grant).where(Grant.team_id == story.ids["duty"])):
            grant.until_at = now
    post = Post()
    attempt(transaction, {"email": post}, delivery_id=email_id, number=1, now=now)
    assert post.received == []
    with transaction() as session:
        assert session.get_one(Delivery, email_id).status == "cancelled"
        (row,) = attempts_of(session, email_id)
        assert (row.result, row.detail) == ("cancelled", "may no longer read this outcome")


@pytest.mark.parametrize("kind", ["break-glass", "given"])
def test_who_reads_it_for_another_reason_only_is_told_nothing_more(
    kind: str, story: Story, transaction: Transaction, email_id: UUID, now: datetime
) -> None:
    with transaction() as session:
        for grant in session.exec(select(Grant)):
            grant.until_at = now
        session.add(
            Grant(
                outcome_id=story.ids["outcome"],
                account_id=story.ids["priya"],
                kind=kind,
                reason="Opened in an emergency",
                from_at=now,
                until_at=now + timedelta(minutes=60),
            )
        )
    post = Post()
    attempt(transaction, {"email": post}, delivery_id=email_id, number=1, now=now)
    assert post.received == []


def test_a_team_whose_grant_ended_is_not_told(
    story: Story, transaction: Transaction, email_id: UUID, now: datetime
) -> None:
    with transaction() as session:
        for grant in session.exec(select(Grant).where(Grant.team_id == story.ids["duty"])):
            grant.until_at = now
        team_email = story.delivery(session, "duty", "email").id
    post = Post()
    for delivery_id in (team_email, email_id):
        attempt(transaction, {"email": post}, delivery_id=delivery_id, number=1, now=now)
    assert [notice.delivery_id for notice in post.received] == [email_id]


def test_a_closed_account_is_not_told_even_of_a_withdrawal(
    story: Story, transaction: Transaction, email_id: UUID, now: datetime
) -> None:
    story.withdraw()
    queue_withdrawal(transaction, LETTERHEAD, outcome_id=story.ids["outcome"], now=now)
    with transaction() as session:
        session.get_one(Account, story.ids["priya"]).closed_at = now
        withdrawal = story.delivery(session, "priya", "email", "withdrawal").id
    post = Post()
    for delivery_id in (email_id, withdrawal):
        attempt(transaction, {"email": post}, delivery_id=delivery_id, number=1, now=now)
    assert post.received == []
    with transaction() as session:
        assert [attempts_of(session, one)[0].detail for one in (email_id, withdrawal)] == ["the account is closed"] * 2


def test_a_withdrawal_also_reaches_those_who_may_no_longer_read(
    story: Story, transaction: Transaction, email_id: UUID, now: datetime
) -> None:
    story.withdraw()
    queue_withdrawal(transaction, LETTERHEAD, outcome_id=story.ids["outcome"], now=now)
    with transaction() as session:
        for grant in session.exec(select(Grant)):
            grant.until_at = now
        withdrawal = story.delivery(session, "priya", "email", "withdrawal").id
    post = Post()
    for delivery_id in (email_id, withdrawal):
        attempt(transaction, {"email": post}, delivery_id=delivery_id, number=1, now=now)
    assert [notice.delivery_id for notice in post.received] == [withdrawal]
    with transaction() as session:
        assert attempts_of(session, email_id)[0].detail == "withdrawn before it was sent"


def test_a_result_that_comes_after_a_cancellation_does_not_undo_it(
    story: Story, transaction: Transaction, email_id: UUID, now: datetime
) -> None:
    class Meanwhile(Post):
        def send(self, notification):  # type: ignore[no-untyped-def]
            with transaction() as session:
                assert move(session, email_id, "cancelled")
            return Sent("taken")

    attempt(transaction, {"email": Meanwhile()}, delivery_id=email_id, number=1, now=now)
    with transaction() as session:
        assert session.get_one(Delivery, email_id).status == "cancelled"
        assert attempts_of(session, email_id)[0].result == "sent"


def test_a_result_is_settled_when_the_database_is_back() -> None:
    away = [OperationalError("COMMIT", {}, Exception("away"))] * 2
    settled = []

    def settle() -> None:
        if away:
            raise away.pop()
        settled.append("once")

    while_database_is_away(settle)
    assert settled == ["once"]


def test_a_webhook_is_signed_with_the_secret_its_team_has_now(
    story: Story, transaction: Transaction, email_id: UUID, now: datetime
) -> None:
    with transaction() as session:
        webhook_id = story.delivery(session, "police", "webhook").id
    post = Post()
    attempt(transaction, {"webhook": post}, delivery_id=webhook_id, number=1, now=now)
    assert [notice.secret for notice in post.received] == ["whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"]
