"""`sameday reference`: writes the pages of docs/reference from the code, so that they cannot grow stale."""

from pathlib import Path

import typer
from pydantic import SecretStr
from pydantic_core import PydanticUndefined

from app.settings import PREFIX, Settings

app = typer.Typer(help="Write the reference pages of the documentation.", no_args_is_help=True)


@app.callback()
def about() -> None:
    """Write the reference pages of the documentation."""


@app.command()
def settings() -> None:
    """Print docs/reference/settings.md."""
    typer.echo(settings_page(), nl=False)


def settings_page() -> str:
    """The table of every setting: variable, default, meaning."""
    lines = [
        "# Settings",
        "",
        "Written by `sameday reference settings`. Every setting is an environment variable; for any of them the same",
        "name with `_FILE` behind it may name a file that holds the value.",
        "",
        "| variable | default | meaning |",
        "|---|---|---|",
    ]
    for name, field in Settings.model_fields.items():
        lines.append(f"| `{PREFIX}{name.upper()}` | {_default(field.default)} | {field.description or ''} |")
    return "\n".join(lines) + "\n"


def _default(value: object) -> str:
    if value is None or value is PydanticUndefined or isinstance(value, SecretStr) or value == ():
        return "none"
    return f"`{value.as_posix() if isinstance(value, Path) else value}`"
