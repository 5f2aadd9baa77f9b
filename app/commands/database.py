"""The database for one command: a transaction, and errors as one clear line instead of a traceback."""

from collections.abc import Iterator
from contextlib import contextmanager

import typer
from rich.console import Console
from sqlalchemy.exc import OperationalError, ProgrammingError
from sqlmodel import Session

from app.db import SERVICE, Transaction, engine_for, transactions
from app.encryption import KeyAwayError
from app.errors import DomainError
from app.settings import SettingsError, settings_from_environment

console = Console()
_errors = Console(stderr=True, soft_wrap=True)


@contextmanager
def database() -> Iterator[Session]:
    """One transaction on the database of the settings; on an error it is rolled back and the command ends with 1."""
    with many_transactions() as transaction, transaction() as session:
        yield session


@contextmanager
def many_transactions() -> Iterator[Transaction]:
    """For a command that commits more than once; on an error it ends with 1."""
    try:
        engine = engine_for(settings_from_environment())
        try:
            yield transactions(engine, acting_as=SERVICE)
        finally:
            engine.dispose()
    except KeyAwayError as error:
        _stop(error.operator)
    except DomainError as error:
        _stop(error.sentence, *(f"{problem.pointer or '/'}: {problem.sentence}" for problem in error.problems))
    except SettingsError as error:
        _stop(str(error))
    except (OperationalError, ProgrammingError):
        _stop("The database cannot be used. Is SAMEDAY_DATABASE_URL right, and has `sameday migrate` been run?")


def _stop(*lines: str) -> None:
    for line in lines:
        _errors.print(line, style="red", markup=False, highlight=False)
    raise typer.Exit(1)
