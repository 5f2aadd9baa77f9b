"""Adding a pilot site and changing what it decides for itself. Every change is audited."""

from datetime import datetime
from uuid import UUID

from sqlmodel import Session

from app import audit
from app.db import insert_if_absent
from app.errors import DomainError, Problem
from app.people import queries as people
from app.people import rules as people_rules
from app.people.policy import check_administrator
from app.people.rules import Actor
from app.sites.rules import SitePolicy
from app.sites.tables import Site


def add_site(
    session: Session,
    actor: Actor | None,
    *,
    organisation_id: UUID,
    code: str,
    name: str,
    policy: SitePolicy,
    ods_code: str | None = None,
    now: datetime,
) -> Site:
    """Add a site. Raises invalid, invalid-policy (a team it names is unknown), already-exists.

    actor None is the operator at the command line.
    """
    check_administrator(actor, "add-site")
    people_rules.check_no_problems(
        people_rules.problems_in_code(code, "/code")
        + people_rules.problems_in_text(name, "/name", most=200)
        + people_rules.problems_in_ods_code(ods_code, "/ods_code")
    )
    _check_teams(session, policy, now)
    site = Site(
        organisation_id=organisation_id,
        code=code,
        name=name.strip(),
        ods_code=ods_code,
        policy=_as_json(policy),
    )
    if not insert_if_absent(session, site):
        raise DomainError("already-exists", "A site with this code is there already.")
    _audit(session, actor, now, "add-site", site.id)
    return session.get_one(Site, site.id)


def change_policy(session: Session, actor: Actor | None, site: Site, policy: SitePolicy, *, now: datetime) -> Site:
    """Replace a site's policy. Raises invalid-policy. What is signed and told already keeps its own dates."""
    check_administrator(actor, "change-policy")
    _check_teams(session, policy, now)
    site.policy = _as_json(policy)
    session.add(site)
    _audit(session, actor, now, "change-policy", site.id)
    return site


def _check_teams(session: Session, policy: SitePolicy, now: datetime) -> None:
    named = policy.team_codes()
    roles = {team.code: team.role for team in people.directory(session, now, named.values())}
    problems = [
        Problem(pointer, "unknown-team", "There is no team with this code in the directory.")
        for pointer, code in named.items()
        if code not in roles
    ]
    problems += [
        Problem(f"/recipients/always/{i}/role", "wrong-role", "The team has another role in the directory.")
        for i, one in enumerate(policy.recipients.always)
        if one.team in roles and roles[one.team] != one.role
    ]
    if problems:
        raise DomainError("invalid-policy", "The site's policy is wrong. Each fault is listed.", problems=problems)


def _as_json(policy: SitePolicy) -> dict[str, object]:
    return policy.model_dump(mode="json", by_alias=True)


def _audit(session: Session, actor: Actor | None, now: datetime, action: str, site_id: UUID) -> None:
    actor_id = None if actor is None else actor.account_id
    audit.record(session, now=now, actor_id=actor_id, action=action, object_type="site", object_id=site_id)
