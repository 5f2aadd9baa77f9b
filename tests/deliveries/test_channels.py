"""Each channel against a real other side that accepts, refuses for now, refuses for good, drops or hangs."""

import json
import ssl
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from email import message_from_bytes
from email.utils import format_datetime, parsedate_to_datetime
from typing import Any
from uuid import UUID

import pytest
from aiosmtpd.smtp import AuthResult
from peers import MailPeer, Peer, free_port, mail_server, receiver
from standardwebhooks.webhooks import Webhook as Verifier

from app.deliveries.channels import Channel, Failed, Sent
from app.deliveries.channels.email import Email
from app.deliveries.channels.inbox import Inbox
from app.deliveries.channels.webhook import Webhook
from app.deliveries.rules import Letterhead, Notification, notification_of, payload_of

SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
ID = UUID("01890000-0000-7000-8000-000000000001")
PAYLOAD = payload_of(Letterhead("Sameday", "https://sameday.example"), "7Q4K-2P")
NOTHING_OF_THESE = ("meon.example", "duty@", "Penrose")


def _email(port: int, **options: Any) -> Email:
    return Email("127.0.0.1", port, "no-reply@sameday.example", options.pop("timeout", 5), _now, **options)


def _now() -> datetime:
    return datetime.now(UTC)


@contextmanager
def webhook(timeout: float = 5) -> Iterator[Webhook]:
    channel = Webhook(timeout, _now)
    try:
        yield channel
    finally:
        channel.close()


def notice(address: str, secret: str | None = SECRET) -> Notification:
    return notification_of(ID, address, PAYLOAD, secret)


# ---- The contract that every channel keeps


@contextmanager
def mail_side(behaviour: str) -> Iterator[tuple[Channel, Notification, Peer]]:
    peer = MailPeer(behaviour)
    with mail_server(peer) as port:
        yield _email(port, timeout=0.3 if behaviour == "hang" else 5), notice("duty@meon.example"), peer


@contextmanager
def webhook_side(behaviour: str) -> Iterator[tuple[Channel, Notification, Peer]]:
    peer = Peer(behaviour)
    with receiver(peer) as url, webhook(0.3 if behaviour == "hang" else 5) as channel:
        yield channel, notice(url), peer


SIDES = {"email": mail_side, "webhook": webhook_side}


@pytest.mark.parametrize("name", SIDES)
@pytest.mark.parametrize(
    ("behaviour", "permanent"), [("accept", None), ("later", False), ("never", True), ("drop", False), ("hang", False)]
)
def test_what_the_other_side_does_is_a_value(name: str, behaviour: str, permanent: bool | None) -> None:
    with SIDES[name](behaviour) as (channel, notification, peer):
        result = channel.send(notification)
    if permanent is None:
        assert isinstance(result, Sent)
        assert len(peer.got) == 1
    else:
        assert isinstance(result, Failed)
        assert result.permanent is permanent
    assert 0 < len(result.detail) <= 100
    assert not any(word in result.detail for word in NOTHING_OF_THESE)


@pytest.mark.parametrize("name", SIDES)
def test_nobody_at_home_is_a_passing_failure(name: str) -> None:
    port = free_port()
    with webhook() as hook:
        channel: Channel = {"email": _email(port), "webhook": hook}[name]
        result = channel.send(notice(f"http://127.0.0.1:{port}/" if name == "webhook" else "duty@meon.example"))
    assert isinstance(result, Failed)
    assert not result.permanent


@pytest.mark.parametrize("name", SIDES)
def test_a_repeat_is_recognisable(name: str) -> None:
    with SIDES[name]("accept") as (channel, notification, peer):
        for _ in range(2):
            assert isinstance(channel.send(notification), Sent)
        marks = [_mark(name, got) for got in peer.got]
    assert len(marks) == 2
    assert marks[0] == marks[1]
    assert str(ID) in marks[0]


def _mark(name: str, got: Any) -> str:
    if name == "email":
        return str(message_from_bytes(got.content)["Message-ID"])
    headers, _ = got
    return str({key.lower(): value for key, value in headers.items()}["webhook-id"])


def test_the_inbox_is_sent_at_once() -> None:
    assert isinstance(Inbox().send(notice("")), Sent)


# ---- E-mail


def test_a_mail_carries_the_fixed_words_and_says_that_a_machine_wrote_it() -> None:
    with mail_side("accept") as (channel, notification, peer):
        channel.send(notification)
    (envelope,) = peer.got
    assert (envelope.mail_from, envelope.rcpt_tos) == ("no-reply@sameday.example", ["duty@meon.example"])
    message = message_from_bytes(envelope.content)
    assert message["Subject"] == "You have a new document in Sameday"
    assert message["Auto-Submitted"] == "auto-generated"
    assert message["Message-ID"] == f"<{ID}@sameday.example>"
    assert abs(parsedate_to_datetime(message["Date"]) - _now()) < timedelta(minutes=1)
    assert not message.is_multipart()
    assert message.get_payload(decode=True).decode().replace("\r\n", "\n") == notification.text


def test_a_message_that_is_refused_is_a_lasting_failure() -> None:
    with mail_side("data-never") as (channel, notification, _):
        assert channel.send(notification) == Failed(True, "message refused: 554 5.7.1")


def test_an_odd_goodbye_does_not_make_us_send_it_again() -> None:
    with mail_side("odd-goodbye") as (channel, notification, _):
        assert isinstance(channel.send(notification), Sent)


def test_without_the_tls_we_ask_for_nothing_is_sent() -> None:
    peer = MailPeer()
    with mail_server(peer) as port:
        result = _email(port, starttls=True).send(notice("duty@meon.example"))
    assert isinstance(result, Failed)
    assert not result.permanent
    assert peer.got == []


def test_a_server_whose_certificate_nobody_vouches_for_gets_nothing(self_made: ssl.SSLContext) -> None:
    peer = MailPeer()
    with mail_server(peer, tls_context=self_made) as port:
        result = _email(port, starttls=True).send(notice("duty@meon.example"))
    assert isinstance(result, Failed)
    assert not result.permanent
    assert peer.got == []


def test_a_sign_in_that_is_refused_is_ours_to_mend() -> None:
    peer = MailPeer()
    with mail_server(peer, auth_require_tls=False, authenticator=_refuse) as port:
        result = _email(port, username="sameday", password="wrong").send(notice("duty@meon.example"))
    assert result == Failed(False, "mail server refused us: 535 5.7.8")


def _refuse(server: Any, session: Any, envelope: Any, mechanism: str, data: Any) -> Any:
    return AuthResult(success=False, handled=False)


@pytest.fixture
def self_made(tmp_path: Any) -> ssl.SSLContext:
    from cryptography import x509
    from cryptography.hazmat.primitives import hashes, serialization
    from cryptography.hazmat.primitives.asymmetric import ec

    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "127.0.0.1")])
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(_now() - timedelta(days=1))
        .not_valid_after(_now() + timedelta(days=1))
        .sign(key, hashes.SHA256())
    )
    file = tmp_path / "self-made.pem"
    file.write_bytes(
        key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
        + certificate.public_bytes(serialization.Encoding.PEM)
    )
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(file)
    return context


# ---- Webhook


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
        (lambda: format_datetime(_now() + timedelta(minutes=10), usegmt=True), 590, 601),
        (lambda: format_datetime(_now() - timedelta(minutes=10), usegmt=True), 0, 0),
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
    with webhook() as channel:
        assert channel.send(notice(address)) == Failed(True, "the address is not https")


@pytest.mark.parametrize("secret", [None, "", "whsec_", "whsec_a", "whsec_é"])
def test_nothing_goes_out_unsigned(secret: str | None) -> None:
    with webhook_side("accept") as (channel, notification, peer):
        result = channel.send(notice(notification.address, secret))
    assert result == Failed(True, "the team has no secret, or not one that can be used")
    assert peer.got == []
