"""Key-encryption keys in a PKCS#11 token: SoftHSM2, a token in software (Debian package softhsm2)."""

import subprocess
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from uuid import UUID, uuid4

import pkcs11
import pytest
from sqlmodel import col, select, update

from app.db import engine_for, transactions
from app.encryption import KeyAwayError, Place, RecordDamagedError, check_keys, decrypt, encrypt, keys_in_use, rewrap
from app.encryption.tables import DataKey
from app.settings import Settings

LIBRARY = Path("/usr/lib/softhsm/libsofthsm2.so")
PIN, TOKEN = "1234", "sameday"
CHILD = b"Leo Marwood"


@pytest.fixture(scope="module")
def softhsm(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """SoftHSM with one token that holds two AES keys, `kek-1` and `kek-2`."""
    folder = tmp_path_factory.mktemp("softhsm")
    (folder / "tokens").mkdir()
    (folder / "softhsm2.conf").write_text(f"directories.tokendir = {folder / 'tokens'}\nlog.level = ERROR\n")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("SOFTHSM2_CONF", str(folder / "softhsm2.conf"))
        options = ("--init-token", "--free", "--label", TOKEN, "--pin", PIN, "--so-pin", PIN)
        subprocess.run(["softhsm2-util", *options], check=True, capture_output=True)
        library = pkcs11.lib(str(LIBRARY))
        library.reinitialize()
        with library.get_token(token_label=TOKEN).open(user_pin=PIN, rw=True) as session:
            for label in ("kek-1", "kek-2"):
                session.generate_key(pkcs11.KeyType.AES, 256, label=label, store=True)
        library.finalize()
        yield folder
        library.finalize()


@pytest.fixture
def in_token(softhsm: Path, settings: Settings) -> Settings:
    return settings.model_copy(
        update={
            "encryption_pkcs11_library": LIBRARY,
            "encryption_pkcs11_label": TOKEN,
            "encryption_pkcs11_key": "kek-1",
            "encryption_pkcs11_pin": Settings(encryption_pkcs11_pin=PIN).encryption_pkcs11_pin,
        }
    )


def place(row: UUID) -> Place:
    return Place("outcome_version", "answers", row, 1)


def written(settings: Settings, subject: UUID) -> bytes:
    """The child's name as this keyring stores it."""
    engine = engine_for(settings)
    try:
        with transactions(engine)() as session:
            check_keys(session)
            return encrypt(session, subject, place(subject), CHILD)
    finally:
        engine.dispose()


def read(settings: Settings, subject: UUID, stored: bytes) -> bytes:
    engine = engine_for(settings)
    try:
        with transactions(engine)() as session:
            return decrypt(session, subject, place(subject), stored)
    finally:
        engine.dispose()


def wrapping(settings: Settings) -> dict[str, int]:
    engine = engine_for(settings)
    with transactions(engine)() as session:
        found = keys_in_use(session)
    engine.dispose()
    return found


def test_a_key_that_never_leaves_the_token_wraps_the_keys_of_records(in_token: Settings) -> None:
    subject = uuid4()
    stored = written(in_token, subject)
    assert CHILD not in stored
    assert read(in_token, subject, stored) == CHILD
    assert wrapping(in_token) == {"pkcs11:kek-1": 2}
    assert not (in_token.state_dir / "encryption-keys").exists()


def test_a_wrapping_made_in_the_token_opens_for_its_own_subject_only(in_token: Settings) -> None:
    first, second = uuid4(), uuid4()
    stored = written(in_token, first)
    written(in_token, second)
    engine = engine_for(in_token)
    with transactions(engine)() as session:
        other = session.get_one(DataKey, second).wrapped
        session.connection().execute(update(DataKey).where(col(DataKey.id) == first).values(wrapped=other))
    engine.dispose()
    with pytest.raises(RecordDamagedError):
        read(in_token, first, stored)


def test_moving_from_a_file_into_the_token_and_on_to_its_next_key_is_the_same_rewrap(
    settings: Settings, in_token: Settings, now: datetime
) -> None:
    subject = uuid4()
    stored = written(settings, subject)
    next_key = in_token.model_copy(update={"encryption_pkcs11_key": "kek-2"})
    for target, name in ((in_token, "pkcs11:kek-1"), (next_key, "pkcs11:kek-2")):
        assert read(target, subject, stored) == CHILD  # before, by the key that wraps it still
        engine = engine_for(target)
        done = rewrap(transactions(engine), now=now)
        engine.dispose()
        assert (done.count, done.failed, wrapping(target)) == (2, (), {name: 2})
    (settings.state_dir / "encryption-keys").unlink()
    assert read(next_key, subject, stored) == CHILD


def test_a_token_that_forgot_us_is_logged_in_to_again(in_token: Settings) -> None:
    subject = uuid4()
    stored = written(in_token, subject)
    pkcs11.lib(str(LIBRARY)).reinitialize()
    assert read(in_token, subject, stored) == CHILD


@pytest.mark.parametrize(
    "change",
    [
        {"encryption_pkcs11_key": "none"},
        {"encryption_pkcs11_label": "none"},
        {"encryption_pkcs11_pin": None},
        {"encryption_pkcs11_library": Path("/nowhere/none.so")},
    ],
    ids=["no such key", "no such token", "no pin", "no such library"],
)
def test_a_token_that_cannot_be_used_says_what_to_check(in_token: Settings, change: dict[str, object]) -> None:
    pkcs11.lib(str(LIBRARY)).reinitialize()  # nobody is logged in
    with pytest.raises(KeyAwayError) as caught:
        written(in_token.model_copy(update=change), uuid4())
    assert "SAMEDAY_ENCRYPTION_PKCS11_LIBRARY" in caught.value.operator


def test_without_the_token_nothing_opens_and_nothing_new_is_written(in_token: Settings, settings: Settings) -> None:
    subject = uuid4()
    stored = written(in_token, subject)
    for act in (lambda: read(settings, subject, stored), lambda: written(settings, uuid4())):
        with pytest.raises(KeyAwayError):
            act()


def test_a_token_is_not_asked_for_each_field(in_token: Settings) -> None:
    engine = engine_for(in_token)
    subject = uuid4()
    with transactions(engine)() as one:
        encrypt(one, subject, place(subject), CHILD)
        pkcs11.lib(str(LIBRARY)).finalize()  # from here on the token answers nobody
        for number in range(3):
            encrypt(one, subject, Place("draft", "answers", subject, number), CHILD)
        assert one.exec(select(DataKey.id).where(DataKey.id == subject)).one() == subject
    engine.dispose()
