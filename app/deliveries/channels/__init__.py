"""How a notice reaches people: one file for each channel, all with the one method of `Channel`.

What the other side does wrong is a value (`Failed`), not an exception: it is expected, recorded and tried again.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Protocol

from app.deliveries.rules import Notification


@dataclass(frozen=True, slots=True)
class Sent:
    """The other side took it. detail: what it said, without any address or name."""

    detail: str


@dataclass(frozen=True, slots=True)
class Failed:
    """The other side did not take it.

    permanent: another try will not mend it. detail: why, without any address or name.
    retry_after: the least wait that the other side asked for.
    """

    permanent: bool
    detail: str
    retry_after: timedelta = timedelta()


class Channel(Protocol):
    """One way to tell a recipient."""

    def send(self, notification: Notification) -> Sent | Failed:
        """Send it now, within the channel's time limit. The delivery's id goes along, so a repeat is recognisable."""
        ...


Channels = Mapping[str, Channel]
"""Channel name, as stored on a delivery -> the channel."""
