"""E-mail by SMTP."""

import re
import smtplib
import socket
import ssl
import threading
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass
from datetime import datetime
from email.message import EmailMessage
from email.policy import SMTP as SMTP_POLICY
from typing import Protocol
from uuid import UUID

from app.deliveries.channels import Failed, Sent

_HANG_UP_EVERY_SECONDS = 0.1


class Mail(Protocol):
    """What a mail is made of: a notice, or a one-time link. delivery_id becomes its Message-ID."""

    @property
    def delivery_id(self) -> UUID: ...
    @property
    def address(self) -> str: ...
    @property
    def subject(self) -> str: ...
    @property
    def text(self) -> str: ...


@dataclass(frozen=True, slots=True)
class Email:
    """A mail server that takes our notices. clock dates the messages.

    timeout_seconds bounds the whole exchange, once one of the server's addresses has answered; before that, each of
    them.
    """

    host: str
    port: int
    sender: str
    timeout_seconds: float
    clock: Callable[[], datetime]
    starttls: bool = False
    username: str | None = None
    password: str | None = None

    def send(self, notification: Mail) -> Sent | Failed:
        """Hand one message to the server.

        A refused recipient or message (5xx) is permanent. A refused sender, sign-in or TLS is a fault of our own
        settings, which somebody may mend: it is tried again, as everything else.
        """
        try:
            with closing(self._server()) as server, _cut_off_after(server, self.timeout_seconds):
                server.connect(self.host, self.port)
                self._open(server)
                server.send_message(self._message(notification), self.sender, [notification.address])
                # It has the message. What it says to our good-bye must not make us send another.
                with suppress(smtplib.SMTPException, OSError):
                    server.quit()
        except smtplib.SMTPRecipientsRefused as error:
            code, words = next(iter(error.recipients.values()))
            return Failed(code >= 500, f"recipient refused: {_codes(code, words)}")
        except smtplib.SMTPDataError as error:
            return Failed(error.smtp_code >= 500, f"message refused: {_codes(error.smtp_code, error.smtp_error)}")
        except smtplib.SMTPResponseException as error:
            return Failed(False, f"mail server refused us: {_codes(error.smtp_code, error.smtp_error)}")
        except (smtplib.SMTPException, OSError, ValueError) as error:
            # Only the kind of fault: the words of some of these quote addresses.
            return Failed(False, f"mail server not reached: {type(error).__name__}")
        return Sent("taken by the mail server")

    def _server(self) -> smtplib.SMTP:
        # We greet with the sender's domain. smtplib alone would ask the name service what this machine is called.
        domain = self.sender.rpartition("@")[2]
        return smtplib.SMTP(local_hostname=domain, timeout=self.timeout_seconds)

    def _open(self, server: smtplib.SMTP) -> None:
        if self.starttls:
            server.starttls(context=ssl.create_default_context())
        if self.username is not None:
            server.login(self.username, self.password or "")

    def _message(self, notification: Mail) -> EmailMessage:
        message = EmailMessage(policy=SMTP_POLICY)
        message["From"] = self.sender
        message["To"] = notification.address
        message["Date"] = self.clock()
        message["Subject"] = notification.subject
        # The delivery's own id: a second copy after a crash is recognised by it.
        message["Message-ID"] = f"<{notification.delivery_id}@{self.sender.rpartition('@')[2]}>"
        message["Auto-Submitted"] = "auto-generated"  # RFC 3834: no out-of-office answers to a no-reply address
        message.set_content(notification.text)
        return message


@contextmanager
def _cut_off_after(server: smtplib.SMTP, seconds: float) -> Iterator[None]:
    """Hang up when the time is over. smtplib bounds each read only: a byte now and then would hold us for ever."""
    ended = threading.Event()

    def hang_up() -> None:
        wait = seconds
        # Again and again, because smtplib may just be putting another socket (TLS) in the place of the first.
        while not ended.wait(wait):
            if isinstance(server.sock, socket.socket):
                with suppress(OSError):
                    socket.socket.shutdown(server.sock, socket.SHUT_RDWR)
            wait = _HANG_UP_EVERY_SECONDS

    watch = threading.Thread(target=hang_up, name="mail-limit", daemon=True)
    watch.start()
    try:
        yield
    finally:
        ended.set()
        watch.join()


def _codes(code: int, words: bytes | str) -> str:
    """The reply code and the enhanced status code (RFC 3463); the rest of the reply may name the address."""
    text = words.decode("ascii", "replace") if isinstance(words, bytes) else words
    enhanced = re.match(r"[245]\.\d{1,3}\.\d{1,3}", text)
    return f"{code} {enhanced.group()}" if enhanced else str(code)
