"""AES-256-GCM as it is stored: a format byte, a nonce of 96 random bits, the ciphertext, a tag of 128 bits.

A random nonce is safe for 2^32 writes under one key (NIST SP 800-38D, 8.3); one outcome has some hundreds.
"""

import secrets
from typing import Protocol

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from app.encryption.faults import RecordDamagedError

FORMAT = b"\x01"
KEY_BYTES = 32
NONCE_BYTES = 12
TAG_BYTES = 16


class Cipher(Protocol):
    """AES-256-GCM under one key, in this process or in a token."""

    def encrypt(self, nonce: bytes, data: bytes, associated: bytes) -> bytes:
        """Ciphertext and tag."""

    def decrypt(self, nonce: bytes, data: bytes, associated: bytes) -> bytes:
        """The plain bytes. Raises InvalidTag when anything differs from what was encrypted."""


def new_key() -> bytes:
    """A new key of 256 random bits."""
    return secrets.token_bytes(KEY_BYTES)


def cipher_of(key: bytes) -> Cipher:
    """AES-256-GCM under `key`, in this process."""
    return AESGCM(key)


def close_bytes(cipher: Cipher, data: bytes, associated: bytes) -> bytes:
    """`data` encrypted and bound to `associated`, which must be said again to open it."""
    nonce = secrets.token_bytes(NONCE_BYTES)
    return FORMAT + nonce + cipher.encrypt(nonce, data, FORMAT + associated)


def open_bytes(cipher: Cipher, closed: bytes, associated: bytes) -> bytes:
    """What `close_bytes` was given. Raises RecordDamagedError unless it is exactly what was closed, for this place."""
    if closed[:1] != FORMAT or len(closed) < 1 + NONCE_BYTES + TAG_BYTES:
        raise RecordDamagedError
    nonce, body = closed[1 : 1 + NONCE_BYTES], closed[1 + NONCE_BYTES :]
    try:
        return cipher.decrypt(nonce, body, FORMAT + associated)
    except InvalidTag as error:
        raise RecordDamagedError from error
