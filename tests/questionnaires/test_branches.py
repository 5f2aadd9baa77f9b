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
