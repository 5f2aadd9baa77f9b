"""Identifiers of others, in every position of every route: nothing leaks, and all are answered as unknown ones."""

from collections.abc import Iterator
from random import Random
from typing import Any
from uuid import UUID, uuid4

import factories
import httpx
import pytest
from matrix_calls import Route, at, headers_of, place_of, routes, send
from matrix_operations import CALLS
from matrix_world import NOT_THERE, World
from rows import Rows
from serving import Caller

ROUTES = routes()
# Nothing of a record is behind these: forms, addresses that say the same for everyone, and providers to sign in with.
SAME_FOR_EVERYONE = frozenset({"read-form", "read-form-schema", "how-to-read"})
POSITIONS = sorted(
    (operation, parameter)
    for operation, call in CALLS.items()
    for parameter in (*call.path, *call.query)
    if operation not in SAME_FOR_EVERYONE and "provider" not in call.path
)
OF_RECORDS = (
    "outcome",
    "id",
    "delivery",
    "mail",
    "grant",
    "examiner_grant",
    "glass",
    "account",
    "token",
    "client",
    "team",
)
MALFORMED = (
    "0", "-1", "null", "None", "%00", "%2e%2e", "*", "' OR 1=1 --", "{}", "٠١٢٣-٤٥", "7Q4K-2P ", " 7Q4K-2P", "7q4k2p",
    "00000000-0000-0000-0000-000000000000", "ffffffff-ffff-ffff-ffff-ffffffffffff", "urn:uuid:" + NOT_THERE, "a" * 300,
)  # fmt: skip
SAMPLED = ("read-version", "list-deliveries", "acknowledge")
MANY, FEW = 200, 4


@pytest.mark.parametrize(("operation", "parameter"), POSITIONS)
def test_an_identifier_of_others_is_answered_as_an_unknown_one(attacked: World, operation: str, parameter: str) -> None:
    """By a doctor of the same site, whose own cases are others; in an emergency by somebody who has none."""
    caller = attacked.people.caller("evaluator" if operation == "break-glass" else "same site")
    values = attacked.places["signed"].seen_by("same site")
    before, unknown = Rows(attacked.service).now(), None
    for swapped in (NOT_THERE, *_swapped(values, MANY if operation in SAMPLED else FEW)):
        answer = _with(caller, ROUTES[operation], parameter, swapped, values)
        assert answer.is_client_error, f"{swapped}: {answer.status_code} {answer.text}"
        assert _canaries(values).isdisjoint(_words(answer)), f"{swapped}: {answer.text}"
        unknown = unknown or _as_seen(answer)
        if answer.status_code == 404 or unknown[0] != 404:
            assert _as_seen(answer)[1:] == unknown[1:] or answer.status_code in (400, 403), swapped
    assert Rows(attacked.service).now() == before


def test_a_grant_of_another_outcome_cannot_be_ended_through_ones_own(attacked: World) -> None:
    author, own = attacked.people.author, attacked.places["signed"].values
    for grant in (attacked.places["amended"].values["examiner_grant"], str(uuid4())):
        answer = author.call("DELETE", f"/outcomes/{own['outcome']}/grants/{grant}")
        assert (answer.status_code, answer.json()["type"]) == (404, "urn:sameday:problem:not-found")


def test_an_outcome_is_not_begun_under_the_id_of_anothers(attacked: World) -> None:
    values = attacked.places["draft"].values
    answer = attacked.people.caller("same site").post("/outcomes", {"id": values["id"], "site": values["site"]})
    assert answer.status_code == 409
    assert _canaries(values).isdisjoint(_words(answer))


@pytest.mark.parametrize("listing", ["/outcomes", "/inbox"])
def test_a_list_does_not_go_on_after_what_is_not_on_it(attacked: World, listing: str) -> None:
    """The cursor is an identifier too."""
    caller, values = attacked.people.caller("same site"), attacked.places["signed"].seen_by("same site")
    for name in ("id", "delivery", "mail", "grant", "account"):
        answer, unknown = (caller.get(listing, params={"after": one}) for one in (values[name], str(uuid4())))
        assert _canaries(values).isdisjoint(_words(answer))
        assert (answer.status_code, answer.text) == (unknown.status_code, unknown.text)


@pytest.mark.parametrize(
    "person",
    [
        "asha.kerrin@beacon-down-trust.example",
        "nobody@beacon-down-council.example",
        "PRIYA",
        "",
        "*",
        "a" * 300,
        "x@y\tz",
    ],
)
def test_a_machine_speaks_for_nobody_outside_its_organisation(attacked: World, person: str) -> None:
    machine, values = attacked.people.caller("client of recipient"), attacked.places["signed"].values
    foreign = Caller(machine.client, token=machine.token, on_behalf_of=person)
    answer = foreign.get(f"/outcomes/{values['outcome']}")
    unknown = foreign.get(f"/outcomes/{NOT_THERE}")
    assert answer.is_client_error
    assert _as_seen(answer) == _as_seen(unknown)


def test_a_session_is_found_by_its_whole_secret_only(attacked: World) -> None:
    author = attacked.people.author
    secret = author.secret or ""
    for wrong in (secret.swapcase(), secret[:-1], secret + "A", secret[::-1], f"{secret} {secret}"):
        answer = Caller(author.client, secret=wrong).get("/outcomes")
        assert answer.status_code in (400, 401), wrong


def _with(caller: Caller, route: Route, parameter: str, swapped: str, values: dict[str, str]) -> httpx.Response:
    """The call with its other values right, and this one in the place of the parameter."""
    call = CALLS[route.operation]
    name = (dict(call.path) | dict(call.query))[parameter]
    if parameter in call.query:
        return send(caller, route, call, values | {name: swapped})
    # Only here, as one value may stand in several places of a call.
    place = place_of(route, call, values | {name: swapped})
    more: dict[str, Any] = {"json": call.body(values)} if call.body else {}
    if call.query:
        more["params"] = {one: values[what] for one, what in call.query.items()}
    return at(caller, route.method, place, headers=headers_of(route, call, values), **more)


def _swapped(values: dict[str, str], how_many: int) -> Iterator[str]:
    """What is somebody else's, also in other case; what has no sense; and what is nobody's."""
    for name in OF_RECORDS:
        yield from (values[name], values[name].upper(), values[name].lower(), values[name].swapcase())
    yield from MALFORMED
    dice = Random(20261124)
    for _ in range(how_many):
        yield str(UUID(int=dice.getrandbits(128), version=4))


def _canaries(values: dict[str, str]) -> frozenset[str]:
    return frozenset({factories.SURNAME, "Leo", values["outcome"], values["id"], "items", "PDF"})


def _words(answer: httpx.Response) -> frozenset[str]:
    return frozenset(word for word in answer.text.replace('"', " ").replace(":", " ").split())


def _as_seen(answer: httpx.Response) -> tuple[Any, ...]:
    headers = sorted((name, value) for name, value in answer.headers.items() if name != "date")
    return answer.status_code, headers, answer.content
