"""From what stands in the path to the id that a verb takes."""

from uuid import UUID

from sqlmodel import Session

from app.outcomes.queries import denied, find
from app.people.rules import Actor


def outcome_id_of(session: Session, actor: Actor, reference_or_id: str, action: str) -> UUID:
    """The id of the outcome. Raises Denied when there is none; whether `actor` may, the verb says, in the same words.

    action: what the audit calls the attempt.
    """
    outcome = find(session, reference_or_id)
    if outcome is None:
        raise denied(actor, action, None, reference_or_id)
    return outcome.id
