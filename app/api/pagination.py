"""Lists in pages: how many, and after which item. A cursor is opaque to clients and carries one id."""

from base64 import urlsafe_b64decode, urlsafe_b64encode
from binascii import Error as NotBase64
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated
from uuid import UUID

from fastapi import Depends, Query
from pydantic import BeforeValidator
from pydantic_core import PydanticCustomError

DEFAULT_LIMIT = 50
MAX_LIMIT = 100


@dataclass(frozen=True, slots=True)
class Page:
    """What a client asked for: at most `limit` items that follow the item `after`."""

    limit: int
    after: UUID | None

    @property
    def with_next(self) -> int:
        """How many items to read: one more than asked for tells whether there is a next page."""
        return self.limit + 1

    def next_after(self, ids: Sequence[UUID]) -> str | None:
        """The cursor of the page that follows, given the ids of the items read; None at the end."""
        return cursor_of(ids[self.limit - 1]) if len(ids) > self.limit else None


def cursor_of(item_id: UUID) -> str:
    """The cursor that stands for `item_id`."""
    return urlsafe_b64encode(item_id.bytes).rstrip(b"=").decode("ascii")


def _id_from_cursor(value: object) -> object:
    if not isinstance(value, str) or len(value) != 22 or not value.isascii():
        raise PydanticCustomError("sameday-wrong-cursor", "Send the 'next' of the page before, unchanged.")
    try:
        item_id = UUID(bytes=urlsafe_b64decode(value + "=="))
    except (NotBase64, ValueError) as error:
        raise PydanticCustomError("sameday-wrong-cursor", "Send the 'next' of the page before, unchanged.") from error
    if cursor_of(item_id) != value:
        raise PydanticCustomError("sameday-wrong-cursor", "Send the 'next' of the page before, unchanged.")
    return item_id


def _plain_number(value: object) -> object:
    # Pydantic would also take "+5", " 5", "5.0" and "1_0".
    if isinstance(value, str) and not (value.isascii() and value.isdigit() and len(value) <= 6):
        raise PydanticCustomError("sameday-wrong-type", "Send a whole number in the digits 0 to 9.")
    return value


def page(
    limit: Annotated[int, BeforeValidator(_plain_number), Query(ge=1, le=MAX_LIMIT)] = DEFAULT_LIMIT,
    after: Annotated[
        UUID | None, BeforeValidator(_id_from_cursor), Query(description="'next' of the page before")
    ] = None,
) -> Page:
    """Read `?limit=` and `?after=`."""
    return Page(limit, after)


PageAsked = Annotated[Page, Depends(page)]
