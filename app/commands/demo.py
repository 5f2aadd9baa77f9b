"""`sameday demo`: the demonstration of the source tree; `script/demo` is the same with the setting up."""

import subprocess
import sys
from typing import Annotated

import typer

from app.version import ROOT


def demo(once: Annotated[bool, typer.Option("--once", help="Stop after the play.")] = False) -> None:
    """Play the fifteen worked cases against a service of their own, through the API, and show how each ended."""
    if not (ROOT / "demo" / "__main__.py").exists():
        typer.echo("The demonstration is part of the source tree: run script/demo there.", err=True)
        raise typer.Exit(2)
    command = [sys.executable, "-m", "demo", *(["--once"] if once else [])]
    # Our own interpreter and fixed words: nothing here comes from outside.
    raise typer.Exit(subprocess.run(command, cwd=ROOT, check=False).returncode)  # noqa: S603
