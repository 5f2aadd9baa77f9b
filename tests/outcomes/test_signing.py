"""The signature: complete or not at all, once or not at all, by the one who is signed in."""

from concurrent.futures import ThreadPoolExecutor
from datetime import date, datetime, timedelta, timezone
from threading import Barrier
from typing import Any

import factories
import pytest
from factories import Cast
from sqlalchemy.exc import DBAPIError
from sqlmodel import Session, func, select, text

from app.audit import AuditEvent
from app.db import Transaction
from app.errors import DomainError
from app.outcomes import actions, closing, queries, rules, signing
from app.outcomes.contents import SignedVersion, open_version
from app.outcomes.tables import Draft, OutcomeVersion, Recipient
from app.people import access
from app.people import actions as people
from app.people import queries as directory
from app.people.rules import Denied
from app.sites import actions as sites
from app.sites.rules import RecipientPolicy, SitePolicy, StandingRecipient

TOGETHER = 6


def test_a_signature_binds_the_person_who_is_signed_in(session: Session, cast: Cast, now: datetime) -> None:
    tom = cast["tom.lyle"]
    _, version = factories.signed_outcome(session, tom, cast.sites["beacon-down"], now)
    assert (version.number, version.signed_by, version.signed_at) == (1, tom.account_id, now)
    assert (version.signer_name, version.signer_grade) == ("Dr Tom Lyle", "Specialty trainee (ST5)")
    assert version.signer_registration == "GMC 9900002"
    assert version.formal_report_due == date(2026, 12, 7)


def test_a_signature_leaves_a_version_its_recipients_their_grants_one_event_and_no_draft(
    transaction: Transaction, cast: Cast, now: datetime
) -> None:
    with transaction() as session:
        outcome, version = factories.signed_outcome(session, cast["asha.kerrin"], cast.sites["beacon-down"], now)
    with transaction() as session:
        assert session.get(Draft, outcome.id) is None
        assert [one.name for one in queries.recipients_of(session, version.id)] == [
            "Priya Dunmore",
            "Beacon Down children's duty team",
            "Child abuse investigation team (Beacon Down)",
            "Lime Street Surgery safeguarding",
        ]
        readers = {
            name for name, who in cast.actors.items() if directory.may_read_outcome(session, who, outcome.id, now)
        }
        assert readers == {"asha.kerrin", "priya.dunmore", "nell.marsh", "joan.tapper"}
        (event,) = session.exec(select(AuditEvent).where(AuditEvent.action == "sign"))
        assert event.detail == {"version": str(version.id), "number": 1, "content_sha256": version.content_sha256}


def test_the_digest_can_be_made_again_from_what_is_stored(transaction: Transaction, cast: Cast, now: datetime) -> None:
    with transaction() as session:
        outcome, _ = factories.signed_outcome(session, cast["asha.kerrin"], cast.sites["beacon-down"], now)
    with transaction() as session:
        (stored,) = queries.versions_of(session, outcome.id)
        recipients = queries.recipients_of(session, stored.id)
        content = signing.signed_content(outcome, "beacon-down", open_version(session, stored), recipients)
        assert rules.content_sha256(content) == stored.content_sha256
        assert rules.content_sha256({**content, "recipients": content["recipients"][1:]}) != stored.content_sha256


def test_a_signed_version_is_never_changed_even_by_hand(transaction: Transaction, cast: Cast, now: datetime) -> None:
    with transaction() as session:
        factories.signed_outcome(session, cast["asha.kerrin"], cast.sites["beacon-down"], now)
    for statement in ("UPDATE outcome_version SET number = 2", "DELETE FROM recipient"):
        with pytest.raises(DBAPIError, match=r"never changed|permission denied"), transaction() as session:
            session.exec(text(statement))  # type: ignore[call-overload]


def sign(session: Session, cast: Cast, view: queries.DraftView, now: datetime, **changes: Any) -> SignedVersion:
    values: dict[str, Any] = {"revision": view.draft.revision, "surname": "marwood", "birth_date": factories.BIRTH_DATE}
    return signing.sign(
        session, cast["asha.kerrin"], outcome_id=view.outcome.id, forms=factories.forms(), now=now, **(values | changes)
    )


def test_what_is_missing_stops_a_signature_and_all_of_it_is_said(session: Session, cast: Cast, now: datetime) -> None:
    answers = factories.complete_answers(now)
    del answers["opinion"]["overall-likelihood"], answers["recommendations"]["disposal"]
    view = factories.drafted_outcome(session, cast["asha.kerrin"], cast.sites["meon"], now, answers)
    with pytest.raises(DomainError, match="incomplete") as caught:
        sign(session, cast, view, now)
    assert [(one.pointer, one.code) for one in caught.value.problems] == [
        ("/answers/opinion/overall-likelihood", "missing"),
        ("/answers/recommendations/disposal", "missing"),
    ]
    assert session.exec(select(OutcomeVersion)).all() == []


def test_without_a_social_worker_nothing_is_signed(session: Session, cast: Cast, now: datetime) -> None:
    recipients = [{"recipient-role": "police", "recipient-team": "meon-police"}]
    answers = factories.complete_answers(now, recipients=recipients)
    view = factories.drafted_outcome(session, cast["asha.kerrin"], cast.sites["meon"], now, answers)
    with pytest.raises(DomainError, match="incomplete") as caught:
        sign(session, cast, view, now)
    assert {one.pointer for one in caught.value.problems} == {"/answers/sharing/recipients"}


@pytest.mark.parametrize(
    ("changes", "code", "pointers"),
    [
        ({"surname": "Marlow"}, "wrong-child", ["/surname"]),
        ({"birth_date": date(2019, 3, 15)}, "wrong-child", ["/birth_date"]),
        ({"revision": 1}, "stale-revision", []),
        ({"amendment_reason": "because"}, "invalid", ["/amendment_reason"]),
    ],
)
def test_a_wrong_signature_changes_nothing(
    transaction: Transaction, cast: Cast, now: datetime, changes: dict[str, Any], code: str, pointers: list[str]
) -> None:
    with transaction() as session:
        view = factories.drafted_outcome(session, cast["asha.kerrin"], cast.sites["meon"], now)
    with pytest.raises(DomainError) as caught, transaction() as session:
        sign(session, cast, view, now, **changes)
    assert (caught.value.code, [one.pointer for one in caught.value.problems]) == (code, pointers)
    with transaction() as session:
        assert session.get_one(Draft, view.outcome.id).revision == 2
        assert session.exec(select(OutcomeVersion)).all() == []


def test_a_person_who_left_the_team_before_the_signature_stops_it(session: Session, cast: Cast, now: datetime) -> None:
    view = factories.drafted_outcome(session, cast["asha.kerrin"], cast.sites["meon"], now)
    place = {"account_id": cast["priya.dunmore"].account_id, "team_id": cast.teams["beacon-duty"].id}
    people.leave_team(session, None, **place, now=now)
    with pytest.raises(DomainError, match="incomplete") as caught:
        sign(session, cast, view, now + timedelta(seconds=1))
    assert [(one.pointer, one.code) for one in caught.value.problems] == [
        ("/answers/sharing/recipients/0/recipient-person", "not-a-member")
    ]


def test_only_the_author_signs(session: Session, cast: Cast, now: datetime) -> None:
    view = factories.drafted_outcome(session, cast["asha.kerrin"], cast.sites["meon"], now)
    with pytest.raises(Denied):
        factories.sign_draft(session, cast["tom.lyle"], view, now)


def test_two_signatures_at_once_make_one_version(transaction: Transaction, cast: Cast, now: datetime) -> None:
    with transaction() as session:
        view = factories.drafted_outcome(session, cast["asha.kerrin"], cast.sites["meon"], now)
    barrier = Barrier(TOGETHER)

    def one(_: int) -> str:
        barrier.wait()
        try:
            with transaction() as session:
                return str(sign(session, cast, view, now).number)
        except DomainError as error:
            return error.code

    with ThreadPoolExecutor(TOGETHER) as threads:
        assert sorted(threads.map(one, range(TOGETHER))) == ["1"] + ["already-signed"] * (TOGETHER - 1)
    with transaction() as session:
        assert session.exec(select(func.count()).select_from(OutcomeVersion)).one() == 1
        assert session.exec(select(func.count()).select_from(Recipient)).one() == 4


def test_a_save_and_a_signature_at_once_never_lose_the_save(
    transaction: Transaction, cast: Cast, now: datetime
) -> None:
    for _ in range(5):
        with transaction() as session:
            view = factories.drafted_outcome(session, cast["asha.kerrin"], cast.sites["meon"], now)
        barrier = Barrier(2)
        changed = factories.complete_answers(now)
        changed["opinion"]["opinion-reason"] = "Changed at the last moment."

        def save(view: queries.DraftView = view, barrier: Barrier = barrier, answers: Any = changed) -> str:
            barrier.wait()
            with transaction() as session:
                actions.save_draft(
                    session,
                    cast["asha.kerrin"],
                    outcome_id=view.outcome.id,
                    revision=2,
                    answers=answers,
                    forms=factories.forms(),
                    now=now,
                )
            return "saved"

        def sign_it(view: queries.DraftView = view, barrier: Barrier = barrier) -> str:
            barrier.wait()
            with transaction() as session:
                sign(session, cast, view, now)
            return "signed"

        with ThreadPoolExecutor(2) as threads:
            tried = [threads.submit(save), threads.submit(sign_it)]
        ended = {one.result() if one.exception() is None else one.exception().code for one in tried}  # type: ignore[union-attr]
        assert ended in ({"saved", "stale-revision"}, {"signed", "no-draft"}, {"signed", "stale-revision"})


def test_signing_again_says_that_it_is_signed(session: Session, cast: Cast, now: datetime) -> None:
    view = factories.drafted_outcome(session, cast["asha.kerrin"], cast.sites["meon"], now)
    sign(session, cast, view, now)
    with pytest.raises(DomainError, match="already-signed"):
        sign(session, cast, view, now)


def test_an_amendment_tells_everyone_who_was_told_before(session: Session, cast: Cast, now: datetime) -> None:
    asha, site = cast["asha.kerrin"], cast.sites["beacon-down"]
    outcome, first = factories.signed_outcome(session, asha, site, now)
    rows = [{"recipient-role": "social-worker", "recipient-team": "meon-duty"}]
    later = now + timedelta(days=3)
    answers = factories.complete_answers(now, recipients=rows)
    second = factories.amended_outcome(session, asha, outcome, later, answers)
    assert (second.number, second.amends_number, second.amendment_reason) == (2, 1, "The skeletal survey is reported.")
    assert second.formal_report_due == first.formal_report_due
    assert [(one.name, one.reason) for one in queries.recipients_of(session, second.id)] == [
        ("Meon children's duty team", "Team named on the outcome as social worker"),
        ("Priya Dunmore", "Was told of version 1"),
        ("Beacon Down children's duty team", "Was told of version 1"),
        ("Child abuse investigation team (Beacon Down)", "Was told of version 1"),
        ("Lime Street Surgery safeguarding", "Was told of version 1"),
    ]
    third = factories.amended_outcome(session, asha, outcome, later + timedelta(days=1), answers)
    assert len(queries.recipients_of(session, third.id)) == 5


def test_an_amendment_tells_nobody_whose_right_to_read_has_ended(session: Session, cast: Cast, now: datetime) -> None:
    asha = cast["asha.kerrin"]
    outcome, _ = factories.signed_outcome(session, asha, cast.sites["beacon-down"], now)
    police = cast.teams["beacon-police"].id
    (given,) = [one for one in directory.grants_on(session, outcome.id) if one.team_id == police]
    access.revoke_grant(session, None, grant_id=given.id, now=now)
    rows = [{"recipient-role": "social-worker", "recipient-team": "meon-duty"}]
    answers = factories.complete_answers(now, recipients=rows)
    second = factories.amended_outcome(session, asha, outcome, now + timedelta(days=1), answers)
    assert police not in {one.team_id for one in queries.recipients_of(session, second.id)}


@pytest.mark.parametrize("reason", [None, "", "  \n"])
def test_an_amendment_without_a_reason_is_refused(
    session: Session, cast: Cast, now: datetime, reason: str | None
) -> None:
    asha = cast["asha.kerrin"]
    outcome, _ = factories.signed_outcome(session, asha, cast.sites["meon"], now)
    view = actions.begin_amendment(session, asha, outcome_id=outcome.id, forms=factories.forms(), now=now)
    with pytest.raises(DomainError, match="invalid") as caught:
        factories.sign_draft(session, asha, view, now, amendment_reason=reason)
    assert [one.pointer for one in caught.value.problems] == ["/amendment_reason"]


def test_every_recipient_may_read_what_they_are_told_of(session: Session, cast: Cast, now: datetime) -> None:
    always = StandingRecipient(role="named-nurse", team="meon-named-nurses", reason="Told of every outcome")
    policy = SitePolicy(recipients=RecipientPolicy(always=(always,)))
    sites.change_policy(session, None, cast.sites["meon"], policy, now=now)
    outcome, version = factories.signed_outcome(session, cast["asha.kerrin"], cast.sites["meon"], now)
    told = queries.recipients_of(session, version.id)
    assert (told[-1].name, told[-1].reason) == ("Meon named nurses", "Told of every outcome")
    entitled = [
        actor
        for actor in cast.actors.values()
        for one in told
        if actor.account_id == one.account_id or (one.account_id is None and one.team_id in actor.team_ids)
    ]
    assert "Lila Crane" in {actor.name for actor in entitled}
    assert all(directory.may_read_outcome(session, actor, outcome.id, now) for actor in entitled)


def test_a_signature_is_dated_in_utc_whatever_the_clock_of_the_caller(
    session: Session, cast: Cast, now: datetime
) -> None:
    there = now.astimezone(timezone(timedelta(hours=5)))
    outcome, version = factories.signed_outcome(session, cast["asha.kerrin"], cast.sites["meon"], there)
    assert signing.signed_content(outcome, "meon", version, [])["signed_at"] == "2026-11-23T14:05:00+00:00"


def test_a_withdrawn_outcome_is_signed_no_more(session: Session, cast: Cast, now: datetime) -> None:
    asha = cast["asha.kerrin"]
    outcome, _ = factories.signed_outcome(session, asha, cast.sites["meon"], now)
    view = actions.begin_amendment(session, asha, outcome_id=outcome.id, forms=factories.forms(), now=now)
    closing.withdraw(
        session,
        asha,
        outcome_id=outcome.id,
        reason_code="wrong-child",
        reason="Belongs to another child.",
        surname="MARWOOD",
        birth_date=factories.BIRTH_DATE,
        now=now,
    )
    with pytest.raises(DomainError, match="outcome-withdrawn"):
        factories.sign_draft(session, asha, view, now, amendment_reason="late")
    with pytest.raises(DomainError, match="outcome-withdrawn"):
        actions.begin_amendment(session, asha, outcome_id=outcome.id, forms=factories.forms(), now=now)
