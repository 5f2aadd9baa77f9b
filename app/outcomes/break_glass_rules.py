"""When the glass may be broken, for how long, and which reasons say something. Pure."""

import unicodedata
from dataclasses import dataclass
from datetime import timedelta
from typing import Final

from app.errors import Problem

REASONS: Final[dict[str, str]] = {
    "child-at-risk-now": "a child may be harmed before anyone named on the outcome can be reached",
    "named-recipient-absent": "the person or team named on the outcome cannot act",
    "cover": "the duty was taken over from somebody named on the outcome",
    "other": "another reason, in words",
}

FINDINGS: Final = ("appropriate", "inappropriate", "unclear")

LONGEST: Final = timedelta(minutes=60)
"""However long the setting says: design, section 9, and G6 of security.md."""

REVIEW_WITHIN: Final = timedelta(days=7)
"""What waits longer than a week is listed first (domain.md 7.4: a weekly list)."""

LEAST_VISIBLE: Final = 20
"""Visible characters of a reason (security.md, section 3)."""
# Ours: 'asdf asdf asdf asdf asdf' and a key held down are 20 visible characters too.
_LEAST_WORDS: Final = 3
_LEAST_LETTERS: Final = 8

# Letters and a symbol that are drawn as nothing: the Hangul fillers and the empty Braille cell.
_BLANK: Final = frozenset("\u115f\u1160\u2800\u3164\uffa0")


@dataclass(frozen=True, slots=True)
class GlassRules:
    """How long an outcome stays open, and how often within `period` is often: by one person, on one child."""

    lasts: timedelta = LONGEST
    period: timedelta = timedelta(days=30)
    by_person: int = 3
    on_child: int = 2


def problems_in_glass(reason_code: str, reason: str) -> list[Problem]:
    """What is wrong with why the glass is broken. A reason must say something to whoever reviews it."""
    problems = []
    if reason_code not in REASONS:
        problems.append(Problem("/reason_code", "not-offered", f"Choose one of {', '.join(REASONS)}."))
    shown = visible(reason)
    words = {word for word in _words(reason) if len(word) > 1}
    letters = {sign for sign in shown.casefold() if sign.isalpha()}
    if len(shown) < LEAST_VISIBLE:
        sentence = f"Say why in at least {LEAST_VISIBLE} visible characters: others will read it."
        problems.append(Problem("/reason", "too-short", sentence))
    elif len(words) < _LEAST_WORDS or len(letters) < _LEAST_LETTERS:
        problems.append(Problem("/reason", "says-nothing", "Say why in words that others will understand."))
    return problems


def visible(text: str) -> str:
    """What of a text leaves a mark on its own: no spaces, controls, invisible or combining characters, no fillers."""
    composed = unicodedata.normalize("NFKC", text)
    return "".join(sign for sign in composed if unicodedata.category(sign)[0] not in "CZM" and sign not in _BLANK)


def is_often(rules: GlassRules, *, times_by_person: int, times_on_child: int) -> bool:
    """Whether this was often enough to be pointed out to those who review it."""
    return times_by_person >= rules.by_person or times_on_child >= rules.on_child


def _words(text: str) -> list[str]:
    composed = unicodedata.normalize("NFKC", text).casefold()
    apart = (sign if unicodedata.category(sign)[0] in "LM" else " " for sign in composed if sign not in _BLANK)
    return ["".join(sign for sign in word if sign.isalpha()) for word in "".join(apart).split()]
