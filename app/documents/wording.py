"""How dates, times, names and numbers are written on paper. Pure.

Forms of name, date of birth and NHS number: GP Connect Messaging 1.3 (domain facts, section 4.2).
"""

from datetime import date, datetime
from zoneinfo import ZoneInfo

ZONE = ZoneInfo("Europe/London")
MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")


def birth_words(day: date) -> str:
    """A date of birth: `03-Feb-2019`; the month in English whatever the locale of the machine."""
    return f"{day.day:02}-{MONTHS[day.month - 1]}-{day.year:04}"


def date_words(day: date) -> str:
    """Any other date: `7 Dec 2026`."""
    return f"{day.day} {MONTHS[day.month - 1]} {day.year}"


def time_words(moment: datetime) -> str:
    """`23 Nov 2026, 14:05 GMT`: London time with its zone. Raises ValueError for a naive time."""
    if moment.tzinfo is None:
        raise ValueError("A time on a document needs a zone")
    local = moment.astimezone(ZONE)
    return f"{date_words(local.date())}, {local:%H:%M} {local.tzname()}"


def london_day(moment: datetime) -> date:
    """The day it is in London at an aware time."""
    return moment.astimezone(ZONE).date()


def name_words(surname: str, forenames: str) -> str:
    """`SURNAME, Forename(s)`."""
    return f"{surname.upper()}, {forenames}"


def nhs_number_words(number: str) -> str:
    """`999 000 2371`."""
    return f"{number[:3]} {number[3:6]} {number[6:]}"


def age_words(born: date, on: date) -> str:
    """Age in the unit a paediatrician would say: days to 4 weeks, weeks to 3 months, months to 2 years."""
    days = (on - born).days
    months = (on.year - born.year) * 12 + on.month - born.month - (on.day < born.day)
    if days < 28:
        return _count(days, "day")
    if months < 3:
        return _count(days // 7, "week")
    if months < 24:
        return _count(months, "month")
    return _count(months // 12, "year")


def number_words(value: float) -> str:
    """A measured number without a needless `.0`: 6 and not 6.0, but 1.25 as it was entered."""
    return f"{value:g}" if abs(value) < 1e6 else str(value)


def _count(number: int, unit: str) -> str:
    return f"{number} {unit}" if number == 1 else f"{number} {unit}s"
