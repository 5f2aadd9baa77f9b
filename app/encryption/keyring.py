"""The key-encryption keys: from a file, from a PKCS#11 token, or self-made for trying things out.

The file is read again when it changes, so that a key is exchanged while the service serves (docs/decisions/0008).
"""

import base64
import binascii
import logging
import re
import secrets
import threading
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from weakref import WeakKeyDictionary

from sqlalchemy import Engine

from app.db import settings_of
from app.encryption.faults import KeyAwayError
from app.encryption.gcm import KEY_BYTES, Cipher, cipher_of, new_key
from app.settings import Settings

SELF_MADE_FILE = "encryption-keys"
TOKEN_PREFIX = "pkcs11:"  # noqa: S105  no secret: how keys in a token are told from keys in the file
ID_PATTERN = re.compile(r"[A-Za-z0-9._-]{1,40}", re.ASCII)
_LINE = re.compile(rf"({ID_PATTERN.pattern}):([A-Za-z0-9+/]{{43}}=)", re.ASCII)

_log = logging.getLogger("sameday.encryption")


@dataclass(frozen=True, slots=True)
class WrappingKey:
    """A key-encryption key: its id, which is stored beside what it wraps, and the cipher under it."""

    id: str
    cipher: Cipher


class Keyring:
    """The current key, which wraps, and all the keys that unwrap."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self.path = settings.encryption_keys_file or settings.state_dir / SELF_MADE_FILE
        self.is_self_made = settings.encryption_keys_file is None and settings.encryption_pkcs11_library is None
        self._lock = threading.Lock()
        self._seen: tuple[int, int, int] | None = None
        self._in_file: Mapping[str, WrappingKey] = {}

    def current(self) -> WrappingKey:
        """The key that wraps from now on: the token's, else the first of the file. Raises KeyAwayError."""
        if self._settings.encryption_pkcs11_library is not None:
            label = self._settings.encryption_pkcs11_key or self._settings.encryption_pkcs11_label
            return self._in_token(label or "")
        return next(iter(self._file().values()))

    def get(self, key_id: str) -> WrappingKey:
        """The key of this id. Raises KeyAwayError when it is neither in the file nor in the token."""
        if key_id.startswith(TOKEN_PREFIX) and self._settings.encryption_pkcs11_library is not None:
            return self._in_token(key_id.removeprefix(TOKEN_PREFIX))
        needs_file = self._settings.encryption_pkcs11_library is None or self.path.exists()
        found = self._file().get(key_id) if needs_file else None
        if found is None:
            raise KeyAwayError(
                f"Records are encrypted under the key {key_id!r}, which this process does not have. Every process on "
                f"this database needs the same key file: set SAMEDAY_ENCRYPTION_KEYS_FILE (here it is {self.path})."
            )
        return found

    def has(self, key_id: str) -> bool:
        """Whether `get` would give a key. Of a key in a token it is only known when it is used."""
        try:
            self.get(key_id)
        except KeyAwayError:
            return False
        return True

    def ids_in_file(self) -> tuple[str, ...]:
        """The ids in the key file, in its order; none if there is no file."""
        return tuple(self._file()) if self.path.exists() else ()

    def is_missing(self) -> bool:
        """Whether a self-made key is meant to be used and none is made yet."""
        return self.is_self_made and not self.path.exists()

    def make_own(self) -> None:
        """Make the self-made key. Several processes may get here at once: the first file wins."""
        self.path.parent.mkdir(parents=True, exist_ok=True)
        mine = self.path.with_name(f"{SELF_MADE_FILE}.{secrets.token_hex(6)}")
        mine.touch(mode=0o600)
        mine.write_text(
            "# Without this file nobody can ever read the records again. Keep a copy, not beside the database's.\n"
            f"{new_line(f'self-made-{secrets.token_hex(4)}')}\n",
            "ascii",
        )
        try:
            self.path.hardlink_to(mine)
            _log.warning("self-made-encryption-key", extra={"file": self.path})
        except FileExistsError:
            pass  # another process was first: its key is used
        finally:
            mine.unlink()

    def _in_token(self, label: str) -> WrappingKey:
        from app.encryption.token import token_cipher  # here, so that only who uses a token loads PKCS#11

        return WrappingKey(f"{TOKEN_PREFIX}{label}", token_cipher(self._settings, label))

    def _file(self) -> Mapping[str, WrappingKey]:
        with self._lock:
            try:
                status = self.path.stat()
                seen = (status.st_mtime_ns, status.st_size, status.st_ino)
                if seen != self._seen:
                    self._in_file, self._seen = read_keys(self.path), seen
            except (OSError, KeyAwayError) as error:
                if not self._in_file:
                    if isinstance(error, KeyAwayError):
                        raise
                    raise KeyAwayError(f"The key file {self.path} cannot be read.") from error
                # It is being exchanged this moment, or badly: what was read before still opens what it opened.
                _log.error("encryption-key-file-unreadable", extra={"file": self.path})
            return self._in_file


_rings: WeakKeyDictionary[Engine, Keyring] = WeakKeyDictionary()


def keyring_of(engine: Engine) -> Keyring:
    """The keyring for `engine`, by the settings it was made of; one for each engine, kept as long as it lives."""
    if engine not in _rings:
        _rings[engine] = Keyring(settings_of(engine))
    return _rings[engine]


def read_keys(path: Path) -> Mapping[str, WrappingKey]:
    """The keys in the file at `path`, in its order: one `id:base64 of 32 bytes` a line; `#` begins a comment.

    Raises OSError, and KeyAwayError that names the wrong line and never quotes it.
    """
    keys: dict[str, WrappingKey] = {}
    for number, line in enumerate(path.read_text("ascii", "replace").splitlines(), 1):
        if not (text := line.strip()) or text.startswith("#"):
            continue
        given = _LINE.fullmatch(text)
        key = _decoded(given[2]) if given else None
        if given is None or key is None or given[1] in keys:
            raise KeyAwayError(f"{path}, line {number}: write 'id:base64 of 32 bytes', each id once.")
        keys[given[1]] = WrappingKey(given[1], cipher_of(key))
    if not keys:
        raise KeyAwayError(f"{path} holds no key. `sameday keys new` prints a line for it.")
    return keys


def new_line(key_id: str) -> str:
    """A line with a new key for the key file."""
    return f"{key_id}:{base64.b64encode(new_key()).decode('ascii')}"


def _decoded(text: str) -> bytes | None:
    try:
        key = base64.b64decode(text, validate=True)
    except binascii.Error:
        return None
    return key if len(key) == KEY_BYTES else None
