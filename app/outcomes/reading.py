"""As what somebody reads a signed outcome, and whether the child's address is confidential."""

from dataclasses import replace
from datetime import datetime
from uuid import UUID

from sqlmodel import Session, select

from app.outcomes.contents import open_version
from app.outcomes.queries import facts_of, versions_of
from app.outcomes.tables import Outcome, OutcomeVersion, Recipient
from app.people import policy
from app.people import queries as people
from app.people.policy import GrantFacts
from app.people.rules import Actor


def roles_read_as(session: Session, actor: Actor, outcome: Outcome, now: datetime) -> frozenset[str] | None:
    """The recipient roles by which `actor` reads; None: whole, as `policy.reads_as` says.

    A recipient reads by the roles that the signed versions name them with. Whoever was given it, or opened it in an
    emergency, reads by the roles of the teams they are in.
    """
    named: dict[UUID, set[str]] = {}
    wanted = select(Recipient).join(OutcomeVersion).where(OutcomeVersion.outcome_id == outcome.id)
    for one in session.exec(wanted):
        named.setdefault(one.team_id if one.account_id is None else one.account_id, set()).add(one.role)
    teams = people.roles_of_teams(session, actor.team_ids)

    def with_roles(grant: GrantFacts) -> GrantFacts:
        holder = grant.team_id or grant.account_id
        if grant.kind == policy.RECIPIENT and holder in named:
            return replace(grant, roles=frozenset(named[holder]))
        if grant.team_id is not None:
            return replace(grant, roles=frozenset(role for team, role in teams.items() if team == grant.team_id))
        return replace(grant, roles=frozenset(teams.values()) if grant.account_id == actor.account_id else frozenset())

    return policy.reads_as(actor, [with_roles(one) for one in facts_of(session, outcome).grants], now)


def is_address_confidential(session: Session, outcome_id: UUID, number: int | None = None) -> bool:
    """Whether it is hidden where the child lives: in what is told of the outcome; or in version `number` of it.

    The newest version decides; and what one version hides or a later one began to hide is hidden in that version.
    """
    found = versions_of(session, outcome_id)
    deciding = found[-1:] if number is None else [one for one in found if one.number >= number]
    return any(_says_so(open_version(session, one).answers) for one in deciding)


def _says_so(answers: dict[str, object]) -> bool:
    child = answers.get("child")
    return isinstance(child, dict) and child.get("address-confidential") is True
