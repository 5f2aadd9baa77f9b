"""`sameday verify FILE.pdf`: is this document ours, unchanged, and does it still count?"""

from pathlib import Path
from typing import Annotated

import typer
from sqlalchemy import make_url
from sqlalchemy.exc import SQLAlchemyError
from sqlmodel import Session

from app.db import engine_for
from app.documents.keys import pinned
from app.documents.queries import Standing, standing_of
from app.documents.verify import Verdict
from app.documents.verify import verify as judge
from app.documents.wording import time_words
from app.settings import Settings, settings_from_environment

WORDS: dict[Standing, str] = {
    "genuine-and-current": "Genuine and current.",
    "genuine-but-superseded": "Genuine, but superseded: a newer version exists.",
    "withdrawn": "Withdrawn: delete every copy.",
    "not-genuine": "Not genuine: this file is not as any document of this service was sealed.",
}


def verify(
    file: Annotated[Path, typer.Argument(exists=True, dir_okay=False, readable=True, help="The PDF to check")],
    offline: Annotated[bool, typer.Option("--offline", help="Check the seal only, without the database")] = False,
) -> None:
    """Check a sealed document. Ends with 0: genuine and current; 1: not; 3: genuine, but only the seal was checked."""
    settings = settings_from_environment()
    data = file.read_bytes() if file.stat().st_size <= settings.verify_limit_bytes else b""
    verdict = judge(data, pins=pinned(settings))
    typer.echo(_seal_words(verdict))
    if not verdict.is_genuine:
        raise typer.Exit(1)
    standing = None if offline else _standing(settings, verdict.sha256)
    if standing is None:
        typer.echo("Whether it is the newest version, or withdrawn, is not known without the database.")
        raise typer.Exit(3)
    typer.echo(WORDS[standing])
    raise typer.Exit(0 if standing == "genuine-and-current" else 1)


def _seal_words(verdict: Verdict) -> str:
    if not verdict.is_genuine or verdict.sealed_at is None:
        return "Seal: not ours, or the file was changed."
    stamped = ", confirmed by a time stamp" if verdict.is_time_stamped else ""
    return f"Seal: ours, whole and unchanged, of {time_words(verdict.sealed_at)}{stamped}."


def _standing(settings: Settings, sha256: str) -> Standing | None:
    """None when there is no database to ask. Never makes a SQLite file that is not there."""
    file = make_url(settings.database_url).database
    if settings.is_embedded and not Path(file or "").is_file():
        return None
    engine = engine_for(settings)
    try:
        with Session(engine) as session:
            return standing_of(session, sha256)
    except SQLAlchemyError:
        return None
    finally:
        engine.dispose()
