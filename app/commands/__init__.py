"""The sub-commands of `sameday`: one file each, with a Typer app called `app`."""
