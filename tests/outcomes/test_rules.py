"""References, recipients, the guard and the digest: no database."""

import re
from dataclasses import replace
from datetime import date
from typing import Any
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.errors import DomainError
from app.outcomes import rules
from app.outcomes.rules import PlannedRecipient
from app.people.rules import DirectoryMember, DirectoryTeam
from app.sites.rules import StandingRecipient

PRIYA = DirectoryMember(UUID(int=101), "Priya Dunmore", "priya.dunmore@meon-council.example")
NELL = DirectoryMember(UUID(int=102), "DC Nell Marsh", "nell.marsh@coast-police.example")
DUTY = DirectoryTeam(UUID(int=1), "meon-duty", "Meon duty team", "social-worker", "Meon Council", (PRIYA,))
POLICE = DirectoryTeam(UUID(int=2), "meon-police", "CAIT", "police", "Coast Constabulary", (NELL,))
NURSES = DirectoryTeam(UUID(int=3), "meon-named-nurses", "Named nurses", "named-nurse", "Meon Trust", ())
TEAMS = {team.code: team for team in (DUTY, POLICE, NURSES)}
ALWAYS = (StandingRecipient(role="named-nurse", team="meon-named-nurses", reason="Told of every outcome"),)


def answers(*rows: dict[str, str]) -> dict[str, Any]:
    return {"sharing": {"recipients": list(rows)}}


def row(role: str, team: str, **more: str) -> dict[str, str]:
    return {"recipient-role": role, "recipient-team": team, **more}


def test_a_reference_is_random_and_has_no_look_alikes() -> None:
    references = {rules.new_reference() for _ in range(500)}
    assert len(references) > 495
    assert all(re.fullmatch(r"[2-9A-Z]{4}-[2-9A-Z]{2}", one) for one in references)
    assert not set("01OILSBZUAE") & set("".join(references))


@pytest.mark.parametrize(
    ("typed", "reference"),
    [("7Q4K-2P", "7Q4K-2P"), (" 7q4k-2p ", "7Q4K-2P"), ("7Q4K2P", None), ("7Q4K-2O", None), ("Leo Marwood", None)],
)
def test_a_typed_reference_is_known_in_any_case_or_not_at_all(typed: str, reference: str | None) -> None:
    assert rules.normal_reference(typed) == reference


def test_a_named_person_is_never_told_without_their_team() -> None:
    told = rules.recipients_for(
        answers(row("social-worker", "meon-duty", **{"recipient-person": "PRIYA.dunmore@meon-council.example"})),
        teams=TEAMS,
        always=(),
    )
    assert [(one.account_id, one.team_id, one.name, one.reason) for one in told] == [
        (PRIYA.account_id, DUTY.id, "Priya Dunmore", "Named on the outcome as social worker"),
        (None, DUTY.id, "Meon duty team", "Duty inbox of the team of Priya Dunmore"),
    ]


def test_the_site_s_standing_recipients_are_always_told_and_each_only_once() -> None:
    rows = [row("police", "meon-police"), row("police", "meon-police"), row("named-nurse", "meon-named-nurses")]
    told = rules.recipients_for(answers(*rows), teams=TEAMS, always=ALWAYS)
    assert [(one.name, one.role, one.reason) for one in told] == [
        ("CAIT", "police", "Team named on the outcome as police"),
        ("Named nurses", "named-nurse", "Team named on the outcome as named nurse"),
    ]
    alone = rules.recipients_for({}, teams=TEAMS, always=ALWAYS)
    assert [(one.name, one.reason) for one in alone] == [("Named nurses", "Told of every outcome")]


def test_a_reason_that_was_given_is_the_reason_shown() -> None:
    told = rules.recipients_for(
        answers(row("other", "meon-police", **{"recipient-reason": "Asked by the court"})), teams=TEAMS, always=()
    )
    assert [(one.role, one.reason) for one in told] == [("other", "Asked by the court")]


def test_everyone_told_before_is_told_again() -> None:
    before = PlannedRecipient("gp", UUID(int=7), None, "Quay Surgery", "Quay Surgery", "Was told of version 1")
    same = PlannedRecipient("police", POLICE.id, None, "CAIT", "Coast Constabulary", "Was told of version 1")
    told = rules.recipients_for(
        answers(row("police", "meon-police")), teams=TEAMS, always=(), told_before=[before, same]
    )
    assert [one.reason for one in told] == ["Team named on the outcome as police", "Was told of version 1"]


@pytest.mark.parametrize(
    ("wrong", "pointer", "code"),
    [
        (row("social-worker", "nowhere"), "recipient-team", "unknown-team"),
        (row("social-worker", "meon-police"), "recipient-role", "wrong-role"),
        (
            row("social-worker", "meon-duty", **{"recipient-person": "nell.marsh@coast-police.example"}),
            "recipient-person",
            "not-a-member",
        ),
    ],
)
def test_a_wrong_row_is_named_with_its_place(wrong: dict[str, str], pointer: str, code: str) -> None:
    problems = rules.problems_in_recipients(answers(row("police", "meon-police"), wrong), TEAMS)
    assert [(one.pointer, one.code) for one in problems] == [(f"/answers/sharing/recipients/1/{pointer}", code)]


def test_a_row_that_is_not_finished_is_no_error_and_tells_nobody() -> None:
    unfinished = answers({"recipient-role": "police"})
    assert rules.problems_in_recipients(unfinished, TEAMS) == []
    assert rules.recipients_for(unfinished, teams=TEAMS, always=()) == ()


def test_without_a_social_worker_nothing_is_signed() -> None:
    told = rules.recipients_for(answers(row("police", "meon-police")), teams=TEAMS, always=ALWAYS)
    with pytest.raises(DomainError, match="incomplete"):
        rules.check_social_worker_is_told(told)
    rules.check_social_worker_is_told([*told, replace(told[0], role="social-worker")])


@given(
    st.lists(
        st.builds(
            row,
            st.sampled_from(["social-worker", "police", "named-nurse", "other"]),
            st.sampled_from([*TEAMS, "nowhere"]),
        )
    )
)
def test_only_teams_of_the_directory_are_ever_told_and_nobody_twice(rows: list[dict[str, str]]) -> None:
    told = rules.recipients_for(answers(*rows), teams=TEAMS, always=ALWAYS)
    assert {one.team_id for one in told} <= {team.id for team in TEAMS.values()}
    assert len({(one.team_id, one.account_id) for one in told}) == len(told)


CHILD = {"child": {"surname": "O’Neill  Þórsdóttir", "birth-date": "2019-03-14"}}


@pytest.mark.parametrize("typed", ["o'neill þórsdóttir", " O’NEILL ÞÓRSDO\u0301TTIR ", "O'Neill\u00a0Þórsdóttir"])
def test_the_guard_looks_past_case_spaces_and_composition(typed: str) -> None:
    rules.check_wrong_child_guard(CHILD, typed, date(2019, 3, 14))


@pytest.mark.parametrize(
    ("surname", "birth_date", "pointers"),
    [
        ("Oneill Þórsdóttir", date(2019, 3, 14), ["/surname"]),
        ("O'Neill Þórsdóttir", date(2019, 4, 13), ["/birth_date"]),
        ("", date(2018, 3, 14), ["/surname", "/birth_date"]),
    ],
)
def test_the_guard_stops_another_child(surname: str, birth_date: date, pointers: list[str]) -> None:
    with pytest.raises(DomainError, match="wrong-child") as caught:
        rules.check_wrong_child_guard(CHILD, surname, birth_date)
    assert [problem.pointer for problem in caught.value.problems] == pointers


@pytest.mark.parametrize(
    ("code", "reason", "incident", "pointers"),
    [
        ("wrong-child", "Belongs to another child.\nSeen by the social worker.", "INC-1", []),
        ("mistake", "x", None, ["/reason_code"]),
        ("other", " ", None, ["/reason"]),
        ("other", "x" * 2001, None, ["/reason"]),
        ("other", "x\u202ey", None, ["/reason"]),
        ("other", "x", "", ["/incident_number"]),
        ("other", "x", "a\nb", ["/incident_number"]),
        ("other", "x", "1" * 61, ["/incident_number"]),
    ],
)
def test_a_withdrawal_says_why_in_plain_characters(
    code: str, reason: str, incident: str | None, pointers: list[str]
) -> None:
    assert [one.pointer for one in rules.problems_in_withdrawal(code, reason, incident)] == pointers


def test_the_digest_depends_on_every_value_and_on_no_order() -> None:
    content = {"number": 1, "answers": {"weight": 23.0, "name": "Leo"}}
    digest = rules.content_sha256(content)
    assert digest == rules.content_sha256({"answers": {"name": "Leo", "weight": 23}, "number": 1})
    assert digest != rules.content_sha256({**content, "number": 2})


def test_an_amendment_that_is_not_signed_is_nobody_else_s_business() -> None:
    assert rules.state_of(has_draft=True, versions=1, is_withdrawn=False) == "amending"
    assert rules.state_of(has_draft=False, versions=1, is_withdrawn=False) == "signed"
    assert rules.state_of(has_draft=False, versions=0, is_withdrawn=False) == "discarded"
    assert rules.state_of(has_draft=True, versions=0, is_withdrawn=False) == "draft"
    assert rules.state_of(has_draft=False, versions=2, is_withdrawn=True) == "withdrawn"
