"""Row security on PostgreSQL: the second wall around clinical content (docs/decisions/0010-row-security.md).

The first wall is the application. This one holds when a query forgets to ask: whoever acts as nobody sees no row, and
an account sees the rows of outcomes that it may open. SQLite has no row security; there nothing happens here.
"""

from alembic import op

revision = "0008"
down_revision = "0007"

# What says to whom a row is open: its outcome; or its version or delivery, whose own row security decides.
OF_OUTCOME = ("formal_report", "nhs_number_index", "outcome_version", "withdrawal")
OF_VERSION = ("delivery", "document", "recipient")
OF_DELIVERY = ("acknowledgement", "attempt", "escalation", "not_mine")
# Open to the author alone. Who reviews, and has no grant, the verbs decide; they act as the service.
OF_AUTHOR = ("break_glass", "break_glass_review")

FUNCTIONS = (
    # SQL-standard bodies: names are resolved here and now, whatever search_path a caller may have.
    """
    CREATE FUNCTION acts_as_service() RETURNS boolean LANGUAGE sql STABLE SECURITY INVOKER
    RETURN coalesce(current_setting('sameday.account_id', true), '') = 'service'
    """,
    """
    CREATE FUNCTION acting_account_id() RETURNS uuid LANGUAGE sql STABLE SECURITY INVOKER
    RETURN nullif(nullif(current_setting('sameday.account_id', true), ''), 'service')::uuid
    """,
    # The application's own moment, so that a grant it has just made is open here too, whatever the two clocks say.
    """
    CREATE FUNCTION acting_now() RETURNS timestamptz LANGUAGE sql STABLE SECURITY INVOKER
    RETURN coalesce(nullif(current_setting('sameday.now', true), '')::timestamptz, now())
    """,
    # The same predicate as people.queries.readable_outcome_ids for an account that is not closed; a test compares them.
    # Two branches, so that each can use its index.
    """
    CREATE FUNCTION readable_outcome_ids() RETURNS SETOF uuid LANGUAGE sql STABLE SECURITY INVOKER
    BEGIN ATOMIC
        SELECT g.outcome_id FROM "grant" g JOIN account a ON a.id = g.account_id
        WHERE g.account_id = acting_account_id()
            AND (a.closed_at IS NULL OR a.closed_at > acting_now())
            AND g.from_at <= acting_now() AND (g.until_at IS NULL OR g.until_at > acting_now())
        UNION ALL
        SELECT g.outcome_id FROM "grant" g JOIN membership m ON m.team_id = g.team_id
            JOIN account a ON a.id = m.account_id
        WHERE m.account_id = acting_account_id()
            AND (a.closed_at IS NULL OR a.closed_at > acting_now())
            AND m.from_at <= acting_now() AND (m.until_at IS NULL OR m.until_at > acting_now())
            AND g.from_at <= acting_now() AND (g.until_at IS NULL OR g.until_at > acting_now());
    END
    """,
)


READABLE = "EXISTS (SELECT FROM readable_outcome_ids() AS open(id) WHERE open.id = {table}.outcome_id)"
AUTHOR = "EXISTS (SELECT FROM outcome AS own WHERE own.id = {table}.outcome_id AND own.author_id = acting_account_id())"
CO_EXAMINER = (
    'EXISTS (SELECT FROM "grant" AS given WHERE given.outcome_id = {table}.outcome_id '
    "AND given.account_id = acting_account_id() AND given.kind = 'co-examiner' AND given.from_at <= acting_now() "
    "AND (given.until_at IS NULL OR given.until_at > acting_now()))"
)


def upgrade() -> None:
    if op.get_bind().dialect.name != "postgresql":
        return
    for function in FUNCTIONS:
        op.execute(function)
    for table in ("draft", *OF_OUTCOME, *OF_VERSION, *OF_DELIVERY, *OF_AUTHOR):
        # FORCE: the owner is bound too, so that nothing hangs on who made the tables.
        op.execute(f"ALTER TABLE {table} ENABLE ROW LEVEL SECURITY")
        op.execute(f"ALTER TABLE {table} FORCE ROW LEVEL SECURITY")
        # As a sub-query it is asked once for each statement, and not for each row.
        op.execute(f"CREATE POLICY {table}_service ON {table} USING ((SELECT acts_as_service()))")
    _let_people_read()
    _let_people_write()


def _let_people_read() -> None:
    _allow("draft", "SELECT", f"{READABLE} AND ({AUTHOR} OR {CO_EXAMINER})")
    for table in OF_OUTCOME:
        _allow(table, "SELECT", READABLE)
    for table in OF_VERSION:
        _allow(table, "SELECT", "EXISTS (SELECT FROM outcome_version AS open WHERE open.id = {table}.version_id)")
    for table in OF_DELIVERY:
        _allow(table, "SELECT", "EXISTS (SELECT FROM delivery AS open WHERE open.id = {table}.delivery_id)")
    _allow("break_glass", "SELECT", f"{READABLE} AND {AUTHOR}")
    _allow(
        "break_glass_review",
        "SELECT",
        "EXISTS (SELECT FROM break_glass AS open WHERE open.id = {table}.break_glass_id)",
    )


def _let_people_write() -> None:
    """What people write as themselves. All else the service writes, or a verb that acts as the service."""
    for verb in ("INSERT", "UPDATE", "DELETE"):
        _allow("draft", verb, f"{READABLE} AND {AUTHOR}")
    _allow("outcome_version", "INSERT", f"signed_by = acting_account_id() AND {READABLE} AND {AUTHOR}")
    _allow("nhs_number_index", "INSERT", f"{READABLE} AND {AUTHOR}")
    own = "own.id = {table}.version_id AND own.signed_by = acting_account_id()"
    _allow("recipient", "INSERT", f"EXISTS (SELECT FROM outcome_version AS own WHERE {own})")
    # Opening a version marks the deliveries of it that were for the reader.
    _allow("delivery", "UPDATE", "EXISTS (SELECT FROM outcome_version AS open WHERE open.id = {table}.version_id)")


def _allow(table: str, verb: str, condition: str) -> None:
    clause = "WITH CHECK" if verb == "INSERT" else "USING"
    condition = condition.format(table=table)
    op.execute(f"CREATE POLICY {table}_{verb.lower()} ON {table} FOR {verb} {clause} ({condition})")
