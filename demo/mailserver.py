"""A mail server on loopback that keeps every mail as a file. For the demonstration and the tests."""

import socket
from email.message import EmailMessage
from pathlib import Path

from aiosmtpd.controller import Controller
from aiosmtpd.smtp import SMTP, Envelope, Session


class MailServer:
    """Takes every mail and writes it to `folder` as 0001.eml, 0002.eml, … in the order of arrival."""

    def __init__(self, folder: Path, port: int | None = None) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self.folder = folder
        self.port = port or free_port()
        self._count = 0
        self._controller = Controller(self, hostname="127.0.0.1", port=self.port)

    def start(self) -> None:
        self._controller.start()

    def stop(self) -> None:
        """Stop, if it was started."""
        self._controller.stop(no_assert=True)

    def files(self) -> list[Path]:
        """The mails taken so far."""
        return sorted(self.folder.glob("*.eml"))

    # The name is aiosmtpd's.
    async def handle_DATA(self, server: SMTP, session: Session, envelope: Envelope) -> str:  # noqa: N802
        """Keep the mail, with the addresses of its envelope on top, and take the responsibility for it."""
        self._count += 1
        head = EmailMessage()
        head["X-Envelope-From"] = envelope.mail_from or ""
        head["X-Envelope-To"] = ", ".join(envelope.rcpt_tos)
        content = envelope.content if isinstance(envelope.content, bytes) else (envelope.content or "").encode()
        (self.folder / f"{self._count:04}.eml").write_bytes(bytes(head).removesuffix(b"\n") + content)
        return "250 OK"


def free_port() -> int:
    """A port on loopback that nobody listened on a moment ago."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return int(listener.getsockname()[1])
