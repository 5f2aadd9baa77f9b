"""The key file: made once, read again when it changes, and never silently replaced."""

import base64
import os
import stat
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from uuid import UUID

import pytest

from app.db import engine_for, transactions
from app.encryption import KeyAwayError, Place, RecordDamagedError, check_keys, decrypt, encrypt
from app.encryption.keyring import Keyring, new_line, read_keys
from app.settings import Settings
from app.version import ROOT

SUBJECT = UUID(int=1)
HERE = Place("draft", "answers", SUBJECT, 1)
A_KEY = base64.b64encode(b"k" * 32).decode()
WRONG = {
    "no key": "\n# nothing\n",
    "no id": f"{A_KEY}\n",
    "too short": f"a:{base64.b64encode(b'k' * 31).decode()}\n",
    "too long": f"a:{base64.b64encode(b'k' * 33).decode()}\n",
    "not base64": "a:" + "!" * 43 + "=\n",
    "twice": f"a:{A_KEY}\na:{A_KEY}\n",
    "an id with a space": f"a b:{A_KEY}\n",
    "like a token's": f"pkcs11:{A_KEY}:{A_KEY}\n",
    "binary": "\x00\x01",
}


def keep(settings: Settings) -> bytes:
    engine = engine_for(settings)
    try:
        with transactions(engine)() as session:
            check_keys(session)
            return encrypt(session, SUBJECT, HERE, b"Leo")
    finally:
        engine.dispose()


def look(settings: Settings, stored: bytes) -> bytes:
    engine = engine_for(settings)
    try:
        with transactions(engine)() as session:
            return decrypt(session, SUBJECT, HERE, stored)
    finally:
        engine.dispose()


def test_a_key_is_made_where_none_is_set_for_our_own_account_only(settings: Settings) -> None:
    stored = keep(settings)
    file = settings.state_dir / "encryption-keys"
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert [one.name for one in settings.state_dir.iterdir()] == ["encryption-keys"]
    assert look(settings, stored) == b"Leo"


def test_many_processes_that_begin_at_once_make_one_key(tmp_path: Path) -> None:
    program = (
        "import sys; from pathlib import Path; from app.encryption.keyring import Keyring; "
        "from app.settings import Settings; ring = Keyring(Settings(state_dir=Path(sys.argv[1]))); "
        "ring.make_own(); print(ring.current().id)"
    )
    environment = {"PATH": os.environ["PATH"], "PYTHONPATH": str(ROOT)}

    def begin(_: int) -> str:
        command = [sys.executable, "-c", program, str(tmp_path)]
        return subprocess.run(command, env=environment, check=True, capture_output=True, text=True, timeout=60).stdout

    with ThreadPoolExecutor(4) as threads:
        assert len(set(threads.map(begin, range(4)))) == 1
    assert [one.name for one in tmp_path.iterdir()] == ["encryption-keys"]


def test_a_lost_key_file_is_said_and_never_replaced_by_a_new_one(settings: Settings) -> None:
    stored = keep(settings)
    file = settings.state_dir / "encryption-keys"
    file.rename(settings.state_dir / "copy")
    for act in (lambda: look(settings, stored), lambda: keep(settings)):
        with pytest.raises(KeyAwayError) as caught:
            act()
        assert str(file) in caught.value.operator
    assert not file.exists()
    (settings.state_dir / "copy").rename(file)
    assert look(settings, stored) == b"Leo"


def test_a_second_machine_without_the_first_ones_file_is_refused(settings: Settings, tmp_path: Path) -> None:
    keep(settings)
    with pytest.raises(KeyAwayError) as caught:
        keep(settings.model_copy(update={"state_dir": tmp_path / "second"}))
    assert "SAMEDAY_ENCRYPTION_KEYS_FILE" in caught.value.operator
    own = tmp_path / "own.keys"
    own.write_text(new_line("own"))
    with pytest.raises(KeyAwayError) as caught:
        keep(settings.model_copy(update={"encryption_keys_file": own}))
    assert "every process" in caught.value.operator.lower()


def test_a_key_of_the_same_name_that_is_another_opens_nothing(settings: Settings, tmp_path: Path) -> None:
    given = settings.model_copy(update={"encryption_keys_file": tmp_path / "keys"})
    (tmp_path / "keys").write_text(new_line("2027"))
    stored = keep(given)
    (tmp_path / "keys").write_text(new_line("2027"))
    with pytest.raises(RecordDamagedError):
        look(given, stored)


def test_the_file_is_read_again_when_it_changes(tmp_path: Path) -> None:
    file = tmp_path / "keys"
    file.write_text(f"# ours\n\n{new_line('one')}\n")
    ring = Keyring(Settings(encryption_keys_file=file))
    assert ring.current().id == "one"
    file.write_text(f"{new_line('two')}\n{file.read_text()}")
    assert (ring.current().id, ring.get("one").id, ring.ids_in_file()) == ("two", "one", ("two", "one"))


@pytest.mark.parametrize("text", WRONG.values(), ids=WRONG)
def test_a_wrong_file_is_refused_by_its_line_and_never_quoted(tmp_path: Path, text: str) -> None:
    file = tmp_path / "keys"
    file.write_text(text)
    with pytest.raises(KeyAwayError) as caught:
        read_keys(file)
    assert str(file) in caught.value.operator
    assert A_KEY not in caught.value.operator + str(caught.value)


@pytest.mark.parametrize("text", WRONG.values(), ids=WRONG)
def test_a_file_that_is_exchanged_badly_leaves_the_keys_that_were_read(tmp_path: Path, text: str) -> None:
    file = tmp_path / "keys"
    file.write_text(f"{new_line('one')}\n")
    ring = Keyring(Settings(encryption_keys_file=file))
    assert ring.current().id == "one"
    file.write_text(text)
    assert ring.current().id == "one"
    file.unlink()
    assert ring.current().id == "one"


def test_a_file_that_was_never_there_is_said(tmp_path: Path) -> None:
    with pytest.raises(KeyAwayError) as caught:
        Keyring(Settings(encryption_keys_file=tmp_path / "none")).current()
    assert str(tmp_path / "none") in caught.value.operator
