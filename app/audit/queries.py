"""What is read from the audit: for people who look into it. No feature reads it."""

import json
from collections.abc import Iterable, Iterator, Sequence
from typing import Any

from sqlalchemy import ColumnElement, Connection, String, Text, and_, cast, func, or_, type_coerce
from sqlmodel import Session, col, select

from app.audit.chain import Entry
from app.audit.events import AuditEvent

PAGE = 1_000
"""Events read at once. Each page is a statement of its own, so that reading years of them never holds up a writer."""

LISTINGS = ("list-outcomes", "list-deliveries", "read-inbox", "list-break-glass")
"""Actions whose detail holds the ids of what was shown."""


def events_of(session: Session, object_ids: Iterable[str]) -> list[AuditEvent]:
    """Every event on one of these objects, in the order of the chain."""
    wanted = select(AuditEvent).where(col(AuditEvent.object_id).in_(set(object_ids)))
    return list(session.exec(wanted.order_by(col(AuditEvent.number))))


def listings_of(session: Session, object_ids: Iterable[str]) -> list[AuditEvent]:
    """Every event that showed one of these objects in a list, in the order of the chain. Reads all events of lists."""
    # The detail is JSON text; an id in it stands between quotes, and holds nothing that LIKE would take for a pattern.
    is_shown = or_(*(cast(col(AuditEvent.detail), Text).contains(f'"{one}"', autoescape=True) for one in object_ids))
    wanted = select(AuditEvent).where(col(AuditEvent.action).in_(LISTINGS), is_shown)
    return list(session.exec(wanted.order_by(col(AuditEvent.number))))


def last_link(session: Session) -> tuple[int, str] | None:
    """Number and hash of the last event; None when there is none."""
    last = session.exec(
        select(AuditEvent.number, AuditEvent.sha256).order_by(col(AuditEvent.number).desc()).limit(1)
    ).first()
    return None if last is None else (last[0], last[1])


def hash_at(session: Session, number: int) -> str | None:
    """The hash of the event with this number, if there is one."""
    return session.exec(select(AuditEvent.sha256).where(AuditEvent.number == number)).first()


def count_without_number(connection: Connection) -> int:
    """Events that stand outside the chain altogether. The service cannot write one; an owner of the database could."""
    wanted = select(func.count()).select_from(AuditEvent).where(col(AuditEvent.number).is_(None))
    return int(connection.execute(wanted).scalar_one())


def entries(connection: Connection) -> Iterator[Entry]:
    """Every event in the order of its number, as it stands in the table, even where no event of ours could.

    Nothing is read through the column types of the table: they would break on what somebody edited, instead of
    showing it. Holds one page at a time.
    """
    number, row_id, *others = _columns(connection.dialect.name)
    wanted = select(number, row_id, *others).order_by(number, row_id).limit(PAGE)
    place: ColumnElement[bool] | None = None
    while True:
        page = connection.execute(wanted if place is None else wanted.where(place)).all()
        yield from (_entry(row) for row in page)
        if len(page) < PAGE:
            return
        last = page[-1]
        # The number alone would pass over a second event with the same one, which the unique index had to let in.
        place = and_(number >= last[0], or_(number > last[0], row_id > last[1]))


def _columns(dialect: str) -> list[ColumnElement[Any]]:
    """The columns in the order of `Entry`, as plain text but for the number."""
    found: list[ColumnElement[Any]] = []
    for name in Entry._fields:
        column: ColumnElement[Any] = AuditEvent.__table__.c[name]  # type: ignore[attr-defined]
        if name == "number":
            found.append(column)
        elif dialect != "postgresql":
            found.append(type_coerce(column, String))
        elif name == "at":
            # In UTC whatever the zone of the connection; for infinity, which Python cannot hold, something else.
            found.append(func.to_char(func.timezone("UTC", column), 'YYYY-MM-DD"T"HH24:MI:SS.US"+00:00"'))
        else:
            found.append(cast(column, Text))
    return found


def _entry(row: Sequence[Any]) -> Entry:
    entry = Entry(*row)
    return entry._replace(
        id=_id_text(entry.id),
        at=_time_text(entry.at),
        actor_id=_id_text(entry.actor_id),
        detail=_json(entry.detail),
    )


def _id_text(value: Any) -> Any:
    # SQLite keeps ids as 32 hexadecimal digits.
    if isinstance(value, str) and len(value) == 32:
        return f"{value[:8]}-{value[8:12]}-{value[12:16]}-{value[16:20]}-{value[20:]}"
    return value


def _time_text(value: Any) -> Any:
    # SQLite keeps times as `2026-11-23 14:05:00.000000`, in UTC.
    if isinstance(value, str) and len(value) == 26 and value[10] == " ":
        return f"{value[:10]}T{value[11:]}+00:00"
    return value


def _json(value: Any) -> Any:
    try:
        return json.loads(value)
    except (TypeError, ValueError, RecursionError):  # edited: as it stands it cannot have the hash of what was there
        return value
