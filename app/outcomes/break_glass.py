"""Breaking the glass: opening one signed outcome in an emergency, for an hour at most, and looking into it later."""

from datetime import datetime
from uuid import UUID

from sqlmodel import Session, col, func, select

from app import audit
from app.db import as_service, insert_if_absent, new_id
from app.encryption import Place, encrypt, encrypt_text
from app.errors import DomainError, Problem
from app.outcomes.actions import lock
from app.outcomes.break_glass_rules import FINDINGS, LONGEST, GlassRules, is_often, problems_in_glass
from app.outcomes.break_glass_tables import BreakGlass, BreakGlassReview
from app.outcomes.finding import outcomes_of_same_child
from app.outcomes.queries import denied, facts_of, find, versions_of
from app.outcomes.tables import Outcome
from app.people import access, policy
from app.people.rules import Actor, Denied


@as_service
def break_glass(
    session: Session,
    actor: Actor,
    *,
    outcome: str | UUID,
    reason_code: str,
    reason: str,
    rules: GlassRules,
    now: datetime,
) -> BreakGlass:
    """Open exactly this outcome to exactly this person, to read, until `rules.lasts` is over. The door tells others.

    outcome: its id or reference.

    Raises Denied (nobody's emergency, unknown, or nothing is signed), already-open, invalid (the reason says nothing).
    """
    found = find(session, outcome)
    if not policy.can_break_glass(actor):
        raise denied(actor, "break-glass", found, outcome)
    # Before the outcome is looked at: an empty reason must not tell, silently, whether there is one.
    if problems := problems_in_glass(reason_code, reason):
        raise DomainError("invalid", "The reason does not say why. Each fault is listed.", problems=problems)
    if found is None:
        raise denied(actor, "break-glass", found, outcome)
    lock(session, found.id)
    if not versions_of(session, found.id):
        raise denied(actor, "break-glass", found)
    if policy.can_read(actor, facts_of(session, found).grants, now):
        raise DomainError("already-open", "You can read this outcome already.")
    glass = _opened(session, actor, found, reason_code, reason, rules, now)
    _record(session, actor, now, "break-glass", "outcome", found.id, glass)
    return glass


@as_service
def review(
    session: Session, actor: Actor, *, break_glass_id: UUID, finding: str, note: str | None, now: datetime
) -> BreakGlassReview:
    """Say what looking into it found. For the site's lead and privacy officer, and never for who broke the glass.

    Raises Denied, invalid, not-by-yourself, already-reviewed.
    """
    glass = session.get(BreakGlass, break_glass_id)
    outcome = None if glass is None else session.get_one(Outcome, glass.outcome_id)
    if glass is None or outcome is None or not policy.can_review(actor, outcome.site_id):
        raise Denied(
            actor_id=actor.account_id,
            action="review-break-glass",
            object_type="break-glass",
            object_id=break_glass_id,
        )
    if glass.account_id == actor.account_id:
        raise DomainError("not-by-yourself", "Somebody else must look into what you opened.")
    if finding not in FINDINGS:
        problem = Problem("/finding", "not-offered", f"Choose one of {', '.join(FINDINGS)}.")
        raise DomainError("invalid", "There is no such finding.", problems=[problem])
    place = Place("break_glass_review", "note", glass.id)
    said = BreakGlassReview(
        break_glass_id=glass.id,
        finding=finding,
        note_encrypted=encrypt_text(session, outcome.id, place, note),
        reviewed_by=actor.account_id,
        reviewed_at=now,
    )
    if not insert_if_absent(session, said):
        raise DomainError("already-reviewed", "Somebody has looked into this already.")
    _record(session, actor, now, "review-break-glass", "break-glass", glass.id, glass, finding=finding)
    return said


def reason_place(glass_id: UUID) -> Place:
    """Where the reason of a broken glass is kept."""
    return Place("break_glass", "reason", glass_id)


def _opened(
    session: Session,
    actor: Actor,
    outcome: Outcome,
    reason_code: str,
    reason: str,
    rules: GlassRules,
    now: datetime,
) -> BreakGlass:
    until = now + min(rules.lasts, LONGEST)
    opened = access.grant(
        session,
        outcome_id=outcome.id,
        account_id=actor.account_id,
        kind=policy.BREAK_GLASS,
        reason="Opened in an emergency",
        granted_by=actor.account_id,
        now=now,
        until=until,
    )
    by_person, on_child = _times(session, actor, outcome, now - rules.period)
    glass_id = new_id()
    closed = encrypt(session, outcome.id, reason_place(glass_id), reason.encode("utf-8"))
    glass = BreakGlass(
        id=glass_id,
        outcome_id=outcome.id,
        account_id=actor.account_id,
        grant_id=opened.id,
        reason_code=reason_code,
        reason_encrypted=closed,
        broken_at=now,
        until_at=until,
        times_by_person=by_person,
        times_on_child=on_child,
        is_repeated=is_often(rules, times_by_person=by_person, times_on_child=on_child),
    )
    session.flush()
    session.add(glass)
    session.flush()
    return glass


def _times(session: Session, actor: Actor, outcome: Outcome, since: datetime) -> tuple[int, int]:
    """How often, this time included, this person opened something, and somebody opened something of this child."""
    before = select(func.count(col(BreakGlass.id))).where(col(BreakGlass.broken_at) > since)
    by_person = session.exec(before.where(BreakGlass.account_id == actor.account_id)).one() + 1
    same_child = outcomes_of_same_child(session, outcome.id)
    on_child = session.exec(before.where(col(BreakGlass.outcome_id).in_(same_child))).one() + 1
    return by_person, on_child


def _record(
    session: Session,
    actor: Actor,
    now: datetime,
    action: str,
    kind: str,
    object_id: UUID,
    glass: BreakGlass,
    **detail: str,
) -> None:
    audit.record(
        session,
        now=now,
        actor_id=actor.account_id,
        action=action,
        object_type=kind,
        object_id=object_id,
        detail={
            "glass": str(glass.id),
            "outcome": str(glass.outcome_id),
            "reason_code": glass.reason_code,
            "repeated": glass.is_repeated,
            **detail,
        },
    )
