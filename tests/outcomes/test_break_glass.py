"""Breaking the glass: who may, what it opens and for how long, and who looks into it."""

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import datetime, timedelta
from threading import Barrier
from typing import Any
from uuid import UUID, uuid4

import factories
import pytest
from factories import Cast
from sqlmodel import Session, select

from app.audit import AuditEvent
from app.db import Transaction
from app.errors import DomainError
from app.outcomes import actions, break_glass, closing, queries
from app.outcomes.break_glass_list import review_list
from app.outcomes.break_glass_rules import GlassRules
from app.outcomes.break_glass_tables import BreakGlass
from app.outcomes.tables import Outcome
from app.people import actions as directory
from app.people.queries import actor_by_account, may_read_outcome
from app.people.rules import Actor, Denied

WHY = "The child is in our department now and bleeding."
RULES = GlassRules()
# Of the range that is kept for tests.
NHS_NUMBERS = ("9990000018", "9990000026", "9990000034", "9990000042")
IN_AN_EMERGENCY = ["colin.ashe", "kit.marlowe", "tom.lyle", "lila.crane", "petra.lund"]


@pytest.fixture
def outcome(transaction: Transaction, cast: Cast, now: datetime) -> Outcome:
    return signed(transaction, cast, now)


def signed(transaction: Transaction, cast: Cast, now: datetime, site: str = "meon", **child: str) -> Outcome:
    answers = factories.complete_answers(now)
    answers["child"] |= child
    with transaction() as session:
        return factories.signed_outcome(session, cast["asha.kerrin"], cast.sites[site], now, answers)[0]


def broken(session: Session, actor: Actor, outcome_id: UUID, now: datetime, **changes: Any) -> BreakGlass:
    values: dict[str, Any] = {"reason_code": "other", "reason": WHY, "rules": RULES} | changes
    return break_glass.break_glass(session, actor, outcome=outcome_id, now=now, **values)


@pytest.mark.parametrize("person", IN_AN_EMERGENCY)
def test_a_person_in_a_team_or_with_a_clinical_or_privacy_role_reads_for_an_hour(
    session: Session, cast: Cast, outcome: Outcome, now: datetime, person: str
) -> None:
    actor, soon, over = cast[person], now + timedelta(minutes=59, seconds=59), now + timedelta(minutes=60)
    glass = broken(session, actor, outcome.id, now)
    assert glass.until_at == over
    assert queries.read_version(session, actor, outcome.id, 1, soon).withdrawal is None
    assert [one.outcome.id for one in queries.list_outcomes(session, actor, now=soon)] == [outcome.id]
    with pytest.raises(Denied):
        queries.read_version(session, actor, outcome.id, 1, over)
    assert queries.list_outcomes(session, actor, now=over) == []


@pytest.mark.parametrize("lasts", [timedelta(minutes=61), timedelta(days=9)])
def test_no_setting_makes_it_longer_than_an_hour(
    session: Session, cast: Cast, outcome: Outcome, now: datetime, lasts: timedelta
) -> None:
    glass = broken(session, cast["colin.ashe"], outcome.id, now, rules=replace(RULES, lasts=lasts))
    assert glass.until_at == now + timedelta(minutes=60)


def test_a_setting_may_make_it_shorter(session: Session, cast: Cast, outcome: Outcome, now: datetime) -> None:
    broken(session, cast["colin.ashe"], outcome.id, now, rules=replace(RULES, lasts=timedelta(minutes=5)))
    later = now + timedelta(minutes=5)
    assert not may_read_outcome(session, cast["colin.ashe"], outcome.id, later)


def closed_to(session: Session, cast: Cast, now: datetime) -> dict[str, Actor]:
    """Those whose emergency it never is."""
    sue, ravi, kit = cast["sue.garland"].account_id, cast["ravi.sethi"].account_id, cast["kit.marlowe"].account_id
    for account_id, team in ((sue, "beacon-named-nurses"), (kit, "harbour-sarc")):
        directory.leave_team(session, None, account_id=account_id, team_id=cast.teams[team].id, now=now)
    for account_id, role in ((sue, "evaluator"), (ravi, "administrator")):
        directory.give_role(session, None, account_id=account_id, role=role, site_id=None, now=now)
    session.flush()
    found = {"site lead who evaluates": sue, "team member who administers": ravi, "nobody in particular": kit}
    actors = {name: actor_by_account(session, account_id, now) for name, account_id in found.items()}
    assert all(actors.values())
    machine = {"machine": replace(cast["colin.ashe"], client_id=uuid4())}
    named = {"evaluator": cast["evan.sayle"], "administrator": cast["demo.admin"]}
    return {name: actor for name, actor in actors.items() if actor} | machine | named


def test_to_everyone_else_it_is_as_if_there_were_no_outcome(
    session: Session, cast: Cast, outcome: Outcome, now: datetime
) -> None:
    for name, actor in closed_to(session, cast, now).items():
        refused = []
        for outcome_id in (outcome.id, uuid4()):
            with pytest.raises(Denied) as error:
                broken(session, actor, outcome_id, now, reason="")
            refused.append((error.value.code, error.value.sentence, error.value.problems))
        assert refused[0] == refused[1], name
        assert not may_read_outcome(session, actor, outcome.id, now), name
    assert session.exec(select(BreakGlass)).all() == []


def test_what_was_never_signed_has_no_emergency(session: Session, cast: Cast, now: datetime) -> None:
    draft = factories.drafted_outcome(session, cast["asha.kerrin"], cast.sites["meon"], now).outcome
    with pytest.raises(Denied):
        broken(session, cast["colin.ashe"], draft.id, now)


@pytest.mark.parametrize("person", ["asha.kerrin", "priya.dunmore", "joan.tapper"])
def test_who_reads_it_already_needs_no_emergency(
    session: Session, cast: Cast, outcome: Outcome, now: datetime, person: str
) -> None:
    with pytest.raises(DomainError, match="already-open"):
        broken(session, cast[person], outcome.id, now)


def test_it_is_open_already_until_the_hour_is_over_and_can_then_be_opened_again(
    session: Session, cast: Cast, outcome: Outcome, now: datetime
) -> None:
    actor = cast["colin.ashe"]
    broken(session, actor, outcome.id, now)
    with pytest.raises(DomainError, match="already-open"):
        broken(session, actor, outcome.id, now + timedelta(minutes=59))
    again = broken(session, actor, outcome.id, now + timedelta(minutes=60))
    assert (again.times_by_person, again.times_on_child, again.is_repeated) == (2, 2, True)


def test_two_calls_at_once_open_it_once(transaction: Transaction, cast: Cast, outcome: Outcome, now: datetime) -> None:
    together = Barrier(2)

    def try_it(_: int) -> str:
        together.wait()
        try:
            with transaction() as session:
                broken(session, cast["colin.ashe"], outcome.id, now)
        except DomainError as error:
            return error.code
        return "opened"

    with ThreadPoolExecutor(2) as pool:
        assert sorted(pool.map(try_it, range(2))) == ["already-open", "opened"]


def test_a_blank_reason_opens_nothing(session: Session, cast: Cast, outcome: Outcome, now: datetime) -> None:
    with pytest.raises(DomainError, match="invalid") as error:
        broken(session, cast["colin.ashe"], outcome.id, now, reason="\u3164" * 40)
    assert [one.pointer for one in error.value.problems] == ["/reason"]
    assert not may_read_outcome(session, cast["colin.ashe"], outcome.id, now)


def test_it_opens_that_one_outcome_to_that_one_person(
    transaction: Transaction, cast: Cast, outcome: Outcome, now: datetime
) -> None:
    other = signed(transaction, cast, now)
    with transaction() as session:
        mine = signed_to_harbour(session, cast, now)
        broken(session, cast["priya.dunmore"], mine, now)
        # Bea Farrow is in Meon's duty team too: a team reads nothing through one of its members.
        assert not may_read_outcome(session, cast["bea.farrow"], mine, now)
        broken(session, cast["bea.farrow"], outcome.id, now)
        assert not may_read_outcome(session, cast["bea.farrow"], other.id, now)


def signed_to_harbour(session: Session, cast: Cast, now: datetime) -> UUID:
    """An outcome of which neither Priya Dunmore nor her teams are told."""
    rows = [{"recipient-role": "social-worker", "recipient-team": "harbour-duty"}]
    answers = factories.complete_answers(now, recipients=rows)
    return factories.signed_outcome(session, cast["asha.kerrin"], cast.sites["harbour"], now, answers)[0].id


def test_it_shows_no_draft_and_lets_nothing_be_written(
    session: Session, cast: Cast, outcome: Outcome, now: datetime
) -> None:
    doctor, author = cast["tom.lyle"], cast["asha.kerrin"]
    actions.begin_amendment(session, author, outcome_id=outcome.id, forms=factories.forms(), now=now)
    broken(session, doctor, outcome.id, now)
    with pytest.raises(Denied):
        queries.draft_for(session, doctor, outcome.id, factories.forms(), now)
    assert queries.overview(session, doctor, outcome, now).state == "signed"
    what = {"outcome_id": outcome.id, "now": now}
    with pytest.raises(Denied):
        actions.save_draft(session, doctor, **what, revision=3, answers={}, forms=factories.forms())
    with pytest.raises(Denied):
        actions.discard_draft(session, doctor, **what, revision=3)
    with pytest.raises(Denied):
        actions.begin_amendment(session, doctor, **what, forms=factories.forms())
    view = queries.draft_for(session, author, outcome.id, factories.forms(), now)
    with pytest.raises(Denied):
        factories.sign_draft(session, doctor, view, now, amendment_reason="No.")
    with pytest.raises(Denied):
        closing.withdraw(
            session, doctor, **what, reason_code="other", reason="No.", surname=factories.SURNAME,
            birth_date=factories.BIRTH_DATE,
        )  # fmt: skip


def test_of_a_withdrawn_outcome_it_opens_the_tombstone(
    session: Session, cast: Cast, outcome: Outcome, now: datetime
) -> None:
    closing.withdraw(
        session, cast["asha.kerrin"], outcome_id=outcome.id, reason_code="wrong-child", reason="Not her.",
        surname=factories.SURNAME, birth_date=factories.BIRTH_DATE, now=now,
    )  # fmt: skip
    broken(session, cast["colin.ashe"], outcome.id, now)
    view = queries.read_version(session, cast["colin.ashe"], outcome.id, 1, now)
    assert view.withdrawal is not None
    assert view.withdrawal.reason_code == "wrong-child"


def test_nobody_is_told_of_an_amendment_because_they_once_broke_the_glass(
    session: Session, cast: Cast, outcome: Outcome, now: datetime
) -> None:
    broken(session, cast["colin.ashe"], outcome.id, now)
    version = factories.amended_outcome(session, cast["asha.kerrin"], outcome, now)
    told = {one.account_id for one in queries.recipients_of(session, version.id)}
    assert cast["colin.ashe"].account_id not in told


def test_the_third_by_one_person_within_thirty_days_is_pointed_out(
    transaction: Transaction, cast: Cast, now: datetime
) -> None:
    outcomes = [signed(transaction, cast, now, **{"nhs-number": number}) for number in NHS_NUMBERS]
    days = (0, 1, 29, 40)
    with transaction() as session:
        glasses = [
            broken(session, cast["colin.ashe"], one.id, now + timedelta(days=day))
            for one, day in zip(outcomes, days, strict=True)
        ]
        assert [one.times_by_person for one in glasses] == [1, 2, 3, 2]
        assert [one.is_repeated for one in glasses] == [False, False, True, False]
        assert {one.times_on_child for one in glasses} == {1}


def test_the_second_on_one_child_is_pointed_out_also_on_another_outcome_and_by_another_person(
    transaction: Transaction, cast: Cast, now: datetime
) -> None:
    first, second = (signed(transaction, cast, now, **{"nhs-number": NHS_NUMBERS[0]}) for _ in range(2))
    stranger = signed(transaction, cast, now, **{"nhs-number": NHS_NUMBERS[1]})
    with transaction() as session:
        glasses = [
            broken(session, cast[person], one.id, now)
            for person, one in (("colin.ashe", first), ("kit.marlowe", second), ("ravi.sethi", stranger))
        ]
        assert [(one.times_on_child, one.is_repeated) for one in glasses] == [(1, False), (2, True), (1, False)]


def test_the_reason_lies_encrypted_and_the_audit_has_only_its_code(
    session: Session, cast: Cast, outcome: Outcome, now: datetime
) -> None:
    glass = broken(session, cast["colin.ashe"], outcome.id, now)
    session.commit()
    assert b"bleeding" not in glass.reason_encrypted
    (event,) = session.exec(select(AuditEvent).where(AuditEvent.action == "break-glass")).all()
    assert (event.actor_id, event.object_id) == (cast["colin.ashe"].account_id, str(outcome.id))
    assert event.detail["reason_code"] == "other"
    assert "bleeding" not in str(event.detail)


@pytest.mark.parametrize("person", ["lila.crane", "petra.lund"])
def test_the_site_lead_and_the_privacy_officer_look_into_it_once(
    session: Session, cast: Cast, outcome: Outcome, now: datetime, person: str
) -> None:
    glass = broken(session, cast["colin.ashe"], outcome.id, now)
    (seen,) = review_list(session, cast[person], now=now)
    assert (seen.glass.id, seen.reason, seen.by, seen.review) == (glass.id, WHY, "Colin Ashe", None)
    said: dict[str, Any] = {"break_glass_id": glass.id, "finding": "appropriate", "note": None, "now": now}
    break_glass.review(session, cast[person], **said)
    (seen,) = review_list(session, cast[person], now=now)
    assert seen.review is not None
    assert (seen.review.finding, seen.review.by) == ("appropriate", cast[person].name)
    with pytest.raises(DomainError, match="already-reviewed"):
        break_glass.review(session, cast["petra.lund"], **said)


@pytest.mark.parametrize("person", ["asha.kerrin", "adam.fenn", "colin.ashe", "evan.sayle", "demo.admin"])
def test_nobody_else_looks_into_it(session: Session, cast: Cast, outcome: Outcome, now: datetime, person: str) -> None:
    glass = broken(session, cast["tom.lyle"], outcome.id, now)
    for glass_id in (glass.id, uuid4()):
        with pytest.raises(Denied):
            break_glass.review(
                session, cast[person], break_glass_id=glass_id, finding="appropriate", note=None, now=now
            )
    if person == "adam.fenn":  # a lead, but of another site
        assert review_list(session, cast[person], now=now) == []
        return
    with pytest.raises(Denied):
        review_list(session, cast[person], now=now)


@pytest.mark.parametrize("person", ["lila.crane", "petra.lund"])
def test_nobody_looks_into_what_they_opened_themselves(
    session: Session, cast: Cast, outcome: Outcome, now: datetime, person: str
) -> None:
    glass = broken(session, cast[person], outcome.id, now)
    with pytest.raises(DomainError, match="not-by-yourself"):
        break_glass.review(session, cast[person], break_glass_id=glass.id, finding="appropriate", note=None, now=now)


def test_a_finding_that_is_not_offered_is_refused(
    session: Session, cast: Cast, outcome: Outcome, now: datetime
) -> None:
    glass = broken(session, cast["colin.ashe"], outcome.id, now)
    with pytest.raises(DomainError, match="invalid") as error:
        break_glass.review(session, cast["lila.crane"], break_glass_id=glass.id, finding="fine", note=None, now=now)
    assert [one.pointer for one in error.value.problems] == ["/finding"]


def test_what_waits_longer_than_a_week_comes_first_and_pages_hang_together(
    session: Session, cast: Cast, outcome: Outcome, now: datetime
) -> None:
    lead, people = cast["lila.crane"], ("colin.ashe", "kit.marlowe", "ravi.sethi", "glen.orchard", "bea.farrow")
    made = [
        broken(session, cast[who], outcome.id, now + timedelta(days=day)).id
        for who, day in zip(people, range(5), strict=True)
    ]
    break_glass.review(session, lead, break_glass_id=made[1], finding="unclear", note="Asked.", now=now)
    later = now + timedelta(days=9, minutes=1)  # those of the days 0 and 2 are overdue; that of day 1 is reviewed
    expected = [made[2], made[0], made[4], made[3], made[1]]
    assert [one.glass.id for one in review_list(session, lead, now=later)] == expected
    paged: list[UUID] = []
    while page := review_list(session, lead, after=paged[-1] if paged else None, limit=1, now=later):
        paged += [one.glass.id for one in page]
    assert paged == expected
    with pytest.raises(DomainError, match="invalid"):
        review_list(session, lead, after=uuid4(), now=later)
