"""`sameday tokens`: personal tokens for the API."""

from typing import Annotated
from uuid import UUID

import typer
from rich.markup import escape
from rich.table import Column, Table

from app import clock
from app.commands.database import console, database
from app.people import access, queries

app = typer.Typer(help="Personal tokens for the API.", no_args_is_help=True)


@app.command()
def issue(
    email: Annotated[str, typer.Argument(help="Whose token it is")],
    label: Annotated[str, typer.Option(help="What it is for")] = "command line",
    days: Annotated[int, typer.Option(help="How many days it works, at most 365")] = 30,
) -> None:
    """Make a token and print it, once. It cannot be shown again: only its SHA-256 is kept."""
    with database() as session:
        account = queries.account_by_email(session, email)
        token, plain = access.issue_token(session, None, account_id=account.id, label=label, days=days, now=clock.now())
        expires_at = token.expires_at
    typer.echo(plain)
    typer.echo(f"Works until {expires_at:%Y-%m-%d %H:%M} UTC. Keep it like a password.", err=True)


@app.command()
def revoke(token_id: Annotated[UUID, typer.Argument(help="Id of the token, from `sameday tokens list`")]) -> None:
    """Stop a token at once."""
    with database() as session:
        access.revoke_token(session, None, token_id=token_id, now=clock.now())
    console.print("The token is revoked.")


@app.command("list")
def list_tokens(email: Annotated[str | None, typer.Option(help="Only of this person")] = None) -> None:
    """Show tokens, newest first. None of them can be read back."""
    now = clock.now()
    table = Table(Column("Id", no_wrap=True), "Person", "Label", "Works until (UTC)", "State", title="Tokens")
    with database() as session:
        people = {account.id: account.email for account in queries.accounts(session)}
        only = queries.account_by_email(session, email).id if email else None
        for token in queries.tokens(session, only):
            state = "revoked" if token.revoked_at else "expired" if token.expires_at <= now else "works"
            person = escape(people[token.account_id])
            table.add_row(str(token.id), person, escape(token.label), f"{token.expires_at:%Y-%m-%d %H:%M}", state)
    console.print(table)
