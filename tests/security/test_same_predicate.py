"""Both walls decide alike: the database's `readable_outcome_ids()` and `people.queries.readable_outcome_ids`."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from hypothesis import HealthCheck, event, given, settings
from hypothesis import strategies as st
from sqlalchemy import Engine, insert
from sqlmodel import Session
from walled import NOW, Case

from app.db import act_as, new_id
from app.outcomes.tables import Outcome
from app.people.policy import GIVEN
from app.people.queries import actor_by_account, readable_outcome_ids
from app.people.tables import Account, Grant, Membership, Organisation, Team
from app.sites.tables import Site

HOURS = st.integers(-2, 2)
"""Few moments, so that beginnings, ends and the present fall together often."""

UNTIL = st.none() | HOURS


@dataclass(frozen=True)
class Directory:
    """People, teams and outcomes by number; moments in hours from now. team or account of a grant: one is None."""

    closed: list[int | None]
    members: list[tuple[int, int, int, int | None]]
    grants: list[tuple[int, int | None, int | None, int, int | None]]


@st.composite
def directories(draw: st.DrawFn) -> Directory:
    one = st.integers(0, 2)
    for_account = st.tuples(one, one, st.none(), HOURS, UNTIL)
    for_team = st.tuples(one, st.none(), one, HOURS, UNTIL)
    closed = draw(st.lists(UNTIL, min_size=3, max_size=3))
    # At most one membership of an account in a team is open: the database refuses a second.
    members = draw(st.lists(st.tuples(one, one, HOURS, UNTIL), min_size=1, max_size=6, unique_by=lambda it: it[:2]))
    return Directory(closed, members, draw(st.lists(for_account | for_team, min_size=2, max_size=8)))


@settings(max_examples=100, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(directory=directories())
def test_the_database_opens_exactly_what_the_application_opens(case: Case, directory: Directory) -> None:
    with case.engine() as engine:
        _compare(engine, directory)


def _compare(engine: Engine, directory: Directory) -> None:
    with Session(engine) as session:
        accounts = _stored(session, directory)
        for account_id in accounts:
            act_as(session, account_id, NOW)
            by_database = set(session.connection().exec_driver_sql("SELECT readable_outcome_ids()").scalars())
            actor = actor_by_account(session, account_id, NOW)
            by_application = set() if actor is None else set(session.exec(readable_outcome_ids(actor, NOW)))
            event(f"opens {len(by_application)}")
            assert by_database == by_application
        session.rollback()


def _stored(session: Session, directory: Directory) -> list[UUID]:
    """Store the directory in the running transaction. Gives its accounts."""
    accounts, teams, outcomes = ([new_id() for _ in range(3)] for _ in range(3))
    organisation, site = new_id(), new_id()
    write = session.connection().execute
    write(insert(Organisation).values(id=organisation, code=str(organisation), name="Anywhere"))
    write(insert(Site).values(id=site, organisation_id=organisation, code=str(site), name="Anywhere", policy={}))
    for number, closed in enumerate(directory.closed):
        common = {"organisation_id": organisation, "name": "Somebody"}
        write(
            insert(Account).values(
                id=accounts[number],
                email=f"{accounts[number]}@anywhere.example",
                created_at=NOW,
                closed_at=_at(closed),
                **common,
            )
        )
        write(insert(Team).values(id=teams[number], code=str(teams[number]), role="police", **common))
        write(
            insert(Outcome).values(
                id=outcomes[number],
                reference=str(number),
                site_id=site,
                form_name="any",
                author_id=accounts[number],
                begun_at=NOW,
                last_revision=0,
            )
        )
    for account, team, begins, ends in directory.members:
        times = {"from_at": _at(begins), "until_at": _at(ends)}
        write(insert(Membership).values(id=new_id(), account_id=accounts[account], team_id=teams[team], **times))
    for outcome, to_account, to_team, begins, ends in directory.grants:
        write(
            insert(Grant).values(
                id=new_id(),
                outcome_id=outcomes[outcome],
                account_id=None if to_account is None else accounts[to_account],
                team_id=None if to_team is None else teams[to_team],
                kind=GIVEN,
                reason="any",
                from_at=_at(begins),
                until_at=_at(ends),
            )
        )
    return accounts


def _at(hours: int | None) -> datetime | None:
    return None if hours is None else NOW + timedelta(hours=hours)
