"""Finding a child's outcomes without knowing their references. For operators: a subject's request, a misfiled record.

No door shows this to anyone else: a search by name would be a way to ask whether a child is known here.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from typing import Any
from uuid import UUID

from sqlmodel import Session, col, select

from app.db import insert_if_absent
from app.encryption import RecordDamagedError, blind_index
from app.outcomes import rules
from app.outcomes.contents import SignedVersion, open_draft, open_version
from app.outcomes.tables import Draft, NhsNumberIndex, Outcome, OutcomeVersion

_KIND = "nhs-number"


@dataclass(frozen=True, slots=True)
class FoundByName:
    """The outcomes about a child, and those that do not open, of which nobody can say whom they are about."""

    outcomes: tuple[Outcome, ...]
    unreadable: tuple[UUID, ...]


def outcomes_by_nhs_number(session: Session, number: str) -> list[Outcome]:
    """Every outcome with a signed version that has this NHS number, also one that was withdrawn; oldest first.

    number: ten digits, with or without spaces and hyphens; anything else finds nothing. Raises KeyAwayError.
    """
    digits = rules.normal_nhs_number(number)
    if digits is None:
        return []
    digest = blind_index(session, _KIND, digits)
    wanted = select(Outcome).join(NhsNumberIndex).where(NhsNumberIndex.digest == digest)
    return list(session.exec(wanted.order_by(col(Outcome.begun_at), col(Outcome.id))))


def outcomes_by_name(session: Session, surname: str, birth_date: date) -> FoundByName:
    """Every outcome in which a version or the draft is about a child of this surname and date of birth; oldest first.

    Opens every record there is (some thousands a second), and compares as the guard against the wrong child does.
    """
    found, unreadable = [], []
    for outcome in session.exec(select(Outcome).order_by(col(Outcome.begun_at), col(Outcome.id))).all():
        try:
            if any(rules.is_child(answers, surname, birth_date) for answers in _every_answers(session, outcome.id)):
                found.append(outcome)
        except RecordDamagedError:
            unreadable.append(outcome.id)
    return FoundByName(tuple(found), tuple(unreadable))


def outcomes_of_same_child(session: Session, outcome_id: UUID) -> set[UUID]:
    """This outcome and every other that shares an NHS number with it, as far as those are known."""
    mine = select(NhsNumberIndex.digest).where(NhsNumberIndex.outcome_id == outcome_id)
    theirs = select(NhsNumberIndex.outcome_id).where(col(NhsNumberIndex.digest).in_(mine))
    return {outcome_id, *session.exec(theirs)}


def index_nhs_number(session: Session, version: SignedVersion) -> None:
    """Make the outcome findable by the NHS number in this version, if it has one. In the signing transaction."""
    digits = rules.normal_nhs_number(version.answers.get("child", {}).get("nhs-number", ""))
    if digits is not None:
        digest = blind_index(session, _KIND, digits)
        insert_if_absent(session, NhsNumberIndex(outcome_id=version.outcome_id, digest=digest))


def _every_answers(session: Session, outcome_id: UUID) -> Iterator[dict[str, Any]]:
    for version in session.exec(select(OutcomeVersion).where(OutcomeVersion.outcome_id == outcome_id)):
        yield open_version(session, version).answers
    draft = session.get(Draft, outcome_id)
    if draft is not None:
        yield open_draft(session, draft).answers
