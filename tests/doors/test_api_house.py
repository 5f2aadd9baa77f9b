"""What holds for every route: policies, commits, failures, limits, headers, description, figures."""

import asyncio
import re
import socket
from collections.abc import Awaitable, Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import Any
from uuid import uuid4

import httpx
import pytest
from fastapi import APIRouter
from serving import Service
from sqlalchemy import event
from sqlalchemy.exc import OperationalError
from sqlalchemy.orm import Session as AnySession
from sqlmodel import SQLModel

from app.api.body import StrictRoute
from app.api.limits import BodyLimit
from app.api.openapi import describe
from app.api.schemas import Told
from app.doors import PUBLIC, SIGNED_IN, PolicyMissingError, check_policies
from app.main import create_app
from app.settings import Settings

SETTINGS = Settings(database_url="sqlite://", run_worker=False)
OPEN_TO_ALL = {
    "verify-document",
    "sign-in-by-password",
    "begin-sign-in-by-passkey",
    "sign-in-by-passkey",
    "look-at-link",
    "begin-totp-by-link",
    "set-password-by-link",
    "begin-passkey-by-link",
    "add-passkey-by-link",
    "begin-sign-in",
    "begin-first-sign-in",
    "finish-sign-in",
    "sign-out-at-provider",
    "provider-signs-out",
    "get-access-token",
}


def test_a_commit_that_fails_is_no_success_and_stores_nothing(service: Service) -> None:
    author, outcome_id = service.caller(), str(uuid4())
    with _every_commit_fails(RuntimeError("no space left on /secret/path")):
        answer = author.post("/outcomes", {"id": outcome_id, "site": "beacon-down"})
    assert (answer.status_code, answer.json()["type"]) == (500, "urn:sameday:problem:internal")
    assert "secret" not in answer.text
    assert author.get(f"/outcomes/{outcome_id}").status_code == 404
    assert author.post("/outcomes", {"id": outcome_id, "site": "beacon-down"}).status_code == 201


def test_a_database_that_is_away_is_said_to_be_away(embedded_service: Service) -> None:
    author = embedded_service.caller()
    author.get("/me")
    with _every_commit_fails(OperationalError("COMMIT", {}, Exception("connection lost"))):
        answer = author.get("/me")
    assert (answer.status_code, answer.headers["retry-after"]) == (503, "5")
    assert answer.json()["type"] == "urn:sameday:problem:database-away"


def test_a_route_without_a_policy_stops_the_service_from_starting() -> None:
    app = create_app(SETTINGS)
    router = APIRouter(route_class=StrictRoute)
    router.add_api_route("/forgotten", _nothing)
    app.include_router(router)
    with pytest.raises(PolicyMissingError, match="/forgotten"):
        check_policies(app)


def test_a_route_with_two_policies_stops_the_service_from_starting() -> None:
    app = create_app(SETTINGS)
    app.add_api_route("/undecided", _nothing, dependencies=[PUBLIC, SIGNED_IN])
    with pytest.raises(PolicyMissingError, match="/undecided"):
        check_policies(app)


def test_a_failure_leaves_as_a_bare_problem() -> None:
    def fail() -> None:
        raise ZeroDivisionError("Leo Marwood")

    app = create_app(SETTINGS)
    app.add_api_route("/fails", fail, dependencies=[PUBLIC])

    async def ask() -> httpx.Response:
        async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://127.0.0.1") as client:
            return await client.get("/fails")

    answer = asyncio.run(ask())
    assert (answer.status_code, answer.headers["content-type"]) == (500, "application/problem+json")
    assert "Marwood" not in answer.text
    assert answer.headers["x-content-type-options"] == "nosniff"


@pytest.mark.parametrize("person", ["asha.kerrin", "priya.dunmore", "evan.sayle", None])
def test_routes_of_administrators_are_not_there_for_others(embedded_service: Service, person: str | None) -> None:
    caller = embedded_service.caller(person)
    for path in ("/organisations", "/accounts", "/teams/beacon-duty", "/audit?object_id=1"):
        answer, unknown = caller.get(path), caller.get("/nothing-here")
        if person is None:
            assert (answer.status_code, answer.headers["www-authenticate"]) == (401, "Bearer")
        else:
            assert (answer.status_code, answer.content) == (404, unknown.content)


@pytest.mark.parametrize(
    "header",
    ["", "Bearer", "Bearer sd_short", f"Bearer sd_{'A' * 43}", f"Basic sd_{'A' * 43}", f"Bearer sd_{'é' * 43}", "sd_"],
)
def test_a_bad_token_is_refused_without_saying_why(embedded_service: Service, header: str) -> None:
    answer = embedded_service.client.get("/api/v1/me", headers={"Authorization": header.encode()})
    assert (answer.status_code, answer.json()["detail"]) == (
        401,
        "Sign in, or send a valid token: 'Authorization: Bearer …'.",
    )


def test_every_answer_carries_the_security_headers(embedded_service: Service) -> None:
    caller = embedded_service.caller()
    for path in ("/healthz", "/me", "/nothing-here", "/openapi.json"):
        headers = caller.get(path).headers
        assert headers["cache-control"] == "no-store"
        assert headers["referrer-policy"] == "no-referrer"
        assert headers["content-security-policy"].startswith("default-src 'none'")


def test_the_service_is_ready_when_the_database_is(service: Service) -> None:
    caller = service.caller(None)
    assert (caller.get("/healthz").json(), caller.get("/readyz").json()) == ({"status": "alive"}, {"status": "ready"})


def test_the_service_is_not_ready_while_its_key_file_is_gone(embedded_service: Service) -> None:
    embedded_service.caller().begin()
    [key] = embedded_service.settings.state_dir.glob("*encryption*")
    away = key.rename(key.with_suffix(".away"))
    try:
        answer = embedded_service.caller(None).get("/readyz")
        assert (answer.status_code, answer.json()["type"]) == (503, "urn:sameday:problem:key-away")
    finally:
        away.rename(key)
    assert embedded_service.caller(None).get("/readyz").status_code == 200


def test_the_service_is_not_ready_without_its_tables(service: Service) -> None:
    with service.as_owner() as connection:
        kept = connection.exec_driver_sql("SELECT version_num FROM alembic_version").scalar_one()
        connection.exec_driver_sql("UPDATE alembic_version SET version_num = '0001'")
    answer = service.caller(None).get("/readyz")
    with service.as_owner() as connection:
        connection.exec_driver_sql(f"UPDATE alembic_version SET version_num = '{kept}'")
    assert (answer.status_code, answer.json()["type"]) == (503, "urn:sameday:problem:not-ready")


def test_figures_name_route_templates_and_never_a_reference(service: Service) -> None:
    author = service.caller()
    reference = author.signed()
    author.get(f"/outcomes/{reference}/versions/1")
    author.call("GET", f"/{reference}/nothing")
    figures = service.caller(None).get("/metrics").text
    wanted = (
        'sameday_http_requests_total{method="GET",route="/api/v1/outcomes/{outcome}/versions/{number}",status="200"}'
    )
    assert wanted in figures
    assert 'route="unmatched",status="404"' in figures
    assert "sameday_documents 0.0" in figures
    assert reference not in figures


def test_the_description_names_every_call_and_what_it_needs() -> None:
    described = describe(create_app(SETTINGS))
    operations = [one for path in described["paths"].values() for one in path.values()]
    assert described["openapi"] == "3.1.0"
    names = [one["operationId"] for one in operations]
    assert len(names) == len(set(names)) > 35
    for one in operations:
        assert one["description"], one["operationId"]
        assert "default" in one["responses"]
        assert (one["security"] == []) == (one["tags"] == ["operation"] or one["operationId"] in OPEN_TO_ALL)


def test_every_write_to_what_is_there_needs_if_match() -> None:
    # Nothing is replaced by these: the report's day is said once, and access is only ever taken away.
    exempt = {"record-formal-report", "close-account", "leave-team", "end-role", "revoke-token", "revoke-grant"}
    exempt |= {"unlink-identity", "end-client", "sign-out", "sign-out-everywhere", "remove-my-passkey", "end-grant"}
    for path in describe(create_app(SETTINGS))["paths"].values():
        for method, one in path.items():
            if method in ("put", "patch", "delete") and one["operationId"] not in exempt:
                assert "if-match" in [parameter["name"] for parameter in one["parameters"]], one["operationId"]


def test_no_table_is_ever_a_body_of_the_api() -> None:
    schemas = set(describe(create_app(SETTINGS))["components"]["schemas"])
    tables = {table.__name__ for table in _subclasses(SQLModel)}
    answered = {model.__name__ for model in _subclasses(Told)}
    assert "Delivery" in tables
    assert not schemas & (tables - answered)


def test_a_body_without_end_is_refused_before_a_mebibyte_is_read() -> None:
    taken = 0

    async def endless() -> dict[str, Any]:
        nonlocal taken
        taken += 65536
        return {"type": "http.request", "body": b"x" * 65536, "more_body": True}

    status = _through(BodyLimit(_never, default=256 * 1024, limits={}), endless)
    assert status == 413
    assert taken < 1024 * 1024


def test_a_body_that_declares_too_much_is_refused_without_waiting_for_it() -> None:
    status = _through(BodyLimit(_never, default=1024, limits={}), _silent, [(b"content-length", b"104857600")])
    assert status == 413


def test_a_body_that_does_not_arrive_is_given_up() -> None:
    assert _through(BodyLimit(_never, default=1024, limits={}, seconds=0.01), _silent) == 408


def test_a_hundred_mebibytes_are_cut_off_on_the_wire(embedded_service: Service) -> None:
    with socket.create_connection(_address(embedded_service)) as connection:
        connection.sendall(
            b"POST /api/v1/outcomes HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: application/json\r\n"
            b"Transfer-Encoding: chunked\r\n\r\n"
        )
        with pytest.raises(ConnectionError):
            connection.sendall((b"10000\r\n" + b" " * 65536 + b"\r\n") * 1600)
    assert embedded_service.caller(None).get("/healthz").status_code == 200


def test_callers_who_hang_up_leave_nothing_behind(service: Service) -> None:
    # More than there are connections to the database (lessons.md, 54).
    author = service.caller_with_token()
    author.get("/me")
    token = f"Host: 127.0.0.1\r\nAuthorization: Bearer {author.token}\r\n"
    half = f"POST /api/v1/outcomes HTTP/1.1\r\n{token}Content-Length: 9\r\n\r\n{{"
    whole = f"GET /api/v1/me HTTP/1.1\r\n{token}\r\n"
    for words in [half, whole] * 40:
        with socket.create_connection(_address(service)) as connection:
            connection.sendall(words.encode())
    assert author.get("/me").status_code == 200


def test_many_refusals_at_once_do_not_stop_those_who_may(service: Service) -> None:
    reference, author, stranger = service.caller().begin(), service.caller(), service.caller("colin.ashe")
    with ThreadPoolExecutor(60) as pool:
        refused = [pool.submit(stranger.get, f"/outcomes/{reference}") for _ in range(120)]
        allowed = [pool.submit(author.get, f"/outcomes/{reference}") for _ in range(60)]
        assert {one.result().status_code for one in refused} == {404}
        assert {one.result().status_code for one in allowed} == {200}


def test_a_verified_pdf_may_be_larger_than_other_bodies(embedded_service: Service) -> None:
    caller = embedded_service.caller(None)
    answer = caller.call(
        "POST", "/verification", content=b"%PDF" + b"x" * 1024 * 1024, headers={"Content-Type": "application/pdf"}
    )
    assert answer.json() == {"standing": "not-genuine"}


@contextmanager
def _every_commit_fails(error: Exception) -> Iterator[None]:
    def fail(_session: AnySession) -> None:
        raise error

    event.listen(AnySession, "before_commit", fail)
    try:
        yield
    finally:
        event.remove(AnySession, "before_commit", fail)


def _through(
    layer: BodyLimit, receive: Callable[[], Awaitable[dict[str, Any]]], headers: list[tuple[bytes, bytes]] | None = None
) -> int:
    """The status that the layer answers by itself."""
    sent: list[Any] = []

    async def send(message: Any) -> None:
        sent.append(message)

    scope = {"type": "http", "method": "POST", "path": "/", "headers": headers or []}
    asyncio.run(layer(scope, receive, send))
    return int(sent[0]["status"])


def _nothing() -> None:
    """A route that does nothing."""


async def _silent() -> dict[str, Any]:
    await asyncio.sleep(3600)
    raise AssertionError("nobody waits that long")


async def _never(scope: object, receive: object, send: object) -> None:
    raise AssertionError("the call must not get through")


def _address(service: Service) -> tuple[str, int]:
    found = re.fullmatch(r"http://(.+):(\d+)", service.url)
    assert found
    return found[1], int(found[2])


def _subclasses(of: type) -> set[type]:
    direct = set(of.__subclasses__())
    return direct.union(*(_subclasses(one) for one in direct)) if direct else direct
