"""Answers that are possible together and seldom meant: asked back at their place, never in the way."""

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import pytest

from app.questionnaires import Form, problems_in, warnings_in
from demo.cases import load_cases

Answers = dict[str, Any]
Asked = Callable[[Answers], list[tuple[str, str]]]


@pytest.fixture
def asked(form: Form) -> Asked:
    """Pointer and code of everything asked back, for answers that can be signed all the same."""

    def warnings(answers: Answers) -> list[tuple[str, str]]:
        assert problems_in(form, answers, complete=True) == []
        return [(warning.pointer, warning.code) for warning in warnings_in(form, answers)]

    return warnings


def test_nothing_is_asked_back_of_plain_answers(answers: Answers, asked: Asked) -> None:
    assert asked(answers) == []


def test_nothing_is_asked_back_of_the_worked_cases(form: Form) -> None:
    answers = {
        (case.number, key): outcome.answers
        for case in load_cases(datetime(2026, 11, 23, 23, 30, tzinfo=UTC))
        for key, outcome in case.outcomes.items()
    }
    assert len(answers) == 17
    assert {where: found for where, said in answers.items() if (found := warnings_in(form, said))} == {}


def test_likely_harm_without_an_injury_is_asked_back(answers: Answers, asked: Asked) -> None:
    del answers["examination"]["injuries"]
    answers["examination"]["no-injury-seen"] = True
    answers["opinion"]["overall-likelihood"] = "L4"
    assert asked(answers) == [("/opinion/overall-likelihood", "likely-without-injury")]
    answers["opinion"]["overall-likelihood"] = "L2"
    assert asked(answers) == []


@pytest.mark.parametrize(
    ("overall", "injury", "fine"),
    [
        *[("L3", "L4", False), ("L3", "L5", False), ("L0", "L3", False), ("L1", "L3", False), ("L2", "L3", False)],
        *[("L3", "L3", True), ("L3", "L2", True), ("L4", "L3", True), ("L5", "L3", True), ("L2", "L2", True)],
    ],
)
def test_one_undetermined_opinion_beside_another_is_asked_back(
    answers: Answers, asked: Asked, overall: str, injury: str, fine: bool
) -> None:
    answers["examination"]["injuries"][0]["injury-likelihood"] = injury
    answers["opinion"]["overall-likelihood"] = overall
    if overall == "L3":
        answers["opinion"] |= {"undetermined-reason": ["awaiting-test"], "what-would-settle": "A scan"}
    assert asked(answers) == ([] if fine else [("/opinion/overall-likelihood", "undetermined-beside-opinion")])


@pytest.mark.parametrize(
    ("grade", "discussed", "code"),
    [
        ("specialty-trainee", "not-discussed", "trainee-without-consultant"),
        ("specialty-trainee", "not-needed", "trainee-without-consultant"),
        ("specialty-trainee", "consultant-examined", "trainee-named-as-consultant"),
        ("specialty-trainee", "before-child-left", ""),
        ("specialty-trainee", "after-child-left", ""),
        ("associate-specialist", "not-needed", ""),
        ("consultant", "consultant-examined", ""),
    ],
)
def test_a_trainee_is_asked_for_the_consultant_and_never_stopped(
    answers: Answers, asked: Asked, grade: str, discussed: str, code: str
) -> None:
    answers["examination"]["examined-by"]["examiner-grade"] = grade
    answers["examination"]["consultant-discussed"] = discussed
    if discussed.endswith("-child-left"):
        answers["examination"]["consultant-name"] = "Dr Asha Kerrin"
    assert asked(answers) == ([("/examination/consultant-discussed", code)] if code else [])


@pytest.mark.parametrize("refused", ["refused", "refused-by-parent"])
@pytest.mark.parametrize("done", ["yes", "in-part"])
def test_an_examination_after_a_refusal_is_asked_back(answers: Answers, asked: Asked, refused: str, done: str) -> None:
    answers["consent"] |= {"examination-consent": refused, "refusal-advice": "Named doctor told at 15:10."}
    del answers["consent"]["consent-form"]
    answers["examination"]["examination-done"] = done
    assert asked(answers) == [("/examination/examination-done", "refused-but-examined")]


def test_a_whole_examination_for_a_sexual_concern_is_asked_back(answers: Answers, asked: Asked) -> None:
    answers["episode"]["medical-type"] = "sexual-concern"
    answers["recommendations"]["redirect"] = {
        "redirect-to": "The sexual assault referral centre",
        "redirect-at": "2026-06-01T11:20:00+01:00",
        "redirect-person": "Duty nurse",
        "redirect-reason": "Such an examination belongs to the centre.",
    }
    assert asked(answers) == [("/examination/examination-done", "redirected-but-examined")]
    answers["examination"]["examination-done"] = "in-part"
    assert asked(answers) == []


@pytest.mark.parametrize(
    ("said", "fine"),
    [("seen", True), ("not-indicated", False), ("not-offered", False), ("offered-and-declined", False)],
)
def test_an_area_that_was_examined_and_was_not_is_asked_back(
    answers: Answers, asked: Asked, said: str, fine: bool
) -> None:
    answers["examination"]["genital-anal"] = said
    assert asked(answers) == []
    answers["examination"]["areas-examined"].append("genital-and-anal")
    assert asked(answers) == ([] if fine else [("/examination/genital-anal", "genital-anal-differs")])


@pytest.fixture
def second(answers: Answers) -> Answers:
    """A second injury beside the first, which has an explanation that fits and a measured length."""
    row = {**answers["examination"]["injuries"][0], "injury-number": 2}
    answers["examination"]["injuries"].append(row)
    return row


def test_an_explanation_that_fits_is_written_down_for_that_injury(
    answers: Answers, second: Answers, asked: Asked
) -> None:
    assert asked(answers) == []
    del second["injury-explanations"]
    assert asked(answers) == [("/examination/injuries/1/injury-fit", "fits-without-explanation")]
    second["injury-fit"] = "none-given"
    assert asked(answers) == []


def test_an_explanation_that_is_written_down_is_judged(answers: Answers, second: Answers, asked: Asked) -> None:
    second["injury-fit"] = "none-given"
    assert asked(answers) == [("/examination/injuries/1/injury-fit", "explanation-not-judged")]
    second["injury-fit"] = "does-not-fit"
    assert asked(answers) == []


def test_a_measured_size_has_a_length(answers: Answers, second: Answers, asked: Asked) -> None:
    del second["injury-length"]
    assert asked(answers) == [("/examination/injuries/1/injury-length", "measured-without-length")]
    second["injury-size-how"] = "estimated"
    assert asked(answers) == []
