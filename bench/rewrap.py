"""How long does it take to exchange the key that wraps the keys of 100,000 records?

`script/bench rewrap` makes that many data keys on SQLite and on PostgreSQL with fsync, wraps them anew as
`sameday keys rewrap` does, and then runs the bare UPDATE of the same rows with the same bytes in the same batches, as a
yardstick. Target: 5 minutes (security.md, section 8).
"""

import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from uuid import uuid4

from rich.console import Console
from rich.progress import track
from rich.table import Table
from sqlalchemy import bindparam, update
from sqlmodel import col, insert, select
from throwaway import owning, postgres_server

from app.db import Transaction, engine_for, migrate, transactions
from app.encryption import check_keys, key_ring, rewrap
from app.encryption.envelope import bound_to
from app.encryption.gcm import new_key, seal
from app.encryption.keyring import new_line
from app.encryption.rotation import BATCH
from app.encryption.tables import DataKey
from app.settings import Settings

KEYS = 100_000
TARGET_SECONDS = 300.0

console = Console(width=120)


def main() -> None:
    count = int(sys.argv[1]) if len(sys.argv) > 1 else KEYS
    table = Table("database", "keys", "rewrap, s", "a second", "bare UPDATE, s", "ratio", "target")
    for database in ("sqlite", "postgresql"):
        with tempfile.TemporaryDirectory() as name, prepared(database, Path(name)) as (transaction, keys):
            fill(transaction, count)
            keys.write_text(f"{new_line('new')}\n{keys.read_text()}")
            began = time.perf_counter()
            done = rewrap(transaction, now=datetime.now(UTC))
            seconds = time.perf_counter() - began
            assert done.failed == ()
            assert done.count == count + 1  # and the key of the blind index
            bare = update_bare(transaction)
            held = "within" if seconds < TARGET_SECONDS else "ABOVE"
            cells = (f"{seconds:.1f}", f"{count / seconds:,.0f}", f"{bare:.1f}", f"{seconds / bare:.2f}", held)
            table.add_row(database, f"{count:,}", *cells)
    console.print(table)


@contextmanager
def prepared(database: str, folder: Path) -> Iterator[tuple[Transaction, Path]]:
    """An empty, migrated database with fsync, and its key file."""
    keys = folder / "keys"
    keys.write_text(f"{new_line('old')}\n")
    if database == "sqlite":
        yield from _migrated(f"sqlite:///{folder / 'bench.db'}", keys)
        return
    with (
        tempfile.TemporaryDirectory(prefix="sameday-postgres-") as name,
        postgres_server(Path(name) / "home", fsync=True) as server,
    ):
        server.run("CREATE DATABASE bench")
        yield from _migrated(owning(server.url("bench")), keys)


def fill(transaction: Transaction, count: int) -> None:
    """`count` data keys, wrapped by the old key."""
    with transaction() as session:
        check_keys(session)
        wrapping = key_ring(session).current()
    for _ in track(range(0, count, BATCH), "making keys", transient=True, console=console):
        ids = [uuid4() for _ in range(min(BATCH, count))]
        rows = [
            {"id": one, "wrapped": seal(wrapping.cipher, new_key(), bound_to(one, wrapping.id)), "key_id": wrapping.id}
            for one in ids
        ]
        with transaction() as session:
            session.connection().execute(insert(DataKey), rows)


def update_bare(transaction: Transaction) -> float:
    """Seconds to read the same rows and store the same bytes again, in batches of the same size."""
    statement = (
        update(DataKey)
        .where(col(DataKey.id) == bindparam("subject"), col(DataKey.key_id) == bindparam("old"))
        .values(wrapped=bindparam("anew"), key_id=bindparam("new"), rewrapped_at=datetime.now(UTC))
    )
    with transaction() as session:
        ids = list(session.exec(select(DataKey.id).order_by(col(DataKey.id))))
    began = time.perf_counter()
    for start in range(0, len(ids), BATCH):
        with transaction() as session:
            first, last = ids[start], ids[min(start + BATCH, len(ids)) - 1]
            rows = session.exec(
                select(DataKey.id, DataKey.wrapped, DataKey.key_id).where(
                    col(DataKey.id) >= first, col(DataKey.id) <= last
                )
            ).all()
            changes = [{"subject": one, "old": key, "new": key, "anew": wrapped} for one, wrapped, key in rows]
            session.connection().execute(statement, changes)
    return time.perf_counter() - began


def _migrated(url: str, keys: Path) -> Iterator[tuple[Transaction, Path]]:
    engine = engine_for(Settings(database_url=url, encryption_keys_file=keys))
    migrate(engine)
    yield transactions(engine), keys
    engine.dispose()


if __name__ == "__main__":
    main()
