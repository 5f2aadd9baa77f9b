"""Facts are never changed: UPDATE and DELETE on them are refused by the database itself."""

from alembic import op

revision = "0002"
down_revision = "0001"

FACTS = (
    "acknowledgement",
    "attempt",
    "audit_event",
    "document",
    "escalation",
    "formal_report",
    "not_mine",
    "outcome_version",
    "recipient",
    "withdrawal",
)


def upgrade() -> None:
    if op.get_bind().dialect.name == "sqlite":
        for table in FACTS:
            for verb in ("UPDATE", "DELETE"):
                op.execute(
                    f"CREATE TRIGGER {table}_refuse_{verb.lower()} BEFORE {verb} ON {table} "
                    f"BEGIN SELECT RAISE(ABORT, '{table} rows are never changed'); END"
                )
        return
    op.execute(
        "CREATE FUNCTION refuse_change() RETURNS trigger LANGUAGE plpgsql AS "
        "$$ BEGIN RAISE EXCEPTION '% rows are never changed', TG_TABLE_NAME; END $$"
    )
    for table in FACTS:
        op.execute(
            f"CREATE TRIGGER {table}_refuse_change BEFORE UPDATE OR DELETE ON {table} "
            "FOR EACH ROW EXECUTE FUNCTION refuse_change()"
        )
        op.execute(
            f"CREATE TRIGGER {table}_refuse_truncate BEFORE TRUNCATE ON {table} "
            "FOR EACH STATEMENT EXECUTE FUNCTION refuse_change()"
        )
