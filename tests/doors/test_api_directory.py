"""Who I am, who can be told, and keeping that list."""

from uuid import uuid4

from serving import Service

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
