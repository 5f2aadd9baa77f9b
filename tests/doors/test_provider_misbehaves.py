"""A provider that is down, slow, changed or hostile: nobody is signed in, nothing fails, and people are told."""

import gzip
import json
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from http.server import BaseHTTPRequestHandler
from typing import Any

import factories
import httpx
import pytest
from joserfc import jwt
from joserfc.jwk import RSAKey
from providers import CLIENT_ID, THEIR_KEY, Browser, ObedientProvider, obedient_provider, providers_file
from serving import Service, service_on

from app import clock
from app.people import identities, oidc_client

SUBJECT = "person-1"


@pytest.fixture(scope="module")
def provider() -> Iterator[ObedientProvider]:
    with obedient_provider() as provider:
        yield provider


@pytest.fixture(scope="module")
def service(
    request: pytest.FixtureRequest, provider: ObedientProvider, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Service]:
    profile = {"name": "test", "title": "Test", "issuer": provider.issuer, "client_id": CLIENT_ID, "scope": "openid"}
    settings = providers_file(tmp_path_factory.mktemp("settings"), profile) | {"oidc_seconds": 1.0}
    for service in service_on("sqlite", request, tmp_path_factory, **settings):
        with service.transaction() as session:
            asha = factories.cast_in(session, clock.now())["asha.kerrin"].account_id
            identities.link_identity(
                session, None, account_id=asha, issuer=provider.issuer, subject=SUBJECT, now=clock.now()
            )
        yield service


@pytest.fixture
def later(monkeypatch: pytest.MonkeyPatch) -> Callable[[timedelta], None]:
    """Moves the service's clock on, so that what it knows of the provider grows old."""
    real, moved = clock.now, timedelta()

    def move(by: timedelta) -> None:
        nonlocal moved
        moved += by
        monkeypatch.setattr(clock, "now", lambda: real() + moved)

    return move


@pytest.fixture
def browser(service: Service, provider: ObedientProvider, later: Callable[[timedelta], None]) -> Iterator[Browser]:
    """Everything that the service knew of the provider is forgotten."""
    provider.reset()
    with httpx.Client(base_url=service.url, timeout=60) as client:
        yield Browser(client)


HOURS = iter(range(2, 10_000, 2))
"""Each test lives two hours after the one before, so that it finds nothing that another's provider said."""


@pytest.fixture(autouse=True)
def _hours_later(later: Callable[[timedelta], None]) -> None:
    later(timedelta(hours=next(HOURS)))


def told(provider: ObedientProvider, asked: dict[str, str], key: RSAKey = THEIR_KEY, **changed: Any) -> None:
    """The provider now has a good id_token for this sign-in, and userinfo."""
    now = int(clock.now().timestamp())
    claims = {
        "iss": provider.issuer,
        "aud": CLIENT_ID,
        "sub": SUBJECT,
        "iat": now,
        "exp": now + 300,
        "auth_time": now,
        "nonce": asked["nonce"],
    } | changed
    token = jwt.encode({"alg": "RS256", "kid": key.kid or ""}, claims, key)
    provider.tokens = {"id_token": token, "access_token": "opaque", "token_type": "Bearer"}
    provider.userinfo = {"sub": SUBJECT}


def finish(browser: Browser, asked: dict[str, str], **more: str) -> httpx.Response:
    return browser.comes_back("test", **({"state": asked["state"], "code": "code"} | more))


def test_what_is_asked_is_asked_with_proof_of_who_we_are(browser: Browser, provider: ObedientProvider) -> None:
    asked = browser.begins("test")
    told(provider, asked)
    assert finish(browser, asked).status_code == 200
    form = dict(provider.asked)["/token"]
    assert form["grant_type"] == "authorization_code"
    assert form["client_assertion_type"].endswith("jwt-bearer")
    assert "client_secret" not in form
    assert 43 <= len(form["code_verifier"]) <= 128


def _hangs(handler: BaseHTTPRequestHandler) -> None:
    time.sleep(1.5)


def _dribbles(handler: BaseHTTPRequestHandler) -> None:
    handler.send_response(200)
    handler.end_headers()
    for _ in range(15):
        try:
            handler.wfile.write(b" ")
            handler.wfile.flush()
        except OSError:
            return
        time.sleep(0.1)


def _dribbles_headers(handler: BaseHTTPRequestHandler) -> None:
    for letter in b"HTTP/1.1 200 OK\r\nX-Slow: " + b"x" * 20:
        try:
            handler.wfile.write(bytes([letter]))
            handler.wfile.flush()
        except OSError:
            return
        time.sleep(0.05)


def _is_huge(handler: BaseHTTPRequestHandler) -> None:
    handler.send_response(200)
    handler.end_headers()
    try:
        for _ in range(1000):
            handler.wfile.write(b" " * 65536)
    except OSError:
        return


def _unpacks_to_much(handler: BaseHTTPRequestHandler) -> None:
    packed = gzip.compress(json.dumps({"x": "x" * 10_000_000}).encode())
    _says(handler, packed, {"Content-Encoding": "gzip"})


def _leads_elsewhere(handler: BaseHTTPRequestHandler) -> None:
    _says(handler, b"{}", {"Location": "http://127.0.0.1:1/"}, 302)


def _fails(handler: BaseHTTPRequestHandler) -> None:
    _says(handler, b"{}", {}, 500)


def _is_a_page(handler: BaseHTTPRequestHandler) -> None:
    _says(handler, b"<html>Maintenance</html>", {})


def _is_a_list(handler: BaseHTTPRequestHandler) -> None:
    _says(handler, b"[]", {})


def _says_it_twice(handler: BaseHTTPRequestHandler) -> None:
    _says(handler, b'{"issuer": "a", "issuer": "b", "sub": "a", "sub": "b", "keys": [], "keys": []}', {})


def _hangs_up(handler: BaseHTTPRequestHandler) -> None:
    handler.connection.close()


def _says(handler: BaseHTTPRequestHandler, raw: bytes, headers: dict[str, str], status: int = 200) -> None:
    handler.send_response(status)
    for name, value in headers.items():
        handler.send_header(name, value)
    handler.send_header("Content-Length", str(len(raw)))
    handler.end_headers()
    handler.wfile.write(raw)


SLOW = [_hangs, _dribbles, _dribbles_headers]
BAD = [
    _is_huge,
    _unpacks_to_much,
    _leads_elsewhere,
    _fails,
    _is_a_page,
    _is_a_list,
    _says_it_twice,
    _hangs_up,
]


@pytest.mark.parametrize(
    ("path", "bad"),
    [(path, bad) for path in ("/.well-known/openid-configuration", "/jwks", "/token", "/userinfo") for bad in BAD]
    + [(path, bad) for path in ("/.well-known/openid-configuration", "/token") for bad in SLOW],
    ids=lambda value: getattr(value, "__name__", value),
)
@pytest.mark.filterwarnings("ignore::pytest.PytestUnhandledThreadExceptionWarning")
def test_whatever_comes_back_instead_of_an_answer_is_a_page_that_says_so(
    browser: Browser, provider: ObedientProvider, path: str, bad: Callable[[BaseHTTPRequestHandler], None]
) -> None:
    if path.startswith("/.well-known"):
        provider.answers[path] = bad
        answer = browser.get("/sign-in/test")
    else:
        asked = browser.begins("test")
        told(provider, asked)
        provider.answers[path] = bad
        answer = finish(browser, asked)
    assert answer.status_code == 503
    assert "does not answer" in answer.text
    assert answer.headers["retry-after"]
    assert not browser.cookies


def test_a_provider_that_is_down_is_said_to_be_away(
    browser: Browser, provider: ObedientProvider, service: Service
) -> None:
    provider.metadata["jwks_uri"] = provider.metadata["token_endpoint"] = "http://127.0.0.1:1/"
    asked = browser.begins("test")
    answer = finish(browser, asked)
    assert (answer.status_code, "does not answer" in answer.text) == (503, True)
    assert service.caller().get("/me").status_code == 200


@pytest.mark.parametrize(
    "changed",
    [
        {"issuer": "https://attacker.example"},
        {"issuer": None},
        {"token_endpoint": "http://attacker.example/token"},
        {"token_endpoint": "file:///etc/passwd"},
        {"token_endpoint": 7},
        {"jwks_uri": None},
        {"authorization_endpoint": "javascript:alert(1)"},
        {"authorization_endpoint": "https://user@attacker.example/"},
        {"userinfo_endpoint": "ftp://attacker.example/"},
    ],
    ids=str,
)
def test_a_description_that_cannot_be_trusted_is_not_used(
    browser: Browser, provider: ObedientProvider, changed: dict[str, Any]
) -> None:
    provider.metadata |= changed
    assert browser.get("/sign-in/test").status_code == 503


@pytest.mark.parametrize(
    ("userinfo", "words"),
    [({"sub": "somebody-else"}, "cannot be believed"), ({}, "cannot be believed"), ({"sub": ["person-1"]}, "believed")],
)
def test_userinfo_about_somebody_else_is_refused(
    browser: Browser, provider: ObedientProvider, userinfo: dict[str, Any], words: str
) -> None:
    asked = browser.begins("test")
    told(provider, asked)
    provider.userinfo = userinfo
    answer = finish(browser, asked)
    assert (answer.status_code, words in answer.text) == (403, True)


@pytest.mark.parametrize(
    "tokens",
    [
        {},
        {"id_token": 7, "access_token": "x"},
        {"id_token": "x", "access_token": None},
        {"id_token": "a.b.c", "access_token": "x\r\nX-Evil: 1"},
        {"id_token": "a.b.c", "access_token": "x y"},
    ],
    ids=str,
)
def test_tokens_that_are_none_are_refused(browser: Browser, provider: ObedientProvider, tokens: dict[str, Any]) -> None:
    asked = browser.begins("test")
    provider.tokens = tokens
    assert finish(browser, asked).status_code == 403


def test_another_provider_s_answer_is_refused_where_providers_name_themselves(
    browser: Browser, provider: ObedientProvider
) -> None:
    asked = browser.begins("test")
    told(provider, asked)
    assert finish(browser, asked, iss="https://attacker.example").status_code == 403
    asked = browser.begins("test")
    told(provider, asked)
    assert finish(browser, asked, iss=provider.issuer).status_code == 200


def test_a_provider_that_names_itself_must_do_so_each_time(browser: Browser, provider: ObedientProvider) -> None:
    provider.metadata["authorization_response_iss_parameter_supported"] = True
    asked = browser.begins("test")
    told(provider, asked)
    assert finish(browser, asked).status_code == 403


def test_a_new_key_is_fetched_when_a_token_names_it_but_not_for_every_token(
    browser: Browser, provider: ObedientProvider, later: Callable[[timedelta], None]
) -> None:
    asked = browser.begins("test")
    told(provider, asked)
    assert finish(browser, asked).status_code == 200
    new = RSAKey.generate_key(2048, parameters={"kid": "new"}, private=True)
    provider.keys.append(new.as_dict(private=False))
    fetched = _fetches(provider)
    asked = browser.begins("test")
    told(provider, asked, new)
    assert finish(browser, asked).status_code == 403
    assert _fetches(provider) == fetched  # less than a minute since the last time
    later(oidc_client.ASK_AGAIN_AFTER)
    asked = browser.begins("test")
    told(provider, asked, new)
    assert finish(browser, asked).status_code == 200
    for number in range(5):
        asked = browser.begins("test")
        told(provider, asked, RSAKey.generate_key(2048, parameters={"kid": f"x{number}"}, private=True))
        assert finish(browser, asked).status_code == 403
    assert _fetches(provider) == fetched + 1


def test_a_key_that_was_taken_back_is_believed_for_an_hour_at_most(
    browser: Browser, provider: ObedientProvider, later: Callable[[timedelta], None]
) -> None:
    asked = browser.begins("test")
    told(provider, asked)
    assert finish(browser, asked).status_code == 200
    provider.keys = [RSAKey.generate_key(2048, parameters={"kid": "new"}, private=True).as_dict(private=False)]
    later(oidc_client.KEEP)
    asked = browser.begins("test")
    told(provider, asked)
    assert finish(browser, asked).status_code == 403


@pytest.mark.parametrize(
    "keys",
    [
        [],
        [{"kty": "oct", "k": "c2VjcmV0", "kid": "theirs"}],
        [{"kty": "RSA", "n": "AQAB", "e": "AQAB", "kid": "theirs"}],
        [{"kty": "RSA", "n": "!" * 400, "e": "AQAB", "kid": "theirs"}],
        [{"kty": "EC", "crv": "P-256", "x": "AA", "y": "AA", "kid": "theirs"}],
        [{"kty": ["RSA"], "kid": "theirs"}],
        ["theirs"],
        [THEIR_KEY.as_dict(private=False) | {"use": "enc"}],
    ],
    ids=range(8),
)
def test_keys_that_are_none_are_not_used(browser: Browser, provider: ObedientProvider, keys: list[Any]) -> None:
    provider.keys = keys
    asked = browser.begins("test")
    told(provider, asked)
    assert finish(browser, asked).status_code == 503


def test_a_sign_in_that_takes_too_long_must_begin_again(
    browser: Browser, provider: ObedientProvider, later: Callable[[timedelta], None]
) -> None:
    asked = browser.begins("test")
    later(timedelta(minutes=10))
    told(provider, asked)
    assert finish(browser, asked).status_code == 400


@pytest.mark.parametrize(
    "query",
    [
        {},
        {"state": "x"},
        {"state": "x", "code": "y"},
        {"state": "é" * 100, "code": "y"},
        {"error": "access_denied", "error_description": "<script>"},
    ],
    ids=str,
)
def test_coming_back_without_having_begun_is_a_page(browser: Browser, query: dict[str, str]) -> None:
    answer = browser.comes_back("test", **query)
    assert (answer.status_code, answer.headers["content-type"]) == (400, "text/html; charset=utf-8")
    assert "<script>" not in answer.text


@pytest.mark.parametrize(
    "return_to", ["//attacker.example", "https://attacker.example", "/\\attacker", "/outcomes/x", ""]
)
def test_nobody_is_led_elsewhere(browser: Browser, return_to: str) -> None:
    answer = browser.get("/sign-in/test", params={"return_to": return_to})
    assert answer.status_code == 400
    assert "location" not in answer.headers


def test_an_unknown_provider_is_not_there(browser: Browser) -> None:
    assert browser.get("/sign-in/nobody").status_code == 404
    assert browser.comes_back("nobody", state="x").status_code == 404
    logout = browser.client.post("/sign-in/nobody/backchannel-logout", data={"logout_token": "x"})
    assert logout.status_code == 404
    assert browser.get("/sign-in/test/sign-out").status_code == 404  # this one has no such page


@pytest.mark.parametrize("body", [b"", b"logout_token=a&logout_token=b", b"other=x", b"\xff\xfe", b"a=b&" * 50])
def test_a_logout_that_is_no_form_is_refused(browser: Browser, body: bytes) -> None:
    headers = {"Content-Type": "application/x-www-form-urlencoded"}
    answer = browser.client.post("/sign-in/test/backchannel-logout", content=body, headers=headers)
    assert answer.json()["type"] == "urn:sameday:problem:logout-refused"
    assert answer.status_code == 400
    wrong = browser.client.post("/sign-in/test/backchannel-logout", json={"logout_token": "x"})
    assert wrong.status_code == 415


def test_a_slow_provider_keeps_nobody_else_waiting(
    browser: Browser, provider: ObedientProvider, service: Service
) -> None:
    # Nothing is held while it is asked: the one connection of SQLite is free.
    seen: list[int] = []

    def ask_ours(handler: BaseHTTPRequestHandler) -> None:
        seen.append(service.caller().get("/me").status_code)
        _says(handler, b'{"error": "invalid_grant"}', {}, 400)

    asked = browser.begins("test")
    service.caller()
    provider.answers["/token"] = ask_ours
    assert finish(browser, asked).status_code == 403
    assert seen == [200]


def test_those_who_wait_for_a_provider_do_not_wait_for_it_one_by_one(
    browser: Browser, provider: ObedientProvider
) -> None:
    provider.answers["/.well-known/openid-configuration"] = _hangs
    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(lambda _: browser.client.get("/sign-in/test").status_code, range(8)))
    assert set(answers) == {503}
    assert len(provider.asked) == 1


def test_a_slow_provider_is_asked_by_few_at_once(
    browser: Browser, provider: ObedientProvider, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(oidc_client, "ASKED_AT_ONCE", 2)
    browsers = [Browser(browser.client) for _ in range(8)]
    begun = [(one, one.begins("test")) for one in browsers]
    provider.answers["/token"] = _hangs
    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(lambda pair: finish(*pair).status_code, begun))
    assert set(answers) == {503}
    assert sum(path == "/token" for path, _ in provider.asked) == 2
    provider.answers.clear()
    asked = browser.begins("test")
    told(provider, asked)
    assert finish(browser, asked).status_code == 200


def _fetches(provider: ObedientProvider) -> int:
    return sum(path == "/jwks" for path, _ in provider.asked)
