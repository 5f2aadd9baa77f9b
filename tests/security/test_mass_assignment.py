"""Nobody sets what the service sets: every column and every member of every answer, sent to every route that writes."""

from collections.abc import Iterator
from typing import Any
from uuid import uuid4

import pytest
from matrix_calls import Route, at, headers_of, place_of, routes
from matrix_operations import CALLS
from matrix_oracle import rows
from matrix_world import World
from rows import Rows
from sqlmodel import SQLModel

from app.api.openapi import describe
from app.main import create_app
from app.settings import Settings

# An answer lists at most a hundred problems, and the body may have some of its own.
AT_ONCE = 90
DESCRIBED = describe(create_app(Settings(database_url="sqlite://", run_worker=False)))
ROUTES = routes()
# They read nothing of what a browser sends.
PAGES = frozenset({"how-to-read", "how-to-use-a-link", "how-to-verify"})


def _schemas_sent() -> dict[str, dict[str, Any]]:
    """Operation -> the schema of its JSON body."""
    found = {}
    for path in DESCRIBED["paths"].values():
        for one in path.values():
            content = one.get("requestBody", {}).get("content", {})
            if "application/json" in content:
                name = content["application/json"]["schema"]["$ref"].rsplit("/", 1)[1]
                found[one["operationId"]] = DESCRIBED["components"]["schemas"][name]
    return found


SENT = _schemas_sent()


def _server_owned() -> frozenset[str]:
    """Names of all columns of all tables, and of all members of all answers."""
    columns = {column.name for table in SQLModel.metadata.tables.values() for column in table.columns}
    told = {name for schema in DESCRIBED["components"]["schemas"].values() for name in schema.get("properties", {})}
    return frozenset(columns | told)


OWNED = _server_owned()


def test_the_list_of_members_holds_what_matters() -> None:
    assert {
        "id", "reference", "author_id", "signed_by", "signed_at", "number", "state", "role", "roles", "organisation_id",
        "granted_by", "kind", "scopes", "sha256", "revision", "fresh_until", "until_at", "session_id", "is_current",
        "acknowledged_by", "withdrawn_by", "token_sha256", "status",
    } <= OWNED | {"session_id"}  # fmt: skip
    assert len(OWNED) > 200
    assert len(SENT) >= 25


@pytest.mark.parametrize("operation", sorted(SENT))
def test_a_member_that_is_the_services_is_refused_by_name_and_changes_nothing(attacked: World, operation: str) -> None:
    state, subject = _who_may(operation)
    foreign = sorted(OWNED - set(SENT[operation]["properties"]))
    before = _before(attacked, subject)
    for members in _batches(foreign):
        answer = _send(attacked, ROUTES[operation], state, subject, dict.fromkeys(members, str(uuid4())))
        assert answer.status_code == 422, answer.text
        refused = {one["pointer"] for one in answer.json()["problems"] if one["code"] == "unknown-member"}
        assert refused >= {f"/{name}" for name in members}
    assert Rows(attacked.service).now() == before


def test_each_member_alone_is_refused_too(attacked: World) -> None:
    before = _before(attacked, "author")
    for name in sorted(OWNED - set(SENT["sign-version"]["properties"])):
        answer = _send(attacked, ROUTES["sign-version"], "draft", "author", {name: str(uuid4())})
        assert (answer.status_code, answer.json()["problems"][0]["pointer"]) == (422, f"/{name}")
    assert Rows(attacked.service).now() == before


def test_among_the_answers_too_only_questions_are_taken(attacked: World) -> None:
    before = _before(attacked, "author")
    place = attacked.places["draft"].values
    for members in _batches(sorted(OWNED)):
        answer = attacked.people.author.save(place["outcome"], dict.fromkeys(members, str(uuid4())), '"2"')
        assert answer.status_code == 422, answer.text
        assert len(answer.json()["problems"]) == len(members)
    assert Rows(attacked.service).now() == before


@pytest.mark.parametrize("operation", sorted(set(ROUTES) - set(SENT) - PAGES))
def test_a_route_that_takes_no_json_takes_no_member(attacked: World, operation: str) -> None:
    route = ROUTES[operation]
    state, subject = _who_may(operation)
    before = _before(attacked, subject)
    answer = _send(attacked, route, state, subject, {"id": str(uuid4()), "role": "administrator"})
    assert answer.is_client_error, answer.text
    assert Rows(attacked.service).now() == before


def _send(world: World, route: Route, state: str, subject: str, members: dict[str, str]) -> Any:
    call, values = CALLS[route.operation], world.places[state].seen_by(subject)
    body = call.body(values) if call.body else {}
    caller = world.people.caller(subject)
    headers = headers_of(route, call, values) | {"Content-Type": "application/json"}
    given = body if isinstance(body, dict) else {}
    return at(caller, route.method, place_of(route, call, values), headers=headers, json=given | members)


def _who_may(operation: str) -> tuple[str, str]:
    """A state in which somebody may do it, and who, as the oracle says."""
    for row in rows():
        if row.operation == operation and not row.sign_in:
            for cell in row.cells:
                if cell.answer in ("yes", "refused"):
                    return cell.state, cell.subject
    return "signed", "author"  # nothing of the kind is there, and so nobody may: removing a passkey that is not mine


def _before(world: World, subject: str) -> dict[str, int]:
    world.people.caller(subject)  # signing in is a change too
    return Rows(world.service).now()


def _batches(names: list[str]) -> Iterator[list[str]]:
    yield from (names[start : start + AT_ONCE] for start in range(0, len(names), AT_ONCE))
