"""The cookie of a session: set, read and forgotten in one place.

`__Host-` makes browsers refuse it without Secure, with a Domain, or from a sub-domain. No Max-Age: it ends with the
browser, and our own time-outs count in the database.
"""

from fastapi import Request, Response

from app.doors import SESSION_COOKIE

_LONGEST = 100


def give_session(response: Response, secret: str) -> None:
    """Hand the secret of a new session to the browser."""
    response.set_cookie(SESSION_COOKIE, secret, secure=True, httponly=True, samesite="strict", path="/")


def forget_session(response: Response) -> None:
    """Take the cookie away, and all that the browser keeps of us (ASVS 14.3.1)."""
    response.delete_cookie(SESSION_COOKIE, secure=True, httponly=True, samesite="strict", path="/")
    response.headers["Clear-Site-Data"] = '"cache", "cookies", "storage"'


def former_session(request: Request) -> str | None:
    """The secret of the session that the browser has now, which a new sign-in ends."""
    secret = request.cookies.get(SESSION_COOKIE)
    return secret[:_LONGEST] if secret else None
