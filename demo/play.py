"""Plays the cases as the people in them would: through the public REST API, step by step, and keeps what came of it."""

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from demo.cases import Answers, Case, with_addresses, with_references
from demo.client import Api, RefusedError

PATIENCE_SECONDS = 60.0
LOOK_EVERY_SECONDS = 0.1

Step = dict[str, Any]


class SilentError(Exception):
    """Something that should have happened by itself did not, within PATIENCE_SECONDS."""


@dataclass
class Written:
    """One outcome as far as it has been played."""

    reference: str
    author: str
    case: Case
    answers: Answers = field(default_factory=dict)
    amendment_reason: str | None = None
    number: int = 0
    documents: dict[int, bytes] = field(default_factory=dict)


@dataclass
class Stage:
    """Where the play happens: the service and its directory, the folder for the PDFs, and what is written so far."""

    api: Api
    folder: Path
    written: dict[tuple[int, str], Written] = field(default_factory=dict)
    names: dict[str, str] = field(default_factory=dict)
    members: dict[str, list[str]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.folder.mkdir(parents=True, exist_ok=True)
        clinician = next(short for short in self.api.emails() if short == "asha.kerrin")
        for team in self.api.read_all(clinician, "/teams?"):
            self.names[team["code"]] = team["name"]
            self.members[team["code"]] = [member["email"].split("@")[0] for member in team["members"]]
            self.names |= {member["email"].split("@")[0]: member["name"] for member in team["members"]}


def play(case: Case, stage: Stage, tell: Callable[[str], None] = lambda words: None) -> list[str]:
    """Play one case. `tell` hears what happens. Returns what stopped it: nothing, or the one thing that went wrong."""
    try:
        _begin(case, stage)
        for step in case.steps:
            written = stage.written[case.number, step["outcome"]]
            tell(f"case {case.number}: {step['do']} {step['outcome']}")
            STEPS[step["do"]](stage, written, step)
    except (RefusedError, SilentError) as error:
        return [str(error)]
    return []


def deliveries_of(stage: Stage, written: Written, purpose: str = "outcome") -> list[dict[str, Any]]:
    """The duties to tell people of the present version (or of the withdrawal), as the author sees them."""
    path = f"/outcomes/{written.reference}/deliveries"
    return [
        one
        for one in stage.api.read_all(written.author, path + "?")
        if one["purpose"] == purpose and (purpose == "withdrawal" or one["version"] == written.number)
    ]


def answered(deliveries: list[dict[str, Any]]) -> set[str]:
    """Names of the recipients who, by any channel, have acknowledged."""
    return {one["recipient"]["name"] for one in deliveries if one["acknowledged"]}


def told(deliveries: list[dict[str, Any]]) -> set[str]:
    """Names of the recipients to whom the mail server has taken a notice."""
    sent = [one for one in deliveries if any(attempt["result"] == "sent" for attempt in one["attempts"])]
    return {one["recipient"]["name"] for one in sent if one["channel"] == "email"}


def chased(deliveries: list[dict[str, Any]]) -> set[str]:
    """Names of the recipients whose silence has been taken further."""
    return {one["recipient"]["name"] for one in deliveries if one["escalations"]}


def _begin(case: Case, stage: Stage) -> None:
    """Begin all outcomes of the case before any is written, so that they can name each other."""
    for key, outcome in case.outcomes.items():
        if case.continues:
            written = stage.written[case.continues, key]
            stage.written[case.number, key] = written
        else:
            written = Written(stage.api.begin(outcome.author, case.site), outcome.author, case)
            stage.written[case.number, key] = written
    references = {key: stage.written[case.number, key].reference for key in case.outcomes}
    for key, outcome in case.outcomes.items():
        written = stage.written[case.number, key]
        written.answers = with_addresses(with_references(outcome.answers, references), stage.api.emails())
        written.amendment_reason = outcome.amendment_reason


def _save(stage: Stage, written: Written, step: Step) -> None:
    sections = step.get("sections", list(written.answers))
    answers = {section: written.answers[section] for section in sections}
    draft = stage.api.save(written.author, written.reference, answers)
    if "sections" not in step and draft["missing"]:
        raise RefusedError(f"{written.reference}: still missing {draft['missing']}")


def _sign(stage: Stage, written: Written, step: Step) -> None:
    child = written.answers["child"]
    version = stage.api.sign(
        written.author, written.reference, child["surname"], child["birth-date"], written.amendment_reason
    )
    written.number = version["number"]


def _amend(stage: Stage, written: Written, step: Step) -> None:
    stage.api.create(written.author, f"/outcomes/{written.reference}/amendment", None)


def _wait(stage: Stage, written: Written, step: Step) -> None:
    """Until the document is sealed and a notice to every recipient has been taken by the mail server."""
    purpose = step.get("purpose", "outcome")
    if purpose == "outcome":
        _until(f"the sealed document of {written.reference}", lambda: _document_facts(stage, written) is not None)
        pdf = stage.api.document(written.author, written.reference, written.number)
        written.documents[written.number] = pdf
        (stage.folder / f"outcome-{written.reference}-v{written.number}.pdf").write_bytes(pdf)

    def everyone_told() -> bool:
        deliveries = deliveries_of(stage, written, purpose)
        return bool(deliveries) and told(deliveries) == {one["recipient"]["name"] for one in deliveries}

    _until(f"the notices of {written.reference}", everyone_told)


def _read(stage: Stage, written: Written, step: Step) -> None:
    """Read the version as a recipient, and fetch its document: the same bytes that the author has."""
    stage.api.read(step["by"], f"/outcomes/{written.reference}/versions/{written.number}")
    if stage.api.document(step["by"], written.reference, written.number) != written.documents[written.number]:
        raise RefusedError(f"{written.reference}: {step['by']} was given another document than the author")


def _read_tombstone(stage: Stage, written: Written, step: Step) -> None:
    version = stage.api.read(step["by"], f"/outcomes/{written.reference}/versions/{written.number}")
    if "answers" in version or "withdrawn" not in version:
        raise RefusedError(f"{written.reference}: {step['by']} still reads what was withdrawn")


def _acknowledge(stage: Stage, written: Written, step: Step) -> None:
    """Say "I have it" to everything of this outcome that waits for the person, or for their team."""
    who = step.get("by") or _somebody_of(stage, step["team"])
    body: dict[str, Any] = {name: step[name] for name in ("helpfulness", "note") if name in step}
    purpose = step.get("purpose", "outcome")
    waiting = [
        item
        for item in stage.api.read_all(who, "/inbox?state=waiting&")
        if item["reference"] == written.reference and item["purpose"] == purpose
        if purpose == "withdrawal" or item["version"] == written.number
    ]
    for item in waiting:
        stage.api.create(who, f"/deliveries/{item['delivery_id']}/acknowledgement", body)


def _withdraw(stage: Stage, written: Written, step: Step) -> None:
    child = written.answers["child"]
    body = {name: step[name] for name in ("reason_code", "reason", "incident_number")}
    body |= {"surname": child["surname"], "birth_date": child["birth-date"]}
    stage.api.create(written.author, f"/outcomes/{written.reference}/withdrawal", body)


def _silence(stage: Stage, written: Written, step: Step) -> None:
    """Do nothing, until every team from which nobody has answered has been chased."""
    teams = {stage.names[code] for code in stage.members}

    def all_chased() -> bool:
        deliveries = deliveries_of(stage, written, step.get("purpose", "outcome"))
        silent = {one["recipient"]["name"] for one in deliveries} & teams - answered(deliveries)
        return bool(silent) and silent <= chased(deliveries)

    _until(f"the chasing of those who keep silent on {written.reference}", all_chased)


STEPS: dict[str, Callable[[Stage, Written, Step], None]] = {
    "save": _save,
    "sign": _sign,
    "amend": _amend,
    "wait": _wait,
    "read": _read,
    "read-tombstone": _read_tombstone,
    "acknowledge": _acknowledge,
    "withdraw": _withdraw,
    "silence": _silence,
}


def _document_facts(stage: Stage, written: Written) -> dict[str, Any] | None:
    outcome = stage.api.read(written.author, f"/outcomes/{written.reference}")
    facts: list[dict[str, Any] | None] = [
        version["document"] for version in outcome["versions"] if version["number"] == written.number
    ]
    return facts[0]


def _somebody_of(stage: Stage, team: str) -> str:
    known = stage.api.emails()
    for member in stage.members[team]:
        if member in known:
            return member
    raise RefusedError(f"Nobody of {team} has a token.")


def _until(what: str, is_so: Callable[[], bool]) -> None:
    for _ in _looks():
        if is_so():
            return
    raise SilentError(f"{PATIENCE_SECONDS:.0f} seconds passed without {what}")


def _looks() -> Iterator[None]:
    deadline = time.monotonic() + PATIENCE_SECONDS
    while time.monotonic() < deadline:
        yield
        time.sleep(LOOK_EVERY_SECONDS)
