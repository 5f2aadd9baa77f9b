"""Keeping the directory: organisations, teams, accounts and who is in what. Every change is audited.

`actor` None is the operator at the command line; anyone else must be an administrator, and leaves their own account
alone. Who is in what is settled by one statement each, so it holds when several administrators act at once.
"""

from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import ColumnElement, update
from sqlmodel import Session, SQLModel, col, select

from app.db import insert_if_absent
from app.errors import DomainError, Problem
from app.people import access, links, policy, rules, sessions
from app.people.changes import record_change
from app.people.queries import actor_by_account
from app.people.rules import Actor
from app.people.secrets import closed_webhook_secret, webhook_secret_of
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
    policy.check_administrator(actor, "add-organisation")
    rules.check_no_problems(
        rules.problems_in_code(code, "/code")
        + rules.problems_in_text(name, "/name", most=200)
        + rules.problems_in_ods_code(ods_code, "/ods_code")
    )
    organisation = Organisation(code=code, name=name.strip(), ods_code=ods_code)
    _insert(session, organisation, "An organisation with this code or ODS code is there already.")
    record_change(session, actor, now, "add-organisation", "organisation", organisation.id)
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
    policy.check_administrator(actor, "add-team")
    problems = rules.problems_in_code(code, "/code")
    if role not in rules.RECIPIENT_ROLES:
        problems.append(Problem("/role", "not-offered", f"Choose one of {', '.join(rules.RECIPIENT_ROLES)}."))
    secret = webhook_secret or None
    team = Team(
        organisation_id=organisation_id,
        code=code,
        name=name.strip(),
        role=role,
        inbox_email=rules.normal_email(inbox_email) if inbox_email else None,
        webhook_url=webhook_url or None,
    )
    _check_team(team, secret, problems)
    team.webhook_secret_encrypted = closed_webhook_secret(session, team.id, secret)
    _insert(session, team, "A team with this code is there already.")
    record_change(session, actor, now, "add-team", "team", team.id)
    return session.get_one(Team, team.id)


def change_team(session: Session, actor: Actor | None, team: Team, change: TeamChange, *, now: datetime) -> Team:
    """Change a team's name or channels. Raises invalid, no-channel; then nothing is changed."""
    policy.check_administrator(actor, "change-team")
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
    fields = sorted(values)
    secret = values.pop("webhook_secret") if "webhook_secret" in values else webhook_secret_of(session, team)
    _check_team(Team(**(team.model_dump() | values)), secret, [])
    if "webhook_secret" in fields:
        values["webhook_secret_encrypted"] = closed_webhook_secret(session, team.id, secret)
    for name, value in values.items():
        setattr(team, name, value)
    session.add(team)
    record_change(session, actor, now, "change-team", "team", team.id, fields=fields)
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
    policy.check_administrator(actor, "add-account")
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
    record_change(session, actor, now, "add-account", "account", account.id)
    return session.get_one(Account, account.id)


def close_account(session: Session, actor: Actor | None, account: Account, *, now: datetime) -> None:
    """Close an account for good; its tokens, sessions and links end: from now on nothing opens for it.

    A repeat changes nothing.
    """
    policy.check_administrator(actor, "close-account")
    policy.check_not_own(actor, account.id, "close-account")
    is_open = (col(Account.id) == account.id, col(Account.closed_at).is_(None))
    if session.exec(update(Account).where(*is_open).values(closed_at=now)).rowcount:
        access.revoke_tokens_of(session, account.id, now)
        sessions.end_sessions_of(session, account.id, now)
        links.end_links_of(session, account.id, now)
        record_change(session, actor, now, "close-account", "account", account.id)


def join_team(session: Session, actor: Actor | None, *, account_id: UUID, team_id: UUID, now: datetime) -> Membership:
    """Put a person in a team from now on. Raises office-closed. A repeat gives the membership that is there."""
    policy.check_administrator(actor, "join-team")
    policy.check_not_own(actor, account_id, "join-team")
    person = actor_by_account(session, account_id, now)
    if person is not None and not policy.can_be_in_a_team(person):
        raise _office_closed()
    wanted = select(Membership).where(*_open_membership(account_id, team_id))
    while (present := session.exec(wanted).one_or_none()) is None:
        if insert_if_absent(session, Membership(account_id=account_id, team_id=team_id, from_at=now)):
            record_change(session, actor, now, "join-team", "account", account_id, team=str(team_id))
    return present


def leave_team(session: Session, actor: Actor | None, *, account_id: UUID, team_id: UUID, now: datetime) -> None:
    """End a person's time in a team, and with it what the team's grants open for them. A repeat changes nothing."""
    policy.check_administrator(actor, "leave-team")
    policy.check_not_own(actor, account_id, "leave-team")
    ended = update(Membership).where(*_open_membership(account_id, team_id)).values(until_at=now)
    if session.exec(ended).rowcount:
        record_change(session, actor, now, "leave-team", "account", account_id, team=str(team_id))


def give_role(
    session: Session, actor: Actor | None, *, account_id: UUID, role: str, site_id: UUID | None, now: datetime
) -> RoleAssignment:
    """Give a role at one site, or everywhere with no site. Raises invalid, office-closed. A repeat changes nothing."""
    policy.check_administrator(actor, "give-role")
    policy.check_not_own(actor, account_id, "give-role")
    if role not in rules.ROLES:
        raise DomainError(
            "invalid",
            "There is no such role.",
            problems=[Problem("/role", "not-offered", f"Choose one of {', '.join(rules.ROLES)}.")],
        )
    person = actor_by_account(session, account_id, now)
    if role == "evaluator" and person is not None and person.team_ids:
        raise _office_closed()
    wanted = select(RoleAssignment).where(*_open_role(account_id, role, site_id))
    while (present := session.exec(wanted).one_or_none()) is None:
        given = RoleAssignment(account_id=account_id, role=role, site_id=site_id, given_at=now)
        if insert_if_absent(session, given):
            record_change(session, actor, now, "give-role", "account", account_id, role=role, site=_text(site_id))
    return present


def end_role(
    session: Session, actor: Actor | None, *, account_id: UUID, role: str, site_id: UUID | None, now: datetime
) -> None:
    """Take a role away, from now on. A repeat changes nothing."""
    policy.check_administrator(actor, "end-role")
    policy.check_not_own(actor, account_id, "end-role")
    ended = update(RoleAssignment).where(*_open_role(account_id, role, site_id)).values(ended_at=now)
    if session.exec(ended).rowcount:
        record_change(session, actor, now, "end-role", "account", account_id, role=role, site=_text(site_id))


def _check_team(team: Team, secret: str | None, problems: list[Problem]) -> None:
    problems = problems + rules.problems_in_text(team.name, "/name", most=200)
    problems += rules.problems_in_email(team.inbox_email, "/inbox_email")
    rules.check_no_problems(problems + rules.problems_in_webhook(team.webhook_url, secret))
    rules.check_has_channel(team.inbox_email, team.webhook_url)


def _open_membership(account_id: UUID, team_id: UUID) -> tuple[ColumnElement[bool], ...]:
    mine = col(Membership.account_id) == account_id
    return mine, col(Membership.team_id) == team_id, col(Membership.until_at).is_(None)


def _open_role(account_id: UUID, role: str, site_id: UUID | None) -> tuple[ColumnElement[bool], ...]:
    mine, there = col(RoleAssignment.account_id) == account_id, col(RoleAssignment.site_id) == site_id
    return mine, there, col(RoleAssignment.role) == role, col(RoleAssignment.ended_at).is_(None)


def _insert(session: Session, row: SQLModel, sentence: str) -> None:
    if not insert_if_absent(session, row):
        raise DomainError("already-exists", sentence)


def _office_closed() -> DomainError:
    return DomainError("office-closed", "An evaluator is in no team: teams receive outcomes, evaluators read figures.")


def _text(site_id: UUID | None) -> str | None:
    return None if site_id is None else str(site_id)
