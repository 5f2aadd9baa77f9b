"""Opening and closing: personal tokens of the API, and grants to read one outcome. Every change is audited."""

import hashlib
import secrets
from datetime import datetime, timedelta
from uuid import UUID

from sqlmodel import Session

from app import audit
from app.errors import DomainError, Problem
from app.people import rules
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
    rules.check_administrator(actor, "issue-token")
    rules.check_not_own(actor, account_id, "issue-token")
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
    rules.check_administrator(actor, "revoke-token")
    token = session.get(ApiToken, token_id)
    if token is None:
        raise DomainError("unknown-token", "There is no token with this id.")
    if token.revoked_at is None:
        token.revoked_at = now
        session.add(token)
        record_change(session, actor, now, "revoke-token", "api-token", token.id)


def grant(
    session: Session,
    *,
    outcome_id: UUID,
    account_id: UUID | None = None,
    team_id: UUID | None = None,
    reason: str,
    granted_by: UUID | None,
    now: datetime,
) -> Grant:
    """Open one outcome to an account or to a team, exactly one of them, from now on.

    Called by verbs that have checked who may do so; it checks nothing itself. granted_by: None is the service.
    """
    assert (account_id is None) != (team_id is None), "a grant is for an account or for a team"
    row = Grant(
        outcome_id=outcome_id,
        account_id=account_id,
        team_id=team_id,
        reason=reason,
        granted_by=granted_by,
        from_at=now,
    )
    session.add(row)
    audit.record(
        session,
        now=now,
        actor_id=granted_by,
        action="grant",
        object_type="outcome",
        object_id=outcome_id,
        detail={"grant": str(row.id), "account" if account_id else "team": str(account_id or team_id)},
    )
    return row


def revoke_grant(session: Session, actor: Actor | None, *, grant_id: UUID, now: datetime) -> None:
    """End a grant at once. Raises unknown-grant. A repeat changes nothing."""
    rules.check_administrator(actor, "revoke-grant")
    row = session.get(Grant, grant_id)
    if row is None:
        raise DomainError("unknown-grant", "There is no grant with this id.")
    if row.until_at is None or row.until_at > now:
        row.until_at = now
        session.add(row)
        record_change(session, actor, now, "revoke-grant", "grant", row.id)
