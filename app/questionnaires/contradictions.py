"""Answers that cannot both be true, so nobody signs them. They are told before a signature, never on a draft.

Each rule gives the pointers at which it is broken; `constraints` gives it its name. Likelihood L0-L5 and LX:
domain.md §2.3. Neglect is a separate axis and contradicts none of them.
"""

from collections.abc import Iterator

from app.questionnaires.said import Said

# From least to most likely. L3 (not able to say) stands beside the ladder: `doubts` asks about it.
LADDER = ("L0", "L1", "L2", "L4", "L5")
LIKELY = ("L4", "L5")
OPPOSITE = {"left": "right", "right": "left"}


def none_seen_needs_an_examination(said: Said) -> Iterator[str]:
    """Nobody looked, so “no injury seen” would be read as a finding."""
    if said.first("examination-done") == "no" and said.first("no-injury-seen") is True:
        yield said.all("no-injury-seen")[0].pointer


def overall_opinion_needs_an_examination(said: Said) -> Iterator[str]:
    """Marks that were visible may be described and judged one by one; the child as a whole was not examined."""
    if said.first("examination-done") == "no" and said.first("overall-likelihood") not in (None, "LX"):
        yield said.all("overall-likelihood")[0].pointer


def no_opinion_fits_the_injuries(said: Said) -> Iterator[str]:
    """LX beside an opinion on an injury.

    After a whole examination the overall opinion is owed; L3 is always open. When the examination stopped
    part-way, LX may stand beside a graze (L1, L2) or an unclear mark (L3), but a likely non-accidental injury
    must not be hidden behind “no opinion”. Without examination, visible marks may be judged beside LX.
    """
    if said.first("overall-likelihood") != "LX":
        return
    injuries = [answer.value for answer in said.all("injury-likelihood")]
    match said.first("examination-done"):
        case "yes":
            contradicts = bool(injuries)
        case "in-part":
            contradicts = any(likelihood in LIKELY for likelihood in injuries)
        case _:
            contradicts = False
    if contradicts:
        yield said.all("overall-likelihood")[0].pointer


def overall_opinion_fits_the_injuries(said: Said) -> Iterator[str]:
    """The child as a whole is at least as likely harmed as by the likeliest single injury, from L4 up."""
    overall = said.first("overall-likelihood")
    if overall in LADDER and any(
        answer.value in LIKELY and LADDER.index(overall) < LADDER.index(answer.value)
        for answer in said.all("injury-likelihood")
    ):
        yield said.all("overall-likelihood")[0].pointer


def highly_likely_needs_an_injury(said: Said) -> Iterator[str]:
    """L5 rests on a finding; a fracture on a scan is one too, and has its row under “Injuries and marks”."""
    if said.first("no-injury-seen") is True and said.first("overall-likelihood") == "L5":
        yield said.all("overall-likelihood")[0].pointer


def side_of_the_body_fits_the_view(said: Said) -> Iterator[str]:
    """The left-hand figure of the body map shows only the left side of the child, and the right-hand the right."""
    for view in said.all("injury-view"):
        side = said.beside(view, "injury-side")
        if side is not None and side.value == OPPOSITE.get(view.value):
            yield side.pointer
