"""Encrypting and decrypting one field under the data key of its subject."""

import hashlib
import hmac
import json
import logging
from dataclasses import dataclass
from uuid import UUID

from sqlmodel import Session, col, func, select

from app.db import insert_if_absent
from app.encryption.faults import KeyAwayError, RecordDamagedError
from app.encryption.gcm import cipher_of, close_bytes, new_key, open_bytes
from app.encryption.keyring import Keyring, keyring_of
from app.encryption.tables import DataKey

BLIND_INDEX_ID = UUID("5a3eda00-0000-4000-8000-000000000001")
"""The subject of the blind index's key. It is the first data key of a database, and so tells whose database it is."""

_KEYS = "data_keys"

_log = logging.getLogger("sameday.encryption")


@dataclass(frozen=True, slots=True)
class Place:
    """Where a field is stored. What is encrypted for one place opens at no other.

    version: the number or revision of what is stored there; 0 where there is only ever one.
    """

    table: str
    column: str
    row: UUID
    version: int = 0

    def associated(self, subject_id: UUID) -> bytes:
        """The place and the subject in one way of writing, so that no two places look alike."""
        return json.dumps([self.table, self.column, str(self.row), self.version, str(subject_id)]).encode("ascii")


def encrypt(session: Session, subject_id: UUID, place: Place, data: bytes) -> bytes:
    """`data` encrypted under the subject's data key, which is made with the first encryption. Raises KeyAwayError."""
    return close_bytes(cipher_of(_data_key(session, subject_id, is_made=True)), data, place.associated(subject_id))


def decrypt(session: Session, subject_id: UUID, place: Place, data: bytes) -> bytes:
    """What `encrypt` was given for this subject and place. Raises RecordDamagedError, KeyAwayError."""
    try:
        return open_bytes(cipher_of(_data_key(session, subject_id, is_made=False)), data, place.associated(subject_id))
    except RecordDamagedError:
        _log.error(
            "record-damaged",
            extra={"table": place.table, "column": place.column, "row": place.row, "subject": subject_id},
        )
        raise


def encrypt_text(session: Session, subject_id: UUID, place: Place, text: str | None) -> bytes | None:
    """As `encrypt`, for words; nothing stays nothing."""
    return None if text is None else encrypt(session, subject_id, place, text.encode("utf-8"))


def decrypt_text(session: Session, subject_id: UUID, place: Place, data: bytes | None) -> str | None:
    """As `decrypt`, for words; nothing stays nothing."""
    return None if data is None else decrypt(session, subject_id, place, data).decode("utf-8")


def blind_index(session: Session, kind: str, value: str) -> bytes:
    """HMAC-SHA-256 (32 bytes) of an already normalised value, under a key of its own: equal values, equal bytes.

    kind: what it is, such as 'nhs-number', so that one kind says nothing of another. Raises KeyAwayError.
    """
    key = _data_key(session, BLIND_INDEX_ID, is_made=True)
    return hmac.new(key, f"{kind}:{value}".encode(), hashlib.sha256).digest()


def key_ring(session: Session) -> Keyring:
    """The keyring for this database. Makes the self-made key where none is set and nothing is encrypted yet.

    Raises KeyAwayError when records are encrypted and the key file is gone.
    """
    ring = keyring_of(session.get_bind().engine)
    if ring.is_missing():
        if session.exec(select(func.count(col(DataKey.id)))).one():
            raise KeyAwayError(
                f"The key file {ring.path} is gone, and with it the key to every record. Put it back from its copy, or "
                "say with SAMEDAY_ENCRYPTION_KEYS_FILE where it is."
            )
        ring.make_own()
    return ring


def check_keys(session: Session) -> None:
    """Raise KeyAwayError unless this process can open all that is stored, and what others write from now on.

    Called when a process starts. In a new database it makes the first data key: whose comes first, his is the key
    file, and a process with another one is refused.
    """
    ring = key_ring(session)
    try:
        _data_key(session, BLIND_INDEX_ID, is_made=True)
    except RecordDamagedError as error:
        raise KeyAwayError(
            f"What {ring.path} or the token holds under the right name does not open the records: it is another key. "
            "Put the right one back, or say with SAMEDAY_ENCRYPTION_KEYS_FILE where it is."
        ) from error
    ring.current()
    check_stored_keys(session)


def check_stored_keys(session: Session) -> None:
    """Raise KeyAwayError, or RecordDamagedError for a wrong key, unless what is stored opens. Writes nothing."""
    ring = keyring_of(session.get_bind().engine)
    first = _stored(session, BLIND_INDEX_ID)
    if first is not None:
        if ring.is_missing():
            raise KeyAwayError(f"The key file {ring.path} is gone, and with it the key to every record.")
        _unwrapped(ring, *first)  # really opened: a name that is known says nothing of a token that is away
    for key_id in session.exec(select(DataKey.key_id).distinct()):
        ring.get(key_id)


def bound_to(subject_id: UUID, key_id: str) -> bytes:
    """What a wrapped data key is bound to: its subject and the key that wraps it."""
    return json.dumps(["data_key", str(subject_id), key_id]).encode("utf-8")


def _data_key(session: Session, subject_id: UUID, *, is_made: bool) -> bytes:
    """The subject's data key, from this transaction if it was used there before: a token is not asked for each field.

    is_made: make it if there is none; otherwise that is a damaged record.
    """
    known = _known(session)
    if subject_id not in known:
        stored = _stored(session, subject_id)
        if stored is None:
            if not is_made:
                raise RecordDamagedError
            stored = _make(session, subject_id)
        known[subject_id] = _unwrapped(key_ring(session), *stored)
    return known[subject_id]


def _known(session: Session) -> dict[UUID, bytes]:
    """Unwrapped keys of the running transaction only: one that is rolled back takes the keys it made with it."""
    session.connection()
    running = session.get_nested_transaction() or session.get_transaction()
    kept, known = session.info.get(_KEYS, (None, {}))
    if kept is not running:
        known = {}
        session.info[_KEYS] = (running, known)
    return known  # type: ignore[no-any-return]


def _stored(session: Session, subject_id: UUID) -> tuple[UUID, bytes, str] | None:
    return session.exec(
        select(DataKey.id, DataKey.wrapped, DataKey.key_id).where(DataKey.id == subject_id)
    ).one_or_none()


def _make(session: Session, subject_id: UUID) -> tuple[UUID, bytes, str]:
    """A new data key, or the one that another transaction stored first."""
    ring = key_ring(session)
    if subject_id != BLIND_INDEX_ID:
        # Raises KeyAwayError where another key file was first: the two must not both write.
        _data_key(session, BLIND_INDEX_ID, is_made=True)
    wrapping = ring.current()
    wrapped = close_bytes(wrapping.cipher, new_key(), bound_to(subject_id, wrapping.id))
    insert_if_absent(session, DataKey(id=subject_id, wrapped=wrapped, key_id=wrapping.id))
    stored = _stored(session, subject_id)
    assert stored is not None
    return stored


def _unwrapped(ring: Keyring, subject_id: UUID, wrapped: bytes, key_id: str) -> bytes:
    try:
        return open_bytes(ring.get(key_id).cipher, wrapped, bound_to(subject_id, key_id))
    except KeyAwayError as error:
        _log.error("key-away", extra={"reason": error.operator})
        raise
