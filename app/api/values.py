"""The kinds of values that clients send: strict, so that nothing is converted, trimmed or guessed."""

import re
import unicodedata
from contextlib import suppress
from datetime import UTC, date, datetime
from typing import Annotated
from uuid import UUID

from fastapi import Path
from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, StringConstraints
from pydantic_core import PydanticCustomError

from app.questionnaires.values import refused_character

_UUID = re.compile(r"[0-9a-fA-F]{8}(?:-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}")
_MOMENT = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}(?:Z|[+-][0-9]{2}:[0-9]{2})")
_DAY = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")


class Sent(BaseModel):
    """A body that a client sends. Unknown members and wrong types are refused."""

    model_config = ConfigDict(strict=True, extra="forbid", frozen=True)


def _id_from_text(value: object) -> object:
    # uuid.UUID would also take braces, "urn:uuid:" and hyphens anywhere.
    if isinstance(value, str):
        if not _UUID.fullmatch(value):
            raise PydanticCustomError("sameday-wrong-format", "Send a UUID, 36 characters with hyphens.")
        return UUID(value)
    raise PydanticCustomError("sameday-wrong-type", "Send a UUID, as text.")


def _day_from_text(value: object) -> object:
    if not isinstance(value, str):
        raise PydanticCustomError("sameday-wrong-type", "Send a date as text, such as 2026-06-01.")
    try:
        if _DAY.fullmatch(value):
            return date.fromisoformat(value)
    except ValueError:
        pass
    raise PydanticCustomError("sameday-bad-date", "This is not a date of the calendar. Write it like 2026-06-01.")


def _moment_from_text(value: object) -> object:
    if isinstance(value, str) and _MOMENT.fullmatch(value):
        with suppress(ValueError, OverflowError):  # in UTC a day at either end of the calendar may be none
            return datetime.fromisoformat(value).astimezone(UTC)
    raise PydanticCustomError(
        "sameday-bad-time", "Send a time with its zone as text, such as 2026-06-01T17:00:00+01:00 or …T16:00:00Z."
    )


def _said(value: str, *, lines: bool) -> str:
    if not value.strip():
        raise PydanticCustomError("sameday-empty", "Write something here.")
    refused = refused_character(value, lines=lines)
    if refused:
        raise PydanticCustomError("sameday-refused-character", "Take this character out: {what}.", {"what": refused})
    if not unicodedata.is_normalized("NFC", value):
        raise PydanticCustomError("sameday-not-nfc", "Send the text in Unicode NFC.")
    return value


def _one_line(value: str) -> str:
    return _said(value, lines=False)


def _some_lines(value: str) -> str:
    return _said(value, lines=True)


Id = Annotated[UUID, BeforeValidator(_id_from_text)]
Day = Annotated[date, BeforeValidator(_day_from_text)]
Moment = Annotated[datetime, BeforeValidator(_moment_from_text)]
Code = Annotated[str, StringConstraints(max_length=60), AfterValidator(_one_line)]
Line = Annotated[str, StringConstraints(max_length=200), AfterValidator(_one_line)]
# As long as the form lets a surname be: what can be saved must be possible to sign and to withdraw.
Surname = Annotated[str, StringConstraints(max_length=300), AfterValidator(_one_line)]
Address = Annotated[str, StringConstraints(max_length=2000), AfterValidator(_one_line)]
Prose = Annotated[str, StringConstraints(max_length=2000), AfterValidator(_some_lines)]

# What is in a path and has the wrong shape is simply not found.
OutcomeInPath = Annotated[
    str,
    Path(
        alias="outcome",
        pattern=rf"^(?:[0-9A-Z]{{4}}-[0-9A-Z]{{2}}|{_UUID.pattern})$",
        description="Reference or id of the outcome",
        examples=["7Q4K-2P"],
    ),
]
NumberInPath = Annotated[
    str, Path(alias="number", pattern=r"^[1-9][0-9]{0,5}$", description="Number of the version", examples=["1"])
]
IdInPath = Annotated[
    str, Path(alias="id", pattern=rf"^{_UUID.pattern}$", examples=["019ab2c3-0000-7000-8000-000000000000"])
]
CodeInPath = Annotated[str, Path(alias="code", pattern=r"^[a-z0-9-]{1,60}$", examples=["meon-duty"])]
FormNameInPath = Annotated[str, Path(alias="name", pattern=r"^[a-z0-9-]{1,60}$", examples=["cp-medical-outcome"])]
FormVersionInPath = Annotated[
    str, Path(alias="version", pattern=r"^[0-9]{1,4}\.[0-9]{1,4}\.[0-9]{1,4}$", examples=["1.0.0"])
]
