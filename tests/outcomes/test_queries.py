"""Reading: what each may see, and that a refusal says nothing."""

from datetime import datetime, timedelta
from uuid import UUID, uuid4

import factories
import pytest
from factories import Cast
from sqlmodel import Session, select

from app.audit import AuditEvent
from app.errors import DomainError
from app.outcomes import queries
from app.people.rules import Denied


def test_an_outcome_is_found_by_its_reference_or_its_id(session: Session, cast: Cast, now: datetime) -> None:
    outcome, _ = factories.signed_outcome(session, cast["asha.kerrin"], cast.sites["meon"], now)
    for typed in (outcome.id, str(outcome.id), outcome.reference, outcome.reference.lower()):
        assert queries.outcome_for(session, cast["priya.dunmore"], typed, now).id == outcome.id


@pytest.mark.parametrize(
    "person", ["tom.lyle", "colin.ashe", "lila.crane", "sue.garland", "petra.lund", "evan.sayle", "demo.admin"]
)
def test_a_role_or_a_desk_nearby_opens_nothing(session: Session, cast: Cast, now: datetime, person: str) -> None:
    outcome, _ = factories.signed_outcome(session, cast["asha.kerrin"], cast.sites["beacon-down"], now)
    with pytest.raises(Denied) as there:
        queries.outcome_for(session, cast[person], outcome.reference, now)
    with pytest.raises(Denied) as nowhere:
        queries.outcome_for(session, cast[person], "2222-22", now)
    assert (there.value.code, str(there.value)) == (nowhere.value.code, str(nowhere.value))
    assert there.value.object_id == str(outcome.id)
    assert nowhere.value.object_id == "2222-22"
    with pytest.raises(Denied):
        queries.read_version(session, cast[person], outcome.id, 1, now)
    assert queries.list_outcomes(session, cast[person], now=now) == []


def test_what_was_typed_is_not_kept_when_it_might_be_a_name(session: Session, cast: Cast, now: datetime) -> None:
    unknown = uuid4()
    for typed, kept in (("Leo Marwood", "unrecognised"), (unknown, str(unknown)), (str(unknown), "unrecognised")):
        with pytest.raises(Denied) as caught:
            queries.outcome_for(session, cast["asha.kerrin"], typed, now)
        assert caught.value.object_id == kept


def test_a_read_is_audited_with_ids_only(session: Session, cast: Cast, now: datetime) -> None:
    outcome, version = factories.signed_outcome(session, cast["asha.kerrin"], cast.sites["beacon-down"], now)
    view = queries.read_version(session, cast["priya.dunmore"], outcome.id, 1, now)
    assert view.version.answers["child"]["surname"] == "Marwood"
    (event,) = session.exec(select(AuditEvent).where(AuditEvent.action == "read-version"))
    assert (event.actor_id, event.object_id) == (cast["priya.dunmore"].account_id, str(version.id))
    assert event.detail == {"outcome": str(outcome.id)}


def test_no_event_ever_holds_an_answer(session: Session, cast: Cast, now: datetime) -> None:
    outcome, _ = factories.signed_outcome(session, cast["asha.kerrin"], cast.sites["beacon-down"], now)
    factories.amended_outcome(session, cast["asha.kerrin"], outcome, now)
    told = " ".join(str(event.model_dump()) for event in session.exec(select(AuditEvent)))
    assert not [word for word in ("Marwood", "Leo", "9990002371", "2019-03-14", "Ropewalk") if word in told]


def test_a_superseded_version_stays_readable_and_says_so(session: Session, cast: Cast, now: datetime) -> None:
    asha = cast["asha.kerrin"]
    outcome, _ = factories.signed_outcome(session, asha, cast.sites["beacon-down"], now)
    factories.amended_outcome(session, asha, outcome, now + timedelta(hours=1))
    first = queries.read_version(session, cast["priya.dunmore"], outcome.id, 1, now + timedelta(hours=2))
    second = queries.read_version(session, cast["priya.dunmore"], outcome.id, 2, now + timedelta(hours=2))
    assert (first.superseded_by, second.superseded_by) == (2, None)
    with pytest.raises(Denied):
        queries.read_version(session, cast["priya.dunmore"], outcome.id, 3, now)


def test_a_list_is_newest_first_and_goes_on_where_it_ended(session: Session, cast: Cast, now: datetime) -> None:
    asha, site = cast["asha.kerrin"], cast.sites["beacon-down"]
    # Three begun at the same moment: the order must still be one order.
    begun = [factories.begun_outcome(session, asha, site, now + timedelta(hours=hour)).id for hour in (0, 0, 0, 1, 2)]
    factories.begun_outcome(session, cast["tom.lyle"], site, now)
    later = now + timedelta(hours=3)
    seen: list[UUID] = []
    after = None
    while page := queries.list_outcomes(session, asha, after=after, limit=2, now=later):
        seen += [one.outcome.id for one in page]
        after = seen[-1]
    assert seen[:2] == [begun[4], begun[3]]
    assert set(seen) == set(begun)
    assert len(seen) == 5


def test_a_list_can_be_of_one_state(session: Session, cast: Cast, now: datetime) -> None:
    asha, site = cast["asha.kerrin"], cast.sites["beacon-down"]
    draft = factories.drafted_outcome(session, asha, site, now).outcome
    signed, version = factories.signed_outcome(session, asha, site, now)
    for state, wanted in (("draft", [draft.id]), ("signed", [signed.id]), ("withdrawn", [])):
        assert [one.outcome.id for one in queries.list_outcomes(session, asha, state=state, now=now)] == wanted
    (mine,) = queries.list_outcomes(session, cast["priya.dunmore"], now=now)
    assert (mine.state, mine.site.code) == ("signed", "beacon-down")
    assert mine.current_version is not None
    assert mine.current_version.id == version.id
    assert mine.formal_report_due == version.formal_report_due
    with pytest.raises(DomainError, match="invalid"):
        queries.list_outcomes(session, asha, state="lost", now=now)


def test_a_list_cannot_go_on_after_something_of_another(session: Session, cast: Cast, now: datetime) -> None:
    outcome = factories.begun_outcome(session, cast["tom.lyle"], cast.sites["meon"], now)
    with pytest.raises(DomainError, match="invalid"):
        queries.list_outcomes(session, cast["asha.kerrin"], after=outcome.id, now=now)


def test_the_worker_gets_a_version_with_all_its_facts(session: Session, cast: Cast, now: datetime) -> None:
    outcome, version = factories.signed_outcome(session, cast["asha.kerrin"], cast.sites["meon"], now)
    facts = queries.version_facts(session, version.id)
    assert (facts.outcome.id, facts.site.code, facts.version.number, len(facts.recipients)) == (
        outcome.id,
        "meon",
        1,
        4,
    )
    assert not facts.is_withdrawn
