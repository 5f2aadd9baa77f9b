"""Reads JSON bodies more strictly than the standard library: one meaning per body, or a refusal that says where."""

import json
from collections.abc import Callable, Coroutine
from dataclasses import dataclass
from email.message import Message
from hashlib import sha256
from typing import Any, NoReturn

from fastapi import Request, Response
from fastapi.routing import APIRoute

from app.errors import DomainError, Problem

MAX_DEPTH = 24
MAX_DIGITS = 40

_SENTENCES = {
    "duplicate-member": "This member is given twice; send it once.",
    "not-a-number": "Infinity and NaN are not numbers in JSON.",
    "number-too-long": f"Numbers may have at most {MAX_DIGITS} characters.",
    "broken-text": "The text holds half of a surrogate pair; send valid Unicode.",
    "too-deep": f"The body may nest at most {MAX_DEPTH} levels deep.",
}


@dataclass(frozen=True, slots=True)
class _Refused:
    """Stands in the parsed tree where something was wrong, until the walk finds out where that is."""

    code: str
    member: str | None = None


class StrictRoute(APIRoute):
    """A route whose body must have the media type it declares and, for JSON, exactly one meaning."""

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        handle = super().get_route_handler()
        media_type = getattr(self.body_field.field_info, "media_type", None) if self.body_field else None

        async def handle_strictly(request: Request) -> Response:
            body = await request.body()
            request.state.body_sha256 = sha256(body).hexdigest()
            if media_type is None:
                _check_no_body(body)
            elif body:
                _check_media_type(request.headers.get("content-type", ""), media_type)
                if media_type == "application/json":
                    # Request.json() answers what was parsed before.
                    request._json = parse(body)
            return await handle(request)

        return handle_strictly


def parse(body: bytes) -> Any:
    """`body` as JSON. Raises DomainError invalid-json, with the pointer of the fault where it has one.

    Refused although many parsers take them: duplicate members, NaN and Infinity, numbers too long to keep exactly,
    half surrogate pairs, a byte order mark, UTF-16, and nesting deeper than MAX_DEPTH.
    """
    try:
        tree = json.loads(
            body.decode("utf-8"),
            object_pairs_hook=_object,
            parse_constant=lambda _: _Refused("not-a-number"),
            parse_float=_float,
            parse_int=_int,
        )
    except UnicodeDecodeError:
        _refuse("not-utf-8", "", "The body is not UTF-8.")
    except RecursionError:
        _refuse("too-deep", "", _SENTENCES["too-deep"])
    except ValueError:
        _refuse("not-json", "", "The body is not JSON.")
    _check(tree, "", 0)
    return tree


def pointer(*parts: str | int) -> str:
    """The RFC 6901 pointer made of `parts`."""
    return "".join("/" + str(part).replace("~", "~0").replace("/", "~1") for part in parts)


def _object(pairs: list[tuple[str, Any]]) -> Any:
    members: dict[str, Any] = {}
    for name, value in pairs:
        if name in members:
            return _Refused("duplicate-member", name)
        members[name] = value
    return members


def _float(text: str) -> Any:
    number = float(text)
    if number in (float("inf"), float("-inf")):
        return _Refused("not-a-number")
    return number if len(text) <= MAX_DIGITS else _Refused("number-too-long")


def _int(text: str) -> Any:
    return int(text) if len(text) <= MAX_DIGITS else _Refused("number-too-long")


def _check(value: Any, at: str, depth: int) -> None:
    if depth > MAX_DEPTH:
        _refuse("too-deep", "", _SENTENCES["too-deep"])
    if isinstance(value, _Refused):
        where = at if value.member is None else at + pointer(_shown(value.member))
        _refuse(value.code, where, _SENTENCES[value.code])
    if isinstance(value, str) and not _is_unicode(value):
        _refuse("broken-text", at, _SENTENCES["broken-text"])
    if isinstance(value, dict):
        for name, member in value.items():
            if not _is_unicode(name):
                _refuse("broken-text", at, _SENTENCES["broken-text"])
            _check(member, at + pointer(name), depth + 1)
    if isinstance(value, list):
        for index, element in enumerate(value):
            _check(element, at + pointer(index), depth + 1)


def _is_unicode(text: str) -> bool:
    return not any("\ud800" <= character <= "\udfff" for character in text)


def _shown(name: str) -> str:
    return name if _is_unicode(name) else "?"


def _check_media_type(header: str, wanted: str) -> None:
    message = Message()
    message["content-type"] = header.replace("\r", " ").replace("\n", " ")
    charset = message.get_content_charset("utf-8")
    if message.get_content_type() != wanted or (wanted == "application/json" and charset != "utf-8"):
        raise DomainError("unsupported-media-type", f"Send the body as {wanted}.")


def _check_no_body(body: bytes) -> None:
    if body.strip() not in (b"", b"{}"):
        raise DomainError("body-not-expected", "This call takes no body.")


def _refuse(code: str, at: str, sentence: str) -> NoReturn:
    raise DomainError("invalid-json", "The body cannot be read.", problems=[Problem(at, code, sentence)])
