"""The cases as data: the calendar they are put on, and that the form takes every one of them whole."""

from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import pytest
from ruamel.yaml import YAML

from app.questionnaires import load_forms, problems_in
from demo.cases import (
    FOLDER,
    day_of,
    load_cases,
    on_the_calendar,
    strings_in,
    with_addresses,
    with_references,
)

MORNING = datetime(2026, 11, 23, 7, 30, tzinfo=UTC)
NIGHT = datetime(2026, 11, 23, 23, 30, tzinfo=UTC)
SUMMER = datetime(2026, 7, 6, 23, 30, tzinfo=UTC)

# The numbers of domain.md, Appendix (b), typed by hand.
NHS_NUMBERS = {
    (1, "ivy"): "9990001006",
    (2, "leo"): "9990002371",
    (3, "mina"): "9990003742",
    (4, "ollie"): "9990005117",
    (5, "rosa"): "9990006482",
    (5, "finn"): "9990007853",
    (6, "sam"): "9990009228",
    (7, "noah"): "9990010595",
    (8, "tara"): "9990011966",
    (9, "kai"): "9990013330",
    (10, "bo"): "9990014701",
    (11, "anahita"): "9990016070",
    (12, "ivy"): "9990001006",
    (13, "aldous"): "9990017441",
    (13, "alders"): "9990018812",
    (14, "yarrow"): None,
    (15, "jude"): "9990020183",
}


@pytest.mark.parametrize("now", [MORNING, NIGHT, SUMMER])
def test_every_case_can_be_signed_whenever_it_is_played(now: datetime) -> None:
    form = load_forms().latest("cp-medical-outcome")
    problems = {
        (case.number, key): problems_in(form, sent, complete=True, now=now)
        for case in load_cases(now)
        for key, sent in _as_sent(case).items()
    }
    assert len(problems) == 17
    assert {where: found for where, found in problems.items() if found} == {}


def test_the_nhs_numbers_are_those_of_the_appendix() -> None:
    found = {
        (case.number, key): outcome.answers["child"].get("nhs-number")
        for case in load_cases(NIGHT)
        for key, outcome in case.outcomes.items()
    }
    assert found == NHS_NUMBERS


def test_there_are_fifteen_cases_in_order() -> None:
    assert [case.number for case in load_cases(NIGHT)] == list(range(1, 16))


def test_the_second_version_keeps_what_the_amendment_does_not_change() -> None:
    cases = {case.number: case for case in load_cases(NIGHT)}
    first, second = cases[1].outcomes["ivy"], cases[12].outcomes["ivy"]
    assert second.answers["child"] == first.answers["child"]
    assert second.answers["examination"]["started-at"] == first.answers["examination"]["started-at"]
    assert first.answers["opinion"]["overall-likelihood"] == "L3"
    assert second.answers["opinion"]["overall-likelihood"] == "L5"
    assert "what-would-settle" not in second.answers["opinion"]


def test_no_examination_lies_in_the_future() -> None:
    for now in (MORNING, NIGHT, SUMMER):
        for case in load_cases(now):
            for outcome in case.outcomes.values():
                ended = outcome.answers["examination"].get("ended-at")
                assert ended is None or datetime.fromisoformat(ended) < now


def test_the_day_is_yesterday_while_today_is_too_young() -> None:
    assert day_of(["day 14:10"], MORNING) == date(2026, 11, 22)
    assert day_of(["day-1 14:10"], MORNING) == date(2026, 11, 23)
    assert day_of(["day 14:10", "day+2"], NIGHT) == date(2026, 11, 23)


def test_times_carry_the_offset_of_london_on_that_day() -> None:
    day = date(2026, 10, 26)
    assert on_the_calendar("day 14:10", day) == "2026-10-26T14:10:00+00:00"
    assert on_the_calendar("day-3 14:10", day) == "2026-10-23T14:10:00+01:00"
    assert on_the_calendar("day-3", day) == "2026-10-23"
    assert on_the_calendar({"a": ["a day of rest", None], "b": None}, day) == {"a": ["a day of rest", None]}


def test_references_and_addresses_are_put_in_without_touching_the_case() -> None:
    answers: dict[str, Any] = {
        "episode": {"linked-outcomes": [{"linked-reference": "{reference rosa}"}]},
        "sharing": {"recipients": [{"recipient-person": "colin.ashe"}, {"recipient-team": "harbour-gp"}]},
    }
    sent = with_addresses(with_references(answers, {"rosa": "7Q4K-2P"}), {"colin.ashe": "colin.ashe@x.example"})
    assert sent["episode"]["linked-outcomes"][0]["linked-reference"] == "7Q4K-2P"
    assert [row.get("recipient-person") for row in sent["sharing"]["recipients"]] == ["colin.ashe@x.example", None]
    assert "{reference rosa}" in set(strings_in(answers))


def test_a_file_that_lacks_a_part_is_refused_by_name(tmp_path: Path) -> None:
    (tmp_path / "01-x.yaml").write_text("number: 1\ntitle: x\n", "utf-8")
    with pytest.raises(ValueError, match=r"01-x\.yaml lacks expected, outcomes, shows, site, steps"):
        load_cases(NIGHT, tmp_path)


def test_everyone_whom_a_case_names_is_in_the_cast() -> None:
    cast = YAML(typ="safe", pure=True).load((FOLDER.parent / "cast.yaml").read_text("utf-8"))
    people = {account["email"].split("@")[0]: account.get("teams", []) for account in cast["accounts"]}
    teams = {team["code"]: team["role"] for team in cast["teams"]}
    sites = {site["code"] for site in cast["sites"]}
    for case in load_cases(NIGHT):
        assert case.site in sites
        for outcome in case.outcomes.values():
            assert outcome.author in people
            for row in outcome.answers["sharing"]["recipients"]:
                assert teams[row["recipient-team"]] == row["recipient-role"]
                assert row["recipient-team"] in people.get(row.get("recipient-person"), [row["recipient-team"]])


def _as_sent(case: Any) -> dict[str, Any]:
    emails = {
        person: f"{person}@example.example" for person in ("priya.dunmore", "colin.ashe", "bea.farrow", "nell.marsh")
    }
    references = dict.fromkeys(case.outcomes, "7Q4K-2P")
    return {
        key: with_addresses(with_references(outcome.answers, references), emails)
        for key, outcome in case.outcomes.items()
    }
