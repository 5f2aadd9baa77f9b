"""`sameday clients`: integrations that call for people of one organisation."""

from pathlib import Path
from typing import Annotated, Any
from uuid import UUID

import typer
from rich.markup import escape
from rich.table import Column, Table

from app import clock
from app.commands.database import console, database
from app.people import machines_kept, queries
from app.people.oidc_tokens import json_object

app = typer.Typer(help="Integrations: OAuth 2 clients.", no_args_is_help=True)

_Keys = Annotated[Path | None, typer.Option("--keys", help="JWK Set with its public keys; without it gets a secret")]
_Id = Annotated[UUID, typer.Argument(help="Id from `sameday clients list`")]


@app.command()
def register(
    organisation: Annotated[str, typer.Argument(help="Code of its organisation")],
    name: Annotated[str, typer.Argument(help="What it is")],
    scope: Annotated[list[str], typer.Option(help="What it may do, such as outcomes:read; repeat for more")],
    keys: _Keys = None,
) -> None:
    """Register an integration. Prints its id and, if one was made, its secret: once."""
    with database() as session:
        client, secret = machines_kept.register_client(
            session,
            None,
            organisation_id=queries.organisation_by_code(session, organisation).id,
            name=name,
            scopes=scope,
            jwks=_read(keys),
            now=clock.now(),
        )
        client_id = client.id
    _print(client_id, secret)


@app.command()
def renew(client_id: _Id, keys: _Keys = None) -> None:
    """Give an integration other keys or, without a file, a new secret. What it held works no longer."""
    with database() as session:
        secret = machines_kept.renew_client(session, None, client_id=client_id, jwks=_read(keys), now=clock.now())
    _print(client_id, secret)


@app.command()
def end(client_id: _Id) -> None:
    """End an integration and its tokens at once."""
    with database() as session:
        machines_kept.end_client(session, None, client_id=client_id, now=clock.now())
    console.print("The integration is ended.")


@app.command("list")
def list_clients() -> None:
    """Show every integration, newest first."""
    table = Table(Column("Id", no_wrap=True), "Organisation", "Name", "Scopes", "Proves itself by", "State")
    with database() as session:
        codes = {one.id: one.code for one in queries.organisations(session)}
        for client in machines_kept.clients(session):
            way, state = "keys" if client.jwks else "secret", "ended" if client.ended_at else "works"
            table.add_row(str(client.id), codes[client.organisation_id], escape(client.name), client.scopes, way, state)
    console.print(table)


def _read(file: Path | None) -> dict[str, Any] | None:
    if file is None:
        return None
    try:
        return json_object(file.read_bytes())
    except (OSError, ValueError) as error:
        raise typer.BadParameter(f"{file} is no JWK Set.") from error


def _print(client_id: UUID, secret: str | None) -> None:
    typer.echo(f"client_id: {client_id}")
    if secret is not None:
        typer.echo(f"client_secret: {secret}")
        typer.echo("Keep it like a password: it cannot be shown again.", err=True)
