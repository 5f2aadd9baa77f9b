"""Who may do what: teams, roles, tokens and grants, given and taken away. For administrators; none reads an outcome."""

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Path, Query, Response
from sqlmodel import Session

from app.api.answers import PREFIX, about, answer
from app.api.body import StrictRoute
from app.api.directory_schemas import Done, GiveRole, GrantTold, IssueToken, JoinTeam, TokenIssued, TokenTold
from app.api.idempotency import OnceOnly
from app.api.pagination import PageAsked
from app.api.schemas import Listed
from app.api.values import CodeInPath, Id, IdInPath
from app.doors import ADMINISTRATOR, CurrentActor, DbSession, Now
from app.errors import DomainError
from app.people import access, actions
from app.people import queries as people
from app.people.tables import Account, ApiToken, Grant
from app.sites import queries as site_queries

router = APIRouter(prefix=PREFIX, route_class=StrictRoute, tags=["administration"], dependencies=[ADMINISTRATOR])

RoleInPath = Annotated[str, Path(alias="role", pattern=r"^[a-z-]{1,40}$", examples=["clinician"])]


@router.delete("/accounts/{id}", status_code=204, operation_id="close-account")
def close_account(account_id: IdInPath, session: DbSession, actor: CurrentActor, now: Now) -> None:
    """Close an account for good and stop its tokens at once. What the person did stays recorded."""
    actions.close_account(session, actor, _account_in_path(session, account_id), now=now)


@router.post("/accounts/{id}/memberships", status_code=201, operation_id="join-team", response_model=Done)
def join_team(
    account_id: IdInPath, body: JoinTeam, once: OnceOnly, session: DbSession, actor: CurrentActor, now: Now
) -> Response:
    """Put a person in a team from now on."""

    def act() -> Response:
        account = _account_in_path(session, account_id)
        with about("/team"):
            team = people.team_by_code(session, body.team)
        joined = actions.join_team(session, actor, account_id=account.id, team_id=team.id, now=now)
        return answer(Done(id=joined.id))

    return once(act)


@router.delete("/accounts/{id}/memberships/{code}", status_code=204, operation_id="leave-team")
def leave_team(account_id: IdInPath, code: CodeInPath, session: DbSession, actor: CurrentActor, now: Now) -> None:
    """Take a person out of the team with this code, from now on. A repeat changes nothing."""
    account, team = _account_in_path(session, account_id), people.team_by_code(session, code)
    actions.leave_team(session, actor, account_id=account.id, team_id=team.id, now=now)


@router.post("/accounts/{id}/roles", status_code=201, operation_id="give-role", response_model=Done)
def give_role(
    account_id: IdInPath, body: GiveRole, once: OnceOnly, session: DbSession, actor: CurrentActor, now: Now
) -> Response:
    """Give a role at one site, or everywhere."""

    def act() -> Response:
        account = _account_in_path(session, account_id)
        with about("/site"):
            site_id = site_queries.site_by_code(session, body.site).id if body.site else None
        given = actions.give_role(session, actor, account_id=account.id, role=body.role, site_id=site_id, now=now)
        return answer(Done(id=given.id))

    return once(act)


@router.delete("/accounts/{id}/roles/{role}", status_code=204, operation_id="end-role")
def end_role(
    account_id: IdInPath,
    role: RoleInPath,
    session: DbSession,
    actor: CurrentActor,
    now: Now,
    site: Annotated[
        str | None, Query(pattern=r"^[a-z0-9-]{1,60}$", description="Code of the site; none: the role held everywhere")
    ] = None,
) -> None:
    """Take a role away from now on: the one at this site, or the one held everywhere. A repeat changes nothing."""
    account = _account_in_path(session, account_id)
    site_id = site_queries.site_by_code(session, site).id if site else None
    actions.end_role(session, actor, account_id=account.id, role=role, site_id=site_id, now=now)


@router.post("/accounts/{id}/tokens", status_code=201, operation_id="issue-token", response_model=TokenIssued)
def issue_token(
    account_id: IdInPath, body: IssueToken, session: DbSession, actor: CurrentActor, now: Now
) -> TokenIssued:
    """Make a token; it is shown this once. It takes no Idempotency-Key, as the answer must not be kept."""
    account = _account_in_path(session, account_id)
    token, plain = access.issue_token(session, actor, account_id=account.id, label=body.label, days=body.days, now=now)
    return TokenIssued(id=token.id, token=plain, expires_at=token.expires_at)


@router.get("/accounts/{id}/tokens", operation_id="list-tokens")
def list_tokens(account_id: IdInPath, page: PageAsked, session: DbSession) -> Listed[TokenTold]:
    """The tokens of an account, newest first; ended ones too. None of them can be read back."""
    account = _account_in_path(session, account_id)
    found = people.tokens(session, account.id, after=page.after, limit=page.with_next)
    return Listed(
        items=[_token_told(one) for one in found[: page.limit]], next=page.next_after([one.id for one in found])
    )


@router.delete("/tokens/{id}", status_code=204, operation_id="revoke-token")
def revoke_token(token_id: IdInPath, session: DbSession, actor: CurrentActor, now: Now) -> None:
    """Stop a token at once. A repeat changes nothing."""
    access.revoke_token(session, actor, token_id=UUID(token_id), now=now)


@router.get("/grants", operation_id="list-grants")
def list_grants(
    page: PageAsked, session: DbSession, outcome_id: Annotated[Id, Query(description="Id of the outcome")]
) -> Listed[GrantTold]:
    """Who may read an outcome and since when, oldest first; ended grants too."""
    found = people.grants_on(session, outcome_id, after=page.after, limit=page.with_next)
    return Listed(
        items=[_grant_told(one) for one in found[: page.limit]], next=page.next_after([one.id for one in found])
    )


@router.delete("/grants/{id}", status_code=204, operation_id="revoke-grant")
def revoke_grant(grant_id: IdInPath, session: DbSession, actor: CurrentActor, now: Now) -> None:
    """End a grant at once. A repeat changes nothing."""
    access.revoke_grant(session, actor, grant_id=UUID(grant_id), now=now)


def _account_in_path(session: Session, account_id: str) -> Account:
    account = session.get(Account, UUID(account_id))
    if account is None:
        raise DomainError("not-found", "There is no account with this id.")
    return account


def _token_told(one: ApiToken) -> TokenTold:
    return TokenTold(
        id=one.id,
        label=one.label,
        created_at=one.created_at,
        expires_at=one.expires_at,
        revoked_at=one.revoked_at,
    )


def _grant_told(one: Grant) -> GrantTold:
    return GrantTold(
        id=one.id,
        kind=one.kind,
        account_id=one.account_id,
        team_id=one.team_id,
        reason=one.reason,
        granted_by=one.granted_by,
        from_at=one.from_at,
        until_at=one.until_at,
    )
