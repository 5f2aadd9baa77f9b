"""The second wall: PostgreSQL itself keeps outcomes apart when a query forgets to ask (docs/decisions/0010).

The four traps of row security, each with a control that shows the hole which the wall would have without it.
"""

from datetime import timedelta
from typing import Any
from uuid import uuid4

import pytest
from psycopg import Cursor
from sqlalchemy import Engine
from sqlalchemy.exc import DBAPIError
from sqlmodel import text
from throwaway import SERVICE_ROLE
from walled import CLINICAL, FOR_AUTHOR, NOW, Case, count

from app.db import SERVICE, act_as, acting_as, transactions
from app.outcomes import queries

NOTHING = dict.fromkeys(CLINICAL, 0)

# Told by their part in the case; `walled` says how each of them came to it.
LET_IN = {
    "author": "asha.kerrin",
    "named recipient": "priya.dunmore",
    "member of a team": "joan.tapper",
    "joined the team since": "kit.marlowe",
    "co-examiner": "tom.lyle",
}
KEPT_OUT = {
    "stranger of the same trust": "sue.garland",
    "other site": "marek.ostrow",
    "grant ended": "colin.ashe",
    "grant not begun": "ravi.sethi",
    "former recipient": "nell.marsh",
    "left the team": "bea.farrow",
    "administrator": "demo.admin",
    "privacy officer": "petra.lund",
    "evaluator": "evan.sayle",
}


def test_the_service_sees_a_row_in_every_clinical_table(case: Case) -> None:
    assert [table for table, rows in case.seen(SERVICE).items() if rows == 0] == []


@pytest.mark.parametrize("who", LET_IN)
def test_whoever_it_is_open_to_gets_the_rows(case: Case, who: str) -> None:
    hidden = {"author": frozenset(), "co-examiner": FOR_AUTHOR}.get(who, FOR_AUTHOR | {"draft"})
    whole = case.seen(SERVICE)
    assert case.seen(LET_IN[who]) == whole | dict.fromkeys(hidden, 0)


@pytest.mark.parametrize("who", KEPT_OUT)
def test_whoever_it_is_not_open_to_gets_nothing_even_if_no_query_asks(case: Case, who: str) -> None:
    assert case.seen(KEPT_OUT[who]) == NOTHING


def test_nobody_gets_nothing(case: Case) -> None:
    assert case.seen(None) == NOTHING
    assert case.seen(uuid4()) == NOTHING


def test_a_grant_opens_and_closes_at_its_very_moment(case: Case) -> None:
    hour, tick = timedelta(hours=1), timedelta(microseconds=1)
    assert case.seen("ravi.sethi", NOW + hour - tick) == NOTHING
    assert case.seen("ravi.sethi", NOW + hour)["outcome_version"] == 1
    assert case.seen("colin.ashe", NOW - tick)["outcome_version"] == 1
    assert case.seen("colin.ashe", NOW) == NOTHING


def test_a_closed_account_gets_nothing(case: Case) -> None:
    with case.acting("priya.dunmore") as session:
        assert count(session, "outcome_version") == 1
        session.connection().execute(
            text("UPDATE account SET closed_at = :at WHERE id = :id"), {"at": NOW, "id": case.ids["priya.dunmore"]}
        )
        assert count(session, "outcome_version") == 0


def test_a_verb_that_forgot_to_ask_finds_nothing_for_a_stranger(case: Case) -> None:
    with case.acting("marek.ostrow") as session:
        assert queries.versions_of(session, case.outcome_id) == []
    with case.acting("asha.kerrin") as session:
        assert [version.number for version in queries.versions_of(session, case.outcome_id)] == [1]


# The first trap: a setting of the session stays on a pooled connection.


def test_acting_as_somebody_ends_with_the_transaction_on_a_pooled_connection(case: Case) -> None:
    with case.engine() as engine:
        first, rows = _pid_and_versions(engine, SERVICE)
        assert rows == 1
        assert _pid_and_versions(engine, None) == (first, 0)
        with pytest.raises(DBAPIError):
            _break_off(engine)
        assert _pid_and_versions(engine, None) == (first, 0)


def test_a_setting_of_the_session_would_have_leaked(case: Case) -> None:
    with case.engine() as engine:
        with engine.begin() as connection:
            connection.exec_driver_sql("SET sameday.account_id = 'service'")
        assert _pid_and_versions(engine, None)[1] == 1


def test_after_a_block_of_the_service_one_acts_as_before(case: Case) -> None:
    with case.acting("marek.ostrow") as session:
        with acting_as(session, SERVICE):
            assert count(session, "outcome_version") == 1
        assert count(session, "outcome_version") == 0
        with pytest.raises(KeyError), acting_as(session, SERVICE):
            raise KeyError
        assert count(session, "outcome_version") == 0
        with pytest.raises(DBAPIError), acting_as(session, SERVICE):
            session.connection().exec_driver_sql("SELECT 1 / 0")
        session.rollback()
        assert count(session, "outcome_version") == 0


# The second trap: the owner of a table is not bound unless row security is forced.


def test_the_owner_of_the_tables_is_bound_only_because_it_is_forced(case: Case) -> None:
    with case.as_superuser() as cursor:
        cursor.execute("CREATE ROLE plain_owner; GRANT SELECT ON ALL TABLES IN SCHEMA public TO plain_owner")
        cursor.execute("ALTER TABLE outcome_version OWNER TO plain_owner; SET ROLE plain_owner")
        assert _versions(cursor) == 0
        cursor.execute("ALTER TABLE outcome_version NO FORCE ROW LEVEL SECURITY")
        assert _versions(cursor) == 1


# The third trap: superusers and roles with BYPASSRLS are never bound. That the service refuses to start as one is
# shown in tests/security/test_roles.py.


def test_a_superuser_and_a_role_that_bypasses_row_security_see_all(case: Case) -> None:
    with case.as_superuser() as cursor:
        assert _versions(cursor) == 1
        cursor.execute("CREATE ROLE passer BYPASSRLS; GRANT SELECT ON ALL TABLES IN SCHEMA public TO passer")
        cursor.execute("SET ROLE passer")
        assert _versions(cursor) == 1
        cursor.execute("RESET ROLE; ALTER ROLE passer NOBYPASSRLS; SET ROLE passer")
        assert _versions(cursor) == 0


# The fourth trap: a view sees what its owner sees.


def test_a_view_of_a_privileged_owner_sees_all_unless_it_runs_as_its_caller(case: Case) -> None:
    with case.as_superuser() as cursor:
        cursor.execute("CREATE VIEW hole AS SELECT * FROM outcome_version")
        cursor.execute(f"GRANT SELECT ON hole TO {SERVICE_ROLE}; SET ROLE {SERVICE_ROLE}")
        assert _versions(cursor, "hole") == 1
        cursor.execute(f"RESET ROLE; ALTER VIEW hole SET (security_invoker = true); SET ROLE {SERVICE_ROLE}")
        assert _versions(cursor, "hole") == 0


def test_no_view_and_no_function_of_ours_runs_as_its_owner(case: Case) -> None:
    with case.as_superuser() as cursor:
        cursor.execute("CREATE VIEW public.hole AS SELECT 1 AS one")
        cursor.execute("CREATE FUNCTION public.hole() RETURNS int LANGUAGE sql SECURITY DEFINER RETURN 1")
        assert len(cursor.execute(_RUN_AS_OWNER).fetchall()) == 2
    with case.as_superuser() as cursor:
        assert cursor.execute(_RUN_AS_OWNER).fetchall() == []


def _break_off(engine: Engine) -> None:
    with transactions(engine, acting_as=SERVICE)() as session:
        session.connection().exec_driver_sql("SELECT 1 / 0")


def _pid_and_versions(engine: Engine, who: str | None) -> tuple[int, int]:
    """The server process behind the connection, and the versions seen on it."""
    with transactions(engine)() as session:
        if who is not None:
            act_as(session, who)
        pid = session.connection().exec_driver_sql("SELECT pg_backend_pid()").scalar_one()
        return int(pid), count(session, "outcome_version")


def _versions(cursor: Cursor[Any], table: str = "outcome_version") -> int:
    (rows,) = cursor.execute(f"SELECT count(*) FROM {table}").fetchone() or (-1,)
    return int(rows)


_RUN_AS_OWNER = """
    SELECT c.relname FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
    WHERE n.nspname IN ('public', 'dbos') AND (c.relkind = 'm'
        OR c.relkind = 'v' AND NOT coalesce(c.reloptions @> '{security_invoker=true}', false))
    UNION ALL
    SELECT p.proname FROM pg_proc p JOIN pg_namespace n ON n.oid = p.pronamespace
    WHERE n.nspname IN ('public', 'dbos') AND p.prosecdef
"""
