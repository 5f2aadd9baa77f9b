"""One-time links: what they open, for whom, how long, and how they get to their people."""

from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta
from email import message_from_bytes
from email.policy import default
from uuid import UUID

import local_accounts
import pytest
from authenticator import Passkey
from local_accounts import (
    BASE_URL,
    CHEAP,
    STEP,
    US,
    account_of,
    audited,
    by_passkey,
    by_password,
    invited,
    link_for,
    with_passkey,
)
from peers import MailPeer, mail_server
from sqlmodel import Session, select

from app.db import Transaction
from app.deliveries.channels.email import Email
from app.deliveries.link_mail import NotSentError, send_link
from app.deliveries.rules import Letterhead
from app.errors import DomainError
from app.people import access, actions, by_link, links, own_sign_in, sessions
from app.people import queries as people
from app.people.by_link import NewPassword
from app.people.rules import Actor, Denied
from app.people.sessions import SessionTimes
from app.people.sign_in_tables import OneTimeLink

DAY, MINUTE = timedelta(days=1), timedelta(minutes=1)
NEW = "seven quiet otters waiting"
LETTERHEAD = Letterhead("Sameday", BASE_URL)


@pytest.fixture(autouse=True)
def _people(transaction: Transaction, now: datetime) -> None:
    local_accounts.settle(transaction, now)


def test_an_invitation_leads_to_a_session_and_ends(transaction: Transaction, now: datetime) -> None:
    link = link_for(transaction, now)
    with transaction() as session:
        look = by_link.look(session, link, now)
        assert (look.purpose, look.name, look.second_factor) == ("invitation", "Asha Kerrin", "new")
    secret = _follow(transaction, link, now)
    with transaction() as session:
        assert sessions.actor_by_session(session, secret, now, SessionTimes()) is not None
        with pytest.raises(DomainError, match="link-not-valid"):
            by_link.look(session, link, now)
        assert [one.result for one in audited(session, "use-link")] == ["done", "failed"]


@pytest.mark.parametrize(("purpose", "life"), [(links.INVITATION, 7 * DAY), (links.RECOVERY, 60 * MINUTE)])
def test_a_link_opens_until_its_time_is_over(
    transaction: Transaction, now: datetime, purpose: str, life: timedelta
) -> None:
    link = link_for(transaction, now, purpose=purpose)
    with transaction() as session:
        assert by_link.look(session, link, now + life - MINUTE)
        with pytest.raises(DomainError, match="link-not-valid"):
            by_link.look(session, link, now + life)
        assert [one.result for one in audited(session, "use-link")] == ["failed"]


def test_a_password_for_a_link_that_opens_nothing_is_refused_and_audited(
    transaction: Transaction, now: datetime
) -> None:
    for link in ("A" * 43, link_for(transaction, now - 8 * DAY)):
        with pytest.raises(DomainError, match="link-not-valid"):
            _set(transaction, link, "123456", now)
    with transaction() as session:
        found = [(one.object_id, one.result) for one in audited(session, "use-link")]
        assert found == [("unknown", "failed"), (str(account_of(session).id), "failed")]


def test_a_newer_link_ends_the_older_one(transaction: Transaction, now: datetime) -> None:
    older, newer = link_for(transaction, now), link_for(transaction, now)
    with transaction() as session:
        assert by_link.look(session, newer, now)
        with pytest.raises(DomainError, match="link-not-valid"):
            by_link.look(session, older, now)


def test_a_closed_account_has_no_links(transaction: Transaction, now: datetime) -> None:
    link = link_for(transaction, now)
    with transaction() as session:
        account = account_of(session)
        actions.close_account(session, None, account, now=now)
    with transaction() as session:
        with pytest.raises(DomainError, match="link-not-valid"):
            by_link.look(session, link, now)
        with pytest.raises(DomainError, match="account-closed"):
            links.print_link(
                session, account_of(session), links.INVITATION, BASE_URL, resets_second_factor=False, now=now
            )


def test_of_many_who_use_a_link_at_once_one_gets_in(transaction: Transaction, now: datetime) -> None:
    link = link_for(transaction, now)
    with transaction() as session:
        code = local_accounts.Local(account_of(session), by_link.begin_totp(session, link, now)[0]).code(now)

    def use(_: int) -> str:
        try:
            by_link.set_password(transaction, NewPassword(link, NEW, code), memory_kib=CHEAP, former=None, now=now)
        except DomainError as error:
            return error.code
        return "in"

    with ThreadPoolExecutor(6) as pool:
        results = Counter(pool.map(use, range(6)))
    assert results["in"] == 1
    assert set(results) <= {"in", "link-not-valid", "sign-in-failed", "second-factor-kept"}


def test_a_bad_password_or_code_does_not_use_the_link_up(transaction: Transaction, now: datetime) -> None:
    link = link_for(transaction, now)
    with transaction() as session:
        person = local_accounts.Local(account_of(session), by_link.begin_totp(session, link, now)[0])
    for password, code, refusal in (
        ("password1234", person.code(now), "invalid"),
        (NEW, "000000", "sign-in-failed"),
    ):
        with pytest.raises(DomainError, match=refusal):
            by_link.set_password(transaction, NewPassword(link, password, code), memory_kib=CHEAP, former=None, now=now)
    given = NewPassword(link, NEW, person.code(now))
    assert by_link.set_password(transaction, given, memory_kib=CHEAP, former=None, now=now)


def test_a_stolen_mail_alone_recovers_nothing(transaction: Transaction, now: datetime) -> None:
    asha = invited(transaction, now)
    link = link_for(transaction, now, purpose=links.RECOVERY)
    with transaction() as session:
        assert by_link.look(session, link, now).second_factor == "code"
        for begin in (
            lambda: by_link.begin_totp(session, link, now),
            lambda: by_link.begin_passkey(session, US, link, now),
        ):
            with pytest.raises(DomainError, match="second-factor-kept"):
                begin()
    with pytest.raises(DomainError, match="sign-in-failed"):
        _set(transaction, link, "123456", now)
    # The app is the one of before, and so is the right to use it.
    assert _set(transaction, link, asha.code(now + STEP), now + STEP)
    later = now + 2 * STEP
    assert by_password(transaction, asha.tried(later, password=NEW), later)


def test_who_has_only_a_passkey_is_asked_for_it(transaction: Transaction, now: datetime) -> None:
    with_passkey(transaction, now)
    link = link_for(transaction, now, purpose=links.RECOVERY)
    with transaction() as session:
        assert by_link.look(session, link, now).second_factor == "passkey"
    with pytest.raises(DomainError, match="second-factor-kept"):
        _set(transaction, link, "123456", now)


def test_a_link_issued_to_replace_the_second_factor_ends_the_old_ones(transaction: Transaction, now: datetime) -> None:
    device = with_passkey(transaction, now)
    link = link_for(transaction, now, purpose=links.RECOVERY, resets=True)
    assert _follow(transaction, link, now)
    with pytest.raises(DomainError, match="sign-in-failed"):
        by_passkey(transaction, device, now)


def test_a_passkey_by_link_ends_the_former_app(transaction: Transaction, now: datetime) -> None:
    asha = invited(transaction, now)
    link = link_for(transaction, now, purpose=links.RECOVERY, resets=True)
    device = Passkey(US.origin, US.id)
    with transaction() as session:
        answer = device.create(by_link.begin_passkey(session, US, link, now))
        by_link.add_passkey(session, US, link, answer, label="Phone", former=None, now=now)
    assert by_passkey(transaction, device, now)
    with pytest.raises(DomainError, match="sign-in-failed"):
        by_password(transaction, asha.tried(now), now)


@pytest.mark.parametrize(("purpose", "tokens_go_on"), [(links.INVITATION, True), (links.RECOVERY, False)])
def test_using_a_link_ends_every_session_and_a_recovery_every_token(
    transaction: Transaction, now: datetime, purpose: str, tokens_go_on: bool
) -> None:
    asha = invited(transaction, now)
    session_secret = by_password(transaction, asha.tried(now), now)
    with transaction() as session:
        token = access.issue_token(session, None, account_id=asha.account.id, label="x", days=1, now=now)[1]
    later = now + STEP
    _set(transaction, link_for(transaction, later, purpose=purpose), asha.code(later), later)
    with transaction() as session:
        assert sessions.actor_by_session(session, session_secret, later, SessionTimes()) is None
        assert (people.actor_by_token(session, token, later) is not None) == tokens_go_on


def test_a_changed_password_ends_the_other_sessions_and_needs_the_present_one(
    transaction: Transaction, now: datetime
) -> None:
    asha = invited(transaction, now)
    kept, other = (by_password(transaction, asha.tried(at), at) for at in (now, now + STEP))
    later = now + STEP
    actor = _actor(transaction, kept, later)
    for current in (None, "wrong password"):
        with pytest.raises(DomainError, match="sign-in-failed"):
            own_sign_in.change_password(transaction, actor, current=current, new=NEW, memory_kib=CHEAP, now=later)
    own_sign_in.change_password(
        transaction, actor, current=local_accounts.PASSWORD, new=NEW, memory_kib=CHEAP, now=later
    )
    with transaction() as session:
        assert sessions.actor_by_session(session, kept, later, SessionTimes()) is not None
        assert sessions.actor_by_session(session, other, later, SessionTimes()) is None
    at = later + STEP
    with pytest.raises(DomainError, match="sign-in-failed"):
        by_password(transaction, asha.tried(at), at)
    assert by_password(transaction, asha.tried(at, password=NEW), at)


def test_a_new_app_counts_from_its_first_code_on_and_ends_the_former(transaction: Transaction, now: datetime) -> None:
    asha = invited(transaction, now)
    actor = _actor(transaction, by_password(transaction, asha.tried(now), now), now)
    with transaction() as session:
        newer = local_accounts.Local(asha.account, own_sign_in.begin_totp(session, actor, now))
        with pytest.raises(DomainError, match="invalid"):
            own_sign_in.confirm_totp(session, actor, "000000", now)
    assert by_password(transaction, asha.tried(now + STEP), now + STEP)
    with transaction() as session:
        own_sign_in.confirm_totp(session, actor, newer.code(now), now)
    at = now + 4 * STEP
    with pytest.raises(DomainError, match="sign-in-failed"):
        by_password(transaction, asha.tried(at), at)
    assert by_password(transaction, newer.tried(at), at)


def test_a_link_is_mailed_once_and_its_secret_is_then_forgotten(transaction: Transaction, now: datetime) -> None:
    link_id, mail = _mailed(transaction, now), MailPeer()
    with mail_server(mail) as port:
        email = Email("127.0.0.1", port, "no-reply@sameday.example", 5.0, lambda: now)
        for _ in range(2):
            send_link(transaction, email, LETTERHEAD, link_id=link_id, now=now)
    (envelope,) = mail.got
    message = message_from_bytes(envelope.content, policy=default)
    assert envelope.rcpt_tos == ["asha.kerrin@coast.example"]
    assert message["Subject"] == "Your sign-in to Sameday"
    secret = message.get_content().partition(f"{BASE_URL}/sign-in/link#")[2].split()[0]
    with transaction() as session:
        assert by_link.look(session, secret, now).email == "asha.kerrin@coast.example"
        assert session.get_one(OneTimeLink, link_id).secret_encrypted is None
        assert [one.result for one in audited(session, "send-link")] == ["done"]
        assert links.unsent_links(session, now + 5 * MINUTE, MINUTE) == []


def test_a_mail_server_that_is_away_is_tried_again_until_the_link_is_too_old(
    transaction: Transaction, now: datetime
) -> None:
    link_id = _mailed(transaction, now)
    email = Email("127.0.0.1", 1, "no-reply@sameday.example", 1.0, lambda: now)
    with pytest.raises(NotSentError):
        send_link(transaction, email, LETTERHEAD, link_id=link_id, now=now)
    with transaction() as session:
        assert links.unsent_links(session, now, MINUTE) == []
        assert [one.args for one in links.unsent_links(session, now + 2 * MINUTE, MINUTE)] == [(str(link_id),)]
        assert links.unsent_links(session, now + 8 * DAY, MINUTE) == []


def test_the_secret_of_a_link_is_nowhere_in_the_database(transaction: Transaction, now: datetime) -> None:
    secret = link_for(transaction, now)
    _mailed(transaction, now, "tom.lyle")
    with transaction() as session:
        rows = [one.model_dump() for one in session.exec(select(OneTimeLink))]
        assert len(rows) == 2
        assert secret not in str(rows)


def test_only_administrators_send_links_and_never_to_themselves(transaction: Transaction, now: datetime) -> None:
    with transaction() as session:
        admin, other = (_with_role(session, name, now) for name in ("asha.kerrin", "tom.lyle"))
    for actor, person, is_sent in (
        (admin, "tom.lyle", True),
        (admin, "asha.kerrin", False),
        (other, "asha.kerrin", False),
    ):
        send: Callable[[], object] = lambda actor=actor, person=person: _mailed(transaction, now, person, actor)  # noqa: E731
        if is_sent:
            assert send()
        else:
            with pytest.raises(Denied):
                send()


def _follow(transaction: Transaction, link: str, now: datetime) -> str:
    with transaction() as session:
        person = local_accounts.Local(account_of(session), by_link.begin_totp(session, link, now)[0])
    return _set(transaction, link, person.code(now), now)


def _set(transaction: Transaction, link: str, code: str, now: datetime) -> str:
    return by_link.set_password(transaction, NewPassword(link, NEW, code), memory_kib=CHEAP, former=None, now=now)


def _actor(transaction: Transaction, secret: str, now: datetime) -> Actor:
    with transaction() as session:
        actor = sessions.actor_by_session(session, secret, now, SessionTimes())
    assert actor is not None
    return actor


def _with_role(session: Session, name: str, now: datetime) -> Actor:
    account_id = account_of(session, name).id
    if name == "asha.kerrin":
        actions.give_role(session, None, account_id=account_id, role="administrator", site_id=None, now=now)
    session.flush()
    actor = people.actor_by_account(session, account_id, now)
    assert actor is not None
    return actor


def _mailed(transaction: Transaction, now: datetime, person: str = "asha.kerrin", actor: Actor | None = None) -> UUID:
    with transaction() as session:
        account = account_of(session, person)
        row = links.mail_link(session, actor, account, links.INVITATION, resets_second_factor=False, now=now)
        return row.id
