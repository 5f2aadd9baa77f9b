"""Shows the play on the terminal: progress while it runs, one line for each outcome, and what went wrong."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn
from rich.table import Table

from demo.cases import Case
from demo.checks import Ending


@contextmanager
def progress(console: Console, cases: list[Case]) -> Iterator[tuple[Callable[[str], None], Callable[[], None]]]:
    """A bar over the cases: (what to call with the words of the moment, what to call when a case is over)."""
    columns = (BarColumn(), MofNCompleteColumn(), TimeElapsedColumn(), TextColumn("{task.description}"))
    with Progress(*columns, console=console, transient=True) as bar:
        task = bar.add_task("", total=len(cases))
        yield lambda words: bar.update(task, description=words), lambda: bar.advance(task)


def table_of(endings: list[Ending]) -> Table:
    """One line for each outcome of each case."""
    table = Table(title="The fifteen worked cases")
    for heading in ("case", "outcome", "reference", "ended", "version", "seal", "pages"):
        table.add_column(heading)
    for heading in ("told", "acknowledged", "ms to sealed", "ms to told"):
        table.add_column(heading, justify="right")
    for one in endings:
        table.add_row(
            f"{one.case.number} {one.case.title}",
            one.key,
            one.reference,
            one.state if not one.failures else f"[bold red]{one.state}: not as expected",
            str(one.version),
            one.seal_level,
            str(one.pages),
            str(one.told),
            str(one.acknowledged),
            str(one.sealed_ms),
            str(one.told_ms),
        )
    return table


def failures_of(endings: list[Ending], stopped: dict[int, list[str]]) -> list[str]:
    """Everything that was not as Appendix (b) says, one line each."""
    lines = [f"case {number} stopped: {why}" for number, reasons in stopped.items() for why in reasons]
    return lines + [f"case {one.case.number}, {one.key}: {failure}" for one in endings for failure in one.failures]
