"""Keys are exchanged while the service serves: nothing fails, nothing is lost, and the old key can go."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime
from pathlib import Path
from threading import Event
from uuid import UUID

import factories
import pytest
from factories import Cast
from sqlalchemy import Engine
from sqlmodel import col, select, update

from app.db import SERVICE, Transaction, engine_for, transactions
from app.encryption import KeyAwayError, Place, decrypt, encrypt, keys_in_use, rewrap
from app.encryption.keyring import new_line
from app.encryption.tables import DataKey
from app.outcomes import queries
from app.settings import Settings

SUBJECTS = [UUID(int=number) for number in range(1, 31)]


@pytest.fixture
def keys(tmp_path: Path) -> Path:
    file = tmp_path / "keys"
    file.write_text(f"{new_line('old')}\n")
    return file


@pytest.fixture
def settings(settings: Settings, keys: Path) -> Settings:
    return settings.model_copy(update={"encryption_keys_file": keys})


@pytest.fixture
def transaction(engine: Engine) -> Transaction:
    return transactions(engine, acting_as=SERVICE)


@pytest.fixture
def other_process(settings: Settings) -> Iterator[Transaction]:
    """As `sameday keys rewrap` has it: an engine and a keyring of its own."""
    engine = engine_for(settings)
    yield transactions(engine, acting_as=SERVICE)
    engine.dispose()


def place(subject: UUID) -> Place:
    return Place("draft", "answers", subject, 1)


def keep(transaction: Transaction) -> dict[UUID, bytes]:
    with transaction() as session:
        return {one: encrypt(session, one, place(one), str(one).encode()) for one in SUBJECTS}


def opens(transaction: Transaction, stored: dict[UUID, bytes]) -> bool:
    with transaction() as session:
        return all(decrypt(session, one, place(one), data) == str(one).encode() for one, data in stored.items())


def add_first(keys: Path, name: str) -> None:
    keys.write_text(f"{new_line(name)}\n{keys.read_text()}")


def remove(keys: Path, name: str) -> None:
    kept = [line for line in keys.read_text().splitlines() if not line.startswith(f"{name}:")]
    keys.write_text("\n".join(kept))


def in_use(transaction: Transaction) -> dict[str, int]:
    with transaction() as session:
        return keys_in_use(session)


def test_all_keys_of_records_are_wrapped_anew_in_batches_and_the_old_key_can_go(
    transaction: Transaction, keys: Path, now: datetime
) -> None:
    stored = keep(transaction)
    add_first(keys, "new")
    seen: list[int] = []
    done = rewrap(transaction, now=now, batch=7, on_batch=seen.append)
    assert (done.count, done.failed) == (len(SUBJECTS) + 1, ())  # and the key of the blind index
    assert (sum(seen), max(seen)) == (len(SUBJECTS) + 1, 7)
    assert in_use(transaction) == {"new": len(SUBJECTS) + 1}
    remove(keys, "old")
    assert opens(transaction, stored)
    with transaction() as session:
        assert set(session.exec(select(DataKey.rewrapped_at))) == {now}


def test_a_repeat_changes_nothing_and_what_was_broken_off_goes_on(
    transaction: Transaction, keys: Path, now: datetime
) -> None:
    stored = keep(transaction)
    add_first(keys, "new")

    def stop(_count: int) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        rewrap(transaction, now=now, batch=10, on_batch=stop)
    assert in_use(transaction) == {"new": 10, "old": len(SUBJECTS) - 9}
    assert opens(transaction, stored)
    assert rewrap(transaction, now=now).count == len(SUBJECTS) - 9
    before = _rows(transaction)
    assert rewrap(transaction, now=now).count == 0
    assert _rows(transaction) == before


def test_a_key_that_does_not_open_is_told_and_left_and_the_others_are_done(
    transaction: Transaction, keys: Path, now: datetime
) -> None:
    stored = keep(transaction)
    damaged, unknown = SUBJECTS[3], SUBJECTS[4]
    with transaction() as session:
        change = update(DataKey).where(col(DataKey.id) == damaged)
        session.connection().execute(change.values(wrapped=b"\x01" + b"\x00" * 60))
        session.connection().execute(update(DataKey).where(col(DataKey.id) == unknown).values(key_id="gone"))
    add_first(keys, "new")
    done = rewrap(transaction, now=now, batch=4)
    assert (done.count, done.failed) == (len(SUBJECTS) - 1, (damaged, unknown))
    assert in_use(transaction) == {"gone": 1, "new": len(SUBJECTS) - 1, "old": 1}
    assert opens(transaction, {one: data for one, data in stored.items() if one not in (damaged, unknown)})


def test_two_rewraps_at_once_do_no_harm(
    transaction: Transaction, other_process: Transaction, keys: Path, now: datetime
) -> None:
    stored = keep(transaction)
    add_first(keys, "new")
    with ThreadPoolExecutor(2) as threads:
        for one in [threads.submit(rewrap, each, now=now, batch=3) for each in (transaction, other_process)]:
            assert one.result().failed == ()
    assert in_use(transaction) == {"new": len(SUBJECTS) + 1}
    assert opens(transaction, stored)


def test_while_keys_are_exchanged_people_read_and_sign_without_one_error(
    transaction: Transaction, other_process: Transaction, settings: Settings, keys: Path, now: datetime
) -> None:
    with transaction() as session:
        cast = factories.load_cast(session, now)
    first = _signed(transaction, cast, now)
    stored = keep(transaction)
    exchanged = Event()

    def read_on() -> int:
        count = 0
        while not exchanged.is_set() or count == 0:
            with transaction() as session:
                view = queries.read_version(session, cast["asha.kerrin"], first, 1, now)
                assert view.version.answers["child"]["surname"] == "Marwood"
            assert opens(transaction, stored)
            count += 1
        return count

    def sign_on() -> int:
        count = 0
        while not exchanged.is_set() or count == 0:
            _signed(transaction, cast, now)
            count += 1
        return count

    with ThreadPoolExecutor(2) as threads:
        reading, signing = threads.submit(read_on), threads.submit(sign_on)
        try:
            for name in ("second", "third"):
                add_first(keys, name)
                rewrap(other_process, now=now, batch=5)
        finally:
            exchanged.set()
        read, signed = reading.result(), signing.result()
    assert read > 0
    assert signed > 0
    rewrap(other_process, now=now)  # of what was signed with the former key while the last one ran
    assert set(in_use(transaction)) == {"third"}
    remove(keys, "second")
    remove(keys, "old")
    assert opens(transaction, stored)
    with transaction() as session:
        assert queries.read_version(session, cast["asha.kerrin"], first, 1, now).version.number == 1


def test_without_the_new_key_nothing_is_changed(
    transaction: Transaction, settings: Settings, keys: Path, now: datetime
) -> None:
    keep(transaction)
    before = _rows(transaction)
    keys.write_text("# emptied by mistake\n")
    fresh = engine_for(settings)
    with pytest.raises(KeyAwayError):
        rewrap(transactions(fresh, acting_as=SERVICE), now=now)
    fresh.dispose()
    assert _rows(transaction) == before


def _signed(transaction: Transaction, cast: Cast, now: datetime) -> UUID:
    with transaction() as session:
        outcome, _ = factories.signed_outcome(session, cast["asha.kerrin"], cast.sites["beacon-down"], now)
        return outcome.id


def _rows(transaction: Transaction) -> list[tuple[UUID, bytes, str]]:
    with transaction() as session:
        return list(session.exec(select(DataKey.id, DataKey.wrapped, DataKey.key_id).order_by(col(DataKey.id))))
