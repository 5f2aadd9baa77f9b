"""Signing in with a passkey: only what the right device signed just now, for us, with its user verified."""

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

import local_accounts
import pytest
from authenticator import USER_PRESENT, Passkey
from cryptography.hazmat.primitives.asymmetric import ec
from local_accounts import US, account_of, audited, by_passkey, by_password, invited, with_passkey

from app.db import Transaction, new_id
from app.errors import DomainError
from app.people import own_sign_in, passkeys, sessions, throttle
from app.people import queries as people
from app.people.rules import Denied
from app.people.sessions import SessionTimes
from app.people.sign_in import sign_in_by_passkey

SECOND = timedelta(seconds=1)


@pytest.fixture
def database_url(sqlite_url: str) -> str:
    """What a signature must be does not depend on the database; tests/doors signs in on both."""
    return sqlite_url


@pytest.fixture
def device(transaction: Transaction, now: datetime) -> Passkey:
    local_accounts.settle(transaction, now)
    return with_passkey(transaction, now)


def test_a_passkey_opens_a_session_of_its_person(transaction: Transaction, device: Passkey, now: datetime) -> None:
    secret = by_passkey(transaction, device, now)
    with transaction() as session:
        actor = sessions.actor_by_session(session, secret, now, SessionTimes())
        assert actor is not None
        assert actor.account_id == account_of(session).id
        (kept,) = passkeys.passkeys_of(session, actor.account_id)
        assert (kept.sign_count, kept.last_used_at, kept.label) == (1, now, "Phone")


def test_options_are_the_same_for_everybody_but_for_the_challenge(
    transaction: Transaction, device: Passkey, now: datetime
) -> None:
    with transaction() as session:
        first, second = (passkeys.begin_passkey_sign_in(session, US, now) for _ in range(2))
    assert first.pop("challenge") != second.pop("challenge")
    assert first == second
    assert (first["rpId"], first["userVerification"], first["allowCredentials"]) == (US.id, "required", [])


@pytest.mark.parametrize(
    "bend",
    [
        pytest.param(lambda one: setattr(one, "flags", USER_PRESENT), id="its user was not verified"),
        pytest.param(lambda one: setattr(one, "flags", 0), id="nobody was there"),
        pytest.param(lambda one: setattr(one, "origin", "https://sameday.example.evil.example"), id="another site"),
        pytest.param(lambda one: setattr(one, "origin", "http://sameday.example"), id="no TLS"),
        pytest.param(lambda one: setattr(one, "rp_id", "evil.example"), id="another relying party"),
        pytest.param(lambda one: setattr(one, "key", ec.generate_private_key(ec.SECP256R1())), id="another key"),
        pytest.param(lambda one: setattr(one, "user_handle", new_id().bytes), id="another account"),
        pytest.param(lambda one: setattr(one, "user_handle", b""), id="no account"),
        pytest.param(lambda one: setattr(one, "credential_id", b"\x00" * 32), id="an unknown credential"),
        pytest.param(lambda one: setattr(one, "count", one.count - 1), id="a count that stands still: a copy"),
    ],
)
def test_what_is_not_quite_right_does_not_open(
    transaction: Transaction, device: Passkey, now: datetime, bend: Callable[[Passkey], None]
) -> None:
    by_passkey(transaction, device, now)
    bend(device)
    with pytest.raises(DomainError, match="sign-in-failed"):
        by_passkey(transaction, device, now)
    with transaction() as session:
        assert audited(session, "sign-in")[-1].result == "failed"


@pytest.mark.parametrize(
    "credential",
    [
        {"id": "AAAA", "rawId": "AAAA", "type": "public-key", "response": {"clientDataJSON": "AAAA"}},
        {"id": "é", "rawId": "é", "type": "public-key", "response": {"clientDataJSON": "é"}},
        {"id": "", "rawId": "", "type": "public-key", "response": {"clientDataJSON": ""}},
        {"id": "A", "rawId": "A", "type": "public-key", "response": {"clientDataJSON": "bnVsbA", "userHandle": "A"}},
    ],
)
def test_nonsense_is_refused_like_everything_else(
    transaction: Transaction, device: Passkey, now: datetime, credential: dict[str, Any]
) -> None:
    with pytest.raises(DomainError, match="sign-in-failed"):
        sign_in_by_passkey(transaction, US, credential, former=None, now=now)


def test_half_an_answer_is_refused_like_everything_else(
    transaction: Transaction, device: Passkey, now: datetime
) -> None:
    for member in ("authenticatorData", "signature", "userHandle"):
        for broken in ("", "AAAA"):
            with transaction() as session:
                answer = device.get(passkeys.begin_passkey_sign_in(session, US, now))
            answer["response"][member] = broken
            with pytest.raises(DomainError, match="sign-in-failed"):
                sign_in_by_passkey(transaction, US, answer, former=None, now=now)


def test_an_answer_is_good_once(transaction: Transaction, device: Passkey, now: datetime) -> None:
    with transaction() as session:
        answer = device.get(passkeys.begin_passkey_sign_in(session, US, now))
    assert sign_in_by_passkey(transaction, US, answer, former=None, now=now)
    with pytest.raises(DomainError, match="sign-in-failed"):
        sign_in_by_passkey(transaction, US, answer, former=None, now=now)


@pytest.mark.parametrize(("late", "opens"), [(-SECOND, True), (timedelta(), False)])
def test_a_challenge_lives_for_five_minutes(
    transaction: Transaction, device: Passkey, now: datetime, late: timedelta, opens: bool
) -> None:
    with transaction() as session:
        answer = device.get(passkeys.begin_passkey_sign_in(session, US, now))
    at = now + passkeys.CHALLENGE_LIVES + late
    if opens:
        assert sign_in_by_passkey(transaction, US, answer, former=None, now=at)
    else:
        with pytest.raises(DomainError, match="sign-in-failed"):
            sign_in_by_passkey(transaction, US, answer, former=None, now=at)


def test_a_challenge_for_a_new_passkey_signs_nobody_in(
    transaction: Transaction, device: Passkey, now: datetime
) -> None:
    with transaction() as session:
        options = passkeys.begin_adding(session, US, account_of(session), now)
    with pytest.raises(DomainError, match="sign-in-failed"):
        sign_in_by_passkey(transaction, US, device.get(options), former=None, now=now)


def test_a_device_that_does_not_count_may_sign_in_again(
    transaction: Transaction, device: Passkey, now: datetime
) -> None:
    for _ in range(2):
        device.count = -1
        assert by_passkey(transaction, device, now)


def test_its_owner_gets_in_however_many_guess_passwords(transaction: Transaction, now: datetime) -> None:
    local_accounts.settle(transaction, now)
    asha = invited(transaction, now)
    device = _second(transaction, now)
    for _ in range(throttle.FREE_TRIES + 1):
        with pytest.raises(DomainError):
            by_password(transaction, asha.tried(now, password="guess"), now)
    with pytest.raises(DomainError, match="too-many-tries"):
        by_password(transaction, asha.tried(now), now)
    assert by_passkey(transaction, device, now)


def test_a_removed_passkey_opens_nothing_and_other_sessions_end(
    transaction: Transaction, device: Passkey, now: datetime
) -> None:
    kept, other = by_passkey(transaction, device, now), by_passkey(transaction, device, now)
    with transaction() as session:
        actor = sessions.actor_by_session(session, kept, now, SessionTimes())
        assert actor is not None
        (row,) = passkeys.passkeys_of(session, actor.account_id)
        own_sign_in.remove_passkey(session, actor, row.id, now)
        assert sessions.actor_by_session(session, kept, now, SessionTimes()) is not None
        assert sessions.actor_by_session(session, other, now, SessionTimes()) is None
    with pytest.raises(DomainError, match="sign-in-failed"):
        by_passkey(transaction, device, now)


def test_nobody_removes_the_passkey_of_another(transaction: Transaction, device: Passkey, now: datetime) -> None:
    with transaction() as session:
        (row,) = passkeys.passkeys_of(session, account_of(session).id)
        tom = people.actor_by_account(session, account_of(session, "tom.lyle").id, now)
        assert tom is not None
        with pytest.raises(Denied):
            own_sign_in.remove_passkey(session, tom, row.id, now)
    assert by_passkey(transaction, device, now)


@pytest.mark.parametrize(
    "bend",
    [
        pytest.param(lambda one: setattr(one, "flags", USER_PRESENT), id="its user was not verified"),
        pytest.param(lambda one: setattr(one, "origin", "https://evil.example"), id="another site"),
        pytest.param(lambda one: setattr(one, "rp_id", "evil.example"), id="another relying party"),
    ],
)
def test_a_passkey_that_is_not_quite_right_is_not_kept(
    transaction: Transaction, now: datetime, bend: Callable[[Passkey], None]
) -> None:
    local_accounts.settle(transaction, now)
    fresh = Passkey(US.origin, US.id)
    bend(fresh)
    with transaction() as session:
        account = account_of(session)
        answer = fresh.create(passkeys.begin_adding(session, US, account, now))
        with pytest.raises(DomainError, match="passkey-refused"):
            passkeys.add_passkey(session, US, account.id, answer, "Phone", now)


def test_a_challenge_for_one_account_adds_no_passkey_to_another(transaction: Transaction, now: datetime) -> None:
    local_accounts.settle(transaction, now)
    with transaction() as session:
        mine, theirs = account_of(session), account_of(session, "tom.lyle")
        answer = Passkey(US.origin, US.id).create(passkeys.begin_adding(session, US, mine, now))
        with pytest.raises(DomainError, match="passkey-refused"):
            passkeys.add_passkey(session, US, theirs.id, answer, "Phone", now)


def test_one_credential_belongs_to_one_account(transaction: Transaction, device: Passkey, now: datetime) -> None:
    with transaction() as session:
        tom = account_of(session, "tom.lyle")
        answer = device.create(passkeys.begin_adding(session, US, tom, now))
        with pytest.raises(DomainError, match="passkey-refused"):
            passkeys.add_passkey(session, US, tom.id, answer, "Phone", now)


def _second(transaction: Transaction, now: datetime) -> Passkey:
    """A passkey beside password and app."""
    device = Passkey(US.origin, US.id)
    with transaction() as session:
        account = account_of(session)
        options = passkeys.begin_adding(session, US, account, now)
        passkeys.add_passkey(session, US, account.id, device.create(options), "Phone", now)
    return device
