"""Every predicate of access, as tables of cases in words. script/mutate measures how sharp they are."""

from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

import pytest

from app.people import policy
from app.people.policy import GrantFacts, OutcomeFacts
from app.people.rules import ROLES as ALL_ROLES
from app.people.rules import Actor, Denied

NOW = datetime.fromisoformat("2026-11-23T14:05:00+00:00")
MOMENT = timedelta(microseconds=1)
HERE, ELSEWHERE = UUID(int=1), UUID(int=2)
DUTY, NURSES = UUID(int=11), UUID(int=12)
AUTHOR, COLLEAGUE, STRANGER = UUID(int=21), UUID(int=22), UUID(int=23)

Roles = set[tuple[str, UUID | None]]


def person(account: UUID, roles: Roles | None = None, teams: set[UUID] | None = None) -> Actor:
    return Actor(account, "A", "a@b.example", None, None, UUID(int=31), frozenset(teams or ()), frozenset(roles or ()))


def grant(kind: str, account: UUID | None = None, team: UUID | None = None, *roles: str) -> GrantFacts:
    return GrantFacts(kind, account, team, NOW, NOW + timedelta(hours=1), frozenset(roles))


def over(one: GrantFacts) -> GrantFacts:
    return replace(one, from_at=NOW - timedelta(hours=1), until_at=NOW)


def outcome(*grants: GrantFacts) -> OutcomeFacts:
    return OutcomeFacts(AUTHOR, HERE, grants)


CLINICIAN_HERE: Roles = {("clinician", HERE)}
OWN = grant("author", AUTHOR)
EXAMINED = grant("co-examiner", COLLEAGUE)
GIVEN = grant("given", COLLEAGUE)
TOLD = grant("recipient", COLLEAGUE)
TOLD_TEAM = grant("recipient", None, DUTY)
AUTHOR_HERE = person(AUTHOR, CLINICIAN_HERE)
COLLEAGUE_HERE = person(COLLEAGUE, CLINICIAN_HERE)


@pytest.mark.parametrize(
    ("held", "role", "site", "holds"),
    [
        ({("clinician", HERE)}, "clinician", HERE, True),
        ({("clinician", HERE)}, "clinician", ELSEWHERE, False),
        ({("clinician", HERE)}, "clinician", None, False),
        ({("clinician", HERE)}, "site-lead", HERE, False),
        ({("privacy-officer", None)}, "privacy-officer", HERE, True),
        ({("privacy-officer", None)}, "privacy-officer", None, True),
        ({("privacy-officer", None)}, "clinician", HERE, False),
        (set(), "clinician", HERE, False),
        (set(), "clinician", None, False),
    ],
)
def test_a_role_holds_at_its_site_and_one_without_a_site_everywhere(
    held: Roles, role: str, site: UUID | None, holds: bool
) -> None:
    assert policy.has_role(person(STRANGER, held), role, site) is holds


def test_without_a_site_a_role_is_asked_for_everywhere() -> None:
    assert not policy.has_role(person(STRANGER, CLINICIAN_HERE), "clinician")
    assert policy.has_role(person(STRANGER, {("clinician", None)}), "clinician")


@pytest.mark.parametrize(
    ("begins", "ends", "lives"),
    [
        (NOW, None, True),
        (NOW + MOMENT, None, False),
        (NOW - MOMENT, NOW + MOMENT, True),
        (NOW, NOW + MOMENT, True),
        (NOW - MOMENT, NOW, False),
        (NOW - 2 * MOMENT, NOW - MOMENT, False),
        (NOW + MOMENT, NOW + 2 * MOMENT, False),
        (NOW, NOW, False),
    ],
)
def test_a_grant_holds_from_its_first_moment_to_just_before_its_end(
    begins: datetime, ends: datetime | None, lives: bool
) -> None:
    assert policy.is_live(GrantFacts("given", COLLEAGUE, None, begins, ends), NOW) is lives


REACHES = {
    "the account it is for": (person(COLLEAGUE), TOLD, True),
    "another account": (person(STRANGER), TOLD, False),
    "who is in the team": (person(STRANGER, teams={NURSES, DUTY}), TOLD_TEAM, True),
    "who is in another team": (person(STRANGER, teams={NURSES}), TOLD_TEAM, False),
    "who is in no team": (person(STRANGER), TOLD_TEAM, False),
    "who is in a team, of a grant for an account": (person(STRANGER, teams={DUTY}), TOLD, False),
}


@pytest.mark.parametrize("case", REACHES)
def test_a_grant_is_for_its_account_or_for_who_is_in_its_team(case: str) -> None:
    actor, one, reached = REACHES[case]
    assert policy.reaches(actor, one) is reached


READ = {
    "no grant opens nothing": (person(COLLEAGUE), (), False),
    "no role opens anything": (person(STRANGER, {(role, None) for role in ALL_ROLES}), (OWN, TOLD), False),
    "a live grant for them": (person(COLLEAGUE), (GIVEN,), True),
    "a live grant among others": (person(COLLEAGUE), (OWN, over(TOLD), GIVEN), True),
    "a grant that is over": (person(COLLEAGUE), (over(GIVEN),), False),
    "a live grant for another, and one of theirs that is over": (person(COLLEAGUE), (OWN, over(GIVEN)), False),
    "a grant for their team": (person(STRANGER, teams={DUTY}), (TOLD_TEAM,), True),
    "a grant for a team that is over": (person(STRANGER, teams={DUTY}), (over(TOLD_TEAM),), False),
}


@pytest.mark.parametrize("case", READ)
def test_only_a_live_grant_opens_an_outcome(case: str) -> None:
    actor, grants, reads = READ[case]
    assert policy.can_read(actor, grants, NOW) is reads


READ_DRAFT = {
    "the author": (AUTHOR_HERE, outcome(OWN), True),
    "an author who works there no more": (person(AUTHOR), outcome(OWN), True),
    "an author whose grant is over": (AUTHOR_HERE, outcome(over(OWN)), False),
    "an author without a grant": (AUTHOR_HERE, outcome(EXAMINED), False),
    "a co-examiner": (COLLEAGUE_HERE, outcome(OWN, EXAMINED), True),
    "a co-examiner who was given it as well": (COLLEAGUE_HERE, outcome(OWN, GIVEN, EXAMINED), True),
    "a co-examiner who is no clinician": (person(COLLEAGUE), outcome(OWN, EXAMINED), False),
    "a co-examiner of another site": (person(COLLEAGUE, {("clinician", ELSEWHERE)}), outcome(OWN, EXAMINED), False),
    "a co-examiner until just now": (COLLEAGUE_HERE, outcome(OWN, over(EXAMINED)), False),
    "a former co-examiner who was given it": (COLLEAGUE_HERE, outcome(OWN, over(EXAMINED), GIVEN), False),
    "a clinician who was given it": (COLLEAGUE_HERE, outcome(OWN, GIVEN), False),
    "a clinician who is told": (COLLEAGUE_HERE, outcome(OWN, TOLD), False),
    "a clinician who broke the glass": (COLLEAGUE_HERE, outcome(OWN, grant("break-glass", COLLEAGUE)), False),
    "another clinician of the site": (person(STRANGER, CLINICIAN_HERE), outcome(OWN, EXAMINED), False),
    "the site's lead": (person(STRANGER, {("site-lead", HERE)}), outcome(OWN, EXAMINED), False),
}


@pytest.mark.parametrize("case", READ_DRAFT)
def test_a_draft_is_for_its_author_and_for_who_examined_too(case: str) -> None:
    actor, facts, reads = READ_DRAFT[case]
    assert policy.can_read_draft(actor, facts, NOW) is reads


CLINICIANS: list[tuple[Roles, bool]] = [
    ({("clinician", HERE)}, True),
    ({("clinician", None)}, True),
    ({("clinician", ELSEWHERE)}, False),
    ({(role, HERE) for role in ALL_ROLES if role != "clinician"}, False),
    (set(), False),
]


@pytest.mark.parametrize(("held", "may"), CLINICIANS)
def test_clinicians_of_the_site_begin_outcomes_and_may_be_named_as_co_examiners(held: Roles, may: bool) -> None:
    assert policy.can_begin(person(STRANGER, held), HERE) is may
    assert policy.can_be_co_examiner(person(STRANGER, held), HERE) is may


WRITE = {
    "the author": (AUTHOR_HERE, outcome(OWN), True),
    "the author, clinician everywhere": (person(AUTHOR, {("clinician", None)}), outcome(OWN), True),
    "the author who works there no more": (person(AUTHOR, {("clinician", ELSEWHERE)}), outcome(OWN), False),
    "the author whose grant is over": (AUTHOR_HERE, outcome(over(OWN)), False),
    "the author without a grant": (AUTHOR_HERE, outcome(EXAMINED), False),
    "a co-examiner": (COLLEAGUE_HERE, outcome(OWN, EXAMINED), False),
    "a clinician who was given it": (COLLEAGUE_HERE, outcome(OWN, GIVEN), False),
    "somebody with every role": (person(STRANGER, {(role, None) for role in ALL_ROLES}), outcome(OWN), False),
}


@pytest.mark.parametrize("case", WRITE)
def test_the_author_writes_while_a_clinician_of_the_site_and_alone_opens_it_to_others(case: str) -> None:
    actor, facts, may = WRITE[case]
    assert policy.can_write(actor, facts, NOW) is may
    assert policy.can_grant(actor, facts, NOW) is may


OFFICERS: list[tuple[str, Actor, bool, bool, bool]] = [
    # who, actor, may withdraw, may record the formal report, may ask for another try
    ("the author", person(AUTHOR), True, True, True),
    ("a clinician of the site", person(STRANGER, CLINICIAN_HERE), False, False, False),
    ("the site's lead", person(STRANGER, {("site-lead", HERE)}), True, True, False),
    ("a lead of every site", person(STRANGER, {("site-lead", None)}), True, True, False),
    ("another site's lead", person(STRANGER, {("site-lead", ELSEWHERE)}), False, False, False),
    ("the site's privacy officer", person(STRANGER, {("privacy-officer", HERE)}), True, False, False),
    ("a privacy officer of every site", person(STRANGER, {("privacy-officer", None)}), True, False, False),
    ("another site's privacy officer", person(STRANGER, {("privacy-officer", ELSEWHERE)}), False, False, False),
    ("an administrator", person(STRANGER, {("administrator", None)}), False, False, True),
    ("an administrator of one site only", person(STRANGER, {("administrator", HERE)}), False, False, False),
    ("an evaluator", person(STRANGER, {("evaluator", None)}), False, False, False),
]


@pytest.mark.parametrize(("who", "actor", "withdraws", "records", "retries"), OFFICERS)
def test_officers_do_what_their_office_is_for(
    who: str, actor: Actor, withdraws: bool, records: bool, retries: bool
) -> None:
    assert policy.can_withdraw(actor, AUTHOR, HERE) is withdraws
    assert policy.can_record_formal_report(actor, AUTHOR, HERE) is records
    assert policy.can_retry_delivery(actor, AUTHOR) is retries


SEES_GRANTS = {
    "the author": (AUTHOR_HERE, outcome(OWN, GIVEN), True),
    "the author who works there no more": (person(AUTHOR), outcome(OWN, GIVEN), True),
    "the author whose grant is over": (AUTHOR_HERE, outcome(over(OWN), GIVEN), False),
    "a co-examiner": (COLLEAGUE_HERE, outcome(OWN, EXAMINED), False),
    "who was given it": (COLLEAGUE_HERE, outcome(OWN, GIVEN), False),
    "an administrator": (person(STRANGER, {("administrator", None)}), outcome(OWN, GIVEN), False),
}


@pytest.mark.parametrize("case", SEES_GRANTS)
def test_the_author_sees_to_whom_it_is_open_and_ends_what_the_author_gave(case: str) -> None:
    actor, facts, may = SEES_GRANTS[case]
    assert policy.can_see_grants(actor, facts, NOW) is may
    assert policy.can_end_grant(actor, facts, "given", NOW) is may
    assert policy.can_end_grant(actor, facts, "co-examiner", NOW) is may


@pytest.mark.parametrize("kind", ["author", "recipient", "break-glass", "something-new"])
def test_the_author_ends_nothing_that_was_not_given_by_hand(kind: str) -> None:
    assert not policy.can_end_grant(AUTHOR_HERE, outcome(OWN), kind, NOW)


GIVEN_BY_NAME: list[tuple[Roles, bool]] = [
    (set(), True),
    ({("clinician", ELSEWHERE)}, True),
    ({("administrator", None)}, False),
    ({("administrator", None), ("clinician", HERE)}, False),
    ({("evaluator", None)}, False),
    ({("evaluator", ELSEWHERE), ("clinician", HERE)}, False),
]


@pytest.mark.parametrize(("held", "may"), GIVEN_BY_NAME)
def test_an_outcome_is_opened_by_name_to_anyone_but_evaluators_and_administrators(held: Roles, may: bool) -> None:
    assert policy.can_be_given(person(STRANGER, held)) is may


@pytest.mark.parametrize(
    ("held", "may"),
    [
        (set(), True),
        ({("clinician", HERE), ("administrator", None)}, True),
        ({("evaluator", None)}, False),
        ({("clinician", HERE), ("evaluator", ELSEWHERE)}, False),
    ],
)
def test_an_evaluator_is_in_no_team(held: Roles, may: bool) -> None:
    assert policy.can_be_in_a_team(person(STRANGER, held)) is may


BREAK_GLASS = {
    "nobody in particular": (person(STRANGER), False),
    "who is in a team": (person(STRANGER, teams={DUTY}), True),
    "a clinician of any site": (person(STRANGER, {("clinician", ELSEWHERE)}), True),
    "a site lead": (person(STRANGER, {("site-lead", HERE)}), True),
    "a privacy officer": (person(STRANGER, {("privacy-officer", None)}), True),
    "an evaluator": (person(STRANGER, {("evaluator", HERE)}), False),
    "an evaluator who is a clinician": (person(STRANGER, {("evaluator", HERE), ("clinician", HERE)}), False),
    "an evaluator in a team": (person(STRANGER, {("evaluator", None)}, {DUTY}), False),
    "an administrator": (person(STRANGER, {("administrator", None)}), False),
    "an administrator in a team": (person(STRANGER, {("administrator", None)}, {DUTY}), False),
    "an administrator who is a clinician": (person(STRANGER, {("administrator", None), ("clinician", None)}), False),
    "a machine for who is in a team": (replace(person(STRANGER, teams={DUTY}), client_id=UUID(int=41)), False),
    "a machine for a clinician": (replace(person(STRANGER, CLINICIAN_HERE), client_id=UUID(int=41)), False),
}


@pytest.mark.parametrize("case", BREAK_GLASS)
def test_the_glass_is_for_people_who_look_after_children_or_privacy(case: str) -> None:
    actor, may = BREAK_GLASS[case]
    assert policy.can_break_glass(actor) is may


@pytest.mark.parametrize(
    ("held", "may", "sites"),
    [
        ({("site-lead", HERE)}, True, {HERE}),
        ({("privacy-officer", HERE)}, True, {HERE}),
        ({("site-lead", None)}, True, {None}),
        ({("privacy-officer", ELSEWHERE)}, False, {ELSEWHERE}),
        ({("site-lead", HERE), ("privacy-officer", ELSEWHERE), ("clinician", UUID(int=3))}, True, {HERE, ELSEWHERE}),
        ({("clinician", HERE), ("administrator", None), ("evaluator", HERE)}, False, set()),
        (set(), False, set()),
    ],
)
def test_leads_and_privacy_officers_look_into_what_was_opened_at_their_sites(
    held: Roles, may: bool, sites: set[UUID | None]
) -> None:
    assert policy.can_review(person(STRANGER, held), HERE) is may
    assert policy.reviews_at(person(STRANGER, held)) == sites


@pytest.mark.parametrize(
    ("held", "administers", "reads"),
    [
        ({("administrator", None)}, True, True),
        ({("administrator", HERE)}, False, False),
        ({("clinician", HERE)}, False, True),
        ({("clinician", None)}, False, True),
        ({("evaluator", None), ("site-lead", HERE), ("privacy-officer", None)}, False, False),
        (set(), False, False),
    ],
)
def test_the_directory_is_kept_by_administrators_and_read_by_who_chooses_recipients(
    held: Roles, administers: bool, reads: bool
) -> None:
    assert policy.can_administer(person(STRANGER, held)) is administers
    assert policy.can_read_directory(person(STRANGER, held)) is reads


SCHOOL = grant("recipient", None, NURSES, "school-nurse")
SOCIAL = grant("recipient", None, DUTY, "social-worker", "sarc")
GLASS = grant("break-glass", COLLEAGUE, None, "police")
IN_BOTH = person(STRANGER, teams={DUTY, NURSES})
READS_AS = {
    "the author reads all": (person(AUTHOR), (OWN,), None),
    "a co-examiner reads all": (person(COLLEAGUE), (EXAMINED,), None),
    "a member of a team, what the team is": (person(STRANGER, teams={NURSES}), (SCHOOL, SOCIAL), {"school-nurse"}),
    "a member of both teams, both": (IN_BOTH, (SCHOOL, SOCIAL), {"school-nurse", "social-worker", "sarc"}),
    "a member of both, one of them no more": (IN_BOTH, (over(SOCIAL), SCHOOL), {"school-nurse"}),
    "a named person, what they are": (person(COLLEAGUE), (grant("recipient", COLLEAGUE, None, "gp"),), {"gp"}),
    "a named clinician who is told, too": (COLLEAGUE_HERE, (grant("recipient", COLLEAGUE, None, "gp"),), {"gp"}),
    "a grant without a role": (person(COLLEAGUE), (TOLD,), {"other"}),
    "a clinician it was given to": (COLLEAGUE_HERE, (GIVEN,), None),
    "a site lead it was given to": (person(COLLEAGUE, {("site-lead", ELSEWHERE)}), (GIVEN,), None),
    "a privacy officer it was given to": (person(COLLEAGUE, {("privacy-officer", None)}), (GIVEN,), None),
    "a person of no clinical office it was given to": (person(COLLEAGUE), (GIVEN,), {"other"}),
    "an administrator it was given to": (person(COLLEAGUE, {("administrator", None)}), (GIVEN,), {"other"}),
    "an evaluator it was given to": (person(COLLEAGUE, {("evaluator", None)}), (GIVEN,), {"other"}),
    "a clinician in the team it was given to": (
        person(STRANGER, CLINICIAN_HERE, {DUTY}),
        (grant("given", None, DUTY, "police"),),
        {"police"},
    ),
    "a clinician who broke the glass": (COLLEAGUE_HERE, (GLASS,), None),
    "another who broke the glass": (person(COLLEAGUE, teams={NURSES}), (GLASS,), {"police"}),
    "who is told, and examined it until just now": (COLLEAGUE_HERE, (over(EXAMINED), TOLD), {"other"}),
    "who is told, and examines it": (COLLEAGUE_HERE, (TOLD, EXAMINED), None),
    "somebody else's grant shows nothing more": (IN_BOTH, (OWN, EXAMINED, SCHOOL), {"school-nurse"}),
    "nothing that is open to them, as little as there is": (person(STRANGER), (OWN, SCHOOL), {"other"}),
}


@pytest.mark.parametrize("case", READS_AS)
def test_who_examined_or_is_a_clinician_reads_all_and_a_recipient_their_part(case: str) -> None:
    actor, grants, expected = READS_AS[case]
    assert policy.reads_as(actor, grants, NOW) == expected


def test_who_is_no_administrator_is_refused_with_the_facts_for_the_audit() -> None:
    policy.check_administrator(None, "add-team")
    policy.check_administrator(person(STRANGER, {("administrator", None)}), "add-team")
    assert refusal(policy.check_administrator, person(STRANGER, {("administrator", HERE)}), "add-team") == (
        "not-found",
        STRANGER,
        "add-team",
        "directory",
        "directory",
    )


def test_nobody_changes_what_their_own_account_may_do() -> None:
    administrator = person(STRANGER, {("administrator", None)})
    policy.check_not_own(administrator, COLLEAGUE, "give-role")
    policy.check_not_own(None, STRANGER, "give-role")
    assert refusal(policy.check_not_own, administrator, STRANGER, "give-role") == (
        "not-found",
        STRANGER,
        "give-role",
        "account",
        str(STRANGER),
    )


def refusal(check: Any, *given: Any) -> tuple[Any, ...]:
    with pytest.raises(Denied) as caught:
        check(*given)
    denied = caught.value
    return denied.code, denied.actor_id, denied.action, denied.object_type, denied.object_id


def test_the_kinds_and_scopes_are_the_ones_that_are_kept_and_given() -> None:
    assert set(policy.KINDS) == {"author", "co-examiner", "recipient", "given", "break-glass"}
    assert {"author", "recipient"} == policy.LASTING
    assert set(policy.SCOPES) == {"outcomes:read", "outcomes:write", "deliveries:acknowledge", "directory:read"}
