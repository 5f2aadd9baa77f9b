"""A directory as a YAML file: organisations, teams, sites and accounts, and how it is brought into the database."""

from collections import Counter
from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ConfigDict, Field, ValidationError
from ruamel.yaml import YAML
from ruamel.yaml.error import YAMLError
from sqlmodel import Session

from app.errors import DomainError, Problem
from app.people import actions as people
from app.people import queries as directory
from app.people.actions import TeamChange
from app.people.secrets import webhook_secret_of
from app.sites import actions as site_actions
from app.sites.queries import policy_of, site_by_code
from app.sites.rules import SitePolicy, policy_from


class _Entry(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)


class OrganisationEntry(_Entry):
    """One organisation."""

    code: str
    name: str
    ods_code: str | None = None


class TeamEntry(_Entry):
    """One team with its channels."""

    code: str
    organisation: str
    name: str
    role: str
    inbox_email: str | None = None
    webhook_url: str | None = None
    webhook_secret: str | None = None


class SiteEntry(_Entry):
    """One site; what its policy does not say is the default (`sites.rules.SitePolicy`)."""

    code: str
    organisation: str
    name: str
    ods_code: str | None = None
    policy: dict[str, Any] = {}


class RoleEntry(_Entry):
    """One role, at a site or (with none) everywhere."""

    role: str
    site: str | None = None


class AccountEntry(_Entry):
    """One person. registration: body and number, such as 'GMC 9900001'."""

    email: str
    organisation: str
    name: str
    grade: str | None = None
    registration: str | None = Field(None, pattern=r"^\S+ \S+$")
    teams: list[str] = []
    roles: list[RoleEntry] = []


class DirectoryFile(_Entry):
    """All of a file."""

    organisations: list[OrganisationEntry] = []
    teams: list[TeamEntry] = []
    sites: list[SiteEntry] = []
    accounts: list[AccountEntry] = []


def read_directory(path: Path) -> DirectoryFile:
    """Read a file. Raises unreadable-file with a pointer for each fault."""
    try:
        data = YAML(typ="safe", pure=True).load(path.read_text("utf-8"))
        return DirectoryFile.model_validate(data)
    except ValidationError as error:
        problems = [
            Problem("".join(f"/{part}" for part in fault["loc"]), "wrong-value", fault["msg"])
            for fault in error.errors(include_input=False, include_url=False)
        ]
        raise DomainError("unreadable-file", f"{path.name} is not a directory file.", problems=problems) from error
    except (OSError, UnicodeDecodeError, YAMLError) as error:
        raise DomainError("unreadable-file", f"{path.name} cannot be read: {error}") from error


def load_directory(session: Session, file: DirectoryFile, now: datetime) -> Counter[str]:
    """Add what is not there yet, and bring teams' channels and sites' policies to what the file says.

    A repeat changes nothing. Nothing is ever removed. Gives the number of each kind that was added or changed.
    Raises what the verbs of people and sites raise; then the caller rolls everything back.
    """
    changes: Counter[str] = Counter()
    for organisation in file.organisations:
        if not _is_there(directory.organisation_by_code, session, organisation.code):
            people.add_organisation(session, None, **organisation.model_dump(), now=now)
            changes["organisations"] += 1
    for team in file.teams:
        changes["teams"] += _load_team(session, team, now)
    for site in file.sites:
        changes["sites"] += _load_site(session, site, now)
    for account in file.accounts:
        changes["accounts"] += _load_account(session, account, now)
    return changes


def _load_team(session: Session, entry: TeamEntry, now: datetime) -> bool:
    if not _is_there(directory.team_by_code, session, entry.code):
        organisation = directory.organisation_by_code(session, entry.organisation)
        values = entry.model_dump(exclude={"organisation"})
        people.add_team(session, None, organisation_id=organisation.id, **values, now=now)
        return True
    team = directory.team_by_code(session, entry.code)
    wanted = entry.model_dump(include={"name", "inbox_email", "webhook_url", "webhook_secret"}, exclude_none=True)
    present = team.model_dump() | {"webhook_secret": webhook_secret_of(session, team)}
    if all(present[name] == value for name, value in wanted.items()):
        return False
    people.change_team(session, None, team, TeamChange(**wanted), now=now)
    return True


def _load_site(session: Session, entry: SiteEntry, now: datetime) -> bool:
    policy = _policy(entry)
    if not _is_there(site_by_code, session, entry.code):
        organisation = directory.organisation_by_code(session, entry.organisation)
        values = entry.model_dump(include={"code", "name", "ods_code"})
        site_actions.add_site(session, None, organisation_id=organisation.id, **values, policy=policy, now=now)
        return True
    site = site_by_code(session, entry.code)
    if policy_of(site) == policy:
        return False
    site_actions.change_policy(session, None, site, policy, now=now)
    return True


def _load_account(session: Session, entry: AccountEntry, now: datetime) -> bool:
    is_new = not _is_there(directory.account_by_email, session, entry.email)
    if is_new:
        body, number = entry.registration.split(" ") if entry.registration else (None, None)
        people.add_account(
            session,
            None,
            organisation_id=directory.organisation_by_code(session, entry.organisation).id,
            **entry.model_dump(include={"email", "name", "grade"}),
            registration_body=body,
            registration_number=number,
            now=now,
        )
    account = directory.account_by_email(session, entry.email)
    for code in entry.teams:
        team = directory.team_by_code(session, code)
        people.join_team(session, None, account_id=account.id, team_id=team.id, now=now)
    for given in entry.roles:
        site_id = site_by_code(session, given.site).id if given.site else None
        people.give_role(session, None, account_id=account.id, role=given.role, site_id=site_id, now=now)
    return is_new


def _policy(entry: SiteEntry) -> SitePolicy:
    try:
        return policy_from(entry.policy)
    except DomainError as error:
        raise DomainError(error.code, f"Site {entry.code}: {error.sentence}", problems=error.problems) from error


def _is_there(find: Callable[[Session, str], object], session: Session, key: str) -> bool:
    try:
        find(session, key)
    except DomainError:
        return False
    return True
