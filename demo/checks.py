"""Did the case end as domain.md, Appendix (b) says? The answers come from the public API and the sealed PDFs."""

import json
import re
import shutil
import subprocess
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from demo.cases import Case
from demo.client import RefusedError
from demo.play import Stage, Written, answered, chased, deliveries_of, told

WHOLE_WORD_BELOW = 8


@dataclass(frozen=True)
class Ending:
    """How one outcome of a case ended, in figures, and in what it fell short (nothing, when all is as it should be).

    sealed_ms: from the signature to the sealed document. told_ms: from the signature until the local mail server had
    taken the notice of the last recipient. Both from the service's own time stamps.
    """

    case: Case
    key: str
    reference: str
    state: str
    version: int
    seal_level: str
    pages: int
    told: int
    acknowledged: int
    sealed_ms: int
    told_ms: int
    failures: tuple[str, ...]


Check = Callable[[Stage, Written, dict[str, Any]], Iterator[str]]


def judge(case: Case, key: str, stage: Stage) -> Ending:
    """Compare what the service and the PDFs say now with what the case expects."""
    written = stage.written[case.number, key]
    expected = case.expected[key]
    outcome = stage.api.read(written.author, f"/outcomes/{written.reference}")
    deliveries = deliveries_of(stage, written)
    withdrawal = deliveries_of(stage, written, "withdrawal")
    failures = [failure for check in CHECKS for failure in check(stage, written, expected)]
    version = outcome["versions"][-1]
    document = version["document"] or {"seal_level": "none", "pages": 0, "sealed_at": version["signed_at"]}
    mails = [
        attempt["ended_at"]
        for one in deliveries
        if one["channel"] == "email"
        for attempt in one["attempts"]
        if attempt["result"] == "sent"
    ]
    return Ending(
        case=case,
        key=key,
        reference=written.reference,
        state=outcome["state"],
        version=version["number"],
        seal_level=document["seal_level"],
        pages=document["pages"],
        told=len(told(deliveries)),
        acknowledged=len(answered(withdrawal or deliveries)),
        sealed_ms=_milliseconds(version["signed_at"], document["sealed_at"]),
        told_ms=_milliseconds(version["signed_at"], max(mails, default=version["signed_at"])),
        failures=tuple(failures),
    )


def pdf_text(pdf: bytes) -> str | None:
    """The words of a PDF in reading order. None without poppler's pdftotext."""
    program = shutil.which("pdftotext")
    if program is None:
        return None
    done = subprocess.run([program, "-", "-"], input=pdf, capture_output=True, check=True)
    return done.stdout.decode()


def says(text: str, words: str) -> bool:
    """Whether the words stand in the text, however it is broken into lines. Few letters must stand as a whole word."""
    if len(squeezed(words)) >= WHOLE_WORD_BELOW:
        return squeezed(words) in squeezed(text)
    whole = r"\s+".join(re.escape(word) for word in words.casefold().split())
    return re.search(rf"(?<![^\W_]){whole}(?![^\W_])", text.casefold()) is not None


def squeezed(text: str) -> str:
    """In lower case, without white space and hyphens: neither line breaks nor the grouping of numbers hide anything."""
    return re.sub(r"[\s\u00ad\u2010-\u2014-]+", "", text.casefold())


def member(answers: Any, link_id: str) -> Any:
    """The answer to a question wherever it stands, or None. Link ids are unique in a form."""
    if isinstance(answers, dict):
        if link_id in answers:
            return answers[link_id]
        answers = list(answers.values())
    if isinstance(answers, list):
        found = (member(one, link_id) for one in answers)
        return next((one for one in found if one is not None), None)
    return None


def _state(stage: Stage, written: Written, expected: dict[str, Any]) -> Iterator[str]:
    outcome = stage.api.read(written.author, f"/outcomes/{written.reference}")
    if outcome["state"] != expected["state"]:
        yield f"state is {outcome['state']}, not {expected['state']}"
    if len(outcome["versions"]) != expected["versions"]:
        yield f"has {len(outcome['versions'])} versions, not {expected['versions']}"
    for version in outcome["versions"]:
        if version["document"] is None or not version["document"]["seal_level"].startswith("B-"):
            yield f"version {version['number']} has no sealed document"
    signer = expected.get("signer", {})
    for name, value in signer.items():
        if value not in str(outcome["versions"][-1]["signer"][name]):
            yield f"signer's {name} is {outcome['versions'][-1]['signer'][name]}, not {value}"


def _answers(stage: Stage, written: Written, expected: dict[str, Any]) -> Iterator[str]:
    """What a recipient reads is what was decided."""
    if expected["state"] == "withdrawn":
        return
    version = _as_recipient(stage, expected, written, written.number)
    if not version["is_current"]:
        yield "the version is not the current one"
    for link_id, value in expected["answers"].items():
        if member(version["answers"], link_id) != value:
            yield f"{link_id} is {member(version['answers'], link_id)!r}, not {value!r}"
    listed: list[dict[str, Any]] = member(version["answers"], "injuries") or []
    injuries = {one["injury-number"]: one["injury-likelihood"] for one in listed}
    if injuries != expected.get("injuries", injuries):
        yield f"injuries are {injuries}, not {expected['injuries']}"


def _superseded(stage: Stage, written: Written, expected: dict[str, Any]) -> Iterator[str]:
    """Earlier versions stay readable, and say that they are not the last word."""
    for number, likelihood in expected.get("superseded", {}).items():
        version = _as_recipient(stage, expected, written, number)
        if version["is_current"] or version["superseded_by"] != written.number:
            yield f"version {number} does not say that version {written.number} replaced it"
        if member(version["answers"], "overall-likelihood") != likelihood:
            yield f"version {number} no longer says {likelihood}"


def _told(stage: Stage, written: Written, expected: dict[str, Any]) -> Iterator[str]:
    deliveries = deliveries_of(stage, written)
    wanted = {stage.names[one] for one in expected.get("told") or expected["asked_to_delete"]}
    if told(deliveries) != wanted:
        yield f"told {sorted(told(deliveries))}, not {sorted(wanted)}"
    if expected.get("acknowledged") == "all" and answered(deliveries) != wanted:
        yield f"not acknowledged by {sorted(wanted - answered(deliveries))}"
    if expected.get("escalated") and not chased(deliveries):
        yield "silence was not chased"


def _withdrawn(stage: Stage, written: Written, expected: dict[str, Any]) -> Iterator[str]:
    """A tombstone for readers, no document, and everyone who had it asked to delete it."""
    if expected["state"] != "withdrawn":
        return
    deliveries = deliveries_of(stage, written, "withdrawal")
    for what, found in (("asked_to_delete", told), ("confirmed", answered)):
        wanted = {stage.names[one] for one in expected[what]}
        if found(deliveries) != wanted:
            yield f"{what.replace('_', ' ')}: {sorted(found(deliveries))}, not {sorted(wanted)}"
    silent = {stage.names[one] for one in expected["chased"]}
    if not silent <= chased(deliveries):
        yield f"not chased: {sorted(silent - chased(deliveries))}"
    for who in (written.author, expected["asked_to_delete"][0]):
        version = stage.api.read(who, f"/outcomes/{written.reference}/versions/{written.number}")
        if "answers" in version or version["withdrawn"]["reason_code"] != "wrong-child":
            yield f"{who} does not read the tombstone"
        try:
            stage.api.document(who, written.reference, written.number)
            yield f"{who} can still fetch the document"
        except RefusedError as refusal:
            if " 410 " not in str(refusal):
                yield f"{who} asked for the document: {refusal}"


def _standing(stage: Stage, written: Written, expected: dict[str, Any]) -> Iterator[str]:
    """What an outsider is told about each PDF."""
    for number, pdf in written.documents.items():
        wanted = "genuine-and-current" if number == written.number else "genuine-but-superseded"
        if expected["state"] == "withdrawn":
            wanted = "withdrawn"
        if (standing := stage.api.standing(pdf)) != wanted:
            yield f"the PDF of version {number} stands as {standing}, not {wanted}"


def _words(stage: Stage, written: Written, expected: dict[str, Any]) -> Iterator[str]:
    """What must and must not stand in the PDF, and must not stand in what the API answers to a recipient."""
    text = pdf_text(written.documents[written.number])
    readable = json.dumps(_readable(stage, written, expected), ensure_ascii=False)
    for words in expected.get("printed", []):
        if text is not None and not says(text, words):
            yield f"the PDF does not say “{words}”"
    for words in expected.get("never", []):
        # What was printed before a withdrawal cannot be unprinted.
        if expected["state"] != "withdrawn" and text is not None and says(text, words):
            yield f"the PDF says “{words}”"
        if says(readable, words):
            yield f"an answer of the API says “{words}”"


CHECKS: tuple[Check, ...] = (_state, _answers, _superseded, _told, _withdrawn, _standing, _words)


def _readable(stage: Stage, written: Written, expected: dict[str, Any]) -> list[dict[str, Any]]:
    """All that the API tells the first recipient of the outcome."""
    who = (expected.get("told") or expected["asked_to_delete"])[0]
    path = f"/outcomes/{written.reference}"
    numbers = range(1, written.number + 1)
    return [
        stage.api.read(who, path),
        stage.api.read(who, path + "/deliveries"),
        *(stage.api.read(who, f"{path}/versions/{number}") for number in numbers),
    ]


def _as_recipient(stage: Stage, expected: dict[str, Any], written: Written, number: int) -> dict[str, Any]:
    return stage.api.read(expected["told"][0], f"/outcomes/{written.reference}/versions/{number}")


def _milliseconds(earlier: str, later: str) -> int:
    return round((datetime.fromisoformat(later) - datetime.fromisoformat(earlier)).total_seconds() * 1000)
