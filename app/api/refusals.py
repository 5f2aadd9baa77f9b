"""Refuses a call before its body has been read, so that the refusal still arrives."""

import asyncio
from contextlib import suppress

from starlette.types import Receive, Scope, Send

from app.api.problems import problem_response
from app.errors import DomainError

# A connection that is closed while the client still sends loses the answer, so a little more is taken and dropped.
# Together with the limit of 256 KiB for a body this stays below 1 MiB (security.md, G20).
LINGER_BYTES = 512 * 1024
LINGER_SECONDS = 1.0


async def refuse_unread(scope: Scope, receive: Receive, send: Send, error: DomainError) -> None:
    """Answer `error` without the body, and close the connection: only that stops a body that is on its way."""
    if any(name in (b"content-length", b"transfer-encoding") and value != b"0" for name, value in scope["headers"]):
        await drop_the_rest(receive)
    await problem_response(error, headers={"Connection": "close"})(scope, receive, send)


async def drop_the_rest(receive: Receive) -> None:
    """Take what the client sends, up to LINGER_BYTES and LINGER_SECONDS, and drop it."""
    dropped = 0
    with suppress(TimeoutError):
        async with asyncio.timeout(LINGER_SECONDS):
            while dropped < LINGER_BYTES:
                message = await receive()
                dropped += len(message.get("body", b""))
                if not message.get("more_body", False):
                    return
