"""`sameday audit verify` and `sameday audit publish-head`: is the audit whole, and up to where can that be shown?"""

from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Annotated, NoReturn

import httpx
import typer
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from app import clock
from app.audit.chain import Entry, Reach, verify
from app.audit.collecting import heads_from
from app.audit.head_keys import noted_keys, public_keys
from app.audit.heads import Read
from app.audit.publishing import ContradictionError, head_file, newest_head, send_head
from app.audit.queries import count_without_number, entries, last_link
from app.commands.database import console, database
from app.settings import Settings, settings_from_environment

FAULTS_SHOWN = 100
"""Faults that are told one by one; the rest is counted. A chain that was replaced has one at every head."""

_progress_console = Console(stderr=True)


def verify_audit(
    heads: Annotated[
        list[str] | None, typer.Option(help="File or address with signed heads; by default the file of the settings")
    ] = None,
    public_key: Annotated[
        list[Path] | None,
        typer.Option(help="PEM with the public key heads are signed with; by default those noted in the state folder"),
    ] = None,
) -> None:
    """Check that no event of the audit was edited, deleted, moved or put in. Needs the database and no secret.

    Ends with 0: all is as it was written, up to the last signed head; 1: it is not; 3: the events agree with each
    other, but there is no signed head to hold them against.
    """
    settings = settings_from_environment()
    with database() as session:  # also for its errors in one line; heads come first: all they name is there by then
        given = _heads(settings, heads, public_key)
        shown = _Faults()
        for sentence in given.false:
            shown.tell(sentence)
        connection = session.connection()
        outside = count_without_number(connection)
        if outside:
            shown.tell(f"{outside} events have no number: they stand outside the chain.")
        last = last_link(session)
        reach = verify(
            _shown_on_the_way(entries(connection), last[0] if last else 0),
            given.by_number,
            lambda fault: shown.tell(fault.sentence),
        )
    for sentence in given.unreadable:
        console.print(sentence, style="yellow", markup=False, highlight=False, soft_wrap=True)
    _tell(reach, shown.count, is_anchored=bool(given.by_number))


def publish_head() -> None:
    """Sign the end of the audit now, keep it in the file of heads, and send it where the settings say."""
    settings = settings_from_environment()
    try:
        with database() as session:
            head = newest_head(session, settings, clock.now())
        if head is not None and settings.audit_head_url is not None:
            send_head(settings.audit_head_url, head)
    except ContradictionError:
        _stop("The audit contradicts its last signed head. Nothing was signed. Run `sameday audit verify`.")
    except OSError as error:
        _stop(f"The head cannot be kept: {error}")
    except (httpx.HTTPError, httpx.InvalidURL) as error:
        _stop(f"The head was signed and kept, but not taken by SAMEDAY_AUDIT_HEAD_URL: {error}")
    if head is None:
        console.print("Nothing is recorded yet, so there is nothing to sign.")
    else:
        console.print(f"The last head reaches event {head.number} and is of {head.at}.", highlight=False)


class _Faults:
    def __init__(self) -> None:
        self.count = 0

    def tell(self, sentence: str) -> None:
        self.count += 1
        if self.count <= FAULTS_SHOWN:
            console.print(sentence, style="red", markup=False, highlight=False, soft_wrap=True)


def _heads(settings: Settings, sources: list[str] | None, key_files: list[Path] | None) -> Read:
    keys = public_keys(key_files) if key_files else noted_keys(settings)
    file = head_file(settings)
    if sources:
        return heads_from(sources, keys)
    return heads_from([str(file)] if file.exists() else [], keys)


def _shown_on_the_way(found: Iterable[Entry], last_number: int) -> Iterator[Entry]:
    """The same entries, with a bar on a terminal."""
    columns = (TextColumn("Verifying events"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(
        *columns, console=_progress_console, transient=True, disable=not _progress_console.is_terminal
    ) as bar:
        task = bar.add_task("", total=last_number)
        for entry in found:
            yield entry
            bar.advance(task)


def _tell(reach: Reach, faults: int, *, is_anchored: bool) -> None:
    def say(sentence: str) -> None:
        console.print(sentence, highlight=False, soft_wrap=True)

    if faults > FAULTS_SHOWN:
        say(f"… and {faults - FAULTS_SHOWN} more.")
    say(f"Events seen: {reach.count}, the last with the number {reach.last_number}.")
    if faults:
        say(f"The audit is NOT as it was written: {faults} fault{'s' if faults > 1 else ''}.")
        raise typer.Exit(1)
    if not is_anchored:
        say(
            "The events agree with each other. There is no signed head, so events taken from the end, or a whole "
            "chain written anew, could not be seen."
        )
        raise typer.Exit(3)
    say(f"The audit is as it was written, up to event {reach.last_head}, which the last signed head names.")
    say(f"Events after it, which no head proves yet: {reach.unproven}.")


def _stop(sentence: str) -> NoReturn:
    typer.secho(sentence, fg=typer.colors.RED, err=True)
    raise typer.Exit(1)
