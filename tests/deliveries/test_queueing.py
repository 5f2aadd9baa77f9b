"""One delivery for each recipient and channel, once, whatever is repeated."""

import logging
from datetime import datetime, timedelta
from typing import Any

import pytest
from signed import LETTERHEAD, POLICY, Story, enqueued
from sqlmodel import Session, select

from app.db import Transaction
from app.deliveries.missing import missing_work
from app.deliveries.queueing import queue_missing, queue_withdrawal
from app.deliveries.tables import Attempt, Delivery
from app.outcomes.tables import Recipient
from app.sites.tables import Site


def test_every_recipient_is_told_by_every_channel_they_have(
    story: Story, transaction: Transaction, now: datetime
) -> None:
    queue_missing(transaction, LETTERHEAD, version_id=story.sign(), now=now)
    with transaction() as session:
        rows = session.exec(select(Recipient.name, Delivery.channel, Delivery.address, Delivery.status).join(Recipient))
        assert sorted(rows, key=str) == sorted(
            [
                ("duty", "inbox", None, "sent"),
                ("duty", "email", "duty@meon.example", "queued"),
                ("priya", "inbox", None, "sent"),
                ("priya", "email", "priya.dunmore@meon.example", "queued"),
                ("police", "inbox", None, "sent"),
                ("police", "webhook", "http://127.0.0.1:9/hook", "queued"),
            ],
            key=str,
        )


def test_sending_starts_at_once_and_the_chain_only_for_teams(
    story: Story, transaction: Transaction, now: datetime
) -> None:
    queue_missing(transaction, LETTERHEAD, version_id=story.sign(), now=now)
    with transaction() as session:
        work = enqueued(session)
        four_hours = 4 * 3600 * 1000  # told on a Monday afternoon
        expected = {
            f"deliver:{story.delivery(session, 'duty', 'email').id}:1": 0,
            f"deliver:{story.delivery(session, 'priya', 'email').id}:1": 0,
            f"deliver:{story.delivery(session, 'police', 'webhook').id}:1": 0,
            f"escalate:{story.delivery(session, 'duty', 'inbox').id}:0": four_hours,
            f"escalate:{story.delivery(session, 'police', 'inbox').id}:0": four_hours,
        }
        assert work.keys() == expected.keys()
        assert all(abs(work[name] - wait) < 5000 for name, wait in expected.items())


def test_queueing_again_changes_nothing(story: Story, transaction: Transaction, now: datetime) -> None:
    version_id = story.sign()
    for _ in range(2):
        queue_missing(transaction, LETTERHEAD, version_id=version_id, now=now)
    with transaction() as session:
        assert len(session.exec(select(Delivery)).all()) == 6
        assert len(session.exec(select(Attempt)).all()) == 3  # the three inboxes
        assert len(enqueued(session)) == 5


def test_what_a_notice_says_is_frozen_when_it_is_queued(story: Story, transaction: Transaction, now: datetime) -> None:
    queue_missing(transaction, LETTERHEAD, version_id=story.sign(), now=now)
    with transaction() as session:
        for delivery in session.exec(select(Delivery)):
            assert delivery.payload == {
                "service_name": "Sameday",
                "reference": "7Q4K-2P",
                "link": "https://sameday.example/outcomes/7Q4K-2P",
            }


def test_a_version_withdrawn_before_it_was_queued_tells_nobody(
    story: Story, transaction: Transaction, now: datetime
) -> None:
    version_id = story.sign()
    story.withdraw()
    queue_missing(transaction, LETTERHEAD, version_id=version_id, now=now)
    with transaction() as session:
        assert session.exec(select(Delivery)).all() == []


def test_a_withdrawal_reaches_the_recipients_of_every_version_once(
    story: Story, transaction: Transaction, now: datetime
) -> None:
    first = story.sign()
    second = story.sign(to=("duty",), number=2)
    for version_id in (first, second):
        queue_missing(transaction, LETTERHEAD, version_id=version_id, now=now)
    story.withdraw()
    for _ in range(2):
        queue_withdrawal(transaction, LETTERHEAD, outcome_id=story.ids["outcome"], now=now)
    with transaction() as session:
        withdrawn = session.exec(
            select(Recipient.name, Delivery.channel, Delivery.version_id)
            .join(Recipient)
            .where(Delivery.purpose == "withdrawal")
        )
        assert sorted(withdrawn) == sorted(
            [
                ("duty", "inbox", second),
                ("duty", "email", second),
                ("priya", "inbox", first),
                ("priya", "email", first),
                ("police", "inbox", first),
                ("police", "webhook", first),
            ]
        )


@pytest.mark.parametrize("hours", [{"from": "09:00Z"}, {"from": "09:00Z", "until": "17:00Z"}])
def test_a_policy_that_cannot_be_used_keeps_nobody_from_being_told(
    story: Story, transaction: Transaction, now: datetime, hours: dict[str, str], caplog: pytest.LogCaptureFixture
) -> None:
    """Such a policy was taken before times with a zone were refused."""
    version_id = story.sign()
    _set_policy(story, transaction, {"working_hours": hours})
    with caplog.at_level(logging.ERROR):
        queue_missing(transaction, LETTERHEAD, version_id=version_id, now=now)
    assert [vars(record)["site"] for record in caplog.records] == [story.ids["site"]]
    later = now + timedelta(days=2)
    with transaction() as session:
        assert len(session.exec(select(Delivery)).all()) == 6
        assert {name.partition(":")[0] for name in enqueued(session)} == {"deliver"}
        assert _escalations_missing(session, later) == set()
        silent = {story.delivery(session, name, "inbox").id for name in ("duty", "police")}
    _set_policy(story, transaction, POLICY)
    with transaction() as session:
        assert _escalations_missing(session, later) == {f"escalate:{delivery_id}:0" for delivery_id in silent}


def _set_policy(story: Story, transaction: Transaction, policy: dict[str, Any]) -> None:
    with transaction() as session:
        session.get_one(Site, story.ids["site"]).policy = policy


def _escalations_missing(session: Session, at: datetime) -> set[str]:
    found = missing_work(session, now=at, grace=timedelta(minutes=2))
    return {work.id for work in found if work.name == "escalate"}
