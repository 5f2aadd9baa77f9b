"""The key that signs heads, and the public keys that tell whether a head is genuine.

The public key of each key ever used is noted in the state folder, so that verifying on this machine needs no option
and no secret. An auditor keeps a copy elsewhere: whoever can write that folder could add a key of their own.
"""

import os
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path
from secrets import token_hex

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
    load_pem_private_key,
    load_pem_public_key,
)

from app.audit.heads import PublicKeys, fingerprint
from app.settings import Settings, SettingsError

SELF_MADE_FILE = "audit-key.pem"
PUBLIC_FOLDER = "audit-keys"


def signing_key(settings: Settings) -> Ed25519PrivateKey:
    """The key of the settings, or the self-made one, made at the first use; its public key is noted.

    Raises SettingsError when the file is not there, or is no Ed25519 key without a password.
    """
    path = settings.audit_key_file
    if path is None:
        path = settings.state_dir / SELF_MADE_FILE
        if not path.exists():
            made = Ed25519PrivateKey.generate()
            _place(path, made.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
    try:
        key = load_pem_private_key(path.read_bytes(), password=None)
    except (OSError, ValueError, TypeError) as error:
        raise SettingsError("SAMEDAY_AUDIT_KEY_FILE must be a PEM file with a private key, without a password.") from (
            error
        )
    if not isinstance(key, Ed25519PrivateKey):
        raise SettingsError("SAMEDAY_AUDIT_KEY_FILE must hold an Ed25519 key: openssl genpkey -algorithm ed25519")
    _note(settings, key.public_key())
    return key


def noted_keys(settings: Settings) -> PublicKeys:
    """The public keys of every key that was used with this state folder."""
    return public_keys(sorted((settings.state_dir / PUBLIC_FOLDER).glob("*.pem")))


def public_keys(files: Iterable[Path]) -> PublicKeys:
    """The Ed25519 public keys in these PEM files. Raises SettingsError for a file that is none."""
    found: dict[str, Ed25519PublicKey] = {}
    for file in files:
        try:
            key = load_pem_public_key(file.read_bytes())
        except (OSError, ValueError) as error:
            raise SettingsError(f"{file} cannot be read as a PEM file with a public key.") from error
        if not isinstance(key, Ed25519PublicKey):
            raise SettingsError(f"{file} holds no Ed25519 public key.")
        found[fingerprint(key)] = key
    return found


def _note(settings: Settings, key: Ed25519PublicKey) -> None:
    path = settings.state_dir / PUBLIC_FOLDER / f"{fingerprint(key)}.pem"
    if not path.exists():
        _place(path, key.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo))


def _place(path: Path, data: bytes) -> None:
    """Make the file with these bytes, whole or not at all, for our own account only. Who comes second changes nothing:
    several processes may get here at once, and the first file wins."""
    path.parent.mkdir(parents=True, exist_ok=True)
    mine = path.with_name(f"{path.name}.{token_hex(6)}")
    file = os.open(mine, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
    try:
        with os.fdopen(file, "wb") as opened:
            opened.write(data)
            opened.flush()
            os.fsync(opened.fileno())
        with suppress(FileExistsError):
            path.hardlink_to(mine)
    finally:
        mine.unlink()
