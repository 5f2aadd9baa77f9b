"""The named rules behind `questionnaire-constraint`: the key in the form is the key of RULES.

Each rule looks at the answers that are shown and well formed, and gives the pointers at which it is broken.
Rules declared at one question run on every draft; rules declared at the whole form run before a signature.
Two opinions in one outcome: `contradictions` (they stop a signature) and `doubts` (they only ask).
Why not FHIRPath at run time: docs/decisions/0002-constraints.md.
"""

import re
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from datetime import date, datetime, timedelta
from zoneinfo import ZoneInfo

from nhs_number.validate import is_valid

from app.questionnaires import contradictions, doubts
from app.questionnaires.said import Said

# The clocks of ward computers and of the server are allowed to differ by this much.
CLOCK_TOLERANCE = timedelta(minutes=5)
# The form is for children; 18-year-olds in care or education are still seen by paediatric teams.
ADULT_YEARS = 19
LONDON = ZoneInfo("Europe/London")
# Rules that ask for something not yet said; their problem has the code "missing".
ASK = {"injuries-or-none-seen", "other-recipient-reason"}

_TEN_DIGITS = re.compile("[0-9]{10}")
_LABEL = re.compile(r"\b(malicious|vexatious|false)(ly)?\b", re.IGNORECASE)


def nhs_number_is_valid(said: Said) -> Iterator[str]:
    """Modulus 11 (NHS Data Dictionary). The library also takes spaces, hyphens and other digits; we do not.

    Ten equal digits pass modulus 11, but nobody has such a number: they are typed to fill a gap.
    """
    for answer in said.all(said.asked_at):
        if not _TEN_DIGITS.fullmatch(answer.value) or len(set(answer.value)) == 1 or not is_valid(answer.value):
            yield answer.pointer


def date_is_not_in_the_future(said: Said) -> Iterator[str]:
    for answer in said.all(said.asked_at):
        if said.now is not None and date.fromisoformat(answer.value) > said.now.astimezone(LONDON).date():
            yield answer.pointer


def time_is_not_in_the_future(said: Said) -> Iterator[str]:
    for answer in said.all(said.asked_at):
        if said.now is not None and datetime.fromisoformat(answer.value) > said.now + CLOCK_TOLERANCE:
            yield answer.pointer


def request_times_are_not_in_the_future(said: Said) -> Iterator[str]:
    """Declared at the whole form: a mistyped time of the request must not keep a draft from being saved."""
    for link_id in ("referral-received", "first-reply"):
        for answer in said.all(link_id):
            if said.now is not None and datetime.fromisoformat(answer.value) > said.now + CLOCK_TOLERANCE:
                yield answer.pointer


def examination_ends_after_it_starts(said: Said) -> Iterator[str]:
    started, ended = said.first("started-at"), said.first("ended-at")
    if started and ended and datetime.fromisoformat(ended) < datetime.fromisoformat(started):
        yield said.all("ended-at")[0].pointer


def child_is_born_and_under_19(said: Said) -> Iterator[str]:
    """On the day of the examination, or today when there was none."""
    born, started = said.first("birth-date"), said.first("started-at")
    if started:
        day = datetime.fromisoformat(started).astimezone(LONDON).date()
    elif said.now is not None:
        day = said.now.astimezone(LONDON).date()
    else:
        return
    if born:
        birth = date.fromisoformat(born)
        adult = (birth.year + ADULT_YEARS, birth.month, birth.day) <= (day.year, day.month, day.day)
        if birth > day or adult:
            yield said.all("birth-date")[0].pointer


def injury_numbers_differ(said: Said) -> Iterator[str]:
    seen: Counter[int] = Counter()
    for answer in said.all("injury-number"):
        seen[answer.value] += 1
        if seen[answer.value] == 2:
            yield answer.pointer


def injuries_or_none_seen(said: Said) -> Iterator[str]:
    if (
        said.first("examination-done") in ("yes", "in-part")
        and said.first("no-injury-seen") is not True
        and not said.all("injuries")
    ):
        yield "/examination/injuries"


def a_social_worker_is_told(said: Said) -> Iterator[str]:
    """An empty list is already reported as missing."""
    roles = [answer.value for answer in said.all("recipient-role")]
    if said.all("recipients") and "social-worker" not in roles:
        yield "/sharing/recipients"


def other_recipient_has_a_reason(said: Said) -> Iterator[str]:
    reasons = {answer.pointer for answer in said.all("recipient-reason")}
    for answer in said.all("recipient-role"):
        pointer = answer.pointer.removesuffix("role") + "reason"
        if answer.value == "other" and pointer not in reasons:
            yield pointer


def labels_have_evidence(said: Said) -> Iterator[str]:
    """Words such as “malicious” ask for evidence, who judged and when: domain.md §5.4."""
    if said.all("evidence"):
        return
    for link_id, answers in said.answers.items():
        for answer in answers:
            if link_id != "words" and isinstance(answer.value, str) and _LABEL.search(answer.value):
                yield answer.pointer


RULES: Mapping[str, Callable[[Said], Iterator[str]]] = {
    "nhs-number": nhs_number_is_valid,
    "birth-date-in-the-future": date_is_not_in_the_future,
    "started-at-in-the-future": time_is_not_in_the_future,
    "ended-at-in-the-future": time_is_not_in_the_future,
    "ended-before-started": examination_ends_after_it_starts,
    "age-at-examination": child_is_born_and_under_19,
    "request-in-the-future": request_times_are_not_in_the_future,
    "none-seen-without-examination": contradictions.none_seen_needs_an_examination,
    "opinion-without-examination": contradictions.overall_opinion_needs_an_examination,
    "no-opinion-contradicts-injury": contradictions.no_opinion_fits_the_injuries,
    "overall-contradicts-injury": contradictions.overall_opinion_fits_the_injuries,
    "none-seen-contradicts-overall": contradictions.highly_likely_needs_an_injury,
    "view-contradicts-side": contradictions.side_of_the_body_fits_the_view,
    "injury-number-twice": injury_numbers_differ,
    "injuries-or-none-seen": injuries_or_none_seen,
    "social-worker-told": a_social_worker_is_told,
    "other-recipient-reason": other_recipient_has_a_reason,
    "evidence-for-labels": labels_have_evidence,
    "likely-without-injury": doubts.likely_without_an_injury,
    "undetermined-beside-opinion": doubts.undetermined_beside_another_opinion,
    "trainee-without-consultant": doubts.trainee_without_a_consultant,
    "trainee-named-as-consultant": doubts.trainee_where_a_consultant_saw_the_child,
    "refused-but-examined": doubts.refused_but_examined,
    "redirected-but-examined": doubts.redirected_but_examined,
    "genital-anal-differs": doubts.genital_and_anal_area_differs,
    "fits-without-explanation": doubts.fits_without_an_explanation,
    "explanation-not-judged": doubts.explanation_not_judged,
    "measured-without-length": doubts.measured_without_a_length,
}
