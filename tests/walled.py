"""One outcome with a row in every clinical table on PostgreSQL, and people to whom it is open, or is not."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import factories
import psycopg
from factories import Cast
from sqlalchemy import Engine, text
from sqlalchemy.exc import DBAPIError
from sqlmodel import Session, col, select
from throwaway import OWNER, Server, seeing_all

from app.db import Transaction, act_as, engine_for, transactions
from app.deliveries.actions import acknowledge, not_mine
from app.deliveries.escalations import escalate
from app.deliveries.queueing import queue_missing
from app.deliveries.rules import INBOX, Letterhead
from app.deliveries.tables import Delivery
from app.documents.tables import Document
from app.outcomes import actions
from app.outcomes.break_glass_tables import BreakGlass, BreakGlassReview
from app.outcomes.tables import FormalReport, NhsNumberIndex, Outcome, Recipient, Withdrawal
from app.people.policy import CO_EXAMINER, GIVEN
from app.people.queries import grants_on
from app.people.tables import Grant, Membership, Team
from app.settings import Settings

CLINICAL = (
    "acknowledgement",
    "attempt",
    "break_glass",
    "break_glass_review",
    "delivery",
    "document",
    "draft",
    "escalation",
    "formal_report",
    "nhs_number_index",
    "not_mine",
    "outcome_version",
    "recipient",
    "withdrawal",
)
"""Every table whose rows tell of one child's outcome. A new one must be added here and to a migration as 0008."""

FOR_AUTHOR = frozenset({"break_glass", "break_glass_review"})
HOUR = timedelta(hours=1)
NOW = datetime(2026, 11, 23, 14, 5, tzinfo=UTC)


@dataclass(frozen=True)
class Case:
    """The outcome in a database of its own. url: for the service, which owns nothing."""

    server: Server
    name: str
    folder: Path
    outcome_id: UUID
    version_id: UUID
    ids: dict[str, UUID]

    @property
    def url(self) -> str:
        return self.server.url(self.name)

    @contextmanager
    def engine(self, url: str = "") -> Iterator[Engine]:
        engine = engine_for(Settings(database_url=url or self.url, state_dir=self.folder))
        try:
            yield engine
        finally:
            engine.dispose()

    @contextmanager
    def acting(self, who: UUID | str | None, now: datetime | None = None) -> Iterator[Session]:
        """A transaction of the service's role that acts as somebody, by name or id; it is rolled back."""
        with self.engine() as engine, Session(engine) as session:
            if who is not None:
                act_as(session, self.ids.get(str(who), who), now or NOW)
            yield session
            session.rollback()

    def seen(self, who: UUID | str | None, now: datetime | None = None) -> dict[str, int]:
        """How many rows of each clinical table `who` gets when a query forgets to ask."""
        with self.acting(who, now) as session:
            return {table: count(session, table) for table in CLINICAL}

    def refusal(self, who: UUID | str, statement: str, **values: Any) -> str:
        """What the database says when `who` tries this statement; empty if it does it."""
        with self.acting(who) as session:
            try:
                session.connection().execute(text(statement), values)
            except DBAPIError as error:
                return str(error.orig)
            return ""

    @contextmanager
    def as_superuser(self) -> Iterator[psycopg.Cursor[Any]]:
        """A transaction of the superuser, for making holes in the wall; it is rolled back."""
        address = f"host=127.0.0.1 port={self.server.port} user={OWNER} dbname={self.name}"
        with psycopg.connect(address) as connection:
            yield connection.cursor()
            connection.rollback()


def count(session: Session, table: str) -> int:
    return int(session.connection().exec_driver_sql(f"SELECT count(*) FROM {table}").scalar_one())


@contextmanager
def walled_case(server: Server, template: str, folder: Path) -> Iterator[Case]:
    """The case in a fresh database, at the moment NOW. folder: for the keys."""
    now = NOW
    name = f"walled_{uuid4().hex}"
    server.run(f"CREATE DATABASE {name} TEMPLATE {template}")
    engine = engine_for(Settings(database_url=seeing_all(server.url(name)), state_dir=folder))
    try:
        transaction = transactions(engine)
        with transaction() as session:
            cast = factories.load_cast(session, now)
            author = cast["asha.kerrin"]
            outcome, version = factories.signed_outcome(session, author, cast.sites["beacon-down"], now)
            actions.begin_amendment(session, author, outcome_id=outcome.id, forms=factories.forms(), now=now)
        _tell_and_answer(transaction, cast, version.id, now)
        with transaction() as session:
            _write_the_rest(session, outcome, version.id, now)
            _let_in_and_out(session, cast, outcome.id, now)
        ids = {name: actor.account_id for name, actor in cast.actors.items()}
        yield Case(server, name, folder, outcome.id, version.id, ids)
    finally:
        engine.dispose()
        server.run(f"DROP DATABASE {name} WITH (FORCE)")


def _tell_and_answer(transaction: Transaction, cast: Cast, version_id: UUID, now: datetime) -> None:
    queue_missing(transaction, Letterhead("Sameday", "https://sameday.example"), version_id=version_id, now=now)
    with transaction() as session:
        boxes = {
            team_id: delivery_id
            for delivery_id, team_id in session.exec(
                select(Delivery.id, Recipient.team_id)
                .join(Recipient, col(Recipient.id) == col(Delivery.recipient_id))
                .where(Delivery.channel == INBOX, col(Recipient.account_id).is_(None))
            )
        }
        police, duty = boxes[cast.teams["beacon-police"].id], boxes[cast.teams["beacon-duty"].id]
        not_mine(session, cast["nell.marsh"], delivery_id=police, note="Another force's.", now=now)
        acknowledge(session, cast["joan.tapper"], delivery_id=boxes[cast.teams["beacon-gp"].id], note="Read.", now=now)
    escalate(transaction, delivery_id=duty, step=0, now=now)


def _write_the_rest(session: Session, outcome: Outcome, version_id: UUID, now: datetime) -> None:
    """Rows that other parts of the service write; here only that they are there matters."""
    author = outcome.author_id
    session.add(
        Document(
            version_id=version_id,
            data_encrypted=b"sealed",
            sha256="0" * 64,
            pages=2,
            seal_level="B-B",
            certificate_sha256="0" * 64,
            created_at=now,
        )
    )
    session.add(FormalReport(outcome_id=outcome.id, issued_on=now.date(), recorded_by=author, recorded_at=now))
    session.add(
        Withdrawal(
            outcome_id=outcome.id,
            reason_code="other",
            reason_encrypted=b"sealed",
            withdrawn_by=author,
            withdrawn_at=now,
        )
    )
    session.add(NhsNumberIndex(outcome_id=outcome.id, digest=b"0" * 32))


def _let_in_and_out(session: Session, cast: Cast, outcome_id: UUID, now: datetime) -> None:
    """People beside the author, the named recipient and the teams: let in, let in once, or never."""
    granted = {"outcome_id": outcome_id, "reason": "for the test"}
    session.add(Grant(account_id=cast["tom.lyle"].account_id, kind=CO_EXAMINER, from_at=now, **granted))
    ended = Grant(account_id=cast["colin.ashe"].account_id, kind=GIVEN, from_at=now - HOUR, until_at=now, **granted)
    later = Grant(account_id=cast["ravi.sethi"].account_id, kind=GIVEN, from_at=now + HOUR, **granted)
    session.add_all([ended, later])
    session.flush()
    member = session.exec(
        select(Membership).where(
            Membership.account_id == cast["priya.dunmore"].account_id,
            Membership.team_id == cast.teams["beacon-duty"].id,
        )
    ).one()
    # A colleague of the duty team who has left it, and one who is there.
    for person, until in (("bea.farrow", now), ("kit.marlowe", None)):
        session.add(
            Membership(
                account_id=cast[person].account_id,
                team_id=member.team_id,
                from_at=now - HOUR,
                until_at=until,
            )
        )
    glass = BreakGlass(
        outcome_id=outcome_id,
        account_id=cast["colin.ashe"].account_id,
        grant_id=ended.id,
        reason_code="immediate-risk",
        reason_encrypted=b"sealed",
        broken_at=now - HOUR,
        until_at=now,
        times_by_person=1,
        times_on_child=1,
        is_repeated=False,
    )
    session.add(glass)
    session.flush()
    session.add(
        BreakGlassReview(
            break_glass_id=glass.id,
            finding="appropriate",
            reviewed_by=cast["sue.garland"].account_id,
            reviewed_at=now,
        )
    )
    # The police were recipients, and may read it no more.
    police = session.exec(select(Team).where(Team.code == "beacon-police")).one()
    for grant in grants_on(session, outcome_id):
        if grant.team_id == police.id:
            grant.until_at = now
            session.add(grant)
