"""`sameday people`: who is who. Changes are made by a file that can be kept, compared and loaded again."""

from pathlib import Path
from typing import Annotated

import typer
from rich.markup import escape
from rich.table import Table

from app import clock
from app.commands.database import console, database
from app.commands.directory_file import load_directory, read_directory
from app.people import queries

app = typer.Typer(help="Organisations, teams, sites and accounts.", no_args_is_help=True)


@app.command()
def load(file: Annotated[Path, typer.Argument(help="YAML such as demo/cast.yaml")]) -> None:
    """Add what the file names and is not there yet; bring channels and policies to what it says. Removes nothing."""
    with database() as session:
        changes = load_directory(session, read_directory(file), clock.now())
    if not changes.total():
        console.print("Nothing to change: all of it is there already.")
    for kind, number in changes.items():
        if number:
            console.print(f"{kind}: {number} added or changed")


@app.command("list")
def list_people() -> None:
    """Show every account with its teams and roles."""
    now = clock.now()
    table = Table("Name", "E-mail", "Grade", "Registration", "Teams", "Roles", title="Accounts")
    with database() as session:
        codes = {team.id: team.code for team in queries.directory(session, now)}
        for account in queries.accounts(session):
            actor = queries.actor_by_account(session, account.id, now)
            if actor is None:
                table.add_row(escape(account.name), escape(account.email), "", "", "", "account closed")
                continue
            table.add_row(
                escape(actor.name),
                escape(actor.email),
                escape(actor.grade or ""),
                escape(actor.registration or ""),
                ", ".join(sorted(codes[team_id] for team_id in actor.team_ids)),
                ", ".join(sorted({role for role, _ in actor.roles})),
            )
    console.print(table)
