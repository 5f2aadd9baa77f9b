"""One complete set of answers for each interesting branch of the form: every way through can be finished."""

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import pytest

Answers = dict[str, Any]
Found = Callable[..., list[tuple[str, str]]]
EVENING = datetime(2026, 6, 1, 18, 0, tzinfo=UTC)


def _refused_by_a_competent_child(answers: Answers) -> None:
    answers["consent"] |= {
        "examination-consent": "refused",
        "consent-by": "child-competent",
        "competence-note": "Explains what the examination is for.",
        "refusal-advice": "Named doctor told at 15:10; social worker told at 15:15.",
    }
    del answers["consent"]["consent-form"]
    _not_examined(answers, "consent-refused", "examination-declined")
    answers["examination"]["seen-without-examination"] = "A cut on the lower lip."


def _refused_and_a_court_awaited(answers: Answers) -> None:
    answers["consent"] |= {
        "examination-consent": "refused-by-parent",
        "refusal-advice": "Named doctor told at 10:20; children's services apply to the court.",
    }
    del answers["consent"]["consent-form"]
    _not_examined(answers, "consent-refused", "examination-declined")


def _nothing_was_written_down(answers: Answers) -> None:
    """Every question that a busy day leaves open has an honest answer."""
    answers["episode"] |= {"concern-source": ["not-known"]}
    del answers["episode"]["cp-is-checked-at"]
    answers["consent"] |= {"consent-by": "not-known", "consent-form": "not-recorded", "seen-alone": "not-recorded"}
    answers["examination"] |= {"areas-examined": ["not-recorded"], "consultant-discussed": "not-needed"}


def _redirected(answers: Answers) -> None:
    answers["episode"]["medical-type"] = "sexual-concern"
    answers["consent"]["examination-consent"] = "not-sought"
    for member in ("consent-by", "consent-form", "consent-told"):
        del answers["consent"][member]
    _not_examined(answers, "redirected", "redirected")
    answers["recommendations"]["redirect"] = {
        "redirect-to": "The sexual assault referral centre",
        "redirect-at": "2026-06-01T11:20:00+01:00",
        "redirect-person": "Duty nurse",
        "redirect-reason": "Such an examination belongs to the centre.",
    }


def _not_examined(answers: Answers, why: str, no_opinion: str) -> None:
    kept = ("examined-by", "consultant-discussed", "investigations-absent")
    answers["examination"] = {member: answers["examination"][member] for member in kept}
    answers["examination"] |= {"examination-done": "no", "examination-not-done-reason": why}
    answers["opinion"] |= {"overall-likelihood": "LX", "no-opinion-reason": no_opinion}


def _undetermined(answers: Answers) -> None:
    answers["opinion"] |= {
        "overall-likelihood": "L3",
        "undetermined-reason": ["awaiting-test", "other"],
        "undetermined-reason-other": "The carer's account changed twice.",
        "what-would-settle": "Skeletal survey and bleeding screen",
        "peer-review": "requested",
    }


def _neglect_without_injury(answers: Answers) -> None:
    del answers["examination"]["injuries"]
    answers["examination"]["no-injury-seen"] = True
    answers["opinion"] |= {"overall-likelihood": "L0", "neglect": "N2", "category": ["neglect"]}
    answers["opinion"]["neglect-evidence"] = ["Weight below the 0.4th centile", "Five missed clinics"]
    answers["recommendations"] |= {
        "early-help": "recommended",
        "early-help-level": "Level 3 Targeted Early Help",
        "early-help-consent": "not-asked",
    }


def _newborn_without_number(answers: Answers) -> None:
    del answers["child"]["nhs-number"]
    answers["child"] |= {
        "birth-date": "2026-05-20",
        "nhs-number-absent": "trace-postponed",
        "nhs-number-status": "08",
        "independently-mobile": "not-yet",
    }
    answers["history"] = {
        "child-words-absent": "none-too-young",
        "carer-accounts-absent": "nobody-present",
        "background-absent": "not-known",
        "household-absent": "not-asked",
        "demeanour-absent": "not-done",
    }


def _photographs_and_phone_consent(answers: Answers) -> None:
    answers["consent"] |= {
        "consent-form": "verbal-by-phone",
        "consent-witness": "Jo Feather",
        "photo-consent": "given",
        "photo-purpose": "The record and the court",
        "photographs": [{"photo-by": "Medical photography", "photo-held": "Image store", "photo-count": 4}],
        "family-told-sharing": "no-unsafe",
        "family-told-reason": "A threat was made.",
    }


@pytest.mark.parametrize(
    "branch",
    [
        _refused_by_a_competent_child,
        _refused_and_a_court_awaited,
        _nothing_was_written_down,
        _redirected,
        _undetermined,
        _neglect_without_injury,
        _newborn_without_number,
        _photographs_and_phone_consent,
    ],
)
def test_every_branch_of_the_form_can_be_completed(
    answers: Answers, found: Found, branch: Callable[[Answers], None]
) -> None:
    branch(answers)
    assert found(answers, now=EVENING) == []


@pytest.mark.parametrize(
    ("pointer", "codes"),
    [
        ("/episode/concern-source", ["not-known", "school"]),
        ("/examination/areas-examined", ["not-recorded", "back"]),
    ],
)
def test_not_known_stands_alone(answers: Answers, found: Found, pointer: str, codes: list[str]) -> None:
    _, section, member = pointer.split("/")
    answers[section][member] = codes
    assert found(answers) == [(pointer, "exclusive-answer")]


def test_a_refusal_that_waits_for_a_court_asks_who_decided_what_was_explained_and_what_was_done(
    answers: Answers, found: Found
) -> None:
    _refused_and_a_court_awaited(answers)
    for member in ("consent-by", "consent-told", "refusal-advice"):
        del answers["consent"][member]
    assert found(answers) == [
        ("/consent/consent-by", "missing"),
        ("/consent/consent-told", "missing"),
        ("/consent/refusal-advice", "missing"),
    ]


def test_the_head_is_measured_only_in_an_examination(answers: Answers, found: Found) -> None:
    answers["examination"]["head-circumference"] = 52
    assert found(answers) == []
    _not_examined(answers, "not-brought", "examination-declined")
    answers["examination"]["head-circumference"] = 52
    assert found(answers) == [("/examination/head-circumference", "hidden-question")]


def test_a_sign_language_interpreter_has_a_reference(answers: Answers, found: Found) -> None:
    answers["child"] |= {"interpreter": "sign-language", "interpreter-reference": "NRCPD 9999"}
    assert found(answers) == []
    answers["child"]["interpreter"] = "needed-not-available"
    assert found(answers) == [("/child/interpreter-reference", "hidden-question")]
