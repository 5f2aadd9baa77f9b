"""Reading outcomes. Whoever may not read one learns nothing, not even that it exists."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from uuid import UUID

from sqlalchemy import ColumnElement, exists, tuple_
from sqlmodel import Session, col, select

from app import audit
from app.errors import DomainError, Problem
from app.outcomes import rules
from app.outcomes.contents import (
    OpenDraft,
    OpenWithdrawal,
    SignedVersion,
    ToldRecipient,
    open_draft,
    open_recipient,
    open_version,
    open_withdrawal,
)
from app.outcomes.planning import asked_back, missing_from, recipients_planned, teams_named
from app.outcomes.rules import PlannedRecipient, State
from app.outcomes.tables import Draft, FormalReport, Outcome, OutcomeVersion, Recipient, Withdrawal
from app.people import policy
from app.people import queries as people
from app.people.policy import OutcomeFacts
from app.people.rules import Actor, Denied
from app.questionnaires import Forms
from app.sites.queries import site_by_id
from app.sites.tables import Site


@dataclass(frozen=True, slots=True)
class Overview:
    """An outcome with its contents closed. That there is a draft shows only to those who may read it."""

    outcome: Outcome
    site: Site
    state: State
    versions: tuple[OutcomeVersion, ...]
    withdrawal: Withdrawal | None
    formal_report: FormalReport | None

    @property
    def current_version(self) -> OutcomeVersion | None:
        """The version that counts: the newest; None if nothing is signed or all is withdrawn."""
        return self.versions[-1] if self.versions and self.withdrawal is None else None

    @property
    def formal_report_due(self) -> date | None:
        """The last day for the full report, fixed by the first signature."""
        return self.versions[0].formal_report_due if self.versions else None


@dataclass(frozen=True, slots=True)
class DraftView:
    """A draft with what still stops its signature, what is asked back (and stops nothing), and who would be told."""

    outcome: Outcome
    draft: OpenDraft
    missing: tuple[Problem, ...]
    asked_back: tuple[Problem, ...]
    recipients: tuple[PlannedRecipient, ...]


@dataclass(frozen=True, slots=True)
class VersionView:
    """One signed version as a reader may see it. When `withdrawal` is set, show that and none of the answers."""

    outcome: Outcome
    site: Site
    version: SignedVersion
    recipients: tuple[ToldRecipient, ...]
    superseded_by: int | None
    withdrawal: OpenWithdrawal | None


@dataclass(frozen=True, slots=True)
class VersionFacts:
    """One signed version with all that documents and deliveries are made from. For the worker."""

    outcome: Outcome
    site: Site
    version: SignedVersion
    recipients: tuple[ToldRecipient, ...]
    is_withdrawn: bool


def outcome_for(
    session: Session, actor: Actor, reference_or_id: str | UUID, now: datetime, *, action: str = "read-outcome"
) -> Outcome:
    """The outcome, if `actor` may read it. Raises Denied, the same for what is not there; `action` is for the audit."""
    outcome = find(session, reference_or_id)
    if outcome is None or not people.may_read_outcome(session, actor, outcome.id, now):
        raise denied(actor, action, outcome, reference_or_id)
    return outcome


def facts_of(session: Session, outcome: Outcome) -> OutcomeFacts:
    """What `policy` decides on."""
    return OutcomeFacts(outcome.author_id, outcome.site_id, people.grant_facts(session, outcome.id))


def find(session: Session, reference_or_id: str | UUID) -> Outcome | None:
    """The outcome by reference or id, whoever asks. Not an answer for a door: use `outcome_for`."""
    if isinstance(reference_or_id, UUID):
        return session.get(Outcome, reference_or_id)
    reference = rules.normal_reference(reference_or_id)
    if reference is not None:
        return session.exec(select(Outcome).where(Outcome.reference == reference)).one_or_none()
    try:
        return session.get(Outcome, UUID(reference_or_id))
    except ValueError:
        return None


def denied(actor: Actor, action: str, outcome: Outcome | None, typed: str | UUID = "") -> Denied:
    """The refusal to raise. The audit gets what was typed only if it has the shape of an id: it might be a name."""
    if outcome is not None:
        object_id: UUID | str = outcome.id
    elif isinstance(typed, UUID):
        object_id = typed
    else:
        object_id = rules.normal_reference(typed) or "unrecognised"
    return Denied(actor_id=actor.account_id, action=action, object_type="outcome", object_id=object_id)


def overview(session: Session, actor: Actor, outcome: Outcome, now: datetime) -> Overview:
    """An outcome that `actor` may read (see `outcome_for`), without its answers."""
    return _overviews(session, actor, [outcome], now)[0]


def list_outcomes(
    session: Session,
    actor: Actor,
    *,
    state: str | None = None,
    after: UUID | None = None,
    limit: int = 50,
    now: datetime,
) -> list[Overview]:
    """What `actor` may read, newest first, at most `limit` after the outcome `after`, the last one seen.

    state: draft (begun and never signed), signed (amending ones too) or withdrawn. Raises invalid for any other.
    """
    wanted = select(Outcome).where(col(Outcome.id).in_(people.readable_outcome_ids(actor, now)))
    if state is not None:
        wanted = wanted.where(*_in_state(state))
    if after is not None:
        last = session.exec(wanted.where(Outcome.id == after)).one_or_none()
        if last is None:
            raise DomainError("invalid", "The list was asked to go on after something that is not on it.")
        wanted = wanted.where(tuple_(col(Outcome.begun_at), col(Outcome.id)) < tuple_(last.begun_at, last.id))
    ordered = wanted.order_by(col(Outcome.begun_at).desc(), col(Outcome.id).desc()).limit(limit)
    return _overviews(session, actor, session.exec(ordered).all(), now)


def draft_for(
    session: Session, actor: Actor, outcome_id: UUID, forms: Forms, now: datetime, *, action: str = "read-draft"
) -> DraftView:
    """The draft, for its author and a co-examiner. Raises Denied for anyone else, no-draft when there is none."""
    outcome = find(session, outcome_id)
    if outcome is None or not policy.can_read_draft(actor, facts_of(session, outcome), now):
        raise denied(actor, action, outcome, outcome_id)
    draft = session.get(Draft, outcome.id)
    if draft is None:
        raise DomainError("no-draft", "Nothing is being written on this outcome.")
    _audit_read(session, actor, now, "read-draft", "outcome", outcome.id)
    return view_of(session, outcome, draft, forms, now)


def view_of(session: Session, outcome: Outcome, draft: Draft, forms: Forms, now: datetime) -> DraftView:
    """A draft with what still stops its signature and whom it would tell."""
    site = site_by_id(session, outcome.site_id)
    form = forms.get(outcome.form_name, draft.form_version)
    opened = open_draft(session, draft)
    teams = teams_named(session, site, opened.answers, now)
    return DraftView(
        outcome,
        opened,
        missing=tuple(missing_from(form, opened.answers, teams, now)),
        asked_back=tuple(asked_back(form, opened.answers)),
        recipients=recipients_planned(session, outcome, site, opened.answers, teams, now),
    )


def read_version(session: Session, actor: Actor, outcome_id: UUID, number: int, now: datetime) -> VersionView:
    """One signed version, with an audit event in the same transaction. Raises Denied.

    A withdrawn outcome is a tombstone to everyone, its author too: show `withdrawal` and nothing else.
    """
    outcome = outcome_for(session, actor, outcome_id, now, action="read-version")
    all_versions = versions_of(session, outcome.id)
    version = next((one for one in all_versions if one.number == number), None)
    if version is None:
        raise denied(actor, "read-version", outcome)
    _audit_read(session, actor, now, "read-version", "outcome-version", version.id, outcome=str(outcome.id))
    withdrawal = session.get(Withdrawal, outcome.id)
    return VersionView(
        outcome=outcome,
        site=site_by_id(session, outcome.site_id),
        version=open_version(session, version),
        recipients=tuple(recipients_of(session, version.id)),
        superseded_by=all_versions[-1].number if version is not all_versions[-1] else None,
        withdrawal=None if withdrawal is None else open_withdrawal(session, withdrawal),
    )


def versions_of(session: Session, outcome_id: UUID) -> list[OutcomeVersion]:
    """Every signed version, oldest first."""
    wanted = select(OutcomeVersion).where(OutcomeVersion.outcome_id == outcome_id)
    return list(session.exec(wanted.order_by(col(OutcomeVersion.number))))


def version_facts(session: Session, version_id: UUID) -> VersionFacts:
    """A signed version, which must exist, for the worker."""
    version = session.get_one(OutcomeVersion, version_id)
    outcome = session.get_one(Outcome, version.outcome_id)
    recipients = tuple(recipients_of(session, version_id))
    is_withdrawn = session.get(Withdrawal, outcome.id) is not None
    opened = open_version(session, version)
    return VersionFacts(outcome, site_by_id(session, outcome.site_id), opened, recipients, is_withdrawn)


def recipients_of(session: Session, version_id: UUID) -> list[ToldRecipient]:
    """Everyone entitled to one version, which must exist, in the order they were planned."""
    version = session.get_one(OutcomeVersion, version_id)
    found = session.exec(select(Recipient).where(Recipient.version_id == version_id).order_by(col(Recipient.id)))
    return [open_recipient(session, version, one) for one in found]


def _overviews(session: Session, actor: Actor, outcomes: Sequence[Outcome], now: datetime) -> list[Overview]:
    ids = [outcome.id for outcome in outcomes]
    drafts = set(session.exec(select(Draft.outcome_id).where(col(Draft.outcome_id).in_(ids))))
    withdrawals = {
        one.outcome_id: one for one in session.exec(select(Withdrawal).where(col(Withdrawal.outcome_id).in_(ids)))
    }
    reports = {
        one.outcome_id: one for one in session.exec(select(FormalReport).where(col(FormalReport.outcome_id).in_(ids)))
    }
    signed: dict[UUID, list[OutcomeVersion]] = {outcome_id: [] for outcome_id in ids}
    wanted = select(OutcomeVersion).where(col(OutcomeVersion.outcome_id).in_(ids)).order_by(col(OutcomeVersion.number))
    for version in session.exec(wanted):
        signed[version.outcome_id].append(version)
    found = []
    for outcome in outcomes:
        state = rules.state_of(
            has_draft=outcome.id in drafts and policy.can_read_draft(actor, facts_of(session, outcome), now),
            versions=len(signed[outcome.id]),
            is_withdrawn=outcome.id in withdrawals,
        )
        site = site_by_id(session, outcome.site_id)
        withdrawal, report = withdrawals.get(outcome.id), reports.get(outcome.id)
        found.append(Overview(outcome, site, state, tuple(signed[outcome.id]), withdrawal, report))
    return found


def _in_state(state: str) -> list[ColumnElement[bool]]:
    has_draft = exists().where(col(Draft.outcome_id) == Outcome.id)
    is_signed = exists().where(col(OutcomeVersion.outcome_id) == Outcome.id)
    is_withdrawn = exists().where(col(Withdrawal.outcome_id) == Outcome.id)
    states: dict[str, list[ColumnElement[bool]]] = {
        "draft": [has_draft, ~is_signed],
        "signed": [is_signed, ~is_withdrawn],
        "withdrawn": [is_withdrawn],
    }
    if state not in states:
        problem = Problem("/state", "not-offered", f"Choose one of {', '.join(states)}.")
        raise DomainError("invalid", "There is no such state to list.", problems=[problem])
    return states[state]


def _audit_read(
    session: Session, actor: Actor, now: datetime, action: str, kind: str, object_id: UUID, **detail: str
) -> None:
    audit.record(
        session, now=now, actor_id=actor.account_id, action=action, object_type=kind, object_id=object_id, detail=detail
    )
