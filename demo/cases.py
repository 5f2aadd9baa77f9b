"""The worked cases of domain.md, Appendix (b), as data: `demo/cases/*.yaml`, read and put on the calendar.

Times in the files are told by day: ``day-3 14:10`` is ten past two, three days before the case's own day; ``day-127``
is a date. The case's own day is the latest one on which everything in the case lies in the past (today, or else
yesterday), so that the examinations are fresh whenever the demonstration runs, and never in the future. Clock times
are those of Europe/London, as Appendix (b) gives them.
"""

import re
from collections.abc import Iterator
from copy import deepcopy
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from ruamel.yaml import YAML

FOLDER = Path(__file__).parent / "cases"
LONDON = ZoneInfo("Europe/London")
A_MOMENT = timedelta(minutes=5)

_DAY = re.compile(r"day(?P<offset>[+-]\d+)?(?: (?P<hour>\d\d):(?P<minute>\d\d))?")
_REFERENCE = re.compile(r"\{reference (\w+)\}")

Answers = dict[str, Any]


@dataclass(frozen=True)
class CaseOutcome:
    """One outcome of a case: who writes it, and the complete answers on the wire, with times resolved.

    `reference {name}` of another outcome stays as a placeholder until that outcome has begun: see `with_references`.
    """

    key: str
    author: str
    answers: Answers
    amendment_reason: str | None


@dataclass(frozen=True)
class Case:
    """One worked case: what is written, what people do in which order, and how it must end."""

    number: int
    title: str
    site: str
    shows: str
    outcomes: dict[str, CaseOutcome]
    steps: tuple[dict[str, Any], ...]
    expected: dict[str, dict[str, Any]]
    continues: int | None


def load_cases(now: datetime, folder: Path = FOLDER) -> list[Case]:
    """Read every case, with times that lie before `now` (aware). Raises ValueError for a file that makes no sense."""
    raw = [_read(file) for file in sorted(folder.glob("*.yaml"))]
    days: dict[int, date] = {}
    cases: dict[int, Case] = {}
    for entry in raw:
        first = entry.get("continues", {}).get("case", entry["number"])
        family = [other for other in raw if first in (other["number"], other.get("continues", {}).get("case"))]
        day = days.setdefault(first, day_of([text for member in family for text in strings_in(member)], now))
        cases[entry["number"]] = _case(entry, day, cases)
    return list(cases.values())


def day_of(texts: list[str], now: datetime) -> date:
    """The latest day on which every ``day HH:MM`` in the texts lies in the past."""
    today = now.astimezone(LONDON).date()
    times = [_moment(found, today) for text in texts if (found := _DAY.fullmatch(text)) and found["hour"]]
    return today if all(moment <= now - A_MOMENT for moment in times) else today - timedelta(days=1)


def on_the_calendar(value: Any, day: date) -> Any:
    """The value with every ``day…`` made a date, or a date-time with its offset; members that are null are left out."""
    if isinstance(value, dict):
        return {key: on_the_calendar(member, day) for key, member in value.items() if member is not None}
    if isinstance(value, list):
        return [on_the_calendar(member, day) for member in value]
    if isinstance(value, str) and (found := _DAY.fullmatch(value)):
        moment = _moment(found, day)
        return moment.isoformat() if found["hour"] else moment.date().isoformat()
    return value


def with_references(answers: Answers, references: dict[str, str]) -> Answers:
    """The answers with ``{reference other}`` replaced by what the service called that outcome."""

    def put(value: Any) -> Any:
        if isinstance(value, dict):
            return {key: put(member) for key, member in value.items()}
        if isinstance(value, list):
            return [put(member) for member in value]
        return _REFERENCE.sub(lambda found: references[found[1]], value) if isinstance(value, str) else value

    return {section: put(members) for section, members in answers.items()}


def with_addresses(answers: Answers, emails: dict[str, str]) -> Answers:
    """The answers with each named recipient told by e-mail address, as the API wants it, and not by short name."""
    answers = deepcopy(answers)
    for recipient in answers.get("sharing", {}).get("recipients", []):
        if "recipient-person" in recipient:
            recipient["recipient-person"] = emails[recipient["recipient-person"]]
    return answers


def strings_in(value: Any) -> Iterator[str]:
    """Every string anywhere in the value."""
    if isinstance(value, dict):
        for member in value.values():
            yield from strings_in(member)
    elif isinstance(value, list | tuple):
        for member in value:
            yield from strings_in(member)
    elif isinstance(value, str):
        yield value


def _read(file: Path) -> dict[str, Any]:
    entry = YAML(typ="safe", pure=True).load(file.read_text("utf-8"))
    missing = {"number", "title", "site", "shows", "outcomes", "steps", "expected"} - set(entry)
    if missing:
        raise ValueError(f"{file.name} lacks {', '.join(sorted(missing))}")
    return dict(entry)


def _case(entry: dict[str, Any], day: date, earlier: dict[int, Case]) -> Case:
    first = entry.get("continues", {}).get("case")
    outcomes = {}
    for key, raw in entry["outcomes"].items():
        answers = on_the_calendar(raw.get("answers", {}), day)
        if first:
            answers = _changed(earlier[first].outcomes[key].answers, raw["changes"], day)
        outcomes[key] = CaseOutcome(key, raw["author"], answers, raw.get("amendment_reason"))
    return Case(
        number=entry["number"],
        title=entry["title"],
        site=entry["site"],
        shows=entry["shows"],
        outcomes=outcomes,
        steps=tuple(entry["steps"]),
        expected=entry["expected"],
        continues=first,
    )


def _changed(answers: Answers, changes: dict[str, Any], day: date) -> Answers:
    """Version 1 with some members replaced; a member changed to null is taken out."""
    merged = {section: dict(members) for section, members in deepcopy(answers).items()}
    for section, members in changes.items():
        for link_id, value in members.items():
            if value is None:
                merged[section].pop(link_id)
            else:
                merged[section][link_id] = on_the_calendar(value, day)
    return merged


def _moment(found: re.Match[str], day: date) -> datetime:
    at = time(int(found["hour"] or 0), int(found["minute"] or 0), tzinfo=LONDON)
    return datetime.combine(day + timedelta(days=int(found["offset"] or 0)), at)
