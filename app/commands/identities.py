"""`sameday people link` and `unlink`: who an account is at an OpenID provider."""

from typing import Annotated

import typer

from app import clock
from app.commands.database import console, database
from app.people import identities, queries

_Email = Annotated[str, typer.Argument(help="Whose account")]
_Issuer = Annotated[str, typer.Argument(help="The provider's issuer, exactly as it writes it")]
_Subject = Annotated[str, typer.Argument(help="The person there: sub or, for Entra ID, tid/oid")]


def link(email: _Email, issuer: _Issuer, subject: _Subject) -> None:
    """Let a person of an OpenID provider sign in to an account."""
    with database() as session:
        account = queries.account_by_email(session, email)
        identities.link_identity(session, None, account_id=account.id, issuer=issuer, subject=subject, now=clock.now())
    console.print("They are linked.")


def unlink(email: _Email, issuer: _Issuer, subject: _Subject) -> None:
    """End such a link, and the sessions that began with it, at once."""
    with database() as session:
        account = queries.account_by_email(session, email)
        found = identities.identity_at(session, issuer, subject)
        if found is not None and found.account_id == account.id:
            identities.unlink_identity(session, None, identity_id=found.id, now=clock.now())
    console.print("They are not linked.")
