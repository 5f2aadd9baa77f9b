"""Brings signed heads together from where they were published, to verify the chain against."""

from collections.abc import Iterable
from pathlib import Path

import httpx

from app.audit.heads import PublicKeys, Read, read_heads
from app.errors import DomainError

FETCH_SECONDS = 60.0
"""Longest wait for the other machine, for each step."""


def heads_from(sources: Iterable[str], keys: PublicKeys) -> Read:
    """Every head in these files and behind these addresses, one a line; sorted into genuine, false and unreadable.

    Keeps the number and hash of each: some 200 bytes a head. Raises unreadable-file for a source that cannot be read.
    """
    found = Read()
    for source in sources:
        try:
            if source.startswith(("http://", "https://")):
                _read_address(source, keys, found)
            else:
                with Path(source).open(encoding="utf-8", errors="replace") as lines:
                    read_heads(lines, keys, source, found)
        except (OSError, httpx.HTTPError, httpx.InvalidURL) as error:
            raise DomainError("unreadable-file", f"The heads cannot be read from {source}: {error}") from error
    return found


def _read_address(url: str, keys: PublicKeys, found: Read) -> None:
    with httpx.Client(timeout=FETCH_SECONDS, trust_env=False) as client, client.stream("GET", url) as response:
        response.raise_for_status()
        read_heads(response.iter_lines(), keys, url, found)
