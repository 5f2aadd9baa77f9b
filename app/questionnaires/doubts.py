"""Answers that are possible together and seldom meant: asked back, and never in the way of a signature.

Each rule gives the pointers to look at again; `constraints` gives it its name.
"""

from collections.abc import Iterator

from app.questionnaires.contradictions import LIKELY
from app.questionnaires.said import Said, row_of

REFUSED = ("refused", "refused-by-parent")
EXAMINED = ("yes", "in-part")


def likely_without_an_injury(said: Said) -> Iterator[str]:
    """Possible, for example after a poisoning; more often the neglect axis was meant (domain.md §2.3)."""
    if said.first("no-injury-seen") is True and said.first("overall-likelihood") == "L4":
        yield said.all("overall-likelihood")[0].pointer


def undetermined_beside_another_opinion(said: Said) -> Iterator[str]:
    """L3 overall beside an injury at L4 or L5, or L0 to L2 overall beside an injury at L3.

    Either may be true, such as a likely slap mark while a test for the other bruises is awaited.
    """
    overall = said.first("overall-likelihood")
    injuries = {answer.value for answer in said.all("injury-likelihood")}
    if (overall == "L3" and injuries & set(LIKELY)) or (overall in ("L0", "L1", "L2") and "L3" in injuries):
        yield said.all("overall-likelihood")[0].pointer


def trainee_without_a_consultant(said: Said) -> Iterator[str]:
    """A trainee discusses each case with a consultant (domain.md E3).

    Asked and not demanded: nothing in this form may delay the outcome, least of all a consultant who cannot
    be reached at night. What was not discussed is said openly on the document.
    """
    if said.first("consultant-discussed") in ("not-discussed", "not-needed"):
        yield from _where_a_trainee_answered(said)


def trainee_where_a_consultant_saw_the_child(said: Said) -> Iterator[str]:
    """The record names a trainee alone, so a reader cannot tell which consultant it was."""
    if said.first("consultant-discussed") == "consultant-examined":
        yield from _where_a_trainee_answered(said)


def refused_but_examined(said: Said) -> Iterator[str]:
    if said.first("examination-consent") in REFUSED and said.first("examination-done") in EXAMINED:
        yield said.all("examination-done")[0].pointer


def redirected_but_examined(said: Said) -> Iterator[str]:
    """The sexual assault referral centre examines, so that the child is examined once (domain.md G7)."""
    if said.first("medical-type") == "sexual-concern" and said.first("examination-done") == "yes":
        yield said.all("examination-done")[0].pointer


def genital_and_anal_area_differs(said: Said) -> Iterator[str]:
    ticked = any(answer.value == "genital-and-anal" for answer in said.all("areas-examined"))
    if ticked and said.first("genital-anal") in ("not-indicated", "not-offered", "offered-and-declined"):
        yield said.all("genital-anal")[0].pointer


def fits_without_an_explanation(said: Said) -> Iterator[str]:
    explained = _explained_injuries(said)
    for fit in said.all("injury-fit"):
        if fit.value == "fits" and row_of(fit) not in explained:
            yield fit.pointer


def explanation_not_judged(said: Said) -> Iterator[str]:
    explained = _explained_injuries(said)
    for fit in said.all("injury-fit"):
        if fit.value == "none-given" and row_of(fit) in explained:
            yield fit.pointer


def measured_without_a_length(said: Said) -> Iterator[str]:
    for how in said.all("injury-size-how"):
        if how.value == "measured" and said.beside(how, "injury-length") is None:
            yield f"{row_of(how)}/injury-length"


def _where_a_trainee_answered(said: Said) -> Iterator[str]:
    if said.first("examiner-grade") == "specialty-trainee":
        yield said.all("consultant-discussed")[0].pointer


def _explained_injuries(said: Said) -> set[str]:
    """The pointers of the injuries that have an explanation."""
    return {row.pointer.partition("/injury-explanations/")[0] for row in said.all("injury-explanations")}
