"""The in-app inbox: the row itself is the notice, so it is there as soon as it is committed."""

from app.deliveries.channels import Failed, Sent
from app.deliveries.rules import Notification


class Inbox:
    """Nothing leaves the service: people see the delivery when they sign in."""

    def send(self, notification: Notification) -> Sent | Failed:
        return Sent("waits in the inbox of the service")
