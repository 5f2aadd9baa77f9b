"""Signing in with password and code: what opens, what does not, and what guessing costs. On both databases."""

import threading
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from datetime import datetime, timedelta
from typing import Any

import argon2
import local_accounts
import pytest
from local_accounts import CHEAP, PASSWORD, STEP, Local, audited, by_password, invited
from sqlmodel import select
from zxcvbn.frequency_lists import FREQUENCY_LISTS

from app.db import Transaction
from app.errors import DomainError
from app.people import actions, passwords, sessions, sign_in, throttle
from app.people.sessions import SessionTimes
from app.people.sign_in import Tried
from app.people.sign_in_tables import Password, Totp
from app.people.throttle import TooManyTriesError, wait_after

MINUTE = timedelta(minutes=1)


@pytest.fixture
def asha(transaction: Transaction, now: datetime) -> Local:
    local_accounts.settle(transaction, now)
    return invited(transaction, now)


def test_password_and_code_open_a_session_of_that_person(transaction: Transaction, asha: Local, now: datetime) -> None:
    secret = by_password(transaction, asha.tried(now), now)
    with transaction() as session:
        actor = sessions.actor_by_session(session, secret, now, SessionTimes())
        assert actor is not None
        assert (actor.account_id, actor.fresh_until) == (asha.account.id, now + 5 * MINUTE)
        assert [one.detail["method"] for one in audited(session, "sign-in")][-1] == "password-and-totp"


@pytest.mark.parametrize(
    ("other", "reason"),
    [
        ({"password": "correct horse battery stable"}, "wrong-password"),
        ({"code": "000000"}, "wrong-code"),
        ({"email": "nobody@coast.example"}, "unknown-address"),
        ({"email": "tom.lyle@coast.example"}, "wrong-password"),
        ({"email": ""}, "unknown-address"),
        ({"password": ""}, "wrong-password"),
        ({"password": PASSWORD.upper()}, "wrong-password"),
    ],
)
def test_anything_wrong_fails_alike_and_the_reason_is_in_the_audit_only(
    transaction: Transaction, asha: Local, now: datetime, other: dict[str, str], reason: str
) -> None:
    with pytest.raises(DomainError) as refused:
        by_password(transaction, asha.tried(now, **other), now)
    assert (refused.value.code, refused.value.sentence) == ("sign-in-failed", sign_in.failed().sentence)
    with transaction() as session:
        (event,) = [one for one in audited(session, "sign-in") if one.result == "failed"]
        assert event.detail["reason"] == reason
        assert other.get("email", "-") or "-" not in (event.object_id, str(event.detail))


def test_a_password_alone_never_opens(transaction: Transaction, asha: Local, now: datetime) -> None:
    with transaction() as session:
        for row in session.exec(select(Totp)):
            row.ended_at = now
    with pytest.raises(DomainError, match="sign-in-failed"):
        by_password(transaction, asha.tried(now), now)
    with transaction() as session:
        assert audited(session, "sign-in")[-1].detail["reason"] == "no-second-factor"


def test_a_closed_account_does_not_open(transaction: Transaction, asha: Local, now: datetime) -> None:
    secret = by_password(transaction, asha.tried(now), now)
    with transaction() as session:
        actions.close_account(session, None, local_accounts.account_of(session), now=now)
    with transaction() as session:
        assert sessions.actor_by_session(session, secret, now, SessionTimes()) is None
        assert sessions.live_sessions_of(session, asha.account.id, now, SessionTimes()) == []
    with pytest.raises(DomainError, match="sign-in-failed"):
        by_password(transaction, asha.tried(now + STEP), now + STEP)
    with transaction() as session:
        assert audited(session, "sign-in")[-1].detail["reason"] == "account-closed"


def test_a_code_is_good_once_and_older_ones_are_worthless_after_it(
    transaction: Transaction, asha: Local, now: datetime
) -> None:
    by_password(transaction, asha.tried(now), now)
    for code in (asha.code(now), asha.code(now - STEP)):
        with pytest.raises(DomainError, match="sign-in-failed"):
            by_password(transaction, asha.tried(now, code=code), now)
    assert by_password(transaction, asha.tried(now + STEP), now)


@pytest.mark.parametrize(("steps", "opens"), [(-2, False), (-1, True), (0, True), (1, True), (2, False)])
def test_a_clock_may_be_off_by_one_step(
    transaction: Transaction, asha: Local, now: datetime, steps: int, opens: bool
) -> None:
    later = now + 10 * MINUTE
    if opens:
        assert by_password(transaction, asha.tried(later + steps * STEP), later)
    else:
        with pytest.raises(DomainError, match="sign-in-failed"):
            by_password(transaction, asha.tried(later + steps * STEP), later)


def test_of_many_who_send_one_code_at_once_one_gets_in(transaction: Transaction, asha: Local, now: datetime) -> None:
    tried = asha.tried(now)
    with ThreadPoolExecutor(4) as pool:
        results = list(pool.map(lambda _: _outcome(transaction, tried, now), range(4)))
    assert Counter(results) == {"in": 1, "sign-in-failed": 3}


def test_a_new_sign_in_ends_the_session_that_the_browser_had(
    transaction: Transaction, asha: Local, now: datetime
) -> None:
    former = by_password(transaction, asha.tried(now), now)
    secret = by_password(transaction, asha.tried(now + STEP), now + STEP, former=former)
    assert secret != former
    with transaction() as session:
        assert sessions.actor_by_session(session, former, now + STEP, SessionTimes()) is None
        assert sessions.actor_by_session(session, secret, now + STEP, SessionTimes()) is not None


def test_a_hash_with_older_parameters_is_made_anew_at_the_next_sign_in(
    transaction: Transaction, asha: Local, now: datetime
) -> None:
    before = _hash_of(transaction, asha)
    sign_in.sign_in_by_password(transaction, asha.tried(now), memory_kib=2 * CHEAP, former=None, now=now)
    after = _hash_of(transaction, asha)
    assert (f"m={CHEAP}," in before, f"m={2 * CHEAP}," in after) == (True, True)
    later = now + STEP
    assert sign_in.sign_in_by_password(transaction, asha.tried(later), memory_kib=2 * CHEAP, former=None, now=later)


def test_three_hundred_guesses_keep_nobody_out_for_longer_than_a_quarter_of_an_hour(
    transaction: Transaction, asha: Local, now: datetime
) -> None:
    guesses = [_outcome(transaction, asha.tried(now, password=f"guess {n}"), now) for n in range(300)]
    assert Counter(guesses) == {"sign-in-failed": throttle.FREE_TRIES, "too-many-tries": 300 - throttle.FREE_TRIES}
    # Guessing on at every moment that it is taken: the wait grows, and stops at a quarter of an hour.
    at, waits = now, []
    for _ in range(20):
        with pytest.raises(TooManyTriesError) as refused:
            by_password(transaction, asha.tried(at, password="guess"), at)
        waits.append(refused.value.wait_seconds)
        at += timedelta(seconds=waits[-1])
        assert _outcome(transaction, asha.tried(at, password="guess"), at) == "sign-in-failed"
    assert waits[:3] == [2, 4, 8]
    assert max(waits) == waits[-1] == 15 * 60
    with pytest.raises(TooManyTriesError):
        by_password(transaction, asha.tried(at), at)
    at += throttle.LONGEST_WAIT
    assert by_password(transaction, asha.tried(at), at)
    # Forgiven: the next slip costs nothing.
    assert _outcome(transaction, asha.tried(at, password="slip"), at) == "sign-in-failed"
    assert by_password(transaction, asha.tried(at + STEP), at + STEP)


def test_a_stranger_s_guesses_elsewhere_keep_no_doctor_out(
    transaction: Transaction, asha: Local, now: datetime
) -> None:
    for n in range(20):
        _outcome(transaction, asha.tried(now, password=f"guess {n}", network="203.0.113.9"), now)
    with pytest.raises(TooManyTriesError):
        by_password(transaction, asha.tried(now, network="203.0.113.9"), now)
    assert by_password(transaction, asha.tried(now, network="198.51.100.7"), now)


def test_guesses_from_very_many_networks_are_slowed_down_too(
    transaction: Transaction, asha: Local, now: datetime
) -> None:
    tried = [
        _outcome(transaction, asha.tried(now, password="guess", network=f"203.0.113.{n}"), now)
        for n in range(throttle.FREE_TRIES_ANYWHERE + 5)
    ]
    assert Counter(tried) == {"sign-in-failed": throttle.FREE_TRIES_ANYWHERE, "too-many-tries": 5}


def test_an_address_without_an_account_is_slowed_down_alike(
    transaction: Transaction, asha: Local, now: datetime
) -> None:
    def told(email: str) -> list[tuple[str, int]]:
        heard = []
        for _ in range(throttle.FREE_TRIES + 3):
            try:
                by_password(transaction, asha.tried(now, email=email, password="guess"), now)
            except TooManyTriesError as error:
                heard.append((error.sentence, error.wait_seconds))
            except DomainError as error:
                heard.append((error.sentence, 0))
        return heard

    assert told(asha.account.email) == told("nobody@coast.example")
    with transaction() as session:
        assert [one.object_id for one in audited(session, "sign-in-slowed-down")] == [str(asha.account.id), "unknown"]


def test_many_guesses_at_once_do_not_get_past_the_count(transaction: Transaction, asha: Local, now: datetime) -> None:
    with ThreadPoolExecutor(12) as pool:
        guesses = list(
            pool.map(lambda n: _outcome(transaction, asha.tried(now, password=f"guess {n}"), now), range(24))
        )
    assert Counter(guesses)["sign-in-failed"] == throttle.FREE_TRIES


def test_failures_are_forgotten_after_a_day(transaction: Transaction, asha: Local, now: datetime) -> None:
    for _ in range(throttle.FREE_TRIES):
        _outcome(transaction, asha.tried(now, password="guess"), now)
    later = now + throttle.FORGOTTEN_AFTER + MINUTE
    for _ in range(throttle.FREE_TRIES - 1):
        assert _outcome(transaction, asha.tried(later, password="guess"), later) == "sign-in-failed"
    assert by_password(transaction, asha.tried(later), later)


def test_no_wait_is_longer_than_a_quarter_of_an_hour() -> None:
    waits = [wait_after(failures) for failures in range(2000)]
    assert waits == sorted(waits)
    assert (waits[0], waits[4], waits[-1]) == (timedelta(), timedelta(), 15 * MINUTE)


def test_known_and_unknown_addresses_cost_the_same_number_of_hashes(
    transaction: Transaction, asha: Local, now: datetime, monkeypatch: pytest.MonkeyPatch
) -> None:
    passwords.is_right(None, "warm", CHEAP)
    with _watched(monkeypatch) as seen:
        for tried in (
            asha.tried(now, password="wrong password"),
            asha.tried(now, email="nobody@coast.example"),
            asha.tried(now, email="tom.lyle@coast.example"),
            asha.tried(now, code="000000"),
        ):
            before = seen.total
            assert _outcome(transaction, tried, now) == "sign-in-failed"
            assert seen.total - before == 1


def test_at_most_two_hashes_are_computed_at_once(
    transaction: Transaction, asha: Local, now: datetime, monkeypatch: pytest.MonkeyPatch
) -> None:
    with _watched(monkeypatch, pause=0.02) as seen, ThreadPoolExecutor(10) as pool:
        tried = [asha.tried(now, email=f"nobody{n}@coast.example") for n in range(10)]
        assert set(pool.map(lambda one: _outcome(transaction, one, now), tried)) == {"sign-in-failed"}
    # Less than two on a busy machine, where the threads seldom meet.
    assert seen.total == 10
    assert seen.most_at_once <= passwords.HASHES_AT_ONCE


def test_nobody_holds_a_transaction_while_hashing(
    transaction: Transaction, asha: Local, now: datetime, monkeypatch: pytest.MonkeyPatch
) -> None:
    def at_hash() -> None:
        # On SQLite this would wait for ever, and time out, if the caller held the one connection.
        with transaction() as session:
            counted.append(len(session.exec(select(Password)).all()))

    counted: list[int] = []
    with _watched(monkeypatch, then=at_hash):
        by_password(transaction, asha.tried(now), now)
        assert _outcome(transaction, asha.tried(now, email="nobody@coast.example"), now) == "sign-in-failed"
    assert counted == [1, 1]


@pytest.mark.parametrize(
    ("password", "code"),
    [
        ("short", "wrong-length"),
        ("x" * 129, "wrong-length"),
        ("password1234", "easily-guessed"),
        ("qwertyuiop[]", "easily-guessed"),
        ("aaaaaaaaaaaaaaaa", "easily-guessed"),
        ("asha.kerrin2026", "easily-guessed"),
        ("AshaKerrin1!", "easily-guessed"),
        ("samedaysameday", "easily-guessed"),
        ("123456789012345", "easily-guessed"),
    ],
)
def test_a_bad_password_is_refused_with_the_reason(password: str, code: str) -> None:
    found = passwords.problems_in_password(password, ("Asha Kerrin", "asha.kerrin@coast.example"), "/password")
    assert [(one.pointer, one.code) for one in found] == [("/password", code)]


@pytest.mark.parametrize(
    "password", ["correct horse battery", "æøå ß ツ kingfisher", "x7#Kp0!vQz2m", "drei Apfelbäume am Deich " * 5]
)
def test_a_good_password_may_be_of_any_characters(password: str) -> None:
    assert passwords.problems_in_password(password, ("Asha Kerrin", "asha.kerrin@coast.example"), "/password") == []


def test_the_commonest_passwords_that_are_long_enough_are_all_refused() -> None:
    common = [one for one in FREQUENCY_LISTS["passwords"] if len(one) >= passwords.SHORTEST]
    assert len(FREQUENCY_LISTS["passwords"]) >= 3000
    assert len(common) > 20
    assert [one for one in common if not passwords.problems_in_password(one, (), "")] == []


def test_a_password_is_the_same_however_its_accents_are_typed() -> None:
    hashed = passwords.hash_password("drei A\u0308pfel am Deich", CHEAP)
    assert passwords.is_right(hashed, "drei \u00c4pfel am Deich", CHEAP)
    assert hashed.startswith("$argon2id$v=19$")


class _Seen:
    """How often hashes were computed, and how many at once."""

    def __init__(self) -> None:
        self.lock = threading.Lock()
        self.total = self.now = self.most_at_once = 0


@contextmanager
def _watched(monkeypatch: pytest.MonkeyPatch, *, pause: float = 0, then: Any = lambda: None) -> Iterator[_Seen]:
    """Look on while argon2 computes; it computes as it always does."""
    seen, verify = _Seen(), argon2.PasswordHasher.verify

    def verify_watched(*args: Any) -> Any:
        with seen.lock:
            seen.total, seen.now = seen.total + 1, seen.now + 1
            seen.most_at_once = max(seen.most_at_once, seen.now)
        threading.Event().wait(pause)
        then()
        try:
            return verify(*args)
        finally:
            with seen.lock:
                seen.now -= 1

    with monkeypatch.context() as patched:
        patched.setattr(argon2.PasswordHasher, "verify", verify_watched)
        yield seen


def _outcome(transaction: Transaction, tried: Tried, now: datetime) -> str:
    try:
        by_password(transaction, tried, now)
    except DomainError as error:
        return error.code
    return "in"


def _hash_of(transaction: Transaction, person: Local) -> str:
    with transaction() as session:
        return session.get_one(Password, person.account.id).hash
