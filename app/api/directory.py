"""Who I am, and whom an outcome can be sent to."""

from fastapi import APIRouter

from app.api.answers import PREFIX
from app.api.body import StrictRoute
from app.api.directory_schemas import Me, Member, RoleOfMine, SiteTold, TeamOfMine, TeamTold
from app.api.pagination import PageAsked
from app.api.schemas import Listed
from app.doors import DIRECTORY_READER, READS, SIGNED_IN, CurrentActor, DbSession, Now, TimesGiven
from app.people import queries as people
from app.people import sessions
from app.people.tables import Organisation
from app.sites import queries as site_queries

router = APIRouter(prefix=PREFIX, route_class=StrictRoute, tags=["directory"])


@router.get("/me", operation_id="read-me", dependencies=[SIGNED_IN])
def read_me(session: DbSession, actor: CurrentActor, now: Now, times: TimesGiven) -> Me:
    """Who the service thinks you are."""
    codes = {site.id: site.code for site in site_queries.sites(session)}
    return Me(
        account_id=str(actor.account_id),
        name=actor.name,
        email=actor.email,
        organisation=session.get_one(Organisation, actor.organisation_id).name,
        teams=[
            TeamOfMine(code=team.code, name=team.name, role=team.role)
            for team in people.directory(session, now)
            if team.id in actor.team_ids
        ],
        roles=sorted(
            (RoleOfMine(role=role, site=codes[site_id] if site_id else None) for role, site_id in actor.roles),
            key=lambda one: (one.role, one.site or ""),
        ),
        session_ends_at=sessions.session_ends_at(session, actor, times),
        fresh_until=actor.fresh_until,
    )


@router.get("/sites", operation_id="list-sites", dependencies=[READS])
def list_sites(page: PageAsked, session: DbSession) -> Listed[SiteTold]:
    """The pilot sites, by code."""
    found = site_queries.sites(session, after=page.after, limit=page.with_next)
    return Listed(
        items=[SiteTold(code=one.code, name=one.name, ods_code=one.ods_code) for one in found[: page.limit]],
        next=page.next_after([one.id for one in found]),
    )


@router.get("/teams", operation_id="list-teams", dependencies=[DIRECTORY_READER])
def list_teams(page: PageAsked, session: DbSession, now: Now) -> Listed[TeamTold]:
    """The teams that outcomes can be sent to, by code, with the people who are in them now."""
    found = people.directory(session, now, after=page.after, limit=page.with_next)
    return Listed(
        items=[
            TeamTold(
                code=team.code,
                name=team.name,
                role=team.role,
                organisation=team.organisation_name,
                members=[Member(name=member.name, email=member.email) for member in team.members],
            )
            for team in found[: page.limit]
        ],
        next=page.next_after([team.id for team in found]),
    )
