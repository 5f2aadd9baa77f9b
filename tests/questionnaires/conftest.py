"""The form, and complete answers for worked case 2 (the school-age slap mark)."""

from collections.abc import Callable
from copy import deepcopy
from typing import Any

import pytest

from app.questionnaires import Form, load_forms, problems_in

EPISODE = {
    "examined-where": "assessment-unit",
    "medical-type": "physical",
    "requested-by": "childrens-services",
    "referral-received": "2026-06-01T11:20:00+01:00",
    "strategy-discussion": "yes-with-doctor",
    "strategy-discussion-at": "2026-06-01T12:30:00+01:00",
    "legal-status": ["section-47"],
    "cp-is": "neither",
    "cp-is-checked-at": "2026-06-01T12:00:00+01:00",
    "concern-source": ["school", "child"],
    "concern": "Marks on the left arm and cheek, seen by his teacher.",
}
CHILD = {
    "surname": "Marwood",
    "forenames": "Leo",
    "birth-date": "2019-03-14",
    "nhs-number": "9990002371",
    "address": "7 Larch Walk",
    "language": "English",
    "interpreter": "not-needed",
    "disability-absent": "none",
    "independently-mobile": "yes",
    "gp-practice": "Quay Surgery",
    "parental-responsibility": [{"pr-name": "Dana Marwood", "pr-relation": "mother", "pr-present": "yes"}],
}
CONSENT = {
    "examination-consent": "given",
    "consent-by": "parental-responsibility-holder",
    "consent-form": "written",
    "consent-told": ["purpose", "use-in-court", "images", "right-to-refuse"],
    "photo-consent": "refused",
    "family-told-sharing": "yes",
    "present": [{"present-name": "Dana Marwood", "present-role": "mother"}],
    "chaperone": "yes",
    "chaperone-name": "Jo Feather",
    "chaperone-role": "staff nurse",
    "seen-alone": "yes",
}
HISTORY = {
    "child-words": "“Dad smacked me for the juice”",
    "child-words-to": "Dr Kerrin",
    "carer-accounts": [{"account-by": "father", "account-words": "Denies it."}],
    "background": "Well. No medicines. No bleeding in the family.",
    "household": [{"household-name": "Dana Marwood", "household-relation": "mother"}],
    "demeanour": "Quiet, answered readily.",
}
INJURY = {
    "injury-number": 1,
    "injury-view": "left",
    "injury-x": 0.42,
    "injury-y": 0.31,
    "injury-type": "bruise",
    "injury-site": "upper-arm",
    "injury-side": "left",
    "injury-length": 6,
    "injury-width": 1,
    "injury-size-how": "measured",
    "injury-shape": "Parallel lines with finger-width gaps",
    "injury-colours": ["red", "purple"],
    "injury-explanations": [{"explanation-words": "“Dad smacked me”", "explanation-by": "Leo"}],
    "injury-fit": "fits",
    "injury-likelihood": "L5",
}
EXAMINATION = {
    "examination-done": "yes",
    "started-at": "2026-06-01T14:10:00+01:00",
    "ended-at": "2026-06-01T14:50:00+01:00",
    "examined-by": {"examiner-name": "Dr Asha Kerrin", "examiner-grade": "consultant", "examiner-gmc": "9900001"},
    "consultant-discussed": "consultant-examined",
    "areas-examined": ["head-and-face", "front", "back", "limbs"],
    "genital-anal": "not-indicated",
    "weight": 23.4,
    "height-absent": "not-done",
    "height-absent-reason": "Measure broken",
    "general-condition": "Clean, well nourished.",
    "injuries": [INJURY],
    "investigations-absent": "none-needed",
}
OPINION = {
    "overall-likelihood": "L5",
    "neglect": "N0",
    "opinion-reason": "A patterned mark that a hand leaves; the child says so.",
    "alternatives": "A fall does not leave parallel lines.",
    "category": ["physical"],
    "significant-harm": "yes",
    "health-concerns-absent": "none",
    "safe-to-return": "not-until",
    "not-until": "until the strategy discussion has decided",
}
RECOMMENDATIONS = {
    "treatment-absent": "none",
    "disposal": "discharged-home",
    "follow-up-absent": "none-needed",
    "asked-of": [{"asked-agency": "police", "asked-action": "Interview", "asked-needs-action": True}],
    "sibling-checks-absent": "no-other-children",
    "discussed-with": [{"discussed-name": "Priya Dunmore", "discussed-role": "social worker"}],
}
SHARING = {"recipients": [{"recipient-role": "social-worker", "recipient-team": "meon-assessment"}]}


@pytest.fixture(scope="session")
def form() -> Form:
    return load_forms().latest("cp-medical-outcome")


@pytest.fixture
def answers() -> dict[str, Any]:
    """Complete answers for case 2, free to change."""
    return deepcopy(
        {
            "episode": EPISODE,
            "child": CHILD,
            "consent": CONSENT,
            "history": HISTORY,
            "examination": EXAMINATION,
            "opinion": OPINION,
            "recommendations": RECOMMENDATIONS,
            "sharing": SHARING,
        }
    )


Found = Callable[..., list[tuple[str, str]]]


@pytest.fixture
def found(form: Form) -> Found:
    """Pointer and code of every problem."""

    def problems(answers: Any, *, complete: bool = True, **options: Any) -> list[tuple[str, str]]:
        problems = problems_in(form, answers, complete=complete, **options)
        return [(problem.pointer, problem.code) for problem in problems]

    return problems
