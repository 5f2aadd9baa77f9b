"""Passwords: argon2id, two at a time in the process, and which words may be one.

A hash takes tens of milliseconds of a processor and tens of megabytes, so nobody may hold a database transaction
meanwhile, and sign-ins must not take the machine: `HASHES_AT_ONCE`. The numbers: docs/decisions/0012-sign-in.md.
"""

import re
import secrets
import threading
import unicodedata
from collections.abc import Iterable
from datetime import datetime
from functools import lru_cache
from uuid import UUID

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError
from sqlmodel import Session
from zxcvbn import zxcvbn

from app.errors import Problem
from app.people.sign_in_tables import Password

HASHES_AT_ONCE = 2
SHORTEST, LONGEST = 12, 128
"""Characters, in NFC. ASVS 6.2.1 asks for 8 and recommends 15; 12 with a second factor is ours. 6.2.9: at least 64."""

FEWEST_GUESSES = 10**8
"""By zxcvbn's count. It is its own border between 'somewhat' and 'safely unguessable'."""

_SHORTEST_WORD = 3
_LOOKED_AT = 32
"""Characters that zxcvbn looks at: the time it takes grows with the square, and 32 good ones are plenty."""

_slots = threading.BoundedSemaphore(HASHES_AT_ONCE)


def hash_password(password: str, memory_kib: int) -> str:
    """The argon2id hash of `password` in NFC. Waits for a free slot; never call it inside a transaction."""
    with _slots:
        return _hasher(memory_kib).hash(unicodedata.normalize("NFC", password))


def is_right(stored: str | None, password: str, memory_kib: int) -> bool:
    """Whether `password` is the one that was hashed. No stored hash costs the same time, and is never right."""
    stand_in = _stand_in(memory_kib)
    with _slots:
        try:
            _hasher(memory_kib).verify(stored or stand_in, unicodedata.normalize("NFC", password))
        except (VerificationError, InvalidHashError):
            return False
    return stored is not None


def is_outdated(stored: str, memory_kib: int) -> bool:
    """Whether a hash was made with other parameters than new ones are."""
    return _hasher(memory_kib).check_needs_rehash(stored)


def problems_in_password(password: str, about: Iterable[str], pointer: str) -> list[Problem]:
    """What speaks against a new password: its length, or that it is easily guessed (ASVS 6.2.4, 6.2.11).

    about: words that anyone would try for this person, such as their name. Nothing is asked about kinds of characters
    (ASVS 6.2.5).
    """
    normal = unicodedata.normalize("NFC", password)
    if not SHORTEST <= len(normal) <= LONGEST:
        return [Problem(pointer, "wrong-length", f"Choose {SHORTEST} to {LONGEST} characters.")]
    rest = _without(normal, [*about, "sameday"])
    if not rest or zxcvbn(rest[:_LOOKED_AT])["guesses"] < FEWEST_GUESSES:
        sentence = "This is easily guessed. Choose three or four words that do not belong together."
        return [Problem(pointer, "easily-guessed", sentence)]
    return []


def set_password(session: Session, account_id: UUID, hashed: str, now: datetime) -> None:
    """Keep `hashed`, from `hash_password`, as the account's password."""
    row = session.get(Password, account_id) or Password(account_id=account_id, hash=hashed, changed_at=now)
    row.hash, row.changed_at = hashed, now
    session.add(row)


def _without(password: str, about: Iterable[str]) -> str:
    """What is left to guess for who knows the words about the person."""
    words = {part for text in about for part in re.split(r"[^\w]+", text) if len(part) >= _SHORTEST_WORD}
    for word in sorted(words, key=len, reverse=True):
        password = re.sub(re.escape(word), "", password, flags=re.IGNORECASE)
    return password


@lru_cache(maxsize=4)
def _hasher(memory_kib: int) -> PasswordHasher:
    # One pass and one lane: OWASP's profile for 46 MiB. Below that (tests only) two passes.
    return PasswordHasher(time_cost=1 if memory_kib >= 46 * 1024 else 2, memory_cost=memory_kib, parallelism=1)


@lru_cache(maxsize=4)
def _stand_in(memory_kib: int) -> str:
    """A hash of something nobody knows, for addresses without an account."""
    return hash_password(secrets.token_urlsafe(32), memory_kib)
