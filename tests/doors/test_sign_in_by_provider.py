"""Signing in with a real OpenID provider, as a browser does, in the CIS2 and the Entra ID shape."""

from collections.abc import Iterator
from datetime import timedelta
from typing import Any
from urllib.parse import parse_qs, urlsplit
from uuid import uuid4

import factories
import httpx
import pytest
from providers import CLIENT_ID, Browser, RealProvider, cis2, entra, providers_file, real_provider
from serving import Service, service_on

from app import clock
from app.people import identities, links
from app.people.oidc_rules import LOGOUT_EVENT
from app.people.tables import Account

ASHA = "555021935107"
TENANT, PERSON = "11111111-2222-4333-8444-555555555555", "66666666-7777-4888-9999-aaaaaaaaaaaa"


@pytest.fixture(scope="module")
def provider(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RealProvider]:
    with real_provider(tmp_path_factory.mktemp("provider")) as provider:
        yield provider


@pytest.fixture(scope="module", params=["sqlite", "postgresql"])
def service(
    request: pytest.FixtureRequest, provider: RealProvider, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Service]:
    yield from _knowing(provider, request.param, request, tmp_path_factory)


@pytest.fixture(scope="module")
def embedded(
    request: pytest.FixtureRequest, provider: RealProvider, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Service]:
    """For what does not depend on the database."""
    yield from _knowing(provider, "sqlite", request, tmp_path_factory)


def _knowing(
    provider: RealProvider, database: str, request: pytest.FixtureRequest, factory: pytest.TempPathFactory
) -> Iterator[Service]:
    """It knows the provider by two names: in this world one and the same runs for the NHS and for the council."""
    # Another spelling of the same address, as one issuer may stand in the file only once.
    of_council = provider.issuer.replace("localhost", "127.0.0.1")
    profiles = cis2(provider.issuer), entra(of_council, organisations=["beacon-down-council"])
    settings = providers_file(factory.mktemp("settings"), *profiles)
    for service in service_on(database, request, factory, **settings):
        with service.transaction() as session:
            cast, now = factories.cast_in(session, clock.now()), clock.now()
            for person, issuer, subject in (
                ("asha.kerrin", provider.issuer, ASHA),
                ("priya.dunmore", of_council, f"{TENANT}/{PERSON}"),
            ):
                account = cast[person].account_id
                identities.link_identity(session, None, account_id=account, issuer=issuer, subject=subject, now=now)
        yield service


@pytest.fixture
def browser(service: Service) -> Iterator[Browser]:
    with httpx.Client(base_url=service.url, timeout=60) as client:
        yield Browser(client)


@pytest.fixture
def visitor(embedded: Service) -> Iterator[Browser]:
    with httpx.Client(base_url=embedded.url, timeout=60) as client:
        yield Browser(client)


def role(**changed: Any) -> dict[str, Any]:
    """One role as CIS2 tells it."""
    return {
        "person_orgid": "555021935900",
        "person_roleid": "555021935901",
        "org_code": "ZZB01",
        "role_name": '"Clinical":"Clinical Provision":"Consultant"',
        "role_code": "S8000:G8000:R8000",
        **changed,
    }


def cis2_claims(sub: str = ASHA, **changed: Any) -> dict[str, Any]:
    """What CIS2 says of a person."""
    return {
        "uid": sub,
        "id_assurance_level": "3",
        "authentication_assurance_level": "2",
        "selected_roleid": "555021935901",
        "nhsid_nrbac_roles": [role()],
        "sid": f"session-{sub}",
        **changed,
    }


def signed_in(browser: Browser, provider: RealProvider, sub: str, name: str = "cis2", **query: str) -> httpx.Response:
    asked = browser.begins(name, **query)
    return browser.follows(provider.signs_in(asked["address"], sub))


def test_a_clinician_signs_in_with_cis2(service: Service, browser: Browser, provider: RealProvider) -> None:
    provider.knows(ASHA, **cis2_claims())
    asked = browser.begins("cis2", return_to="/outcomes/7Q4K-2P")
    wanted = {"response_type": "code", "client_id": CLIENT_ID, "code_challenge_method": "S256", "prompt": "login"}
    assert wanted.items() <= asked.items()
    assert (asked["acr_values"], asked["max_age"]) == ("AAL2_OR_AAL3_ANY", "0")
    assert asked["redirect_uri"] == f"{service.url}/sign-in/cis2/callback"
    answer = browser.follows(provider.signs_in(asked["address"], ASHA))
    assert answer.status_code == 200
    assert answer.headers["content-type"] == "text/html; charset=utf-8"
    assert f'href="{service.url}/outcomes/7Q4K-2P"' in answer.text
    assert "no-store" in answer.headers["cache-control"]
    cookies = answer.headers.get_list("set-cookie")
    (kept,) = (one for one in cookies if one.startswith("__Host-sameday="))
    assert {"Secure", "HttpOnly", "SameSite=strict", "Path=/"} <= set(kept.split("; "))
    assert browser.get("/api/v1/me").json()["email"] == "asha.kerrin@beacon-down-trust.example"
    assert not browser.is_bound


def test_signing_in_again_ends_the_session_that_the_browser_had(browser: Browser, provider: RealProvider) -> None:
    provider.knows(ASHA, **cis2_claims())
    signed_in(browser, provider, ASHA)
    former = Browser(browser.client, dict(browser.cookies))
    assert former.is_signed_in
    signed_in(browser, provider, ASHA)
    assert browser.is_signed_in
    assert not former.is_signed_in


def test_a_sign_in_by_a_provider_is_fresh(browser: Browser, provider: RealProvider) -> None:
    provider.knows(ASHA, **cis2_claims())
    signed_in(browser, provider, ASHA)
    answer = browser.client.post(
        "/api/v1/outcomes/2222-22/versions",
        json={},
        headers={"Cookie": f"__Host-sameday={browser.cookies['__Host-sameday']}", "Sec-Fetch-Site": "same-origin"},
    )
    assert answer.json()["type"] != "urn:sameday:problem:fresh-sign-in-needed"


@pytest.mark.parametrize(
    ("changed", "words"),
    [
        ({"id_assurance_level": "2"}, "checked to level 3"),
        ({"id_assurance_level": None}, "checked to level 3"),
        ({"id_assurance_level": "33"}, "checked to level 3"),
        ({"id_assurance_level": True}, "checked to level 3"),
        ({"authentication_assurance_level": "1"}, "second factor"),
        ({"authentication_assurance_level": ["3"]}, "second factor"),
        ({"uid": "999999999999"}, "not clear"),
        ({"auth_time": 1}, "sign in anew"),
        ({"auth_time": "now"}, "cannot be believed"),
        ({"nhsid_nrbac_roles": [role(org_code="ZZH01")]}, "another organisation"),
        ({"nhsid_nrbac_roles": []}, "another organisation"),
        ({"nhsid_nrbac_roles": "ZZB01"}, "another organisation"),
        ({"selected_roleid": "555021935999"}, "another organisation"),
        ({"nhsid_nrbac_roles": [role(org_code="ZZH01"), role(person_roleid="555021935902")]}, "another organisation"),
        ({"nhsid_nrbac_roles": [role(role_code="S8000:G8000:R9999")]}, "Choose another"),
        ({"nhsid_nrbac_roles": [role(role_code=8000)]}, "Choose another"),
        ({"nonce": "of another sign-in"}, "cannot be believed"),
        ({"iss": "https://other.example"}, "cannot be believed"),
        ({"aud": "another-client"}, "cannot be believed"),
        ({"aud": [CLIENT_ID, "another-client"]}, "cannot be believed"),
        ({"azp": "another-client"}, "cannot be believed"),
        ({"exp": 1}, "cannot be believed"),
        ({"iat": 1}, "cannot be believed"),
        ({"at_hash": "bm90IHRoaXM"}, "cannot be believed"),
        ({"at_hash": 7}, "cannot be believed"),
    ],
    ids=lambda value: str(value)[:60],
)
def test_whoever_is_not_sure_enough_is_told_so_and_stays_outside(
    visitor: Browser, provider: RealProvider, changed: dict[str, Any], words: str
) -> None:
    provider.knows(ASHA, **cis2_claims(**changed))
    answer = signed_in(visitor, provider, ASHA)
    assert answer.status_code == 403
    assert words in answer.text
    assert not visitor.cookies


def test_an_organisation_s_person_signs_in_with_entra(
    service: Service, browser: Browser, provider: RealProvider
) -> None:
    issuer = provider.issuer.replace("localhost", "127.0.0.1")
    address = RealProvider(issuer)
    address.knows("pairwise", tid=TENANT, oid=PERSON, amr=["pwd", "mfa"], preferred_username="anybody@else.example")
    answer = signed_in(browser, address, "pairwise", "council")
    assert answer.status_code == 200, service.rows("SELECT detail FROM audit_event ORDER BY number DESC LIMIT 1")
    assert browser.get("/api/v1/me").json()["email"] == "priya.dunmore@beacon-down-council.example"


@pytest.mark.parametrize(
    "changed",
    [
        {"amr": ["pwd"]},
        {"amr": "password"},
        {"amr": None},
        {"tid": "99999999-2222-4333-8444-555555555555"},
        {"oid": "99999999-7777-4888-9999-aaaaaaaaaaaa"},
        {"oid": ""},
        {"oid": ["66666666-7777-4888-9999-aaaaaaaaaaaa"]},
        {"oid": None, "preferred_username": "priya.dunmore@beacon-down-council.example"},
    ],
    ids=str,
)
def test_a_person_of_entra_is_known_by_tenant_and_object_id_and_needs_a_second_factor(
    visitor: Browser, provider: RealProvider, changed: dict[str, Any]
) -> None:
    address = RealProvider(provider.issuer.replace("localhost", "127.0.0.1"))
    address.knows("other", **({"tid": TENANT, "oid": PERSON, "amr": ["mfa"]} | changed))
    assert signed_in(visitor, address, "other", "council").status_code == 403
    assert not visitor.cookies


def test_somebody_without_a_link_gets_no_account_whatever_their_address_is(
    service: Service, browser: Browser, provider: RealProvider
) -> None:
    sub = f"5{uuid4().int % 10**11:011}"
    provider.knows(sub, **cis2_claims(sub, email="asha.kerrin@beacon-down-trust.example", email_verified=True))
    before = service.rows("SELECT count(*) FROM account")
    answer = signed_in(browser, provider, sub)
    assert (answer.status_code, "Ask your administrator" in answer.text) == (403, True)
    assert service.rows("SELECT count(*) FROM account") == before
    assert service.rows("SELECT detail FROM audit_event ORDER BY number DESC LIMIT 1")[0][0] in (
        {"why": "nobody-linked"},
        '{"why": "nobody-linked"}',
    )


def test_an_invitation_links_whoever_opens_it_once(service: Service, browser: Browser, provider: RealProvider) -> None:
    sub, now = f"5{uuid4().int % 10**11:011}", clock.now()
    provider.knows(sub, **cis2_claims(sub, nhsid_nrbac_roles=[role(org_code="ZZH01")]))
    with service.transaction() as session:
        adam = factories.cast_in(session, now)["adam.fenn"]
        account = session.get_one(Account, adam.account_id)
        address = links.print_link(session, account, links.INVITATION, service.url, resets_second_factor=False, now=now)
    secret = address.partition("#")[2]
    begun = browser.client.post("/sign-in/cis2", json={"link": secret}, headers={"Sec-Fetch-Site": "same-origin"})
    assert begun.status_code == 200, begun.text
    browser.keep(begun)
    assert browser.follows(provider.signs_in(begun.json()["address"], sub)).status_code == 200
    assert browser.get("/api/v1/me").json()["email"] == "adam.fenn@harbour-trust.example"
    again = browser.client.post("/sign-in/cis2", json={"link": secret}, headers={"Sec-Fetch-Site": "same-origin"})
    assert (again.status_code, again.json()["type"]) == (404, "urn:sameday:problem:link-not-valid")
    other = Browser(browser.client)
    assert signed_in(other, provider, sub).status_code == 200


def test_an_invitation_of_another_organisation_s_person_links_nobody(
    service: Service, browser: Browser, provider: RealProvider
) -> None:
    sub, now = f"5{uuid4().int % 10**11:011}", clock.now()
    provider.knows(sub, **cis2_claims(sub))
    with service.transaction() as session:
        lila = factories.cast_in(session, now)["lila.crane"]
        account = session.get_one(Account, lila.account_id)
        address = links.print_link(session, account, links.INVITATION, service.url, resets_second_factor=False, now=now)
    body = {"link": address.partition("#")[2]}
    begun = browser.client.post("/sign-in/cis2", json=body, headers={"Sec-Fetch-Site": "same-origin"})
    browser.keep(begun)
    assert browser.follows(provider.signs_in(begun.json()["address"], sub)).status_code == 403
    assert service.rows(f"SELECT count(*) FROM identity WHERE subject = '{sub}'")[0][0] == 0
    # The invitation still opens: it was the wrong role that was chosen.
    assert browser.client.post("/sign-in/cis2", json=body, headers={"Sec-Fetch-Site": "same-origin"}).status_code == 200


def test_an_invitation_adds_no_way_in_to_an_account_that_has_one(service: Service, browser: Browser) -> None:
    now = clock.now()
    with service.transaction() as session:
        asha = factories.cast_in(session, now)["asha.kerrin"]
        account = session.get_one(Account, asha.account_id)
        address = links.print_link(session, account, links.INVITATION, service.url, resets_second_factor=False, now=now)
    body = {"link": address.partition("#")[2]}
    refused = browser.client.post("/sign-in/cis2", json=body, headers={"Sec-Fetch-Site": "same-origin"})
    assert (refused.status_code, refused.json()["type"]) == (409, "urn:sameday:problem:second-factor-kept")


def test_a_code_is_good_for_one_sign_in_in_the_browser_that_began_it(browser: Browser, provider: RealProvider) -> None:
    provider.knows(ASHA, **cis2_claims())
    address = provider.signs_in(browser.begins()["address"], ASHA)
    cookies = dict(browser.cookies)
    stranger = Browser(browser.client)
    assert stranger.follows(address).status_code == 400
    victim = Browser(browser.client)
    victim.begins()
    assert victim.follows(address).status_code == 400
    assert browser.follows(address).status_code == 200
    again = Browser(browser.client, cookies)
    answer = again.follows(address)
    assert (answer.status_code, "Start again" in answer.text) == (400, True)
    assert not again.is_signed_in


def test_a_code_of_another_sign_in_is_refused_by_the_provider(browser: Browser, provider: RealProvider) -> None:
    # An attacker's own code, put into the victim's sign-in: PKCE and the nonce both stand against it.
    provider.knows(ASHA, **cis2_claims())
    stolen = parse_qs(urlsplit(provider.signs_in(Browser(browser.client).begins()["address"], ASHA)).query)["code"][0]
    asked = browser.begins()
    answer = browser.comes_back(state=asked["state"], code=stolen)
    assert (answer.status_code, "did not accept" in answer.text) == (403, True)


def test_a_refusal_there_is_a_page_here(browser: Browser, provider: RealProvider) -> None:
    asked = browser.begins()
    denied = httpx.post(asked["address"], data={"action": "deny"})
    query = {name: values[0] for name, values in parse_qs(urlsplit(denied.headers["location"]).query).items()}
    answer = browser.comes_back(**({"state": asked["state"]} | query))
    assert (answer.status_code, "did not sign you in" in answer.text) == (403, True)


@pytest.mark.parametrize("by", ["sid", "sub"])
def test_signing_out_there_ends_the_session_here_on_the_next_call(
    service: Service, browser: Browser, provider: RealProvider, by: str
) -> None:
    provider.knows(ASHA, **cis2_claims())
    signed_in(browser, provider, ASHA)
    assert browser.is_signed_in
    now = int(clock.now().timestamp())
    named = {"sid": f"session-{ASHA}"} if by == "sid" else {"sub": ASHA}
    token = provider.signed(
        {
            "iss": provider.issuer,
            "aud": CLIENT_ID,
            "iat": now,
            "exp": now + 120,
            "jti": uuid4().hex,
            "events": {LOGOUT_EVENT: {}},
            **named,
        },
        typ="logout+jwt",
    )
    answer = browser.client.post("/sign-in/cis2/backchannel-logout", data={"logout_token": token})
    assert (answer.status_code, answer.headers["cache-control"]) == (200, "no-store")
    assert browser.get("/api/v1/me").status_code == 401
    again = browser.client.post("/sign-in/cis2/backchannel-logout", data={"logout_token": token})
    assert (again.status_code, again.json()["type"]) == (400, "urn:sameday:problem:logout-refused")


def test_a_link_that_is_ended_ends_its_sessions(service: Service, browser: Browser, provider: RealProvider) -> None:
    sub = f"5{uuid4().int % 10**11:011}"
    provider.knows(sub, **cis2_claims(sub))
    administrator = service.caller("demo.admin")
    (asha,) = (
        one
        for one in administrator.get("/accounts?limit=100").json()["items"]
        if one["email"].startswith("asha.kerrin")
    )
    body = {"issuer": provider.issuer, "subject": sub}
    linked = administrator.post(f"/accounts/{asha['id']}/identities", body)
    assert linked.status_code == 201, linked.text
    assert administrator.post(f"/accounts/{asha['id']}/identities", body).status_code == 409
    signed_in(browser, provider, sub)
    assert browser.is_signed_in
    assert administrator.call("DELETE", f"/identities/{linked.json()['id']}").status_code == 204
    assert browser.get("/api/v1/me").status_code == 401
    listed = administrator.get(f"/accounts/{asha['id']}/identities").json()["items"]
    assert [one["ended_at"] is None for one in listed if one["subject"] == sub] == [False]
    assert administrator.call("DELETE", f"/identities/{uuid4()}").status_code == 404
    assert signed_in(Browser(browser.client), provider, sub).status_code == 403


def test_the_way_out_leads_to_the_provider(browser: Browser, provider: RealProvider) -> None:
    answer = browser.get("/sign-in/cis2/sign-out")
    assert answer.status_code == 303
    assert answer.headers["location"] == f"{provider.issuer}/oauth2/end_session?client_id={CLIENT_ID}"


def test_the_hour_of_the_provider_and_ours_may_differ_a_little(browser: Browser, provider: RealProvider) -> None:
    ahead = int((clock.now() + timedelta(seconds=30)).timestamp())
    provider.knows(ASHA, **cis2_claims(auth_time=ahead, iat=ahead))
    assert signed_in(browser, provider, ASHA).status_code == 200
