"""`If-Match`: a write to an existing thing names the state it was made from, so that no update is lost."""

import re
from typing import Annotated

from fastapi import Depends, Header

from app.errors import DomainError

_STRONG = re.compile(r'"([\x21\x23-\x7e]{0,64})"')


def revision_named(
    if_match: Annotated[str, Header(description="The ETag of the draft you read", examples=['"3"'])],
) -> int:
    """The revision that If-Match names.

    Raises stale-revision for an ETag that no draft ever had, and wrong-precondition for anything but one strong ETag:
    `*` would overwrite whatever is there, which is what If-Match is here to prevent.
    """
    found = _STRONG.fullmatch(if_match)
    if found is None:
        raise DomainError("wrong-precondition", 'If-Match takes one strong ETag, such as "3".')
    tag = found[1]
    if not (tag.isascii() and tag.isdigit() and len(tag) <= 9 and str(int(tag)) == tag):
        raise DomainError("stale-revision", "This was changed since you read it. Read it again.")
    return int(tag)


Revision = Annotated[int, Depends(revision_named)]


def check_unchanged(if_match: str, current: str) -> None:
    """Raise stale-revision unless If-Match names exactly the ETag `current`."""
    if if_match != current:
        raise DomainError("stale-revision", "This was changed since you read it. Read it again.")


def etag(tag: int | str) -> str:
    """A strong ETag."""
    return f'"{tag}"'
