"""Keeping the directory: organisations, teams, accounts and who is in what. Every change is audited.

`actor` None is the operator at the command line; anyone else must be an administrator.
"""

from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlmodel import Session, SQLModel, col, select

from app import audit
from app.db import insert_if_absent
from app.errors import DomainError, Problem
from app.people import rules
from app.people.rules import Actor
from app.people.tables import Account, Membership, Organisation, RoleAssignment, Team


@dataclass(frozen=True, slots=True)
class TeamChange:
    """What may change about a team. None leaves a value as it is; an empty string takes it away."""

    name: str | None = None
    inbox_email: str | None = None
    webhook_url: str | None = None
    webhook_secret: str | None = None


def add_organisation(
    session: Session, actor: Actor | None, *, code: str, name: str, ods_code: str | None = None, now: datetime
) -> Organisation:
    """Add an organisation. Raises invalid, already-exists (code or ODS code taken)."""
    rules.check_administrator(actor, "add-organisation")
    rules.check_no_problems(
        rules.problems_in_code(code, "/code")
        + rules.problems_in_text(name, "/name", most=200)
        + rules.problems_in_ods_code(ods_code, "/ods_code")
    )
    organisation = Organisation(code=code, name=name.strip(), ods_code=ods_code)
    _insert(session, organisation, "An organisation with this code or ODS code is there already.")
    _audit(session, actor, now, "add-organisation", "organisation", organisation.id)
    return session.get_one(Organisation, organisation.id)


def add_team(
    session: Session,
    actor: Actor | None,
    *,
    organisation_id: UUID,
    code: str,
    name: str,
    role: str,
    inbox_email: str | None = None,
    webhook_url: str | None = None,
    webhook_secret: str | None = None,
    now: datetime,
) -> Team:
    """Add a team that can be told. Raises invalid, no-channel (nothing would reach it), already-exists."""
    rules.check_administrator(actor, "add-team")
    problems = rules.problems_in_code(code, "/code")
    if role not in rules.RECIPIENT_ROLES:
        problems.append(Problem("/role", "not-offered", f"Choose one of {', '.join(rules.RECIPIENT_ROLES)}."))
    team = Team(
        organisation_id=organisation_id,
        code=code,
        name=name.strip(),
        role=role,
        inbox_email=rules.normal_email(inbox_email) if inbox_email else None,
        webhook_url=webhook_url or None,
        webhook_secret=webhook_secret or None,
    )
    _check_team(team, problems)
    _insert(session, team, "A team with this code is there already.")
    _audit(session, actor, now, "add-team", "team", team.id)
    return session.get_one(Team, team.id)


def change_team(session: Session, actor: Actor | None, team: Team, change: TeamChange, *, now: datetime) -> Team:
    """Change a team's name or channels. Raises invalid, no-channel; then nothing is changed."""
    rules.check_administrator(actor, "change-team")
    given = {
        name: value
        for name in ("name", "inbox_email", "webhook_url", "webhook_secret")
        if (value := getattr(change, name)) is not None
    }
    values: dict[str, Any] = {name: value.strip() or None for name, value in given.items()}
    if values.get("inbox_email"):
        values["inbox_email"] = rules.normal_email(values["inbox_email"])
    if "name" in values:
        values["name"] = values["name"] or ""
    _check_team(Team(**(team.model_dump() | values)), [])
    for name, value in values.items():
        setattr(team, name, value)
    session.add(team)
    _audit(session, actor, now, "change-team", "team", team.id, fields=sorted(values))
    return team


def add_account(
    session: Session,
    actor: Actor | None,
    *,
    organisation_id: UUID,
    email: str,
    name: str,
    grade: str | None = None,
    registration_body: str | None = None,
    registration_number: str | None = None,
    now: datetime,
) -> Account:
    """Add a person. Raises invalid, already-exists (the address is taken).

    A registration is asserted by whoever adds the account; the service does not ask the register.
    """
    rules.check_administrator(actor, "add-account")
    email = rules.normal_email(email)
    problems = rules.problems_in_email(email, "/email") + rules.problems_in_text(name, "/name", most=200)
    if grade is not None:
        problems += rules.problems_in_text(grade, "/grade", most=100)
    rules.check_no_problems(problems + rules.problems_in_registration(registration_body, registration_number))
    account = Account(
        organisation_id=organisation_id,
        email=email,
        name=name.strip(),
        grade=grade,
        registration_body=registration_body,
        registration_number=registration_number.upper() if registration_number else None,
        created_at=now,
    )
    _insert(session, account, "An account with this e-mail address is there already.")
    _audit(session, actor, now, "add-account", "account", account.id)
    return session.get_one(Account, account.id)


def close_account(session: Session, actor: Actor | None, account: Account, *, now: datetime) -> None:
    """Close an account: from now on none of its tokens opens anything. A repeat changes nothing."""
    rules.check_administrator(actor, "close-account")
    if account.closed_at is None:
        account.closed_at = now
        session.add(account)
        _audit(session, actor, now, "close-account", "account", account.id)


def join_team(session: Session, actor: Actor | None, *, account_id: UUID, team_id: UUID, now: datetime) -> Membership:
    """Put a person in a team from now on. A repeat gives the membership that is there."""
    rules.check_administrator(actor, "join-team")
    present = _present_membership(session, account_id, team_id, now)
    if present is not None:
        return present
    membership = Membership(account_id=account_id, team_id=team_id, from_at=now)
    session.add(membership)
    _audit(session, actor, now, "join-team", "account", account_id, team=str(team_id))
    return membership


def leave_team(session: Session, actor: Actor | None, *, account_id: UUID, team_id: UUID, now: datetime) -> None:
    """End a person's time in a team, and with it what the team's grants open for them. A repeat changes nothing."""
    rules.check_administrator(actor, "leave-team")
    present = _present_membership(session, account_id, team_id, now)
    if present is not None:
        present.until_at = now
        session.add(present)
        _audit(session, actor, now, "leave-team", "account", account_id, team=str(team_id))


def give_role(
    session: Session, actor: Actor | None, *, account_id: UUID, role: str, site_id: UUID | None, now: datetime
) -> RoleAssignment:
    """Give a role at one site, or everywhere with no site. Raises invalid. A repeat changes nothing."""
    rules.check_administrator(actor, "give-role")
    if role not in rules.ROLES:
        raise DomainError(
            "invalid",
            "There is no such role.",
            problems=[Problem("/role", "not-offered", f"Choose one of {', '.join(rules.ROLES)}.")],
        )
    assignment = _role(session, account_id, role, site_id)
    if assignment is not None and assignment.ended_at is None:
        return assignment
    if assignment is None:
        assignment = RoleAssignment(account_id=account_id, role=role, site_id=site_id, given_at=now)
    else:
        assignment.given_at, assignment.ended_at = now, None
    session.add(assignment)
    _audit(session, actor, now, "give-role", "account", account_id, role=role, site=_text(site_id))
    return assignment


def end_role(
    session: Session, actor: Actor | None, *, account_id: UUID, role: str, site_id: UUID | None, now: datetime
) -> None:
    """Take a role away, from now on. A repeat changes nothing."""
    rules.check_administrator(actor, "end-role")
    assignment = _role(session, account_id, role, site_id)
    if assignment is not None and assignment.ended_at is None:
        assignment.ended_at = now
        session.add(assignment)
        _audit(session, actor, now, "end-role", "account", account_id, role=role, site=_text(site_id))


def _check_team(team: Team, problems: list[Problem]) -> None:
    problems = problems + rules.problems_in_text(team.name, "/name", most=200)
    problems += rules.problems_in_email(team.inbox_email, "/inbox_email")
    rules.check_no_problems(problems + rules.problems_in_webhook(team.webhook_url, team.webhook_secret))
    rules.check_has_channel(team.inbox_email, team.webhook_url)


def _present_membership(session: Session, account_id: UUID, team_id: UUID, now: datetime) -> Membership | None:
    wanted = select(Membership).where(Membership.account_id == account_id, Membership.team_id == team_id)
    memberships = session.exec(wanted.order_by(col(Membership.from_at).desc()))
    return next((one for one in memberships if one.until_at is None or one.until_at > now), None)


def _role(session: Session, account_id: UUID, role: str, site_id: UUID | None) -> RoleAssignment | None:
    wanted = select(RoleAssignment).where(RoleAssignment.account_id == account_id, RoleAssignment.role == role)
    return session.exec(wanted.where(col(RoleAssignment.site_id) == site_id)).one_or_none()


def _insert(session: Session, row: SQLModel, sentence: str) -> None:
    if not insert_if_absent(session, row):
        raise DomainError("already-exists", sentence)


def _audit(
    session: Session, actor: Actor | None, now: datetime, action: str, kind: str, object_id: UUID, **detail: Any
) -> None:
    audit.record(
        session,
        now=now,
        actor_id=None if actor is None else actor.account_id,
        action=action,
        object_type=kind,
        object_id=object_id,
        detail=detail,
    )


def _text(site_id: UUID | None) -> str | None:
    return None if site_id is None else str(site_id)
