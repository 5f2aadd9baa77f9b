"""Mails one-time links to the addresses they are for. Its words say what to do, and nothing of any child."""

import logging
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from app.db import Transaction
from app.deliveries.channels import Failed
from app.deliveries.channels.email import Email
from app.deliveries.rules import Letterhead
from app.people import links

_log = logging.getLogger(__name__)


class NotSentError(Exception):
    """The mail server did not take it this time."""


@dataclass(frozen=True, slots=True)
class LinkNotice:
    """The mail with the link. delivery_id: the link's id, by which a second copy after a crash is recognised."""

    delivery_id: UUID
    address: str
    service_name: str
    link: str

    @property
    def subject(self) -> str:
        return f"Your sign-in to {self.service_name}"

    @property
    def text(self) -> str:
        return (
            f"Open this link to set up how you sign in to {self.service_name}. It works once, and not for long.\n\n"
            f"{self.link}\n\nIf you did not expect this, tell your administrator and leave the link alone.\n"
        )


def send_link(transaction: Transaction, email: Email, letterhead: Letterhead, *, link_id: UUID, now: datetime) -> None:
    """Send a link that waits to be sent; one that is sent, used or too old is left alone. Raises NotSentError.

    No transaction is held while the mail server talks.
    """
    with transaction() as session:
        waiting = links.to_send(session, link_id, now)
    if waiting is None:
        return
    address, secret = waiting
    link = links.address_of(secret, letterhead.base_url)
    result = email.send(LinkNotice(link_id, address, letterhead.service_name, link))
    if isinstance(result, Failed):
        _log.warning("link-not-sent", extra={"link": link_id, "reason": result.detail})
        if not result.permanent:
            raise NotSentError
    with transaction() as session:
        links.note_sent(session, link_id, now, is_sent=not isinstance(result, Failed))
