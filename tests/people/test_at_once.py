"""Several administrators act at the same moment: what must be there once is there once, on both databases."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime
from threading import Barrier
from typing import TypeVar
from uuid import UUID

import factories
import pytest
from sqlalchemy.exc import IntegrityError
from sqlmodel import Session, select

from app.audit import AuditEvent
from app.db import Transaction, new_id
from app.outcomes.tables import Recipient
from app.people import actions
from app.people.tables import Membership, RoleAssignment

CALLERS = 8

Found = TypeVar("Found")


def test_a_role_given_at_once_by_many_is_held_once_and_can_be_ended_and_given_again(
    transaction: Transaction, now: datetime
) -> None:
    with transaction() as session:
        account_id = factories.load_cast(session, now)["tom.lyle"].account_id
    role = {"account_id": account_id, "role": "privacy-officer", "site_id": None, "now": now}
    given = _at_once(transaction, lambda session: actions.give_role(session, None, **role).id)
    assert len(set(given)) == 1
    _at_once(transaction, lambda session: actions.end_role(session, None, **role))
    again = _at_once(transaction, lambda session: actions.give_role(session, None, **role).id)
    assert len(set(again)) == 1
    with transaction() as session:
        held = session.exec(select(RoleAssignment).where(RoleAssignment.account_id == account_id)).all()
        assert [one.ended_at for one in held if one.id in given] == [now]
        assert [one.ended_at for one in held if one.id in again] == [None]
        assert _audited(session, account_id, "privacy-officer") == ["end-role", "give-role", "give-role"]


def test_a_team_joined_at_once_by_many_calls_has_the_person_in_it_once(transaction: Transaction, now: datetime) -> None:
    with transaction() as session:
        cast = factories.load_cast(session, now)
    place = {"account_id": cast["tom.lyle"].account_id, "team_id": cast.teams["meon-duty"].id, "now": now}
    joined = _at_once(transaction, lambda session: actions.join_team(session, None, **place).id)
    assert len(set(joined)) == 1
    _at_once(transaction, lambda session: actions.leave_team(session, None, **place))
    with transaction() as session:
        wanted = select(Membership.until_at).where(Membership.account_id == cast["tom.lyle"].account_id)
        assert session.exec(wanted.where(Membership.team_id == cast.teams["meon-duty"].id)).all() == [now]


def test_the_database_holds_one_open_membership_and_one_open_role_whoever_writes(
    transaction: Transaction, now: datetime
) -> None:
    with transaction() as session:
        cast = factories.load_cast(session, now)
    account_id = cast["demo.admin"].account_id
    priya, meon = cast["priya.dunmore"].account_id, cast.teams["meon-duty"].id
    for twice in (
        RoleAssignment(account_id=account_id, role="administrator", given_at=now),
        Membership(account_id=priya, team_id=meon, from_at=now),
    ):
        with pytest.raises(IntegrityError), transaction() as session:
            session.add(twice)


def test_a_team_receives_a_version_once(transaction: Transaction, now: datetime) -> None:
    with transaction() as session:
        cast = factories.load_cast(session, now)
        _, version = factories.signed_outcome(session, cast["asha.kerrin"], cast.sites["beacon-down"], now)
    with transaction() as session:
        wanted = select(Recipient).where(Recipient.version_id == version.id)
        teams = [one for one in session.exec(wanted) if one.account_id is None]
    assert teams
    with pytest.raises(IntegrityError), transaction() as session:
        session.add(Recipient(**teams[0].model_dump(exclude={"id"}), id=new_id()))


def _at_once(transaction: Transaction, act: Callable[[Session], Found]) -> list[Found]:
    start = Barrier(CALLERS)

    def call() -> Found:
        start.wait()
        with transaction() as session:
            return act(session)

    with ThreadPoolExecutor(CALLERS) as pool:
        calls = [pool.submit(call) for _ in range(CALLERS)]
        return [one.result() for one in calls]


def _audited(session: Session, account_id: UUID, role: str) -> list[str]:
    events = session.exec(select(AuditEvent).where(AuditEvent.object_id == str(account_id))).all()
    return sorted(one.action for one in events if one.detail.get("role") == role)
