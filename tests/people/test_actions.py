"""Keeping the directory, on both databases."""

from datetime import datetime, timedelta
from functools import partial

import factories
import pytest
from sqlmodel import Session, select

from app.audit import AuditEvent
from app.db import Transaction
from app.errors import DomainError
from app.people import access, actions, queries
from app.people.actions import TeamChange
from app.people.rules import Denied
from app.people.tables import ApiToken, Organisation
from app.sites.queries import sites


@pytest.fixture
def organisation(session: Session, now: datetime) -> Organisation:
    return actions.add_organisation(session, None, code="meon-council", name="Meon County Council", now=now)


def test_a_code_is_taken_once(session: Session, organisation: Organisation, now: datetime) -> None:
    with pytest.raises(DomainError, match="already-exists"):
        actions.add_organisation(session, None, code="meon-council", name="Another", now=now)
    assert [one.name for one in queries.organisations(session)] == ["Meon County Council"]


def test_everything_wrong_with_an_account_is_said_at_once(
    session: Session, organisation: Organisation, now: datetime
) -> None:
    with pytest.raises(DomainError) as caught:
        actions.add_account(
            session,
            None,
            organisation_id=organisation.id,
            email="nobody",
            name="  ",
            registration_body="GMC",
            registration_number="12",
            now=now,
        )
    assert [problem.pointer for problem in caught.value.problems] == ["/email", "/name", "/registration_number"]
    assert queries.accounts(session) == []


def test_an_address_is_one_account_whatever_its_case(
    session: Session, organisation: Organisation, now: datetime
) -> None:
    add = {"organisation_id": organisation.id, "name": "Priya Dunmore", "now": now}
    account = actions.add_account(session, None, email=" Priya@Meon-Council.example ", **add)
    assert account.email == "priya@meon-council.example"
    with pytest.raises(DomainError, match="already-exists"):
        actions.add_account(session, None, email="PRIYA@meon-council.example", **add)
    assert queries.account_by_email(session, "Priya@meon-council.EXAMPLE").id == account.id


def test_a_team_never_loses_its_last_channel(session: Session, organisation: Organisation, now: datetime) -> None:
    team = {
        "organisation_id": organisation.id,
        "code": "meon-duty",
        "name": "Duty",
        "role": "social-worker",
        "now": now,
    }
    with pytest.raises(DomainError, match="no-channel"):
        actions.add_team(session, None, **team)
    added = actions.add_team(session, None, **team, inbox_email="Duty@meon-council.example")
    with pytest.raises(DomainError, match="no-channel"):
        actions.change_team(session, None, added, TeamChange(inbox_email=""), now=now)
    assert added.inbox_email == "duty@meon-council.example"
    hook = TeamChange(
        inbox_email="", webhook_url="https://hooks.meon-council.example", webhook_secret="whsec_" + "A" * 32
    )
    changed = actions.change_team(session, None, added, hook, now=now)
    assert (changed.inbox_email, changed.webhook_url) == (None, "https://hooks.meon-council.example")


def test_a_team_has_a_role_that_the_form_knows(session: Session, organisation: Organisation, now: datetime) -> None:
    team = {"organisation_id": organisation.id, "code": "x", "name": "X", "inbox_email": "a@b.example", "now": now}
    with pytest.raises(DomainError) as caught:
        actions.add_team(session, None, role="school", **team)
    assert [(problem.pointer, problem.code) for problem in caught.value.problems] == [("/role", "not-offered")]


def test_only_an_administrator_keeps_the_directory(session: Session, now: datetime) -> None:
    cast = factories.load_cast(session, now)
    added = actions.add_organisation(session, cast["demo.admin"], code="new", name="New", now=now)
    with pytest.raises(Denied):
        actions.add_organisation(session, cast["asha.kerrin"], code="newer", name="Newer", now=now)
    with pytest.raises(Denied):
        access.issue_token(
            session, cast["asha.kerrin"], account_id=cast["asha.kerrin"].account_id, label="x", days=1, now=now
        )
    event = session.exec(select(AuditEvent).where(AuditEvent.object_id == str(added.id))).one()
    assert (event.action, event.actor_id) == ("add-organisation", cast["demo.admin"].account_id)


def test_an_administrator_changes_nothing_about_their_own_account(session: Session, now: datetime) -> None:
    cast = factories.load_cast(session, now)
    administrator = cast["demo.admin"]
    own = {"account_id": administrator.account_id, "now": now}
    account = queries.account_by_email(session, administrator.email)
    team_id = cast.teams["meon-duty"].id
    before = len(session.exec(select(AuditEvent)).all())
    for change in (
        lambda: actions.join_team(session, administrator, team_id=team_id, **own),
        lambda: actions.leave_team(session, administrator, team_id=team_id, **own),
        lambda: actions.give_role(session, administrator, role="clinician", site_id=None, **own),
        lambda: actions.end_role(session, administrator, role="administrator", site_id=None, **own),
        lambda: actions.close_account(session, administrator, account, now=now),
        lambda: access.issue_token(session, administrator, label="x", days=1, **own),
    ):
        with pytest.raises(Denied):
            change()
    assert factories.cast_in(session, now)["demo.admin"] == administrator
    assert len(session.exec(select(AuditEvent)).all()) == before


def test_an_evaluator_is_in_no_team_and_who_is_in_one_becomes_no_evaluator(session: Session, now: datetime) -> None:
    cast = factories.load_cast(session, now)
    evan, priya, meon = cast["evan.sayle"].account_id, cast["priya.dunmore"].account_id, cast.teams["meon-duty"]
    with pytest.raises(DomainError, match="An evaluator is in no team"):
        actions.join_team(session, None, account_id=evan, team_id=meon.id, now=now)
    with pytest.raises(DomainError, match="An evaluator is in no team"):
        actions.give_role(session, None, account_id=priya, role="evaluator", site_id=None, now=now)
    actions.end_role(session, None, account_id=evan, role="evaluator", site_id=None, now=now)
    later = now + timedelta(seconds=1)
    actions.join_team(session, None, account_id=evan, team_id=meon.id, now=later)
    assert meon.id in factories.cast_in(session, later)["evan.sayle"].team_ids


def test_who_leaves_a_team_or_role_has_it_no_more_and_may_get_it_again(session: Session, now: datetime) -> None:
    cast = factories.load_cast(session, now)
    priya, meon = cast["priya.dunmore"], cast.teams["meon-duty"]
    place = {"account_id": priya.account_id, "team_id": meon.id}
    actions.leave_team(session, None, **place, now=now)
    actions.leave_team(session, None, **place, now=now)
    assert factories.cast_in(session, now)["priya.dunmore"].team_ids == {cast.teams["beacon-duty"].id}
    actions.join_team(session, None, **place, now=now + timedelta(days=1))
    actions.join_team(session, None, **place, now=now + timedelta(days=1))
    assert [member.name for member in queries.members_of(session, meon.id, now + timedelta(days=1))] == [
        "Bea Farrow",
        "Priya Dunmore",
    ]
    asha = cast["asha.kerrin"]
    role = {"account_id": asha.account_id, "role": "clinician", "site_id": cast.sites["meon"].id}
    actions.end_role(session, None, **role, now=now)
    assert ("clinician", cast.sites["meon"].id) not in factories.cast_in(session, now)["asha.kerrin"].roles
    actions.give_role(session, None, **role, now=now)
    assert factories.cast_in(session, now)["asha.kerrin"].roles == asha.roles


def test_a_role_nobody_defined_is_refused(session: Session, now: datetime) -> None:
    cast = factories.load_cast(session, now)
    with pytest.raises(DomainError, match="invalid"):
        actions.give_role(session, None, account_id=cast["tom.lyle"].account_id, role="owner", site_id=None, now=now)


def test_a_token_speaks_for_its_person_until_it_ends(session: Session, now: datetime) -> None:
    cast = factories.load_cast(session, now)
    asha = cast["asha.kerrin"]
    token, plain = access.issue_token(session, None, account_id=asha.account_id, label="ward", days=30, now=now)
    session.flush()
    assert queries.actor_by_token(session, plain, now) == asha
    assert queries.actor_by_token(session, plain, now + timedelta(days=30)) is None
    for wrong in (plain[:-1], plain + "A", "", "sd_", "\udcff", token.token_sha256):
        assert queries.actor_by_token(session, wrong, now) is None
    access.revoke_token(session, None, token_id=token.id, now=now)
    assert queries.actor_by_token(session, plain, now) is None


def test_a_token_is_kept_only_as_its_digest(session: Session, now: datetime) -> None:
    cast = factories.load_cast(session, now)
    _, plain = access.issue_token(
        session, None, account_id=cast["asha.kerrin"].account_id, label="ward", days=1, now=now
    )
    assert plain.startswith("sd_")
    assert len(plain) == 46
    kept = session.exec(select(ApiToken)).one()
    assert plain not in str(kept.model_dump())
    assert not any(plain in str(event.detail) for event in session.exec(select(AuditEvent)))


def test_a_closed_account_opens_nothing(session: Session, now: datetime) -> None:
    cast = factories.load_cast(session, now)
    _, plain = access.issue_token(session, None, account_id=cast["tom.lyle"].account_id, label="x", days=9, now=now)
    account = queries.account_by_email(session, cast["tom.lyle"].email)
    actions.close_account(session, None, account, now=now)
    actions.close_account(session, None, account, now=now + timedelta(hours=1))
    assert queries.actor_by_token(session, plain, now) is None
    assert [token.revoked_at for token in queries.tokens(session, account.id)] == [now]
    closed = select(AuditEvent).where(AuditEvent.object_id == str(account.id), AuditEvent.action == "close-account")
    assert [event.at for event in session.exec(closed)] == [now]


@pytest.mark.parametrize("days", [0, 366, -1])
def test_a_token_works_for_a_day_to_a_year(session: Session, now: datetime, days: int) -> None:
    cast = factories.load_cast(session, now)
    with pytest.raises(DomainError, match="invalid"):
        access.issue_token(session, None, account_id=cast["tom.lyle"].account_id, label="x", days=days, now=now)


def test_a_grant_opens_one_outcome_while_it_lasts_and_a_list_shows_the_same(
    transaction: Transaction, now: datetime
) -> None:
    with transaction() as session:
        cast = factories.load_cast(session, now)
        outcome = factories.begun_outcome(session, cast["asha.kerrin"], cast.sites["meon"], now)
        other = factories.begun_outcome(session, cast["asha.kerrin"], cast.sites["meon"], now)
        team = cast.teams["harbour-duty"]
        given = access.grant(
            session, outcome_id=outcome.id, team_id=team.id, kind="given", reason="asked", granted_by=None, now=now
        )
    colin, later = cast["colin.ashe"], now + timedelta(hours=1)
    with transaction() as session:
        assert queries.may_read_outcome(session, colin, outcome.id, now)
        assert not queries.may_read_outcome(session, colin, other.id, now)
        assert not queries.may_read_outcome(session, colin, outcome.id, now - timedelta(seconds=1))
        assert not queries.may_read_outcome(session, cast["priya.dunmore"], outcome.id, now)
        assert list(session.exec(queries.readable_outcome_ids(colin, now))) == [outcome.id]
        access.revoke_grant(session, None, grant_id=given.id, now=later)
        assert queries.may_read_outcome(session, colin, outcome.id, now)
        assert not queries.may_read_outcome(session, colin, outcome.id, later)
        assert list(session.exec(queries.readable_outcome_ids(colin, later))) == []


def test_the_directory_shows_no_channel(session: Session, now: datetime) -> None:
    factories.load_cast(session, now)
    (team,) = queries.directory(session, now, ["wightwater-gp"])
    assert (team.organisation_name, [member.name for member in team.members]) == (
        "Needles Road Practice",
        ["Glen Orchard"],
    )
    assert not hasattr(team, "inbox_email")


def test_every_list_can_be_read_in_pages_and_keeps_its_order(session: Session, now: datetime) -> None:
    cast = factories.load_cast(session, now)
    outcome, _ = factories.signed_outcome(session, cast["asha.kerrin"], cast.sites["beacon-down"], now)
    for number in range(3):
        owner = cast["tom.lyle"].account_id
        access.issue_token(session, None, account_id=owner, label=str(number), days=1, now=now)
    session.flush()
    for read in (
        partial(queries.organisations, session),
        partial(queries.accounts, session),
        partial(queries.directory, session, now),
        partial(queries.tokens, session),
        partial(queries.grants_on, session, outcome.id),
        partial(sites, session),
    ):
        whole, pages = read(), read(limit=2)
        while page := read(limit=2, after=pages[-1].id):
            assert len(page) <= 2
            pages += page
        assert pages == whole
        assert len(whole) > 2
