"""The database: engines for SQLite and PostgreSQL, transactions, and column types that keep their promises."""

import fcntl
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, suppress
from datetime import UTC, datetime
from functools import wraps
from io import BytesIO
from pathlib import Path
from typing import IO, Any, Concatenate, ParamSpec, TypeVar
from uuid import UUID
from weakref import WeakKeyDictionary

import sqlalchemy
from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, DateTime, Dialect, Engine, MetaData, TypeDecorator, create_engine, event, make_url
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.pool import QueuePool
from sqlmodel import Session, SQLModel, func, select
from uuid6 import uuid7

from app.settings import Settings
from app.version import ROOT

_P = ParamSpec("_P")
_R = TypeVar("_R")

Transaction = Callable[[], AbstractContextManager[Session]]
"""Opens a session, commits when the block ends well, and rolls back when it raises."""

_ACTING_AS = "sameday.account_id"

SERVICE = "service"
"""Whom the worker and the commands act as: row security on PostgreSQL shows every row to it."""

SQLModel.metadata.naming_convention = MetaData(
    naming_convention={
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "ck": "ck_%(table_name)s_%(constraint_name)s",
        "fk": "fk_%(table_name)s_%(column_0_name)s",
        "pk": "pk_%(table_name)s",
    }
).naming_convention

_settings: WeakKeyDictionary[Engine, Settings] = WeakKeyDictionary()


class MigrationRefusedError(Exception):
    """The database holds what a migration cannot carry over; the message says what and what to do. Nothing changed."""


def new_id() -> UUID:
    """A new UUIDv7: unique, and sorted by the time it was made."""
    return UUID(bytes=uuid7().bytes)


class UTCDateTime(TypeDecorator[datetime]):
    """An aware time, stored in UTC. Refuses naive times, which would silently mean some zone."""

    impl = DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        if value is None:
            return None
        if value.tzinfo is None:
            raise ValueError("a time without a zone must not be stored")
        return value.astimezone(UTC)

    def process_result_value(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        if value is None:
            return None
        return value.replace(tzinfo=UTC) if value.tzinfo is None else value.astimezone(UTC)


def engine_for(settings: Settings) -> Engine:
    """The engine for `settings.database_url`.

    SQLite gets one connection for the whole process: its writers queue for it, which measured a p99 of 61 ms at
    8 clients against 614 ms with the default pool (design, section 8).
    """
    if not settings.is_embedded:
        engine = create_engine(settings.database_url, pool_size=10, max_overflow=20, pool_pre_ping=True)
        event.listen(engine, "connect", _prepare_postgresql)
        _settings[engine] = settings
        return engine
    engine = create_engine(
        settings.database_url,
        poolclass=QueuePool,
        pool_size=1,
        max_overflow=0,
        pool_timeout=60,
        connect_args={"check_same_thread": False, "timeout": 30},
    )
    event.listen(engine, "connect", _prepare_sqlite)
    event.listen(engine, "checkout", _check_sqlite)
    _settings[engine] = settings
    return engine


def settings_of(engine: Engine) -> Settings:
    """The settings that `engine` was made for by `engine_for`."""
    return _settings[engine]


def transactions(engine: Engine, *, acting_as: str | None = None) -> Transaction:
    """A factory of transactions on `engine`, for verbs that commit more than once.

    Each begins acting as `acting_as` (`SERVICE`), or as nobody, who sees no clinical row until `act_as` is called.
    """

    @contextmanager
    def transaction() -> Iterator[Session]:
        with Session(engine, expire_on_commit=False) as session, session.begin():
            if acting_as is not None:
                act_as(session, acting_as)
            yield session

    return transaction


def act_as(session: Session, account_id: UUID | str, now: datetime | None = None) -> None:
    """Tell PostgreSQL's row security for whom the rest of this transaction is: an account, or `SERVICE`.

    `now` is the moment at which grants are looked at, so that both walls decide by one clock; without it the database's
    own counts. Both end with the transaction: nothing stays on a pooled connection. SQLite has no row security.
    """
    if _has_row_security(session):
        _set_local(session, {_ACTING_AS: str(account_id), "sameday.now": now.isoformat() if now else ""})


@contextmanager
def acting_as(session: Session, account_id: UUID | str) -> Iterator[None]:
    """Act as somebody else in this block only, then again as before. See `as_service`."""
    if not _has_row_security(session):
        yield
        return
    session.flush()  # what was added before is stored as the caller
    former = session.exec(select(func.current_setting(_ACTING_AS, True))).one() or ""
    _set_local(session, {_ACTING_AS: str(account_id)})
    try:
        yield
        session.flush()  # and what the block adds as the one it acts as
    except BaseException:
        # If this fails the transaction is over, and with it what it was acting as.
        with suppress(SQLAlchemyError):
            _set_local(session, {_ACTING_AS: former})
        raise
    _set_local(session, {_ACTING_AS: former})


def as_service(verb: Callable[Concatenate[Session, _P], _R]) -> Callable[Concatenate[Session, _P], _R]:
    """For a verb that itself decides what its caller may do, and must see more for it than the caller may read."""

    @wraps(verb)
    def acting(session: Session, /, *args: _P.args, **kwargs: _P.kwargs) -> _R:
        with acting_as(session, SERVICE):
            return verb(session, *args, **kwargs)

    return acting


def insert_if_absent(session: Session, row: SQLModel) -> bool:
    """Store `row` unless a unique column of it is taken; say whether it was stored.

    One statement (INSERT … ON CONFLICT DO NOTHING), so it holds when others insert the same at the same time, without
    a savepoint. `row` itself does not join the session.
    """
    session.flush()  # rows that this one refers to
    insert = postgresql.insert if session.get_bind().dialect.name == "postgresql" else sqlite.insert
    statement = insert(type(row)).values(row.model_dump()).on_conflict_do_nothing()
    # SQLAlchemy forgets the row count of an INSERT unless asked; on PostgreSQL it would be -1.
    return session.exec(statement.execution_options(preserve_rowcount=True)).rowcount == 1


def migrate(engine: Engine) -> None:
    """Bring our own tables to the newest migration. Safe to repeat."""
    config = Config(toml_file=str(ROOT / "pyproject.toml"))
    with engine.begin() as connection:
        if connection.dialect.name == "postgresql":  # row security binds the owner too; a migration carries every row
            connection.execute(select(func.set_config(_ACTING_AS, SERVICE, True)))
        config.attributes["connection"] = connection
        command.upgrade(config, "head")


def is_migrated(connection: Connection) -> bool:
    """Whether our tables are at the newest migration that this version of the service knows."""
    config = Config(toml_file=str(ROOT / "pyproject.toml"))
    newest = ScriptDirectory.from_config(config).get_current_head()
    return MigrationContext.configure(connection).get_current_revision() == newest


def hold_alone(settings: Settings) -> IO[bytes] | None:
    """Take the embedded database for this process, as long as the file that comes back is open. None: it is taken.

    On PostgreSQL there is nothing to hold: an empty file in memory comes back.
    """
    path = make_url(settings.database_url).database
    if not settings.is_embedded or not path or path == ":memory:":
        return BytesIO()
    file = Path(f"{path}.lock").open("ab")  # noqa: SIM115  held open for as long as the process lives
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        file.close()
        return None
    return file


def database_name(url: str) -> str:
    """`url` without its password, fit for a log line."""
    return make_url(url).render_as_string(hide_password=True)


def _has_row_security(session: Session) -> bool:
    return session.get_bind().dialect.name == "postgresql"


def _set_local(session: Session, values: dict[str, str]) -> None:
    """Set these until the transaction ends. A SET of the session would leak to the connection's next user."""
    wanted = (func.set_config(name, value, True) for name, value in values.items())
    session.connection().execute(sqlalchemy.select(*wanted))


def _prepare_postgresql(connection: Any, _record: Any) -> None:
    # The planner takes row security for expensive and would compile it for half a second before each long list:
    # counting 50,000 documents took 500 ms with and 5 ms without (docs/decisions/0010-row-security.md).
    connection.execute("SET jit = off")
    connection.commit()


def _prepare_sqlite(connection: Any, _record: Any) -> None:
    # IMMEDIATE takes the write lock when a transaction starts, so that two writers wait instead of deadlocking.
    connection.isolation_level = "IMMEDIATE"
    # The rollback journal, not WAL: SQLite before 3.51.3 can corrupt a WAL database (security.md, fact 3).
    connection.execute("PRAGMA journal_mode = DELETE")
    connection.execute("PRAGMA synchronous = FULL")
    connection.execute("PRAGMA foreign_keys = ON")
    connection.execute("PRAGMA busy_timeout = 30000")
    connection.execute("PRAGMA secure_delete = ON")


def _check_sqlite(connection: Any, _record: Any, _proxy: Any) -> None:
    if connection.execute("PRAGMA synchronous").fetchone() != (2,):
        raise RuntimeError("SQLite must run with synchronous=FULL: anything less loses acknowledged records")
    if connection.execute("PRAGMA foreign_keys").fetchone() != (1,):
        raise RuntimeError("SQLite must run with foreign keys on")
