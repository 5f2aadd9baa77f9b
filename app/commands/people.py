"""`sameday people`: who is who. A file adds and changes, and can be loaded again; what it gave is taken away here."""

from pathlib import Path
from typing import Annotated
from uuid import UUID

import typer
from rich.markup import escape
from rich.table import Column, Table

from app import clock
from app.commands.database import console, database
from app.commands.directory_file import load_directory, read_directory
from app.commands.identities import link, unlink
from app.commands.sign_in import invite, recover
from app.errors import DomainError
from app.outcomes.queries import find
from app.people import access, actions, queries
from app.sites.queries import site_by_code

app = typer.Typer(help="Organisations, teams, sites and accounts.", no_args_is_help=True)
app.command()(invite)
app.command()(recover)
app.command()(link)
app.command()(unlink)


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


@app.command()
def close(email: Annotated[str, typer.Argument(help="Whose account")]) -> None:
    """Close an account for good and stop its tokens at once."""
    with database() as session:
        actions.close_account(session, None, queries.account_by_email(session, email), now=clock.now())
    console.print("The account is closed and its tokens are revoked.")


@app.command()
def leave(
    email: Annotated[str, typer.Argument(help="Who leaves")],
    team: Annotated[str, typer.Argument(help="Code of the team")],
) -> None:
    """Take a person out of a team, at once. A file that still names them in it would put them back."""
    with database() as session:
        account, found = queries.account_by_email(session, email), queries.team_by_code(session, team)
        actions.leave_team(session, None, account_id=account.id, team_id=found.id, now=clock.now())
    console.print("They are not in the team.")


@app.command("end-role")
def end_role(
    email: Annotated[str, typer.Argument(help="Whose role")],
    role: Annotated[str, typer.Argument(help="Such as clinician")],
    site: Annotated[str | None, typer.Option(help="Code of the site; none: the role held everywhere")] = None,
) -> None:
    """Take a role away, at once. A file that still names it would give it back."""
    with database() as session:
        account = queries.account_by_email(session, email)
        site_id = site_by_code(session, site).id if site else None
        actions.end_role(session, None, account_id=account.id, role=role, site_id=site_id, now=clock.now())
    console.print("They do not have the role there." if site else "They do not have the role everywhere.")


@app.command()
def grants(reference: Annotated[str, typer.Argument(help="Reference such as 7Q4K-2P, or the outcome's id")]) -> None:
    """Show who was given an outcome to read, and since when."""
    table = Table(Column("Id", no_wrap=True), "To", "Why", "From (UTC)", "Until (UTC)", title="Grants")
    with database() as session:
        outcome = find(session, reference)
        if outcome is None:
            raise DomainError("not-found", "There is no outcome with this reference.")
        names = {account.id: account.email for account in queries.accounts(session)}
        names |= {team.id: team.code for team in queries.directory(session, clock.now())}
        for one in queries.grants_on(session, outcome.id):
            to = "".join(names[key] for key in (one.account_id, one.team_id) if key is not None)
            until = f"{one.until_at:%Y-%m-%d %H:%M}" if one.until_at else ""
            table.add_row(str(one.id), escape(to), escape(one.reason), f"{one.from_at:%Y-%m-%d %H:%M}", until)
    console.print(table)


@app.command("revoke-grant")
def revoke_grant(grant_id: Annotated[UUID, typer.Argument(help="Id from `sameday people grants`")]) -> None:
    """End a grant to read an outcome, at once."""
    with database() as session:
        access.revoke_grant(session, None, grant_id=grant_id, now=clock.now())
    console.print("The grant is ended.")


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
