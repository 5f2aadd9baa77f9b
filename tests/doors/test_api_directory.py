"""Who I am, who can be told, and keeping that list."""

from dataclasses import dataclass
from typing import Any
from uuid import uuid4

import pytest
from serving import Caller, Service

from app.questionnaires import load_forms


def test_an_account_learns_who_it_is(service: Service) -> None:
    me = service.caller().get("/me").json()
    assert (me["name"], me["organisation"]) == ("Dr Asha Kerrin", "Beacon Down Hospital Trust")
    assert {"role": "clinician", "site": "beacon-down"} in me["roles"]


def test_those_who_choose_recipients_see_the_teams_and_others_do_not(service: Service) -> None:
    teams = {one["code"]: one for one in service.caller().get("/teams").json()["items"]}
    assert "Priya Dunmore" in [one["name"] for one in teams["beacon-duty"]["members"]]
    assert "inbox_email" not in teams["beacon-duty"]
    assert service.caller("priya.dunmore").get("/teams").status_code == 404


def test_the_forms_are_served_as_questionnaire_and_as_schema(embedded_service: Service) -> None:
    caller = embedded_service.caller()
    listed = caller.get("/forms").json()["items"]
    assert [(one["name"], one["version"]) for one in listed] == [(one.name, one.version) for one in load_forms()]
    form = caller.get("/forms/cp-medical-outcome/1.0.0").json()
    assert (form["resourceType"], form["version"]) == ("Questionnaire", "1.0.0")
    schema = caller.get("/forms/cp-medical-outcome/1.0.0/schema").json()
    assert schema["$schema"] == "https://json-schema.org/draft/2020-12/schema"


def test_an_administrator_brings_in_a_person_who_can_then_sign_in_until_the_token_is_stopped(service: Service) -> None:
    administrator, unique = service.caller("demo.admin"), uuid4().hex[:8]
    organisation, team = f"o-{unique}", f"t-{unique}"
    body = {"code": organisation, "name": "New council"}
    assert administrator.post("/organisations", body).status_code == 201
    body = {"organisation": organisation, "code": team, "name": "New team", "role": "social-worker"}
    assert administrator.post("/teams", body | {"inbox_email": "duty@new.example"}).status_code == 201
    person = {"organisation": organisation, "email": f"p-{unique}@new.example", "name": "New Person"}
    account = administrator.post("/accounts", person).json()
    assert administrator.post(f"/accounts/{account['id']}/memberships", {"team": team}).status_code == 201
    role = {"role": "clinician", "site": "harbour"}
    assert administrator.post(f"/accounts/{account['id']}/roles", role).status_code == 201
    token = administrator.post(f"/accounts/{account['id']}/tokens", {"label": "laptop"}).json()
    headers = {"Authorization": f"Bearer {token['token']}"}
    me = service.caller(None).get("/me", headers=headers).json()
    assert (me["name"], [one["code"] for one in me["teams"]], me["roles"]) == ("New Person", [team], [role])
    assert administrator.call("DELETE", f"/tokens/{token['id']}").status_code == 204
    assert service.caller(None).get("/me", headers=headers).status_code == 401


def test_what_was_given_is_taken_away_by_the_next_call(service: Service) -> None:
    administrator, person = service.caller("demo.admin"), _newcomer(service, "beacon-police")
    path, outcome = f"/accounts/{person.account_id}", f"/outcomes/{service.caller().signed()}"
    role = {"role": "clinician", "site": "harbour"}
    assert administrator.post(f"{path}/roles", role).status_code == 201
    assert administrator.post(f"{path}/roles", {"role": "privacy-officer"}).status_code == 201
    assert person.get(outcome).status_code == 200
    assert administrator.call("DELETE", f"{path}/memberships/beacon-police").status_code == 204
    assert person.get(outcome).status_code == 404
    assert administrator.call("DELETE", f"{path}/roles/clinician").status_code == 204
    assert role in person.get("/me").json()["roles"]
    assert administrator.call("DELETE", f"{path}/roles/clinician?site=harbour").status_code == 204
    assert person.get("/me").json()["roles"] == [{"role": "privacy-officer", "site": None}]
    assert administrator.call("DELETE", f"{path}/roles/privacy-officer").status_code == 204
    assert person.get("/me").json()["roles"] == []


def test_closing_an_account_stops_its_tokens_at_once(service: Service) -> None:
    administrator, person = service.caller("demo.admin"), _newcomer(service, "beacon-police")
    path = f"/accounts/{person.account_id}"
    (told,) = administrator.get(f"{path}/tokens").json()["items"]
    assert set(told) == {"id", "label", "created_at", "expires_at", "revoked_at"}
    assert (told["label"], told["revoked_at"]) == ("laptop", None)
    for _ in range(2):
        assert administrator.call("DELETE", path).status_code == 204
    assert person.get("/me").status_code == 401
    assert administrator.get(f"{path}/tokens").json()["items"][0]["revoked_at"] is not None
    accounts = _all(administrator, "/accounts", 100)
    assert [one["closed_at"] is None for one in accounts if one["id"] == person.account_id] == [False]


def test_a_grant_that_is_ended_opens_nothing_from_the_next_call_on(service: Service) -> None:
    administrator, person = service.caller("demo.admin"), _newcomer(service, "beacon-police")
    outcome = f"/outcomes/{service.caller().signed()}"
    outcome_id = person.get(outcome).json()["id"]
    team_id = administrator.get("/teams/beacon-police").json()["id"]
    grants = _all(administrator, "/grants", 2, outcome_id=outcome_id)
    (grant,) = [one["id"] for one in grants if one["team_id"] == team_id]
    assert administrator.call("DELETE", f"/grants/{grant}").status_code == 204
    assert person.get(outcome).status_code == 404
    (ended,) = [one for one in _all(administrator, "/grants", 2, outcome_id=outcome_id) if one["id"] == grant]
    assert ended["until_at"] is not None
    assert service.caller().get(outcome).status_code == 200


def test_only_administrators_take_anything_away(service: Service) -> None:
    person = _newcomer(service, "beacon-police")
    path = f"/accounts/{person.account_id}"
    paths = ["", "/memberships/beacon-police", "/roles/clinician"]
    for caller in (service.caller(), person):
        calls = [caller.call("DELETE", path + end) for end in paths]
        calls += [caller.get(f"{path}/tokens"), caller.get(f"/grants?outcome_id={uuid4()}")]
        assert {one.status_code for one in [*calls, caller.call("DELETE", f"/grants/{uuid4()}")]} == {404}
    assert [one["code"] for one in person.get("/me").json()["teams"]] == ["beacon-police"]


def test_what_is_not_there_cannot_be_taken_away(service: Service) -> None:
    administrator, person = service.caller("demo.admin"), _newcomer(service, "beacon-police")
    path = f"/accounts/{person.account_id}"
    for gone in (f"/accounts/{uuid4()}", f"/accounts/{uuid4()}/memberships/beacon-police", f"/grants/{uuid4()}"):
        assert administrator.call("DELETE", gone).status_code == 404
    nobody = administrator.call("DELETE", f"{path}/memberships/nowhere")
    assert nobody.json()["type"] == "urn:sameday:problem:unknown-team"
    nowhere = administrator.call("DELETE", f"{path}/roles/clinician?site=nowhere")
    assert nowhere.json()["type"] == "urn:sameday:problem:unknown-site"


def test_administrators_cannot_let_themselves_in(service: Service) -> None:
    administrator = service.caller("demo.admin")
    me = administrator.get("/me").json()
    path = f"/accounts/{me['account_id']}"
    for call in (
        administrator.post(f"{path}/memberships", {"team": "beacon-police"}),
        administrator.post(f"{path}/roles", {"role": "clinician"}),
        administrator.post(f"{path}/tokens", {"label": "another"}),
        administrator.call("DELETE", f"{path}/roles/administrator"),
        administrator.call("DELETE", path),
    ):
        assert call.status_code == 404
    assert administrator.get("/me").json() == me
    events = _all(administrator, "/audit", 100, object_id=me["account_id"])
    denied = {one["action"] for one in events if one["result"] == "denied"}
    assert denied == {"join-team", "give-role", "issue-token", "end-role", "close-account"}


@pytest.mark.parametrize("path", ["/organisations", "/accounts", "/teams", "/sites"])
def test_a_list_of_the_directory_comes_in_pages(service: Service, path: str) -> None:
    administrator = service.caller("demo.admin")
    whole = _all(administrator, path, 100)
    assert _all(administrator, path, 3) == whole
    assert len(whole) > 3
    first = administrator.get(path, params={"limit": 3}).json()
    assert (len(first["items"]), first["next"] is None) == (3, False)


def test_of_two_changes_to_a_team_made_from_one_state_the_second_is_stale(service: Service) -> None:
    administrator = service.caller("demo.admin")
    read = administrator.get("/teams/meon-gp")
    path, tag = "/teams/meon-gp", {"If-Match": read.headers["etag"]}
    first = administrator.call("PATCH", path, json={"name": "First"}, headers=tag)
    second = administrator.call("PATCH", path, json={"name": "Second"}, headers=tag)
    assert (first.status_code, second.status_code) == (200, 412)
    now = administrator.get(path)
    assert (now.json(), now.headers["etag"]) == (first.json(), first.headers["etag"])
    assert now.json() == read.json() | {"name": "First"}


def test_a_webhook_secret_is_never_shown_again(service: Service) -> None:
    administrator, code = service.caller("demo.admin"), f"hook-{uuid4().hex[:8]}"
    hook = {"webhook_url": "https://council.example/hook", "webhook_secret": "whsec_" + "A" * 32}
    body = {"organisation": "meon-council", "code": code, "name": "Hook", "role": "social-worker", **hook}
    answer = administrator.post("/teams", body)
    assert answer.json()["webhook_url"] == hook["webhook_url"]
    assert "whsec_" not in answer.text + administrator.get(f"/teams/{code}").text


def test_a_new_site_stands_in_the_list_with_the_policy_it_was_given(service: Service) -> None:
    administrator, code = service.caller("demo.admin"), f"s-{uuid4().hex[:8]}"
    body = {"organisation": "meon-trust", "code": code, "name": "New site"}
    assert administrator.post("/sites", body).status_code == 201
    assert code in [one["code"] for one in service.caller().get("/sites").json()["items"]]


def test_audit_pages_follow_each_other(service: Service) -> None:
    author, administrator = service.caller(), service.caller("demo.admin")
    outcome_id = author.get(f"/outcomes/{author.signed()}").json()["id"]
    pages, after = [], {}
    while True:
        params = {"object_id": outcome_id, "limit": 2, **after}
        page = administrator.get("/audit", params=params).json()
        pages += [one["id"] for one in page["items"]]
        if page["next"] is None:
            break
        after = {"after": page["next"]}
    assert len(pages) == len(set(pages)) >= 3
    assert pages == sorted(pages, reverse=True)


@dataclass
class _Newcomer(Caller):
    account_id: str = ""


def _newcomer(service: Service, team: str) -> _Newcomer:
    """Somebody whom no other test knows, in a team and with a token."""
    administrator, unique = service.caller("demo.admin"), uuid4().hex[:8]
    person = {"organisation": "meon-council", "email": f"n-{unique}@new.example", "name": "New Comer"}
    account_id = administrator.post("/accounts", person).json()["id"]
    assert administrator.post(f"/accounts/{account_id}/memberships", {"team": team}).status_code == 201
    token = administrator.post(f"/accounts/{account_id}/tokens", {"label": "laptop"}).json()["token"]
    return _Newcomer(service.client, token, account_id=account_id)


def _all(caller: Caller, path: str, limit: int, **params: str) -> list[dict[str, Any]]:
    """Every item of a list, page by page."""
    items: list[dict[str, Any]] = []
    after: dict[str, str] = {}
    while True:
        page = caller.get(path, params={"limit": limit, **params, **after}).json()
        assert len(page["items"]) <= limit
        items += page["items"]
        if page["next"] is None:
            return items
        after = {"after": page["next"]}
