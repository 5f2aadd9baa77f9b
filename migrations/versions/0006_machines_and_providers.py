"""Sign-in by OpenID providers, and integrations (docs/decisions/0013-providers-and-machines.md)."""

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"

_TIME = sa.DateTime(timezone=True)


def upgrade() -> None:
    _identity()
    _sign_in()
    _machines()


def _identity() -> None:
    op.create_table(
        "identity",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("account_id", sa.Uuid(), nullable=False),
        sa.Column("issuer", sa.String(length=500), nullable=False),
        sa.Column("subject", sa.String(length=255), nullable=False),
        sa.Column("sub", sa.String(length=255), nullable=True),
        sa.Column("linked_by", sa.Uuid(), nullable=True),
        sa.Column("linked_at", _TIME, nullable=False),
        sa.Column("ended_at", _TIME, nullable=True),
        sa.ForeignKeyConstraint(["account_id"], ["account.id"], name=op.f("fk_identity_account_id")),
        sa.ForeignKeyConstraint(["linked_by"], ["account.id"], name=op.f("fk_identity_linked_by")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_identity")),
    )
    op.create_index(op.f("ix_identity_account_id"), "identity", ["account_id"])
    op.create_index(op.f("ix_identity_sub"), "identity", ["sub"])
    op.create_index(
        "uq_identity_open",
        "identity",
        ["issuer", "subject"],
        unique=True,
        sqlite_where=sa.text("ended_at IS NULL"),
        postgresql_where=sa.text("ended_at IS NULL"),
    )


def _sign_in() -> None:
    op.create_table(
        "sign_in_attempt",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("provider", sa.String(length=60), nullable=False),
        sa.Column("secret_sha256", sa.String(length=64), nullable=False),
        sa.Column("return_to", sa.String(length=100), nullable=False),
        sa.Column("link_id", sa.Uuid(), nullable=True),
        sa.Column("started_at", _TIME, nullable=False),
        sa.Column("used_at", _TIME, nullable=True),
        sa.ForeignKeyConstraint(["link_id"], ["one_time_link.id"], name=op.f("fk_sign_in_attempt_link_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_sign_in_attempt")),
        sa.UniqueConstraint("secret_sha256", name=op.f("uq_sign_in_attempt_secret_sha256")),
    )
    op.create_index(op.f("ix_sign_in_attempt_started_at"), "sign_in_attempt", ["started_at"])
    op.create_table(
        "used_token_id",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("issuer", sa.String(length=500), nullable=False),
        sa.Column("token_id", sa.String(length=255), nullable=False),
        sa.Column("expires_at", _TIME, nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_used_token_id")),
        sa.UniqueConstraint("issuer", "token_id", name=op.f("uq_used_token_id_issuer")),
    )
    op.create_index(op.f("ix_used_token_id_expires_at"), "used_token_id", ["expires_at"])


def _machines() -> None:
    op.create_table(
        "api_client",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("organisation_id", sa.Uuid(), nullable=False),
        sa.Column("name", sa.String(length=100), nullable=False),
        sa.Column("jwks", sa.JSON(none_as_null=True), nullable=True),
        sa.Column("secret_sha256", sa.String(length=64), nullable=True),
        sa.Column("scopes", sa.String(length=200), nullable=False),
        sa.Column("created_at", _TIME, nullable=False),
        sa.Column("ended_at", _TIME, nullable=True),
        sa.ForeignKeyConstraint(["organisation_id"], ["organisation.id"], name=op.f("fk_api_client_organisation_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_api_client")),
    )
    op.create_index(op.f("ix_api_client_organisation_id"), "api_client", ["organisation_id"])
    op.create_table(
        "client_token",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("client_id", sa.Uuid(), nullable=False),
        sa.Column("token_sha256", sa.String(length=64), nullable=False),
        sa.Column("scopes", sa.String(length=200), nullable=False),
        sa.Column("created_at", _TIME, nullable=False),
        sa.Column("expires_at", _TIME, nullable=False),
        sa.ForeignKeyConstraint(["client_id"], ["api_client.id"], name=op.f("fk_client_token_client_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_client_token")),
        sa.UniqueConstraint("token_sha256", name=op.f("uq_client_token_token_sha256")),
    )
    op.create_index(op.f("ix_client_token_client_id"), "client_token", ["client_id"])
    op.create_index(op.f("ix_client_token_expires_at"), "client_token", ["expires_at"])
