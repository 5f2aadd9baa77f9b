"""Every address with every method it does not have: never a failure, and never anything of a record."""

import re

import factories
import pytest
from matrix_calls import at, place_of, routes
from matrix_operations import CALLS
from matrix_world import World
from rows import Rows

METHODS = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE", "PROPFIND")
ROUTES = routes()
PLACES = sorted({route.path for route in ROUTES.values()})


@pytest.mark.parametrize("path", PLACES)
@pytest.mark.parametrize("subject", ["author", "nobody"])
def test_a_method_that_an_address_does_not_have_is_refused_and_changes_nothing(
    attacked: World, path: str, subject: str
) -> None:
    here = [route for route in ROUTES.values() if route.path == path]
    has = {route.method for route in ROUTES.values() if re.fullmatch(re.sub(r"{\w+}", "[^/]+", route.path), path)}
    has |= {"HEAD"} if "GET" in has else set()  # a server that has GET has HEAD
    values = attacked.places["signed"].seen_by(subject)
    place = place_of(here[0], CALLS[here[0].operation], values)
    caller = attacked.people.caller(subject)
    before = Rows(attacked.service).now()
    for method in METHODS:
        if method not in has:
            answer = at(caller, method, place)
            assert answer.status_code in (404, 405), f"{method} {place}: {answer.status_code} {answer.text}"
            assert factories.SURNAME not in answer.text
    assert Rows(attacked.service).now() == before


@pytest.mark.parametrize(
    "place", ["/", "/api", "/api/v1", "/api/v1/", "/docs", "/redoc", "/openapi.json", "//", "/%2e"]
)
def test_an_address_that_is_none_is_not_found_by_any_method(attacked: World, place: str) -> None:
    for method in METHODS:
        assert at(attacked.people.caller("author"), method, place).status_code in (404, 405)
