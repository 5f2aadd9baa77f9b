"""Answers that cannot both be true: told before a signature, at their place, and never on a draft."""

from collections.abc import Callable
from typing import Any

import pytest

from app.questionnaires import Form, problems_in

Answers = dict[str, Any]
Found = Callable[..., list[tuple[str, str]]]
OVERALL = "/opinion/overall-likelihood"


def _judge(answers: Answers, overall: str, *injuries: str) -> None:
    """Puts these opinions in, with one row for each injury and what the opinion asks for."""
    [row] = answers["examination"]["injuries"]
    answers["examination"]["injuries"] = [
        row | {"injury-number": number, "injury-likelihood": likelihood}
        for number, likelihood in enumerate(injuries, start=1)
    ]
    if not injuries:
        del answers["examination"]["injuries"]
        answers["examination"]["no-injury-seen"] = True
    answers["opinion"]["overall-likelihood"] = overall
    if overall == "LX":
        answers["opinion"]["no-opinion-reason"] = "not-completed"
    if overall == "L3":
        answers["opinion"] |= {"undetermined-reason": ["awaiting-test"], "what-would-settle": "A scan"}


def _not_examined(answers: Answers) -> None:
    kept = ("examined-by", "consultant-discussed", "investigations-absent", "injuries", "no-injury-seen")
    answers["examination"] = {key: value for key, value in answers["examination"].items() if key in kept}
    answers["examination"] |= {"examination-done": "no", "examination-not-done-reason": "consent-refused"}


@pytest.mark.parametrize(
    ("overall", "injury"),
    [("L0", "L4"), ("L0", "L5"), ("L1", "L4"), ("L1", "L5"), ("L2", "L4"), ("L2", "L5"), ("L4", "L5")],
)
def test_an_overall_opinion_below_a_likely_injury_is_a_contradiction(
    answers: Answers, found: Found, overall: str, injury: str
) -> None:
    _judge(answers, overall, "L1", injury)
    assert found(answers) == [(OVERALL, "overall-contradicts-injury")]
    assert found(answers, complete=False) == []


@pytest.mark.parametrize(
    ("overall", "injury"),
    [
        *[("L0", "L1"), ("L0", "L2"), ("L1", "L2"), ("L2", "L1"), ("L2", "L3")],
        *[("L3", "L4"), ("L3", "L5"), ("L4", "L4"), ("L5", "L4"), ("L5", "L5"), ("L5", "L1")],
    ],
)
def test_an_overall_opinion_may_stand_above_the_injuries_or_be_undetermined(
    answers: Answers, found: Found, overall: str, injury: str
) -> None:
    _judge(answers, overall, injury)
    assert found(answers) == []


@pytest.mark.parametrize(
    ("done", "injury", "fine"),
    [
        *[("yes", "L1", False), ("yes", "L2", False), ("yes", "L3", False), ("yes", "L4", False), ("yes", "L5", False)],
        *[("in-part", "L1", True), ("in-part", "L2", True), ("in-part", "L3", True)],
        *[("in-part", "L4", False), ("in-part", "L5", False)],
        *[("no", "L3", True), ("no", "L5", True)],
    ],
)
def test_no_opinion_beside_an_opinion_on_an_injury_needs_an_unfinished_examination(
    answers: Answers, found: Found, done: str, injury: str, fine: bool
) -> None:
    _judge(answers, "LX", injury)
    answers["examination"]["examination-done"] = done
    if done == "no":
        _not_examined(answers)
    assert found(answers) == ([] if fine else [(OVERALL, "no-opinion-contradicts-injury")])
    assert found(answers, complete=False) == []


def test_no_opinion_after_an_examination_without_injuries_is_fine(answers: Answers, found: Found) -> None:
    _judge(answers, "LX")
    assert found(answers) == []


@pytest.mark.parametrize("overall", ["L0", "L1", "L2", "L3", "L4", "L5"])
def test_a_child_who_was_not_examined_has_no_overall_opinion(answers: Answers, found: Found, overall: str) -> None:
    _judge(answers, overall, "L1")
    _not_examined(answers)
    assert found(answers) == [(OVERALL, "opinion-without-examination")]
    assert found(answers, complete=False) == []


def test_no_injury_seen_is_a_finding_that_needs_an_examination(answers: Answers, form: Form) -> None:
    _judge(answers, "LX")
    _not_examined(answers)
    [problem] = problems_in(form, answers, complete=True)
    assert (problem.pointer, problem.code) == ("/examination/no-injury-seen", "none-seen-without-examination")
    assert "What could be seen without examining the child" in problem.sentence
    assert problems_in(form, answers, complete=False) == []


@pytest.mark.parametrize(("overall", "fine"), [("L0", True), ("L3", True), ("L4", True), ("L5", False)])
def test_highly_likely_rests_on_an_injury(answers: Answers, found: Found, overall: str, fine: bool) -> None:
    _judge(answers, overall)
    assert found(answers) == ([] if fine else [(OVERALL, "none-seen-contradicts-overall")])
    assert found(answers, complete=False) == []


@pytest.mark.parametrize(
    ("view", "side", "fine"),
    [
        *[("left", "right", False), ("right", "left", False), ("left", "left", True), ("right", "right", True)],
        *[("front", "left", True), ("back", "right", True), ("left", "midline", True), ("right", "both", True)],
    ],
)
def test_the_view_of_one_side_shows_that_side_in_each_row(
    answers: Answers, found: Found, view: str, side: str, fine: bool
) -> None:
    _judge(answers, "L5", "L5", "L5")
    answers["examination"]["injuries"][1] |= {"injury-view": view, "injury-side": side}
    assert found(answers) == ([] if fine else [("/examination/injuries/1/injury-side", "view-contradicts-side")])
    assert found(answers, complete=False) == []


@pytest.mark.parametrize("likelihood", ["L1", "L5"])
@pytest.mark.parametrize("neglect", ["N0", "N2"])
def test_neglect_contradicts_no_likelihood(answers: Answers, found: Found, neglect: str, likelihood: str) -> None:
    _judge(answers, likelihood, likelihood)
    answers["opinion"]["neglect"] = neglect
    if neglect == "N2":
        answers["opinion"]["neglect-evidence"] = ["Five missed clinics"]
    assert found(answers) == []
