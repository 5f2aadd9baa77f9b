"""Is this JSON value an answer to this question? Strict: nothing is converted, trimmed or guessed.

Texts. Allowed: every assigned, visible character in NFC; ZERO WIDTH JOINER and NON-JOINER (Persian, Urdu and
Indic spelling needs them); in items of type text also line feed and tab. Refused: other control characters,
bidirectional controls (they can make printed words read in another order), other invisible format characters,
line and paragraph separators, lone surrogates, private use and unassigned code points (no font has them).
Numbers in identifiers and dates are ASCII digits only.
"""

import math
import re
import unicodedata
from collections.abc import Iterator
from datetime import date, datetime
from typing import Any

from app.questionnaires.form import Item

# security.md §5.1: the renderer stays under about a second within these limits.
MAX_FIELD = 20_000  # characters in one answer
MAX_DOCUMENT = 60_000  # characters in all answers together
MAX_LINES = 500  # lines in one answer
MAX_ROWS = 100  # rows of a list, or answers to a question that repeats
# Years outside are typing mistakes, and near years 1 and 9999 a change of time zone overflows.
FIRST_YEAR, LAST_YEAR = 1900, 2199

Finding = tuple[str, str]  # code, sentence

_DATE = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")
_DATE_TIME = re.compile(
    r"[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}(\.[0-9]{1,6})?(Z|[+-](0[0-9]|1[0-3]):[0-5][0-9]|[+-]14:00)"
)
_ASCII_CONTROL = re.compile(r"[\x00-\x1f\x7f]")
_BIDI = frozenset("\u061c\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069")
_JOINERS = frozenset("\u200c\u200d")
_REFUSED_CATEGORIES = {
    "Cc": "control character",
    "Cf": "invisible character",
    "Cs": "half of a character",
    "Co": "private-use character",
    "Cn": "unassigned character",
    "Zl": "line separator",
    "Zp": "paragraph separator",
}


def value_findings(item: Item, value: Any) -> Iterator[Finding]:
    """What is wrong with one value for one question; nothing when it is an answer. Never raises."""
    match item.type:
        case "boolean":
            if not isinstance(value, bool):
                yield "wrong-type", f"Answer “{item.text}” with true or false."
        case "choice":
            yield from _choice(item, value)
        case "integer" | "decimal" | "quantity":
            yield from _number(item, value)
        case "date":
            yield from _date(item, value)
        case "dateTime":
            yield from _date_time(item, value)
        case _:
            yield from _text(item, value)


def _choice(item: Item, value: Any) -> Iterator[Finding]:
    if not isinstance(value, str):
        yield "wrong-type", f"Answer “{item.text}” with the code of one answer, as text."
    elif value not in {option.code for option in item.options}:
        offered = ", ".join(option.code for option in item.options)
        yield "code-not-offered", f"“{item.text}” does not offer this answer. It offers: {offered}."


def _number(item: Item, value: Any) -> Iterator[Finding]:
    assert item.min is not None
    assert item.max is not None
    whole = item.type == "integer"
    if isinstance(value, bool) or not isinstance(value, int if whole else (int, float)):
        yield "wrong-type", f"Answer “{item.text}” with a {'whole ' if whole else ''}number, without quotation marks."
    elif isinstance(value, float) and not math.isfinite(value):
        yield "wrong-type", f"Answer “{item.text}” with a number: not a number and infinity are not answers."
    elif not item.min <= value <= item.max:
        unit = f" {item.unit}" if item.unit else ""
        yield "out-of-range", f"“{item.text}” must be from {item.min:g} to {item.max:g}{unit}."


def _date(item: Item, value: Any) -> Iterator[Finding]:
    if not isinstance(value, str):
        yield "wrong-type", f"Answer “{item.text}” with a date as text, such as 2026-06-01."
    elif not _DATE.fullmatch(value) or not _is_real(value):
        yield "bad-date", f"“{item.text}” is not a date of the calendar. Write it like 2026-06-01."
    elif not FIRST_YEAR <= int(value[:4]) <= LAST_YEAR:
        yield "out-of-range", f"Check the year of “{item.text}”: it must be from {FIRST_YEAR} to {LAST_YEAR}."


def _date_time(item: Item, value: Any) -> Iterator[Finding]:
    if not isinstance(value, str):
        yield "wrong-type", f"Answer “{item.text}” with a date and time as text, such as 2026-06-01T14:10:00+01:00."
    elif not _DATE_TIME.fullmatch(value) or not _is_real(value):
        yield (
            "bad-date-time",
            f"“{item.text}” is not a date and time with its offset. Write it like 2026-06-01T14:10:00+01:00.",
        )
    elif not FIRST_YEAR <= int(value[:4]) <= LAST_YEAR:
        yield "out-of-range", f"Check the year of “{item.text}”: it must be from {FIRST_YEAR} to {LAST_YEAR}."


def _is_real(text: str) -> bool:
    try:
        _ = datetime.fromisoformat(text) if "T" in text else date.fromisoformat(text)
    except ValueError:
        return False
    return True


def _text(item: Item, value: Any) -> Iterator[Finding]:
    if not isinstance(value, str):
        yield "wrong-type", f"Answer “{item.text}” with text, in quotation marks."
        return
    limit = min(item.max_length or MAX_FIELD, MAX_FIELD)
    if len(value) > limit:
        yield "too-long", f"“{item.text}” has {len(value):,} characters; {limit:,} is the most. Shorten it."
        return
    if not value.strip():
        yield "empty", f"“{item.text}” is empty: write something, or leave the question out."
        return
    if value.count("\n") >= MAX_LINES:
        yield "too-many-lines", f"“{item.text}” has more than {MAX_LINES} lines. Shorten it."
    refused = refused_character(value, lines=item.type == "text")
    if refused:
        yield "refused-character", f"Take this character out of “{item.text}”: {refused}."
    elif not unicodedata.is_normalized("NFC", value):
        yield (
            "not-nfc",
            f"“{item.text}” holds letters and accents as separate characters: send the text in Unicode NFC.",
        )
    elif item.pattern and not re.fullmatch(item.pattern, value, re.ASCII):
        yield "bad-format", f"“{item.text}” does not have the form that is asked for. Check it against the original."


def refused_character(text: str, *, lines: bool) -> str:
    """The first refused character, described in words such as “U+202E RIGHT-TO-LEFT OVERRIDE …”; "" when none.

    lines: line feed and tab are allowed.
    """
    if text.isascii() and not _ASCII_CONTROL.search(text):
        return ""
    for character in text:
        if character in _JOINERS or (lines and character in "\n\t"):
            continue
        category = unicodedata.category(character)
        if category in _REFUSED_CATEGORIES:
            kind = "control character of writing direction" if character in _BIDI else _REFUSED_CATEGORIES[category]
            name = "LINE FEED " if character == "\n" else unicodedata.name(character, "")
            return f"U+{ord(character):04X} {name} ({kind})".replace("  ", " ")
    return ""
