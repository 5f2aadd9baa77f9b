"""What is encrypted opens where it was written, and nowhere else."""

from concurrent.futures import ThreadPoolExecutor
from threading import Barrier
from uuid import UUID, uuid4

import pytest
from sqlalchemy import Engine, event
from sqlmodel import Session, col, select, update

from app.db import Transaction
from app.encryption import (
    KeyAwayError,
    Place,
    RecordDamagedError,
    blind_index,
    decrypt,
    decrypt_text,
    encrypt,
    encrypt_text,
)
from app.encryption.tables import DataKey

WORDS = "Ryan O’Neill-Ñandú, 3 years, bruise on the left cheek".encode()
OUTCOME, OTHER = UUID(int=1), UUID(int=2)
HERE = Place("outcome_version", "answers", UUID(int=11), 1)


def written(transaction: Transaction, subject: UUID = OUTCOME, place: Place = HERE, data: bytes = WORDS) -> bytes:
    with transaction() as session:
        return encrypt(session, subject, place, data)


def is_refused(session: Session, stored: bytes, subject: UUID = OUTCOME, place: Place = HERE) -> bool:
    try:
        decrypt(session, subject, place, stored)
    except RecordDamagedError:
        return True
    return False


def test_what_was_written_is_read_again_and_does_not_show_in_what_is_stored(transaction: Transaction) -> None:
    stored = written(transaction)
    with transaction() as session:
        assert decrypt(session, OUTCOME, HERE, stored) == WORDS
    assert WORDS[:6] not in stored
    assert len(stored) == len(WORDS) + 1 + 12 + 16  # format, nonce, tag


def test_the_same_words_never_look_the_same_twice(transaction: Transaction) -> None:
    assert len({written(transaction) for _ in range(50)}) == 50


@pytest.mark.parametrize("data", [b"", b"\x00" * 1000, bytes(range(256)) * 400], ids=["empty", "zeros", "100 kB"])
def test_any_bytes_can_be_kept(transaction: Transaction, data: bytes) -> None:
    stored = written(transaction, data=data)
    with transaction() as session:
        assert decrypt(session, OUTCOME, HERE, stored) == data


def test_nothing_stays_nothing_and_words_stay_words(transaction: Transaction) -> None:
    with transaction() as session:
        assert encrypt_text(session, OUTCOME, HERE, None) is None
        assert decrypt_text(session, OUTCOME, HERE, None) is None
        stored = encrypt_text(session, OUTCOME, HERE, "O’Neill\n")
        assert decrypt_text(session, OUTCOME, HERE, stored) == "O’Neill\n"


def test_what_is_moved_anywhere_else_is_refused(transaction: Transaction) -> None:
    """Every field is put in the place of every other: rows, columns, tables, versions and outcomes are exchanged."""
    places = [
        (subject, Place(table, column, row, version))
        for subject in (OUTCOME, OTHER)
        for table in ("draft", "outcome_version")
        for column in ("answers", "amendment_reason")
        for row in (UUID(int=11), UUID(int=12))
        for version in (1, 2)
    ]
    stored = [written(transaction, subject, place) for subject, place in places]
    with transaction() as session:
        for (subject, place), own in zip(places, stored, strict=True):
            accepted = [one for one in stored if not is_refused(session, one, subject, place)]
            assert accepted == [own]


def test_no_two_places_are_written_alike() -> None:
    tricky = {
        Place("a", "b,c", HERE.row, 1),
        Place("a,b", "c", HERE.row, 1),
        Place('a","b', "c", HERE.row, 1),
        Place("a", 'b","c', HERE.row, 1),
        Place("a", "b", HERE.row, 11),
        Place("a", "b", HERE.row, 1),
    }
    assert len({place.associated(OUTCOME) for place in tricky}) == len(tricky)


def test_a_single_bit_that_is_turned_is_found(transaction: Transaction) -> None:
    stored = written(transaction, data=b"Leo")
    with transaction() as session:
        for bit in range(len(stored) * 8):
            turned = bytearray(stored)
            turned[bit // 8] ^= 1 << bit % 8
            assert is_refused(session, bytes(turned)), bit


@pytest.mark.parametrize("cut", [0, 1, 5, 13, 28, 29, -1])
def test_what_is_cut_or_made_longer_is_refused(transaction: Transaction, cut: int) -> None:
    stored = written(transaction, data=b"Leo")
    with transaction() as session:
        assert is_refused(session, stored[:cut])
        assert is_refused(session, stored + b"\x00")


def test_a_wrapped_key_opens_for_its_own_subject_only(transaction: Transaction) -> None:
    mine, other = written(transaction), written(transaction, OTHER)
    with transaction() as session:
        keys = {one.id: one.wrapped for one in session.exec(select(DataKey))}
        _store_key(session, OUTCOME, keys[OTHER])
    with transaction() as session:
        assert is_refused(session, mine)
        assert not is_refused(session, other, OTHER)


def test_every_turned_bit_of_a_wrapped_key_is_found(transaction: Transaction) -> None:
    stored = written(transaction)
    with transaction() as session:
        wrapped = session.get_one(DataKey, OUTCOME).wrapped
    for byte in range(len(wrapped)):
        with transaction() as session:
            _store_key(session, OUTCOME, wrapped[:byte] + bytes([wrapped[byte] ^ 4]) + wrapped[byte + 1 :])
            assert is_refused(session, stored), byte


def test_without_its_key_a_record_is_gone(transaction: Transaction) -> None:
    stored = written(transaction)
    with transaction() as session:
        session.connection().execute(update(DataKey).where(col(DataKey.id) == OUTCOME).values(id=OTHER))
    with transaction() as session:
        assert is_refused(session, stored)


def test_a_key_that_this_process_does_not_have_is_named_to_the_operator_and_not_to_the_caller(
    transaction: Transaction, caplog: pytest.LogCaptureFixture
) -> None:
    stored = written(transaction)
    with transaction() as session:
        session.connection().execute(update(DataKey).where(col(DataKey.id) == OUTCOME).values(key_id="other-2027"))
    with transaction() as session, pytest.raises(KeyAwayError) as caught:
        decrypt(session, OUTCOME, HERE, stored)
    assert "other-2027" in caught.value.operator
    assert "other-2027" not in caught.value.sentence
    assert [line.getMessage() for line in caplog.records if line.levelname == "ERROR"] == ["key-away"]


def test_a_damaged_record_is_told_to_the_operator_by_its_ids(
    transaction: Transaction, caplog: pytest.LogCaptureFixture
) -> None:
    stored = written(transaction)
    with transaction() as session:
        assert is_refused(session, stored[:-1])
    (line,) = [one for one in caplog.records if one.levelname == "ERROR"]
    assert line.getMessage() == "record-damaged"
    assert (line.table, line.column, line.row, line.subject) == (  # type: ignore[attr-defined]
        "outcome_version", "answers", HERE.row, OUTCOME,
    )  # fmt: skip


def test_a_key_made_in_what_was_rolled_back_is_not_used_again(engine: Engine) -> None:
    with Session(engine) as session:
        encrypt(session, OUTCOME, HERE, WORDS)
        session.rollback()
        stored = encrypt(session, OUTCOME, HERE, WORDS)
        session.commit()
    with Session(engine) as session:
        assert decrypt(session, OUTCOME, HERE, stored) == WORDS


def test_a_key_made_in_a_savepoint_goes_with_it(engine: Engine) -> None:
    with Session(engine) as session:
        with session.begin_nested() as savepoint:
            encrypt(session, OUTCOME, HERE, WORDS)
            savepoint.rollback()
        stored = encrypt(session, OUTCOME, HERE, WORDS)
        session.commit()
    with Session(engine) as session:
        assert decrypt(session, OUTCOME, HERE, stored) == WORDS


def test_of_many_who_write_first_at_once_all_use_one_key(transaction: Transaction) -> None:
    subject, start = uuid4(), Barrier(6)

    def write(number: int) -> bytes:
        start.wait()
        return written(transaction, subject, Place("draft", "answers", subject, number))

    with ThreadPoolExecutor(6) as threads:
        stored = list(threads.map(write, range(6)))
    with transaction() as session:
        for number, one in enumerate(stored):
            assert decrypt(session, subject, Place("draft", "answers", subject, number), one) == WORDS


def test_the_wrapped_key_is_read_once_in_a_transaction(engine: Engine, transaction: Transaction) -> None:
    stored = written(transaction)
    asked: list[str] = []

    def note(_conn: object, _cursor: object, statement: str, *_rest: object) -> None:
        if "data_key" in statement:
            asked.append(statement)

    event.listen(engine, "before_cursor_execute", note)
    with transaction() as session:
        for _ in range(20):
            decrypt(session, OUTCOME, HERE, stored)
    assert len(asked) == 1


def test_a_blind_index_finds_equals_and_says_nothing_without_its_key(transaction: Transaction) -> None:
    with transaction() as session:
        first = blind_index(session, "nhs-number", "9990001111")
        assert blind_index(session, "nhs-number", "9990001112") != first
        assert blind_index(session, "hospital-number", "9990001111") != first
    with transaction() as session:
        assert blind_index(session, "nhs-number", "9990001111") == first
        session.connection().execute(update(DataKey).values(wrapped=b"\x01" + b"\x00" * 60))
    assert len(first) == 32
    with transaction() as session, pytest.raises(RecordDamagedError):
        blind_index(session, "nhs-number", "9990001111")


def _store_key(session: Session, subject: UUID, wrapped: bytes) -> None:
    session.connection().execute(update(DataKey).where(col(DataKey.id) == subject).values(wrapped=wrapped))
