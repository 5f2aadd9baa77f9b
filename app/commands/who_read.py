"""`sameday audit who-read`: who saw, or tried to see, what is kept about a child. For subject access requests."""

import json
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from datetime import UTC, date, datetime
from typing import Annotated
from uuid import UUID

import typer
from rich.console import Console
from rich.markup import escape
from rich.table import Table
from sqlmodel import Session, col, select

from app import audit, clock
from app.audit import AuditEvent
from app.commands.database import console, database
from app.deliveries.tables import Delivery
from app.documents.tables import Document
from app.documents.wording import time_words
from app.errors import DomainError, Problem
from app.outcomes.break_glass_tables import BreakGlass
from app.outcomes.finding import outcomes_by_name, outcomes_by_nhs_number
from app.outcomes.queries import find
from app.outcomes.rules import normal_nhs_number
from app.outcomes.tables import Outcome, OutcomeVersion
from app.people.tables import Account, Grant, Organisation

SHOWING = (
    *("read-", "list-", "who-read", "acknowledge", "say-not-mine", "break-glass", "review-"),
    *("save-draft", "begin-amendment"),
)
"""Beginnings of the actions by which somebody gets to see a record, or says that they did. Of all others only what was
refused or failed is told: an attempt is what the person asks about, too."""

MEANS = {"client": "through an integration", "token": "with a personal token"}

_errors = Console(stderr=True, soft_wrap=True)


@dataclass(frozen=True, slots=True)
class Sight:
    """Somebody saw an outcome, or tried to. No detail of the event: that of a list names other children's records."""

    at: datetime
    name: str
    organisation: str
    action: str
    seen: str
    result: str
    outcome: str


def who_read(
    child: Annotated[
        str | None, typer.Argument(help="Reference such as 7Q4K-2P, the outcome's id, or the child's NHS number")
    ] = None,
    surname: Annotated[str | None, typer.Option(help="The child's surname; needs --born")] = None,
    born: Annotated[
        datetime | None, typer.Option(formats=["%Y-%m-%d"], help="The child's date of birth, with --surname")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON; times in UTC")] = False,
) -> None:
    """Show every read, download, list, acknowledgement, break-glass and refusal that touched a child's outcomes.

    The look-up is itself recorded in the audit.
    """
    now = clock.now()
    with database() as session:
        outcomes, unreadable = _outcomes_of(session, child, surname, None if born is None else born.date())
        who = _people(session)
        sights = sorted((one for outcome in outcomes for one in _sights(session, outcome, who)), key=lambda one: one.at)
        for object_id in [str(outcome.id) for outcome in outcomes] or ["unrecognised"]:
            audit.record(session, now=now, actor_id=None, action="who-read", object_type="outcome", object_id=object_id)
    if as_json:
        typer.echo(json.dumps([asdict(one) | {"at": one.at.astimezone(UTC).isoformat()} for one in sights], indent=2))
    else:
        _show(sights, [outcome.reference for outcome in outcomes])
    for outcome_id in unreadable:
        _errors.print(f"Outcome {outcome_id} cannot be opened, so nobody can say whether it is about this child.")


def _outcomes_of(
    session: Session, child: str | None, surname: str | None, born: date | None
) -> tuple[list[Outcome], tuple[UUID, ...]]:
    """The outcomes about the child, and the ids of those of which that cannot be said. Raises not-found and invalid."""
    if child is not None and surname is None and born is None:
        if normal_nhs_number(child) is not None:
            return outcomes_by_nhs_number(session, child), ()
        outcome = find(session, child)
        if outcome is None:
            raise DomainError("not-found", "There is no outcome with this reference.")
        return [outcome], ()
    if child is None and surname and born is not None:
        found = outcomes_by_name(session, surname, born)
        return list(found.outcomes), found.unreadable
    problem = Problem("", "missing", "Such as: who-read 7Q4K-2P; or: who-read --surname Marwood --born 2019-03-14.")
    raise DomainError("invalid", "Say whose record: CHILD, or both --surname and --born.", problems=[problem])


def _people(session: Session) -> dict[UUID, tuple[str, str]]:
    wanted = select(Account, Organisation).join(Organisation)
    return {account.id: (account.name, organisation.name) for account, organisation in session.exec(wanted)}


def _sights(session: Session, outcome: Outcome, who: dict[UUID, tuple[str, str]]) -> Iterator[Sight]:
    ids = _ids_of(session, outcome)
    events = {one.id: one for one in (*audit.events_of(session, ids), *audit.listings_of(session, ids))}
    for one in events.values():
        if one.action.startswith(SHOWING) or one.result != "done":
            name, organisation = _name_of(one, who)
            yield Sight(one.at, name, organisation, one.action, one.object_type, one.result, outcome.reference)


def _ids_of(session: Session, outcome: Outcome) -> list[str]:
    """What events on this outcome may name: itself, its versions, their documents and deliveries, its grants, and each
    time the glass was broken."""
    versions = session.exec(select(OutcomeVersion.id).where(OutcomeVersion.outcome_id == outcome.id)).all()
    documents = session.exec(select(Document.id).where(col(Document.version_id).in_(versions))).all()
    deliveries = session.exec(select(Delivery.id).where(col(Delivery.version_id).in_(versions))).all()
    grants = session.exec(select(Grant.id).where(Grant.outcome_id == outcome.id)).all()
    glasses = session.exec(select(BreakGlass.id).where(BreakGlass.outcome_id == outcome.id)).all()
    return [outcome.reference, *map(str, (outcome.id, *versions, *documents, *deliveries, *grants, *glasses))]


def _name_of(event: AuditEvent, who: dict[UUID, tuple[str, str]]) -> tuple[str, str]:
    if event.actor_id is None:
        return "the service or its operator", "–"
    name, organisation = who.get(event.actor_id, (str(event.actor_id), "–"))
    # Both may have been made by an administrator: then it was not, or not only, this person who saw it.
    means = [words for key, words in MEANS.items() if key in event.detail]
    return ", ".join([name, *means]), organisation


def _show(sights: list[Sight], references: list[str]) -> None:
    if not sights:
        console.print(
            f"Nobody has read {', '.join(references)} or tried to."
            if references
            else "No outcome about this child was found."
        )
        return
    table = Table("When", "Who", "Organisation", "What", "Result", title=f"Who read {', '.join(references)}")
    for one in sights:
        what = f"{one.action} ({one.seen})" if len(references) == 1 else f"{one.action} ({one.seen} of {one.outcome})"
        table.add_row(time_words(one.at), escape(one.name), escape(one.organisation), what, one.result)
    console.print(table)
