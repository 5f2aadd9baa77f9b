"""The signature: one transaction in which a draft becomes a numbered version that never changes.

It makes the version, its recipients and their grants, and one audit event. It knows nothing of PDFs or mail: the door
adds that work to the same transaction.
"""

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, date, datetime
from typing import Any
from uuid import UUID

from sqlmodel import Session

from app import audit
from app.db import new_id
from app.errors import DomainError, Problem
from app.outcomes import rules
from app.outcomes.actions import check_not_withdrawn, current_draft, lock, own_outcome, remove_draft, stale
from app.outcomes.contents import (
    OpenDraft,
    SignedVersion,
    ToldRecipient,
    closed_recipient,
    closed_version,
    open_draft,
)
from app.outcomes.finding import index_nhs_number
from app.outcomes.planning import missing_from, recipients_planned, teams_named
from app.outcomes.queries import versions_of
from app.outcomes.rules import PlannedRecipient
from app.outcomes.tables import Outcome, OutcomeVersion
from app.people import access, policy
from app.people import queries as people
from app.people.rules import Actor
from app.questionnaires import Forms
from app.sites.queries import policy_of, site_by_id
from app.sites.rules import formal_report_due
from app.sites.tables import Site


def sign(
    session: Session,
    actor: Actor,
    *,
    outcome_id: UUID,
    revision: int,
    surname: str,
    birth_date: date,
    amendment_reason: str | None = None,
    forms: Forms,
    now: datetime,
) -> SignedVersion:
    """Sign the draft of that revision as the next version. The signer is `actor` and nobody else (lessons.md, 33).

    surname, birth_date: typed again, against the wrong child. amendment_reason: for an amendment, and only then.
    Of two signatures at once one succeeds. Raises Denied, already-signed, no-draft, outcome-withdrawn, stale-revision,
    incomplete (with everything that is missing), wrong-child, invalid (the amendment's reason).
    """
    outcome = own_outcome(session, actor, outcome_id, now, "sign")
    lock(session, outcome_id)
    check_not_withdrawn(session, outcome_id)
    before = versions_of(session, outcome_id)
    draft = _draft_to_sign(session, outcome_id, revision, is_signed=bool(before))
    _check_reason(draft, amendment_reason)
    site = site_by_id(session, outcome.site_id)
    planned = _check_complete(session, outcome, site, draft, forms, now)
    rules.check_wrong_child_guard(draft.answers, surname, birth_date)
    version = _next_version(actor, site, draft, before, amendment_reason, now)
    digest = rules.content_sha256(signed_content(outcome, site.code, version, planned))
    version = replace(version, content_sha256=digest)
    remove_draft(session, outcome_id, revision)
    _store(session, actor, version, planned, now)
    return version


def signed_content(
    outcome: Outcome, site_code: str, version: SignedVersion, recipients: Sequence[ToldRecipient | PlannedRecipient]
) -> dict[str, Any]:
    """What the SHA-256 of a version covers: everything the signature says, so that none of it can be changed unseen.

    The outcome and its site, number and form, the answers, who signed and when (UTC), what it amends and why, when the
    full report is due, and who is told as what and why (sorted by team and account).
    """
    return {
        "outcome": {"id": str(outcome.id), "reference": outcome.reference, "site": site_code},
        "number": version.number,
        "form": {"name": outcome.form_name, "version": version.form_version},
        "answers": version.answers,
        "signer": {
            "account": str(version.signed_by),
            "name": version.signer_name,
            "grade": version.signer_grade,
            "registration": version.signer_registration,
        },
        "signed_at": version.signed_at.astimezone(UTC).isoformat(),
        "amends": version.amends_number,
        "amendment_reason": version.amendment_reason,
        "formal_report_due": version.formal_report_due.isoformat(),
        "recipients": [
            {
                "role": one.role,
                "team": str(one.team_id),
                "account": None if one.account_id is None else str(one.account_id),
                "name": one.name,
                "organisation": one.organisation_name,
                "reason": one.reason,
            }
            for one in sorted(recipients, key=lambda one: (str(one.team_id), str(one.account_id)))
        ],
    }


def _draft_to_sign(session: Session, outcome_id: UUID, revision: int, *, is_signed: bool) -> OpenDraft:
    try:
        draft = current_draft(session, outcome_id)
    except DomainError as error:
        if is_signed:
            raise DomainError("already-signed", "This was signed already. To change it, begin an amendment.") from error
        raise
    if draft.revision != revision:
        raise stale()
    return open_draft(session, draft)


def _check_reason(draft: OpenDraft, reason: str | None) -> None:
    problems: list[Problem] = []
    if draft.amends_number is not None:
        problems = rules.problems_in_reason(reason or "", "/amendment_reason")
    elif reason is not None:
        problems = [Problem("/amendment_reason", "not-asked", "Leave this out: the first version amends nothing.")]
    if problems:
        raise DomainError("invalid", "The reason for the amendment is wrong.", problems=problems)


def _check_complete(
    session: Session, outcome: Outcome, site: Site, draft: OpenDraft, forms: Forms, now: datetime
) -> tuple[PlannedRecipient, ...]:
    form = forms.get(outcome.form_name, draft.form_version)
    teams = teams_named(session, site, draft.answers, now)
    problems = missing_from(form, draft.answers, teams, now)
    if problems:
        raise DomainError("incomplete", "Some questions stop the signature. Each is listed.", problems=problems)
    planned = recipients_planned(session, outcome, site, draft.answers, teams, now)
    rules.check_social_worker_is_told(planned)
    return planned


def _next_version(
    actor: Actor,
    site: Site,
    draft: OpenDraft,
    before: Sequence[OutcomeVersion],
    amendment_reason: str | None,
    now: datetime,
) -> SignedVersion:
    """The version that the draft becomes, but for the hash of its content."""
    return SignedVersion(
        id=new_id(),
        outcome_id=draft.outcome_id,
        number=len(before) + 1,
        form_version=draft.form_version,
        answers=draft.answers,
        content_sha256="",
        signed_by=actor.account_id,
        signed_at=now,
        signer_name=actor.name,
        signer_grade=actor.grade,
        signer_registration=actor.registration,
        # An amendment does not put off the full report.
        formal_report_due=before[0].formal_report_due if before else formal_report_due(policy_of(site), now),
        amends_number=draft.amends_number,
        amendment_reason=amendment_reason,
    )


def _store(
    session: Session, actor: Actor, version: SignedVersion, planned: Sequence[PlannedRecipient], now: datetime
) -> None:
    session.add(closed_version(session, version))
    session.flush()
    for one in planned:
        session.add(closed_recipient(session, version, new_id(), one))
    index_nhs_number(session, version)
    _open_to(session, actor, version, planned, now)
    audit.record(
        session,
        now=now,
        actor_id=actor.account_id,
        action="sign",
        object_type="outcome",
        object_id=version.outcome_id,
        detail={"version": str(version.id), "number": version.number, "content_sha256": version.content_sha256},
    )


def _open_to(
    session: Session, actor: Actor, version: SignedVersion, planned: Sequence[PlannedRecipient], now: datetime
) -> None:
    """Grant the outcome to every recipient who is not one yet, so that nobody is told of what they may not read.

    What they were given for some other reason ends some day and does not count.
    """
    grants = people.grant_facts(session, version.outcome_id)
    live = [grant for grant in grants if grant.kind in policy.LASTING and policy.is_live(grant, now)]
    accounts = {grant.account_id for grant in live}
    teams = {grant.team_id for grant in live}
    for one in planned:
        if (one.team_id in teams) if one.account_id is None else (one.account_id in accounts):
            continue
        access.grant(
            session,
            outcome_id=version.outcome_id,
            account_id=one.account_id,
            team_id=one.team_id if one.account_id is None else None,
            kind=policy.RECIPIENT,
            reason=f"Recipient of version {version.number}",
            granted_by=actor.account_id,
            now=now,
        )
