"""Looking ahead to a signature: what still stops it, and whom it would tell. Shown while writing."""

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlmodel import Session, col, select

from app.errors import Problem
from app.outcomes import rules
from app.outcomes.rules import PlannedRecipient
from app.outcomes.tables import Outcome, OutcomeVersion, Recipient
from app.people import policy
from app.people import queries as people
from app.people.rules import DirectoryTeam
from app.questionnaires import Form, problems_in, warnings_in
from app.sites.queries import policy_of
from app.sites.tables import Site


def teams_named(session: Session, site: Site, answers: dict[str, Any], now: datetime) -> dict[str, DirectoryTeam]:
    """The directory's teams, by code, that the answers or the site's policy name. Unknown codes are absent."""
    always = policy_of(site).recipients.always
    return _teams_of(session, answers, tuple(one.team for one in always), now)


def wrong_in(session: Session, form: Form, answers: dict[str, Any], now: datetime) -> list[Problem]:
    """What is wrong and must not even be saved. Pointers start at the request: /answers/…"""
    problems = _with_prefix(problems_in(form, answers, complete=False, now=now))
    # The rows can be looked up only when they have the shape the form gives them.
    return problems or rules.problems_in_recipients(answers, _teams_of(session, answers, (), now))


def missing_from(form: Form, answers: dict[str, Any], teams: dict[str, DirectoryTeam], now: datetime) -> list[Problem]:
    """Everything that stops a signature on answers that could be saved. Pointers start at the request: /answers/…"""
    return [
        *_with_prefix(problems_in(form, answers, complete=True, now=now)),
        *rules.problems_in_recipients(answers, teams),
    ]


def asked_back(form: Form, answers: dict[str, Any]) -> list[Problem]:
    """What a reader would ask about the words, such as the evidence for calling a concern malicious. Stops nothing."""
    return _with_prefix(warnings_in(form, answers))


def recipients_planned(
    session: Session,
    outcome: Outcome,
    site: Site,
    answers: dict[str, Any],
    teams: dict[str, DirectoryTeam],
    now: datetime,
) -> tuple[PlannedRecipient, ...]:
    """Everyone whom a signature on these answers would entitle and tell now. teams: from `teams_named`."""
    always = policy_of(site).recipients.always
    return rules.recipients_for(answers, teams=teams, always=always, told_before=_told_before(session, outcome.id, now))


def _told_before(session: Session, outcome_id: UUID, now: datetime) -> list[PlannedRecipient]:
    """Recipients of earlier versions who may still read: without that right nobody is told (lessons, 18)."""
    wanted = (
        select(Recipient, OutcomeVersion.number)
        .join(OutcomeVersion)
        .where(OutcomeVersion.outcome_id == outcome_id)
        .order_by(col(OutcomeVersion.number), col(Recipient.id))
    )
    told = session.exec(wanted).all()
    if not told:
        return []
    grants = people.grant_facts(session, outcome_id)
    live = [grant for grant in grants if grant.kind in policy.LASTING and policy.is_live(grant, now)]
    accounts = {grant.account_id for grant in live if grant.account_id is not None}
    teams = {grant.team_id for grant in live if grant.team_id is not None}
    return [
        PlannedRecipient(
            role=one.role,
            team_id=one.team_id,
            account_id=one.account_id,
            name=one.name,
            organisation_name=one.organisation_name,
            reason=f"Was told of version {number}",
        )
        for one, number in told
        if (one.team_id in teams if one.account_id is None else one.account_id in accounts)
    ]


def _teams_of(
    session: Session, answers: dict[str, Any], further: tuple[str, ...], now: datetime
) -> dict[str, DirectoryTeam]:
    rows = answers.get("sharing", {}).get("recipients", [])
    codes = {row["recipient-team"] for row in rows if "recipient-team" in row} | set(further)
    return {team.code: team for team in people.directory(session, now, codes)}


def _with_prefix(problems: list[Problem]) -> list[Problem]:
    return [Problem(f"/answers{problem.pointer}", problem.code, problem.sentence) for problem in problems]
