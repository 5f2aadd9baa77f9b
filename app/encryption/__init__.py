"""Encryption at rest: what tells of a child leaves this process only as AES-256-GCM (docs/decisions/0008).

Each subject (an outcome, an account, a team) has a data key of its own. Data keys lie in the table `data_key`, wrapped
by a key-encryption key from a file or a PKCS#11 token, so that those keys are exchanged without touching the data.
Callers say `encrypt` and `decrypt` where they write and read; nothing happens behind their back.
"""

from app.encryption.envelope import (
    Place,
    blind_index,
    check_keys,
    check_stored_keys,
    decrypt,
    decrypt_text,
    encrypt,
    encrypt_text,
    key_ring,
)
from app.encryption.faults import KeyAwayError, RecordDamagedError
from app.encryption.rotation import Rewrapped, keys_in_use, rewrap

__all__ = [
    "KeyAwayError",
    "Place",
    "RecordDamagedError",
    "Rewrapped",
    "blind_index",
    "check_keys",
    "check_stored_keys",
    "decrypt",
    "decrypt_text",
    "encrypt",
    "encrypt_text",
    "key_ring",
    "keys_in_use",
    "rewrap",
]
