"""Telling of a broken glass: the author of the outcome, and those who watch over the site."""

from collections import defaultdict
from collections.abc import Iterator, Sequence
from datetime import datetime
from typing import Final
from uuid import UUID

from sqlmodel import Session, col, select

from app import engine
from app.db import SERVICE, acting_as, insert_if_absent
from app.deliveries import work
from app.deliveries.queries import Mail
from app.deliveries.rules import EMAIL, GLASS, GLASS_AGAIN, Letterhead, payload_of
from app.deliveries.tables import Attempt, Delivery
from app.outcomes.break_glass_tables import BreakGlass
from app.outcomes.queries import versions_of
from app.outcomes.tables import Outcome
from app.people.queries import holders_of
from app.people.tables import Account

TO_AUTHOR: Final = "glass-author"
TO_LEAD: Final = "glass-site-lead"
TO_OFFICER: Final = "glass-officer"


def tell_of_break_glass(session: Session, glass: BreakGlass, letterhead: Letterhead, now: datetime) -> None:
    """Queue a mail to everyone who must know, in the transaction in which the glass is broken.

    To the author, and to the site's leads; where there is no other lead, to the privacy officers. Fixed words: that it
    happened, with the reference and a link. Who and why, they read after signing in.
    """
    outcome = session.get_one(Outcome, glass.outcome_id)
    words = {"words": GLASS_AGAIN if glass.is_repeated else GLASS}
    for_author = payload_of(letterhead, outcome.reference) | words
    # Who reviews has no grant: the outcome's own page would be closed to them.
    for_reviewers = for_author | {"link": f"{letterhead.base_url.rstrip('/')}/break-glass"}
    with acting_as(session, SERVICE):
        version = versions_of(session, outcome.id)[-1]
        for purpose, address in _whom(session, outcome, glass.account_id, now):
            delivery = Delivery(
                version_id=version.id,
                break_glass_id=glass.id,
                channel=EMAIL,
                purpose=purpose,
                address=address,
                payload=for_author if purpose == TO_AUTHOR else for_reviewers,
                status="queued",
                queued_at=now,
            )
            if insert_if_absent(session, delivery):
                engine.enqueue(session, work.deliver(delivery.id, 1))


def mails_about(session: Session, glass_ids: Sequence[UUID]) -> dict[UUID, list[Mail]]:
    """The mails that told of each broken glass, with their tries, oldest first."""
    found: defaultdict[UUID, list[Mail]] = defaultdict(list)
    wanted = select(Delivery).where(col(Delivery.break_glass_id).in_(glass_ids)).order_by(col(Delivery.id))
    for delivery in session.exec(wanted).all():
        tries = select(Attempt).where(Attempt.delivery_id == delivery.id).order_by(col(Attempt.number))
        assert delivery.break_glass_id is not None
        mail = Mail(delivery.id, delivery.purpose, delivery.status, tuple(session.exec(tries)))
        found[delivery.break_glass_id].append(mail)
    return found


def _whom(session: Session, outcome: Outcome, broken_by: UUID, now: datetime) -> Iterator[tuple[str, str]]:
    author = session.get_one(Account, outcome.author_id)
    if author.closed_at is None or author.closed_at > now:
        yield TO_AUTHOR, author.email
    leads = _others(holders_of(session, "site-lead", outcome.site_id, now), broken_by)
    yield from ((TO_LEAD, email) for email in leads)
    if not leads:
        officers = _others(holders_of(session, "privacy-officer", outcome.site_id, now), broken_by)
        yield from ((TO_OFFICER, email) for email in officers)


def _others(accounts: Sequence[Account], broken_by: UUID) -> list[str]:
    return [account.email for account in accounts if account.id != broken_by]
