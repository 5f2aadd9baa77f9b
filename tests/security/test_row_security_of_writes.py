"""The second wall for writing: who may not write an outcome puts nothing into it, and changes and removes nothing."""

from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

import factories
import pytest
from sqlalchemy.exc import DBAPIError
from sqlmodel import Session, select
from walled import CLINICAL, Case, count

from app.db import SERVICE, act_as, acting_as, new_id
from app.deliveries.tables import Acknowledgement
from app.outcomes import actions
from app.outcomes.tables import Draft, OutcomeVersion, Recipient
from app.people.queries import actor_by_account
from app.sites.queries import site_by_code

AUTHOR = "asha.kerrin"
CO_EXAMINER = "tom.lyle"
RECIPIENT = "priya.dunmore"
FORMER_RECIPIENT = "nell.marsh"
STRANGER = "marek.ostrow"


@pytest.mark.parametrize("who", [STRANGER, FORMER_RECIPIENT, RECIPIENT, CO_EXAMINER])
def test_only_the_author_changes_or_discards_the_draft(case: Case, who: str) -> None:
    for statement in ("UPDATE draft SET revision = 99", "DELETE FROM draft"):
        assert _changed(case, who, statement) == 0
        assert _changed(case, AUTHOR, statement) == 1


@pytest.mark.parametrize("who", [STRANGER, FORMER_RECIPIENT, RECIPIENT, CO_EXAMINER])
def test_only_the_author_adds_a_draft_or_a_version_and_only_in_their_own_name(case: Case, who: str) -> None:
    for table, key in ((Draft, "saved_by"), (OutcomeVersion, "signed_by")):
        assert "row-level security" in _added(case, who, table, {key: case.ids[who]})
    assert "row-level security" in _added(case, AUTHOR, OutcomeVersion, {"signed_by": case.ids[who]})
    assert _added(case, AUTHOR, OutcomeVersion, {"signed_by": case.ids[AUTHOR]}) == ""


@pytest.mark.parametrize("who", [STRANGER, FORMER_RECIPIENT, RECIPIENT, CO_EXAMINER])
def test_only_the_signer_names_recipients(case: Case, who: str) -> None:
    changed = {"account_id": case.ids["marek.ostrow"]}
    assert "row-level security" in _added(case, who, Recipient, changed)
    assert _added(case, AUTHOR, Recipient, changed) == ""


@pytest.mark.parametrize("who", [STRANGER, FORMER_RECIPIENT])
def test_nobody_touches_a_delivery_of_what_they_may_not_read(case: Case, who: str) -> None:
    assert _changed(case, who, "UPDATE delivery SET status = 'dead'") == 0
    assert _changed(case, RECIPIENT, "UPDATE delivery SET status = 'dead'") > 0


def test_an_answer_is_written_only_by_the_verb_that_has_looked_whose_it_is(case: Case) -> None:
    changed = {"acknowledged_by": case.ids[RECIPIENT]}
    assert "row-level security" in _added(case, RECIPIENT, Acknowledgement, changed)


@pytest.mark.parametrize("table", CLINICAL)
def test_nobody_writes_nothing(case: Case, table: str) -> None:
    statement = f"INSERT INTO {table} DEFAULT VALUES"
    assert "row-level security" in case.refusal("", statement)
    assert "null value" in case.refusal(SERVICE, statement)  # so nothing else has stopped it before


def test_what_is_begun_is_open_at_once_whatever_the_clock_of_the_database_says(case: Case) -> None:
    ahead = datetime.now(UTC) + timedelta(minutes=5)
    with case.acting(AUTHOR, ahead) as session:
        assert _drafts_after_beginning(session, case, ahead) == 2
    with case.acting(AUTHOR) as session:
        act_as(session, case.ids[AUTHOR])  # without a moment: by the database's own clock, which is five minutes behind
        with pytest.raises(DBAPIError, match="row-level security"):
            _drafts_after_beginning(session, case, ahead)


def _drafts_after_beginning(session: Session, case: Case, now: datetime) -> int:
    author = actor_by_account(session, case.ids[AUTHOR], now)
    assert author is not None
    site, form = site_by_code(session, "beacon-down"), factories.forms().latest("cp-medical-outcome")
    actions.begin(session, author, outcome_id=uuid4(), site=site, form=form, now=now)
    return count(session, "draft")


def _changed(case: Case, who: str, statement: str) -> int:
    with case.acting(who) as session:
        return int(session.connection().exec_driver_sql(statement).rowcount)


def _added(case: Case, who: str, table: Any, changes: dict[str, Any]) -> str:
    """What the database says to a copy of a row under new keys and with `changes`; empty if it takes it."""
    with case.acting(who) as session:
        with acting_as(session, SERVICE):
            row = session.exec(select(table)).first()
            values = row.model_dump() | {"id": new_id(), "number": 9} | changes
            if table is Draft:
                session.delete(row)
        try:
            session.connection().execute(table.__table__.insert(), {name: values[name] for name in table.model_fields})
        except DBAPIError as error:
            return str(error.orig)
        return ""
