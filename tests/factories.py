"""Test data, made by walking the real actions: nothing here writes a row that the service could not write."""

from copy import deepcopy
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from functools import cache
from typing import Any
from uuid import uuid4

from ruamel.yaml import YAML
from sqlmodel import Session

from app.commands.directory_file import DirectoryFile, load_directory, read_directory
from app.outcomes import actions, signing
from app.outcomes.contents import SignedVersion
from app.outcomes.queries import DraftView
from app.outcomes.tables import Outcome
from app.people import queries as people
from app.people.rules import Actor
from app.people.tables import Team
from app.questionnaires import Forms, load_forms
from app.sites import queries as sites
from app.sites.tables import Site
from app.version import ROOT

SURNAME = "Marwood"
BIRTH_DATE = date(2019, 3, 14)


@dataclass(frozen=True)
class Cast:
    """The people, teams and sites of demo/cast.yaml. A person is known by the part of the address before the @."""

    actors: dict[str, Actor]
    teams: dict[str, Team]
    sites: dict[str, Site]

    def __getitem__(self, person: str) -> Actor:
        return self.actors[person]


def load_cast(session: Session, now: datetime) -> Cast:
    """Bring the cast into the database. They have been there for a month."""
    load_directory(session, _cast_file(), now - timedelta(days=30))
    session.flush()
    return cast_in(session, now)


def cast_in(session: Session, now: datetime) -> Cast:
    """The cast as it is in the database now."""
    found = [people.actor_by_account(session, account.id, now) for account in people.accounts(session)]
    return Cast(
        actors={actor.email.partition("@")[0]: actor for actor in found if actor is not None},
        teams={team.code: people.team_by_code(session, team.code) for team in people.directory(session, now)},
        sites={site.code: site for site in sites.sites(session)},
    )


@cache
def forms() -> Forms:
    """The published forms, read once."""
    return load_forms()


def complete_answers(now: datetime, *, recipients: list[dict[str, str]] | None = None) -> dict[str, Any]:
    """Complete answers (case 2, Leo Marwood), examined on the day before `now`; free to change."""
    answers = deepcopy(_case_two())
    answers["child"] |= {"surname": SURNAME, "birth-date": BIRTH_DATE.isoformat()}
    answers["sharing"]["recipients"] = recipients or [
        {
            "recipient-role": "social-worker",
            "recipient-team": "beacon-duty",
            "recipient-person": "priya.dunmore@beacon-down-council.example",
        },
        {"recipient-role": "police", "recipient-team": "beacon-police"},
        {"recipient-role": "gp", "recipient-team": "beacon-gp"},
    ]
    return _at(answers, now)


def begun_outcome(session: Session, author: Actor, site: Site, now: datetime) -> Outcome:
    """An outcome with an empty draft of revision 1."""
    form = forms().latest("cp-medical-outcome")
    return actions.begin(session, author, outcome_id=uuid4(), site=site, form=form, now=now).outcome


def drafted_outcome(
    session: Session, author: Actor, site: Site, now: datetime, answers: dict[str, Any] | None = None
) -> DraftView:
    """An outcome whose draft of revision 2 holds complete answers."""
    outcome = begun_outcome(session, author, site, now)
    return actions.save_draft(
        session,
        author,
        outcome_id=outcome.id,
        revision=1,
        answers=complete_answers(now) if answers is None else answers,
        forms=forms(),
        now=now,
    )


def signed_outcome(
    session: Session, author: Actor, site: Site, now: datetime, answers: dict[str, Any] | None = None
) -> tuple[Outcome, SignedVersion]:
    """An outcome with version 1 signed."""
    view = drafted_outcome(session, author, site, now, answers)
    return view.outcome, sign_draft(session, author, view, now)


def amended_outcome(
    session: Session, author: Actor, outcome: Outcome, now: datetime, answers: dict[str, Any] | None = None
) -> SignedVersion:
    """The next version of a signed outcome, with the same answers or with others."""
    view = actions.begin_amendment(session, author, outcome_id=outcome.id, forms=forms(), now=now)
    if answers is not None:
        view = actions.save_draft(
            session,
            author,
            outcome_id=outcome.id,
            revision=view.draft.revision,
            answers=answers,
            forms=forms(),
            now=now,
        )
    return sign_draft(session, author, view, now, amendment_reason="The skeletal survey is reported.")


def sign_draft(
    session: Session, author: Actor, view: DraftView, now: datetime, amendment_reason: str | None = None
) -> SignedVersion:
    """Sign a draft whose child is who it says."""
    child = view.draft.answers["child"]
    return signing.sign(
        session,
        author,
        outcome_id=view.outcome.id,
        revision=view.draft.revision,
        surname=child["surname"],
        birth_date=date.fromisoformat(child["birth-date"]),
        amendment_reason=amendment_reason,
        forms=forms(),
        now=now,
    )


@cache
def _cast_file() -> DirectoryFile:
    return read_directory(ROOT / "demo" / "cast.yaml")


@cache
def _case_two() -> dict[str, Any]:
    case = YAML(typ="safe", pure=True).load((ROOT / "demo" / "cases" / "02-slap-mark.yaml").read_text("utf-8"))
    return dict(case["outcomes"]["leo"]["answers"])


def _at(answers: dict[str, Any], now: datetime) -> dict[str, Any]:
    """The case with its times, which it tells as `day HH:MM`, moved to the day before `now`, in the same order."""
    day = (now - timedelta(days=1)).date()

    def put(value: Any) -> Any:
        if isinstance(value, dict):
            return {name: put(member) for name, member in value.items()}
        if isinstance(value, list):
            return [put(member) for member in value]
        if isinstance(value, str) and value.startswith("day "):
            return f"{day}T{value.removeprefix('day ')}:00+00:00"
        return value

    return {section: put(members) for section, members in answers.items()}
