"""`sameday audit`: who did what to what, who read a child's record, and whether the audit itself is whole."""

from collections.abc import Iterable
from typing import Annotated

import typer
from rich.markup import escape
from rich.table import Table
from sqlmodel import Session

from app.audit import AuditEvent, events_of
from app.commands.audit_verify import publish_head, verify_audit
from app.commands.database import console, database
from app.commands.who_read import who_read
from app.people import queries as people

app = typer.Typer(help="The audit.", no_args_is_help=True)
app.command("who-read")(who_read)
app.command("verify")(verify_audit)
app.command("publish-head")(publish_head)


@app.command("list")
def list_events(
    object_id: Annotated[str, typer.Option("--object", help="Id of an outcome, version, account, team, …")],
) -> None:
    """Show every event on one object, oldest first."""
    with database() as session:
        _show(session, events_of(session, [object_id]), f"Events on {object_id}")


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
