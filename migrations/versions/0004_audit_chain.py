"""The audit becomes a chain: every event gets its number, the hash of the event before it, and its own."""

import sqlalchemy as sa
from alembic import op

from app.audit.chain import BEGINNING, entry_of
from app.db import UTCDateTime

revision = "0004"
down_revision = "0003"

EVENTS = sa.table(
    "audit_event",
    sa.column("id", sa.Uuid()),
    sa.column("at", UTCDateTime()),
    sa.column("actor_id", sa.Uuid()),
    sa.column("action"),
    sa.column("object_type"),
    sa.column("object_id"),
    sa.column("result"),
    sa.column("detail", sa.JSON()),
    sa.column("number"),
    sa.column("previous_sha256"),
    sa.column("sha256"),
)


def upgrade() -> None:
    _let_change()
    op.add_column("audit_event", sa.Column("number", sa.BigInteger(), nullable=True))
    op.add_column("audit_event", sa.Column("previous_sha256", sa.String(length=64), nullable=True))
    op.add_column("audit_event", sa.Column("sha256", sa.String(length=64), nullable=True))
    _link_what_is_there()
    with op.batch_alter_table("audit_event") as table:
        table.alter_column("number", existing_type=sa.BigInteger(), nullable=False)
        table.alter_column("previous_sha256", existing_type=sa.String(length=64), nullable=False)
        table.alter_column("sha256", existing_type=sa.String(length=64), nullable=False)
        table.create_unique_constraint(op.f("uq_audit_event_number"), ["number"])
    _refuse_change()


def _link_what_is_there() -> None:
    """In the order of time; of two events of one moment in the order of their ids, which grow with time too.

    The hashes are made by the service's own code: an event has the hash that the service will look for, or none.
    """
    connection, previous = op.get_bind(), BEGINNING
    ids = connection.scalars(sa.select(EVENTS.c.id).order_by(EVENTS.c.at, EVENTS.c.id)).all()
    for number, row_id in enumerate(ids, 1):
        facts = connection.execute(sa.select(EVENTS).where(EVENTS.c.id == row_id)).mappings().one()
        entry = entry_of(facts, number, previous)
        values = {"number": number, "previous_sha256": previous, "sha256": entry.sha256}
        connection.execute(sa.update(EVENTS).where(EVENTS.c.id == row_id).values(values))
        previous = entry.sha256


def _let_change() -> None:
    if op.get_bind().dialect.name == "sqlite":
        op.execute("DROP TRIGGER audit_event_refuse_update")
        op.execute("DROP TRIGGER audit_event_refuse_delete")
    else:
        op.execute("ALTER TABLE audit_event DISABLE TRIGGER audit_event_refuse_change")


def _refuse_change() -> None:
    if op.get_bind().dialect.name != "sqlite":
        op.execute("ALTER TABLE audit_event ENABLE TRIGGER audit_event_refuse_change")
        return
    for verb in ("UPDATE", "DELETE"):  # as in 0002: rebuilding the table left them behind
        op.execute(
            f"CREATE TRIGGER audit_event_refuse_{verb.lower()} BEFORE {verb} ON audit_event "
            "BEGIN SELECT RAISE(ABORT, 'audit_event rows are never changed'); END"
        )
