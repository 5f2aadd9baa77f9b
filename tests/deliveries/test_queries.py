"""Who has it, what waits for me, and what the sweep finds missing."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta
from typing import Any, Literal

from signed import LETTERHEAD, Post, Story
from sqlalchemy import Engine, event
from sqlmodel import Session

from app.db import Transaction
from app.deliveries.actions import acknowledge, not_mine, retry
from app.deliveries.attempts import attempt
from app.deliveries.channels import Failed
from app.deliveries.escalations import escalate
from app.deliveries.missing import missing_work
from app.deliveries.queries import deliveries_of, inbox_of
from app.deliveries.queueing import queue_missing, queue_withdrawal
from app.documents.tables import Document

GRACE = timedelta(minutes=2)
LATER = timedelta(minutes=3)


def test_the_page_shows_live_who_has_it(story: Story, transaction: Transaction, now: datetime) -> None:
    queue_missing(transaction, LETTERHEAD, version_id=story.sign(), now=now)
    with transaction() as session:
        duty = story.delivery(session, "duty", "inbox").id
        email = story.delivery(session, "priya", "email").id
    attempt(transaction, {"email": Post([Failed(False, "451")])}, delivery_id=email, number=1, now=now)
    escalate(transaction, delivery_id=duty, step=0, now=now + timedelta(hours=4))
    with transaction() as session:
        priya = story.actor(session, "priya")
        not_mine(session, priya, delivery_id=email, note="Left", now=now)
        acknowledge(session, story.actor(session, "colin"), delivery_id=duty, helpfulness="partly", now=now)
    with transaction() as session:
        shown = {
            (view.recipient.name, view.delivery.channel): view for view in deliveries_of(session, story.ids["outcome"])
        }
    assert len(shown) == 6
    by_mail = shown["priya", "email"]
    assert [(one.number, one.result, one.detail) for one in by_mail.attempts] == [(1, "failed", "451")]
    assert by_mail.not_mine is not None
    assert (by_mail.not_mine.by, by_mail.not_mine.note) == ("Priya.Dunmore", "Left")
    assert by_mail.acknowledged is None
    answer = shown["duty", "email"].acknowledged
    assert answer is not None
    assert (answer.by, answer.helpfulness, answer.at) == ("Colin.Ashe", "partly", now)
    assert shown["duty", "inbox"].acknowledged == answer
    (chase,) = shown["duty", "inbox"].escalations
    assert (chase.step, chase.told, chase.mail.status) == (0, "duty inbox of the team", "queued")
    assert shown["duty", "inbox"].version_number == 1


def test_an_inbox_holds_what_came_for_me_and_my_teams_newest_first(
    story: Story, transaction: Transaction, now: datetime
) -> None:
    queue_missing(transaction, LETTERHEAD, version_id=story.sign(), now=now)
    queue_missing(transaction, LETTERHEAD, version_id=story.sign(number=2), now=now + LATER)
    with transaction() as session:
        assert _inbox(story, session, "priya", "all") == [2, 2, 1, 1]
        assert _inbox(story, session, "colin", "all") == [2, 1]
        assert _inbox(story, session, "asha", "all") == []
        priya = story.actor(session, "priya")
        pages = []
        after = None
        while page := inbox_of(session, priya, state="all", limit=3, after=after, now=now + LATER):
            pages.append(len(page))
            after = page[-1].delivery_id
        assert pages == [3, 1]


def test_what_is_acknowledged_no_longer_waits(story: Story, transaction: Transaction, now: datetime) -> None:
    queue_missing(transaction, LETTERHEAD, version_id=story.sign(), now=now)
    with transaction() as session:
        colin = story.actor(session, "colin")
        acknowledge(session, colin, delivery_id=story.delivery(session, "duty", "email").id, now=now)
        assert inbox_of(session, colin, now=now + LATER) == []
        (item,) = inbox_of(session, colin, state="all", now=now + LATER)
        assert (item.reference, item.purpose, item.acknowledged_at) == ("7Q4K-2P", "outcome", now)


def test_a_version_without_document_or_deliveries_is_missing_work(
    story: Story, transaction: Transaction, now: datetime
) -> None:
    version_id = story.sign()
    share = [f"share:{version_id}"]
    assert _missing(transaction, now) == []
    assert _missing(transaction, now + LATER) == share
    with transaction() as session:
        session.add(_document(version_id, now))
    assert _missing(transaction, now + LATER) == share
    queue_missing(transaction, LETTERHEAD, version_id=version_id, now=now + LATER)
    assert _missing(transaction, now + LATER) == []


def test_a_withdrawal_of_which_nobody_was_told_is_missing_work(
    story: Story, transaction: Transaction, now: datetime
) -> None:
    story.sign()
    story.withdraw()
    assert _missing(transaction, now + LATER) == [f"share_withdrawal:{story.ids['outcome']}"]
    queue_withdrawal(transaction, LETTERHEAD, outcome_id=story.ids["outcome"], now=now + LATER)
    assert _missing(transaction, now + LATER) == []


def test_a_delivery_whose_try_is_overdue_is_missing_work(story: Story, transaction: Transaction, now: datetime) -> None:
    version_id = story.sign(to=("priya",))
    queue_missing(transaction, LETTERHEAD, version_id=version_id, now=now)
    with transaction() as session:
        session.add(_document(version_id, now))
        email = story.delivery(session, "priya", "email").id
    assert _missing(transaction, now + LATER) == [f"deliver:{email}:1"]
    post = Post([Failed(False, "451", timedelta(minutes=20))])
    attempt(transaction, {"email": post}, delivery_id=email, number=1, now=now)
    assert _missing(transaction, now + LATER) == []
    assert _missing(transaction, now + timedelta(minutes=23)) == [f"deliver:{email}:2"]
    attempt(transaction, {"email": Post()}, delivery_id=email, number=2, now=now)
    assert _missing(transaction, now + timedelta(minutes=23)) == []


def test_a_chain_that_did_not_wake_is_missing_work(story: Story, transaction: Transaction, now: datetime) -> None:
    version_id = story.sign(to=("police",))
    queue_missing(transaction, LETTERHEAD, version_id=version_id, now=now)
    with transaction() as session:
        session.add(_document(version_id, now))
        inbox = story.delivery(session, "police", "inbox").id
        webhook = story.delivery(session, "police", "webhook").id
    attempt(transaction, {"webhook": Post()}, delivery_id=webhook, number=1, now=now)
    due = now + timedelta(hours=4)
    assert _missing(transaction, due) == []
    assert _missing(transaction, due + LATER) == [f"escalate:{inbox}:0"]
    escalate(transaction, delivery_id=inbox, step=0, now=due + LATER)
    with transaction() as session:
        mail = story.delivery(session, "police", "email", "chase-outcome-0").id
    attempt(transaction, {"email": Post()}, delivery_id=mail, number=1, now=due)
    assert _missing(transaction, due + LATER) == []
    assert _missing(transaction, due + timedelta(hours=1) + LATER) == [f"escalate:{inbox}:1"]
    story.withdraw()
    assert f"escalate:{inbox}:1" not in _missing(transaction, due + timedelta(hours=2))


def test_a_version_waits_no_longer_when_the_same_recipient_has_a_newer_one(
    story: Story, transaction: Transaction, now: datetime
) -> None:
    queue_missing(transaction, LETTERHEAD, version_id=story.sign(), now=now)
    second = story.sign(to=("duty",), number=2)
    with transaction() as session:
        assert _inbox(story, session, "priya") == [1, 1]  # signed, and nobody has been told of it yet
    queue_missing(transaction, LETTERHEAD, version_id=second, now=now + LATER)
    with transaction() as session:
        assert _inbox(story, session, "priya") == [2, 1]  # the duty team's newer one; her own is the first still
        assert _inbox(story, session, "colin") == [2]
        assert _inbox(story, session, "colin", "all") == [2, 1]


def test_what_is_withdrawn_waits_no_longer_but_the_withdrawal_does(
    story: Story, transaction: Transaction, now: datetime
) -> None:
    queue_missing(transaction, LETTERHEAD, version_id=story.sign(), now=now)
    story.withdraw()
    with transaction() as session:
        colin = story.actor(session, "colin")
        assert inbox_of(session, colin, now=now + LATER) == []
    queue_withdrawal(transaction, LETTERHEAD, outcome_id=story.ids["outcome"], now=now + LATER)
    with transaction() as session:
        assert [item.purpose for item in inbox_of(session, colin, now=now + LATER)] == ["withdrawal"]
        assert [item.purpose for item in inbox_of(session, colin, state="all", now=now + LATER)] == [
            "withdrawal",
            "outcome",
        ]


def test_what_is_not_mine_waits_no_longer(story: Story, transaction: Transaction, now: datetime) -> None:
    queue_missing(transaction, LETTERHEAD, version_id=story.sign(), now=now)
    with transaction() as session:
        colin = story.actor(session, "colin")
        (item,) = inbox_of(session, colin, now=now + LATER)
        assert item.not_mine_at is None
        not_mine(session, colin, delivery_id=item.delivery_id, now=now + LATER)
        assert inbox_of(session, colin, now=now + LATER) == []
        (item,) = inbox_of(session, colin, state="all", now=now + LATER)
        assert (item.acknowledged_at, item.not_mine_at) == (None, now + LATER)


def test_every_mail_to_others_is_shown_with_its_tries_and_can_be_tried_again(
    story: Story, transaction: Transaction, now: datetime
) -> None:
    queue_missing(transaction, LETTERHEAD, version_id=story.sign(), now=now)
    with transaction() as session:
        duty = story.delivery(session, "duty", "inbox").id
        not_mine(session, story.actor(session, "colin"), delivery_id=duty, now=now)
    escalate(transaction, delivery_id=duty, step=0, now=now + timedelta(hours=4))
    with transaction() as session:
        purposes = ("chase-outcome-0", "not-mine-author", "not-mine-team")
        ids = {purpose: story.delivery(session, "duty", "email", purpose).id for purpose in purposes}
    for mail in ids.values():
        attempt(transaction, {"email": Post([Failed(True, "550 5.1.1")])}, delivery_id=mail, number=1, now=now)
    with transaction() as session:
        (shown,) = [view for view in deliveries_of(session, story.ids["outcome"]) if view.delivery.id == duty]
        mails = [*(chase.mail for chase in shown.escalations), *shown.not_mine_mails]
        assert {mail.purpose: mail.delivery_id for mail in mails} == ids
        assert {(mail.status, *(one.detail for one in mail.attempts)) for mail in mails} == {("dead", "550 5.1.1")}
        for mail in mails:
            retry(session, story.actor(session, "asha"), delivery_id=mail.delivery_id, now=now)


def test_the_sweep_asks_no_more_of_the_database_for_what_is_settled(
    story: Story, transaction: Transaction, engine: Engine, now: datetime
) -> None:
    """Acknowledged, superseded, at the end of the chain, withdrawn: one after the other."""
    due = now + timedelta(hours=8)
    with _statements(engine) as empty:
        _missing(transaction, due)
    for number in range(1, 6):
        queue_missing(transaction, LETTERHEAD, version_id=story.sign(number=number), now=now)
    with transaction() as session:
        duty, police = (story.delivery(session, name, "inbox").id for name in ("duty", "police"))
    assert _chases(transaction, due) == {f"escalate:{duty}:0", f"escalate:{police}:0"}
    with transaction() as session:
        acknowledge(session, story.actor(session, "colin"), delivery_id=duty, now=now)
    for step in range(3):
        assert _chases(transaction, due) == {f"escalate:{police}:{step}"}
        escalate(transaction, delivery_id=police, step=step, now=due)
    assert _chases(transaction, due) == set()
    with _statements(engine) as settled:
        _missing(transaction, due)
    assert len(settled) == len(empty)
    story.withdraw()
    queue_withdrawal(transaction, LETTERHEAD, outcome_id=story.ids["outcome"], now=now)
    with _statements(engine) as withdrawn:
        assert {work.partition(":")[0] for work in _missing(transaction, due)} >= {"escalate"}
    assert len(withdrawn) == len(empty)


@contextmanager
def _statements(engine: Engine) -> Iterator[list[str]]:
    """Every statement that the database is sent meanwhile."""
    seen: list[str] = []

    def note(connection: Any, cursor: Any, statement: str, *more: Any) -> None:
        seen.append(statement)

    event.listen(engine, "before_cursor_execute", note)
    try:
        yield seen
    finally:
        event.remove(engine, "before_cursor_execute", note)


def _chases(transaction: Transaction, at: datetime) -> set[str]:
    return {work for work in _missing(transaction, at) if work.startswith("escalate:")}


def _inbox(story: Story, session: Session, name: str, state: Literal["waiting", "all"] = "waiting") -> list[int]:
    return [
        item.version_number
        for item in inbox_of(session, story.actor(session, name), state=state, now=story.now + LATER)
    ]


def _missing(transaction: Transaction, at: datetime) -> list[str]:
    with transaction() as session:
        return [work.id for work in missing_work(session, now=at, grace=GRACE)]


def _document(version_id, now: datetime) -> Document:  # type: ignore[no-untyped-def]
    return Document(
        version_id=version_id,
        data_encrypted=b"not looked at",
        sha256="0" * 64,
        pages=2,
        seal_level="B-B",
        certificate_sha256="0" * 64,
        created_at=now,
    )
