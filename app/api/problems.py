"""Errors on the wire: RFC 9457 problem documents, for everything that can go wrong."""

import logging
from collections.abc import Mapping
from http import HTTPStatus
from typing import Any

from fastapi import FastAPI, Request, Response
from fastapi.exceptions import RequestValidationError
from pydantic import BaseModel, ConfigDict, Field
from sqlalchemy.exc import IntegrityError, InterfaceError, OperationalError
from sqlalchemy.exc import TimeoutError as PoolTimeout
from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException

from app.api.body import pointer
from app.doors import write_denial
from app.errors import DomainError
from app.people.rules import Denied
from app.people.throttle import TooManyTriesError
from app.statuses import STATUSES

MEDIA_TYPE = "application/problem+json"
TYPE_PREFIX = "urn:sameday:problem:"
# More would help nobody, and an answer must not be a hundred times larger than its question.
MAX_PROBLEMS = 100

_logger = logging.getLogger("sameday.api")

# What pydantic calls it: what we call it, and what we say. Pydantic's own words may quote the value.
_FAULTS: Mapping[str, tuple[str, str]] = {
    "missing": ("missing", "This is required."),
    "extra_forbidden": ("unknown-member", "There is no such member here."),
    "string_too_short": ("too-short", "This is too short."),
    "string_too_long": ("too-long", "This is too long."),
    "literal_error": ("code-not-offered", "Choose one of the values that the API description lists."),
    "string_pattern_mismatch": ("wrong-format", "This does not have the right format."),
    "greater_than_equal": ("out-of-range", "This is too small."),
    "less_than_equal": ("out-of-range", "This is too large."),
    "too_long": ("too-long", "There are too many."),
}
_WRONG_TYPE = ("wrong-type", "This has the wrong type.")


class ProblemItem(BaseModel):
    """One thing that is wrong, and where."""

    model_config = ConfigDict(frozen=True)

    pointer: str = Field(description="RFC 6901 pointer into the body that was sent; '' is the whole body")
    code: str
    detail: str
    parameter: str | None = Field(default=None, description="Name of the query parameter or header, if it is one")


class ProblemDocument(BaseModel):
    """What every refusal and failure looks like (RFC 9457)."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "type": f"{TYPE_PREFIX}incomplete",
                    "title": "Incomplete",
                    "status": 422,
                    "detail": "Some questions still need an answer.",
                    "problems": [
                        {"pointer": "/answers/child/surname", "code": "missing", "detail": "Answer this question."}
                    ],
                }
            ]
        }
    )

    type: str = Field(description="urn:sameday:problem:<code>; stable, for programs")
    title: str
    status: int
    detail: str = Field(description="For people: what to do next")
    problems: list[ProblemItem] = []


def problem_response(
    error: DomainError, *, items: list[ProblemItem] | None = None, headers: Mapping[str, str] | None = None
) -> Response:
    """The answer for `error`. items: in place of the error's own problems."""
    status = STATUSES[error.code]
    found = items or [ProblemItem(pointer=p.pointer, code=p.code, detail=p.sentence) for p in error.problems]
    document = ProblemDocument(
        type=TYPE_PREFIX + error.code,
        title=error.code.replace("-", " ").capitalize(),
        status=status,
        detail=error.sentence,
        problems=found[:MAX_PROBLEMS],
    )
    return Response(
        document.model_dump_json(exclude_none=True),
        status_code=status,
        media_type=MEDIA_TYPE,
        headers={**_HEADERS_OF.get(error.code, {}), **(headers or {})},
    )


def install(app: FastAPI) -> None:
    """Make `app` answer every error with a problem document."""
    app.add_exception_handler(Denied, _answer_denied)
    app.add_exception_handler(DomainError, _answer_domain_error)
    app.add_exception_handler(RequestValidationError, _answer_invalid)
    app.add_exception_handler(HTTPException, _answer_http_error)
    for error in (OperationalError, InterfaceError, PoolTimeout):
        app.add_exception_handler(error, _answer_database_away)
    app.add_exception_handler(IntegrityError, _answer_conflict)


def not_found() -> DomainError:
    """What an unknown route, an unknown object and a denied one have in common: the same answer."""
    return DomainError("not-found", "There is nothing here, or nothing for you.")


_HEADERS_OF: Mapping[str, Mapping[str, str]] = {
    "not-signed-in": {"WWW-Authenticate": "Bearer"},
    "document-not-ready": {"Retry-After": "2"},
    "busy": {"Retry-After": "1"},
    # The window slides: after ten seconds a sixth of a minute's calls are free again.
    "too-many-calls": {"Retry-After": "10"},
    "database-away": {"Retry-After": "5"},
    "key-away": {"Retry-After": "5"},
    "provider-away": {"Retry-After": "10"},
    "idempotency-key-in-use": {"Retry-After": "1"},
}


# PostgreSQL gave way to another transaction: serialization_failure, deadlock_detected, lock_not_available.
_LOST_A_RACE = frozenset({"40001", "40P01", "55P03"})

_MISSING_HEADERS: Mapping[str | None, tuple[str, str]] = {
    "idempotency-key": ("idempotency-key-missing", "Send an Idempotency-Key header, new for each thing you want done."),
    "if-match": ("precondition-missing", "Send If-Match with the ETag of what you read, so that no change is lost."),
}


async def _answer_denied(request: Request, error: Exception) -> Response:
    # The stage's own words are not used: they could tell a refusal from an unknown id.
    assert isinstance(error, Denied)
    async with request.app.state.denials_at_once:
        await run_in_threadpool(write_denial, request, error)
    return problem_response(not_found())


def _answer_domain_error(_request: Request, error: Exception) -> Response:
    assert isinstance(error, DomainError)
    wait = {"Retry-After": str(error.wait_seconds)} if isinstance(error, TooManyTriesError) else None
    return problem_response(error, headers=wait)


def _answer_invalid(_request: Request, error: Exception) -> Response:
    assert isinstance(error, RequestValidationError)
    if any(fault["loc"][0] == "path" for fault in error.errors()):
        return problem_response(not_found())
    items = [_item(fault) for fault in error.errors()]
    for item in items:
        if item.code == "missing" and item.parameter in _MISSING_HEADERS:
            return problem_response(DomainError(*_MISSING_HEADERS[item.parameter]), items=[item])
    if any(item.parameter for item in items):
        return problem_response(DomainError("wrong-parameter", "A parameter or header is wrong."), items=items)
    return problem_response(DomainError("invalid", "Some values are wrong."), items=items)


def _answer_http_error(_request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)
    if error.status_code == HTTPStatus.METHOD_NOT_ALLOWED:
        refusal = DomainError("method-not-allowed", "This address does not take that method.")
        return problem_response(refusal, headers=error.headers)
    if error.status_code == HTTPStatus.NOT_FOUND:
        return problem_response(not_found())
    return problem_response(DomainError("bad-request", "The call cannot be understood."))


def _answer_database_away(request: Request, error: Exception) -> Response:
    if getattr(getattr(error, "orig", None), "sqlstate", None) in _LOST_A_RACE:
        return problem_response(DomainError("conflict", "Another call was changing the same thing. Read it again."))
    _logger.error("database-away", exc_info=error)
    return problem_response(DomainError("database-away", "The database does not answer. Try again in a moment."))


def _answer_conflict(request: Request, error: Exception) -> Response:
    # Two calls raced for one unique key and this one lost. Any other broken constraint is our own fault.
    assert isinstance(error, IntegrityError)
    if getattr(error.orig, "sqlstate", None) == "23505" or "UNIQUE constraint" in str(error.orig):
        return problem_response(DomainError("conflict", "This was done by someone else just now. Read it again."))
    raise error


def _item(fault: Mapping[str, Any]) -> ProblemItem:
    source, *parts = fault["loc"]
    if fault["type"].startswith("sameday-"):
        code, sentence = fault["type"].removeprefix("sameday-"), fault["msg"]
    else:
        code, sentence = _FAULTS.get(fault["type"], _WRONG_TYPE)
    if source == "body":
        return ProblemItem(pointer=pointer(*parts), code=code, detail=sentence)
    return ProblemItem(pointer="", code=code, detail=sentence, parameter=str(parts[0]) if parts else source)
