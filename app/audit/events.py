"""The events: the table, `record`, and how what was recorded is linked to the chain as the transaction's last act."""

import json
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass, field, replace
from datetime import datetime
from typing import Any, Literal
from uuid import UUID
from weakref import WeakKeyDictionary

from sqlalchemy import JSON, BigInteger, Column, Connection, TableClause, event, insert
from sqlalchemy.orm import ORMExecuteState, SessionTransaction
from sqlalchemy.sql.util import find_tables
from sqlmodel import Field, Session, SQLModel, col, func, select

from app.audit.chain import BEGINNING, entry_of
from app.db import UTCDateTime, new_id

Result = Literal["done", "denied", "failed"]

LOCK = int.from_bytes(b"sd-audit")
"""Key of PostgreSQL's advisory lock: who holds it writes the next events. Any number that nothing else uses."""

_KEY = "sameday-audit"
_MEANS = "sameday-audit-means"


class AuditEvent(SQLModel, table=True):
    """One line of the audit. A trigger refuses UPDATE and DELETE on both databases.

    `sha256` is over the canonical JSON of all the others (`chain.Entry`), `previous_sha256` that of the event before.
    """

    __tablename__ = "audit_event"

    id: UUID = Field(default_factory=new_id, primary_key=True)
    number: int = Field(sa_type=BigInteger, unique=True, description="Place in the chain: 1, 2, 3, … without a gap")
    at: datetime = Field(sa_type=UTCDateTime, index=True)
    actor_id: UUID | None = Field(default=None, index=True, description="Account; none for the service itself")
    action: str = Field(max_length=60)
    object_type: str = Field(max_length=60)
    object_id: str = Field(max_length=60, index=True)
    result: str = Field(max_length=10)
    detail: dict[str, Any] = Field(default_factory=dict, sa_column=Column(JSON, nullable=False))
    previous_sha256: str = Field(max_length=64)
    sha256: str = Field(max_length=64)


@dataclass(frozen=True, slots=True)
class Recorded:
    """What was recorded in a transaction: an event that has no place in the chain yet."""

    id: UUID
    at: datetime
    actor_id: UUID | None
    action: str
    object_type: str
    object_id: str
    result: Result
    detail: dict[str, Any]


@dataclass(slots=True)
class _Collected:
    events: list[Recorded] = field(default_factory=list)
    linked: int = 0


def record(
    session: Session,
    *,
    now: datetime,
    actor_id: UUID | None,
    action: str,
    object_type: str,
    object_id: UUID | str,
    result: Result = "done",
    detail: dict[str, Any] | None = None,
) -> None:
    """Record one event in the caller's transaction: it stands or falls with what it tells of.

    actor_id: the account that acts, or None for the service. detail: ids, codes and names of fields; never values.
    Raises ValueError for a time without a zone, TypeError for a detail that is not plain JSON.

    The row is written when the transaction commits. A chain has one end, so writers of events must queue; taking the
    queue's lock here, in the middle of a verb that goes on to lock rows, would let two verbs wait for each other.
    """
    if now.tzinfo is None:
        raise ValueError("an event at a time without a zone must not be recorded")
    # Copied, and in the very form that will be read again: what is hashed and what is stored must be the same.
    plain = json.loads(json.dumps((detail or {}) | session.info.get(_MEANS, {})))
    event_recorded = Recorded(new_id(), now, actor_id, action, object_type, str(object_id), result, plain)
    _collected(session).events.append(event_recorded)


def name_means(session: Session, *, client_id: UUID | None = None, token_id: UUID | None = None) -> None:
    """Name by what a call is made in the detail of whatever this session records from now on.

    client_id: the integration ("client"). token_id: the personal token ("token"), which an administrator may have
    issued. Told by the door, which knows who calls, so that no verb can forget it.
    """
    means = {"client": client_id, "token": token_id}
    session.info[_MEANS] = {name: str(value) for name, value in means.items() if value is not None}


def record_listing(
    session: Session,
    *,
    now: datetime,
    actor_id: UUID,
    action: str,
    ids: Sequence[UUID],
    of: tuple[str, UUID] | None = None,
) -> None:
    """Record that a list was shown: one event with how many things and their ids.

    action: one of `queries.LISTINGS`. of: type and id of what the list hangs on; none for a list of one's own.
    """
    object_type, object_id = of or ("list", action)
    detail = {"count": len(ids), "ids": [str(one) for one in ids]}
    record(
        session,
        now=now,
        actor_id=actor_id,
        action=action,
        object_type=object_type,
        object_id=object_id,
        detail=detail,
    )


def recorded(session: Session) -> tuple[Recorded, ...]:
    """What the running transaction has recorded. After a rollback it is gone: ask before."""
    running = session.get_transaction()
    found = None if running is None else _all_collected(session).get(running)
    return () if found is None else tuple(found.events)


def record_failures(session: Session, attempts: Iterable[Recorded], code: str) -> None:
    """Record that `attempts` of a transaction that was rolled back came to nothing, with the error's code."""
    for one in attempts:
        result: Result = "failed" if one.result == "done" else one.result
        _collected(session).events.append(replace(one, result=result, detail=one.detail | {"error": code}))


def link(session: Session) -> None:
    """Give what was recorded its place in the chain and insert it. Runs by itself before each commit.

    From here to the end of the transaction every other writer of events waits, so nothing must follow that could wait
    for one of them: on PostgreSQL no row lock.
    """
    if not _is_waiting(session):
        return
    if session.in_nested_transaction():
        raise RuntimeError("the audit cannot be read within a savepoint: what is linked there could be rolled back")
    collected = _collected(session)
    session.flush()  # whatever else is still to be written, and could wait for somebody, comes before the lock
    connection = session.connection()
    _take_lock(connection)
    last = connection.execute(
        select(AuditEvent.number, AuditEvent.sha256).order_by(col(AuditEvent.number).desc()).limit(1)
    ).first()
    last_number, previous = (last.number, last.sha256) if last else (0, BEGINNING)
    rows = []
    for number, one in enumerate(collected.events[collected.linked :], last_number + 1):
        facts = asdict(one)
        entry = entry_of(facts, number, previous)
        rows.append(facts | {"number": number, "previous_sha256": previous, "sha256": entry.sha256})
        previous = entry.sha256
    connection.execute(insert(AuditEvent), rows)
    collected.linked = len(collected.events)


def _take_lock(connection: Connection) -> None:
    if connection.dialect.name == "postgresql":
        # Let go by the commit itself, after what was written can be seen by all.
        connection.execute(select(func.pg_advisory_xact_lock(LOCK)))
        return
    # SQLite's write lock does the same, but sqlite3 begins a transaction only at the first write: with nothing written
    # yet, a command in another process could write between our reading of the end and our INSERT.
    sqlite = connection.connection.driver_connection
    assert sqlite is not None
    if not sqlite.in_transaction:
        connection.exec_driver_sql("BEGIN IMMEDIATE")


# `record` is the only way to write an event, called by hand where a thing is done. The listeners below only decide
# when what was recorded is written: as the last act of its transaction, and before that transaction reads the audit.


@event.listens_for(Session, "before_commit")
def _link_before_commit(session: Session) -> None:
    savepoint = session.get_nested_transaction()
    if savepoint is None:
        link(session)
    elif savepoint.parent is not None:  # what was recorded inside now stands or falls with what is around it
        _collected(session, savepoint.parent).events.extend(_collected(session, savepoint).events)


@event.listens_for(Session, "do_orm_execute")
def _link_before_reading(state: ORMExecuteState) -> None:
    """As flushing does for rows: a transaction that reads the audit sees its own events in it."""
    session: Any = state.session
    if state.is_select and _is_waiting(session) and AuditEvent.__table__ in _tables(state.statement):  # type: ignore[attr-defined]
        link(session)


def _tables(statement: Any) -> list[TableClause]:
    return find_tables(statement, include_selects=True, include_joins=True)


def _is_waiting(session: Session) -> bool:
    """Whether anything was recorded that is not in the chain yet, around or inside savepoints."""
    every = _all_collected(session)
    running = session.get_nested_transaction() or session.get_transaction()
    while running is not None:
        found = every.get(running)
        if found is not None and found.linked < len(found.events):
            return True
        running = running.parent
    return False


def _collected(session: Session, transaction: SessionTransaction | None = None) -> _Collected:
    """What was recorded in `transaction`, or in the innermost that runs. It ends with it, so a session that is used
    again after a rollback begins with nothing."""
    innermost = session.get_nested_transaction() or session.get_transaction() or session.begin()
    return _all_collected(session).setdefault(transaction or innermost, _Collected())


def _all_collected(session: Session) -> WeakKeyDictionary[SessionTransaction, _Collected]:
    found: WeakKeyDictionary[SessionTransaction, _Collected] = session.info.setdefault(_KEY, WeakKeyDictionary())
    return found
