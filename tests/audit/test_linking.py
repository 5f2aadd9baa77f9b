"""Events are numbered and linked as the last act of their transaction, on both databases."""

from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta
from threading import Barrier

import pytest
from sqlalchemy import Engine
from sqlmodel import Session, col, func, select, text
from tampering import look, write

from app import audit
from app.audit import AuditEvent
from app.audit.chain import Reach
from app.db import Transaction, engine_for, transactions
from app.engine import Work, enqueue
from app.people.tables import Organisation
from app.settings import Settings

THREADS = 8
TRANSACTIONS = 50


def actions(transaction: Transaction) -> list[tuple[int, str]]:
    with transaction() as session:
        found = session.exec(select(AuditEvent).order_by(col(AuditEvent.number)))
        return [(event.number, event.action) for event in found]


def test_events_are_numbered_from_one_and_hang_together(transaction: Transaction, now: datetime) -> None:
    for names in (["a"], ["b", "c", "d"], ["e"]):
        with transaction() as session:
            write(session, now, *names)
    assert actions(transaction) == [(1, "a"), (2, "b"), (3, "c"), (4, "d"), (5, "e")]
    assert look(transaction) == ([], Reach(5, 5, 0))


def test_a_time_keeps_its_microseconds_and_is_hashed_in_utc(transaction: Transaction, now: datetime) -> None:
    at = now + timedelta(microseconds=123457)
    with transaction() as session:
        write(session, at, "a")
        write(session, at.astimezone(datetime.now().astimezone().tzinfo), "b")
    with transaction() as session:
        assert [event.at for event in session.exec(select(AuditEvent))] == [at, at]
    assert look(transaction)[0] == []


def test_what_was_rolled_back_is_not_told_and_leaves_no_gap(transaction: Transaction, now: datetime) -> None:
    with pytest.raises(KeyError):
        _write_and_fail(transaction, now)
    with transaction() as session:
        write(session, now, "kept")
    assert actions(transaction) == [(1, "kept")]


def test_a_session_used_again_after_a_rollback_begins_with_nothing(
    session: Session, transaction: Transaction, now: datetime
) -> None:
    write(session, now, "lost")
    session.rollback()
    write(session, now, "lost too")
    session.close()
    write(session, now, "kept")
    session.commit()
    write(session, now, "kept too")
    session.commit()
    session.close()
    assert actions(transaction) == [(1, "kept"), (2, "kept too")]


def test_a_savepoint_takes_its_events_with_it_when_it_is_rolled_back(transaction: Transaction, now: datetime) -> None:
    with transaction() as session:
        write(session, now, "before")
        with session.begin_nested():
            write(session, now, "released")
            with session.begin_nested():
                write(session, now, "deeper")
        lost = session.begin_nested()
        write(session, now, "lost")
        lost.rollback()
        write(session, now, "after")
    assert [action for _, action in actions(transaction)] == ["before", "released", "deeper", "after"]
    assert look(transaction)[0] == []


def test_the_audit_is_not_read_within_a_savepoint_that_could_take_it_away(
    transaction: Transaction, now: datetime
) -> None:
    with transaction() as session:
        write(session, now, "before")
        savepoint = session.begin_nested()
        with pytest.raises(RuntimeError, match="savepoint"):
            audit.events_of(session, ["1"])
        savepoint.rollback()


def test_a_transaction_sees_what_it_recorded_itself(transaction: Transaction, now: datetime) -> None:
    with transaction() as session:
        write(session, now, "a")
        assert [event.action for event in audit.events_of(session, ["1"])] == ["a"]
        write(session, now, "b")
        assert session.exec(select(func.count()).select_from(AuditEvent)).one() == 2
        write(session, now, "c")
        assert [event.number for event in session.exec(select(AuditEvent))] == [1, 2, 3]
    assert look(transaction) == ([], Reach(3, 3, 0))


def test_what_the_session_still_has_to_write_is_written_with_its_event(transaction: Transaction, now: datetime) -> None:
    with transaction() as session:
        write(session, now, "add")
        session.add(Organisation(code="new", name="New"))
        enqueue(session, Work("deliver", "deliver:kept:1", ["kept", 1]))
    assert actions(transaction) == [(1, "add")]
    with transaction() as session:
        assert session.exec(select(Organisation.code)).all() == ["new"]


def test_an_event_that_cannot_be_kept_is_refused_where_it_is_recorded(transaction: Transaction, now: datetime) -> None:
    facts = {"actor_id": None, "action": "a", "object_type": "b", "object_id": "c"}
    with transaction() as session:
        with pytest.raises(ValueError, match="zone"):
            audit.record(session, now=now.replace(tzinfo=None), **facts)
        with pytest.raises(TypeError):
            audit.record(session, now=now, **facts, detail={"when": now})
    assert actions(transaction) == []


def test_what_was_recorded_can_be_told_as_failed_after_the_rollback(transaction: Transaction, now: datetime) -> None:
    with transaction() as session:
        write(session, now, "read-document")
        attempts = audit.recorded(session)
        session.rollback()
    with transaction() as session:
        audit.record_failures(session, attempts, "document-not-ready")
    with transaction() as session:
        (event,) = session.exec(select(AuditEvent)).all()
    assert (event.action, event.result, event.at) == ("read-document", "failed", now)
    assert event.detail == {"ids": ["a", "b"], "count": 2, "error": "document-not-ready"}


def test_two_processes_on_one_sqlite_file_share_one_chain(sqlite_url: str, now: datetime) -> None:
    """A command runs beside the service: each reads the end of the chain and writes in one grip."""
    engines = [engine_for(Settings(database_url=sqlite_url)) for _ in range(2)]
    both = [transactions(engine) for engine in engines]
    _at_once(both, now, threads=2, times=25)
    assert look(both[0]) == ([], Reach(50, 50, 0))
    for engine in engines:
        engine.dispose()


def test_many_at_once_wait_for_each_other_and_never_for_ever(
    engine: Engine, transaction: Transaction, now: datetime
) -> None:
    """Each thread locks a row, records, locks another's row and commits, or rolls back each fifth time."""
    with transaction() as session:
        session.add_all(Organisation(code=f"code-{number}", name="x") for number in range(THREADS))
    _at_once([transaction] * THREADS, now, threads=THREADS, times=TRANSACTIONS)
    kept = THREADS * TRANSACTIONS * 4 // 5
    assert look(transaction) == ([], Reach(kept, kept, 0))


def _at_once(through: list[Transaction], now: datetime, *, threads: int, times: int) -> None:
    start = Barrier(threads)

    def work(thread: int) -> None:
        start.wait()
        for turn in range(times):
            with through[thread]() as session:
                # In the order of the codes, as verbs lock in an order too: a lock on the audit held in between would
                # close a circle with it.
                lower, higher = sorted((thread, (thread + turn) % threads))
                _touch(session, lower)
                write(session, now, f"{thread}-{turn}")
                _touch(session, higher)
                if threads == THREADS and turn % 5 == 4:
                    session.rollback()

    with ThreadPoolExecutor(threads) as pool:
        for one in [pool.submit(work, thread) for thread in range(threads)]:
            one.result(timeout=120)


def _touch(session: Session, number: int) -> None:
    session.connection().execute(
        text("UPDATE organisation SET name = name WHERE code = :code"), {"code": f"code-{number}"}
    )


def _write_and_fail(transaction: Transaction, now: datetime) -> None:
    with transaction() as session:
        write(session, now, "lost")
        raise KeyError
