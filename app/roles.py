"""The two roles on PostgreSQL: the owner migrates; the service logs in as a role that owns nothing.

A role that owns the tables, or goes past row security, would make the second wall worth nothing
(docs/decisions/0010-row-security.md). On SQLite there are no roles, and nothing here does anything.
"""

from sqlalchemy import Connection, Engine, text

from app import engine as work_engine

DELETED_FROM = frozenset(
    {
        "client_token",
        "draft",
        "idempotent_answer",
        "passkey_challenge",
        "sign_in_attempt",
        "sign_in_throttle",
        "used_token_id",
    }
)
"""Tables whose rows some verb deletes. Everything else stays, or is only ever ended."""

# Facts are known by the trigger that refuses to change them (migration 0002 and later ones).
_TABLES = text(
    "SELECT c.relname, EXISTS (SELECT FROM pg_trigger t JOIN pg_proc p ON p.oid = t.tgfoid "
    "WHERE t.tgrelid = c.oid AND p.proname = 'refuse_change') "
    "FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace "
    "WHERE n.nspname = current_schema() AND c.relkind IN ('r', 'p') ORDER BY c.relname"
)

# Owning a schema, or the database, is enough to drop what is in it. Being in a role is enough to become it.
_STANDING = text(
    "SELECT EXISTS"
    " (SELECT FROM pg_roles WHERE (rolsuper OR rolbypassrls) AND pg_has_role(session_user, oid, 'MEMBER')), EXISTS"
    " (SELECT FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace"
    " WHERE n.nspname IN (current_schema(), :work) AND c.relkind IN ('r', 'p', 'v', 'S')"
    " AND (pg_has_role(session_user, c.relowner, 'MEMBER') OR pg_has_role(session_user, n.nspowner, 'MEMBER')))"
)


def fault_of_role(connection: Connection) -> str | None:
    """Why the service must not work as the role it has logged in as, and what to do; None if it may."""
    if connection.dialect.name != "postgresql":
        return None
    is_above, is_owner = connection.execute(_STANDING, {"work": work_engine.SCHEMA}).one()
    if not (is_above or is_owner):
        return None
    what = "is a superuser, or may bypass row security" if is_above else "owns the tables"
    return (
        f"The database role of SAMEDAY_DATABASE_URL {what}, directly or through another role; then nothing in the "
        "database keeps outcomes apart. Make a role that owns nothing (CREATE ROLE … LOGIN PASSWORD …), name it in "
        "SAMEDAY_DATABASE_URL, name the present one in SAMEDAY_OWNER_DATABASE_URL, and run `sameday migrate`."
    )


def role_of(engine: Engine) -> str:
    """The role that `engine` logs in as."""
    with engine.connect() as connection:
        return str(connection.execute(text("SELECT session_user")).scalar_one())


def grant_what_is_needed(owner: Engine, role: str) -> None:
    """Give `role` exactly what the service does, and take back what it was given before. Safe to repeat.

    owner: logged in as the role that owns the tables. Repeated at each migration: default privileges would miss what
    another role has made, and would not know facts from the rest.
    """
    with owner.begin() as connection:
        name = connection.dialect.identifier_preparer.quote(role)
        schema = connection.dialect.identifier_preparer.quote(
            str(connection.execute(text("SELECT current_schema()")).scalar_one())
        )
        statements = [
            *_on_our_tables(connection, schema, name),
            *_on_the_engines(work_engine.SCHEMA, name),
        ]
        for statement in statements:
            connection.execute(text(statement))


def _on_our_tables(connection: Connection, schema: str, role: str) -> list[str]:
    quote = connection.dialect.identifier_preparer.quote
    statements = [
        f"GRANT USAGE ON SCHEMA {schema} TO {role}",
        f"REVOKE ALL ON ALL TABLES IN SCHEMA {schema} FROM {role}",
        f"GRANT USAGE ON ALL SEQUENCES IN SCHEMA {schema} TO {role}",
        f"GRANT EXECUTE ON ALL FUNCTIONS IN SCHEMA {schema} TO {role}",
    ]
    for table, is_fact in connection.execute(_TABLES):
        verbs = ["SELECT"]
        if table != "alembic_version":
            verbs += ["INSERT"] if is_fact else ["INSERT", "UPDATE"]
        if table in DELETED_FROM:
            verbs += ["DELETE"]
        statements.append(f"GRANT {', '.join(verbs)} ON {schema}.{quote(table)} TO {role}")
    return statements


def _on_the_engines(schema: str, role: str) -> list[str]:
    """The durable engine reads, writes and tidies its own tables; only its migrations are none of the service's."""
    return [
        f"GRANT USAGE ON SCHEMA {schema} TO {role}",
        f"GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA {schema} TO {role}",
        f"REVOKE INSERT, UPDATE, DELETE ON {schema}.dbos_migrations FROM {role}",
        f"GRANT USAGE ON ALL SEQUENCES IN SCHEMA {schema} TO {role}",
        f"GRANT EXECUTE ON ALL FUNCTIONS IN SCHEMA {schema} TO {role}",
    ]
