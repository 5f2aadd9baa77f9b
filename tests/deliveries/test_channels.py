"""Each channel against a real other side that accepts, refuses for now, refuses for good, drops or hangs."""

import socket
import ssl
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import timedelta
from email import message_from_bytes
from email.utils import parsedate_to_datetime
from typing import Any

import pytest
from aiosmtpd.smtp import AuthResult
from notices import ID, notice, real_now, webhook
from peers import MailPeer, Peer, free_port, mail_server, receiver

from app.deliveries.channels import Channel, Failed, Sent
from app.deliveries.channels.email import Email
from app.deliveries.channels.inbox import Inbox
from app.deliveries.rules import Notification

DRIBBLE_SECONDS = 8.0
NOTHING_OF_THESE = ("meon.example", "duty@", "Penrose")


def _email(port: int, **options: Any) -> Email:
    return Email("127.0.0.1", port, "no-reply@sameday.example", options.pop("timeout", 5), real_now, **options)


# ---- The contract that every channel keeps


@contextmanager
def mail_side(behaviour: str) -> Iterator[tuple[Channel, Notification, Peer]]:
    peer = MailPeer(behaviour)
    with mail_server(peer) as port:
        yield _email(port, timeout=0.3 if behaviour == "hang" else 5), notice("duty@meon.example"), peer


@contextmanager
def webhook_side(behaviour: str) -> Iterator[tuple[Channel, Notification, Peer]]:
    peer = Peer(behaviour)
    with receiver(peer) as url:
        yield webhook(0.3 if behaviour == "hang" else 5), notice(url), peer


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
    channel: Channel = {"email": _email(port), "webhook": webhook()}[name]
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


@pytest.mark.parametrize("name", ["email", "webhook"])
def test_a_side_that_sends_a_bytereal_now_and_then_is_not_waited_for(name: str) -> None:
    with dribbling() as port:
        channel: Channel = {"email": _email(port, timeout=0.5), "webhook": webhook(0.5)}[name]
        address = f"http://127.0.0.1:{port}/" if name == "webhook" else "duty@meon.example"
        started = time.monotonic()
        result = channel.send(notice(address))
        took = time.monotonic() - started
    assert isinstance(result, Failed)
    assert not result.permanent
    assert took < DRIBBLE_SECONDS / 2  # not for as long as bytes came


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
    assert abs(parsedate_to_datetime(message["Date"]) - real_now()) < timedelta(minutes=1)
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
        .not_valid_before(real_now() - timedelta(days=1))
        .not_valid_after(real_now() + timedelta(days=1))
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


@contextmanager
def dribbling() -> Iterator[int]:
    """The port of a side that takes everything and answers one byte every tenth of a second, for a while."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        thread = threading.Thread(target=_dribble, args=(listener,))
        thread.start()
        yield int(listener.getsockname()[1])
        thread.join()


def _dribble(listener: socket.socket) -> None:
    connection, _ = listener.accept()
    with connection, suppress(OSError):
        for _ in range(int(DRIBBLE_SECONDS * 10)):
            connection.sendall(b"2")
            time.sleep(0.1)
