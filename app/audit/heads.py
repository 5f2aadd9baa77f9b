"""Signed heads: what the end of the chain was at a moment, kept where the database's owner cannot change it.

A head is `{"number", "sha256", "at", "key", "signature"}`: the last event's number and hash, the time of signing, the
fingerprint of the public key, and the Ed25519 signature (base64) over the canonical JSON (RFC 8785) of the other four.
Files hold one a line.
"""

import json
import os
from base64 import b64decode, b64encode
from binascii import Error as NotBase64
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from hashlib import sha256
from pathlib import Path
from typing import NamedTuple

import rfc8785
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from app.audit.chain import time_text

LINE_LIMIT = 4096
"""Bytes. A head has about 300; what is longer is none."""

PublicKeys = Mapping[str, Ed25519PublicKey]
"""By fingerprint."""


class Head(NamedTuple):
    """What the service said of the end of its audit."""

    number: int
    sha256: str
    at: str
    key: str
    signature: str


@dataclass(slots=True)
class Read:
    """What a collection of heads came to: the genuine ones by number, sentences on the false, and on unreadable lines.

    An unreadable line is no fault of the audit: a crash may have cut it off, and whoever spoils one could as well take
    it away, which nobody could see.
    """

    by_number: dict[int, list[str]] = field(default_factory=dict)
    false: list[str] = field(default_factory=list)
    unreadable: list[str] = field(default_factory=list)


def sign_head(key: Ed25519PrivateKey, number: int, last_sha256: str, now: datetime) -> Head:
    """A head for the event with this number and hash."""
    head = Head(number, last_sha256, time_text(now), fingerprint(key.public_key()), "")
    return head._replace(signature=b64encode(key.sign(_signed(head))).decode("ascii"))


def is_genuine(head: Head, keys: PublicKeys) -> bool:
    """Whether one of `keys` signed exactly this head."""
    key = keys.get(head.key)
    if key is None:
        return False
    try:
        key.verify(b64decode(head.signature, validate=True), _signed(head))
    except (InvalidSignature, NotBase64, ValueError):
        return False
    return True


def fingerprint(key: Ed25519PublicKey) -> str:
    """SHA-256 (hex) of the public key in its standard form (SubjectPublicKeyInfo, DER)."""
    return sha256(key.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)).hexdigest()


def read_heads(lines: Iterable[str], keys: PublicKeys, source: str, into: Read) -> None:
    """Sort the heads of `lines` into `into`. source: how sentences name where they come from."""
    for place, line in enumerate(lines, 1):
        if not line.strip():
            continue
        head = head_of(line)
        if head is None:
            into.unreadable.append(f"Line {place} of {source} is no head.")
        elif head.key not in keys:
            into.false.append(
                f"Line {place} of {source}: the head for event {head.number} names a key that is not among the public "
                f"keys given ({head.key[:16]}…)."
            )
        elif not is_genuine(head, keys):
            into.false.append(f"Line {place} of {source}: the head for event {head.number} has a wrong signature.")
        else:
            said = into.by_number.setdefault(head.number, [])
            if head.sha256 not in said:
                said.append(head.sha256)


def head_of(line: str | bytes) -> Head | None:
    """The head that stands on this line, genuine or not; None when it is none."""
    try:
        value = json.loads(line) if len(line) <= LINE_LIMIT else None
    except (ValueError, RecursionError):
        return None
    if not isinstance(value, dict) or set(value) != set(Head._fields):
        return None
    number = value["number"]
    is_number = isinstance(number, int) and not isinstance(number, bool) and 0 < number < 2**53
    if not is_number or not all(isinstance(value[name], str) for name in Head._fields[1:]):
        return None
    return Head(**value)


def line_of(head: Head) -> bytes:
    """The head as it is kept and sent: canonical JSON and a line feed."""
    return rfc8785.dumps(head._asdict()) + b"\n"


def append_head(path: Path, head: Head) -> None:
    """Add `head` at the end of the file, durably. What stands there is never touched.

    Several processes may append at once: each line is one write. A line that a crash cut off is ended first, so that
    it spoils no other.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    is_new = not path.exists()
    file = os.open(path, os.O_RDWR | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        size = os.fstat(file).st_size
        is_cut_off = size > 0 and os.pread(file, 1, size - 1) != b"\n"
        os.write(file, (b"\n" if is_cut_off else b"") + line_of(head))
        os.fsync(file)
    finally:
        os.close(file)
    if is_new:
        _sync_folder(path.parent)


def last_head(path: Path) -> Head | None:
    """The last whole head of the file; None when there is none, or no file."""
    try:
        with path.open("rb") as file:
            file.seek(max(0, path.stat().st_size - 2 * LINE_LIMIT))
            lines = file.read().splitlines()
    except FileNotFoundError:
        return None
    return next((head for line in reversed(lines) if (head := head_of(line)) is not None), None)


def _signed(head: Head) -> bytes:
    values = head._asdict()
    del values["signature"]
    return rfc8785.dumps(values)


def _sync_folder(folder: Path) -> None:
    opened = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(opened)
    finally:
        os.close(opened)
