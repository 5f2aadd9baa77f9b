"""How often an account and a network may call in a minute.

Counted in this process only: with N processes behind one address, N times as much passes (decision 0011).
"""

from uuid import UUID

from limits import RateLimitItem, RateLimitItemPerMinute
from limits.storage import MemoryStorage
from limits.strategies import SlidingWindowCounterRateLimiter
from starlette.types import ASGIApp, Receive, Scope, Send

from app.api.networks import network_of_call
from app.api.refusals import refuse_unread
from app.errors import DomainError
from app.settings import Settings

# Where somebody may guess passwords, codes or secrets of integrations. Opening a page guesses nothing.
SIGN_IN_PATHS = ("/api/v1/sign-in", "/sign-in", "/oauth/")
_GUESSES_NOTHING = frozenset({"GET", "HEAD", "OPTIONS"})
# From an identity provider, which signs it, and may send one for each of many people at the same moment.
_SIGNED_PATH = "/backchannel-logout"


class RateLimits:
    """Counts calls of the last minute, in memory.

    The window is a weighted pair of counters: memory does not grow with the calls, and networks that have gone are
    forgotten. (The exact moving window of limits 5.8 keeps a line for each call, and in memory every key for ever.)
    """

    def __init__(self, settings: Settings) -> None:
        self._window = SlidingWindowCounterRateLimiter(MemoryStorage())
        self._of_account = RateLimitItemPerMinute(settings.calls_per_minute_per_account)
        self._of_network = RateLimitItemPerMinute(settings.calls_per_minute_per_network)
        self._of_sign_in = RateLimitItemPerMinute(settings.sign_in_tries_per_minute_per_network)

    def check_account(self, key: UUID) -> None:
        """Count one call of an account, or of an integration. Raises too-many-calls. Other accounts do not matter."""
        self._count(self._of_account, "account", str(key))

    def check_network(self, scope: Scope) -> None:
        """Count one call of the network that it comes from, and one try to sign in. Raises too-many-calls."""
        network = network_of_call(scope)
        self._count(self._of_network, "network", network)
        if _is_sign_in_try(scope):
            self._count(self._of_sign_in, "sign-in", network)

    def _count(self, most: RateLimitItem, what: str, key: str) -> None:
        if not self._window.hit(most, what, key):
            raise DomainError("too-many-calls", "Too many calls in a short time. Wait a moment, then try again.")


def _is_sign_in_try(scope: Scope) -> bool:
    path = scope["path"]
    return (
        scope["method"] not in _GUESSES_NOTHING and path.startswith(SIGN_IN_PATHS) and not path.endswith(_SIGNED_PATH)
    )


class NetworkLimit:
    """Refuses calls of a network that has called too often, before their body is read."""

    def __init__(self, app: ASGIApp, *, limits: RateLimits) -> None:
        self._app = app
        self._limits = limits

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http":
            try:
                self._limits.check_network(scope)
            except DomainError as error:
                await refuse_unread(scope, receive, send, error)
                return
        await self._app(scope, receive, send)
