"""Why each grant was given, and breaking the glass: who did, what was found, and the notices of it."""

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"

FACTS = ("break_glass", "break_glass_review")


def upgrade() -> None:
    _say_why_each_grant_was_given()
    _add_break_glass()
    _let_deliveries_tell_of_it()
    _refuse_changes()


def _say_why_each_grant_was_given() -> None:
    with op.batch_alter_table("grant") as grant:
        grant.add_column(sa.Column("kind", sa.String(length=20), nullable=True))
        grant.add_column(sa.Column("reason_encrypted", sa.LargeBinary(), nullable=True))
    op.execute(
        'UPDATE "grant" SET kind = CASE WHEN account_id = '
        "(SELECT author_id FROM outcome WHERE outcome.id = outcome_id) THEN 'author' ELSE 'recipient' END"
    )
    with op.batch_alter_table("grant") as grant:
        grant.alter_column("kind", existing_type=sa.String(length=20), nullable=False)


def _add_break_glass() -> None:
    op.create_table(
        "break_glass",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("outcome_id", sa.Uuid(), nullable=False),
        sa.Column("account_id", sa.Uuid(), nullable=False),
        sa.Column("grant_id", sa.Uuid(), nullable=False),
        sa.Column("reason_code", sa.String(length=40), nullable=False),
        sa.Column("reason_encrypted", sa.LargeBinary(), nullable=False),
        sa.Column("broken_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("until_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("times_by_person", sa.Integer(), nullable=False),
        sa.Column("times_on_child", sa.Integer(), nullable=False),
        sa.Column("is_repeated", sa.Boolean(), nullable=False),
        sa.ForeignKeyConstraint(["account_id"], ["account.id"], name=op.f("fk_break_glass_account_id")),
        sa.ForeignKeyConstraint(["grant_id"], ["grant.id"], name=op.f("fk_break_glass_grant_id")),
        sa.ForeignKeyConstraint(["outcome_id"], ["outcome.id"], name=op.f("fk_break_glass_outcome_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_break_glass")),
        sa.UniqueConstraint("grant_id", name=op.f("uq_break_glass_grant_id")),
    )
    op.create_index(op.f("ix_break_glass_account_id"), "break_glass", ["account_id"])
    op.create_index(op.f("ix_break_glass_outcome_id"), "break_glass", ["outcome_id"])
    op.create_table(
        "break_glass_review",
        sa.Column("break_glass_id", sa.Uuid(), nullable=False),
        sa.Column("finding", sa.String(length=20), nullable=False),
        sa.Column("note_encrypted", sa.LargeBinary(), nullable=True),
        sa.Column("reviewed_by", sa.Uuid(), nullable=False),
        sa.Column("reviewed_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["break_glass_id"], ["break_glass.id"], name=op.f("fk_break_glass_review_break_glass_id")
        ),
        sa.ForeignKeyConstraint(["reviewed_by"], ["account.id"], name=op.f("fk_break_glass_review_reviewed_by")),
        sa.PrimaryKeyConstraint("break_glass_id", name=op.f("pk_break_glass_review")),
    )


def _let_deliveries_tell_of_it() -> None:
    """A delivery tells a recipient, or someone who watches over the site that the glass was broken."""
    with op.batch_alter_table("delivery") as delivery:
        delivery.alter_column("recipient_id", existing_type=sa.Uuid(), nullable=True)
        delivery.add_column(sa.Column("break_glass_id", sa.Uuid(), nullable=True))
        delivery.create_foreign_key(op.f("fk_delivery_break_glass_id"), "break_glass", ["break_glass_id"], ["id"])
        delivery.create_unique_constraint(
            op.f("uq_delivery_break_glass_id_purpose_address"), ["break_glass_id", "purpose", "address"]
        )
        delivery.create_index(op.f("ix_delivery_break_glass_id"), ["break_glass_id"])
        delivery.create_check_constraint(
            op.f("ck_delivery_one_reason"), "(recipient_id IS NULL) <> (break_glass_id IS NULL)"
        )


def _refuse_changes() -> None:
    if op.get_bind().dialect.name == "sqlite":
        for table in FACTS:
            for verb in ("UPDATE", "DELETE"):
                op.execute(
                    f"CREATE TRIGGER {table}_refuse_{verb.lower()} BEFORE {verb} ON {table} "
                    f"BEGIN SELECT RAISE(ABORT, '{table} rows are never changed'); END"
                )
        return
    for table in FACTS:
        op.execute(
            f"CREATE TRIGGER {table}_refuse_change BEFORE UPDATE OR DELETE ON {table} "
            "FOR EACH ROW EXECUTE FUNCTION refuse_change()"
        )
        op.execute(
            f"CREATE TRIGGER {table}_refuse_truncate BEFORE TRUNCATE ON {table} "
            "FOR EACH STATEMENT EXECUTE FUNCTION refuse_change()"
        )
