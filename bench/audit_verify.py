"""How long does it take to verify an audit of 100,000 events, and what does linking cost a writer?

`script/bench audit_verify` records that many events on SQLite and on PostgreSQL with fsync, a head for each thousand,
and verifies them as `sameday audit verify` does. The yardstick of the verification is a bare SELECT of the same rows in
the same run. Target: 60 s (issue 3). Beside it: transactions of one event each, a second, by one writer and by eight,
with a bare INSERT of a row of the same size by as many as the yardstick; writers of events queue for the chain's end.
"""

import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from uuid import uuid4

from rich.console import Console
from rich.progress import track
from rich.table import Table
from sqlalchemy import text
from sqlmodel import Session, select
from throwaway import owning, postgres_server

from app import audit
from app.audit import AuditEvent
from app.audit.chain import Fault, verify
from app.audit.collecting import heads_from
from app.audit.head_keys import noted_keys
from app.audit.publishing import head_file, newest_head
from app.audit.queries import PAGE, entries
from app.db import Transaction, engine_for, migrate, new_id, transactions
from app.settings import Settings

EVENTS = 100_000
TARGET_SECONDS = 60.0
COMMITS = 400

console = Console(width=140)


def main() -> None:
    count = int(sys.argv[1]) if len(sys.argv) > 1 else EVENTS
    table = Table("database", "events", "heads", "verify, s", "a second", "bare SELECT, s", "ratio", "target")
    writing = Table("database", "writers", "audited commits/s", "bare INSERT commits/s", "ratio")
    for database in ("sqlite", "postgresql"):
        with tempfile.TemporaryDirectory() as name, prepared(database, Path(name)) as (transaction, settings):
            fill(transaction, settings, count)
            bare = read_bare(transaction)
            heads, seconds = verified(transaction, settings, count)
            held = "within" if seconds < TARGET_SECONDS else "ABOVE"
            cells = (f"{seconds:.1f}", f"{count / seconds:,.0f}", f"{bare:.2f}", f"{seconds / bare:.1f}", held)
            table.add_row(database, f"{count:,}", str(heads), *cells)
            for writers in (1, 8):
                ours, theirs = (commits_a_second(transaction, write, writers) for write in (record_one, insert_one))
                writing.add_row(database, str(writers), f"{ours:,.0f}", f"{theirs:,.0f}", f"{ours / theirs:.2f}")
    console.print(table)
    console.print(writing)


@contextmanager
def prepared(database: str, folder: Path) -> Iterator[tuple[Transaction, Settings]]:
    """An empty, migrated database with fsync."""
    if database == "sqlite":
        yield from _migrated(f"sqlite:///{folder / 'bench.db'}", folder)
        return
    with (
        tempfile.TemporaryDirectory(prefix="sameday-postgres-") as name,
        postgres_server(Path(name) / "home", fsync=True) as server,
    ):
        server.run("CREATE DATABASE bench")
        yield from _migrated(owning(server.url("bench")), folder)


def fill(transaction: Transaction, settings: Settings, count: int) -> None:
    """`count` events such as a reading leaves, and a head after each thousand."""
    for _ in track(range(0, count, 1000), "recording", transient=True, console=console):
        with transaction() as session:
            for _ in range(min(1000, count)):
                record_one(session)
        with transaction() as session:
            newest_head(session, settings, datetime.now(UTC))


def record_one(session: Session) -> None:
    audit.record(
        session,
        now=datetime.now(UTC),
        actor_id=uuid4(),
        action="read-version",
        object_type="outcome-version",
        object_id=uuid4(),
        detail={"outcome": str(uuid4())},
    )


def insert_one(session: Session) -> None:
    """A row of about the same size with the same number of indexes, in a table that has no chain."""
    values = {
        "id": new_id().hex,
        "at": datetime.now(UTC).isoformat(),
        "a": uuid4().hex,
        "b": uuid4().hex,
        "c": "x" * 250,
    }
    session.connection().execute(text("INSERT INTO bare VALUES (:id, :at, :a, :b, :c)"), values)


def verified(transaction: Transaction, settings: Settings, count: int) -> tuple[int, float]:
    """How many heads there were, and the seconds to verify every event against them."""
    faults: list[Fault] = []
    began = time.perf_counter()
    heads = heads_from([str(head_file(settings))], noted_keys(settings))
    with transaction() as session:
        reach = verify(entries(session.connection()), heads.by_number, faults.append)
    seconds = time.perf_counter() - began
    assert (faults, heads.false, reach.count, reach.unproven) == ([], [], count, 0)
    return len(heads.by_number), seconds


def read_bare(transaction: Transaction) -> float:
    """Seconds to read the same columns of the same rows, a page at a time, and do nothing with them."""
    wanted = select(*AuditEvent.__table__.c).order_by(AuditEvent.number)  # type: ignore[attr-defined]
    began = time.perf_counter()
    with transaction() as session:
        for page in session.connection().execution_options(yield_per=PAGE).execute(wanted).partitions():
            assert page
    return time.perf_counter() - began


def commits_a_second(transaction: Transaction, write: Callable[[Session], None], writers: int) -> float:
    """Transactions of one row each, a second, by so many writers together."""

    def work(_: int) -> None:
        for _ in range(COMMITS // writers):
            with transaction() as session:
                write(session)

    began = time.perf_counter()
    with ThreadPoolExecutor(writers) as pool:
        list(pool.map(work, range(writers)))
    return COMMITS / (time.perf_counter() - began)


def _migrated(url: str, folder: Path) -> Iterator[tuple[Transaction, Settings]]:
    settings = Settings(database_url=url, state_dir=folder / "state")
    engine = engine_for(settings)
    migrate(engine)
    with engine.begin() as connection:
        connection.execute(text("CREATE TABLE bare (id TEXT PRIMARY KEY, at TEXT, a TEXT, b TEXT, c TEXT)"))
        for column in ("at", "a", "b"):
            connection.execute(text(f"CREATE INDEX ix_bare_{column} ON bare ({column})"))
    yield transactions(engine), settings
    engine.dispose()


if __name__ == "__main__":
    main()
