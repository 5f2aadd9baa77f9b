"""No forged, stale or borrowed token opens anything, whatever its kind; each genuine one does (security.md, G9)."""

import hashlib
import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import timedelta
from typing import Any
from uuid import uuid4

import factories
import httpx
import pytest
from forgeries import COMMON, Forgery, Genuine, sign
from joserfc.jwk import RSAKey
from providers import CLIENT_ID, THEIR_KEY, Browser, ObedientProvider, obedient_provider, providers_file
from serving import Service, service_on
from sqlmodel import text

from app import clock
from app.doors import SESSION_COOKIE
from app.people import access, identities, machines_kept, sessions
from app.people.oidc_rules import LOGOUT_EVENT

SUBJECT, EMAIL = "person-1", "asha.kerrin@beacon-down-trust.example"
MACHINE_KEY = RSAKey.generate_key(2048, parameters={"kid": "machine"}, private=True)
ASSERTION_TYPE = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"

ID_TOKEN: dict[str, Forgery] = COMMON | {
    "typ of a logout token": lambda it: it.headed(typ="logout+jwt"),
    "typ of an access token": lambda it: it.headed(typ="at+jwt"),
    "sub missing": lambda it: it.saying(sub=None),
    "iat missing": lambda it: it.saying(iat=None),
    "nonce missing": lambda it: it.saying(nonce=None),
    "nonce of another sign-in": lambda it: it.saying(nonce="another"),
    "nonce a list": lambda it: it.saying(nonce=[it.claims["nonce"]]),
    "nonce empty": lambda it: it.saying(nonce=""),
    "nonce twice": lambda it: it.raw(('{"nonce": "another", ' + json.dumps(it.claims)[1:]).encode()),
    "azp of another": lambda it: it.saying(azp="another"),
    "azp empty": lambda it: it.saying(azp=""),
    "at_hash of another token": lambda it: it.saying(at_hash="AAAAAAAAAAAAAAAAAAAAAA"),
    "at_hash empty": lambda it: it.saying(at_hash=""),
    "at_hash a list": lambda it: it.saying(at_hash=["x"]),
    "auth_time missing": lambda it: it.saying(auth_time=None),
    "auth_time before this sign-in": lambda it: it.saying(auth_time=it.claims["iat"] - 120),
    "auth_time to come": lambda it: it.saying(auth_time=it.claims["iat"] + 3600),
    "auth_time text": lambda it: it.saying(auth_time=str(it.claims["iat"])),
    "auth_time true": lambda it: it.saying(auth_time=True),
}
LOGOUT: dict[str, Forgery] = COMMON | {
    "typ missing": lambda it: it.headed(typ=None),
    "typ of an id_token": lambda it: it.headed(typ="JWT"),
    "iat missing": lambda it: it.saying(iat=None),
    "jti missing": lambda it: it.saying(jti=None),
    "jti a number": lambda it: it.saying(jti=7),
    "jti over-long": lambda it: it.saying(jti="j" * 300),
    "jti with a NUL": lambda it: it.saying(jti="a\0b"),
    "nonce there": lambda it: it.saying(nonce="n"),
    "nonce there, but null": lambda it: it.raw((json.dumps(it.claims)[:-1] + ', "nonce": null}').encode()),
    "events missing": lambda it: it.saying(events=None),
    "events a list": lambda it: it.saying(events=[LOGOUT_EVENT]),
    "events text": lambda it: it.saying(events=LOGOUT_EVENT),
    "events empty": lambda it: it.saying(events={}),
    "events of another kind": lambda it: it.saying(events={"http://schemas.openid.net/event/other": {}}),
    "events with another beside": lambda it: it.saying(events={LOGOUT_EVENT: {}, "other": {}}),
    "event not an object": lambda it: it.saying(events={LOGOUT_EVENT: True}),
    "event null": lambda it: it.saying(events={LOGOUT_EVENT: None}),
    "nobody named": lambda it: it.saying(sub=None, sid=None),
    "sid a list": lambda it: it.saying(sid=["s"]),
    "sid empty": lambda it: it.saying(sid=""),
    "azp of another": lambda it: it.saying(azp="another"),
}
ASSERTION: dict[str, Forgery] = COMMON | {
    "typ of a logout token": lambda it: it.headed(typ="logout+jwt"),
    "sub missing": lambda it: it.saying(sub=None),
    "sub of another integration": lambda it: it.saying(sub=str(uuid4())),
    "iss and sub of another integration": lambda it: it.saying(sub=(other := str(uuid4())), iss=other),
    "iss no integration": lambda it: it.saying(iss="' OR 1=1 --", sub="' OR 1=1 --"),
    "exp a day from now": lambda it: it.saying(exp=it.claims["iat"] + 86_400),
    "jti missing": lambda it: it.saying(jti=None),
    "jti a number": lambda it: it.saying(jti=7),
    "jti empty": lambda it: it.saying(jti=""),
    "aud another path of ours": lambda it: it.saying(aud=it.claims["aud"] + "/more"),
    "aud nothing": lambda it: it.saying(aud=""),
}
FAMILIES = {"id_token": ID_TOKEN, "logout token": LOGOUT, "client assertion": ASSERTION}
KINDS = [(family, kind) for family, kinds in FAMILIES.items() for kind in kinds]


@dataclass
class World:
    """A service that knows one provider and one integration."""

    service: Service
    provider: ObedientProvider
    machine: str
    browser: Browser
    nonce: str = ""
    state: str = ""

    def genuine(self, family: str) -> Genuine:
        now = int(clock.now().timestamp())
        times = {"iat": now, "exp": now + 120}
        if family == "client assertion":
            claims = {"iss": self.machine, "sub": self.machine, "aud": f"{self.service.url}/oauth/token"}
            return Genuine({"alg": "RS256", "kid": "machine"}, claims | times | {"jti": uuid4().hex}, MACHINE_KEY)
        claims = {"iss": self.provider.issuer, "aud": CLIENT_ID, "sub": SUBJECT} | times
        if family == "id_token":
            asked = self.browser.begins("test")
            self.state = asked["state"]
            more: dict[str, Any] = {"nonce": asked["nonce"], "auth_time": now}
            return Genuine({"alg": "RS256", "kid": "theirs", "typ": "JWT"}, claims | more, THEIR_KEY)
        more = {"jti": uuid4().hex, "sid": "session-1", "events": {LOGOUT_EVENT: {}}}
        return Genuine({"alg": "RS256", "kid": "theirs", "typ": "logout+jwt"}, claims | more, THEIR_KEY)

    def present(self, family: str, token: str) -> httpx.Response:
        """The answer to whoever brings this token."""
        if family == "id_token":
            self.provider.tokens = {"id_token": token, "access_token": "opaque", "token_type": "Bearer"}
            return self.browser.comes_back("test", state=self.state, code="code")
        if family == "logout token":
            return self.service.client.post("/sign-in/test/backchannel-logout", data={"logout_token": token})
        form = {
            "grant_type": "client_credentials",
            "client_assertion_type": ASSERTION_TYPE,
            "client_assertion": token,
        }
        return self.service.client.post("/oauth/token", data=form)


@pytest.fixture(scope="module")
def world(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    with obedient_provider() as provider:
        profile = {"name": "test", "title": "Test", "issuer": provider.issuer, "client_id": CLIENT_ID}
        profile |= {"scope": "openid", "userinfo": False}
        settings = providers_file(tmp_path_factory.mktemp("settings"), profile)
        for service in service_on("sqlite", request, tmp_path_factory, **settings):
            now = clock.now()
            with service.transaction() as session:
                asha = factories.cast_in(session, now)["asha.kerrin"]
                identities.link_identity(
                    session, None, account_id=asha.account_id, issuer=provider.issuer, subject=SUBJECT, now=now
                )
                client, _ = machines_kept.register_client(
                    session,
                    None,
                    organisation_id=asha.organisation_id,
                    name="Record system",
                    scopes=["outcomes:read"],
                    jwks={"keys": [MACHINE_KEY.as_dict(private=False)]},
                    now=now,
                )
                machine = str(client.id)
            with httpx.Client(base_url=service.url, timeout=60) as http:
                yield World(service, provider, machine, Browser(http))


@pytest.fixture(scope="module")
def standing(world: World) -> str:
    """The secret of a session that a wrong logout would end."""
    with world.service.transaction() as session:
        account = factories.cast_in(session, clock.now())["asha.kerrin"].account_id
        return sessions.start_session(
            session,
            account_id=account,
            method="test",
            issuer=world.provider.issuer,
            provider_session="session-1",
            now=clock.now(),
        )


def test_there_are_sixty_kinds_or_more_and_most_are_of_signed_tokens() -> None:
    assert len({kind for _, kind in KINDS}) >= 60
    assert len(KINDS) + len(BEARERS) + len(COOKIES) >= 300


@pytest.mark.parametrize(("family", "kind"), KINDS, ids=lambda value: value)
def test_a_forged_token_opens_and_ends_nothing(world: World, standing: str, family: str, kind: str) -> None:
    genuine = world.genuine(family)
    forged = FAMILIES[family][kind](genuine)
    assert forged != genuine.signed()
    before = _left(world)
    answer = world.present(family, forged)
    expected = {"id_token": (403,), "logout token": (400,), "client assertion": (400, 401)}[family]
    assert answer.status_code in expected, answer.text
    assert SESSION_COOKIE not in world.browser.cookies
    assert _left(world) == before


@pytest.mark.parametrize("family", FAMILIES)
def test_a_genuine_token_is_believed_once(world: World, standing: str, family: str) -> None:
    genuine = world.genuine(family)
    token = genuine.signed()
    first = world.present(family, token)
    assert first.status_code == 200, first.text
    assert world.present(family, token).status_code in (400, 401)
    if family == "id_token":
        assert world.browser.is_signed_in
        world.browser.cookies.clear()
    if family == "client assertion":
        answer = _with(world, first.json()["access_token"])
        assert answer.status_code == 200, answer.text


def test_a_logout_that_was_issued_before_the_sign_in_does_not_end_it(world: World) -> None:
    genuine = world.genuine("logout token")
    with world.service.transaction() as session:
        account = factories.cast_in(session, clock.now())["asha.kerrin"].account_id
        secret = sessions.start_session(
            session,
            account_id=account,
            method="test",
            issuer=world.provider.issuer,
            provider_session="session-2",
            now=clock.now(),
        )
    old = int(clock.now().timestamp()) - 200
    assert world.present("logout token", genuine.saying(sid="session-2", iat=old)).status_code == 200
    assert _me(world, cookie=secret).status_code == 200
    assert world.present("logout token", genuine.saying(sid="session-2", jti=uuid4().hex)).status_code == 200
    assert _me(world, cookie=secret).status_code == 401


@pytest.mark.parametrize("algorithm", ["RS256", "PS256"])
def test_each_algorithm_of_the_list_is_believed(world: World, algorithm: str) -> None:
    genuine = world.genuine("client assertion")
    token = sign(genuine.header | {"alg": algorithm}, json.dumps(genuine.claims).encode(), genuine.key)
    assert world.present("client assertion", token).status_code == 200


# Opaque tokens and cookies: from the genuine one, what somebody might try instead.
Bearer = Callable[[str], str | bytes]
BEARERS: dict[str, Bearer] = {
    "unknown": lambda it: f"Bearer {it[:3]}{'A' * 43}",
    "without its prefix": lambda it: f"Bearer {it[3:]}",
    "with the prefix of the other kind": lambda it: f"Bearer {'sm_' if it.startswith('sd_') else 'sd_'}{it[3:]}",
    "with an unknown prefix": lambda it: f"Bearer sx_{it[3:]}",
    "prefix in capitals": lambda it: f"Bearer {it[:3].upper()}{it[3:]}",
    "cut short": lambda it: f"Bearer {it[:-1]}",
    "one letter more": lambda it: f"Bearer {it}A",
    "one letter changed": lambda it: f"Bearer {it[:-1]}{'A' if it[-1] != 'A' else 'B'}",
    "capitals and small letters exchanged": lambda it: f"Bearer {it[:3]}{it[3:].swapcase()}",
    "twice": lambda it: f"Bearer {it} {it}",
    "with a comma": lambda it: f"Bearer {it}, Bearer {it}",
    "in quotes": lambda it: f'Bearer "{it}"',
    "two spaces": lambda it: f"Bearer  {it}",
    "a tab": lambda it: f"Bearer\t{it}",
    "another scheme": lambda it: f"Basic {it}",
    "no scheme": lambda it: it,
    "padded": lambda it: f"Bearer {it}=",
    "its hash": lambda it: f"Bearer {hashlib.sha256(it.encode()).hexdigest()}",
    "its hash under the prefix": lambda it: f"Bearer {it[:3]}{hashlib.sha256(it.encode()).hexdigest()[:43]}",
    "a wild card": lambda it: f"Bearer {it[:3]}{'%' * 43}",
    "SQL": lambda it: f"Bearer {it[:3]}' OR '1'='1",
    "not ASCII": lambda it: f"Bearer {it[:-1]}é".encode(),
    "full-width letters": lambda it: f"Bearer {it[:3]}{'Ａ' * 43}".encode(),
    "over-long": lambda it: f"Bearer {it}{'A' * 5000}",
    "nothing after the scheme": lambda it: "Bearer",
    "nothing": lambda it: "",
}
COOKIES: dict[str, Callable[[str], str]] = {
    "unknown": lambda it: "A" * 43,
    "cut short": lambda it: it[:-1],
    "one letter more": lambda it: it + "A",
    "one letter changed": lambda it: it[:-1] + ("A" if it[-1] != "A" else "B"),
    "capitals and small letters exchanged": lambda it: it.swapcase(),
    "its hash": lambda it: hashlib.sha256(it.encode()).hexdigest(),
    "padded": lambda it: it + "=",
    "percent-encoded": lambda it: f"%{ord(it[0]):02X}{it[1:]}",
    "SQL": lambda it: "x' OR '1'='1",
    "empty": lambda it: "",
    "over-long": lambda it: it * 100,
    "a signed cookie of another framework": lambda it: "eyJ1c2VyIjogMX0.aaaa.bbbb",
}


@pytest.mark.parametrize("kind", BEARERS)
@pytest.mark.parametrize("family", ["access token", "personal token"])
def test_a_forged_bearer_token_opens_nothing(world: World, family: str, kind: str) -> None:
    token = _bearer(world, family)
    header = BEARERS[kind](token)
    answer = world.service.client.get("/api/v1/sites", headers={"Authorization": header, **_on_behalf()})  # type: ignore[dict-item]
    assert answer.status_code in (400, 401, 431), answer.text
    assert _with(world, token).status_code == 200


@pytest.mark.parametrize("kind", COOKIES)
def test_a_forged_cookie_opens_nothing(world: World, kind: str) -> None:
    secret = _session(world)
    assert _me(world, cookie=COOKIES[kind](secret)).status_code == 401
    assert _me(world, cookie=secret).status_code == 200


def test_neither_kind_of_secret_does_for_the_other(world: World) -> None:
    secret, personal, machine = _session(world), _bearer(world, "personal token"), _bearer(world, "access token")
    assert _me(world, cookie=personal).status_code == 401
    assert _me(world, cookie=machine[3:]).status_code == 401
    assert _with(world, secret).status_code == 401
    assert _with(world, f"sd_{secret}").status_code == 401


@pytest.mark.parametrize(
    ("family", "sql"),
    [
        ("access token", "UPDATE client_token SET expires_at = :past"),
        ("access token", "UPDATE api_client SET ended_at = :past WHERE name = 'short-lived'"),
        ("access token", "DELETE FROM client_token"),
        ("personal token", "UPDATE api_token SET expires_at = :past"),
        ("personal token", "UPDATE api_token SET revoked_at = :past"),
        ("cookie", "UPDATE sign_in_session SET ended_at = :past"),
        ("cookie", "UPDATE sign_in_session SET last_action_at = :past"),
        ("cookie", "UPDATE sign_in_session SET started_at = :long_past"),
    ],
)
def test_a_stale_one_opens_nothing(world: World, family: str, sql: str) -> None:
    token = _session(world) if family == "cookie" else _bearer(world, family)

    def ask() -> httpx.Response:
        return _me(world, cookie=token) if family == "cookie" else _with(world, token)

    assert ask().status_code == 200
    times = {"past": clock.now() - timedelta(minutes=16), "long_past": clock.now() - timedelta(hours=13)}
    with world.service.transaction() as session:
        named = {name: value.isoformat(" ") for name, value in times.items() if f":{name}" in sql}
        session.connection().execute(text(sql), named)
    assert ask().status_code == 401


def test_a_closed_account_s_token_opens_nothing(world: World) -> None:
    now = clock.now()
    with world.service.transaction() as session:
        row = factories.cast_in(session, now)["una.pike"]
        _, token = access.issue_token(session, None, account_id=row.account_id, label="x", days=1, now=now)
    assert _with(world, token).status_code == 200
    with world.service.transaction() as session:
        session.connection().execute(
            text("UPDATE account SET closed_at = :now WHERE email LIKE 'una.pike@%'"), {"now": now.isoformat(" ")}
        )
    assert _with(world, token).status_code == 401


def _left(world: World) -> list[Any]:
    """What a token that is believed would change: sessions, access tokens, and that a session has ended."""
    counts = "SELECT count(*), count(ended_at) FROM sign_in_session UNION ALL SELECT count(*), 0 FROM client_token"
    return world.service.rows(counts)


def _bearer(world: World, family: str) -> str:
    now = clock.now()
    with world.service.transaction() as session:
        asha = factories.cast_in(session, now)["asha.kerrin"]
        if family == "personal token":
            return access.issue_token(session, None, account_id=asha.account_id, label="t", days=1, now=now)[1]
        client, secret = machines_kept.register_client(
            session,
            None,
            organisation_id=asha.organisation_id,
            name="short-lived",
            scopes=["outcomes:read"],
            jwks=None,
            now=now,
        )
        name = str(client.id)
    form = {"grant_type": "client_credentials", "client_id": name, "client_secret": secret or ""}
    return str(world.service.client.post("/oauth/token", data=form).raise_for_status().json()["access_token"])


def _session(world: World) -> str:
    with world.service.transaction() as session:
        account = factories.cast_in(session, clock.now())["asha.kerrin"].account_id
        return sessions.start_session(session, account_id=account, method="test", now=clock.now())


def _on_behalf() -> dict[str, str]:
    return {"Sameday-On-Behalf-Of": EMAIL}


def _with(world: World, token: str) -> httpx.Response:
    headers = {"Authorization": f"Bearer {token}", **_on_behalf()}
    return world.service.client.get("/api/v1/sites", headers=headers)


def _me(world: World, *, cookie: str) -> httpx.Response:
    return world.service.client.get("/api/v1/me", headers={"Cookie": f"{SESSION_COOKIE}={cookie}"})
