"""Who is who, who may read which outcome, and the directory of teams."""

import hashlib
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import replace
from datetime import datetime
from uuid import UUID

from sqlalchemy import ColumnElement, or_, tuple_
from sqlmodel import Session, col, select
from sqlmodel.sql.expression import SelectOfScalar

from app.errors import DomainError
from app.people.policy import GrantFacts
from app.people.rules import Actor, DirectoryMember, DirectoryTeam, normal_email
from app.people.tables import Account, ApiToken, Grant, Membership, Organisation, RoleAssignment, Team


def actor_by_token(session: Session, token: str, now: datetime) -> Actor | None:
    """The person a personal token speaks for; None if it is unknown, expired or revoked, or the account closed.

    The look-up is by the SHA-256 of 256 random bits, so its timing tells nothing worth knowing.
    """
    digest = hashlib.sha256(token.encode("utf-8", "surrogatepass")).hexdigest()
    found = session.exec(select(ApiToken).where(ApiToken.token_sha256 == digest)).one_or_none()
    if found is None or found.revoked_at is not None or found.expires_at <= now:
        return None
    actor = actor_by_account(session, found.account_id, now)
    return None if actor is None else replace(actor, token_id=found.id)


def actor_by_account(session: Session, account_id: UUID, now: datetime) -> Actor | None:
    """The person with the teams and roles they have now; None if the account is unknown or closed."""
    account = session.get(Account, account_id)
    if account is None or (account.closed_at is not None and account.closed_at <= now):
        return None
    teams = session.exec(
        select(Membership.team_id)
        .where(Membership.account_id == account.id, _open_at(Membership.from_at, now))
        .where(_not_ended(Membership.until_at, now))
    )
    roles = session.exec(
        select(RoleAssignment.role, RoleAssignment.site_id).where(
            RoleAssignment.account_id == account.id, _not_ended(RoleAssignment.ended_at, now)
        )
    )
    return Actor(
        account_id=account.id,
        name=account.name,
        email=account.email,
        grade=account.grade,
        registration=registration_of(account),
        organisation_id=account.organisation_id,
        team_ids=frozenset(teams),
        roles=frozenset((role, site_id) for role, site_id in roles),
    )


def registration_of(account: Account) -> str | None:
    """Body and number as printed, such as 'GMC 9900001'."""
    if account.registration_body is None:
        return None
    return f"{account.registration_body} {account.registration_number}"


def readable_outcome_ids(actor: Actor, now: datetime, kinds: Iterable[str] | None = None) -> SelectOfScalar[UUID]:
    """`policy.can_read` for lists, as a sub-query: `Outcome.id.in_(readable_outcome_ids(actor, now))`.

    A grant opens an outcome, to the account or to a team it is in now. Authors hold a grant too; a role opens nothing.
    kinds: count only grants of these kinds (`policy.KINDS`).
    """
    mine: ColumnElement[bool] = col(Grant.account_id) == actor.account_id
    theirs: ColumnElement[bool] = col(Grant.team_id).in_(actor.team_ids)
    found = select(Grant.outcome_id).where(or_(mine, theirs), *_live(now))
    return found if kinds is None else found.where(col(Grant.kind).in_(set(kinds)))


def may_read_outcome(
    session: Session, actor: Actor, outcome_id: UUID, now: datetime, kinds: Iterable[str] | None = None
) -> bool:
    """Whether `actor` may read this outcome now, by the same predicate that filters lists."""
    found = readable_outcome_ids(actor, now, kinds).where(Grant.outcome_id == outcome_id).limit(1)
    return session.exec(found).first() is not None


def is_team_entitled(session: Session, team_id: UUID, outcome_id: UUID, now: datetime, kinds: Iterable[str]) -> bool:
    """Whether the team as such holds a grant of one of these kinds on the outcome now."""
    found = select(Grant.id).where(Grant.outcome_id == outcome_id, Grant.team_id == team_id, *_live(now))
    return session.exec(found.where(col(Grant.kind).in_(set(kinds))).limit(1)).first() is not None


def grant_facts(session: Session, outcome_id: UUID) -> tuple[GrantFacts, ...]:
    """Every grant on an outcome, ended ones too, as `policy` decides on them; without what their holders are to it."""
    return tuple(
        GrantFacts(one.kind, one.account_id, one.team_id, one.from_at, one.until_at)
        for one in grants_on(session, outcome_id)
    )


def directory(
    session: Session,
    now: datetime,
    codes: Iterable[str] | None = None,
    *,
    after: UUID | None = None,
    limit: int | None = None,
) -> list[DirectoryTeam]:
    """Every team, or those with these codes, by code, with the people who are in it now.

    after, limit: a page; at most `limit` teams that follow the team `after`.
    """
    wanted = select(Team, Organisation.name).join(Organisation).order_by(Team.code).limit(limit)
    if codes is not None:
        wanted = wanted.where(col(Team.code).in_(set(codes)))
    if after is not None:
        wanted = wanted.where(col(Team.code) > select(Team.code).where(Team.id == after).scalar_subquery())
    rows = session.exec(wanted).all()
    members = _members(session, [team.id for team, _ in rows], now)
    return [
        DirectoryTeam(team.id, team.code, team.name, team.role, organisation, tuple(members[team.id]))
        for team, organisation in rows
    ]


def members_of(session: Session, team_id: UUID, now: datetime) -> list[DirectoryMember]:
    """The people who are in the team now, by name."""
    return _members(session, [team_id], now)[team_id]


def roles_of_teams(session: Session, team_ids: Iterable[UUID]) -> dict[UUID, str]:
    """What each of these teams is to an outcome (`RECIPIENT_ROLES`), by its id."""
    return dict(session.exec(select(Team.id, Team.role).where(col(Team.id).in_(set(team_ids)))).all())


def team_roles_at(session: Session, account_id: UUID, at: datetime) -> frozenset[str]:
    """What the teams were to an outcome that the person was in at that moment."""
    wanted = select(Team.role).join(Membership).where(Membership.account_id == account_id)
    return frozenset(session.exec(wanted.where(_open_at(Membership.from_at, at), _not_ended(Membership.until_at, at))))


def team_names(session: Session, roles: Iterable[str]) -> frozenset[str]:
    """The names of all teams with one of these roles."""
    return frozenset(session.exec(select(Team.name).where(col(Team.role).in_(set(roles)))))


def holders_of(session: Session, role: str, site_id: UUID, now: datetime) -> list[Account]:
    """The open accounts that hold a role at the site, or everywhere, by name."""
    held = select(RoleAssignment.account_id).where(
        RoleAssignment.role == role,
        or_(col(RoleAssignment.site_id) == site_id, col(RoleAssignment.site_id).is_(None)),
        _not_ended(RoleAssignment.ended_at, now),
    )
    wanted = select(Account).where(col(Account.id).in_(held), _not_ended(Account.closed_at, now))
    return list(session.exec(wanted.order_by(Account.name, Account.email)))


def team_by_code(session: Session, code: str) -> Team:
    """The team with this code. Raises unknown-team."""
    team = session.exec(select(Team).where(Team.code == code)).one_or_none()
    if team is None:
        raise DomainError("unknown-team", "There is no team with this code in the directory.")
    return team


def organisation_by_code(session: Session, code: str) -> Organisation:
    """The organisation with this code. Raises unknown-organisation."""
    organisation = session.exec(select(Organisation).where(Organisation.code == code)).one_or_none()
    if organisation is None:
        raise DomainError("unknown-organisation", "There is no organisation with this code.")
    return organisation


def account_by_email(session: Session, email: str) -> Account:
    """The account with this address, open or closed. Raises unknown-account."""
    account = session.exec(select(Account).where(Account.email == normal_email(email))).one_or_none()
    if account is None:
        raise DomainError("unknown-account", "There is no account with this e-mail address.")
    return account


def organisations(session: Session, *, after: UUID | None = None, limit: int | None = None) -> list[Organisation]:
    """Every organisation, by code; or a page, at most `limit` that follow the one with the id `after`."""
    wanted = select(Organisation).order_by(Organisation.code).limit(limit)
    if after is not None:
        last = select(Organisation.code).where(Organisation.id == after).scalar_subquery()
        wanted = wanted.where(col(Organisation.code) > last)
    return list(session.exec(wanted))


def accounts(session: Session, *, after: UUID | None = None, limit: int | None = None) -> list[Account]:
    """Every account, by name; or a page, at most `limit` that follow the one with the id `after`."""
    place = tuple_(col(Account.name), col(Account.email))
    wanted = select(Account).order_by(Account.name, Account.email).limit(limit)
    if after is not None:
        wanted = wanted.where(place > select(Account.name, Account.email).where(Account.id == after).scalar_subquery())
    return list(session.exec(wanted))


def tokens(
    session: Session, account_id: UUID | None = None, *, after: UUID | None = None, limit: int | None = None
) -> list[ApiToken]:
    """Tokens of one account or of all, newest first. None of them can be read back.

    after, limit: a page; at most `limit` tokens that follow the token `after`.
    """
    wanted = select(ApiToken).order_by(col(ApiToken.id).desc()).limit(limit)
    if account_id is not None:
        wanted = wanted.where(ApiToken.account_id == account_id)
    if after is not None:
        wanted = wanted.where(col(ApiToken.id) < after)
    return list(session.exec(wanted))


def grants_on(
    session: Session, outcome_id: UUID, *, after: UUID | None = None, limit: int | None = None
) -> list[Grant]:
    """Every grant on an outcome, ended ones too, oldest first; or a page, at most `limit` that follow `after`."""
    wanted = select(Grant).where(Grant.outcome_id == outcome_id).order_by(col(Grant.id)).limit(limit)
    if after is not None:
        wanted = wanted.where(col(Grant.id) > after)
    return list(session.exec(wanted))


def _members(session: Session, team_ids: list[UUID], now: datetime) -> defaultdict[UUID, list[DirectoryMember]]:
    wanted = (
        select(Membership.team_id, Account)
        .join(Account)
        .where(col(Membership.team_id).in_(team_ids), _open_at(Membership.from_at, now))
        .where(_not_ended(Membership.until_at, now), _not_ended(Account.closed_at, now))
        .order_by(Account.name, Account.email)
    )
    found: defaultdict[UUID, list[DirectoryMember]] = defaultdict(list)
    for team_id, account in session.exec(wanted):
        found[team_id].append(DirectoryMember(account.id, account.name, account.email))
    return found


def _live(now: datetime) -> tuple[ColumnElement[bool], ...]:
    """The WHERE of grants that hold at `now`: `policy.is_live`."""
    return _open_at(Grant.from_at, now), _not_ended(Grant.until_at, now)


def _open_at(column: datetime, now: datetime) -> ColumnElement[bool]:
    return col(column) <= now


def _not_ended(column: datetime | None, now: datetime) -> ColumnElement[bool]:
    return or_(col(column).is_(None), col(column) > now)
