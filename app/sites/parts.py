"""What the parts of a site's policy are made of: lines, durations, times of day, numbers with their source. Pure."""

from datetime import date, time, timedelta
from typing import Annotated

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field

from app.questionnaires.values import refused_character

OURS = "Ours, unconfirmed: domain.md section 1.2; every site checks it before it goes live"
CHECKED_ON = date(2026, 11, 23)


def _iso_duration(value: object) -> object:
    """Only ISO 8601 durations such as PT4H: a bare number would leave its unit open."""
    if isinstance(value, timedelta) or (isinstance(value, str) and value.startswith("P")):
        return value
    raise ValueError("write an ISO 8601 duration such as PT4H")


def _wall_clock(value: object) -> object:
    """Only texts such as 09:00: a bare number would leave its unit open."""
    if isinstance(value, time | str):
        return value
    raise ValueError("Write a time of day such as 09:00.")


def _without_zone(value: time) -> time:
    """The zone is the site's own, `time_zone`; a second one would make times that cannot be compared."""
    if value.tzinfo is not None:
        raise ValueError("Write the time on the site's wall clock, such as 09:00, without Z or an offset.")
    return value


def _one_line(value: str) -> str:
    refused = refused_character(value, lines=False)
    if refused:
        raise ValueError(f"Take this character out: {refused}.")
    return value


Duration = Annotated[timedelta, BeforeValidator(_iso_duration), Field(ge=timedelta(), le=timedelta(days=60))]
WallClock = Annotated[time, BeforeValidator(_wall_clock), AfterValidator(_without_zone)]
Line = Annotated[str, AfterValidator(_one_line)]
"""One line of text without control, bidirectional or other invisible characters: it is printed and mailed."""


class Part(BaseModel):
    """A part of a policy; unknown members are refused."""

    model_config = ConfigDict(frozen=True, extra="forbid", populate_by_name=True)


class Sourced(Part):
    """A number that somebody chose: where it comes from and when that was last looked up."""

    source: Line = Field(min_length=1, max_length=300)
    checked_on: date


class Limit(Sourced):
    """How long something may take, as an ISO 8601 duration."""

    value: Duration


class TimeOfDay(Sourced):
    """A time on the wall clock of the site."""

    value: WallClock


class WorkingDays(Sourced):
    """A number of working days."""

    value: int = Field(ge=0, le=60, strict=True)
