"""The author opens an outcome to a colleague, for a reason, and ends that again."""

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from sqlmodel import Session

from app.errors import DomainError, Problem
from app.outcomes import rules
from app.outcomes.actions import check_not_withdrawn, lock
from app.outcomes.queries import denied, facts_of, find, versions_of
from app.outcomes.tables import Outcome
from app.people import access, policy
from app.people import queries as people
from app.people.policy import GrantFacts, OutcomeFacts
from app.people.rules import Actor
from app.people.tables import Account, Grant, Team


@dataclass(frozen=True, slots=True)
class OpenGrant:
    """A grant in words. name: of the person, or of the team. reason: in the author's own words where there are any."""

    id: UUID
    kind: str
    email: str | None
    team: str | None
    name: str
    reason: str
    granted_by: str | None
    from_at: datetime
    until_at: datetime | None


def open_to_colleague(
    session: Session,
    actor: Actor,
    *,
    outcome_id: UUID,
    kind: str,
    email: str | None,
    team: str | None,
    reason: str,
    until: datetime | None,
    now: datetime,
) -> Grant:
    """Open the outcome to an account or to a team (its code), exactly one of them. Only the author may.

    kind: co-examiner (a clinician of the site, who then reads the draft too), or given (of what is signed). It tells
    nobody and makes nobody a recipient. Raises Denied, outcome-withdrawn, not-signed, invalid, already-open.
    """
    outcome, facts = _locked(session, actor, outcome_id, now)
    if kind == policy.GIVEN and not versions_of(session, outcome_id):
        raise DomainError("not-signed", "Nothing is signed yet, and a draft is for its author and co-examiners only.")
    account_id, team_id = _to_whom(session, outcome, kind, email, team, now)
    _check_words(actor, account_id, reason, until, now)
    _check_not_open(facts, kind, account_id, team_id, now)
    return access.grant(
        session,
        outcome_id=outcome_id,
        account_id=account_id,
        team_id=team_id,
        kind=kind,
        reason="Co-examiner, named by the author" if kind == policy.CO_EXAMINER else "Given to read by the author",
        said=reason,
        granted_by=actor.account_id,
        now=now,
        until=until,
    )


def list_grants(session: Session, actor: Actor, *, outcome_id: UUID, now: datetime) -> list[OpenGrant]:
    """To whom the outcome is and was open, oldest first. For its author. Raises Denied."""
    outcome = find(session, outcome_id)
    if outcome is None or not policy.can_see_grants(actor, facts_of(session, outcome), now):
        raise denied(actor, "list-outcome-grants", outcome, outcome_id)
    return [_in_words(session, row) for row in people.grants_on(session, outcome_id)]


def end_grant(session: Session, actor: Actor, *, outcome_id: UUID, grant_id: UUID, now: datetime) -> None:
    """End at once what the author gave. A repeat changes nothing.

    Raises Denied, grant-stays (what entitles recipients of a signed version, or the author, is an administrator's).
    """
    outcome = find(session, outcome_id)
    if outcome is None:
        raise denied(actor, "end-grant", None, outcome_id)
    facts, row = facts_of(session, outcome), session.get(Grant, grant_id)
    if row is None or row.outcome_id != outcome_id or not policy.can_see_grants(actor, facts, now):
        raise denied(actor, "end-grant", outcome)
    if not policy.can_end_grant(actor, facts, row.kind, now):
        raise DomainError("grant-stays", "This was not given by hand. An administrator can end it.")
    access.end_grant(session, actor, row, action="end-grant", now=now)


def _locked(session: Session, actor: Actor, outcome_id: UUID, now: datetime) -> tuple[Outcome, OutcomeFacts]:
    """The outcome, which nobody else changes meanwhile. Raises Denied (not theirs to open), outcome-withdrawn."""
    outcome = find(session, outcome_id)
    if outcome is None:
        raise denied(actor, "open-outcome", None, outcome_id)
    lock(session, outcome_id)
    facts = facts_of(session, outcome)
    if not policy.can_grant(actor, facts, now):
        raise denied(actor, "open-outcome", outcome)
    check_not_withdrawn(session, outcome_id)
    return outcome, facts


def _to_whom(
    session: Session, outcome: Outcome, kind: str, email: str | None, team: str | None, now: datetime
) -> tuple[UUID | None, UUID | None]:
    if (email is None) == (team is None):
        raise _invalid("/email", "missing", "Name a person or a team, and not both.")
    if team is not None:
        if kind == policy.CO_EXAMINER:
            raise _invalid("/team", "not-a-person", "A co-examiner is a person: give their e-mail address.")
        return None, people.team_by_code(session, team).id
    try:
        colleague = people.actor_by_account(session, people.account_by_email(session, email or "").id, now)
    except DomainError:
        colleague = None
    if colleague is None:
        raise _invalid("/email", "unknown-account", "There is no open account with this e-mail address.")
    if kind == policy.CO_EXAMINER and not policy.can_be_co_examiner(colleague, outcome.site_id):
        raise _invalid("/email", "not-a-clinician-here", "A co-examiner is a clinician of this outcome's site.")
    if not policy.can_be_given(colleague):
        raise _invalid("/email", "never-reads", "Evaluators and administrators never read an outcome.")
    return colleague.account_id, None


def _check_words(actor: Actor, account_id: UUID | None, reason: str, until: datetime | None, now: datetime) -> None:
    problems = rules.problems_in_reason(reason, "/reason")
    if account_id == actor.account_id:
        problems.append(Problem("/email", "own-account", "You can read it already."))
    if until is not None and until <= now:
        problems.append(Problem("/until", "in-the-past", "Choose an end that is still to come, or none."))
    if problems:
        raise DomainError("invalid", "Some values are wrong. Each is listed.", problems=problems)


def _check_not_open(
    facts: OutcomeFacts, kind: str, account_id: UUID | None, team_id: UUID | None, now: datetime
) -> None:
    """A recipient may become co-examiner, which shows more; to be given what one receives would add nothing."""

    def says_the_same(one: GrantFacts) -> bool:
        is_theirs = (one.account_id, one.team_id) == (account_id, team_id)
        return is_theirs and policy.is_live(one, now) and (kind == policy.GIVEN or one.kind == kind)

    if any(says_the_same(one) for one in facts.grants):
        raise DomainError("already-open", "This outcome is open to them already.")


def _in_words(session: Session, row: Grant) -> OpenGrant:
    account = session.get(Account, row.account_id) if row.account_id else None
    team = session.get(Team, row.team_id) if row.team_id else None
    giver = session.get(Account, row.granted_by) if row.granted_by else None
    holder = account or team
    assert holder is not None
    return OpenGrant(
        id=row.id,
        kind=row.kind,
        email=account.email if account else None,
        team=team.code if team else None,
        name=holder.name,
        reason=access.words_of(session, row) or row.reason,
        granted_by=giver.name if giver else None,
        from_at=row.from_at,
        until_at=row.until_at,
    )


def _invalid(pointer: str, code: str, sentence: str) -> DomainError:
    return DomainError("invalid", "Some values are wrong. Each is listed.", problems=[Problem(pointer, code, sentence)])
