"""The migrations make what the tables say, on both databases."""

from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import Engine
from sqlmodel import SQLModel, text

from app.api import idempotency as _idempotency  # noqa: F401  (its table must be known)
from app.deliveries import tables as _deliveries  # noqa: F401
from app.documents import tables as _documents  # noqa: F401
from app.encryption import tables as _encryption  # noqa: F401
from app.outcomes import break_glass_tables as _break_glass  # noqa: F401
from app.outcomes import tables as _outcomes  # noqa: F401
from app.people import machine_tables as _machines  # noqa: F401
from app.people import provider_tables as _providers  # noqa: F401
from app.people import sign_in_tables as _sign_in  # noqa: F401
from app.people import tables as _people  # noqa: F401
from app.sites import tables as _sites  # noqa: F401


def test_the_migrated_database_has_exactly_the_tables_of_the_code(engine: Engine) -> None:
    with engine.connect() as connection:
        options = {"include_name": lambda name, kind, _: kind != "table" or name in SQLModel.metadata.tables}
        context = MigrationContext.configure(connection, opts=options)
        assert compare_metadata(context, SQLModel.metadata) == []


def test_sqlite_syncs_every_commit_and_does_not_use_wal(sqlite_url: str) -> None:
    from app.db import engine_for
    from app.settings import Settings

    engine = engine_for(Settings(database_url=sqlite_url))
    with engine.connect() as connection:
        values = [connection.execute(text(f"PRAGMA {name}")).scalar() for name in ("synchronous", "journal_mode")]
    engine.dispose()
    assert values == [2, "delete"]
