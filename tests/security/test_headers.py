"""Every answer of every route carries the security headers, whoever asks, however it goes (security.md, G10, G36)."""

import re
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from html.parser import HTMLParser
from pathlib import Path
from uuid import uuid4

import httpx
import pytest
from raw import exchange, get, status_of
from serving import Caller, Service, listening

METHODS = ("get", "head", "put", "post", "patch", "delete", "options", "trace", "brew")
EXACTLY = {
    "x-content-type-options": "nosniff",
    "x-frame-options": "DENY",
    "referrer-policy": "no-referrer",
    "cross-origin-opener-policy": "same-origin",
    "cross-origin-embedder-policy": "require-corp",
    "cross-origin-resource-policy": "same-origin",
    "strict-transport-security": "max-age=31536000; includeSubDomains",
    "cache-control": "no-store",
}
POLICY_OF_DATA = "default-src 'none'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
PAGES = ("/verify", "/outcomes/7Q4K-2P", "/security-policy")


@pytest.fixture(scope="module")
def with_contact(migrated_file: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The address of a service that says whom to tell of a weakness."""
    settings = {"security_contact": "mailto:security@sameday.example", "trusted_hosts": ("sameday.example",)}
    with listening(f"sqlite:///{migrated_file}", tmp_path_factory.mktemp("contact"), **settings) as (_, url):
        yield url


@pytest.mark.parametrize("person", ["asha.kerrin", "demo.admin", None])
def test_every_answer_of_every_route_carries_all_headers(embedded_service: Service, person: str | None) -> None:
    statuses, caller = set(), embedded_service.caller(person)
    for path in _paths(embedded_service):
        for method in METHODS:
            answer = _ask(embedded_service, caller, method, path)
            assert _faults(answer) == [], f"{method} {path}: {answer.status_code}"
            assert answer.status_code < 500, f"{method} {path}"
            statuses.add(answer.status_code)
    assert {200, 404, 405} <= statuses
    assert (401 in statuses) or person


@pytest.mark.parametrize("path", ["/docs", "/redoc", "/openapi.json", "/docs/oauth2-redirect", "/api/v1/docs"])
def test_there_are_no_documentation_pages(embedded_service: Service, path: str) -> None:
    answer = embedded_service.client.get(path)
    assert (answer.status_code, _faults(answer)) == (404, [])


def test_what_cannot_be_read_is_refused_with_the_same_headers(embedded_service: Service) -> None:
    client = embedded_service.client
    answers = [
        client.post("/api/v1/outcomes", content=b"{", headers={"Content-Type": "application/json"}),
        client.post("/api/v1/outcomes", content=b"x" * 300_000),
        client.get("/api/v1/me", headers={"Host": "evil.example"}),
        client.get("/api/v1/me", headers={"Authorization": "Bearer sd_x"}),
        client.get("/" + "x" * 5000),
    ]
    assert [answer.status_code for answer in answers] == [400, 413, 421, 401, 404]
    assert [_faults(answer) for answer in answers] == [[]] * 5


@pytest.mark.parametrize("path", PAGES)
def test_a_page_allows_its_own_styles_only_by_a_nonce_that_is_new_each_time(with_contact: str, path: str) -> None:
    nonces = set()
    for _ in range(5):
        answer = httpx.get(with_contact + path)
        assert (answer.status_code, answer.headers["content-type"]) == (200, "text/html; charset=utf-8")
        policy = dict(part.strip().split(" ", 1) for part in answer.headers["content-security-policy"].split(";"))
        found = re.fullmatch(r"'nonce-([A-Za-z0-9_-]{22,})'", policy["style-src"])
        assert found
        assert policy["script-src"] == policy["style-src"]
        assert policy["default-src"] == policy["base-uri"] == policy["frame-ancestors"] == "'none'"
        assert "unsafe" not in answer.headers["content-security-policy"]
        assert re.findall(r'<(?:style|script)[^>]*nonce="([^"]*)"', answer.text) == [found[1]]
        nonces.add(found[1])
    assert len(nonces) == 5


@pytest.mark.parametrize("path", PAGES)
def test_a_page_can_be_used_by_everybody_and_runs_nothing(with_contact: str, path: str) -> None:
    page = _Page()
    page.feed(httpx.get(with_contact + path).text)
    assert page.tags["html"] == [{"lang": "en-GB"}]
    assert len(page.tags["h1"]) == len(page.tags["main"]) == len(page.tags["title"]) == 1
    assert {"name": "viewport", "content": "width=device-width, initial-scale=1"} in page.tags["meta"]
    assert not {"script", "img", "iframe", "link", "form"} & page.tags.keys()
    assert not [name for ones in page.tags.values() for one in ones for name in one if name.startswith("on")]


def test_nothing_in_an_address_is_repeated_in_a_page(embedded_service: Service) -> None:
    for reference in ("<script>alert(1)", "{{7*7}}", "%3Cb%3Ex", "7Q4K-2P", "'\"><x>"):
        answer = embedded_service.client.get(f"/outcomes/{reference}")
        assert reference not in answer.text
        assert "49" not in answer.text.replace(_nonce(answer), "")


@pytest.mark.parametrize("method", ["TRACE", "CONNECT", "BREW", "get", "PROPFIND"])
def test_unknown_methods_are_refused_and_nothing_is_sent_back(embedded_service: Service, method: str) -> None:
    answer = exchange(embedded_service.url, get("/healthz", ["X-Echo: tell-nobody"], method=method))
    assert status_of(answer) in (400, 405)
    assert b"tell-nobody" not in answer


def test_head_answers_as_get_does_but_without_a_body(embedded_service: Service) -> None:
    for path in ("/healthz", "/verify", "/nothing", "/api/v1/me"):
        head, got = embedded_service.client.head(path), embedded_service.client.get(path)
        assert (head.status_code, head.content) == (got.status_code, b"")
        assert head.headers["content-length"] == str(len(got.content))


def test_options_opens_nothing_to_other_sites(embedded_service: Service) -> None:
    wanted = {"Origin": "https://evil.example", "Access-Control-Request-Method": "POST"}
    answer = embedded_service.client.options("/api/v1/outcomes", headers=wanted)
    assert (answer.status_code, _faults(answer)) == (405, [])
    assert {"GET", "POST"} & set(answer.headers["allow"].split(", "))


def test_security_txt_is_as_the_standard_wants_it(with_contact: str) -> None:
    answer = httpx.get(f"{with_contact}/.well-known/security.txt")
    assert (answer.status_code, answer.headers["content-type"]) == (200, "text/plain; charset=utf-8")
    fields = dict(line.split(": ", 1) for line in answer.text.splitlines())
    now = datetime.now(UTC)
    assert now + timedelta(days=30) < datetime.fromisoformat(fields.pop("Expires")) < now + timedelta(days=365)
    assert fields == {
        "Contact": "mailto:security@sameday.example",
        "Preferred-Languages": "en",
        "Canonical": f"{with_contact}/.well-known/security.txt",
        "Policy": f"{with_contact}/security-policy",
    }
    assert "mailto:security@sameday.example" in httpx.get(fields["Policy"]).text


def test_without_a_contact_there_is_no_security_txt(embedded_service: Service) -> None:
    statuses = [embedded_service.client.get(path).status_code for path in ("/.well-known/security.txt", PAGES[-1])]
    assert statuses == [404, 404]


class _Page(HTMLParser):
    """The attributes of every tag, by the name of the tag."""

    def __init__(self) -> None:
        super().__init__()
        self.tags: dict[str, list[dict[str, str | None]]] = {}

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.setdefault(tag, []).append(dict(attrs))


def _paths(service: Service) -> list[str]:
    """Every path of the description with ids that nothing has, and some that are not there."""
    described = service.client.get("/api/v1/openapi.json").json()["paths"]
    assert len(described) > 30
    return [re.sub(r"\{[^}]*\}", str(uuid4()), path) for path in described] + ["/", "/nothing", "/api/v1/nothing"]


def _ask(service: Service, caller: Caller, method: str, path: str) -> httpx.Response:
    # Signing out would end the crawl for this person.
    if method == "delete" and path in ("/api/v1/session", "/api/v1/sessions"):
        caller = service.caller(None)
    body = {"json": {}} if method in ("put", "post", "patch") else {}
    return (
        caller.call(method.upper(), path.removeprefix("/api/v1"), **body)
        if path.startswith("/api/v1")
        else (service.client.request(method.upper(), path, **body))
    )


def _faults(answer: httpx.Response) -> list[str]:
    """Which of the twelve rules the answer breaks."""
    headers = answer.headers
    policy, length = headers.get("content-security-policy", ""), headers.get("content-length")
    is_page = headers.get("content-type", "").startswith("text/html")
    faults = [name for name, value in EXACTLY.items() if headers.get_list(name) != [value]]
    if not (policy.startswith("default-src 'none'; script-src 'nonce-") if is_page else policy == POLICY_OF_DATA):
        faults.append("content-security-policy")
    if "camera=()" not in headers.get("permissions-policy", ""):
        faults.append("permissions-policy")
    if {"server", "x-powered-by", "access-control-allow-origin", "location"} & headers.keys():
        faults.append("tells too much")
    if "content-type" not in headers and length != "0" and answer.status_code != 204:
        faults.append("content-type")
    for cookie in headers.get_list("set-cookie"):
        # The one that lives through the visit to the identity provider must come back from another site.
        site = "lax" if cookie.startswith("__Host-sameday-sign-in=") else "strict"
        wanted = {"secure", "httponly", f"samesite={site}", "path=/"}
        if not cookie.startswith("__Host-") or not wanted <= {part.strip().lower() for part in cookie.split(";")}:
            faults.append("set-cookie")
    return faults


def _nonce(answer: httpx.Response) -> str:
    found = re.search(r"'nonce-([^']+)'", answer.headers["content-security-policy"])
    assert found
    return found[1]
