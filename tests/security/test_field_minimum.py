"""What a recipient's role does not need is not told to them, they are told so, and the rest is all there."""

from typing import Any
from uuid import uuid4

import factories
import pytest
from serving import Caller, Service

from app import clock
from app.outcomes.minimum import gone_from, minimum_of
from app.people.rules import RECIPIENT_ROLES
from app.sites import actions, queries
from app.sites.minimum import NEEDED_BY_ALL, FieldMinimum, RoleMinimum
from app.sites.rules import SitePolicy

ANSWERS = {
    "child": {"surname": "Marwood", "school": "Hill School"},
    "history": {
        "background": "known",
        "household": [{"household-name": "A", "household-age": 3}, {"household-age": 4}],
    },
    "opinion": {"overall-likelihood": "L4"},
}
SHOWN_TO_OTHER = {
    "child": {"surname", "forenames", "birth-date", "nhs-number", "sex", "language", "interpreter"},
    "opinion": {
        "overall-likelihood",
        "opinion-reason",
        "neglect",
        "category",
        "significant-harm",
        "safe-to-return",
        "not-until",
    },
    "recommendations": {"asked-of"},
    "sharing": {"recipients", "handed-over", "era"},
}
"""Of the answers of case 2, and nothing else."""
WHOLE = sorted(set(RECIPIENT_ROLES) - {"other"})
TEAM_OF = {
    "social-worker": "beacon-duty",
    "police": "beacon-police",
    "gp": "beacon-gp",
    "health-visitor": "beacon-health-visitors",
    "school-nurse": "beacon-school-nurses",
    "named-nurse": "beacon-named-nurses",
    "sarc": "harbour-sarc",
    "other": "beacon-others",
}


@pytest.mark.parametrize(
    ("shown", "left", "gone"),
    [
        (None, ANSWERS, []),
        ({"child", "history", "opinion"}, ANSWERS, []),
        ({"opinion"}, {"opinion": ANSWERS["opinion"]}, ["/child", "/history"]),
        ({"surname"}, {"child": {"surname": "Marwood"}}, ["/child/school", "/history", "/opinion"]),
        (
            {"household-name", "opinion"},
            {"history": {"household": [{"household-name": "A"}, {}]}, "opinion": ANSWERS["opinion"]},
            [
                "/child",
                "/history/background",
                "/history/household/0/household-age",
                "/history/household/1/household-age",
            ],
        ),
        (set(), {}, ["/child", "/history", "/opinion"]),
        ({"no-such-question"}, {}, ["/child", "/history", "/opinion"]),
    ],
)
def test_what_is_not_named_is_left_out_and_pointed_at(
    shown: set[str] | None, left: dict[str, Any], gone: list[str]
) -> None:
    assert minimum_of(ANSWERS, shown) == left
    assert list(gone_from(ANSWERS, left)) == gone


@pytest.mark.parametrize(
    ("roles", "shown"),
    [
        (None, None),
        ({"a"}, {*NEEDED_BY_ALL, "child"}),
        ({"b"}, {*NEEDED_BY_ALL, "history"}),
        ({"a", "b"}, {*NEEDED_BY_ALL, "child", "history"}),
        ({"a", "gp"}, None),
        ({"gp"}, None),
    ],
)
def test_who_reads_by_several_roles_is_shown_what_any_of_them_is(
    roles: set[str] | None, shown: set[str] | None
) -> None:
    minimum = _minimum(a=(*NEEDED_BY_ALL, "child"), b=(*NEEDED_BY_ALL, "history"))
    assert minimum.shown_to(None if roles is None else frozenset(roles)) == shown


@pytest.mark.parametrize("hidden", NEEDED_BY_ALL)
def test_no_site_hides_what_nobody_can_act_without(hidden: str) -> None:
    with pytest.raises(ValueError, match=f"gp cannot act without {hidden}"):
        _minimum(gp=tuple(one for one in NEEDED_BY_ALL if one != hidden))


def test_no_site_hides_anything_from_the_social_worker() -> None:
    with pytest.raises(ValueError, match="is shown everything"):
        _minimum(**{"social-worker": tuple(NEEDED_BY_ALL)})


def test_a_policy_names_each_role_once() -> None:
    role = RoleMinimum(role="gp", shown=tuple(NEEDED_BY_ALL))
    with pytest.raises(ValueError, match="each role once"):
        FieldMinimum(roles=(role, role), source="ours", checked_on=clock.now().date())


@pytest.fixture(scope="module")
def readers(embedded_service: Service) -> dict[str, Caller]:
    """For each recipient role somebody who is in a team of that role, and in no other."""
    admin = embedded_service.caller("demo.admin")
    team = {"organisation": "beacon-down-council", "code": "beacon-others", "role": "other", "name": "Others"}
    _made(admin.post("/teams", team | {"inbox_email": "o@beacon-down-council.example"}))
    for role, code in TEAM_OF.items():
        _add(admin, f"reads-as-{role}", code)
    return {role: embedded_service.caller(f"reads-as-{role}") for role in TEAM_OF}


@pytest.fixture(scope="module")
def reference(embedded_service: Service, readers: dict[str, Caller]) -> str:
    """An outcome that every role is told of."""
    return _signed(embedded_service.caller())


@pytest.mark.parametrize("role", WHOLE)
def test_a_role_that_needs_all_is_given_all(
    embedded_service: Service, readers: dict[str, Caller], reference: str, role: str
) -> None:
    told = readers[role].get(f"/outcomes/{reference}/versions/1").json()
    assert told["withheld"] == []
    assert told["answers"] == embedded_service.caller().get(f"/outcomes/{reference}/versions/1").json()["answers"]
    document = readers[role].get(f"/outcomes/{reference}/versions/1/document")
    assert document.json()["type"].endswith("document-not-ready"), "it is let through to the document"


def test_another_recipient_is_given_what_they_need_and_not_one_member_more(
    embedded_service: Service, readers: dict[str, Caller], reference: str
) -> None:
    whole = embedded_service.caller().get(f"/outcomes/{reference}/versions/1").json()["answers"]
    told = readers["other"].get(f"/outcomes/{reference}/versions/1").json()
    assert {section: set(members) for section, members in told["answers"].items()} == SHOWN_TO_OTHER
    for section, members in told["answers"].items():
        assert all(whole[section][name] == value for name, value in members.items())
    assert told["withheld"] == list(gone_from(whole, told["answers"], "/answers"))
    assert {"/answers/history", "/answers/examination", "/answers/consent"} <= set(told["withheld"])


def test_who_is_not_shown_all_is_not_given_the_document_and_told_whom_to_ask(
    readers: dict[str, Caller], reference: str
) -> None:
    answer = readers["other"].get(f"/outcomes/{reference}/versions/1/document")
    assert (answer.status_code, answer.json()["type"]) == (403, "urn:sameday:problem:document-withheld")
    assert "Asha Kerrin" in answer.json()["detail"]
    assert "Marwood" not in answer.text


def test_two_roles_show_what_either_shows(embedded_service: Service, readers: dict[str, Caller]) -> None:
    admin = embedded_service.caller("demo.admin")
    account = _add(admin, "both", "beacon-others")
    reference = _signed(embedded_service.caller())
    both = embedded_service.caller("both")
    assert both.get(f"/outcomes/{reference}/versions/1").json()["withheld"]
    _made(admin.post(f"/accounts/{account}/memberships", {"team": "beacon-police"}))
    assert both.get(f"/outcomes/{reference}/versions/1").json()["withheld"] == []


def test_each_site_has_its_own_minimum(embedded_service: Service, readers: dict[str, Caller]) -> None:
    author = embedded_service.caller()
    _policy(embedded_service, _minimum(gp=(*NEEDED_BY_ALL, "child"), police=(*NEEDED_BY_ALL, "sharing")))
    reference = _signed(author)
    shown = {role: readers[role].get(f"/outcomes/{reference}/versions/1").json()["answers"] for role in TEAM_OF}
    assert ("sharing" in shown["gp"], "sharing" in shown["police"]) == (False, True)
    assert "sex" in shown["gp"]["child"]
    assert "sex" not in shown["police"]["child"]
    assert shown["other"] == shown["social-worker"] == author.get(f"/outcomes/{reference}/versions/1").json()["answers"]
    _policy(embedded_service, SitePolicy().minimum)
    assert readers["gp"].get(f"/outcomes/{reference}/versions/1").json()["withheld"] == []


def test_who_it_was_given_to_reads_by_their_team_and_a_clinician_as_one(
    embedded_service: Service, readers: dict[str, Caller]
) -> None:
    author = embedded_service.caller()
    reference = author.signed()
    for email in ("reads-as-other@beacon-down-council.example", "marek.ostrow@harbour-trust.example"):
        _made(
            author.post(f"/outcomes/{reference}/grants", {"kind": "given", "email": email, "reason": "She asked us."})
        )
    path = f"/outcomes/{reference}/versions/1"
    assert set(readers["other"].get(path).json()["answers"]) == set(SHOWN_TO_OTHER)
    assert embedded_service.caller("marek.ostrow").get(path).json()["withheld"] == []
    assert author.get(path).json()["withheld"] == []


def _minimum(**roles: tuple[str, ...]) -> FieldMinimum:
    rows = tuple(RoleMinimum(role=role, shown=shown) for role, shown in roles.items())
    return FieldMinimum(roles=rows, source="made up", checked_on=clock.now().date())


def _policy(service: Service, minimum: FieldMinimum) -> None:
    with service.transaction() as session:
        site = queries.site_by_code(session, "beacon-down")
        changed = queries.policy_of(site).model_copy(update={"minimum": minimum})
        actions.change_policy(session, None, site, changed, now=clock.now())


def _signed(author: Caller) -> str:
    """An outcome whose recipients are all the teams."""
    rows = [
        {"recipient-role": role, "recipient-team": code}
        | ({"recipient-reason": "She asked."} if role == "other" else {})
        for role, code in TEAM_OF.items()
    ]
    reference = author.begin()
    _made(author.save(reference, factories.complete_answers(clock.now(), recipients=rows)))
    _made(author.sign(reference))
    return reference


def _add(admin: Caller, name: str, team: str) -> str:
    email = f"{name}@beacon-down-council.example"
    body = {"organisation": "beacon-down-council", "email": email, "name": f"Reader {uuid4().hex}"}
    account = str(_made(admin.post("/accounts", body))["id"])
    _made(admin.post(f"/accounts/{account}/memberships", {"team": team}))
    return account


def _made(answer: Any) -> Any:
    assert answer.is_success, answer.text
    return answer.json()
