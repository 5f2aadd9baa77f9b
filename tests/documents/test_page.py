"""The page before it is laid out: where each thing stands in the HTML, and the drawings of the body map."""

import re
from datetime import UTC, datetime
from typing import Any

import pytest

from app.documents.content import DocumentContent, ReplacedFacts, document_content
from app.documents.injuries import VIEWS
from app.documents.render import Press
from app.questionnaires import Form
from bench.samples import signature

LABELS = {
    "front": ["child’s", "right", "child’s", "left"],
    "back": ["child’s", "left", "child’s", "right"],
    "right": [],
    "left": [],
    "head": ["child’s right", "child’s left"],
    "mouth": ["child’s right", "child’s left"],
    "hands": ["child’s right", "back", "child’s left", "back", "child’s right", "palm", "child’s left", "palm"],
    "feet": ["child’s right", "top", "child’s left", "top", "child’s right", "sole", "child’s left", "sole"],
}
TITLES = {"right": "Right side", "left": "Left side", "front": "Front", "back": "Back"}


def drawing(html: str, title: str) -> str:
    """The drawing of that title with all that is drawn in it, and the line below it."""
    found = re.search(rf"<svg[^>]*>\s*<title>Body map, {title}:.*?</svg>\s*<p>.*?</p>", html, re.DOTALL)
    assert found is not None, title
    return found[0]


def texts(svg: str) -> list[tuple[float, float, str]]:
    """The words in a drawing: x, font size, words."""
    found = re.findall(r'<text[^>]*font-size="([\d.]+)"[^>]* x="([\d.]+)"[^>]*>([^<]+)</text>', svg)
    return [(float(x), float(size), words) for size, x, words in found]


def with_a_mark_on(answers: dict[str, Any], view: str) -> dict[str, Any]:
    """The same answers with one injury, on that view, near the edge that is left on paper."""
    row = answers["examination"]["injuries"][0]
    answers["examination"]["injuries"] = [row | {"injury-view": view, "injury-x": 0.2, "injury-y": 0.3}]
    return answers


@pytest.mark.parametrize("view", list(VIEWS))
def test_a_drawing_says_which_side_is_whose_and_shows_the_mark_where_it_was_put(
    form: Form, answers: dict[str, Any], press: Press, view: str
) -> None:
    title, width, height = VIEWS[view]
    assert title == TITLES.get(view, title)
    svg = drawing(press.html(document_content(form, with_a_mark_on(answers, view), signature())), title)
    assert press.drawing(view) in svg
    assert [words for _, _, words in texts(press.drawing(view))] == LABELS[view]
    mark = re.search(r'<circle cx="([\d.]+)" cy="([\d.]+)"', svg)
    assert mark is not None
    assert (float(mark[1]), float(mark[2])) == pytest.approx((0.2 * width, 0.3 * height))
    assert f"<p>{title}</p>" in svg


@pytest.mark.parametrize("view", [view for view, words in LABELS.items() if words])
def test_the_words_in_a_drawing_go_from_left_to_right_and_are_7_points_on_paper(
    form: Form, answers: dict[str, Any], press: Press, view: str
) -> None:
    svg = drawing(press.html(document_content(form, with_a_mark_on(answers, view), signature())), VIEWS[view][0])
    words = texts(press.drawing(view))
    assert [x for x, _, _ in words] == sorted(x for x, _, _ in words)
    assert words[0][0] < VIEWS[view][1] / 2 < words[-1][0]
    size = re.search(r'viewBox="0 0 ([\d.]+) [\d.]+" width="([\d.]+)mm"', svg)
    assert size is not None
    points_in_a_unit = float(size[2]) / float(size[1]) * 72 / 25.4
    assert all(font * points_in_a_unit >= 7 for _, font, _ in words)


def test_who_must_act_is_told_from_who_is_only_informed(form: Form, answers: dict[str, Any], press: Press) -> None:
    html = press.html(document_content(form, answers, signature()))
    rows = re.findall(r'<tr><th scope="row">([^<]+)</th><td>[^<]*</td><td>([^<]+)</td></tr>', html)
    assert [needs for _, needs in rows] == ["Yes", "Yes", "For information"]


@pytest.mark.parametrize("code", ["L0", "L1", "L2", "L3", "L4", "L5", "LX"])
def test_the_step_that_was_chosen_stands_out_of_the_scale(
    form: Form, answers: dict[str, Any], press: Press, code: str
) -> None:
    answers["opinion"]["overall-likelihood"] = code
    html = press.html(document_content(form, answers, signature()))
    assert re.findall(r'class="step chosen">(\w+)<', html) == [code]
    assert re.findall(r'class="step(?: chosen)?">(\w+)<', html) == ["L0", "L1", "L2", "L3", "L4", "L5", "LX"]
    assert all(f"{step}: " in html for step in ("L0", "L1", "L2", "L3", "L4", "L5", "LX"))


def test_the_banner_says_when_the_formal_report_is_due(press: Press, content: DocumentContent) -> None:
    banner = "<b>Preliminary.</b> Written at the time of the medical. The formal medical report follows: due"
    assert f"{banner} <b>7 Dec 2026</b>." in press.html(content)
    assert "notice amendment" not in press.html(content)


def test_an_amendment_has_a_banner_with_its_reason(form: Form, answers: dict[str, Any], press: Press) -> None:
    before = ReplacedFacts(1, datetime(2026, 11, 20, 9, tzinfo=UTC), "the survey shows fractures")
    html = press.html(document_content(form, answers, signature(before)))
    headline = "<b>Version 2 replaces version 1 of 20 Nov 2026, 09:00 GMT.</b>"
    assert f"{headline} Because: the survey shows fractures" in html
    assert "<b>Preliminary.</b> Amended 23 Nov 2026. The formal" in html


def test_a_child_who_was_not_examined_is_not_said_to_have_no_injury(
    form: Form, answers: dict[str, Any], press: Press
) -> None:
    del answers["examination"]["injuries"]
    answers["examination"] |= {
        "examination-done": "no",
        "examination-not-done-reason": "consent-refused",
        "seen-without-examination": "A cut lip.",
    }
    html = press.html(document_content(form, answers, signature()))
    assert '<p class="answer">Not examined. Consent refused</p>' in html
    assert "<b>Seen without examination:</b> A cut lip." in html
    assert "No injury" not in html.replace("No injury or sign of harm", "")


def test_the_absence_of_signs_is_told_in_the_words_of_the_form(
    form: Form, answers: dict[str, Any], press: Press
) -> None:
    del answers["examination"]["injuries"]
    answers["examination"]["no-injury-seen"] = True
    html = press.html(document_content(form, answers, signature()))
    assert f'<p class="absence"><b>{form.item("no-injury-footer").text}</b></p>' in html
    assert "<p>No injury seen.</p>" in html


def test_a_test_that_is_still_out_says_when_its_result_is_expected(press: Press, content: DocumentContent) -> None:
    assert "result expected: 25 Nov 2026" in press.html(content)
