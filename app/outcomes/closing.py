"""After the signature: taking an outcome back, and noting the day of the full report."""

from datetime import date, datetime
from typing import Any
from uuid import UUID

from sqlalchemy import delete
from sqlmodel import Session, col

from app import audit
from app.db import as_service, insert_if_absent, new_id
from app.errors import DomainError, Problem
from app.outcomes import rules
from app.outcomes.actions import check_not_withdrawn, lock
from app.outcomes.contents import OpenWithdrawal, closed_withdrawal, open_version
from app.outcomes.queries import denied, find, versions_of
from app.outcomes.tables import Draft, FormalReport, Outcome, OutcomeVersion, Withdrawal
from app.people import policy
from app.people.rules import Actor
from app.sites.queries import policy_of, site_by_id
from app.sites.rules import local_date


@as_service
def withdraw(
    session: Session,
    actor: Actor,
    *,
    outcome_id: UUID,
    reason_code: str,
    reason: str,
    incident_number: str | None = None,
    surname: str,
    birth_date: date,
    now: datetime,
) -> OpenWithdrawal:
    """Take the whole outcome back, for good: readers see a tombstone, and a draft of an amendment is dropped.

    reason_code: wrong-child, entered-in-error or other. surname, birth_date: as in the record, typed again.
    The signed versions stay in the database for those who must look into it. The door enqueues the telling.
    Raises Denied, invalid, not-signed, already-withdrawn, wrong-child.
    """
    outcome = find(session, outcome_id)
    if outcome is None or not policy.can_withdraw(actor, outcome.author_id, outcome.site_id):
        raise denied(actor, "withdraw", outcome, outcome_id)
    problems = rules.problems_in_withdrawal(reason_code, reason, incident_number)
    if problems:
        raise DomainError("invalid", "Some values are wrong. Each is listed.", problems=problems)
    lock(session, outcome_id)
    if session.get(Withdrawal, outcome_id, populate_existing=True) is not None:
        raise DomainError("already-withdrawn", "This outcome was withdrawn already. Nothing more is needed.")
    rules.check_wrong_child_guard(_last_answers(session, outcome_id), surname, birth_date)
    withdrawal = OpenWithdrawal(
        new_id(), outcome_id, reason_code, reason, incident_number, withdrawn_by=actor.account_id, withdrawn_at=now
    )
    session.add(closed_withdrawal(session, withdrawal))
    session.exec(delete(Draft).where(col(Draft.outcome_id) == outcome_id))
    _record(session, actor, now, "withdraw", outcome_id, reason_code=reason_code)
    return withdrawal


@as_service
def record_formal_report(
    session: Session, actor: Actor, *, outcome_id: UUID, issued_on: date, now: datetime
) -> FormalReport:
    """Note the day on which the full report was issued, by the site's calendar. The same day again is harmless.

    Raises Denied, not-signed, outcome-withdrawn, invalid (in the future, or before the first signature),
    formal-report-date-differs (another day is noted already).
    """
    outcome = find(session, outcome_id)
    if outcome is None or not policy.can_record_formal_report(actor, outcome.author_id, outcome.site_id):
        raise denied(actor, "record-formal-report", outcome, outcome_id)
    lock(session, outcome_id)
    check_not_withdrawn(session, outcome_id)
    _check_day(session, outcome, _signed(session, outcome_id)[0], issued_on, now)
    report = FormalReport(outcome_id=outcome_id, issued_on=issued_on, recorded_by=actor.account_id, recorded_at=now)
    if insert_if_absent(session, report):
        _record(session, actor, now, "record-formal-report", outcome_id)
    stored = session.get_one(FormalReport, outcome_id)
    if stored.issued_on != issued_on:
        raise DomainError("formal-report-date-differs", "Another day is noted already, and it cannot be changed.")
    return stored


def _last_answers(session: Session, outcome_id: UUID) -> dict[str, Any]:
    return open_version(session, _signed(session, outcome_id)[-1]).answers


def _signed(session: Session, outcome_id: UUID) -> list[OutcomeVersion]:
    versions = versions_of(session, outcome_id)
    if not versions:
        raise DomainError("not-signed", "Nothing is signed yet. A draft can be discarded.")
    return versions


def _check_day(session: Session, outcome: Outcome, first: OutcomeVersion, issued_on: date, now: datetime) -> None:
    policy = policy_of(site_by_id(session, outcome.site_id))
    problem = None
    if issued_on > local_date(policy, now):
        problem = Problem("/issued_on", "in-the-future", "Write the day on which it was issued, today at the latest.")
    elif issued_on < local_date(policy, first.signed_at):
        problem = Problem("/issued_on", "too-early", "The full report cannot be older than the signed outcome.")
    if problem is not None:
        raise DomainError("invalid", "The day of the full report is wrong.", problems=[problem])


def _record(session: Session, actor: Actor, now: datetime, action: str, outcome_id: UUID, **detail: str) -> None:
    audit.record(
        session,
        now=now,
        actor_id=actor.account_id,
        action=action,
        object_type="outcome",
        object_id=outcome_id,
        detail=detail,
    )
