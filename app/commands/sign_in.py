"""`sameday people invite` and `recover`: one-time links for the operator to hand over, printed once."""

from collections.abc import Iterable
from typing import Annotated

import typer

from app import clock
from app.commands.database import database
from app.people import links, queries
from app.settings import settings_from_environment

Emails = Annotated[list[str], typer.Argument(metavar="EMAIL...", help="Whose account; several give a link each")]


def invite(emails: Emails) -> None:
    """Print a link by which a person sets up their sign-in, within seven days. It replaces every older link."""
    _print(emails, links.INVITATION, resets_second_factor=False)


def recover(
    email: Annotated[str, typer.Argument(help="Whose account")],
    reset_second_factor: Annotated[
        bool, typer.Option("--reset-second-factor", help="For somebody who has lost their device as well")
    ] = False,
) -> None:
    """Print a link by which a person sets a new password, within an hour. It replaces every older link."""
    _print([email], links.RECOVERY, resets_second_factor=reset_second_factor)


def _print(emails: Iterable[str], purpose: str, *, resets_second_factor: bool) -> None:
    base_url = settings_from_environment().base_url
    with database() as session:
        printed = [
            links.print_link(
                session,
                queries.account_by_email(session, email),
                purpose,
                base_url,
                resets_second_factor=resets_second_factor,
                now=clock.now(),
            )
            for email in emails
        ]
    for line in printed:
        typer.echo(line)
    typer.echo("Hand it over as you would a password. It works once.", err=True)
