"""Which reasons for breaking the glass say something, and how often is often."""

import unicodedata
from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.outcomes.break_glass_rules import GlassRules, is_often, problems_in_glass, visible

BLANK = {
    "empty": "",
    "spaces": " " * 40,
    "line breaks": "\n" * 40,
    "no-break spaces": "\u00a0" * 40,
    "narrow no-break spaces": "\u202f" * 40,
    "ideographic spaces": "\u3000" * 40,
    "zero-width spaces": "\u200b" * 40,
    "zero-width joiners": "\u200d" * 40,
    "word joiners": "\u2060" * 40,
    "byte order marks": "\ufeff" * 40,
    "soft hyphens": "\u00ad" * 40,
    "combining acute accents": "\u0301" * 40,
    "one letter under a heap of accents": "a" + "\u0301" * 40,
    "combining grapheme joiners": "\u034f" * 40,
    "Hangul fillers": "\u3164" * 40,
    "half-width Hangul fillers": "\uffa0" * 40,
    "Hangul choseong fillers": "\u115f" * 40,
    "Hangul jungseong fillers": "\u1160" * 40,
    "blank Braille cells": "\u2800" * 40,
    "tag characters": "".join(chr(0xE0000 + ord(sign)) for sign in "the child is at risk now and here"),
    "variation selectors": "\ufe0f" * 40,
    "further variation selectors": "\U000e0100" * 40,
    "bidirectional marks": "\u202e\u202c" * 20,
    "Mongolian vowel separators": "\u180e" * 40,
    "private use": "\ue000" * 40,
    "musical null noteheads": "\U0001d159" * 40,
    "a mixture of all that is nothing": "\u3164\u2800 \u200b\u00a0\u0301\ufe0f" * 10,
    "short words among zero-width spaces": "at risk" + "\u200b" * 40,
    "one letter held down": "a" * 40,
    "one letter with spaces": "a " * 40,
    "one letter in many coats": "a\uff41\U0001d41a\u24d0\u00aa" * 8,
    "full stops": "." * 40,
    "full stops after a word": "emergency" + "." * 40,
    "digits": "1234567890" * 4,
    "emoji": "\U0001f6a8" * 40,
    "one word over and over": "urgent " * 10,
    "two words over and over": "urgent child " * 10,
    "keys that lie together": "asdf asdf asdf asdf asdf asdf",
    "few letters in several words": "aaa bbb ccc aaa bbb ccc aaa bbb",
    "single letters": "a b c d e f g h i j k l m n o p q r s t u v w",
}


@pytest.mark.parametrize("reason", BLANK.values(), ids=BLANK.keys())
def test_a_reason_that_says_nothing_is_refused(reason: str) -> None:
    (problem,) = problems_in_glass("other", reason)
    assert problem.pointer == "/reason"
    assert problem.code in ("too-short", "says-nothing")


@pytest.mark.parametrize(
    "reason",
    [
        "The child is in our department now and bleeding.",
        "Duty worker is off sick; strategy meeting at 16:00",
        "Mae'r plentyn mewn perygl yn awr",
        "Dziecko jest teraz zagro\u017cone w domu",
        "Enfant en danger imm\u00e9diat \u2014 p\u00e8re pr\u00e9sent",
    ],
)
def test_a_reason_in_words_is_taken(reason: str) -> None:
    for form in ("NFC", "NFD"):
        assert problems_in_glass("child-at-risk-now", unicodedata.normalize(form, reason)) == []


def test_twenty_visible_characters_are_enough_and_nineteen_are_not() -> None:
    assert len(visible("the girl is bleeding now")) == 20
    assert problems_in_glass("other", "the girl is bleeding now") == []
    assert [one.code for one in problems_in_glass("other", "the girl is bleeding no")] == ["too-short"]


@given(
    said=st.text(max_size=19),
    around=st.text(st.characters(categories=("Zs", "Zl", "Zp", "Cf", "Mn", "Me")), max_size=60),
)
def test_what_leaves_no_mark_makes_no_reason_longer(said: str, around: str) -> None:
    assert len(visible(said + around)) <= len(visible(said)) + len(visible(around)) + 1
    assert problems_in_glass("other", around) != []


def test_a_code_that_is_not_offered_is_named() -> None:
    assert [one.pointer for one in problems_in_glass("curious", " ")] == ["/reason_code", "/reason"]


@pytest.mark.parametrize(
    ("by_person", "on_child", "expected"), [(1, 1, False), (2, 1, False), (3, 1, True), (1, 2, True), (4, 3, True)]
)
def test_the_third_by_a_person_and_the_second_on_a_child_are_often(
    by_person: int, on_child: int, expected: bool
) -> None:
    rules = GlassRules()
    assert (rules.lasts, rules.period) == (timedelta(minutes=60), timedelta(days=30))
    assert is_often(rules, times_by_person=by_person, times_on_child=on_child) is expected
