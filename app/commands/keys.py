"""`sameday keys`: the keys that wrap the keys of all records, and exchanging them while the service serves."""

import secrets
from typing import Annotated

import typer
from rich.progress import MofNCompleteColumn, Progress, SpinnerColumn, TextColumn, TimeElapsedColumn
from rich.table import Table

from app import clock
from app.commands.database import console, database, many_transactions
from app.encryption import key_ring, keys_in_use, rewrap
from app.encryption.keyring import ID_PATTERN, new_line

app = typer.Typer(help="The keys that encrypt what is stored.", no_args_is_help=True)


@app.command("list")
def list_keys() -> None:
    """Show every key that wraps something, and whether this process has it. A key that wraps nothing may go."""
    with database() as session:
        ring = key_ring(session)
        counts = keys_in_use(session)
        current = ring.current().id
        table = Table("Key", "Wraps", "Here", title="Keys that wrap the keys of records")
        for key_id in sorted({current, *ring.ids_in_file(), *counts}):
            known = "current" if key_id == current else "yes" if ring.has(key_id) else "MISSING"
            table.add_row(key_id, f"{counts.get(key_id, 0):,}", known)
        console.print(table)


@app.command()
def new(
    key_id: Annotated[str | None, typer.Option("--id", help="Name of the key; by default a random one")] = None,
) -> None:
    """Print a line with a new key. Put it first in the key file, below it the old line, then run `keys rewrap`."""
    name = key_id or f"key-{secrets.token_hex(4)}"
    if not ID_PATTERN.fullmatch(name):
        raise typer.BadParameter("Use at most 40 letters, digits, dots, hyphens and underscores.")
    typer.echo(new_line(name))


@app.command("rewrap")
def rewrap_keys() -> None:
    """Wrap every record's key under the current key. While the service serves; may be broken off and repeated."""
    with many_transactions() as transaction:
        with transaction() as session:
            ring = key_ring(session)
            current = ring.current().id
            total = sum(count for key_id, count in keys_in_use(session).items() if key_id != current)
        columns = (SpinnerColumn(), TextColumn("Wrapping anew"), MofNCompleteColumn(), TimeElapsedColumn())
        with Progress(*columns, console=console, transient=True) as progress:
            task = progress.add_task("rewrap", total=total)
            done = rewrap(transaction, now=clock.now(), on_batch=lambda count: progress.advance(task, count))
    console.print(f"{done.count:,} keys of records are now wrapped under {current}.", highlight=False)
    if done.failed:
        for subject_id in done.failed[:20]:
            console.print(f"  not opened: {subject_id}", highlight=False)
        console.print(f"{len(done.failed):,} could not be opened and are as they were: keep the old key.")
        raise typer.Exit(1)
    console.print("When `sameday keys list` shows 0 for an old key, its line may be taken out of the key file.")
