"""Runs the migrations on the database in the settings, or on the connection that a caller hands over."""

from alembic import context
from sqlalchemy import Connection
from sqlmodel import SQLModel

import app.api.idempotency
import app.audit
import app.deliveries.tables
import app.documents.tables
import app.encryption.tables
import app.outcomes.break_glass_tables
import app.outcomes.tables
import app.people.machine_tables
import app.people.provider_tables
import app.people.sign_in_tables
import app.people.tables
import app.sites.tables  # noqa: F401  (imported so that every table is known)
from app.db import engine_for
from app.settings import settings_from_environment


def run() -> None:
    given = context.config.attributes.get("connection")
    if given is not None:
        migrate(given)
        return
    engine = engine_for(settings_from_environment().of_owner)
    with engine.begin() as connection:
        migrate(connection)
    engine.dispose()


def migrate(connection: Connection) -> None:
    context.configure(
        connection=connection,
        target_metadata=SQLModel.metadata,
        # DBOS keeps its own tables in the same database; they are not ours to compare.
        include_name=lambda name, kind, _: kind != "table" or name in SQLModel.metadata.tables,
    )
    context.run_migrations()


run()
