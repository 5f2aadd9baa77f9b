"""Who may do what. Every predicate of access is here, on plain facts; whatever none of them allows is refused. Pure.

A role alone never opens a record: a grant does (design, section 9). The SQL filter of lists is
`people.queries.readable_outcome_ids`; a property test shows that it and `can_read` decide alike.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Final
from uuid import UUID

from app.people.rules import Actor, Denied

AUTHOR: Final = "author"
CO_EXAMINER: Final = "co-examiner"
RECIPIENT: Final = "recipient"
GIVEN: Final = "given"
BREAK_GLASS: Final = "break-glass"

KINDS: Final[dict[str, str]] = {
    AUTHOR: "wrote it",
    CO_EXAMINER: "examined the child too: reads the draft and the versions, writes nothing",
    RECIPIENT: "is told of a signed version",
    GIVEN: "was given it to read by the author, for a reason",
    BREAK_GLASS: "opened it in an emergency, for an hour at most, with everyone told",
}
"""Why someone may read an outcome."""

LASTING: Final = frozenset({AUTHOR, RECIPIENT})
"""Kinds that entitle to be told of what comes: nobody is told because they once looked something up."""

SCOPES: Final[dict[str, str]] = {
    "outcomes:read": "read what the person may read",
    "outcomes:write": "write the person's drafts, and open their outcomes to colleagues",
    "deliveries:acknowledge": "answer what came for the person or their teams",
    "directory:read": "list teams and their members",
}
"""What a machine may be given to do for a person. Signing, breaking the glass and administration have no scope."""

READS_WHOLE: Final = frozenset({"clinician", "site-lead", "privacy-officer"})
"""Roles whose holders, once a grant lets them read, read as a doctor does and not by a recipient's minimum."""

_OPENS_IN_AN_EMERGENCY: Final = frozenset({"clinician", "site-lead", "privacy-officer"})
_NEVER_OPENS: Final = frozenset({"evaluator", "administrator"})
_REVIEWS: Final = frozenset({"site-lead", "privacy-officer"})


@dataclass(frozen=True, slots=True)
class GrantFacts:
    """Who may read one outcome, why (`KINDS`), from when and until when; for an account or a team.

    roles: what its holder is to the outcome, in codes of recipients; they decide what a recipient is shown.
    """

    kind: str
    account_id: UUID | None
    team_id: UUID | None
    from_at: datetime
    until_at: datetime | None = None
    roles: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class OutcomeFacts:
    """What access to one outcome is decided on."""

    author_id: UUID
    site_id: UUID
    grants: tuple[GrantFacts, ...]


def has_role(actor: Actor, role: str, site_id: UUID | None = None) -> bool:
    """Whether `actor` holds `role` at the site, or everywhere. With no site: everywhere only."""
    return (role, None) in actor.roles or (site_id is not None and (role, site_id) in actor.roles)


def is_live(grant: GrantFacts, now: datetime) -> bool:
    """Whether the grant holds at `now`: from its first moment on, and no longer at the moment it ends."""
    return grant.from_at <= now and (grant.until_at is None or now < grant.until_at)


def reaches(actor: Actor, grant: GrantFacts) -> bool:
    """Whether the grant is for `actor`, or for a team that they are in now."""
    return grant.account_id == actor.account_id or grant.team_id in actor.team_ids


def can_read(actor: Actor, grants: Iterable[GrantFacts], now: datetime) -> bool:
    """Whether `actor` may read the outcome with these grants: a live grant opens it, and nothing else does."""
    return any(is_live(grant, now) and reaches(actor, grant) for grant in grants)


def can_read_draft(actor: Actor, outcome: OutcomeFacts, now: datetime) -> bool:
    """Who sees what is not signed: the author, and a co-examiner who is still a clinician at the site."""
    if actor.account_id == outcome.author_id:
        return can_read(actor, outcome.grants, now)
    examined = [grant for grant in outcome.grants if grant.kind == CO_EXAMINER]
    return can_be_co_examiner(actor, outcome.site_id) and can_read(actor, examined, now)


def can_begin(actor: Actor, site_id: UUID) -> bool:
    """Whether `actor` may begin an outcome at the site: its clinicians may."""
    return has_role(actor, "clinician", site_id)


def can_write(actor: Actor, outcome: OutcomeFacts, now: datetime) -> bool:
    """Who saves, discards, amends and signs: the author, while they may read it and work at the site as a clinician."""
    is_author = actor.account_id == outcome.author_id
    return is_author and can_begin(actor, outcome.site_id) and can_read(actor, outcome.grants, now)


def can_withdraw(actor: Actor, author_id: UUID, site_id: UUID) -> bool:
    """The author, the site's lead and its privacy officer may take an outcome back, without reading it."""
    is_officer = has_role(actor, "site-lead", site_id) or has_role(actor, "privacy-officer", site_id)
    return actor.account_id == author_id or is_officer


def can_record_formal_report(actor: Actor, author_id: UUID, site_id: UUID) -> bool:
    """The author and the site's lead may say when the full report was issued."""
    return actor.account_id == author_id or has_role(actor, "site-lead", site_id)


def can_retry_delivery(actor: Actor, author_id: UUID) -> bool:
    """The author of the outcome and administrators may ask for another try; it tells them nothing new."""
    return actor.account_id == author_id or can_administer(actor)


def can_grant(actor: Actor, outcome: OutcomeFacts, now: datetime) -> bool:
    """Who opens an outcome to a colleague: whoever may write it. Nobody passes on what they were given."""
    return can_write(actor, outcome, now)


def can_see_grants(actor: Actor, outcome: OutcomeFacts, now: datetime) -> bool:
    """Who sees to whom an outcome is open: its author."""
    return actor.account_id == outcome.author_id and can_read(actor, outcome.grants, now)


def can_end_grant(actor: Actor, outcome: OutcomeFacts, kind: str, now: datetime) -> bool:
    """The author ends what the author gave; recipients of a signed version keep it until an administrator ends that."""
    return can_see_grants(actor, outcome, now) and kind in (CO_EXAMINER, GIVEN)


def can_be_co_examiner(actor: Actor, site_id: UUID) -> bool:
    """Whether someone may be named as co-examiner: a clinician of the site."""
    return has_role(actor, "clinician", site_id)


def can_be_given(actor: Actor) -> bool:
    """Whether an outcome may be opened to someone by name: never to evaluators or administrators, whatever else."""
    return not _holds_any(actor, _NEVER_OPENS)


def can_be_in_a_team(actor: Actor) -> bool:
    """Whether someone may be in a team, which receives: never an evaluator, who reads released figures only."""
    return not _holds_any(actor, frozenset({"evaluator"}))


def can_break_glass(actor: Actor) -> bool:
    """Whether `actor` may open a signed outcome in an emergency.

    A person, never a machine; in a team that receives outcomes, or with a clinical or privacy role. Never an evaluator
    or an administrator, whatever else they are: an office that is closed to records stays closed in an emergency.
    """
    if actor.client_id is not None or _holds_any(actor, _NEVER_OPENS):
        return False
    return bool(actor.team_ids) or _holds_any(actor, _OPENS_IN_AN_EMERGENCY)


def can_review(actor: Actor, site_id: UUID) -> bool:
    """Who sees and judges what was opened in an emergency: the site's lead and its privacy officer."""
    return any(has_role(actor, role, site_id) for role in _REVIEWS)


def reviews_at(actor: Actor) -> frozenset[UUID | None]:
    """The sites whose emergencies `actor` reviews; None among them means every site."""
    return frozenset(site_id for role, site_id in actor.roles if role in _REVIEWS)


def can_administer(actor: Actor) -> bool:
    """Whether `actor` keeps the directory (design, section 9).

    The role itself opens no outcome. It is no wall: who decides who is in which team, and issues tokens, could make
    a second account and read as that one. `check_not_own` refuses the direct way, and the audit keeps every step.
    """
    return has_role(actor, "administrator")


def can_read_directory(actor: Actor) -> bool:
    """Whether `actor` may list teams and their members: who must choose recipients, and who keeps the list."""
    return _holds_any(actor, frozenset({"clinician"})) or can_administer(actor)


def reads_as(actor: Actor, grants: Iterable[GrantFacts], now: datetime) -> frozenset[str] | None:
    """The recipient roles by which `actor` reads, each of which shows its own part; None: all of it.

    Who examined the child reads all. What was given to a clinician by name, or opened by one in an emergency, too.
    """
    mine = [grant for grant in grants if is_live(grant, now) and reaches(actor, grant)]
    if any(_reads_whole(actor, grant) for grant in mine):
        return None
    return frozenset(role for grant in mine for role in grant.roles) or frozenset({"other"})


def check_administrator(actor: Actor | None, action: str) -> None:
    """Raise Denied unless `actor` is an administrator. None, the operator at the command line, is trusted."""
    if actor is not None and not can_administer(actor):
        raise Denied(actor_id=actor.account_id, action=action, object_type="directory", object_id="directory")


def check_not_own(actor: Actor | None, account_id: UUID, action: str) -> None:
    """Raise Denied when `actor` would change what their own account may do: that takes somebody else.

    None, the operator at the command line, is nobody in the directory and is trusted.
    """
    if actor is not None and actor.account_id == account_id:
        raise Denied(actor_id=actor.account_id, action=action, object_type="account", object_id=account_id)


def _reads_whole(actor: Actor, grant: GrantFacts) -> bool:
    if grant.kind in (AUTHOR, CO_EXAMINER):
        return True
    is_by_name = grant.kind in (GIVEN, BREAK_GLASS) and grant.account_id is not None
    return is_by_name and _holds_any(actor, READS_WHOLE)


def _holds_any(actor: Actor, roles: frozenset[str]) -> bool:
    """Whether `actor` holds one of these roles, at whatever site."""
    return any(role in roles for role, _ in actor.roles)
