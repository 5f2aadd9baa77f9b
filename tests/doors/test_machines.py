"""Integrations: registered, given tokens by the book, and calling for people of their own organisation only."""

import base64
import json
from concurrent.futures import ThreadPoolExecutor
from typing import Any
from urllib.parse import quote_plus
from uuid import uuid4

import httpx
import pytest
from authlib.oauth2.auth import ClientAuth
from authlib.oauth2.rfc7523 import PrivateKeyJWT
from joserfc import jwt
from joserfc.jwk import RSAKey
from serving import Caller, Service

from app import clock

ADMIN, TRUST, COUNCIL = "demo.admin", "beacon-down-trust", "beacon-down-council"
ASHA, PRIYA = "asha.kerrin@beacon-down-trust.example", "priya.dunmore@beacon-down-council.example"
ALL = ["outcomes:read", "outcomes:write", "deliveries:acknowledge", "directory:read"]
KEY = RSAKey.generate_key(2048, parameters={"kid": "record-system"}, private=True)
JWKS = {"keys": [KEY.as_dict(private=False)]}


class Machine:
    """An integration that was registered, and how it calls."""

    def __init__(self, service: Service, organisation: str = TRUST, *, scopes: list[str] = ALL, jwks: Any = None):
        self.service = service
        body = {"organisation": organisation, "name": "Record system", "scopes": scopes}
        answer = service.caller(ADMIN).post("/clients", body | ({"jwks": jwks} if jwks else {}))
        assert answer.status_code == 201, answer.text
        self.id, self.secret = answer.json()["id"], answer.json()["secret"]

    def asks(self, **changed: Any) -> httpx.Response:
        form = {"grant_type": "client_credentials", "client_id": self.id, "client_secret": self.secret} | changed
        return self.service.client.post("/oauth/token", data={k: v for k, v in form.items() if v is not None})

    def token(self, **changed: Any) -> str:
        return str(self.asks(**changed).raise_for_status().json()["access_token"])

    def caller(self, email: str | None = ASHA) -> Caller:
        return Caller(self.service.client, self.token(), on_behalf_of=email)


@pytest.fixture
def machine(service: Service) -> Machine:
    return Machine(service)


def test_a_token_is_given_for_a_secret_in_either_place(machine: Machine) -> None:
    answer = machine.asks()
    assert answer.status_code == 200
    told = answer.json()
    assert (told["token_type"], told["expires_in"], told["scope"]) == ("Bearer", 600, " ".join(sorted(ALL)))
    assert (answer.headers["cache-control"], answer.headers["pragma"]) == ("no-store", "no-cache")
    basic = base64.b64encode(f"{quote_plus(machine.id)}:{quote_plus(machine.secret)}".encode()).decode()
    again = machine.service.client.post(
        "/oauth/token", data={"grant_type": "client_credentials"}, headers={"Authorization": f"Basic {basic}"}
    )
    assert again.status_code == 200
    assert again.json()["access_token"] != told["access_token"]


def test_an_oauth_library_gets_a_token_with_its_own_key(service: Service) -> None:
    machine = Machine(service, jwks=JWKS)
    assert machine.secret is None
    address = f"{service.url}/oauth/token"
    prove = PrivateKeyJWT(address, claims={"exp": int(clock.now().timestamp()) + 120}, headers={"kid": "record-system"})
    _, headers, body = ClientAuth(machine.id, KEY, prove).prepare(
        "POST", address, {"Content-Type": "application/x-www-form-urlencoded"}, "grant_type=client_credentials"
    )
    answer = service.client.post("/oauth/token", content=body, headers=headers)
    assert answer.status_code == 200, answer.text
    assert service.client.post("/oauth/token", content=body, headers=headers).status_code == 401  # jti used


def test_of_many_who_bring_one_assertion_at_once_one_gets_a_token(service: Service) -> None:
    machine = Machine(service, jwks=JWKS)
    seconds = int(clock.now().timestamp())
    claims = {"iss": machine.id, "sub": machine.id, "aud": service.url, "exp": seconds + 60, "jti": uuid4().hex}
    form = {
        "grant_type": "client_credentials",
        "client_assertion_type": "urn:ietf:params:oauth:client-assertion-type:jwt-bearer",
        "client_assertion": jwt.encode({"alg": "RS256", "kid": "record-system"}, claims, KEY),
    }
    with ThreadPoolExecutor(12) as pool:
        answers = list(pool.map(lambda _: service.client.post("/oauth/token", data=form).status_code, range(12)))
    assert sorted(answers) == [200] + [401] * 11


def test_the_secret_and_the_tokens_are_kept_as_hashes_only(machine: Machine) -> None:
    token = machine.token()
    dump = json.dumps(machine.service.dump(), default=str)
    assert machine.secret not in dump
    assert token not in dump


@pytest.mark.parametrize(
    ("changed", "status", "error"),
    [
        ({"client_secret": "sc_wrong"}, 401, "invalid_client"),
        ({"client_id": "00000000-0000-4000-8000-000000000000"}, 401, "invalid_client"),
        ({"client_id": "' OR 1=1"}, 401, "invalid_client"),
        ({"client_id": None}, 401, "invalid_client"),
        ({"client_secret": None}, 400, "invalid_request"),
        ({"client_assertion": "a.b.c"}, 400, "invalid_request"),
        ({"grant_type": "password"}, 400, "unsupported_grant_type"),
        ({"grant_type": None}, 400, "invalid_request"),
        ({"scope": "administration"}, 400, "invalid_scope"),
        ({"scope": "outcomes:read outcomes:sign"}, 400, "invalid_scope"),
        ({"scope": " "}, 400, "invalid_scope"),
    ],
    ids=str,
)
def test_a_refusal_is_what_oauth_libraries_expect(
    machine: Machine, changed: dict[str, Any], status: int, error: str
) -> None:
    answer = machine.asks(**changed)
    assert (answer.status_code, answer.json()["error"]) == (status, error)
    assert answer.headers["cache-control"] == "no-store"
    assert ("www-authenticate" in answer.headers) == (status == 401)


@pytest.mark.parametrize(
    ("content", "kind"),
    [
        (b"grant_type=client_credentials&grant_type=client_credentials", "application/x-www-form-urlencoded"),
        (b"%ff=\xff", "application/x-www-form-urlencoded"),
        (b"", "application/x-www-form-urlencoded"),
        (b'{"grant_type": "client_credentials"}', "application/json"),
        (b"a=" + b"x" * 100_000, "application/x-www-form-urlencoded"),
    ],
    ids=lambda value: str(value)[:30],
)
def test_what_is_no_form_is_an_invalid_request(service: Service, content: bytes, kind: str) -> None:
    answer = service.client.post("/oauth/token", content=content, headers={"Content-Type": kind})
    assert (answer.status_code, answer.json()["error"]) == (400, "invalid_request")


@pytest.mark.parametrize("authorization", ["Basic", "Basic !!!", "Basic bm9jb2xvbg==", "Bearer x", "Basic /////w=="])
def test_a_header_that_cannot_be_read_is_no_client(service: Service, authorization: str) -> None:
    form = {"grant_type": "client_credentials"}
    answer = service.client.post("/oauth/token", data=form, headers={"Authorization": authorization})
    assert (answer.status_code, answer.json()["error"]) == (401, "invalid_client")


def test_it_may_do_what_its_scopes_and_the_person_it_names_may(service: Service) -> None:
    everything, reader = Machine(service).caller(), Machine(service, scopes=["outcomes:read"]).caller()
    reference = everything.begin()
    assert reader.get(f"/outcomes/{reference}/draft").status_code == 403
    assert reference in reader.get("/outcomes?limit=100").text
    refused = reader.post("/outcomes", {"id": str(uuid4()), "site": "beacon-down"})
    assert (refused.status_code, refused.json()["type"]) == (403, "urn:sameday:problem:insufficient-scope")
    assert reader.get("/teams").status_code == 403
    assert everything.get("/teams").status_code == 200
    other = Machine(service, COUNCIL).caller(PRIYA)
    assert other.get(f"/outcomes/{reference}").status_code == 404


def test_less_than_it_may_have_can_be_asked_for(machine: Machine) -> None:
    token = machine.token(scope="outcomes:read")
    caller = Caller(machine.service.client, token, on_behalf_of=ASHA)
    assert caller.get("/outcomes").status_code == 200
    assert caller.get("/teams").status_code == 403


def test_it_never_signs_administers_or_speaks_about_itself(service: Service) -> None:
    machine = Machine(service, "pilot-office").caller("demo.admin@pilot-office.example")
    assert machine.get("/accounts").json()["type"] == "urn:sameday:problem:insufficient-scope"
    assert machine.get("/me").json()["type"] == "urn:sameday:problem:insufficient-scope"
    author = Machine(service).caller()
    reference = author.drafted()
    assert author.sign(reference).json()["type"] == "urn:sameday:problem:fresh-sign-in-needed"


def test_it_must_say_for_whom_it_calls(machine: Machine) -> None:
    answer = machine.caller(None).get("/outcomes")
    assert (answer.status_code, answer.json()["type"]) == (400, "urn:sameday:problem:on-behalf-of-missing")


@pytest.mark.parametrize("email", [PRIYA, "nobody@beacon-down-trust.example", "'", "demo.admin@pilot-office.example"])
def test_somebody_of_another_organisation_looks_like_nobody(machine: Machine, email: str) -> None:
    answer = machine.caller(email).get("/outcomes")
    unknown = machine.caller("unknown@unknown.example").get("/outcomes")
    assert answer.status_code == 404
    assert answer.content == unknown.content
    assert machine.service.rows("SELECT action, object_id, result FROM audit_event ORDER BY number DESC LIMIT 1")[
        0
    ] == ("act-on-behalf", machine.id, "denied")


def test_every_event_of_its_calls_names_it(machine: Machine) -> None:
    caller = machine.caller()
    (last,) = machine.service.rows("SELECT max(number) FROM audit_event")[0]
    reference = caller.begin()
    assert caller.save(reference, {}).status_code == 200
    assert caller.get("/outcomes/2222-22").status_code == 404  # refused, and audited in a transaction of its own
    assert caller.post("/outcomes", {"id": str(uuid4()), "site": "nowhere"}).status_code == 422
    events = machine.service.rows(f"SELECT action, result, detail FROM audit_event WHERE number > {last}")
    assert {result for _, result, _ in events} >= {"done", "denied"}
    assert [action for action, _, detail in events if f'"client": "{machine.id}"' not in _json(detail)] == []


def test_a_new_secret_ends_the_old_one_and_its_tokens(machine: Machine) -> None:
    caller, administrator = machine.caller(), machine.service.caller(ADMIN)
    renewed = administrator.post(f"/clients/{machine.id}/credentials", {})
    assert renewed.status_code == 200, renewed.text
    assert caller.get("/outcomes").status_code == 401
    assert machine.asks().status_code == 401
    machine.secret = renewed.json()["secret"]
    assert machine.caller().get("/outcomes").status_code == 200
    keys = administrator.post(f"/clients/{machine.id}/credentials", {"jwks": JWKS})
    assert keys.json()["secret"] is None
    assert machine.asks().status_code == 401


def test_one_that_is_ended_is_out_at_once(machine: Machine) -> None:
    caller, administrator = machine.caller(), machine.service.caller(ADMIN)
    assert administrator.call("DELETE", f"/clients/{machine.id}").status_code == 204
    assert administrator.call("DELETE", f"/clients/{machine.id}").status_code == 204
    assert caller.get("/outcomes").status_code == 401
    assert machine.asks().status_code == 401
    assert administrator.post(f"/clients/{machine.id}/credentials", {}).status_code == 404
    assert administrator.call("DELETE", f"/clients/{uuid4()}").status_code == 404
    listed = administrator.get("/clients?limit=1").json()
    assert listed["items"][0]["id"] == machine.id
    assert listed["items"][0]["ended_at"]
    assert "secret" not in str(listed["items"][0]).replace("secret_", "")


@pytest.mark.parametrize(
    ("changed", "pointer"),
    [
        ({"scopes": ["outcomes:sign"]}, "/scopes"),
        ({"scopes": []}, "/scopes"),
        ({"jwks": {"keys": [KEY.as_dict(private=True)]}}, "/jwks"),
        ({"jwks": {"keys": [{"kty": "oct", "k": "c2VjcmV0"}]}}, "/jwks"),
        ({"jwks": {}}, "/jwks"),
        ({"jwks": {"keys": [RSAKey.generate_key(2048, private=False).as_dict() | {"n": "AQAB"}]}}, "/jwks"),
        ({"organisation": "nowhere"}, "/organisation"),
    ],
    ids=range(7),
)
def test_a_registration_that_is_wrong_says_where(service: Service, changed: dict[str, Any], pointer: str) -> None:
    body = {"organisation": TRUST, "name": "Record system", "scopes": ["outcomes:read"]} | changed
    answer = service.caller(ADMIN).post("/clients", body)
    assert answer.status_code == 422, answer.text
    assert [one["pointer"] for one in answer.json()["problems"]] == [pointer]


def test_only_administrators_keep_integrations(service: Service) -> None:
    author = service.caller()
    body = {"organisation": TRUST, "name": "x", "scopes": ["outcomes:read"]}
    for answer in (author.post("/clients", body), author.get("/clients"), author.call("DELETE", f"/clients/{uuid4()}")):
        assert answer.status_code == 404


def _json(detail: Any) -> str:
    """SQLite hands a detail over as text, PostgreSQL as an object."""
    return detail if isinstance(detail, str) else json.dumps(detail)
