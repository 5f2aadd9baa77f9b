"""Publishes the end of the chain: into a file, and to another machine where the settings name one."""

import logging
from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from threading import Event

import httpx
from sqlmodel import Session

from app.audit.head_keys import signing_key
from app.audit.heads import Head, append_head, last_head, line_of, sign_head
from app.audit.queries import hash_at, last_link
from app.db import Transaction
from app.settings import Settings

SEND_SECONDS = 10.0
"""Longest wait for the other machine, for each step. The next interval tries again."""

_log = logging.getLogger(__name__)


class ContradictionError(Exception):
    """The audit no longer agrees with its last signed head. No new head is signed over that."""


def head_file(settings: Settings) -> Path:
    """Where heads are kept."""
    return settings.audit_head_file or settings.state_dir / "audit-heads.jsonl"


def publish_until(stopping: Event, transaction: Transaction, settings: Settings, clock: Callable[[], datetime]) -> None:
    """Publish a head at each interval in which something was recorded, until `stopping` is set."""
    sent = 0
    while not stopping.wait(settings.audit_head_seconds):
        sent = publish_or_log(transaction, settings, now=clock(), sent=sent)


def publish_or_log(transaction: Transaction, settings: Settings, *, now: datetime, sent: int = 0) -> int:
    """`publish`, where nobody waits for it: what goes wrong is logged, and the next interval repeats it."""
    try:
        return publish(transaction, settings, now=now, sent=sent)
    except ContradictionError:
        _log.critical("the audit contradicts its last signed head: run `sameday audit verify`")
    except Exception:  # noqa: BLE001 - whatever it was, publishing must go on at the next interval
        _log.exception("the head of the audit was not published and will be at the next interval")
    return sent


def publish(transaction: Transaction, settings: Settings, *, now: datetime, sent: int = 0) -> int:
    """Sign and keep the end of the chain if there are events after the last head, and send the newest head.

    sent: the number of the last head that reached the other machine. Answers the same; 0 is none. Heads that could not
    be sent in between are not sent later: the newest one covers all events before it. After a start the last head is
    sent once more.
    Raises ContradictionError, SettingsError (the key), OSError (the file) and httpx.HTTPError (the other machine).
    """
    with transaction() as session:
        head = newest_head(session, settings, now)
    if head is None or settings.audit_head_url is None or head.number <= sent:
        return sent
    send_head(settings.audit_head_url, head)
    return head.number


def newest_head(session: Session, settings: Settings, now: datetime) -> Head | None:
    """The last head of the file, after adding one if there are events after it. None while nothing is recorded.

    Raises ContradictionError, SettingsError and OSError as `publish` does.
    """
    kept = last_head(head_file(settings))
    last = last_link(session)
    if kept is not None and hash_at(session, kept.number) != kept.sha256:
        raise ContradictionError
    if last is None or (kept is not None and last[0] <= kept.number):
        return kept
    head = sign_head(signing_key(settings), *last, now)
    append_head(head_file(settings), head)
    return head


def send_head(url: str, head: Head) -> None:
    """Send `head` to the other machine. Raises httpx.HTTPError when it is not taken."""
    # Streamed, so that an endless answer is never read. No proxy of the environment: only settings say where we call.
    with (
        httpx.Client(timeout=SEND_SECONDS, trust_env=False) as client,
        client.stream("POST", url, content=line_of(head), headers={"Content-Type": "application/json"}) as response,
    ):
        response.raise_for_status()
