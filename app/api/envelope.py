"""Around every call: it is counted, HEAD is answered as GET without a body, and no failure leaves naked."""

import logging
from time import perf_counter

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from app.api.metrics import Metrics
from app.api.problems import problem_response
from app.errors import DomainError

_logger = logging.getLogger("sameday.api")


class Envelope:
    """Every call is counted, and whatever fails inside leaves as a bare 500 problem."""

    def __init__(self, app: ASGIApp, *, metrics: Metrics) -> None:
        self._app = app
        self._metrics = metrics

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        began = perf_counter()
        status = 0

        async def send_and_note(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
            await send(message)

        # Whoever serves a GET serves its HEAD (RFC 9110, 9.3.2). The server leaves the body out: it has its own scope.
        inner = {**scope, "method": "GET"} if scope["method"] == "HEAD" else scope
        try:
            await self._app(inner, receive, send_and_note)
        except Exception as error:  # the last line of defence: whatever it is, no detail leaves
            _logger.error("call-failed", exc_info=error, extra={"route": _template(inner)})
            if status == 0:
                failure = problem_response(DomainError("internal", "The service failed. It has been written down."))
                await failure(inner, receive, send_and_note)
        finally:
            self._metrics.observe(scope["method"], _template(inner), status, perf_counter() - began)


def _template(scope: Scope) -> str:
    return getattr(scope.get("route"), "path", "unmatched")
