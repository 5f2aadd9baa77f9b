"""What of a signed version this reader is shown: what their role needs, and not where a hidden child lives."""

from collections.abc import Sequence, Set
from datetime import datetime
from typing import Any

from sqlmodel import Session

from app.api.delivery_schemas import AcknowledgementTold, DeliveryTold, EscalationTold, NotMineTold
from app.api.schemas import RecipientNamed, RecipientTold
from app.api.translate import Shown, recipients_told
from app.documents.content import without_where_the_child_lives
from app.documents.labels import NAME_WITHHELD, ROLES_WITHOUT_NAME_WHEN_ADDRESS_IS_CONFIDENTIAL
from app.errors import DomainError
from app.outcomes.minimum import gone_from, minimum_of
from app.outcomes.queries import VersionView
from app.outcomes.reading import is_address_confidential, roles_read_as
from app.people.rules import Actor
from app.sites.queries import policy_of


def shown_of(session: Session, actor: Actor, view: VersionView, now: datetime) -> Shown:
    """What `actor`, who may read the version, is shown of it. Where the child lives is for nobody, the author too."""
    answers, recipients = _minimum(session, actor, view, now), recipients_told(view.recipients)
    named = recipients
    if is_address_confidential(session, view.outcome.id, view.version.number):
        answers, named = without_where_the_child_lives(answers), [_without_name(one) for one in recipients]
    gone = [
        *gone_from(view.version.answers, answers, "/answers"),
        *gone_from(_plain(recipients), _plain(named), "/recipients"),
    ]
    return Shown(answers, named, gone)


def check_may_have_document(session: Session, actor: Actor, view: VersionView, now: datetime) -> None:
    """Raise document-withheld if the PDF holds what `actor` is not shown: it is sealed and cannot be cut.

    The PDF of a version that hides where the child lives hides it too; that of one before it was confidential cannot.
    """
    if _minimum(session, actor, view, now) != view.version.answers:
        raise DomainError(
            "document-withheld",
            "The document holds more than your role needs. Read the version instead, or ask who signed it: "
            f"{view.version.signer_name}.",
        )
    is_said = view.version.answers.get("child", {}).get("address-confidential") is True
    if not is_said and is_address_confidential(session, view.outcome.id, view.version.number):
        raise DomainError(
            "document-withheld",
            "The address became confidential after this version was signed. Read the current version instead, or ask "
            f"who signed it: {view.version.signer_name}.",
        )


def without_names(told: DeliveryTold, teams: Set[str]) -> DeliveryTold:
    """A delivery about a child whose address is confidential, for others than the author.

    A recipient whose role gives the area away is there by that role alone, and so is what they said: not who, and not
    in which words. teams: names of all teams with such roles; silence may have been taken to one of them.
    """
    escalations = [_without_name_of(one, teams) for one in told.escalations]
    if not _gives_area_away(told.recipient):
        return told.model_copy(update={"escalations": escalations})
    recipient = RecipientNamed(role=told.recipient.role, name=NAME_WITHHELD, organisation=NAME_WITHHELD)
    said, no = told.acknowledged, told.not_mine
    if said is not None:
        said = AcknowledgementTold(by=NAME_WITHHELD, at=said.at, helpfulness=said.helpfulness, note=None)
    if no is not None:
        no = NotMineTold(by=NAME_WITHHELD, at=no.at, note=None)
    hidden = {"recipient": recipient, "acknowledged": said, "not_mine": no, "escalations": escalations}
    return told.model_copy(update=hidden)


def _without_name_of(one: EscalationTold, teams: Set[str]) -> EscalationTold:
    return one.model_copy(update={"told": NAME_WITHHELD}) if one.told in teams else one


def _without_name(one: RecipientTold) -> RecipientTold:
    if not _gives_area_away(one):
        return one
    return RecipientTold(role=one.role, name=NAME_WITHHELD, organisation=NAME_WITHHELD, reason=NAME_WITHHELD)


def _gives_area_away(one: RecipientNamed) -> bool:
    return one.role in ROLES_WITHOUT_NAME_WHEN_ADDRESS_IS_CONFIDENTIAL


def _minimum(session: Session, actor: Actor, view: VersionView, now: datetime) -> dict[str, Any]:
    roles = roles_read_as(session, actor, view.outcome, now)
    return minimum_of(view.version.answers, policy_of(view.site).minimum.shown_to(roles))


def _plain(recipients: Sequence[RecipientTold]) -> list[dict[str, Any]]:
    return [one.model_dump() for one in recipients]
