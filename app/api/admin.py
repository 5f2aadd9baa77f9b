"""Keeping the directory: for administrators of the service only. No route here opens an outcome."""

from hashlib import sha256
from http import HTTPStatus
from typing import Annotated

from fastapi import APIRouter, Header, Query, Response
from sqlmodel import Session, col, select

from app import audit
from app.api.answers import PREFIX, about, answer
from app.api.body import StrictRoute
from app.api.directory_schemas import (
    AccountTold,
    AddAccount,
    AddOrganisation,
    AddSite,
    AddTeam,
    ChangeTeam,
    EventTold,
    OrganisationTold,
    SiteTold,
    TeamKept,
)
from app.api.idempotency import OnceOnly
from app.api.pagination import PageAsked
from app.api.preconditions import check_unchanged, etag
from app.api.schemas import Listed
from app.api.values import CodeInPath
from app.audit import AuditEvent
from app.doors import ADMINISTRATOR, CurrentActor, DbSession, Now
from app.errors import DomainError
from app.people import actions
from app.people import queries as people
from app.people.actions import TeamChange
from app.people.queries import registration_of
from app.people.tables import Account, Organisation, Team
from app.sites import actions as site_actions
from app.sites.rules import policy_from

router = APIRouter(prefix=PREFIX, route_class=StrictRoute, tags=["administration"], dependencies=[ADMINISTRATOR])


@router.post("/organisations", status_code=201, operation_id="add-organisation", response_model=OrganisationTold)
def add_organisation(
    body: AddOrganisation, once: OnceOnly, session: DbSession, actor: CurrentActor, now: Now
) -> Response:
    """Add an organisation."""

    def act() -> Response:
        added = actions.add_organisation(
            session, actor, code=body.code, name=body.name, ods_code=body.ods_code, now=now
        )
        return answer(_organisation_told(added))

    return once(act)


@router.get("/organisations", operation_id="list-organisations")
def list_organisations(page: PageAsked, session: DbSession) -> Listed[OrganisationTold]:
    """Every organisation, by code."""
    found = people.organisations(session, after=page.after, limit=page.with_next)
    return Listed(
        items=[_organisation_told(one) for one in found[: page.limit]],
        next=page.next_after([one.id for one in found]),
    )


@router.post("/teams", status_code=201, operation_id="add-team", response_model=TeamKept)
def add_team(body: AddTeam, once: OnceOnly, session: DbSession, actor: CurrentActor, now: Now) -> Response:
    """Add a team that can be told."""

    def act() -> Response:
        with about("/organisation"):
            organisation = people.organisation_by_code(session, body.organisation)
        values = body.model_dump(exclude={"organisation"})
        team = actions.add_team(session, actor, organisation_id=organisation.id, **values, now=now)
        return answer(_team_kept(team), location=f"/teams/{team.code}", etag=_team_etag(team))

    return once(act)


@router.get("/teams/{code}", operation_id="read-team", response_model=TeamKept)
def read_team(code: CodeInPath, session: DbSession) -> Response:
    """A team as administrators see it, with the ETag that a change must name."""
    team = _team_in_path(session, code)
    return answer(_team_kept(team), HTTPStatus.OK, etag=_team_etag(team))


@router.patch("/teams/{code}", operation_id="change-team", response_model=TeamKept)
def change_team(
    code: CodeInPath,
    body: ChangeTeam,
    if_match: Annotated[str, Header(description="The ETag of the team as you read it")],
    session: DbSession,
    actor: CurrentActor,
    now: Now,
) -> Response:
    """Change a team's name or channels."""
    team = _team_in_path(session, code)
    check_unchanged(if_match, _team_etag(team))
    changed = actions.change_team(session, actor, team, TeamChange(**body.model_dump()), now=now)
    return answer(_team_kept(changed), HTTPStatus.OK, etag=_team_etag(changed))


@router.post("/accounts", status_code=201, operation_id="add-account", response_model=AccountTold)
def add_account(body: AddAccount, once: OnceOnly, session: DbSession, actor: CurrentActor, now: Now) -> Response:
    """Add a person."""

    def act() -> Response:
        with about("/organisation"):
            organisation = people.organisation_by_code(session, body.organisation)
        values = body.model_dump(exclude={"organisation"})
        account = actions.add_account(session, actor, organisation_id=organisation.id, **values, now=now)
        return answer(_account_told(account))

    return once(act)


@router.get("/accounts", operation_id="list-accounts")
def list_accounts(page: PageAsked, session: DbSession) -> Listed[AccountTold]:
    """Every account, by name."""
    found = people.accounts(session, after=page.after, limit=page.with_next)
    return Listed(
        items=[_account_told(one) for one in found[: page.limit]], next=page.next_after([one.id for one in found])
    )


@router.post("/sites", status_code=201, operation_id="add-site", response_model=SiteTold)
def add_site(body: AddSite, once: OnceOnly, session: DbSession, actor: CurrentActor, now: Now) -> Response:
    """Add a pilot site."""

    def act() -> Response:
        with about("/organisation"):
            organisation = people.organisation_by_code(session, body.organisation)
        with about("/policy"):
            policy = policy_from(body.policy)
            values = body.model_dump(exclude={"organisation", "policy"})
            site = site_actions.add_site(
                session, actor, organisation_id=organisation.id, **values, policy=policy, now=now
            )
        return answer(SiteTold(code=site.code, name=site.name, ods_code=site.ods_code))

    return once(act)


@router.get("/audit", operation_id="read-audit")
def read_audit(
    page: PageAsked,
    session: DbSession,
    actor: CurrentActor,
    now: Now,
    object_id: Annotated[str, Query(pattern=r"^[0-9A-Za-z:-]{1,60}$", description="Id of what was acted on")],
) -> Listed[EventTold]:
    """Who did what to one thing, newest first. Reading it is audited too."""
    audit.record(
        session, now=now, actor_id=actor.account_id, action="read-audit", object_type="any", object_id=object_id
    )
    wanted = select(AuditEvent).where(AuditEvent.object_id == object_id).order_by(col(AuditEvent.id).desc())
    if page.after is not None:
        wanted = wanted.where(col(AuditEvent.id) < page.after)
    found = session.exec(wanted.limit(page.with_next)).all()
    events = [EventTold(**event.model_dump()) for event in found[: page.limit]]
    return Listed(items=events, next=page.next_after([event.id for event in found]))


def _organisation_told(one: Organisation) -> OrganisationTold:
    return OrganisationTold(id=one.id, code=one.code, name=one.name, ods_code=one.ods_code)


def _team_kept(team: Team) -> TeamKept:
    return TeamKept(
        id=team.id,
        code=team.code,
        name=team.name,
        role=team.role,
        inbox_email=team.inbox_email,
        webhook_url=team.webhook_url,
    )


def _account_told(one: Account) -> AccountTold:
    return AccountTold(
        id=one.id,
        email=one.email,
        name=one.name,
        grade=one.grade,
        registration=registration_of(one),
        closed_at=one.closed_at,
    )


def _team_etag(team: Team) -> str:
    return etag(sha256(repr(team.model_dump()).encode()).hexdigest())


def _team_in_path(session: Session, code: str) -> Team:
    # Held until the commit, so that of two changes made from one state the second is seen to be stale.
    team = session.exec(select(Team).where(Team.code == code).with_for_update()).one_or_none()
    if team is None:
        raise DomainError("not-found", "There is no team with this code.")
    return team
