"""`sameday forms`: checks the forms, lists them and prints their JSON Schema."""

import json
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.table import Table
from rich.text import Text

from app.errors import DomainError
from app.questionnaires import Forms, check_forms, json_schema, load_forms
from app.questionnaires.loading import FORMS

app = typer.Typer(help="Check, list and describe the forms.", no_args_is_help=True)

Folder = Annotated[Path, typer.Option(help="The folder of the forms.", exists=True, file_okay=False)]


@app.command()
def check(folder: Folder = FORMS) -> None:
    """Check every form against our rules and the FHIR model, and that no published form was changed.

    Each fault is printed with file and line; the exit code is 1 when there is one.
    """
    faults = check_forms(folder)
    console = Console(soft_wrap=True)
    for fault in faults:
        console.print(Text.assemble((f"{fault.file}:{fault.line}", "bold"), f": {fault.sentence}"))
    if faults:
        console.print(Text(f"{len(faults)} {'fault' if len(faults) == 1 else 'faults'}.", style="red"))
        raise typer.Exit(1)
    console.print(Text("Every form is sound, and no published form was changed.", style="green"))


@app.command("list")
def list_forms(folder: Folder = FORMS) -> None:
    """List every form version."""
    table = Table("name", "version", "title", "status", "questions")
    for form in _loaded(folder):
        questions = sum(path[-1].type not in ("group", "display") for path in form.places.values())
        table.add_row(form.name, form.version, form.title, form.source["status"], str(questions))
    Console().print(table)


@app.command()
def schema(
    name: Annotated[str, typer.Argument(help="Name of the form, such as cp-medical-outcome.")],
    version: Annotated[str, typer.Argument(help="Version of the form, such as 1.0.0.")],
    complete: Annotated[bool, typer.Option(help="Also demand the answers that are always mandatory.")] = False,
    folder: Folder = FORMS,
) -> None:
    """Print the JSON Schema (2020-12) of the answers to a form version."""
    forms = _loaded(folder)
    try:
        form = forms.get(name, version)
    except DomainError as error:
        raise _stop(error) from None
    typer.echo(json.dumps(json_schema(form, complete=complete), ensure_ascii=False, indent=2))


def _loaded(folder: Path) -> Forms:
    try:
        return load_forms(folder)
    except DomainError as error:
        raise _stop(error) from None


def _stop(error: DomainError) -> typer.Exit:
    Console(stderr=True, soft_wrap=True).print(Text(error.sentence, style="red"))
    return typer.Exit(1)
