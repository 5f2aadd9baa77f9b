"""Signing in over HTTP: cookies, other sites' pages, what an answer tells, how sessions end."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta
from http.cookies import SimpleCookie
from typing import Any
from urllib.parse import urlsplit

import httpx
import pytest
from authenticator import Passkey
from local_accounts import account_of
from serving import Caller, Service

from app import clock
from app.people import actions, by_link, links
from app.people import sign_in as verbs
from demo.people import COOKIE, OWN_PAGE, Person

MINUTE = timedelta(minutes=1)


def test_an_invitation_leads_in_with_a_cookie_that_no_page_and_no_other_site_gets(service: Service) -> None:
    link = _link(service, "asha.kerrin")
    looked = _post(service, "/sign-in/link/look", {"link": link})
    assert (looked.status_code, looked.json()["second_factor"]) == (200, "new")
    person = Person("asha.kerrin@beacon-down-trust.example")
    person.totp_secret = _post(service, "/sign-in/link/totp", {"link": link}).json()["secret"]
    body = {"link": link, "password": person.password, "code": person.code()}
    entered = _post(service, "/sign-in/link/password", body)
    assert (entered.status_code, entered.content) == (204, b"")
    cookie = SimpleCookie(entered.headers["set-cookie"])[COOKIE]
    assert len(cookie.value) == 43
    attributes = {name: value for name, value in cookie.items() if value}
    assert attributes == {"path": "/", "secure": True, "httponly": True, "samesite": "strict"}
    me = _as(service, cookie.value).get("/me").json()
    assert me["email"] == person.email
    assert me["fresh_until"] < me["session_ends_at"]
    assert _post(service, "/sign-in/link/look", {"link": link}).status_code == 404


def test_signing_out_ends_the_session_and_clears_the_browser(service: Service) -> None:
    person = _enrolled(service, "tom.lyle")
    caller = _as(service, person.session)
    out = caller.call("DELETE", "/session")
    assert out.status_code == 204
    assert out.headers["clear-site-data"] == '"cache", "cookies", "storage"'
    assert "Max-Age=0" in out.headers["set-cookie"]
    assert caller.get("/me").status_code == 401


def test_all_my_sessions_are_listed_and_end_at_once_and_nobody_elses(service: Service) -> None:
    person, other = _enrolled(service, "nell.marsh"), _enrolled(service, "colin.ashe")
    first = person.session
    person.sign_in(service.client)
    listed = _as(service, person.session).get("/sessions").json()["items"]
    assert [one["is_this"] for one in listed] == [True, False]
    assert {one["method"] for one in listed} == {"password-and-totp"}
    assert _as(service, first).call("DELETE", "/sessions").status_code == 204
    assert [_as(service, one).get("/me").status_code for one in (first, person.session, other.session)] == [
        401,
        401,
        200,
    ]


def test_whatever_is_wrong_the_answer_is_the_same_to_the_byte(service: Service) -> None:
    person = _enrolled(service, "dora.quayle")
    right = {"email": person.email, "password": person.password, "code": "000000"}
    answers = [
        _post(service, "/sign-in/password", right | other)
        for other in (
            {},
            {"password": "not the right password"},
            {"email": "nobody@coast-community.example"},
            {"email": "ife.lawton@coast-community.example"},
            {"email": "not an address"},
        )
    ]
    assert {one.status_code for one in answers} == {401}
    assert len({one.content for one in answers}) == 1
    assert len({tuple(sorted((n, v) for n, v in one.headers.items() if n != "date")) for one in answers}) == 1
    assert all("set-cookie" not in one.headers for one in answers)
    assert answers[0].json()["type"] == "urn:sameday:problem:sign-in-failed"


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"Origin": "https://evil.example"},
        {"Origin": "null"},
        {"Origin": "null", "Sec-Fetch-Site": "cross-site"},
        {"Sec-Fetch-Site": "cross-site"},
        {"Sec-Fetch-Site": "same-site"},
        {"Sec-Fetch-Site": "none"},
        {"Origin": "https://evil.example", "Sec-Fetch-Site": "same-origin"},
    ],
)
def test_pages_of_other_sites_sign_nobody_in(embedded_service: Service, headers: dict[str, str]) -> None:
    for path, body in (
        ("/sign-in/password", {"email": "x@y.example", "password": "x", "code": "000000"}),
        ("/sign-in/passkey/options", None),
        ("/sign-in/link/look", {"link": "A" * 43}),
        ("/sign-in/link/password", {"link": "A" * 43, "password": "x", "code": "000000"}),
    ):
        answer = embedded_service.client.post(f"/api/v1{path}", json=body, headers=headers)
        assert (answer.status_code, answer.json()["type"]) == (403, "urn:sameday:problem:cross-site")


def test_a_page_of_our_own_may_and_so_may_its_plain_form(embedded_service: Service) -> None:
    # A form of a page that sends no referrer says Origin: null (Fetch standard, "append a request Origin header").
    for ours in ({"Origin": embedded_service.url}, {"Origin": "null", "Sec-Fetch-Site": "same-origin"}):
        assert embedded_service.client.post("/api/v1/sign-in/passkey/options", headers=ours).status_code == 200


def test_a_session_from_before_is_worth_nothing_after_a_sign_in(service: Service) -> None:
    person = _enrolled(service, "ruth.vale")
    former, planted = person.session, "A" * 43
    body = {"email": person.email, "password": person.password, "code": person.code()}
    entered = _post(service, "/sign-in/password", body, Cookie=f"{COOKIE}={former}")
    assert entered.status_code == 204
    secret = entered.cookies[COOKIE]
    assert secret not in (former, planted)
    assert [_as(service, one).get("/me").status_code for one in (former, planted, secret)] == [401, 401, 200]


def test_too_many_tries_say_when_the_next_is_taken_and_not_who_is_there(
    service: Service, monkeypatch: pytest.MonkeyPatch
) -> None:
    _enrolled(service, "mary.tolland")
    _as_of(monkeypatch, clock.now())

    def told(email: str) -> list[tuple[int, str | None, bytes]]:
        body = {"email": email, "password": "a guess", "code": "000000"}
        answers = [_post(service, "/sign-in/password", body) for _ in range(6)]
        return [(one.status_code, one.headers.get("retry-after"), one.content) for one in answers]

    known, unknown = told("mary.tolland@coast-community.example"), told("someone.else@coast-community.example")
    assert [one[0] for one in known] == [401] * 5 + [429]
    assert known == unknown
    assert known[5][1] == "2"


def test_a_passkey_is_added_used_and_removed(service: Service) -> None:
    person = _enrolled(service, "marek.ostrow")
    caller, device = _as(service, person.session), _device(service)
    options = caller.post("/me/passkeys/options").json()["options"]
    added = caller.post("/me/passkeys", {"credential": device.create(options), "label": "Ward tablet"})
    assert added.status_code == 201, added.text
    assert [one["label"] for one in caller.get("/me/passkeys").json()["items"]] == ["Ward tablet"]
    entered = _by_passkey(service, device)
    assert entered.status_code == 204, entered.text
    assert _as(service, entered.cookies[COOKIE]).get("/me").json()["email"] == person.email
    assert caller.call("DELETE", f"/me/passkeys/{added.json()['id']}").status_code == 204
    assert _by_passkey(service, device).json()["type"] == "urn:sameday:problem:sign-in-failed"
    assert _as(service, entered.cookies[COOKIE]).get("/me").status_code == 401


def test_an_invitation_may_be_followed_with_a_passkey(service: Service) -> None:
    link, device = _link(service, "priya.dunmore"), _device(service)
    options = _post(service, "/sign-in/link/passkey/options", {"link": link}).json()["options"]
    body = {"link": link, "credential": device.create(options), "label": "Phone"}
    entered = _post(service, "/sign-in/link/passkey", body)
    assert entered.status_code == 204, entered.text
    assert _by_passkey(service, device).status_code == 204


def test_my_app_and_my_password_are_replaced(service: Service) -> None:
    person = _enrolled(service, "peter.isles")
    caller = _as(service, person.session)
    wrong = caller.post("/me/password", {"current": "not it", "new": "seven quiet otters waiting"})
    assert wrong.status_code == 401
    weak = caller.post("/me/password", {"current": person.password, "new": "password1234"})
    assert weak.json()["problems"][0] | {"detail": ""} == {"pointer": "/new", "code": "easily-guessed", "detail": ""}
    changed = caller.post("/me/password", {"current": person.password, "new": "seven quiet otters waiting"})
    assert changed.status_code == 204, changed.text
    newer = Person(person.email, "seven quiet otters waiting", caller.post("/me/totp").json()["secret"])
    assert caller.post("/me/totp/confirmation", {"code": "000000"}).status_code == 422
    assert caller.post("/me/totp/confirmation", {"code": newer.code()}).status_code == 204
    newer.sign_in(service.client)
    assert _as(service, newer.session).get("/me").status_code == 200


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("/me/password", {"current": "x", "new": "seven quiet otters waiting"}),
        ("/me/totp", None),
        ("/me/totp/confirmation", {"code": "000000"}),
        ("/me/passkeys/options", None),
    ],
)
def test_how_one_signs_in_is_changed_only_right_after_signing_in(
    embedded_service: Service, monkeypatch: pytest.MonkeyPatch, path: str, body: Any
) -> None:
    _as_of(monkeypatch, clock.now())
    secret = _session(embedded_service, "asha.kerrin")
    token = embedded_service.caller_with_token("asha.kerrin")
    _later(monkeypatch, 5 * MINUTE)
    for caller in (_as(embedded_service, secret), token):
        answer = caller.post(path, body)
        assert (answer.status_code, answer.json()["type"]) == (403, "urn:sameday:problem:fresh-sign-in-needed")
    assert _as(embedded_service, secret).get("/me").status_code == 200


def test_a_session_ends_a_quarter_of_an_hour_after_the_last_action(
    service: Service, monkeypatch: pytest.MonkeyPatch
) -> None:
    _as_of(monkeypatch, clock.now())
    caller = _as(service, _session(service, "asha.kerrin"))
    for _ in range(3):
        _later(monkeypatch, 14 * MINUTE)
        assert caller.get("/me").status_code == 200
    _later(monkeypatch, 15 * MINUTE)
    assert caller.get("/me").status_code == 401


def test_calls_that_no_person_made_do_not_keep_a_session_alive(
    service: Service, monkeypatch: pytest.MonkeyPatch
) -> None:
    _as_of(monkeypatch, clock.now())
    caller = _as(service, _session(service, "asha.kerrin"))
    for _ in range(2):
        _later(monkeypatch, 7 * MINUTE)
        assert caller.get("/me", headers={"Sameday-Background": "1"}).status_code == 200
    _later(monkeypatch, MINUTE)
    assert caller.get("/me").status_code == 401


def test_a_refused_call_was_an_action_too(service: Service, monkeypatch: pytest.MonkeyPatch) -> None:
    _as_of(monkeypatch, clock.now())
    caller = _as(service, _session(service, "evan.sayle"))
    for _ in range(2):
        _later(monkeypatch, 10 * MINUTE)
        assert caller.get("/accounts").status_code == 404
    assert caller.get("/me").status_code == 200


def test_no_session_outlives_twelve_hours(service: Service, monkeypatch: pytest.MonkeyPatch) -> None:
    _as_of(monkeypatch, clock.now())
    caller = _as(service, _session(service, "asha.kerrin"))
    for _ in range(12 * 6 - 1):
        _later(monkeypatch, 10 * MINUTE)
        assert caller.get("/me").status_code == 200
    _later(monkeypatch, 10 * MINUTE)
    assert caller.get("/me").status_code == 401


@pytest.mark.parametrize("end", ["role", "account"])
def test_what_was_taken_away_is_gone_on_the_next_call(embedded_service: Service, end: str) -> None:
    with embedded_service.transaction() as session:
        account = account_of(session, "owen.speke")
        actions.give_role(session, None, account_id=account.id, role="administrator", site_id=None, now=clock.now())
    caller = _as(embedded_service, _session(embedded_service, "owen.speke"))
    assert caller.get("/accounts").status_code == 200
    with embedded_service.transaction() as session:
        if end == "role":
            actions.end_role(session, None, account_id=account.id, role="administrator", site_id=None, now=clock.now())
        else:
            actions.close_account(session, None, account_of(session, "owen.speke"), now=clock.now())
    assert caller.get("/accounts").status_code == (404 if end == "role" else 401)


def test_administrators_send_links_that_they_never_see(service: Service) -> None:
    admin = service.caller("demo.admin")
    accounts = {one["email"]: one["id"] for one in admin.get("/accounts?limit=100").json()["items"]}
    other = accounts["sue.garland@beacon-down-trust.example"]
    for path, body in ((f"/accounts/{other}/invitations", None), (f"/accounts/{other}/recoveries", {})):
        sent = admin.post(path, body)
        assert sent.status_code == 201, sent.text
        assert set(sent.json()) == {"id", "expires_at"}
    own = accounts["demo.admin@pilot-office.example"]
    assert admin.post(f"/accounts/{own}/invitations").status_code == 404
    assert service.caller("asha.kerrin").post(f"/accounts/{other}/invitations").status_code == 404
    assert service.caller(None).post(f"/accounts/{other}/invitations").status_code == 401


@pytest.mark.parametrize(
    "body",
    [
        {"email": "x@y.example", "password": "x"},
        {"email": "x@y.example", "password": "x", "code": 123456},
        {"email": "x@y.example", "password": "x", "code": "12345"},
        {"email": "x@y.example", "password": "x", "code": "١٢٣٤٥٦"},
        {"email": "x@y.example", "password": "x" * 513, "code": "123456"},
        {"email": ["x@y.example"], "password": "x", "code": "123456"},
        {"email": "x\u0000@y.example", "password": "x", "code": "123456"},
        {"email": "x@y.example", "password": "x", "code": "123456", "is_administrator": True},
    ],
)
def test_what_has_the_wrong_shape_is_refused_before_anything_is_looked_up(
    embedded_service: Service, body: dict[str, Any]
) -> None:
    assert _post(embedded_service, "/sign-in/password", body).status_code == 422


def test_many_who_sign_in_at_once_leave_room_for_everybody_else(service: Service) -> None:
    # More than there are threads in the pool: those who wait for their hash must hold none.
    reader = service.caller()

    def guess(number: int) -> int:
        body = {"email": f"nobody{number}@coast.example", "password": "a guess", "code": "000000"}
        return _post(service, "/sign-in/password", body).status_code

    with ThreadPoolExecutor(50) as pool:
        guesses = [pool.submit(guess, number) for number in range(45)]
        reads = [pool.submit(reader.get, "/me") for _ in range(20)]
        assert {one.result().status_code for one in reads} == {200}
        assert {one.result() for one in guesses} == {401}


def _link(service: Service, person: str) -> str:
    with service.transaction() as session:
        account = account_of(session, person)
        address = links.print_link(session, account, links.INVITATION, "", resets_second_factor=False, now=clock.now())
    return address.partition("#")[2]


def _enrolled(service: Service, person: str) -> Person:
    """A person who has followed an invitation through the API. Each test has its own: codes are good once."""
    link = _link(service, person)
    with service.transaction() as session:
        enrolled = Person(by_link.look(session, link, clock.now()).email)
    enrolled.enrol(service.client, f"#{link}")
    return enrolled


def _session(service: Service, person: str) -> str:
    with service.transaction() as session:
        return verbs.begin_session(session, account_of(session, person).id, verbs.BY_PASSKEY, None, clock.now())


def _as(service: Service, secret: str) -> Caller:
    return Caller(service.client, secret=secret)


def _post(service: Service, path: str, body: Any, **headers: str) -> httpx.Response:
    return service.client.post(f"/api/v1{path}", json=body, headers=OWN_PAGE | headers)


def _device(service: Service) -> Passkey:
    return Passkey(service.url, urlsplit(service.url).hostname or "")


def _by_passkey(service: Service, device: Passkey) -> httpx.Response:
    options = service.client.post("/api/v1/sign-in/passkey/options", headers=OWN_PAGE).json()["options"]
    return _post(service, "/sign-in/passkey", {"credential": device.get(options)})


def _as_of(monkeypatch: pytest.MonkeyPatch, moment: datetime) -> None:
    at: Callable[[], datetime] = lambda: moment  # noqa: E731
    monkeypatch.setattr(clock, "now", at)


def _later(monkeypatch: pytest.MonkeyPatch, by: timedelta) -> None:
    _as_of(monkeypatch, clock.now() + by)
