"""Taking an outcome back, and the day of the full report."""

from concurrent.futures import ThreadPoolExecutor
from datetime import date, datetime, timedelta
from threading import Barrier
from typing import Any
from uuid import uuid4

import factories
import pytest
from factories import Cast
from sqlmodel import Session, func, select

from app.db import Transaction
from app.errors import DomainError
from app.outcomes import actions, closing, queries
from app.outcomes.tables import Draft, Outcome, Withdrawal
from app.people.rules import Actor, Denied


def withdraw(session: Session, actor: Actor, outcome: Outcome, now: datetime, **changes: Any) -> Withdrawal:
    values: dict[str, Any] = {
        "reason_code": "wrong-child",
        "reason": "Belongs to another child.",
        "incident_number": "INC-4711",
        "surname": "marwood",
        "birth_date": factories.BIRTH_DATE,
    }
    return closing.withdraw(session, actor, outcome_id=outcome.id, now=now, **(values | changes))


@pytest.fixture
def outcome(transaction: Transaction, cast: Cast, now: datetime) -> Outcome:
    with transaction() as session:
        return factories.signed_outcome(session, cast["asha.kerrin"], cast.sites["meon"], now)[0]


@pytest.mark.parametrize("person", ["asha.kerrin", "lila.crane", "petra.lund"])
def test_the_author_the_site_lead_and_the_privacy_officer_may_withdraw(
    transaction: Transaction, cast: Cast, outcome: Outcome, now: datetime, person: str
) -> None:
    with transaction() as session:
        withdraw(session, cast[person], outcome, now)
    with transaction() as session:
        view = queries.read_version(session, cast["priya.dunmore"], outcome.id, 1, now)
        assert view.withdrawal is not None
        assert (view.withdrawal.reason_code, view.withdrawal.withdrawn_by) == ("wrong-child", cast[person].account_id)
        overview = queries.overview(session, cast["priya.dunmore"], outcome, now)
        assert (overview.state, overview.current_version) == ("withdrawn", None)


@pytest.mark.parametrize("person", ["tom.lyle", "priya.dunmore", "adam.fenn", "demo.admin", "evan.sayle"])
def test_nobody_else_may_withdraw_and_learns_nothing(
    session: Session, cast: Cast, outcome: Outcome, now: datetime, person: str
) -> None:
    with pytest.raises(Denied) as here:
        withdraw(session, cast[person], outcome, now)
    with pytest.raises(Denied) as nowhere:
        closing.withdraw(
            session, cast[person], outcome_id=uuid4(), reason_code="other", reason="x", surname="x",
            birth_date=date(2020, 1, 1), now=now,
        )  # fmt: skip
    assert (here.value.code, here.value.sentence) == (nowhere.value.code, nowhere.value.sentence)


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"surname": "Marlow"}, "wrong-child"),
        ({"birth_date": date(2019, 3, 13)}, "wrong-child"),
        ({"reason_code": "mistake"}, "invalid"),
        ({"reason": ""}, "invalid"),
    ],
)
def test_a_withdrawal_that_does_not_match_changes_nothing(
    transaction: Transaction, cast: Cast, outcome: Outcome, now: datetime, changes: dict[str, Any], code: str
) -> None:
    with pytest.raises(DomainError, match=code), transaction() as session:
        withdraw(session, cast["asha.kerrin"], outcome, now, **changes)
    with transaction() as session:
        assert session.exec(select(Withdrawal)).all() == []


def test_an_outcome_is_withdrawn_once(transaction: Transaction, cast: Cast, outcome: Outcome, now: datetime) -> None:
    barrier = Barrier(4)

    def one(_: int) -> str:
        barrier.wait()
        try:
            with transaction() as session:
                return withdraw(session, cast["asha.kerrin"], outcome, now).reason_code
        except DomainError as error:
            return error.code

    with ThreadPoolExecutor(4) as threads:
        assert sorted(threads.map(one, range(4))) == ["already-withdrawn"] * 3 + ["wrong-child"]
    with transaction() as session:
        assert session.exec(select(func.count()).select_from(Withdrawal)).one() == 1


def test_a_withdrawal_drops_the_amendment_that_was_being_written(
    session: Session, cast: Cast, outcome: Outcome, now: datetime
) -> None:
    actions.begin_amendment(session, cast["asha.kerrin"], outcome_id=outcome.id, forms=factories.forms(), now=now)
    withdraw(session, cast["lila.crane"], outcome, now)
    assert session.exec(select(Draft)).all() == []


def test_a_draft_is_discarded_and_not_withdrawn(session: Session, cast: Cast, now: datetime) -> None:
    view = factories.drafted_outcome(session, cast["asha.kerrin"], cast.sites["meon"], now)
    with pytest.raises(DomainError, match="not-signed"):
        withdraw(session, cast["asha.kerrin"], view.outcome, now)


def report(session: Session, actor: Actor, outcome: Outcome, issued_on: date, now: datetime) -> date:
    return closing.record_formal_report(session, actor, outcome_id=outcome.id, issued_on=issued_on, now=now).issued_on


def test_the_day_of_the_full_report_is_noted_once(
    transaction: Transaction, cast: Cast, outcome: Outcome, now: datetime
) -> None:
    later = now + timedelta(days=5)
    with transaction() as session:
        assert report(session, cast["asha.kerrin"], outcome, date(2026, 11, 27), later) == date(2026, 11, 27)
    with transaction() as session:
        assert report(session, cast["lila.crane"], outcome, date(2026, 11, 27), later) == date(2026, 11, 27)
    with pytest.raises(DomainError, match="formal-report-date-differs"), transaction() as session:
        report(session, cast["asha.kerrin"], outcome, date(2026, 11, 26), later)
    with transaction() as session:
        noted = queries.overview(session, cast["asha.kerrin"], outcome, now).formal_report
        assert noted is not None
        assert (noted.issued_on, noted.recorded_by) == (date(2026, 11, 27), cast["asha.kerrin"].account_id)


@pytest.mark.parametrize("issued_on", [date(2026, 11, 24), date(2026, 11, 22)])
def test_the_full_report_is_neither_older_than_the_signature_nor_of_tomorrow(
    session: Session, cast: Cast, outcome: Outcome, now: datetime, issued_on: date
) -> None:
    with pytest.raises(DomainError, match="invalid") as caught:
        report(session, cast["asha.kerrin"], outcome, issued_on, now)
    assert [one.pointer for one in caught.value.problems] == ["/issued_on"]


def test_only_the_author_and_the_site_lead_note_the_full_report(
    session: Session, cast: Cast, outcome: Outcome, now: datetime
) -> None:
    for person in ("petra.lund", "tom.lyle", "priya.dunmore", "adam.fenn"):
        with pytest.raises(Denied):
            report(session, cast[person], outcome, date(2026, 11, 23), now)
