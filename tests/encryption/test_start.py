"""A process that cannot open what is stored does not start, and says what to do."""

import os
import subprocess
import sys
from pathlib import Path
from uuid import uuid4

import pytest

from app.db import engine_for, transactions
from app.encryption import KeyAwayError, Place, check_keys, encrypt
from app.encryption.keyring import new_line
from app.settings import Settings


@pytest.fixture
def keys(tmp_path: Path, database_url: str) -> Path:
    """The key file of a database in which something is kept."""
    file = tmp_path / "keys"
    file.write_text(f"{new_line('first')}\n")
    engine = engine_for(Settings(database_url=database_url, encryption_keys_file=file))
    with transactions(engine)() as session:
        check_keys(session)
        encrypt(session, uuid4(), Place("draft", "answers", uuid4()), b"Leo")
    engine.dispose()
    return file


def start(database_url: str, keys: Path) -> tuple[int, str]:
    """How `sameday serve` or `sameday worker` ended, and what it said."""
    command = "serve" if database_url.startswith("sqlite") else "worker"
    environment = {name: value for name, value in os.environ.items() if not name.startswith("SAMEDAY_")} | {
        "SAMEDAY_DATABASE_URL": database_url,
        "SAMEDAY_ENCRYPTION_KEYS_FILE": str(keys),
        "SAMEDAY_STATE_DIR": str(keys.parent / "state"),
    }
    done = subprocess.run(
        [sys.executable, "-m", "app", command], env=environment, capture_output=True, text=True, timeout=60
    )
    return done.returncode, " ".join(done.stderr.split())


@pytest.mark.parametrize(
    ("text", "told"),
    [
        (f"{new_line('second')}\n", "the key 'first', which this process does not have"),
        ("first:short\n", "line 1: write 'id:base64 of 32 bytes'"),
        (None, "cannot be read"),
        (f"{new_line('first')}\n", "does not open the records"),
    ],
    ids=["another key", "a wrong line", "no file", "another key of the same name"],
)
def test_a_wrong_key_file_is_said_in_a_sentence_that_names_it(
    database_url: str, keys: Path, text: str | None, told: str
) -> None:
    if text is None:
        keys.unlink()
    else:
        keys.write_text(text)
    engine = engine_for(Settings(database_url=database_url, encryption_keys_file=keys))
    with pytest.raises(KeyAwayError) as caught, transactions(engine)() as session:
        check_keys(session)
    engine.dispose()
    assert told in caught.value.operator
    assert str(keys) in caught.value.operator


def test_a_process_without_the_right_key_does_not_start(database_url: str, keys: Path) -> None:
    keys.write_text(f"{new_line('second')}\n")
    code, said = start(database_url, keys)
    assert (code, "Traceback" in said) == (1, False)
    assert "the key 'first', which this process does not have" in said
