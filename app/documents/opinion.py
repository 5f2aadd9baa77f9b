"""The opinion and what each agency is asked: the first thing on the paper. Pure."""

from app.documents.facts import Seen, facts_beside, lines_of
from app.documents.parts import Ask, Opinion, Step
from app.questionnaires.visibility import is_enabled


def opinion_of(seen: Seen) -> Opinion:
    """The opinion in words, with the whole scale so that a reader sees where it stands."""
    scale = seen.form.item("overall-likelihood")
    code = seen.code("overall-likelihood")
    evidence = seen.value("neglect-evidence")
    until = seen.words("not-until")
    return Opinion(
        code=code,
        likelihood=seen.words("overall-likelihood"),
        steps=tuple(Step(option.code, option.code == code) for option in scale.options),
        reason=seen.paragraphs("opinion-reason"),
        safe_to_return=seen.words("safe-to-return") + (f": {until}" if until else ""),
        significant_harm=seen.words("significant-harm"),
        neglect=seen.words("neglect"),
        neglect_evidence=lines_of(seen.form.item("neglect-evidence"), evidence) if evidence else (),
        facts=facts_beside("opinion", seen),
    )


def absence_words(seen: Seen) -> str:
    """The form's own fixed sentence on the absence of signs, where the form shows it; else an empty string."""
    footer = seen.form.item("no-injury-footer")
    trail = (seen.answers, seen.answers.get("opinion", {}))
    return footer.text if is_enabled(seen.form, footer, trail) else ""


def asks_of(seen: Seen) -> tuple[Ask, ...]:
    """One line for each thing that is asked of an agency, in the order the clinician wrote them."""
    agency = seen.form.item("asked-agency")
    return tuple(
        Ask(
            agency=row.get("asked-agency-other") or lines_of(agency, row["asked-agency"])[0],
            action=row["asked-action"],
            needs_action=row.get("asked-needs-action") is True,
        )
        for row in seen.value("asked-of") or ()
    )
