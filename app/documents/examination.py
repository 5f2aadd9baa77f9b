"""Whether the child was examined, and what the banner may say of when this was written. Pure."""

from app.documents.facts import Seen


def not_examined_words(seen: Seen) -> str:
    """That there was no examination, and why; an empty string when there was one, if only in part."""
    if seen.code("examination-done") != "no":
        return ""
    reason = seen.words("examination-not-done-reason-other") or seen.words("examination-not-done-reason")
    return f"Not examined. {reason}".strip()


def occasion_of(seen: Seen, amended_on: str) -> str:
    """What follows "Preliminary." in the banner; claims a medical only where there was one.

    amended_on: the day an amendment was signed, in words; empty for a first version.
    """
    amended = f"Amended {amended_on}." if amended_on else ""
    if seen.code("examination-done") == "no":
        return f"No examination took place. {amended}".rstrip()
    if seen.code("overall-likelihood") == "LX":
        return f"Written without an opinion. {amended}".rstrip()
    return amended or "Written at the time of the medical."
