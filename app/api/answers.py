"""Answers of calls that create something: built here because they are kept for the repeat of the call."""

from collections.abc import Iterator
from contextlib import contextmanager
from http import HTTPStatus

from fastapi import Response
from pydantic import BaseModel

from app.errors import DomainError, Problem

PREFIX = "/api/v1"


def answer(
    body: BaseModel, status: HTTPStatus = HTTPStatus.CREATED, *, location: str | None = None, etag: str | None = None
) -> Response:
    """`body` as JSON. location: a path below /api/v1, never built from anything in the call's headers."""
    headers = {}
    if location is not None:
        headers["Location"] = PREFIX + location
    if etag is not None:
        headers["ETag"] = etag
    return Response(body.model_dump_json(), status_code=status, headers=headers, media_type="application/json")


@contextmanager
def about(pointer: str) -> Iterator[None]:
    """Say of an error raised inside that it is about the member of the body at `pointer`."""
    try:
        yield
    except DomainError as error:
        within = [Problem(pointer + one.pointer, one.code, one.sentence) for one in error.problems]
        whole = [Problem(pointer, error.code, error.sentence)]
        raise DomainError(error.code, error.sentence, problems=within or whole) from error
