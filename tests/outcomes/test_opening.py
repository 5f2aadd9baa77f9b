"""The author opens an outcome to a colleague or a team, sees to whom it is open, and ends what was given."""

from datetime import datetime, timedelta
from typing import Any
from uuid import uuid4

import factories
import pytest
from factories import Cast
from sqlmodel import Session

from app.db import Transaction
from app.errors import DomainError
from app.outcomes import actions, closing, opening, queries
from app.outcomes.tables import Outcome
from app.people import access, policy
from app.people.queries import grants_on, may_read_outcome
from app.people.rules import Actor, Denied
from app.people.tables import Grant

WHY = "They examine the child with me."


@pytest.fixture
def outcome(transaction: Transaction, cast: Cast, now: datetime) -> Outcome:
    with transaction() as session:
        return factories.signed_outcome(session, cast["asha.kerrin"], cast.sites["meon"], now)[0]


@pytest.fixture
def draft(transaction: Transaction, cast: Cast, now: datetime) -> Outcome:
    with transaction() as session:
        return factories.drafted_outcome(session, cast["asha.kerrin"], cast.sites["meon"], now).outcome


def opened(session: Session, actor: Actor, outcome: Outcome, now: datetime, **given: Any) -> Grant:
    values = {"kind": policy.GIVEN, "email": None, "team": None, "reason": WHY, "until": None} | given
    return opening.open_to_colleague(session, actor, outcome_id=outcome.id, now=now, **values)


def test_a_co_examiner_reads_the_draft_and_writes_nothing(
    session: Session, cast: Cast, draft: Outcome, now: datetime
) -> None:
    author, tom = cast["asha.kerrin"], cast["tom.lyle"]
    opened(session, author, draft, now, kind=policy.CO_EXAMINER, email=tom.email)
    view = queries.draft_for(session, tom, draft.id, factories.forms(), now)
    assert view.draft.answers["child"]["surname"] == factories.SURNAME
    assert [one.state for one in queries.list_outcomes(session, tom, now=now)] == ["draft"]
    what: dict[str, Any] = {"outcome_id": draft.id, "now": now}
    with pytest.raises(Denied):
        actions.save_draft(session, tom, **what, revision=2, answers={}, forms=factories.forms())
    with pytest.raises(Denied):
        actions.discard_draft(session, tom, **what, revision=2)
    with pytest.raises(Denied):
        factories.sign_draft(session, tom, view, now)
    with pytest.raises(Denied):
        opened(session, tom, draft, now, email=cast["marek.ostrow"].email)
    with pytest.raises(Denied):
        opening.list_grants(session, tom, **what)
    factories.sign_draft(session, author, view, now)
    assert queries.read_version(session, tom, draft.id, 1, now).withdrawal is None
    with pytest.raises(Denied):
        actions.begin_amendment(session, tom, **what, forms=factories.forms())
    with pytest.raises(Denied):
        closing.withdraw(
            session, tom, **what, reason_code="other", reason="No.", surname=factories.SURNAME,
            birth_date=factories.BIRTH_DATE,
        )  # fmt: skip


@pytest.mark.parametrize("to", ["person", "team"])
def test_what_is_given_shows_what_is_signed_until_its_end(
    session: Session, cast: Cast, outcome: Outcome, now: datetime, to: str
) -> None:
    author, kit, until = cast["asha.kerrin"], cast["kit.marlowe"], now + timedelta(days=2)
    whom = {"email": kit.email} if to == "person" else {"team": "harbour-sarc"}
    opened(session, author, outcome, now, until=until, **whom)
    actions.begin_amendment(session, author, outcome_id=outcome.id, forms=factories.forms(), now=now)
    assert [one.state for one in queries.list_outcomes(session, kit, now=now)] == ["signed"]
    assert queries.read_version(session, kit, outcome.id, 1, until - timedelta(seconds=1)).withdrawal is None
    with pytest.raises(Denied):
        queries.draft_for(session, kit, outcome.id, factories.forms(), now)
    with pytest.raises(Denied):
        queries.read_version(session, kit, outcome.id, 1, until)
    assert queries.list_outcomes(session, kit, now=until) == []


@pytest.mark.parametrize(
    ("given", "pointer", "code"),
    [
        ({}, "/email", "missing"),
        ({"email": "kit.marlowe@harbour-sarc.example", "team": "harbour-sarc"}, "/email", "missing"),
        ({"email": "nobody@nowhere.example"}, "/email", "unknown-account"),
        ({"email": "evan.sayle@pilot-office.example"}, "/email", "never-reads"),
        ({"email": "demo.admin@pilot-office.example"}, "/email", "never-reads"),
        ({"email": "asha.kerrin@beacon-down-trust.example"}, "/email", "own-account"),
        ({"kind": "co-examiner", "team": "harbour-sarc"}, "/team", "not-a-person"),
        ({"kind": "co-examiner", "email": "colin.ashe@harbour-council.example"}, "/email", "not-a-clinician-here"),
        ({"email": "kit.marlowe@harbour-sarc.example", "reason": " "}, "/reason", "missing"),
        ({"email": "kit.marlowe@harbour-sarc.example", "until": timedelta()}, "/until", "in-the-past"),
    ],
)
def test_what_cannot_be_given_is_pointed_at(
    session: Session, cast: Cast, outcome: Outcome, now: datetime, given: dict[str, Any], pointer: str, code: str
) -> None:
    if "until" in given:
        given = given | {"until": now + given["until"]}
    before = len(grants_on(session, outcome.id))
    with pytest.raises(DomainError, match="invalid") as error:
        opened(session, cast["asha.kerrin"], outcome, now, **given)
    assert [(one.pointer, one.code) for one in error.value.problems] == [(pointer, code)]
    assert len(grants_on(session, outcome.id)) == before


def test_a_draft_is_given_to_nobody_but_a_co_examiner(
    session: Session, cast: Cast, draft: Outcome, now: datetime
) -> None:
    with pytest.raises(DomainError, match="not-signed"):
        opened(session, cast["asha.kerrin"], draft, now, team="harbour-sarc")


def test_what_is_open_to_them_already_is_not_given_again(
    session: Session, cast: Cast, outcome: Outcome, now: datetime
) -> None:
    author, tom = cast["asha.kerrin"], cast["tom.lyle"]
    with pytest.raises(DomainError, match="already-open"):
        opened(session, author, outcome, now, team="beacon-gp")
    opened(session, author, outcome, now, email=tom.email)
    opened(session, author, outcome, now, kind=policy.CO_EXAMINER, email=tom.email)
    with pytest.raises(DomainError, match="already-open"):
        opened(session, author, outcome, now, kind=policy.CO_EXAMINER, email=tom.email)


@pytest.mark.parametrize("person", ["tom.lyle", "priya.dunmore", "lila.crane", "petra.lund", "demo.admin"])
def test_to_everyone_but_the_author_there_is_nothing_to_open_list_or_end(
    session: Session, cast: Cast, outcome: Outcome, now: datetime, person: str
) -> None:
    grant = opened(session, cast["asha.kerrin"], outcome, now, team="harbour-sarc")
    session.flush()
    with pytest.raises(Denied):
        opened(session, cast[person], outcome, now, email=cast["marek.ostrow"].email)
    with pytest.raises(Denied):
        opening.list_grants(session, cast[person], outcome_id=outcome.id, now=now)
    for outcome_id in (outcome.id, uuid4()):
        with pytest.raises(Denied):
            opening.end_grant(session, cast[person], outcome_id=outcome_id, grant_id=grant.id, now=now)
    assert may_read_outcome(session, cast["kit.marlowe"], outcome.id, now)


def test_the_author_sees_to_whom_it_is_open_and_why(
    session: Session, cast: Cast, outcome: Outcome, now: datetime
) -> None:
    opened(session, cast["asha.kerrin"], outcome, now, team="harbour-sarc")
    listed = opening.list_grants(session, cast["asha.kerrin"], outcome_id=outcome.id, now=now)
    assert (listed[0].kind, listed[0].email) == ("author", cast["asha.kerrin"].email)
    assert (listed[-1].kind, listed[-1].team, listed[-1].reason) == ("given", "harbour-sarc", WHY)
    assert listed[-1].granted_by == cast["asha.kerrin"].name


def test_the_author_ends_at_once_what_the_author_gave_and_nothing_else(
    session: Session, cast: Cast, outcome: Outcome, now: datetime
) -> None:
    author, kit = cast["asha.kerrin"], cast["kit.marlowe"]
    grant = opened(session, author, outcome, now, email=kit.email)
    for _ in range(2):
        opening.end_grant(session, author, outcome_id=outcome.id, grant_id=grant.id, now=now)
        assert not may_read_outcome(session, kit, outcome.id, now)
    for row in grants_on(session, outcome.id):
        if row.id != grant.id:
            with pytest.raises(DomainError, match="grant-stays"):
                opening.end_grant(session, author, outcome_id=outcome.id, grant_id=row.id, now=now)
    assert may_read_outcome(session, cast["joan.tapper"], outcome.id, now)


def test_a_former_recipient_reads_nothing_and_is_told_of_no_amendment(
    session: Session, cast: Cast, outcome: Outcome, now: datetime
) -> None:
    author, joan, gp = cast["asha.kerrin"], cast["joan.tapper"], cast.teams["beacon-gp"].id
    grant = next(one for one in grants_on(session, outcome.id) if one.team_id == gp)
    access.revoke_grant(session, None, grant_id=grant.id, now=now)
    with pytest.raises(Denied):
        queries.read_version(session, joan, outcome.id, 1, now)
    rows = [{"recipient-role": "social-worker", "recipient-team": "beacon-duty"}]
    version = factories.amended_outcome(
        session, author, outcome, now, answers=factories.complete_answers(now, recipients=rows)
    )
    told = {one.team_id for one in queries.recipients_of(session, version.id)}
    assert gp not in told
    assert cast.teams["beacon-police"].id in told  # told before, and still entitled
    assert not may_read_outcome(session, joan, outcome.id, now)


def test_a_withdrawn_outcome_is_opened_to_nobody(session: Session, cast: Cast, outcome: Outcome, now: datetime) -> None:
    closing.withdraw(
        session, cast["asha.kerrin"], outcome_id=outcome.id, reason_code="other", reason="Not her.",
        surname=factories.SURNAME, birth_date=factories.BIRTH_DATE, now=now,
    )  # fmt: skip
    with pytest.raises(DomainError, match="outcome-withdrawn"):
        opened(session, cast["asha.kerrin"], outcome, now, team="harbour-sarc")
