"""What holds for every outcome: its reference, who is told, the guard against the wrong child, what a signature covers.

Pure: facts come in, decisions go out.
"""

import hashlib
import re
import secrets
import unicodedata
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any, Final, Literal
from uuid import UUID

from app.errors import DomainError, Problem
from app.people.rules import RECIPIENT_ROLES, DirectoryMember, DirectoryTeam
from app.questionnaires import canonical
from app.sites.rules import StandingRecipient

State = Literal["draft", "discarded", "signed", "amending", "withdrawn"]

REASON_CODES: Final = ("wrong-child", "entered-in-error", "other")

# Without 0 O, 1 I L, and one of each other pair that handwriting confuses (2 Z, 5 S, 8 B, V U); without vowels, so that
# no word comes out. 25 signs in 6 places: 244 million references.
_ALPHABET: Final = "23456789CDFGHJKMNPQRTVWXY"
_REFERENCE = re.compile(f"[{_ALPHABET}]{{4}}-[{_ALPHABET}]{{2}}")
_ROWS = "/answers/sharing/recipients"


@dataclass(frozen=True, slots=True)
class PlannedRecipient:
    """A person or (with no account) a team that the signature will entitle and tell. reason: in words, for people."""

    role: str
    team_id: UUID
    account_id: UUID | None
    name: str
    organisation_name: str
    reason: str


def new_reference() -> str:
    """A random reference such as 7Q4K-2P. It says nothing of the child, the site or the time."""
    signs = "".join(secrets.choice(_ALPHABET) for _ in range(6))
    return f"{signs[:4]}-{signs[4:]}"


def normal_reference(text: str) -> str | None:
    """A reference as stored, from what a person typed; None if it cannot be one."""
    reference = text.strip().upper()
    return reference if _REFERENCE.fullmatch(reference) else None


def state_of(*, has_draft: bool, versions: int, is_withdrawn: bool) -> State:
    """Where an outcome stands. For readers other than the author call it with `has_draft` False (lessons.md, 35)."""
    if is_withdrawn:
        return "withdrawn"
    if versions:
        return "amending" if has_draft else "signed"
    return "draft" if has_draft else "discarded"


def recipients_for(
    answers: Mapping[str, Any],
    *,
    teams: Mapping[str, DirectoryTeam],
    always: Sequence[StandingRecipient],
    told_before: Sequence[PlannedRecipient] = (),
) -> tuple[PlannedRecipient, ...]:
    """Everyone to be told, each once, the first reason winning.

    For each row of H3 the named person and always the team's duty inbox (lessons.md, 16); then the site's standing
    recipients; then everyone who was told of an earlier version. Rows with problems are passed over: a draft shows
    them (`problems_in_recipients`) and a signature is refused for them.
    """
    planned: dict[tuple[UUID, UUID | None], PlannedRecipient] = {}
    chosen = [one for row in _rows(answers) for one in _of_row(row, teams)]
    standing = [_team_recipient(teams[one.team], one.role, one.reason) for one in always if one.team in teams]
    for one in (*chosen, *standing, *told_before):
        planned.setdefault((one.team_id, one.account_id), one)
    return tuple(planned.values())


def problems_in_recipients(answers: Mapping[str, Any], teams: Mapping[str, DirectoryTeam]) -> list[Problem]:
    """What is wrong with the rows of H3 against the directory, each with its pointer into the request."""
    return [problem for number, row in enumerate(_rows(answers)) for problem in _problems_in_row(number, row, teams)]


def check_social_worker_is_told(recipients: Sequence[PlannedRecipient]) -> None:
    """Raise incomplete if no social worker would be told (domain.md, H3)."""
    if not any(one.role == "social-worker" for one in recipients):
        problem = Problem(_ROWS, "missing", "Name at least one social worker's team.")
        raise DomainError("incomplete", "Nobody in children's social care would be told.", problems=[problem])


def check_wrong_child_guard(answers: Mapping[str, Any], surname: str, birth_date: date) -> None:
    """Raise wrong-child unless surname and date of birth, typed again, are those in the answers (domain.md 7.3).

    Upper and lower case, runs of spaces, the form of an apostrophe and Unicode composition do not count.
    """
    problems = []
    if not _is_surname(answers, surname):
        problems.append(Problem("/surname", "differs", "This is not the surname in the record."))
    if not _is_birth_date(answers, birth_date):
        problems.append(Problem("/birth_date", "differs", "This is not the date of birth in the record."))
    if problems:
        raise DomainError(
            "wrong-child",
            "What you typed does not match this record. Make sure that it is about the right child.",
            problems=problems,
        )


def is_child(answers: Mapping[str, Any], surname: str, birth_date: date) -> bool:
    """Whether the answers are about a child of this surname and date of birth, as `check_wrong_child_guard` reads."""
    return _is_surname(answers, surname) and _is_birth_date(answers, birth_date)


def normal_nhs_number(typed: str) -> str | None:
    """The ten digits, without the spaces and hyphens that people write between them; None if that is no number."""
    digits = re.sub(r"[ -]", "", typed)
    return digits if re.fullmatch(r"[0-9]{10}", digits) else None


def problems_in_withdrawal(reason_code: str, reason: str, incident_number: str | None) -> list[Problem]:
    """What is wrong with the words of a withdrawal."""
    problems = problems_in_reason(reason, "/reason")
    if reason_code not in REASON_CODES:
        problems.append(Problem("/reason_code", "not-offered", f"Choose one of {', '.join(REASON_CODES)}."))
    if incident_number is not None and not (0 < len(incident_number) <= 60 and incident_number.isprintable()):
        problems.append(Problem("/incident_number", "wrong-format", "Use one line of at most 60 characters."))
    return problems


def problems_in_reason(reason: str, pointer: str) -> list[Problem]:
    """A reason must say something, in at most 2,000 characters without control characters but line breaks."""
    if not reason.strip():
        return [Problem(pointer, "missing", "Say why, in words for those who receive it.")]
    if len(reason) > 2000:
        return [Problem(pointer, "too-long", "Use at most 2000 characters.")]
    if any(unicodedata.category(sign) in ("Cc", "Cf", "Cs") and sign != "\n" for sign in reason):
        return [Problem(pointer, "control-character", "Leave out control characters.")]
    return []


def content_sha256(content: Mapping[str, Any]) -> str:
    """SHA-256 in hex of the canonical JSON (RFC 8785) of what was signed; see `signing.signed_content`."""
    return hashlib.sha256(canonical(dict(content))).hexdigest()


def _rows(answers: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    rows: list[Mapping[str, Any]] = answers.get("sharing", {}).get("recipients", [])
    return rows


def _of_row(row: Mapping[str, Any], teams: Mapping[str, DirectoryTeam]) -> Iterator[PlannedRecipient]:
    team = teams.get(row.get("recipient-team", ""))
    if team is None:
        return
    role = row.get("recipient-role", team.role)
    given = row.get("recipient-reason")
    person = _member(team, row.get("recipient-person"))
    if person is not None:
        reason = given or f"Named on the outcome as {RECIPIENT_ROLES[role]}"
        yield PlannedRecipient(role, team.id, person.account_id, person.name, team.organisation_name, reason)
        yield _team_recipient(team, role, f"Duty inbox of the team of {person.name}")
    else:
        yield _team_recipient(team, role, given or f"Team named on the outcome as {RECIPIENT_ROLES[role]}")


def _problems_in_row(number: int, row: Mapping[str, Any], teams: Mapping[str, DirectoryTeam]) -> Iterator[Problem]:
    code = row.get("recipient-team")
    if code is None:
        return  # the form says that it is missing
    team = teams.get(code)
    pointer = f"{_ROWS}/{number}"
    if team is None:
        yield Problem(f"{pointer}/recipient-team", "unknown-team", "There is no team with this code in the directory.")
        return
    if row.get("recipient-role", "other") not in (team.role, "other"):
        yield Problem(f"{pointer}/recipient-role", "wrong-role", f"The directory lists this team as {team.role}.")
    if row.get("recipient-person") is not None and _member(team, row["recipient-person"]) is None:
        yield Problem(f"{pointer}/recipient-person", "not-a-member", "This person is not in this team now.")


def _member(team: DirectoryTeam, email: str | None) -> DirectoryMember | None:
    wanted = (email or "").strip().lower()
    return next((member for member in team.members if member.email == wanted), None)


def _team_recipient(team: DirectoryTeam, role: str, reason: str) -> PlannedRecipient:
    return PlannedRecipient(role, team.id, None, team.name, team.organisation_name, reason)


def _is_surname(answers: Mapping[str, Any], surname: str) -> bool:
    return _folded(surname) == _folded(answers.get("child", {}).get("surname", ""))


def _is_birth_date(answers: Mapping[str, Any], birth_date: date) -> bool:
    return bool(birth_date.isoformat() == answers.get("child", {}).get("birth-date"))


def _folded(text: str) -> str:
    composed = unicodedata.normalize("NFC", text).replace("’", "'")
    return " ".join(composed.split()).casefold()
