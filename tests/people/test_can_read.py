"""The filter of lists and `policy.can_read` decide alike, over any directory and any grants."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from hypothesis import HealthCheck, event, given, settings
from hypothesis import strategies as st
from sqlalchemy import insert
from sqlmodel import Session

from app.db import Transaction, new_id
from app.outcomes.tables import Outcome
from app.people import policy
from app.people.queries import actor_by_account, grant_facts, may_read_outcome, readable_outcome_ids
from app.people.tables import Account, Grant, Membership, Organisation, RoleAssignment, Team
from app.sites.tables import Site

NUMBER = st.integers(0, 2)
HOURS = st.integers(-2, 2)
"""Few people and few moments, so that beginnings, ends and the present fall together often."""

UNTIL = st.none() | HOURS


@dataclass(frozen=True)
class Directory:
    """Three people, teams and outcomes by number; moments in hours from now. A grant is for a person or a team."""

    closed: list[int | None]
    members: list[tuple[int, int, int, int | None]]
    roles: list[tuple[int, str]]
    grants: list[tuple[int, str, bool, int, int, int | None]]


@st.composite
def directories(draw: st.DrawFn) -> Directory:
    # At most one membership of an account in a team is open, and one role: the database refuses a second.
    return Directory(
        closed=draw(st.lists(UNTIL, min_size=3, max_size=3)),
        members=draw(st.lists(st.tuples(NUMBER, NUMBER, HOURS, UNTIL), max_size=6, unique_by=lambda it: it[:2])),
        roles=draw(st.lists(st.tuples(NUMBER, st.sampled_from(_ROLES)), max_size=4, unique=True)),
        grants=draw(
            st.lists(
                st.tuples(NUMBER, st.sampled_from(sorted(policy.KINDS)), st.booleans(), NUMBER, HOURS, UNTIL),
                min_size=2,
                max_size=10,
            )
        ),
    )


_ROLES = ("clinician", "site-lead", "privacy-officer", "evaluator", "administrator")


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(directory=directories())
def test_a_list_shows_exactly_what_can_be_read(transaction: Transaction, now: datetime, directory: Directory) -> None:
    with transaction() as session:
        accounts, outcomes = _stored(session, directory, now)
        for account_id in accounts:
            actor = actor_by_account(session, account_id, now)
            if actor is None:
                event("closed account")
                continue
            may = {one for one in outcomes if policy.can_read(actor, grant_facts(session, one), now)}
            event(f"reads {len(may)}")
            assert set(session.exec(readable_outcome_ids(actor, now))) == may
            assert {one for one in outcomes if may_read_outcome(session, actor, one, now)} == may
            for kind in policy.KINDS:
                of_kind = {
                    one
                    for one in outcomes
                    if policy.can_read(actor, [it for it in grant_facts(session, one) if it.kind == kind], now)
                }
                assert set(session.exec(readable_outcome_ids(actor, now, [kind]))) == of_kind
        session.rollback()


def _stored(session: Session, directory: Directory, now: datetime) -> tuple[list[UUID], list[UUID]]:
    """Store the directory in the running transaction. Gives its accounts and its outcomes."""

    def at(hours: int | None) -> datetime | None:
        return None if hours is None else now + timedelta(hours=hours)

    accounts, teams, outcomes = ([new_id() for _ in range(3)] for _ in range(3))
    organisation, site = new_id(), new_id()
    write = session.connection().execute
    write(insert(Organisation).values(id=organisation, code=str(organisation), name="Anywhere"))
    write(insert(Site).values(id=site, organisation_id=organisation, code=str(site), name="Anywhere", policy={}))
    for number in range(3):
        who = {"organisation_id": organisation, "name": "Somebody"}
        closed_at = at(directory.closed[number])
        email = f"{accounts[number]}@anywhere.example"
        write(insert(Account).values(id=accounts[number], email=email, created_at=now, closed_at=closed_at, **who))
        write(insert(Team).values(id=teams[number], code=str(teams[number]), role="police", **who))
        about = {"site_id": site, "form_name": "any", "author_id": accounts[number], "begun_at": now}
        write(insert(Outcome).values(id=outcomes[number], reference=str(number), last_revision=0, **about))
    for account, team, begins, ends in directory.members:
        times = {"from_at": at(begins), "until_at": at(ends)}
        write(insert(Membership).values(id=new_id(), account_id=accounts[account], team_id=teams[team], **times))
    for account, role in directory.roles:
        write(insert(RoleAssignment).values(id=new_id(), account_id=accounts[account], role=role, given_at=now))
    for outcome, kind, is_for_team, holder, begins, ends in directory.grants:
        whose = {"team_id": teams[holder]} if is_for_team else {"account_id": accounts[holder]}
        when = {"from_at": at(begins), "until_at": at(ends)}
        write(insert(Grant).values(id=new_id(), outcome_id=outcomes[outcome], kind=kind, reason="any", **whose, **when))
    return accounts, outcomes
