"""Under which names the service answers, and that no name that a caller gives is ever repeated (security.md, 5.2)."""

import asyncio
import re
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
from raw import exchange, get, status_of
from serving import Service, listening

from app.api.hosts import OwnHosts
from app.main import create_app
from app.settings import Settings
from app.version import ROOT

EVIL = "evil.example"
FORGED = {
    "X-Forwarded-Host": EVIL,
    "X-Forwarded-Proto": "https",
    "X-Forwarded-Server": EVIL,
    "X-Original-URL": f"https://{EVIL}/",
    "X-Rewrite-URL": f"/{EVIL}",
    "Forwarded": f"for=192.0.2.7;host={EVIL};proto=https",
    "Origin": f"https://{EVIL}",
    "Referer": f"https://{EVIL}/page",
}


@pytest.fixture(scope="module")
def public_name(migrated_file: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The address of a service that people reach as sameday.example, and a proxy as inner."""
    names = {"base_url": "https://sameday.example", "trusted_hosts": ("inner", "[2001:db8::7]")}
    with listening(f"sqlite:///{migrated_file}", tmp_path_factory.mktemp("named"), **names) as (_, url):
        yield url


@pytest.mark.parametrize(
    "host",
    [
        "sameday.example",
        "SAMEDAY.example",
        "sameday.example.",
        "sameday.example:443",
        "inner",
        "inner:8000",
        "[2001:db8::7]:8000",
    ],
)
def test_the_service_answers_under_its_own_names(public_name: str, host: str) -> None:
    assert status_of(exchange(public_name, get("/verify", host=host))) == 200


@pytest.mark.parametrize(
    "host",
    [
        EVIL,
        "127.0.0.1",
        "localhost:8000",
        "[::1]",
        "",
        "sameday.example.evil.example",
        "evil.example/sameday.example",
        "sameday.example@evil.example",
        "sameday.example:8000:9000",
        "sameday.example:port",
        "sameday.example, evil.example",
        "sаmeday.example".encode().decode("latin-1"),
    ],
)
def test_no_other_name_is_answered(public_name: str, host: str) -> None:
    answer = exchange(public_name, get("/verify", host=host))
    assert status_of(answer) == 421
    assert b"urn:sameday:problem:wrong-host" in answer
    assert EVIL.encode() not in answer


def test_a_call_for_another_host_is_refused_before_its_address_is_looked_at(public_name: str) -> None:
    answers = [exchange(public_name, get(path, host=EVIL)) for path in ("/api/v1/me", "/nothing", "/verify")]
    assert {status_of(answer) for answer in answers} == {421}


@pytest.mark.parametrize("path", ["/healthz", "/readyz", "/metrics"])
def test_probes_may_ask_by_address(public_name: str, path: str) -> None:
    assert status_of(exchange(public_name, get(path, host="10.0.0.7:8000"))) == 200


@pytest.mark.parametrize("target", [f"http://{EVIL}/verify", f"//{EVIL}/verify", f"/verify?next=https://{EVIL}"])
def test_a_host_in_the_target_is_not_believed(public_name: str, target: str) -> None:
    answer = exchange(public_name, get(target, host="sameday.example"))
    assert status_of(answer) in (200, 404)
    assert EVIL.encode() not in answer


def test_loopback_names_are_ours_only_while_we_live_there() -> None:
    assert {_status("http://127.0.0.1:8000", host) for host in ("127.0.0.1:41", "localhost", "[::1]:8000")} == {200}
    assert {_status("http://[::1]:8000", host) for host in ("127.0.0.1:41", "localhost", "[::1]:8000")} == {200}
    assert _status("https://sameday.example", "127.0.0.1:8000") == 421


def test_nothing_that_a_caller_says_of_names_is_in_any_answer(embedded_service: Service) -> None:
    caller = embedded_service.caller()
    paths = ["/me", "/nothing", "/inbox", "/outcomes", "/openapi.json", "/directory/recipients"]
    for path in paths:
        answer = caller.get(path, headers=FORGED)
        assert answer.status_code in (200, 404, 422), path
        assert EVIL not in answer.text + str(answer.headers), path
    for path in ("/verify/", "/verify", "/outcomes/7Q4K-2P", "/api/v1/me/", "//evil.example/..", f"/outcomes/{EVIL}"):
        page = embedded_service.client.get(embedded_service.url + path, headers=FORGED)
        assert not page.is_redirect, path
        assert EVIL not in page.text + str(page.headers), path


def _status(base_url: str, host: str) -> int:
    """What a service with this base address answers to this host; the app alone, without a database."""
    app = create_app(Settings(database_url="sqlite://", run_worker=False, base_url=base_url))

    async def ask() -> httpx.Response:
        async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://any") as client:
            return await client.get("/verify", headers={"Host": host})

    return asyncio.run(ask()).status_code


def test_a_call_with_two_hosts_or_none_belongs_to_nobody() -> None:
    sent: list[dict[str, object]] = []

    async def send(message: dict[str, object]) -> None:
        sent.append(message)

    async def never(*_: object) -> None:
        raise AssertionError("the call must not get through")

    layer = OwnHosts(never, base_url="https://sameday.example")  # type: ignore[arg-type]
    ours = (b"host", b"sameday.example")
    for headers in ([], [ours, ours], [ours, (b"host", EVIL.encode())]):
        scope = {"type": "http", "method": "GET", "path": "/verify", "headers": headers}
        asyncio.run(layer(scope, never, send))  # type: ignore[arg-type]
        assert sent[-2]["status"] == 421


def test_no_address_is_made_of_what_a_call_says() -> None:
    """So no mail can hold one either: whatever the app knows of its own address comes from the settings."""
    suspicious = re.compile(r"request\.(?:url|base_url)\b|url_for|url_path_for|x-forwarded|[\"']forwarded[\"']", re.I)
    found = [
        f"{file.relative_to(ROOT)}: {line.strip()}"
        for file in (ROOT / "app").rglob("*.py")
        for line in file.read_text("utf-8").splitlines()
        if suspicious.search(line) and "description=" not in line
    ]
    assert found == []
