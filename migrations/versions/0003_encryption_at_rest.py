"""Encryption at rest: what tells of a child is kept encrypted, under data keys of their own table (decision 0008).

Version 0.1.0 was never used for real records, so there is nothing to encrypt: a database with outcomes is refused.
"""

import sqlalchemy as sa
from alembic import op

from app.db import MigrationRefusedError

revision = "0003"
down_revision = "0002"

# table, plain column that goes, encrypted column that comes, whether it may be empty
COLUMNS = (
    ("draft", "answers", "answers_encrypted", False),
    ("outcome_version", "answers", "answers_encrypted", False),
    ("outcome_version", "amendment_reason", "amendment_reason_encrypted", True),
    ("recipient", "reason", "reason_encrypted", False),
    ("withdrawal", "reason", "reason_encrypted", False),
    ("withdrawal", "incident_number", "incident_number_encrypted", True),
    ("document", "data", "data_encrypted", False),
    ("acknowledgement", "note", "note_encrypted", True),
    ("not_mine", "note", "note_encrypted", True),
    ("team", "webhook_secret", "webhook_secret_encrypted", True),
)


def upgrade() -> None:
    _refuse_plain_records()
    op.create_table(
        "data_key",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("wrapped", sa.LargeBinary(), nullable=False),
        sa.Column("key_id", sa.String(length=60), nullable=False),
        sa.Column("rewrapped_at", sa.DateTime(timezone=True), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_data_key")),
    )
    op.create_index(op.f("ix_data_key_key_id"), "data_key", ["key_id"], unique=False)
    # The tables are empty, or the column may be: both databases add and drop such columns in place, and keep triggers.
    for table, plain, encrypted, may_be_empty in COLUMNS:
        op.add_column(table, sa.Column(encrypted, sa.LargeBinary(), nullable=may_be_empty))
        op.drop_column(table, plain)
    op.create_table(
        "nhs_number_index",
        sa.Column("outcome_id", sa.Uuid(), nullable=False),
        sa.Column("digest", sa.LargeBinary(), nullable=False),
        sa.ForeignKeyConstraint(["outcome_id"], ["outcome.id"], name=op.f("fk_nhs_number_index_outcome_id")),
        sa.PrimaryKeyConstraint("outcome_id", "digest", name=op.f("pk_nhs_number_index")),
    )
    op.create_index(op.f("ix_nhs_number_index_digest"), "nhs_number_index", ["digest"], unique=False)
    _refuse_change("nhs_number_index")
    # A bare hash of a body, such as a child's surname and birthday, is soon guessed: from now on it is a keyed one.
    op.execute("DELETE FROM idempotent_answer")
    op.execute("ALTER TABLE idempotent_answer RENAME COLUMN body_sha256 TO body_digest")


def _refuse_plain_records() -> None:
    connection = op.get_bind()
    if connection.execute(sa.text("SELECT count(*) FROM outcome")).scalar_one():
        raise MigrationRefusedError(
            "This database holds outcomes of version 0.1, which was for trials and kept them unencrypted. They are not "
            "carried over. Begin with a new database; keep this one if you need what is in it."
        )
    if connection.execute(sa.text("SELECT count(*) FROM team WHERE webhook_secret IS NOT NULL")).scalar_one():
        raise MigrationRefusedError(
            "Some teams have a webhook secret, which version 0.1 kept unencrypted. Take the secrets away with version "
            "0.1 (change the team: an empty webhook address and secret), migrate, and give new ones."
        )


def _refuse_change(table: str) -> None:
    """As 0002 does for every table of facts."""
    if op.get_bind().dialect.name == "sqlite":
        for verb in ("UPDATE", "DELETE"):
            op.execute(
                f"CREATE TRIGGER {table}_refuse_{verb.lower()} BEFORE {verb} ON {table} "
                f"BEGIN SELECT RAISE(ABORT, '{table} rows are never changed'); END"
            )
        return
    op.execute(
        f"CREATE TRIGGER {table}_refuse_change BEFORE UPDATE OR DELETE ON {table} "
        "FOR EACH ROW EXECUTE FUNCTION refuse_change()"
    )
    op.execute(
        f"CREATE TRIGGER {table}_refuse_truncate BEFORE TRUNCATE ON {table} "
        "FOR EACH STATEMENT EXECUTE FUNCTION refuse_change()"
    )
