"""What the outcome's tables keep encrypted, in plain form: the only module that opens and closes it.

Each field is bound to its row and to the draft's revision or the version's number, so that nothing stored can stand in
the place of something else. The key is that of the outcome (docs/decisions/0008-encryption-at-rest.md).
"""

import json
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any
from uuid import UUID

from sqlmodel import Session

from app.encryption import Place, decrypt, decrypt_text, encrypt, encrypt_text
from app.outcomes.rules import PlannedRecipient
from app.outcomes.tables import Draft, OutcomeVersion, Recipient, Withdrawal


@dataclass(frozen=True, slots=True)
class OpenDraft:
    """A draft with its answers."""

    outcome_id: UUID
    revision: int
    form_version: str
    answers: dict[str, Any]
    amends_number: int | None
    saved_by: UUID
    saved_at: datetime


@dataclass(frozen=True, slots=True)
class SignedVersion:
    """A signed version with its answers and its amendment's reason."""

    id: UUID
    outcome_id: UUID
    number: int
    form_version: str
    answers: dict[str, Any]
    content_sha256: str
    signed_by: UUID
    signed_at: datetime
    signer_name: str
    signer_grade: str | None
    signer_registration: str | None
    formal_report_due: date
    amends_number: int | None
    amendment_reason: str | None


@dataclass(frozen=True, slots=True)
class ToldRecipient:
    """Someone entitled to one version, with the reason in words."""

    id: UUID
    version_id: UUID
    role: str
    team_id: UUID
    account_id: UUID | None
    name: str
    organisation_name: str
    reason: str


@dataclass(frozen=True, slots=True)
class OpenWithdrawal:
    """That an outcome was taken back, and why."""

    id: UUID
    outcome_id: UUID
    reason_code: str
    reason: str
    incident_number: str | None
    withdrawn_by: UUID
    withdrawn_at: datetime


def open_draft(session: Session, draft: Draft) -> OpenDraft:
    """The draft with its answers. Raises RecordDamagedError, KeyAwayError, as all that opens."""
    place = _of_draft(draft.outcome_id, draft.revision)
    return OpenDraft(
        outcome_id=draft.outcome_id,
        revision=draft.revision,
        form_version=draft.form_version,
        answers=json.loads(decrypt(session, draft.outcome_id, place, draft.answers_encrypted)),
        amends_number=draft.amends_number,
        saved_by=draft.saved_by,
        saved_at=draft.saved_at,
    )


def closed_answers(session: Session, outcome_id: UUID, revision: int, answers: dict[str, Any]) -> bytes:
    """Answers as a draft of that revision keeps them."""
    return encrypt(session, outcome_id, _of_draft(outcome_id, revision), _json(answers))


def open_version(session: Session, version: OutcomeVersion) -> SignedVersion:
    """The version with its answers."""
    place = _of_version("answers", version.id, version.number)
    return SignedVersion(
        id=version.id,
        outcome_id=version.outcome_id,
        number=version.number,
        form_version=version.form_version,
        answers=json.loads(decrypt(session, version.outcome_id, place, version.answers_encrypted)),
        content_sha256=version.content_sha256,
        signed_by=version.signed_by,
        signed_at=version.signed_at,
        signer_name=version.signer_name,
        signer_grade=version.signer_grade,
        signer_registration=version.signer_registration,
        formal_report_due=version.formal_report_due,
        amends_number=version.amends_number,
        amendment_reason=amendment_reason(session, version),
    )


def amendment_reason(session: Session, version: OutcomeVersion) -> str | None:
    """Why the version replaced another; None for the first. Its answers stay closed."""
    place = _of_version("amendment_reason", version.id, version.number)
    return decrypt_text(session, version.outcome_id, place, version.amendment_reason_encrypted)


def closed_version(session: Session, version: SignedVersion) -> OutcomeVersion:
    """The row that keeps the version."""
    answers, reason = (_of_version(name, version.id, version.number) for name in ("answers", "amendment_reason"))
    return OutcomeVersion(
        id=version.id,
        outcome_id=version.outcome_id,
        number=version.number,
        form_version=version.form_version,
        answers_encrypted=encrypt(session, version.outcome_id, answers, _json(version.answers)),
        content_sha256=version.content_sha256,
        signed_by=version.signed_by,
        signed_at=version.signed_at,
        signer_name=version.signer_name,
        signer_grade=version.signer_grade,
        signer_registration=version.signer_registration,
        formal_report_due=version.formal_report_due,
        amends_number=version.amends_number,
        amendment_reason_encrypted=encrypt_text(session, version.outcome_id, reason, version.amendment_reason),
    )


def open_recipient(session: Session, version: OutcomeVersion, recipient: Recipient) -> ToldRecipient:
    """A recipient of the version, with the reason."""
    place = _of_recipient(recipient.id, version.number)
    return ToldRecipient(
        id=recipient.id,
        version_id=recipient.version_id,
        role=recipient.role,
        team_id=recipient.team_id,
        account_id=recipient.account_id,
        name=recipient.name,
        organisation_name=recipient.organisation_name,
        reason=decrypt(session, version.outcome_id, place, recipient.reason_encrypted).decode("utf-8"),
    )


def closed_recipient(session: Session, version: SignedVersion, recipient_id: UUID, told: PlannedRecipient) -> Recipient:
    """The row that keeps a recipient of the version."""
    place = _of_recipient(recipient_id, version.number)
    return Recipient(
        id=recipient_id,
        version_id=version.id,
        role=told.role,
        team_id=told.team_id,
        account_id=told.account_id,
        name=told.name,
        organisation_name=told.organisation_name,
        reason_encrypted=encrypt(session, version.outcome_id, place, told.reason.encode("utf-8")),
    )


def open_withdrawal(session: Session, withdrawal: Withdrawal) -> OpenWithdrawal:
    """The withdrawal with its reason and incident number."""
    reason, incident = (_of_withdrawal(name, withdrawal.id) for name in ("reason", "incident_number"))
    return OpenWithdrawal(
        id=withdrawal.id,
        outcome_id=withdrawal.outcome_id,
        reason_code=withdrawal.reason_code,
        reason=decrypt(session, withdrawal.outcome_id, reason, withdrawal.reason_encrypted).decode("utf-8"),
        incident_number=decrypt_text(session, withdrawal.outcome_id, incident, withdrawal.incident_number_encrypted),
        withdrawn_by=withdrawal.withdrawn_by,
        withdrawn_at=withdrawal.withdrawn_at,
    )


def closed_withdrawal(session: Session, withdrawal: OpenWithdrawal) -> Withdrawal:
    """The row that keeps the withdrawal."""
    reason, incident = (_of_withdrawal(name, withdrawal.id) for name in ("reason", "incident_number"))
    return Withdrawal(
        id=withdrawal.id,
        outcome_id=withdrawal.outcome_id,
        reason_code=withdrawal.reason_code,
        reason_encrypted=encrypt(session, withdrawal.outcome_id, reason, withdrawal.reason.encode("utf-8")),
        incident_number_encrypted=encrypt_text(session, withdrawal.outcome_id, incident, withdrawal.incident_number),
        withdrawn_by=withdrawal.withdrawn_by,
        withdrawn_at=withdrawal.withdrawn_at,
    )


def _of_draft(outcome_id: UUID, revision: int) -> Place:
    return Place("draft", "answers", outcome_id, revision)


def _of_version(column: str, version_id: UUID, number: int) -> Place:
    return Place("outcome_version", column, version_id, number)


def _of_recipient(recipient_id: UUID, number: int) -> Place:
    return Place("recipient", "reason", recipient_id, number)


def _of_withdrawal(column: str, withdrawal_id: UUID) -> Place:
    return Place("withdrawal", column, withdrawal_id)


def _json(answers: dict[str, Any]) -> bytes:
    return json.dumps(answers, separators=(",", ":")).encode("ascii")
