"""How often an account and a network may call; one caller's flood is nobody else's (security.md, 9; G34)."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from raw import exchange, get, status_of
from serving import Service, listening, running

from app.api.networks import network_of

FEW = 5
# The window is weighted: where a minute ends between two calls, one or two more may pass.
TRIES = FEW + 4


@pytest.fixture(scope="module")
def few_calls(migrated_file: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The address of a service that takes five calls a minute of a network, and believes one proxy."""
    settings = {"calls_per_minute_per_network": FEW, "forwarded_allow_ips": ("127.0.0.77", "127.0.0.80/28")}
    with listening(f"sqlite:///{migrated_file}", tmp_path_factory.mktemp("few"), **settings) as (_, url):
        yield url


@pytest.fixture(scope="module")
def few_tries(migrated_file: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The address of a service that takes five tries a minute to sign in."""
    settings = {"sign_in_tries_per_minute_per_network": FEW}
    with listening(f"sqlite:///{migrated_file}", tmp_path_factory.mktemp("tries"), **settings) as (_, url):
        yield url


def test_a_network_that_calls_too_often_must_wait_and_others_need_not(few_calls: str) -> None:
    answers = [exchange(few_calls, get("/healthz"), "127.0.0.11") for _ in range(TRIES)]
    assert [status_of(answer) for answer in answers[:FEW]] == [200] * FEW
    assert status_of(answers[-1]) == 429
    assert b"retry-after: 10" in answers[-1].lower()
    assert b"urn:sameday:problem:too-many-calls" in answers[-1]
    assert status_of(exchange(few_calls, get("/healthz"), "127.0.0.12")) == 200


def test_only_a_proxy_of_ours_may_say_who_calls(few_calls: str) -> None:
    forged = [get("/healthz", [f"X-Forwarded-For: 192.0.2.{number}"]) for number in range(TRIES)]
    assert status_of([exchange(few_calls, words, "127.0.0.13") for words in forged][-1]) == 429
    for proxy in ("127.0.0.77", "127.0.0.81"):
        assert {status_of(exchange(few_calls, words, proxy)) for words in forged} == {200}
    # What stands to the left of the address that the proxy saw was said by the client.
    forged = [get("/healthz", [f"X-Forwarded-For: 198.51.100.{number}, 203.0.113.9"]) for number in range(TRIES)]
    assert status_of([exchange(few_calls, words, "127.0.0.77") for words in forged][-1]) == 429


@pytest.mark.parametrize("path", ["/api/v1/sign-in/password", "/sign-in", "/sign-in/totp", "/oauth/token"])
def test_tries_to_sign_in_are_counted_apart(few_tries: str, path: str) -> None:
    source = f"127.0.1.{len(path)}"
    words = get(path, ["Content-Length: 0"], method="POST")
    statuses = [status_of(exchange(few_tries, words, source)) for _ in range(TRIES)]
    assert 429 not in statuses[:FEW]
    assert statuses[-1] == 429
    assert status_of(exchange(few_tries, get(path), source)) != 429  # opening the page guesses nothing
    assert status_of(exchange(few_tries, get("/healthz"), source)) == 200
    assert status_of(exchange(few_tries, words, "127.0.2.1")) != 429


def test_sign_outs_that_a_provider_sends_are_no_tries(few_tries: str) -> None:
    words = get("/sign-in/nowhere/backchannel-logout", ["Content-Length: 0"], method="POST")
    assert 429 not in {status_of(exchange(few_tries, words, "127.0.2.9")) for _ in range(TRIES)}


def test_an_account_that_calls_too_often_must_wait_and_others_need_not(migrated_file: Path, tmp_path: Path) -> None:
    copy = tmp_path / "sameday.db"
    copy.write_bytes(migrated_file.read_bytes())
    with running(f"sqlite:///{copy}", tmp_path, calls_per_minute_per_account=FEW) as service:
        _check_accounts(service)


def _check_accounts(service: Service) -> None:
    flooding, other = service.caller(), service.caller("priya.dunmore")
    answers = [flooding.get("/me") for _ in range(TRIES)]
    assert [answer.status_code for answer in answers[:FEW]] == [200] * FEW
    assert (answers[-1].status_code, answers[-1].headers["retry-after"]) == (429, "10")
    assert answers[-1].json()["type"] == "urn:sameday:problem:too-many-calls"
    assert other.get("/me").status_code == 200
    assert service.caller(None).get("/me").status_code == 401


@pytest.mark.parametrize(
    ("address", "network"),
    [
        ("192.0.2.7", "192.0.2.7"),
        ("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::"),
        ("2001:db8:1:2:ffff::", "2001:db8:1:2::"),
        ("2001:db8:1:3::1", "2001:db8:1:3::"),
        ("fe80::1%eth0", "fe80::"),
        ("::ffff:192.0.2.7", "192.0.2.7"),
        ("", ""),
        ("unix:", ""),
        ("192.0.2.7, 198.51.100.1", ""),
        ("x" * 5000, ""),
    ],
)
def test_ipv6_is_counted_by_the_network_of_one_customer(address: str, network: str) -> None:
    assert network_of(address) == network
