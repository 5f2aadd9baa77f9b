"""Writing an outcome, alone and with somebody else at the same time, on both databases."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta
from threading import Barrier
from typing import Any
from uuid import uuid4

import factories
import pytest
from factories import Cast
from sqlmodel import Session, func, select

from app.audit import AuditEvent
from app.db import Transaction
from app.errors import DomainError
from app.outcomes import actions, queries
from app.outcomes.contents import open_draft
from app.outcomes.tables import Draft, Outcome, OutcomeVersion, Recipient
from app.people import actions as people
from app.people.rules import Denied
from app.people.tables import Grant

TOGETHER = 6


def at_once(transaction: Transaction, do: Callable[[Session, int], str]) -> list[str]:
    """What `do` answers, or the code of its error, when several call it at the same time in their own transactions."""
    barrier = Barrier(TOGETHER)

    def one(number: int) -> str:
        barrier.wait()
        try:
            with transaction() as session:
                return do(session, number)
        except DomainError as error:
            return error.code

    with ThreadPoolExecutor(TOGETHER) as threads:
        return sorted(threads.map(one, range(TOGETHER)))


def save(session: Session, cast: Cast, outcome: Outcome, revision: int, answers: dict[str, Any], now: datetime) -> int:
    view = actions.save_draft(
        session,
        cast["asha.kerrin"],
        outcome_id=outcome.id,
        revision=revision,
        answers=answers,
        forms=factories.forms(),
        now=now,
    )
    return view.draft.revision


def test_beginning_twice_under_one_id_makes_one_outcome(transaction: Transaction, cast: Cast, now: datetime) -> None:
    form, asha, outcome_id = factories.forms().latest("cp-medical-outcome"), cast["asha.kerrin"], uuid4()

    def begin(session: Session, _: int) -> str:
        site = cast.sites["meon"]
        return str(actions.begin(session, asha, outcome_id=outcome_id, site=site, form=form, now=now).is_new)

    assert at_once(transaction, begin) == ["False"] * (TOGETHER - 1) + ["True"]
    with transaction() as session:
        assert session.exec(select(func.count()).select_from(Outcome)).one() == 1
        assert session.exec(select(Draft)).one().revision == 1
        assert session.exec(select(func.count()).select_from(Grant)).one() == 1


def test_an_id_belongs_to_who_used_it_first(session: Session, cast: Cast, now: datetime) -> None:
    outcome = factories.begun_outcome(session, cast["asha.kerrin"], cast.sites["meon"], now)
    form = factories.forms().latest("cp-medical-outcome")
    for person, site in (("tom.lyle", "meon"), ("asha.kerrin", "harbour")):
        with pytest.raises(DomainError, match="id-taken"):
            actions.begin(session, cast[person], outcome_id=outcome.id, site=cast.sites[site], form=form, now=now)


@pytest.mark.parametrize("person", ["priya.dunmore", "lila.crane", "demo.admin", "evan.sayle", "petra.lund"])
def test_only_a_clinician_of_the_site_begins_an_outcome(
    session: Session, cast: Cast, now: datetime, person: str
) -> None:
    with pytest.raises(Denied) as caught:
        factories.begun_outcome(session, cast[person], cast.sites["meon"], now)
    assert caught.value.action == "begin-outcome"
    assert session.exec(select(Outcome)).all() == []


def test_a_collision_of_references_gives_another_reference(
    session: Session, cast: Cast, now: datetime, monkeypatch: pytest.MonkeyPatch
) -> None:
    signs = iter("222222222222333333")
    monkeypatch.setattr("app.outcomes.rules.secrets.choice", lambda _: next(signs))
    first = factories.begun_outcome(session, cast["asha.kerrin"], cast.sites["meon"], now)
    second = factories.begun_outcome(session, cast["asha.kerrin"], cast.sites["meon"], now)
    assert (first.reference, second.reference) == ("2222-22", "3333-33")


def test_a_draft_may_have_gaps_and_says_which(session: Session, cast: Cast, now: datetime) -> None:
    outcome = factories.begun_outcome(session, cast["asha.kerrin"], cast.sites["meon"], now)
    answers = {"child": {"surname": "Marwood"}, "sharing": factories.complete_answers(now)["sharing"]}
    assert save(session, cast, outcome, 1, answers, now) == 2
    view = queries.draft_for(session, cast["asha.kerrin"], outcome.id, factories.forms(), now)
    assert view.draft.answers == answers
    assert {problem.code for problem in view.missing} == {"missing"}
    assert "/answers/child/birth-date" in [problem.pointer for problem in view.missing]
    assert [one.name for one in view.recipients][:2] == ["Priya Dunmore", "Beacon Down children's duty team"]


@pytest.mark.parametrize(
    ("answers", "pointer"),
    [
        ({"child": {"nhs-number": "9990002372"}}, "/answers/child/nhs-number"),
        ({"child": {"unknown": 1}}, "/answers/child/unknown"),
        ({"examination": {"started-at": "2026-11-23T15:05:00+00:00"}}, "/answers/examination/started-at"),
        (
            {"sharing": {"recipients": [{"recipient-role": "gp", "recipient-team": "nowhere"}]}},
            "/answers/sharing/recipients/0/recipient-team",
        ),
    ],
)
def test_a_wrong_answer_is_not_saved(
    transaction: Transaction, cast: Cast, now: datetime, answers: dict[str, Any], pointer: str
) -> None:
    with transaction() as session:
        outcome = factories.begun_outcome(session, cast["asha.kerrin"], cast.sites["meon"], now)
    with pytest.raises(DomainError, match="invalid-answers") as caught, transaction() as session:
        save(session, cast, outcome, 1, answers, now)
    assert pointer in [problem.pointer for problem in caught.value.problems]
    with transaction() as session:
        draft = open_draft(session, session.get_one(Draft, outcome.id))
        assert (draft.revision, draft.answers) == (1, {})


def test_of_several_saves_on_one_revision_one_is_kept_and_none_is_lost_unseen(
    transaction: Transaction, cast: Cast, now: datetime
) -> None:
    with transaction() as session:
        outcome = factories.begun_outcome(session, cast["asha.kerrin"], cast.sites["meon"], now)

    def save_own(session: Session, number: int) -> str:
        return str(save(session, cast, outcome, 1, {"child": {"surname": f"Marwood {number}"}}, now))

    assert at_once(transaction, save_own) == ["2"] + ["stale-revision"] * (TOGETHER - 1)
    with transaction() as session:
        assert session.get_one(Draft, outcome.id).revision == 2
        saves = select(func.count()).select_from(AuditEvent).where(AuditEvent.action == "save-draft")
        assert session.exec(saves).one() == 1


def test_every_save_counts_when_each_reads_before_it_writes(
    transaction: Transaction, cast: Cast, now: datetime
) -> None:
    with transaction() as session:
        outcome = factories.begun_outcome(session, cast["asha.kerrin"], cast.sites["meon"], now)

    def add_person(number: int) -> None:
        with transaction() as session:
            draft = open_draft(session, actions.current_draft(session, outcome.id))
            rows = [*draft.answers.get("consent", {}).get("present", [])]
            rows.append({"present-name": f"Person {number}", "present-role": "nurse"})
            save(session, cast, outcome, draft.revision, {"consent": {"present": rows}}, now)

    def try_until_it_holds(number: int) -> None:
        while True:
            try:
                return add_person(number)
            except DomainError as error:
                if error.code != "stale-revision":
                    raise

    with ThreadPoolExecutor(TOGETHER) as threads:
        list(threads.map(try_until_it_holds, range(TOGETHER)))
    with transaction() as session:
        draft = open_draft(session, session.get_one(Draft, outcome.id))
    assert draft.revision == TOGETHER + 1
    assert {row["present-name"] for row in draft.answers["consent"]["present"]} == {
        f"Person {number}" for number in range(TOGETHER)
    }


def test_a_draft_is_the_author_s_alone(session: Session, cast: Cast, now: datetime) -> None:
    outcome = factories.begun_outcome(session, cast["asha.kerrin"], cast.sites["meon"], now)
    for person in ("tom.lyle", "lila.crane", "petra.lund", "demo.admin", "priya.dunmore"):
        with pytest.raises(Denied) as caught:
            queries.draft_for(session, cast[person], outcome.id, factories.forms(), now)
        assert caught.value.object_id == str(outcome.id)
        with pytest.raises(Denied):
            actions.discard_draft(session, cast[person], outcome_id=outcome.id, revision=1, now=now)


def test_who_is_a_clinician_of_the_site_no_more_can_neither_save_nor_sign(
    session: Session, cast: Cast, now: datetime
) -> None:
    asha, site = cast["asha.kerrin"], cast.sites["meon"]
    view = factories.drafted_outcome(session, asha, site, now)
    people.end_role(session, None, account_id=asha.account_id, role="clinician", site_id=site.id, now=now)
    today = factories.cast_in(session, now)
    with pytest.raises(Denied):
        save(session, today, view.outcome, 2, {}, now)
    with pytest.raises(Denied):
        factories.sign_draft(session, today["asha.kerrin"], view, now)


def test_a_draft_saved_and_discarded_leaves_no_trace_for_anyone_else(
    session: Session, cast: Cast, now: datetime
) -> None:
    view = factories.drafted_outcome(session, cast["asha.kerrin"], cast.sites["beacon-down"], now)
    assert session.exec(select(OutcomeVersion)).all() == []
    assert session.exec(select(Recipient)).all() == []
    assert [grant.account_id for grant in session.exec(select(Grant))] == [cast["asha.kerrin"].account_id]
    with pytest.raises(DomainError, match="stale-revision"):
        actions.discard_draft(session, cast["asha.kerrin"], outcome_id=view.outcome.id, revision=1, now=now)
    actions.discard_draft(session, cast["asha.kerrin"], outcome_id=view.outcome.id, revision=2, now=now)
    assert queries.overview(session, cast["asha.kerrin"], view.outcome, now).state == "discarded"
    with pytest.raises(DomainError, match="no-draft"):
        actions.discard_draft(session, cast["asha.kerrin"], outcome_id=view.outcome.id, revision=2, now=now)


def test_an_amendment_starts_from_the_answers_and_the_form_of_the_last_version(
    session: Session, cast: Cast, now: datetime
) -> None:
    asha = cast["asha.kerrin"]
    outcome, version = factories.signed_outcome(session, asha, cast.sites["beacon-down"], now)
    view = actions.begin_amendment(session, asha, outcome_id=outcome.id, forms=factories.forms(), now=now)
    assert view.draft.answers == version.answers
    assert (view.draft.form_version, view.draft.amends_number, view.draft.revision) == (version.form_version, 1, 3)
    assert view.missing == ()
    assert queries.overview(session, asha, outcome, now).state == "amending"
    assert queries.overview(session, cast["priya.dunmore"], outcome, now).state == "signed"
    with pytest.raises(DomainError, match="draft-exists"):
        actions.begin_amendment(session, asha, outcome_id=outcome.id, forms=factories.forms(), now=now)


def test_a_revision_never_names_two_drafts(session: Session, cast: Cast, now: datetime) -> None:
    asha = cast["asha.kerrin"]
    outcome, _ = factories.signed_outcome(session, asha, cast.sites["meon"], now)
    again = {"outcome_id": outcome.id, "forms": factories.forms(), "now": now}
    assert actions.begin_amendment(session, asha, **again).draft.revision == 3
    actions.discard_draft(session, asha, outcome_id=outcome.id, revision=3, now=now)
    assert actions.begin_amendment(session, asha, **again).draft.revision == 4
    with pytest.raises(DomainError, match="stale-revision"):
        save(session, cast, outcome, 3, {}, now)


def test_what_is_not_signed_cannot_be_amended(session: Session, cast: Cast, now: datetime) -> None:
    outcome = factories.begun_outcome(session, cast["asha.kerrin"], cast.sites["meon"], now)
    with pytest.raises(DomainError, match="not-signed"):
        actions.begin_amendment(
            session, cast["asha.kerrin"], outcome_id=outcome.id, forms=factories.forms(), now=now + timedelta(hours=1)
        )


def test_of_several_amendments_begun_at_once_one_is_begun(transaction: Transaction, cast: Cast, now: datetime) -> None:
    asha = cast["asha.kerrin"]
    with transaction() as session:
        outcome, _ = factories.signed_outcome(session, asha, cast.sites["beacon-down"], now)

    def begin(session: Session, _: int) -> str:
        view = actions.begin_amendment(session, asha, outcome_id=outcome.id, forms=factories.forms(), now=now)
        return str(view.draft.revision)

    assert at_once(transaction, begin) == ["3"] + ["draft-exists"] * (TOGETHER - 1)
