"""Clients who keep us waiting: they are given up, and they do not stop anybody else (security.md, G20, G21)."""

import asyncio
import json
import re
import socket
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest
from raw import address_of, all_from, connect, exchange, get, status_of
from serving import listening

from app.api.limits import LARGE_BODIES_AT_ONCE, BodyLimit, CallsAtWork

DRIBBLED_BODY = b"POST /api/v1/outcomes HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: 9000\r\n\r\n{"
HALF_A_HEAD = b"GET /healthz HTTP/1.1\r\nHost: 127.0.0.1\r\nX-Slow: "


@contextmanager
def server(migrated_file: Path, folder: Path, **settings: object) -> Iterator[str]:
    """The address of a server; nothing in these tests needs anybody in its database."""
    with listening(f"sqlite:///{migrated_file}", folder, **settings) as (_, url):
        yield url


@pytest.fixture(scope="module")
def hasty(migrated_file: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A server that waits for heads and readers for a fifth of a second, so that tests need not wait for longer."""
    with server(migrated_file, tmp_path_factory.mktemp("hasty"), header_seconds=0.2, reader_seconds=0.2) as url:
        yield url


@pytest.fixture(scope="module")
def narrow(migrated_file: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A server that waits for long, but has room for 20 connections of one network and 30 in all."""
    folder, room = tmp_path_factory.mktemp("narrow"), {"connections": 30, "connections_per_network": 20}
    with server(migrated_file, folder, header_seconds=60, **room) as url:
        yield url


def test_a_head_that_is_never_finished_is_given_up(hasty: str) -> None:
    answer = exchange(hasty, HALF_A_HEAD)
    assert status_of(answer) == 408
    assert json.loads(answer.partition(b"\r\n\r\n")[2])["type"] == "urn:sameday:problem:head-too-slow"


def test_a_head_that_dribbles_gains_no_time(hasty: str) -> None:
    said = b""
    with connect(hasty, HALF_A_HEAD) as connection:
        connection.settimeout(0.02)
        for _ in range(500):  # ten seconds at the most: fifty times as long as is allowed
            try:
                connection.sendall(b"x")
                said += connection.recv(65536)
            except TimeoutError:
                continue
            except ConnectionError:
                break
            if said:
                break
        else:
            pytest.fail("the server still listens")
    assert status_of(said) in (0, 408)


def test_a_silent_connection_is_closed(hasty: str) -> None:
    assert exchange(hasty, b"") == b""


def test_the_second_head_on_a_connection_has_a_deadline_too(hasty: str) -> None:
    first = get("/healthz").replace(b"Connection: close\r\n", b"")
    said = exchange(hasty, first + HALF_A_HEAD)
    assert (status_of(said), said.count(b"HTTP/1.1 ")) == (200, 2)
    assert b"HTTP/1.1 408 " in said


def test_a_call_that_comes_in_pieces_in_time_is_answered(hasty: str) -> None:
    with connect(hasty) as connection:
        for piece in (b"GET /heal", b"thz HTTP/1.1\r\nHo", b"st: 127.0.0.1\r\nConnection: close\r\n\r", b"\n"):
            connection.sendall(piece)
        assert status_of(all_from(connection)) == 200


@pytest.mark.parametrize("words", [b"", HALF_A_HEAD, DRIBBLED_BODY], ids=["silent", "head", "body"])
def test_sixty_slow_connections_do_not_stop_a_call_from_the_same_network(narrow: str, words: bytes) -> None:
    with ExitStack() as stack:
        for _ in range(60):
            stack.enter_context(connect(narrow, words))
        assert {status_of(exchange(narrow, get("/healthz"))) for _ in range(5)} == {200}


def test_slow_connections_of_many_networks_do_not_stop_a_call_from_another(narrow: str) -> None:
    with ExitStack() as stack:
        for number in range(90):
            stack.enter_context(connect(narrow, HALF_A_HEAD, f"127.0.0.{number % 9 + 2}"))
        assert {status_of(exchange(narrow, get("/healthz"))) for _ in range(5)} == {200}


def test_the_connections_of_a_network_that_is_full_make_room_for_its_own_only(narrow: str) -> None:
    with connect(narrow, HALF_A_HEAD, "127.0.0.9") as other, ExitStack() as stack:
        for _ in range(60):
            stack.enter_context(connect(narrow, HALF_A_HEAD))
        other.sendall(b"x\r\nConnection: close\r\n\r\n")
        assert status_of(all_from(other)) == 200


def test_the_connection_that_has_waited_longest_goes_first(narrow: str) -> None:
    with connect(narrow, HALF_A_HEAD) as oldest, ExitStack() as stack:
        later = [stack.enter_context(connect(narrow, HALF_A_HEAD)) for _ in range(20)]
        assert all_from(oldest) == b""
        later[-1].sendall(b"x\r\nConnection: close\r\n\r\n")
        assert status_of(all_from(later[-1])) == 200


def test_a_connection_that_was_answered_before_goes_last(narrow: str) -> None:
    kept = get("/healthz").replace(b"Connection: close\r\n", b"")
    with connect(narrow, kept) as answered, ExitStack() as stack:
        said = b""
        while not said.endswith(b"}"):
            said += answered.recv(65536)
        assert status_of(said) == 200
        for _ in range(60):
            stack.enter_context(connect(narrow, HALF_A_HEAD))
        answered.sendall(get("/healthz"))
        assert status_of(all_from(answered)) == 200


def test_a_client_that_leaves_half_way_leaves_its_place(narrow: str) -> None:
    for _ in range(60):
        with connect(narrow, DRIBBLED_BODY) as connection:
            connection.shutdown(socket.SHUT_WR)
    assert status_of(exchange(narrow, get("/healthz"))) == 200


def test_a_client_that_never_reads_is_given_up(hasty: str) -> None:
    asks = get("/api/v1/openapi.json").replace(b"Connection: close\r\n", b"") * 100
    with _without_reading(hasty, asks) as connection, pytest.raises(ConnectionError):
        _talk_on(connection)


def test_a_client_that_talks_far_ahead_is_not_listened_to(hasty: str) -> None:
    ahead = get("/healthz", ["X-Large: " + "x" * 8000]).replace(b"Connection: close\r\n", b"") * 20
    assert re.findall(rb"HTTP/1\.1 (\d{3}) ", exchange(hasty, ahead)) == [b"200"]


def test_a_client_that_never_reads_is_no_reason_to_stop(narrow: str) -> None:
    ask = get("/api/v1/openapi.json").replace(b"Connection: close\r\n", b"")
    with ExitStack() as stack:
        for _ in range(40):
            stack.enter_context(_without_reading(narrow, ask))
        assert {status_of(exchange(narrow, get("/healthz"))) for _ in range(5)} == {200}


@pytest.mark.parametrize("size", [20_000, 200_000])
def test_a_head_that_is_too_large_is_refused_however_it_comes(hasty: str, size: int) -> None:
    whole = get("/healthz", [f"X-Large: {'x' * size}"])
    assert status_of(exchange(hasty, whole)) in (431, 0)  # 0: the rest was still on its way, so the answer is lost
    assert httpx.get(f"{hasty}/healthz").status_code == 200


def test_a_head_of_a_usual_size_is_not_too_large(hasty: str) -> None:
    assert status_of(exchange(hasty, get("/healthz", [f"X-Usual: {'x' * 8000}"]))) == 200


@pytest.mark.parametrize(
    "words",
    [
        b"rubbish\r\n\r\n",
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + b"\x00" * 40 + b"\r\n\r\n",
        b"GET / HTTP/1.1\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: 127.0.0.1\r\nHost: 127.0.0.1\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost : 127.0.0.1\r\n\r\n",
        b"GET /\x00 HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n",
        b"GET /\xc3\xa9 HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n",
        b"POST / HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n",
        b"POST / HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: -1\r\n\r\n",
        b"POST / HTTP/1.1\r\nHost: 127.0.0.1\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n",
        b"POST / HTTP/1.1\r\nHost: 127.0.0.1\r\nTransfer-Encoding: gzip\r\n\r\n",
    ],
)
def test_what_is_no_http_is_refused_with_a_problem(hasty: str, words: bytes) -> None:
    answer = exchange(hasty, words)
    head, _, body = answer.partition(b"\r\n\r\n")
    assert status_of(answer) == 400
    assert json.loads(body)["type"] == "urn:sameday:problem:bad-request"
    assert b"content-security-policy: default-src 'none'" in head.lower()


def test_rubbish_after_a_call_is_refused_and_the_call_is_answered(hasty: str) -> None:
    said = exchange(hasty, get("/healthz").replace(b"Connection: close\r\n", b"") + b"rubbish\r\n\r\n" * 3)
    assert re.findall(rb"HTTP/1\.1 (\d{3}) ", said) == [b"200", b"400"]


def test_a_body_that_nobody_waits_for_does_not_keep_the_connection(hasty: str) -> None:
    words = get("/healthz", ["Content-Length: 9000"], host="evil.example", method="POST").replace(b"/healthz", b"/x")
    assert status_of(exchange(hasty, words)) == 421


def test_calls_beyond_those_that_may_be_at_work_are_told_to_come_back() -> None:
    assert _statuses(CallsAtWork, ["127.0.0.1"] * 3 + ["127.0.0.2"] * 3, most=4) == [200, 200, 503, 200, 200, 503]


def test_a_busy_service_still_says_that_it_lives() -> None:
    assert _statuses(CallsAtWork, ["127.0.0.1"] * 4, most=2, path="/healthz") == [200] * 4


def test_large_bodies_of_one_network_leave_places_for_others() -> None:
    limits = {"default": 10, "limits": {"/verify": 100}}
    half = LARGE_BODIES_AT_ONCE // 2
    statuses = _statuses(BodyLimit, ["127.0.0.1"] * (half + 1) + ["127.0.0.2"], path="/verify", **limits)
    assert statuses == [200] * half + [503, 200]


def test_ordinary_bodies_need_no_place() -> None:
    limits = {"default": 10, "limits": {"/verify": 100}}
    assert _statuses(BodyLimit, ["127.0.0.1"] * 40, path="/other", **limits) == [200] * 40


def test_a_place_is_given_back_whatever_happens() -> None:
    async def fail(*_: object) -> None:
        raise ZeroDivisionError

    layer = CallsAtWork(fail, most=2)  # type: ignore[arg-type]
    for _ in range(10):
        with pytest.raises(ZeroDivisionError):
            asyncio.run(layer(_call("/x", "127.0.0.1"), _empty, _empty))  # type: ignore[arg-type]


def _statuses(layer_of: Any, networks: list[str], path: str = "/x", **limits: Any) -> list[int]:
    """What calls of these networks are answered that come one after the other while none of them is over."""

    async def all_of_them() -> list[int]:
        over, statuses = asyncio.Event(), [0] * len(networks)

        async def work(_scope: object, _receive: object, send: Any) -> None:
            await over.wait()
            await send({"type": "http.response.start", "status": 200, "headers": []})

        layer = layer_of(work, **limits)

        async def one(number: int) -> None:
            async def send(message: dict[str, Any]) -> None:
                statuses[number] = message.get("status", statuses[number])

            await layer(_call(path, networks[number]), _empty, send)

        tasks = [asyncio.create_task(one(number)) for number in range(len(networks))]
        await asyncio.sleep(0)
        over.set()
        await asyncio.gather(*tasks)
        return statuses

    return asyncio.run(all_of_them())


def _call(path: str, address: str) -> dict[str, Any]:
    return {"type": "http", "method": "GET", "path": path, "headers": [], "client": (address, 1)}


async def _empty(*_: object) -> dict[str, Any]:
    return {"type": "http.request", "body": b"", "more_body": False}


def _without_reading(url: str, words: bytes) -> socket.socket:
    """A connection that has said `words`, and takes hardly anything before it reads."""
    connection = socket.socket()
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    connection.connect(address_of(url))
    connection.sendall(words)
    return connection


def _talk_on(connection: socket.socket) -> None:
    """Say nothing of meaning for up to half a minute; ends with ConnectionError once nobody listens."""
    for _ in range(1500):
        connection.sendall(b"\r\n")
        time.sleep(0.02)
