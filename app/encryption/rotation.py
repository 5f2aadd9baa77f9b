"""Exchanging key-encryption keys: data keys are wrapped anew, and what they encrypt is not touched."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from sqlalchemy import bindparam, update
from sqlmodel import Session, col, func, select

from app.db import Transaction
from app.encryption.envelope import bound_to
from app.encryption.faults import KeyAwayError, RecordDamagedError
from app.encryption.gcm import close_bytes, open_bytes
from app.encryption.keyring import Keyring, keyring_of
from app.encryption.tables import DataKey

BATCH = 500
"""Data keys in one transaction (ours): so few that on SQLite nobody waits long, so many that commits cost little."""


@dataclass(frozen=True, slots=True)
class Rewrapped:
    """How many data keys were wrapped anew, and the subjects of those that could not be opened."""

    count: int
    failed: tuple[UUID, ...]


def keys_in_use(session: Session) -> dict[str, int]:
    """How many data keys each key-encryption key wraps."""
    counted = select(DataKey.key_id, func.count(col(DataKey.id))).group_by(DataKey.key_id).order_by(DataKey.key_id)
    return dict(session.exec(counted).all())


def rewrap(
    transaction: Transaction, *, now: datetime, batch: int = BATCH, on_batch: Callable[[int], None] | None = None
) -> Rewrapped:
    """Wrap every data key under the current key that is wrapped under another. May be repeated, and broken off.

    on_batch is told how many are looked at, after each batch. A data key that does not open is left as it is.
    Raises KeyAwayError when the current key is not to be had.
    """
    count, failed = 0, []
    last = UUID(int=0)
    while True:
        with transaction() as session:
            ring = keyring_of(session.get_bind().engine)
            current = ring.current().id
            rows = session.exec(
                select(DataKey.id, DataKey.wrapped, DataKey.key_id)
                .where(DataKey.key_id != current, DataKey.id > last)
                .order_by(col(DataKey.id))
                .limit(batch)
            ).all()
            changes = []
            for subject_id, wrapped, key_id in rows:
                try:
                    changes.append(_change(ring, subject_id, wrapped, key_id))
                except (KeyAwayError, RecordDamagedError):
                    failed.append(subject_id)
            count += _apply(session, changes, now)
        if not rows:
            return Rewrapped(count, tuple(failed))
        last = rows[-1][0]
        if on_batch is not None:
            on_batch(len(rows))


def _change(ring: Keyring, subject_id: UUID, wrapped: bytes, key_id: str) -> dict[str, object]:
    data_key = open_bytes(ring.get(key_id).cipher, wrapped, bound_to(subject_id, key_id))
    current = ring.current()
    anew = close_bytes(current.cipher, data_key, bound_to(subject_id, current.id))
    return {"subject": subject_id, "old": key_id, "new": current.id, "anew": anew}


def _apply(session: Session, changes: list[dict[str, object]], now: datetime) -> int:
    if not changes:
        return 0
    session.connection().execute(
        update(DataKey)
        # Another rewrap may have been here since: then its wrapping stands.
        .where(col(DataKey.id) == bindparam("subject"), col(DataKey.key_id) == bindparam("old"))
        .values(wrapped=bindparam("anew"), key_id=bindparam("new"), rewrapped_at=now),
        changes,
    )
    return len(changes)
