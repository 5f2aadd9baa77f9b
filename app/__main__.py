"""The command `sameday`."""

import gc
import logging
import os
import resource
import signal
import sys
import threading
from typing import Annotated, NoReturn

import typer
import uvicorn
from rich.console import Console
from sqlalchemy import Engine
from sqlalchemy.exc import DatabaseError, ProgrammingError

from app import engine as work_engine
from app import log, roles
from app.api.connections import server_config
from app.commands import audit, clients, forms, keys, people, reference, tokens
from app.commands.demo import demo
from app.commands.verify import verify
from app.db import (
    SERVICE,
    MigrationRefusedError,
    database_name,
    engine_for,
    hold_alone,
    is_migrated,
    transactions,
)
from app.db import migrate as migrate_tables
from app.encryption import KeyAwayError, check_keys
from app.main import create_app
from app.settings import Settings, SettingsError, settings_from_environment
from app.version import VERSION
from app.worker import Worker

# Files that the service has open beside its connections: databases, logs, pipes to the rendering processes; ours.
OTHER_FILES = 150

app = typer.Typer(help="Sameday: the outcome of a child protection medical, in the right hands the same day.")
app.add_typer(forms.app, name="forms")
app.add_typer(people.app, name="people")
app.add_typer(tokens.app, name="tokens")
app.add_typer(clients.app, name="clients")
app.add_typer(audit.app, name="audit")
app.add_typer(reference.app, name="reference")
app.add_typer(keys.app, name="keys")
app.command()(verify)
app.command()(demo)

_console = Console()
_errors = Console(stderr=True, soft_wrap=True)
_logger = logging.getLogger("sameday")


@app.callback(invoke_without_command=True, no_args_is_help=True)
def about(version: Annotated[bool, typer.Option("--version", help="Print the version and stop.")] = False) -> None:
    """Sameday: the outcome of a child protection medical, in the right hands the same day."""
    if version:
        typer.echo(f"sameday {VERSION}")
        raise typer.Exit


@app.command()
def serve(
    host: Annotated[str, typer.Option(help="Address to listen on.")] = "127.0.0.1",
    port: Annotated[int, typer.Option(min=0, max=65535, help="Port to listen on; 0 takes a free one.")] = 8000,
) -> None:
    """Serve the API. On SQLite, and where SAMEDAY_RUN_WORKER is on, the worker runs in this process too."""
    settings = _settings()
    _check_database(settings)
    held = hold_alone(settings)
    if held is None:
        _stop("Another `sameday serve` has this SQLite database. One process serves it; use PostgreSQL for more.")
    if settings.is_embedded:  # SQLite belongs to one process, so nobody else could do the work
        settings = settings.model_copy(update={"run_worker": True})
    _allow_files(settings.connections + OTHER_FILES)
    server = uvicorn.Server(server_config(create_app(settings), settings, host=host, port=port))
    # What is loaded by now stays for ever; the collector need not look through it again in the middle of a call.
    gc.collect()
    gc.freeze()
    server.run()
    if not server.started:
        _stop("The service did not start; the log above says why.")


@app.command()
def worker() -> None:
    """Make documents and tell recipients, until it is asked to stop (SIGTERM). For PostgreSQL."""
    settings = _settings()
    if settings.is_embedded:
        _stop("On SQLite the worker runs inside `sameday serve`. Set SAMEDAY_DATABASE_URL to a PostgreSQL database.")
    _check_database(settings)
    engine = engine_for(settings)
    stopping = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stopping.set())
    running = Worker(settings, engine)
    running.start()
    _logger.info("worker-started")
    try:
        stopping.wait()
    finally:
        running.stop()
        engine.dispose()
    _logger.info("worker-stopped")


@app.command()
def migrate() -> None:
    """Bring the database to the newest migration: our tables, then those of the durable engine. Safe to repeat."""
    settings = _settings()
    owner = _engine(settings.of_owner)
    try:
        with _console.status("Migrating our tables…"):
            migrate_tables(owner)
        _console.print("Our tables are at the newest migration.")
        logging.getLogger("dbos").setLevel(logging.WARNING)  # it would tell of each of its own migrations
        with _console.status("Preparing the durable engine…"):
            work_engine.prepare(settings.of_owner.database_url)
        _console.print(f"The durable engine is ready. Database: {database_name(settings.database_url)}", soft_wrap=True)
        if not settings.is_embedded:
            _grant(owner, settings)
    except ProgrammingError as error:
        if getattr(error.orig, "sqlstate", None) != "42501":  # insufficient_privilege
            raise
        _stop(
            f"The role of {database_name(settings.of_owner.database_url)} may not change the tables. Name the role "
            "that owns them in SAMEDAY_OWNER_DATABASE_URL."
        )
    finally:
        owner.dispose()


def _grant(owner: Engine, settings: Settings) -> None:
    """Give the service's role what it needs, or say why it is not the right role."""
    service = _engine(settings)
    try:
        with service.connect() as connection:
            said = roles.fault_of_role(connection)
        if said is None and settings.owner_database_url is not None:
            roles.grant_what_is_needed(owner, roles.role_of(service))
            said = "The service's role may do what it needs, and no more."
    finally:
        service.dispose()
    if said is not None:
        _console.print(said, soft_wrap=True, markup=False)


def main() -> None:
    """Run the command; a setting that is missing or wrong is said in a sentence, without a traceback."""
    os.umask(0o077)  # databases, keys and logs that we make are for our own account only
    try:
        app()
    except (SettingsError, MigrationRefusedError) as error:
        _stop(str(error))


def _settings() -> Settings:
    settings = settings_from_environment()
    log.configure(settings.log_level)
    return settings


def _allow_files(needed: int) -> None:
    """Raise this process's limit of open files, each connection being one, or stop with a sentence."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft < needed <= hard:
        resource.setrlimit(resource.RLIMIT_NOFILE, (needed, hard))
    elif soft < needed:
        _stop(f"Only {hard} files may be open here; {needed} are needed. Allow more, or lower SAMEDAY_CONNECTIONS.")


def _check_database(settings: Settings) -> None:
    engine = _engine(settings)
    try:
        with engine.connect() as connection:
            is_current = is_migrated(connection)
            fault = roles.fault_of_role(connection)
    finally:
        engine.dispose()
    if fault is not None:  # first: as the wrong role, a migration would only make the tables its own
        _stop(fault)
    if not is_current:
        _stop("The database is not at the newest migration. Run `sameday migrate` first.")
    try:
        with transactions(engine, acting_as=SERVICE)() as session:
            check_keys(session)
    except KeyAwayError as error:
        _stop(error.operator)
    finally:
        engine.dispose()


def _engine(settings: Settings) -> Engine:
    engine = engine_for(settings)
    try:
        engine.connect().close()
    except DatabaseError:
        _stop(
            f"The database {database_name(settings.database_url)} does not answer. Check SAMEDAY_DATABASE_URL, "
            "and that the server is up."
        )
    return engine


def _stop(message: str) -> NoReturn:
    _errors.print(message, style="red", markup=False, highlight=False)
    sys.exit(1)


if __name__ == "__main__":
    main()
