"""Signed webhooks: what goes out, to whom, and what is made of the answer."""

import json
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from email.utils import format_datetime

import pytest
from notices import ID, SECRET, notice, real_now, webhook
from peers import Peer, receiver
from standardwebhooks.webhooks import Webhook as Verifier

from app.deliveries.channels import Channel, Failed, Sent
from app.deliveries.channels.peer import CheckedAddresses, is_public
from app.deliveries.rules import Notification


@contextmanager
def webhook_side(behaviour: str) -> Iterator[tuple[Channel, Notification, Peer]]:
    peer = Peer(behaviour)
    with receiver(peer) as url:
        yield webhook(0.3 if behaviour == "hang" else 5), notice(url), peer


def test_a_webhook_verifies_with_the_reference_library_and_says_only_that_something_waits() -> None:
    with webhook_side("accept") as (channel, notification, peer):
        channel.send(notification)
    ((headers, body),) = peer.got
    assert Verifier(SECRET).verify(body, headers).keys() == {"type", "timestamp", "data"}
    told = json.loads(body)
    assert told["type"] == "document.waiting"
    assert told["data"] == {
        "reference": "7Q4K-2P",
        "link": "https://sameday.example/outcomes/7Q4K-2P",
        "delivery_id": str(ID),
    }


@pytest.mark.parametrize(
    ("status", "permanent"),
    [
        *((status, False) for status in (301, 307, 408, 425, 429, 500, 502, 503)),
        *((status, True) for status in (400, 401, 404, 410, 422)),
    ],
)
def test_each_refusal_is_told_apart(status: int, permanent: bool) -> None:
    with webhook_side(str(status)) as (channel, notification, _):
        assert channel.send(notification) == Failed(permanent, f"HTTP {status}")


def test_a_redirect_is_not_followed() -> None:
    elsewhere = Peer()
    with receiver(elsewhere) as other, webhook_side("307") as (channel, notification, peer):
        peer.headers = {"location": other}  # type: ignore[attr-defined]
        assert isinstance(channel.send(notification), Failed)
    assert elsewhere.got == []


@pytest.mark.parametrize(
    ("header", "low", "high"),
    [
        (lambda: "120", 120, 120),
        (lambda: format_datetime(real_now() + timedelta(minutes=10), usegmt=True), 590, 601),
        (lambda: format_datetime(real_now() - timedelta(minutes=10), usegmt=True), 0, 0),
        (lambda: "soon", 0, 0),
        (lambda: "9" * 400, 0, 0),
        (lambda: "-5", 0, 0),
    ],
)
def test_the_wait_asked_for_is_read(header: Callable[[], str], low: int, high: int) -> None:
    with webhook_side("429") as (channel, notification, peer):
        peer.headers = {"retry-after": header()}  # type: ignore[attr-defined]
        result = channel.send(notification)
    assert isinstance(result, Failed)
    assert low <= result.retry_after.total_seconds() <= high


def test_an_answer_without_end_is_not_read() -> None:
    with webhook_side("accept") as (channel, notification, peer):
        peer.length = 10**12  # type: ignore[attr-defined]
        started = time.monotonic()
        assert isinstance(channel.send(notification), Sent)
        assert time.monotonic() - started < 5  # the channel's limit: it did not wait for the body


@pytest.mark.parametrize(
    "address",
    [
        "http://receiver.example/hook",
        "ftp://127.0.0.1/",
        "file:///etc/passwd",
        "http://10.0.0.1/",
        "https://",
        "http://[",
        "",
    ],
)
def test_an_address_that_is_not_https_is_refused(address: str) -> None:
    assert webhook().send(notice(address)) == Failed(True, "the address is not https")


@pytest.mark.parametrize("secret", [None, "", "whsec_", "whsec_a", "whsec_é"])
def test_nothing_goes_out_unsigned(secret: str | None) -> None:
    with webhook_side("accept") as (channel, notification, peer):
        result = channel.send(notice(notification.address, secret))
    assert result == Failed(True, "the team has no secret, or not one that can be used")
    assert peer.got == []


@pytest.mark.parametrize(
    "address",
    [
        f"https://{'a' * 64}.example/",
        "https://a..example/",
        f"https://{'é' * 80}.example/",
        "https://[::1/",
        "https://127.0.0.1:99999/",
    ],
)
def test_an_address_that_cannot_be_used_is_a_lasting_failure(address: str) -> None:
    result = webhook(allow_private=False).send(notice(address))
    assert isinstance(result, Failed)
    assert result.permanent
    assert result.detail


@pytest.mark.parametrize(
    "host",
    [
        "127.0.0.1",
        "localhost",
        "10.1.2.3",
        "172.16.0.1",
        "192.168.1.1",
        "169.254.169.254",
        "100.64.0.1",
        "0.0.0.0",
        "224.0.0.1",
        "255.255.255.255",
        "2130706433",
        "[::1]",
        "[::]",
        "[fe80::1]",
        "[fd00::1]",
        "[ff02::1]",
        "[::ffff:127.0.0.1]",
        "[::ffff:10.0.0.1]",
        "[2002:7f00:1::]",
        "[64:ff9b::7f00:1]",
    ],
)
def test_nothing_goes_to_a_neighbour(host: str) -> None:
    result = webhook(allow_private=False).send(notice(f"https://{host}/hook"))
    assert result == Failed(True, "the address is not on the public network")


def test_plain_http_to_this_machine_needs_the_setting() -> None:
    with webhook_side("accept") as (_, notification, peer):
        result = webhook(allow_private=False).send(notification)
    assert result == Failed(True, "the address is not https")
    assert peer.got == []


@pytest.mark.parametrize("address", ["93.184.215.14", "2606:2800:21f:cb07:6820:80da:af6b:8b2c", "::ffff:93.184.215.14"])
def test_an_address_of_the_public_network_is_known(address: str) -> None:
    assert is_public(address)


def test_the_connection_goes_to_the_address_that_was_checked() -> None:
    """Whatever the name service says by then: the name in the URL is not looked up again."""
    with receiver(Peer()) as url:
        port = int(url.rpartition(":")[2].partition("/")[0])
        stream = CheckedAddresses(["127.0.0.1"], time.monotonic() + 5).connect_tcp("no-such-host.invalid", port)
        try:
            assert stream.get_extra_info("server_addr") == ("127.0.0.1", port)
        finally:
            stream.close()


def test_a_password_in_the_address_is_not_sent() -> None:
    with webhook_side("accept") as (channel, notification, peer):
        result = channel.send(notice(notification.address.replace("//", "//sameday:secret@")))
    assert isinstance(result, Failed)
    assert result.permanent
    assert peer.got == []
