"""`sameday audit`: who did what to what, and who read an outcome."""

from collections.abc import Iterable
from typing import Annotated

import typer
from rich.markup import escape
from rich.table import Table
from sqlmodel import Session

from app.audit import AuditEvent, events_of
from app.commands.database import console, database
from app.errors import DomainError
from app.outcomes.queries import find, versions_of
from app.people import queries as people

app = typer.Typer(help="The audit.", no_args_is_help=True)


@app.command("list")
def list_events(
    object_id: Annotated[str, typer.Option("--object", help="Id of an outcome, version, account, team, …")],
) -> None:
    """Show every event on one object, oldest first."""
    with database() as session:
        _show(session, events_of(session, [object_id]), f"Events on {object_id}")


@app.command("who-read")
def who_read(reference: Annotated[str, typer.Argument(help="Reference such as 7Q4K-2P, or the outcome's id")]) -> None:
    """Show who read an outcome or any of its versions, and who tried to and was refused."""
    with database() as session:
        outcome = find(session, reference)
        if outcome is None:
            raise DomainError("not-found", "There is no outcome with this reference.")
        ids = [str(outcome.id), outcome.reference, *(str(version.id) for version in versions_of(session, outcome.id))]
        events = [one for one in events_of(session, ids) if one.action.startswith("read") or one.result == "denied"]
        _show(session, events, f"Who read {outcome.reference}")


def _show(session: Session, events: Iterable[AuditEvent], title: str) -> None:
    names = {account.id: account.name for account in people.accounts(session)}
    table = Table("At (UTC)", "Who", "What", "On", "Result", "Detail", title=escape(title))
    for one in events:
        who = "the service" if one.actor_id is None else names.get(one.actor_id, str(one.actor_id))
        detail = ", ".join(f"{name}={value}" for name, value in one.detail.items())
        table.add_row(
            f"{one.at:%Y-%m-%d %H:%M:%S}", escape(who), one.action, one.object_type, one.result, escape(detail)
        )
    console.print(table)
    if table.row_count == 0:
        console.print("Nothing is recorded.")
