"""A site's clocks, through the changes to and from summer time, and its policy as data."""

from datetime import UTC, date, datetime
from typing import Any

import pytest

from app.errors import DomainError
from app.sites.rules import (
    SitePolicy,
    acknowledge_due,
    escalation_at,
    formal_report_due,
    is_working_time,
    local_date,
    policy_from,
)

DEFAULT = SitePolicy()
ALWAYS_OPEN = policy_from(
    {
        "working_hours": {
            "days": ["monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday"],
            "from": "00:00",
            "until": "00:00",
        }
    }
)


def utc(text: str) -> datetime:
    return datetime.fromisoformat(text).astimezone(UTC)


@pytest.mark.parametrize(
    ("told", "due"),
    [
        ("2026-11-23T14:05+00:00", "2026-11-23T18:05+00:00"),  # Monday, in hours
        ("2026-11-23T16:59+00:00", "2026-11-23T20:59+00:00"),  # late, but in hours: four hours of elapsed time
        ("2026-11-23T17:00+00:00", "2026-11-24T10:00+00:00"),  # the closing time is out of hours
        ("2026-11-23T07:30+00:00", "2026-11-23T10:00+00:00"),  # before opening: the same day at ten
        ("2026-11-27T18:00+00:00", "2026-11-30T10:00+00:00"),  # Friday evening: Monday
        ("2026-11-28T12:00+00:00", "2026-11-30T10:00+00:00"),  # Saturday: Monday
        ("2026-06-01T08:00+00:00", "2026-06-01T12:00+00:00"),  # 09:00 in summer time is 08:00 in UTC
        ("2026-06-01T16:30+00:00", "2026-06-02T09:00+00:00"),  # 17:30 in summer time: ten o'clock local, 09:00 UTC
    ],
)
def test_an_acknowledgement_is_due_in_four_hours_or_at_ten_on_the_next_working_day(told: str, due: str) -> None:
    assert acknowledge_due(DEFAULT, utc(told)) == utc(due)


def test_the_end_of_summer_time_moves_ten_o_clock_and_not_four_hours() -> None:
    # Clocks go back on Sunday 25 October 2026 at 02:00 summer time.
    assert acknowledge_due(DEFAULT, utc("2026-10-23T19:00+01:00")) == utc("2026-10-26T10:00+00:00")
    assert acknowledge_due(ALWAYS_OPEN, utc("2026-10-25T00:30+01:00")) == utc("2026-10-25T03:30+00:00")


def test_the_start_of_summer_time_moves_ten_o_clock_and_not_four_hours() -> None:
    # Clocks go forward on Sunday 29 March 2026 at 01:00.
    assert acknowledge_due(DEFAULT, utc("2026-03-27T18:00+00:00")) == utc("2026-03-30T10:00+01:00")
    assert acknowledge_due(ALWAYS_OPEN, utc("2026-03-29T00:30+00:00")) == utc("2026-03-29T05:30+01:00")


@pytest.mark.parametrize(
    ("signed", "due"),
    [
        ("2026-11-23T14:05+00:00", date(2026, 12, 7)),
        ("2026-11-27T23:59+00:00", date(2026, 12, 11)),
        ("2026-11-28T12:00+00:00", date(2026, 12, 11)),  # Saturday: the first working day is Monday
        ("2026-06-01T23:30+00:00", date(2026, 6, 16)),  # past midnight in summer time: the second of June
    ],
)
def test_the_full_report_is_due_ten_working_days_after_the_local_day(signed: str, due: date) -> None:
    assert formal_report_due(DEFAULT, utc(signed)) == due


def test_the_chain_counts_from_when_the_acknowledgement_was_due() -> None:
    told = utc("2026-11-23T14:05+00:00")
    assert [escalation_at(DEFAULT, told, step) for step in range(3)] == [
        utc("2026-11-23T18:05+00:00"),
        utc("2026-11-23T19:05+00:00"),
        None,
    ]


def test_working_hours_may_last_the_whole_week() -> None:
    assert all(
        is_working_time(ALWAYS_OPEN, utc(f"2026-11-{day}T{hour}:59+00:00")) for day in (23, 28) for hour in (10, 23)
    )
    assert not is_working_time(DEFAULT, utc("2026-11-28T10:00+00:00"))


def test_a_day_is_the_site_s_own() -> None:
    assert local_date(DEFAULT, utc("2026-06-01T23:30+00:00")) == date(2026, 6, 2)


def test_a_policy_survives_the_database() -> None:
    assert policy_from(ALWAYS_OPEN.model_dump(mode="json", by_alias=True)) == ALWAYS_OPEN


def test_a_default_says_whose_it_is_and_when_it_was_checked() -> None:
    clocks = DEFAULT.model_dump(mode="json")["clocks"]
    assert [clock["value"] for clock in clocks.values()] == ["PT1H", "PT15M", "PT4H", "10:00:00", 10]
    assert all("Ours" in clock["source"] and clock["checked_on"] for clock in clocks.values())


SOURCED = {"source": "local procedure 4.2", "checked_on": "2026-11-01"}


def _always(**changes: str) -> dict[str, Any]:
    return {"recipients": {"always": [{"role": "named-nurse", "team": "nurses", "reason": "Told of all"} | changes]}}


@pytest.mark.parametrize(
    ("data", "pointer"),
    [
        ({"clock": {}}, "/clock"),
        ({"clocks": {"tell_within": {"value": "PT15M"}}}, "/clocks/tell_within/source"),
        ({"clocks": {"tell_within": {"value": 900, **SOURCED}}}, "/clocks/tell_within/value"),
        ({"clocks": {"tell_within": {"value": "15 minutes", **SOURCED}}}, "/clocks/tell_within/value"),
        ({"clocks": {"tell_within": {"value": "-PT1H", **SOURCED}}}, "/clocks/tell_within/value"),
        (
            {"clocks": {"formal_report_working_days": {"value": "10", **SOURCED}}},
            "/clocks/formal_report_working_days/value",
        ),
        ({"working_hours": {"days": []}}, "/working_hours/days"),
        ({"working_hours": {"days": ["funday"]}}, "/working_hours/days/0"),
        ({"working_hours": {"from": "17:00", "until": "09:00"}}, "/working_hours"),
        ({"working_hours": {"from": "09:00Z"}}, "/working_hours/from"),
        ({"working_hours": {"until": "17:00+01:00"}}, "/working_hours/until"),
        ({"working_hours": {"from": "09:00Z", "until": "17:00Z"}}, "/working_hours/until"),
        ({"working_hours": {"from": 32400}}, "/working_hours/from"),
        (
            {"clocks": {"acknowledge_by_next_working_day": {"value": "10:00Z", **SOURCED}}},
            "/clocks/acknowledge_by_next_working_day/value",
        ),
        (
            {"clocks": {"tell_within": {"value": "PT15M", **SOURCED, "source": "local\0"}}},
            "/clocks/tell_within/source",
        ),
        (_always(role="named\u202enurse"), "/recipients/always/0/role"),
        (_always(team="nurses\x1b"), "/recipients/always/0/team"),
        (_always(reason="told\nof all"), "/recipients/always/0/reason"),
        ({"escalation": [{"after": "PT0S", "tell": "team", "team": "x\0"}]}, "/escalation/0/team"),
        ({"document": {"heading": "Meon\u2066"}}, "/document/heading"),
        ({"working_hours": {"time_zone": "Europe/Atlantis"}}, "/working_hours/time_zone"),
        ({"working_hours": {"time_zone": "../etc/passwd"}}, "/working_hours/time_zone"),
        ({"recipients": {"always": [{"role": "named-nurse", "team": "x"}]}}, "/recipients/always/0/reason"),
        ({"escalation": [{"after": "PT0S", "tell": "team"}]}, "/escalation/0"),
        ({"escalation": [{"after": "PT0S", "tell": "author", "team": "x"}]}, "/escalation/0"),
        ({"escalation": [{"after": "PT2H", "tell": "author"}, {"after": "PT1H", "tell": "author"}]}, ""),
    ],
)
def test_a_wrong_policy_is_refused_with_the_place(data: dict[str, Any], pointer: str) -> None:
    with pytest.raises(DomainError, match="invalid-policy") as caught:
        policy_from(data)
    assert pointer in [problem.pointer for problem in caught.value.problems]


def test_a_time_with_a_zone_is_refused_in_words_that_say_what_to_write() -> None:
    with pytest.raises(DomainError) as caught:
        policy_from({"working_hours": {"from": "09:00+01:00"}})
    (problem,) = caught.value.problems
    assert problem.sentence == "Write the time on the site's wall clock, such as 09:00, without Z or an offset."
