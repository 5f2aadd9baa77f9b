"""Writing an outcome: begin, save, discard, begin an amendment. Nothing here tells anyone anything.

Every verb that changes what an outcome is first takes the lock on its row (`lock`), so that two of them never run at
the same time on one outcome; a save, which is frequent, relies on its own WHERE instead.
"""

from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import delete, update
from sqlmodel import Session, col, select

from app import audit
from app.db import insert_if_absent
from app.errors import DomainError
from app.outcomes import rules
from app.outcomes.contents import closed_answers, open_version
from app.outcomes.planning import wrong_in
from app.outcomes.queries import DraftView, denied, facts_of, find, versions_of, view_of
from app.outcomes.tables import Draft, Outcome, Withdrawal
from app.people import access, policy
from app.people.rules import Actor, Denied
from app.questionnaires import Form, Forms
from app.sites.tables import Site


@dataclass(frozen=True, slots=True)
class Begun:
    """An outcome that was begun; is_new is False for a repeat of the same request."""

    outcome: Outcome
    is_new: bool


def begin(session: Session, actor: Actor, *, outcome_id: UUID, site: Site, form: Form, now: datetime) -> Begun:
    """Begin an outcome under the id the client made, with an empty draft of revision 1.

    A repeat by the same author for the same site and form gives the outcome that is there, also when both come at
    once. Raises Denied unless `actor` is a clinician at the site; id-taken when the id is used for something else.
    """
    if not policy.can_begin(actor, site.id):
        raise Denied(actor_id=actor.account_id, action="begin-outcome", object_type="site", object_id=site.id)
    stored = _insert_outcome(session, actor, outcome_id, site, form, now)
    outcome = session.get_one(Outcome, outcome_id)
    if not stored:
        if (outcome.author_id, outcome.site_id, outcome.form_name) != (actor.account_id, site.id, form.name):
            raise DomainError("id-taken", "This id is used already. Make a new random id for a new outcome.")
        return Begun(outcome, is_new=False)
    _record(session, actor, now, "begin-outcome", outcome_id)
    # The grant comes before the draft: row security lets nobody write to what they may not read.
    access.grant(
        session,
        outcome_id=outcome_id,
        account_id=actor.account_id,
        kind=policy.AUTHOR,
        reason="Wrote it",
        granted_by=actor.account_id,
        now=now,
    )
    draft = Draft(
        outcome_id=outcome_id,
        revision=1,
        form_version=form.version,
        answers_encrypted=closed_answers(session, outcome_id, 1, {}),
        saved_by=actor.account_id,
        saved_at=now,
    )
    _add_draft(session, draft)
    return Begun(outcome, is_new=True)


def save_draft(
    session: Session,
    actor: Actor,
    *,
    outcome_id: UUID,
    revision: int,
    answers: dict[str, Any],
    forms: Forms,
    now: datetime,
) -> DraftView:
    """Replace the answers of the author's draft. Gives it with its new revision, and what is still missing.

    revision: the one that was read; if somebody saved since, stale-revision and nothing is changed (lessons.md, 30).
    Raises invalid-answers with a pointer for each wrong value; what is only missing is no error. Denied, no-draft.
    """
    outcome = own_outcome(session, actor, outcome_id, now, "save-draft")
    draft = current_draft(session, outcome_id)
    problems = wrong_in(session, forms.get(outcome.form_name, draft.form_version), answers, now)
    if problems:
        raise DomainError("invalid-answers", "Some answers are wrong. Each is listed.", problems=problems)
    changed = session.exec(
        update(Draft)
        .where(col(Draft.outcome_id) == outcome_id, col(Draft.revision) == revision)
        .values(
            answers_encrypted=closed_answers(session, outcome_id, revision + 1, answers),
            revision=revision + 1,
            saved_by=actor.account_id,
            saved_at=now,
        )
    )
    if changed.rowcount != 1:
        raise stale()
    _record(session, actor, now, "save-draft", outcome_id, revision=revision + 1)
    return view_of(session, outcome, current_draft(session, outcome_id), forms, now)


def discard_draft(session: Session, actor: Actor, *, outcome_id: UUID, revision: int, now: datetime) -> None:
    """Throw the author's draft away. Signed versions stay. Raises stale-revision, no-draft, Denied."""
    own_outcome(session, actor, outcome_id, now, "discard-draft")
    lock(session, outcome_id)  # first, as every verb does: two orders of locking would be a deadlock
    current_draft(session, outcome_id)
    remove_draft(session, outcome_id, revision)
    _record(session, actor, now, "discard-draft", outcome_id)


def begin_amendment(session: Session, actor: Actor, *, outcome_id: UUID, forms: Forms, now: datetime) -> DraftView:
    """Start a new version from the answers and the form version of the last one (lessons.md, 31).

    Raises draft-exists, not-signed, outcome-withdrawn, Denied (only the author amends).
    """
    outcome = own_outcome(session, actor, outcome_id, now, "begin-amendment")
    lock(session, outcome_id)
    session.refresh(outcome)
    check_not_withdrawn(session, outcome_id)
    versions = versions_of(session, outcome_id)
    if not versions:
        raise DomainError("not-signed", "Nothing is signed yet, so there is nothing to amend.")
    last = open_version(session, versions[-1])
    revision = outcome.last_revision + 1
    draft = Draft(
        outcome_id=outcome_id,
        form_version=last.form_version,
        answers_encrypted=closed_answers(session, outcome_id, revision, last.answers),
        amends_number=last.number,
        revision=revision,
        saved_by=actor.account_id,
        saved_at=now,
    )
    _add_draft(session, draft)
    _record(session, actor, now, "begin-amendment", outcome_id, amends=last.number)
    return view_of(session, outcome, current_draft(session, outcome_id), forms, now)


def own_outcome(session: Session, actor: Actor, outcome_id: UUID, now: datetime, action: str) -> Outcome:
    """The outcome, if `actor` wrote it and still works at its site as a clinician. Raises Denied."""
    outcome = find(session, outcome_id)
    if outcome is None or not policy.can_write(actor, facts_of(session, outcome), now):
        raise denied(actor, action, outcome, outcome_id)
    return outcome


def lock(session: Session, outcome_id: UUID) -> None:
    """Hold the outcome until the transaction ends. An UPDATE that changes nothing locks on both databases."""
    session.exec(update(Outcome).where(col(Outcome.id) == outcome_id).values(form_name=Outcome.form_name))


def current_draft(session: Session, outcome_id: UUID) -> Draft:
    """The draft as the database has it now, not as the session may remember it. Raises no-draft."""
    wanted = select(Draft).where(Draft.outcome_id == outcome_id).execution_options(populate_existing=True)
    draft = session.exec(wanted).one_or_none()
    if draft is None:
        raise DomainError("no-draft", "Nothing is being written on this outcome.")
    return draft


def remove_draft(session: Session, outcome_id: UUID, revision: int) -> None:
    """Delete the draft if it still has this revision. Raises stale-revision.

    The next draft begins above it, so that a revision somebody still holds never names another draft.
    """
    removed = session.exec(delete(Draft).where(col(Draft.outcome_id) == outcome_id, col(Draft.revision) == revision))
    if removed.rowcount != 1:
        raise stale()
    session.exec(update(Outcome).where(col(Outcome.id) == outcome_id).values(last_revision=revision))


def check_not_withdrawn(session: Session, outcome_id: UUID) -> None:
    """Raise outcome-withdrawn if it is. Hold the lock when something is to be written."""
    if session.get(Withdrawal, outcome_id, populate_existing=True) is not None:
        raise DomainError("outcome-withdrawn", "This outcome was withdrawn. Begin a new one.")


def stale() -> DomainError:
    """The error for a revision that is no longer the current one."""
    return DomainError("stale-revision", "The draft was changed since you read it. Read it again; nothing was lost.")


def _insert_outcome(session: Session, actor: Actor, outcome_id: UUID, site: Site, form: Form, now: datetime) -> bool:
    """Whether it is new. A collision of references is answered with another reference, never with an error."""
    while True:
        outcome = Outcome(
            id=outcome_id,
            reference=rules.new_reference(),
            site_id=site.id,
            form_name=form.name,
            author_id=actor.account_id,
            begun_at=now,
        )
        if insert_if_absent(session, outcome):
            return True
        if session.get(Outcome, outcome_id) is not None:
            return False


def _add_draft(session: Session, draft: Draft) -> None:
    if not insert_if_absent(session, draft):
        raise DomainError("draft-exists", "A draft of this outcome is there already. Go on with that one.")


def _record(session: Session, actor: Actor, now: datetime, action: str, outcome_id: UUID, **detail: int) -> None:
    audit.record(
        session,
        now=now,
        actor_id=actor.account_id,
        action=action,
        object_type="outcome",
        object_id=outcome_id,
        detail=detail,
    )
