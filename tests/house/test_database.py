"""The database keeps the promises of design section 5."""

from datetime import datetime

import pytest
from sqlalchemy.exc import DBAPIError
from sqlmodel import Session, select, text

from app import audit
from app.db import Transaction
from app.engine import Work, enqueue


def test_an_audit_event_can_be_neither_changed_nor_removed(transaction: Transaction, now: datetime) -> None:
    with transaction() as session:
        audit.record(session, now=now, actor_id=None, action="sign-in", object_type="account", object_id="1")
    for statement in ("UPDATE audit_event SET action = 'nothing'", "DELETE FROM audit_event"):
        with pytest.raises(DBAPIError, match=r"never changed|permission denied"), transaction() as session:
            session.exec(text(statement))  # type: ignore[call-overload]
    with transaction() as session:
        assert [event.action for event in session.exec(select(audit.AuditEvent))] == ["sign-in"]


def test_work_is_enqueued_only_if_its_transaction_commits(transaction: Transaction) -> None:
    with pytest.raises(KeyError):
        _enqueue_and_fail(transaction)
    with transaction() as session:
        enqueue(session, Work("deliver", "deliver:kept:1", ["kept", 1]))
        enqueue(session, Work("deliver", "deliver:kept:1", ["kept", 1]))
    with transaction() as session:
        assert _enqueued(session) == ["deliver:kept:1"]


def _enqueue_and_fail(transaction: Transaction) -> None:
    with transaction() as session:
        enqueue(session, Work("deliver", "deliver:lost:1", ["lost", 1]))
        raise KeyError


def _enqueued(session: Session) -> list[str]:
    table = "workflow_status" if session.get_bind().dialect.name == "sqlite" else "dbos.workflow_status"
    return list(session.exec(text(f"SELECT workflow_uuid FROM {table}")).scalars())  # type: ignore[call-overload]
