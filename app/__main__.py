"""The command `sameday`."""

import gc
import logging
import os
import signal
import sys
import threading
from typing import Annotated, NoReturn

import typer
import uvicorn
from rich.console import Console
from sqlalchemy import Engine
from sqlalchemy.exc import DatabaseError

from app import engine as work_engine
from app import log
from app.commands import audit, forms, people, reference, tokens
from app.commands.demo import demo
from app.commands.verify import verify
from app.db import database_name, engine_for, hold_alone, is_migrated
from app.db import migrate as migrate_tables
from app.main import create_app
from app.settings import Settings, SettingsError, settings_from_environment
from app.version import VERSION
from app.worker import Worker

# Uvicorn answers 503 beyond this. Each call holds at most one body in memory (10 MiB for a PDF to verify).
CALLS_AT_ONCE = 200
# h11 keeps at most this much of an unfinished header in memory.
HEADER_BYTES = 16 * 1024
KEEP_ALIVE_SECONDS = 5
SHUT_DOWN_SECONDS = 30

app = typer.Typer(help="Sameday: the outcome of a child protection medical, in the right hands the same day.")
app.add_typer(forms.app, name="forms")
app.add_typer(people.app, name="people")
app.add_typer(tokens.app, name="tokens")
app.add_typer(audit.app, name="audit")
app.add_typer(reference.app, name="reference")
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
    server = uvicorn.Server(
        uvicorn.Config(
            create_app(settings),
            host=host,
            port=port,
            http="h11",
            ws="none",
            # Our own lines only: an access log would write every address, and with it every reference.
            access_log=False,
            log_config=None,
            server_header=False,
            proxy_headers=False,
            limit_concurrency=CALLS_AT_ONCE,
            h11_max_incomplete_event_size=HEADER_BYTES,
            timeout_keep_alive=KEEP_ALIVE_SECONDS,
            timeout_graceful_shutdown=SHUT_DOWN_SECONDS,
        )
    )
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
    engine = _engine(settings)
    with _console.status("Migrating our tables…"):
        migrate_tables(engine)
    engine.dispose()
    _console.print("Our tables are at the newest migration.")
    logging.getLogger("dbos").setLevel(logging.WARNING)  # it would tell of each of its own migrations
    with _console.status("Preparing the durable engine…"):
        work_engine.prepare(settings.database_url)
    _console.print(f"The durable engine is ready. Database: {database_name(settings.database_url)}", soft_wrap=True)


def main() -> None:
    """Run the command; a setting that is missing or wrong is said in a sentence, without a traceback."""
    os.umask(0o077)  # databases, keys and logs that we make are for our own account only
    try:
        app()
    except SettingsError as error:
        _stop(str(error))


def _settings() -> Settings:
    settings = settings_from_environment()
    log.configure(settings.log_level)
    return settings


def _check_database(settings: Settings) -> None:
    engine = _engine(settings)
    try:
        with engine.connect() as connection:
            is_current = is_migrated(connection)
    finally:
        engine.dispose()
    if not is_current:
        _stop("The database is not at the newest migration. Run `sameday migrate` first.")


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
