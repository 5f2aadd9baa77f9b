"""From what the stages give to what crosses the wire: field by field, so that nothing crosses by accident."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from app.api.delivery_schemas import (
    AcknowledgementTold,
    AttemptTold,
    DeliveryTold,
    EscalationTold,
    NotMineMail,
    NotMineTold,
)
from app.api.schemas import (
    DocumentFacts,
    DraftTold,
    FormNamed,
    Missing,
    OutcomeSummary,
    RecipientNamed,
    RecipientTold,
    Signer,
    VersionSummary,
    VersionTold,
    WithdrawalTold,
)
from app.deliveries.queries import Chase, DeliveryView, Mail
from app.deliveries.tables import Attempt
from app.documents.queries import Facts
from app.errors import Problem
from app.outcomes.contents import OpenWithdrawal, SignedVersion, ToldRecipient
from app.outcomes.queries import DraftView, Overview, VersionView
from app.outcomes.rules import PlannedRecipient
from app.outcomes.tables import OutcomeVersion


@dataclass(frozen=True, slots=True)
class Shown:
    """What crosses the wire of a version's answers and recipients, and JSON pointers to what of them does not."""

    answers: dict[str, Any]
    recipients: list[RecipientTold]
    withheld: list[str]


def outcome_summary(overview: Overview) -> OutcomeSummary:
    """An outcome in a list."""
    current, report = overview.current_version, overview.formal_report
    return OutcomeSummary(
        id=overview.outcome.id,
        reference=overview.outcome.reference,
        site=overview.site.code,
        state=overview.state,
        begun_at=overview.outcome.begun_at,
        current_version=current.number if current else None,
        formal_report_due=overview.formal_report_due,
        formal_report_issued_on=report.issued_on if report else None,
    )


def version_summary(
    version: OutcomeVersion | SignedVersion, document: Facts | None, *, amendment_reason: str | None
) -> VersionSummary:
    """A signed version, without its answers. amendment_reason: None also to leave it out, as it is clinical prose."""
    return VersionSummary(
        number=version.number,
        signed_at=version.signed_at,
        signer=Signer(name=version.signer_name, grade=version.signer_grade, registration=version.signer_registration),
        amends_number=version.amends_number,
        amendment_reason=amendment_reason,
        content_sha256=version.content_sha256,
        document=document_facts(document) if document else None,
    )


def document_facts(facts: Facts) -> DocumentFacts:
    """The sealed PDF of a version, without its bytes."""
    return DocumentFacts(
        sha256=facts.sha256, seal_level=facts.seal_level, pages=facts.pages, sealed_at=facts.created_at
    )


def withdrawal_told(withdrawal: OpenWithdrawal, *, without_reason: bool = False) -> WithdrawalTold:
    """That and why an outcome was taken back. without_reason: leave out the words, which are clinical prose."""
    reason = None if without_reason else withdrawal.reason
    return WithdrawalTold(at=withdrawal.withdrawn_at, reason_code=withdrawal.reason_code, reason=reason)


def draft_told(view: DraftView) -> DraftTold:
    """A draft, for its author."""
    return DraftTold(
        revision=view.draft.revision,
        form=FormNamed(name=view.outcome.form_name, version=view.draft.form_version),
        answers=view.draft.answers,
        amends_number=view.draft.amends_number,
        saved_at=view.draft.saved_at,
        missing=_problems_told(view.missing),
        asked_back=_problems_told(view.asked_back),
        recipients=recipients_told(view.recipients),
    )


def _problems_told(problems: Iterable[Problem]) -> list[Missing]:
    return [Missing(pointer=one.pointer, code=one.code, detail=one.sentence) for one in problems]


def recipients_told(recipients: Iterable[PlannedRecipient | ToldRecipient]) -> list[RecipientTold]:
    """Who is told, and why."""
    return [
        RecipientTold(role=one.role, name=one.name, organisation=one.organisation_name, reason=one.reason)
        for one in recipients
    ]


def version_told(view: VersionView, document: Facts | None, shown: Shown) -> VersionTold:
    """A signed version, as far as its reader is shown it. Not for a withdrawn one."""
    return VersionTold(
        **version_summary(view.version, document, amendment_reason=view.version.amendment_reason).model_dump(),
        id=view.version.id,
        reference=view.outcome.reference,
        site=view.site.code,
        form=FormNamed(name=view.outcome.form_name, version=view.version.form_version),
        answers=shown.answers,
        recipients=shown.recipients,
        is_current=view.superseded_by is None,
        superseded_by=view.superseded_by,
        formal_report_due=view.version.formal_report_due,
        withheld=shown.withheld,
    )


def delivery_told(view: DeliveryView, *, is_author: bool) -> DeliveryTold:
    """A delivery with its story. What the other side said is for the author of the outcome."""
    said, no = view.acknowledged, view.not_mine
    return DeliveryTold(
        id=view.delivery.id,
        recipient=RecipientNamed(
            role=view.recipient.role, name=view.recipient.name, organisation=view.recipient.organisation_name
        ),
        channel=view.delivery.channel,
        purpose=view.delivery.purpose,
        version=view.version_number,
        status=view.delivery.status,
        queued_at=view.delivery.queued_at,
        opened_at=view.delivery.opened_at,
        attempts=attempts_told(view.attempts, is_author=is_author),
        acknowledged=AcknowledgementTold(by=said.by, at=said.at, helpfulness=said.helpfulness, note=said.note)
        if said
        else None,
        escalations=[_escalation_told(one, is_author=is_author) for one in view.escalations],
        not_mine=NotMineTold(by=no.by, at=no.at, note=no.note) if no else None,
        not_mine_mails=[_not_mine_mail(one) for one in view.not_mine_mails] if is_author else [],
    )


def _escalation_told(chase: Chase, *, is_author: bool) -> EscalationTold:
    return EscalationTold(
        step=chase.step,
        at=chase.at,
        told=chase.told,
        status=chase.mail.status,
        delivery_id=chase.mail.delivery_id if is_author else None,
        attempts=attempts_told(chase.mail.attempts, is_author=True) if is_author else [],
    )


def _not_mine_mail(mail: Mail) -> NotMineMail:
    return NotMineMail(
        delivery_id=mail.delivery_id,
        purpose=mail.purpose,
        status=mail.status,
        attempts=attempts_told(mail.attempts, is_author=True),
    )


def attempts_told(attempts: Iterable[Attempt], *, is_author: bool) -> list[AttemptTold]:
    return [
        AttemptTold(
            number=one.number,
            started_at=one.started_at,
            ended_at=one.ended_at,
            result=one.result,
            detail=one.detail if is_author else None,
        )
        for one in attempts
    ]
