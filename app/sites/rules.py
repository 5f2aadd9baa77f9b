"""What a site decides for itself: its clocks, its recipients, its chain on silence. Pure; times in, times out.

Elapsed time is counted in UTC and wall-clock rules in the site's own zone, so a change to or from summer time moves
neither a four-hour limit nor a ten o'clock.
"""

from datetime import UTC, date, datetime, time, timedelta
from typing import Any, Literal
from zoneinfo import ZoneInfo

from pydantic import Field, ValidationError, field_validator, model_validator

from app.errors import DomainError, Problem
from app.sites.minimum import MINIMUM, FieldMinimum
from app.sites.parts import CHECKED_ON, OURS, Duration, Limit, Line, Part, TimeOfDay, WallClock, WorkingDays

Weekday = Literal["monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday"]
_WEEKDAYS: tuple[Weekday, ...] = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")


class Clocks(Part):
    """The time limits of a site. The defaults are ours and say so (domain.md 1.2)."""

    sign_within: Limit = Limit(value=timedelta(minutes=60), source=OURS, checked_on=CHECKED_ON)
    """From the end of the examination to the signature."""
    tell_within: Limit = Limit(value=timedelta(minutes=15), source=OURS, checked_on=CHECKED_ON)
    """From the signature until every recipient has been told."""
    acknowledge_within: Limit = Limit(value=timedelta(hours=4), source=OURS, checked_on=CHECKED_ON)
    """From being told to a person's acknowledgement, when told in working hours."""
    acknowledge_by_next_working_day: TimeOfDay = TimeOfDay(value=time(10, 0), source=OURS, checked_on=CHECKED_ON)
    """When told outside working hours: by this time of the next working day."""
    formal_report_working_days: WorkingDays = WorkingDays(value=10, source=OURS, checked_on=CHECKED_ON)
    """From the first signature to the full report."""


class WorkingHours(Part):
    """When the site counts on an answer. `until` 00:00 is the midnight at the end of the day."""

    days: tuple[Weekday, ...] = Field(_WEEKDAYS[:5], min_length=1)
    from_: WallClock = Field(time(9, 0), alias="from")
    until: WallClock = time(17, 0)
    time_zone: str = "Europe/London"

    @field_validator("time_zone")
    @classmethod
    def check_time_zone(cls, value: str) -> str:
        """The zone must be one of the IANA database."""
        try:
            ZoneInfo(value)
        except (KeyError, ValueError, OSError) as error:
            raise ValueError("write an IANA time zone such as Europe/London") from error
        return value

    @model_validator(mode="after")
    def check_order(self) -> "WorkingHours":
        """The day must end after it began."""
        if self.until != time(0, 0) and self.until <= self.from_:
            raise ValueError("`until` must be later than `from`")
        return self


class StandingRecipient(Part):
    """A team that is told of every outcome of the site."""

    role: Line = Field(min_length=1, max_length=40)
    team: Line = Field(min_length=1, max_length=60, description="Code of a team in the directory")
    reason: Line = Field(min_length=1, max_length=200)


class RecipientPolicy(Part):
    """Who is told whatever the clinician chooses."""

    always: tuple[StandingRecipient, ...] = ()


class EscalationStep(Part):
    """On silence: how long after the acknowledgement was due, and who is told then."""

    after: Duration
    tell: Literal["team-inbox", "author", "team"]
    team: Line | None = Field(None, max_length=60, description="Code of a team; only for `tell: team`")

    @model_validator(mode="after")
    def check_team(self) -> "EscalationStep":
        """A team must be named if, and only if, a team is told."""
        if (self.tell == "team") != (self.team is not None):
            raise ValueError("name a team for `tell: team`, and only then")
        return self


class DocumentHeading(Part):
    """What stands at the top of the site's documents; none means the name of its organisation."""

    heading: Line | None = Field(None, min_length=1, max_length=120)


class SitePolicy(Part):
    """All that a site decides for itself. `SitePolicy()` is the default policy; unknown members are refused."""

    clocks: Clocks = Clocks()
    working_hours: WorkingHours = WorkingHours()
    recipients: RecipientPolicy = RecipientPolicy()
    escalation: tuple[EscalationStep, ...] = Field(
        (
            EscalationStep(after=timedelta(), tell="team-inbox"),
            EscalationStep(after=timedelta(hours=1), tell="author"),
        ),
        max_length=10,
    )
    document: DocumentHeading = DocumentHeading()
    minimum: FieldMinimum = MINIMUM

    @model_validator(mode="after")
    def check_chain(self) -> "SitePolicy":
        """The chain runs forward in time."""
        waits = [step.after for step in self.escalation]
        if waits != sorted(waits):
            raise ValueError("each escalation step must come after the one before it")
        return self

    def team_codes(self) -> dict[str, str]:
        """Every team that the policy names, by the pointer at which it stands."""
        named = {f"/recipients/always/{i}/team": one.team for i, one in enumerate(self.recipients.always)}
        return named | {f"/escalation/{i}/team": one.team for i, one in enumerate(self.escalation) if one.team}


def policy_from(data: dict[str, Any]) -> SitePolicy:
    """Read a policy from JSON. Raises invalid-policy with a pointer for each fault; pointers start at the policy."""
    try:
        return SitePolicy.model_validate(data)
    except ValidationError as error:
        problems = [
            Problem(
                "".join(f"/{part}" for part in fault["loc"]), "wrong-value", fault["msg"].removeprefix("Value error, ")
            )
            for fault in error.errors(include_input=False, include_url=False)
        ]
        sentence = "The site's policy is wrong. Each fault is listed."
        raise DomainError("invalid-policy", sentence, problems=problems) from error


def acknowledge_due(policy: SitePolicy, told_at: datetime) -> datetime:
    """When an acknowledgement is due, in UTC.

    Told in working hours: `acknowledge_within` of elapsed time later, even when the day ends before that, because an
    earlier question does a child no harm. Told outside them: the next `acknowledge_by_next_working_day` on a working
    day (domain.md 1.2). A wall-clock time that a change of the clocks skips or repeats is taken as the earlier one.
    """
    if is_working_time(policy, told_at):
        return told_at.astimezone(UTC) + policy.clocks.acknowledge_within.value
    zone = ZoneInfo(policy.working_hours.time_zone)
    day = told_at.astimezone(zone).date()
    while True:
        due = datetime.combine(day, policy.clocks.acknowledge_by_next_working_day.value, zone).astimezone(UTC)
        if is_working_day(policy, day) and due > told_at:
            return due
        day += timedelta(days=1)


def formal_report_due(policy: SitePolicy, signed_at: datetime) -> date:
    """The last day for the full report: so many working days after the local day of the signature.

    Bank holidays are counted as working days until issue 5 brings their calendar, so the date may be early, never late.
    """
    day = local_date(policy, signed_at)
    left = policy.clocks.formal_report_working_days.value
    while left:
        day += timedelta(days=1)
        left -= is_working_day(policy, day)
    return day


def escalation_at(policy: SitePolicy, told_at: datetime, step: int) -> datetime | None:
    """When step `step` (from 0) of the chain falls due for someone told at `told_at`, in UTC; None past the end."""
    if step >= len(policy.escalation):
        return None
    return acknowledge_due(policy, told_at) + policy.escalation[step].after


def is_working_time(policy: SitePolicy, at: datetime) -> bool:
    """Whether `at` lies in working hours. The first minute belongs to them; the closing time does not."""
    hours = policy.working_hours
    local = at.astimezone(ZoneInfo(hours.time_zone))
    is_before_close = hours.until == time(0, 0) or local.time() < hours.until
    return is_working_day(policy, local.date()) and hours.from_ <= local.time() and is_before_close


def is_working_day(policy: SitePolicy, day: date) -> bool:
    """Whether the site works on this weekday; bank holidays come with issue 5."""
    return _WEEKDAYS[day.weekday()] in policy.working_hours.days


def local_date(policy: SitePolicy, at: datetime) -> date:
    """The date on the site's calendar at `at`."""
    return at.astimezone(ZoneInfo(policy.working_hours.time_zone)).date()
