"""The service's role on PostgreSQL: it owns nothing and changes no fact, and the service starts as no other kind."""

import os
import re
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from uuid import uuid4

import psycopg
import pytest
from sqlalchemy import Engine
from sqlmodel import SQLModel, text
from throwaway import OWNER, SERVICE_ROLE, Server, owning
from walled import CLINICAL, Case

from app.db import SERVICE
from app.roles import DELETED_FROM, fault_of_role
from app.version import ROOT

# Encrypted, and of no child: secrets of accounts and teams, keys, and what the wall itself goes by.
TELL_OF_NO_CHILD = frozenset({"data_key", "grant", "one_time_link", "team", "totp"})

FACTS = """
    SELECT DISTINCT c.relname, a.attname FROM pg_trigger t JOIN pg_class c ON c.oid = t.tgrelid
        JOIN pg_proc p ON p.oid = t.tgfoid JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum = 1
    WHERE p.proname = 'refuse_change'
"""
FORCED = "SELECT relname FROM pg_class WHERE relrowsecurity AND relforcerowsecurity"
ENCRYPTED = r"""
    SELECT DISTINCT table_name FROM information_schema.columns
    WHERE table_schema = 'public' AND column_name LIKE '%\_encrypted'
"""
HANGING_ON_OUTCOMES = """
    WITH RECURSIVE hanging AS (
        SELECT 'outcome'::regclass::oid AS id
        UNION SELECT f.conrelid FROM pg_constraint f JOIN hanging h ON f.confrelid = h.id WHERE f.contype = 'f'
    ) SELECT relname FROM pg_class JOIN hanging ON hanging.id = pg_class.oid WHERE relname <> 'outcome'
"""

Role = Callable[[str], str]


@pytest.fixture
def role(postgres: Server) -> Iterator[Role]:
    """Make a role that may log in, with such attributes; its name."""
    made = []

    def make(attributes: str) -> str:
        made.append(f"role_{uuid4().hex}")
        postgres.run(f"CREATE ROLE {made[-1]} LOGIN {attributes}")
        return made[-1]

    yield make
    for name in made:
        with suppress(Exception):
            postgres.run(f"REASSIGN OWNED BY {name} TO {OWNER}")
        postgres.run(f"DROP ROLE {name}")


# The list that a new table must join.


def test_every_table_that_hangs_on_an_outcome_is_behind_the_wall(case: Case) -> None:
    with case.as_superuser() as cursor:
        cursor.execute("CREATE TABLE new_facts (of uuid REFERENCES delivery (id))")
        assert "new_facts" in _names(cursor.execute(HANGING_ON_OUTCOMES))
    with case.as_superuser() as cursor:
        # Who may open what is what the wall itself goes by.
        assert _names(cursor.execute(HANGING_ON_OUTCOMES)) - {"grant"} == set(CLINICAL)
        assert _names(cursor.execute(FORCED)) == set(CLINICAL)


def test_every_encrypted_column_is_behind_the_wall_or_tells_of_no_child(case: Case) -> None:
    with case.as_superuser() as cursor:
        assert _names(cursor.execute(ENCRYPTED)) - set(CLINICAL) <= TELL_OF_NO_CHILD


# What the role may do.


def test_no_fact_can_be_changed_removed_or_emptied_by_the_service(case: Case) -> None:
    with case.as_superuser() as cursor:
        facts = dict(cursor.execute(FACTS).fetchall())
    assert {"audit_event", "outcome_version", "document", "withdrawal"} <= set(facts)
    for table, column in facts.items():
        for verb in (f"UPDATE {table} SET {column} = {column}", f"DELETE FROM {table}", f"TRUNCATE {table} CASCADE"):
            assert f"permission denied for table {table}" in case.refusal(SERVICE, verb)


def test_the_owner_is_stopped_by_the_trigger_where_the_service_is_by_privilege(case: Case) -> None:
    change = "UPDATE outcome_version SET number = 2"
    with case.as_superuser() as cursor, pytest.raises(psycopg.Error, match="outcome_version rows are never changed"):
        cursor.execute(change)
    assert "permission denied" in case.refusal(SERVICE, change)


@pytest.mark.parametrize(
    "statement",
    [
        "ALTER TABLE outcome_version DISABLE ROW LEVEL SECURITY",
        "ALTER TABLE audit_event DISABLE TRIGGER ALL",
        "DROP TRIGGER outcome_version_refuse_change ON outcome_version",
        "DROP POLICY draft_select ON draft",
        "CREATE POLICY hole ON draft USING (true)",
        "CREATE OR REPLACE FUNCTION acts_as_service() RETURNS boolean LANGUAGE sql RETURN true",
        "CREATE TABLE mine (one int)",
        "UPDATE alembic_version SET version_num = '0001'",
        "DELETE FROM team",
        "DELETE FROM outcome",
        "SET ROLE sameday",
    ],
)
def test_the_service_cannot_take_the_wall_down(case: Case, statement: str) -> None:
    said = case.refusal(SERVICE, statement)
    assert "permission denied" in said or "must be owner" in said, said


def test_rows_are_deleted_only_from_the_tables_that_say_so(case: Case) -> None:
    wanted = "SELECT relname FROM pg_class WHERE relnamespace = 'public'::regnamespace AND relkind = 'r' AND %s"
    with case.as_superuser() as cursor:
        may = _names(cursor.execute(wanted % f"has_table_privilege('{SERVICE_ROLE}', oid, 'DELETE')"))  # type: ignore[arg-type]
    assert may == DELETED_FROM


def test_the_tables_that_say_so_are_those_that_the_code_deletes_from() -> None:
    code = "".join(file.read_text("utf-8") for file in (ROOT / "app").rglob("*.py"))
    named = {mapper.class_.__name__: str(mapper.local_table) for mapper in SQLModel._sa_registry.mappers}
    assert {named[name] for name in re.findall(r"\bdelete\((\w+)\)", code) if name in named} == DELETED_FROM
    assert "session.delete(" not in code


# As which roles the service starts.


def test_the_service_works_as_a_role_that_owns_nothing(case: Case) -> None:
    with case.engine() as engine:
        assert _fault(engine) is None


@pytest.mark.parametrize("attributes", ["SUPERUSER", "BYPASSRLS", f"IN ROLE {OWNER}"])
def test_the_service_refuses_a_role_above_row_security(case: Case, role: Role, attributes: str) -> None:
    with case.engine(case.url.replace(SERVICE_ROLE, role(attributes))) as engine:
        assert "row security" in str(_fault(engine))


@pytest.mark.parametrize("what", ["TABLE draft", "SCHEMA dbos", "DATABASE {database}", "SEQUENCE"])
def test_the_service_refuses_a_role_that_owns_any_of_it(
    postgres: Server, migrated_template: str, role: Role, tmp_path: Path, what: str
) -> None:
    owner, name = role(""), f"owned_{uuid4().hex}"
    postgres.run(f"CREATE DATABASE {name} TEMPLATE {migrated_template}")
    lonely = Case(postgres, name, tmp_path, uuid4(), uuid4(), {})
    try:
        with lonely.engine(lonely.url.replace(SERVICE_ROLE, owner)) as engine:
            assert _fault(engine) is None
            with lonely.engine(owning(lonely.url)) as powerful, powerful.begin() as connection:
                if what == "SEQUENCE":
                    connection.execute(text("CREATE SEQUENCE odd"))
                named = what.format(database=name) if what != "SEQUENCE" else "SEQUENCE odd"
                connection.execute(text(f"ALTER {named} OWNER TO {owner}"))
            assert "owns" in str(_fault(engine))
    finally:
        postgres.run(f"DROP DATABASE {name} WITH (FORCE)")


@pytest.mark.parametrize("command", ["serve", "worker"])
def test_the_command_stops_with_a_sentence_as_a_superuser(case: Case, command: str) -> None:
    done = _sameday(case.folder, command, SAMEDAY_DATABASE_URL=owning(case.url))
    assert done.returncode == 1
    assert "SAMEDAY_OWNER_DATABASE_URL" in done.stderr
    assert "Traceback" not in done.stderr


# Migrating with two roles.


def test_migrating_with_two_roles_gives_the_service_what_it_needs_each_time(postgres: Server, tmp_path: Path) -> None:
    name = f"fresh_{uuid4().hex}"
    postgres.run(f"CREATE DATABASE {name}")
    urls = {"SAMEDAY_DATABASE_URL": postgres.url(name), "SAMEDAY_OWNER_DATABASE_URL": postgres.owner_url(name)}
    fresh = Case(postgres, name, tmp_path, uuid4(), uuid4(), {})
    try:
        alone = _sameday(tmp_path, "migrate", SAMEDAY_DATABASE_URL=urls["SAMEDAY_DATABASE_URL"])
        assert (alone.returncode, "SAMEDAY_OWNER_DATABASE_URL" in alone.stderr) == (1, True), alone.stderr
        for _ in range(2):
            done = _sameday(tmp_path, "migrate", **urls)
            assert done.returncode == 0, done.stderr
            with fresh.engine(postgres.owner_url(name)) as owner, owner.begin() as connection:
                connection.execute(text(f"GRANT ALL ON audit_event, draft TO {SERVICE_ROLE}"))
                connection.execute(text(f"REVOKE SELECT ON team FROM {SERVICE_ROLE}"))
        assert _sameday(tmp_path, "migrate", **urls).returncode == 0
        assert "permission denied" in fresh.refusal(SERVICE, "UPDATE audit_event SET action = 'nothing'")
        assert fresh.refusal(SERVICE, "SELECT count(*) FROM team") == ""
    finally:
        postgres.run(f"DROP DATABASE {name} WITH (FORCE)")


def _names(rows: object) -> set[str]:
    return {name for (name,) in rows}  # type: ignore[attr-defined]


def _fault(engine: Engine) -> str | None:
    with engine.connect() as connection:
        return fault_of_role(connection)


def _sameday(folder: Path, *args: str, **settings: str) -> subprocess.CompletedProcess[str]:
    foreign = {name: value for name, value in os.environ.items() if not name.startswith("SAMEDAY_")}
    environment = foreign | {"SAMEDAY_STATE_DIR": str(folder)} | settings
    return subprocess.run(
        [sys.executable, "-m", "app", *args],
        env=environment,
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )
