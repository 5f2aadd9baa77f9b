"""Opening and closing: personal tokens of the API, and grants to read one outcome. Every change is audited."""

import hashlib
import secrets
from datetime import datetime, timedelta
from uuid import UUID

from sqlalchemy import or_, update
from sqlmodel import Session, col

from app import audit
from app.encryption import Place, decrypt_text, encrypt_text
from app.errors import DomainError, Problem
from app.people import policy, rules
from app.people.changes import record_change
from app.people.rules import Actor
from app.people.tables import ApiToken, Grant

TOKEN_PREFIX = "sd_"  # noqa: S105 - not a secret: lets scanners find a token that was left lying about
LONGEST_TOKEN_DAYS = 365
"""Ours: nobody should hold a token for longer than a year without asking again."""


def issue_token(
    session: Session, actor: Actor | None, *, account_id: UUID, label: str, days: int, now: datetime
) -> tuple[ApiToken, str]:
    """Make a token of 256 random bits. Gives the row and the plain token, which can never be shown again.

    days: how long it works, 1 to 365. Raises invalid. actor None is the operator at the command line.
    """
    policy.check_administrator(actor, "issue-token")
    policy.check_not_own(actor, account_id, "issue-token")
    problems = rules.problems_in_text(label, "/label", most=100)
    if not 1 <= days <= LONGEST_TOKEN_DAYS:
        problems.append(Problem("/days", "out-of-range", f"Choose 1 to {LONGEST_TOKEN_DAYS} days."))
    rules.check_no_problems(problems)
    plain = TOKEN_PREFIX + secrets.token_urlsafe(32)
    token = ApiToken(
        account_id=account_id,
        label=label,
        token_sha256=hashlib.sha256(plain.encode()).hexdigest(),
        created_at=now,
        expires_at=now + timedelta(days=days),
    )
    session.add(token)
    record_change(session, actor, now, "issue-token", "api-token", token.id)
    return token, plain


def revoke_token(session: Session, actor: Actor | None, *, token_id: UUID, now: datetime) -> None:
    """Stop a token at once, one's own too. Raises unknown-token. A repeat changes nothing."""
    policy.check_administrator(actor, "revoke-token")
    token = session.get(ApiToken, token_id)
    if token is None:
        raise DomainError("unknown-token", "There is no token with this id.")
    if token.revoked_at is None:
        token.revoked_at = now
        session.add(token)
        record_change(session, actor, now, "revoke-token", "api-token", token.id)


def revoke_tokens_of(session: Session, account_id: UUID, now: datetime) -> None:
    """Stop every token of an account at once. Called by verbs that have checked who may do so, and that audit it."""
    works = (col(ApiToken.account_id) == account_id, col(ApiToken.revoked_at).is_(None))
    session.exec(update(ApiToken).where(*works).values(revoked_at=now))


def grant(
    session: Session,
    *,
    outcome_id: UUID,
    account_id: UUID | None = None,
    team_id: UUID | None = None,
    kind: str,
    reason: str,
    said: str | None = None,
    granted_by: UUID | None,
    now: datetime,
    until: datetime | None = None,
) -> Grant:
    """Open one outcome to an account or to a team, exactly one of them, from now on; or until a moment.

    Called by verbs that have checked who may do so; it checks nothing itself. kind: one of `policy.KINDS`. reason: in
    fixed words. said: in a person's own, kept encrypted. granted_by: None is the service.
    """
    assert (account_id is None) != (team_id is None), "a grant is for an account or for a team"
    assert kind in policy.KINDS
    row = Grant(
        outcome_id=outcome_id,
        account_id=account_id,
        team_id=team_id,
        kind=kind,
        reason=reason,
        granted_by=granted_by,
        from_at=now,
        until_at=until,
    )
    row.reason_encrypted = encrypt_text(session, outcome_id, _place(row.id), said)
    session.add(row)
    _record_given(session, row)
    return row


def words_of(session: Session, row: Grant) -> str | None:
    """Why it was given, in the words of whoever gave it; None if they said nothing."""
    return decrypt_text(session, row.outcome_id, _place(row.id), row.reason_encrypted)


def revoke_grant(session: Session, actor: Actor | None, *, grant_id: UUID, now: datetime) -> None:
    """End a grant at once. Raises unknown-grant. A repeat changes nothing."""
    policy.check_administrator(actor, "revoke-grant")
    row = session.get(Grant, grant_id)
    if row is None:
        raise DomainError("unknown-grant", "There is no grant with this id.")
    end_grant(session, actor, row, action="revoke-grant", now=now)


def end_grant(session: Session, actor: Actor | None, row: Grant, *, action: str, now: datetime) -> None:
    """End a grant at once; one that has ended stays as it is. Called by verbs that have checked who may do so."""
    still_holds = or_(col(Grant.until_at).is_(None), col(Grant.until_at) > now)
    if session.exec(update(Grant).where(col(Grant.id) == row.id, still_holds).values(until_at=now)).rowcount:
        record_change(session, actor, now, action, "grant", row.id, outcome=str(row.outcome_id))


def _record_given(session: Session, row: Grant) -> None:
    holder = {"account": str(row.account_id)} if row.account_id else {"team": str(row.team_id)}
    audit.record(
        session,
        now=row.from_at,
        actor_id=row.granted_by,
        action="grant",
        object_type="outcome",
        object_id=row.outcome_id,
        detail={"grant": str(row.id), "kind": row.kind, **holder},
    )


def _place(grant_id: UUID) -> Place:
    return Place("grant", "reason", grant_id)
