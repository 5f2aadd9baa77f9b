"""An operator finds a child's outcomes by NHS number or by name, without any of these being readable in the tables."""

from datetime import date, datetime, timedelta
from typing import Any
from uuid import UUID

import factories
import pytest
from factories import Cast
from sqlalchemy.exc import DBAPIError
from sqlmodel import col, select, text, update

from app.db import SERVICE, Transaction, acting_as, transactions
from app.encryption import blind_index
from app.outcomes import closing, finding
from app.outcomes.tables import Draft, NhsNumberIndex

LEO, MINA = "9990002371", "9990003742"


@pytest.fixture
def transaction(engine: Any) -> Transaction:
    return transactions(engine, acting_as=SERVICE)


def answers(now: datetime, number: str | None = LEO, **child: str) -> dict[str, Any]:
    whole = factories.complete_answers(now)
    whole["child"] |= child
    if number is None:
        del whole["child"]["nhs-number"]
        whole["child"]["nhs-number-absent"] = "not-known"
    else:
        whole["child"]["nhs-number"] = number
    return whole


def sign(transaction: Transaction, cast: Cast, now: datetime, **given: Any) -> UUID:
    with transaction() as session:
        outcome, _ = factories.signed_outcome(
            session, cast["asha.kerrin"], cast.sites["beacon-down"], now, answers(now, **given)
        )
        return outcome.id


def by_number(transaction: Transaction, number: str) -> list[UUID]:
    with transaction() as session:
        return [one.id for one in finding.outcomes_by_nhs_number(session, number)]


def by_name(transaction: Transaction, surname: str, born: date) -> tuple[list[UUID], tuple[UUID, ...]]:
    with transaction() as session:
        found = finding.outcomes_by_name(session, surname, born)
        return [one.id for one in found.outcomes], found.unreadable


def test_every_outcome_of_a_number_is_found_oldest_first(transaction: Transaction, cast: Cast, now: datetime) -> None:
    first = sign(transaction, cast, now)
    sign(transaction, cast, now, number=MINA)
    sign(transaction, cast, now, number=None)
    second = sign(transaction, cast, now + timedelta(hours=1))
    for typed in (LEO, "999 000 2371", "999-000-2371"):
        assert by_number(transaction, typed) == [first, second]


@pytest.mark.parametrize("typed", ["", "999000237", "99900023711", "LEO", "٩٩٩٠٠٠٢٣٧١", "9990010595"])
def test_what_is_no_number_of_an_outcome_finds_nothing(
    transaction: Transaction, cast: Cast, now: datetime, typed: str
) -> None:
    sign(transaction, cast, now)
    assert by_number(transaction, typed) == []


def test_a_number_that_an_amendment_corrected_still_finds_the_outcome(
    transaction: Transaction, cast: Cast, now: datetime
) -> None:
    outcome_id = sign(transaction, cast, now)
    with transaction() as session:
        outcome = finding.outcomes_by_nhs_number(session, LEO)[0]
        factories.amended_outcome(session, cast["asha.kerrin"], outcome, now, answers(now, number=MINA))
    assert by_number(transaction, LEO) == by_number(transaction, MINA) == [outcome_id]


def test_a_draft_is_not_in_the_index_and_a_withdrawn_outcome_is(
    transaction: Transaction, cast: Cast, now: datetime
) -> None:
    outcome_id = sign(transaction, cast, now)
    with transaction() as session:
        asha = cast["asha.kerrin"]
        factories.drafted_outcome(session, asha, cast.sites["beacon-down"], now, answers(now, number=MINA))
        closing.withdraw(
            session, asha, outcome_id=outcome_id, reason_code="other", reason="Not this child",
            surname=factories.SURNAME, birth_date=factories.BIRTH_DATE, now=now,
        )  # fmt: skip
    assert (by_number(transaction, LEO), by_number(transaction, MINA)) == ([outcome_id], [])


def test_the_index_holds_a_keyed_digest_that_nobody_changes(
    transaction: Transaction, cast: Cast, now: datetime
) -> None:
    outcome_id = sign(transaction, cast, now)
    with transaction() as session:
        (row,) = session.exec(select(NhsNumberIndex)).all()
        assert (row.outcome_id, row.digest) == (outcome_id, blind_index(session, "nhs-number", LEO))
    for statement in ("DELETE FROM nhs_number_index", "UPDATE nhs_number_index SET digest = digest"):
        with pytest.raises(DBAPIError, match=r"never changed|permission denied"), transaction() as session:
            session.connection().execute(text(statement))


def test_a_name_finds_versions_and_drafts_as_people_type_it(
    transaction: Transaction, cast: Cast, now: datetime
) -> None:
    signed = sign(transaction, cast, now, surname="O’Neill")
    sign(transaction, cast, now, surname="Neill")
    sign(transaction, cast, now, surname="O’Neill", **{"birth-date": "2020-02-02"})
    with transaction() as session:
        draft = factories.drafted_outcome(
            session, cast["asha.kerrin"], cast.sites["beacon-down"], now, answers(now, surname="O’Neill")
        ).outcome.id
    for typed in ("O'Neill", "o’neill ", "O’NEILL"):
        assert sorted(by_name(transaction, typed, factories.BIRTH_DATE)[0]) == sorted([signed, draft])
    assert by_name(transaction, "O’Neill", date(2021, 1, 1)) == ([], ())


def test_a_record_that_does_not_open_is_told_and_hides_no_other(
    transaction: Transaction, cast: Cast, now: datetime
) -> None:
    signed = sign(transaction, cast, now)
    with transaction() as session, acting_as(session, SERVICE):
        draft = factories.drafted_outcome(session, cast["asha.kerrin"], cast.sites["beacon-down"], now).outcome.id
        session.connection().execute(
            update(Draft).where(col(Draft.outcome_id) == draft).values(answers_encrypted=b"\x01" + b"\x00" * 40)
        )
    assert by_name(transaction, factories.SURNAME, factories.BIRTH_DATE) == ([signed], (draft,))
