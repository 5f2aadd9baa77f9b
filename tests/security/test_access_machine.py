"""Whatever people do to each other's access, who can read what stays as a small model says (`access_model`).

SAMEDAY_TEST_ACCESS_EXAMPLES: how many stories are played; each has up to SAMEDAY_TEST_ACCESS_STEPS steps.
"""

import os
from collections.abc import Callable, Iterator
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, Final
from uuid import UUID

import factories
import pytest
from access_model import Held, Model
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule, run_state_machine_as_test
from sqlalchemy import Engine
from sqlmodel import Session

from app.db import engine_for
from app.errors import DomainError
from app.outcomes import actions, closing, opening, queries
from app.outcomes.break_glass import break_glass
from app.outcomes.break_glass_rules import GlassRules
from app.people import access
from app.people import actions as directory
from app.people.queries import actor_by_account, grants_on
from app.people.rules import Actor
from app.people.tables import Account, Grant
from app.settings import Settings

EXAMPLES: Final = int(os.environ.get("SAMEDAY_TEST_ACCESS_EXAMPLES", "4"))
STEPS: Final = int(os.environ.get("SAMEDAY_TEST_ACCESS_STEPS", "20"))
AUTHOR: Final = "asha.kerrin"
ROLES: Final = {
    AUTHOR: "clinician",
    "tom.lyle": "clinician",
    "lila.crane": "site-lead",
    "petra.lund": "privacy-officer",
    "evan.sayle": "evaluator",
    "demo.admin": "administrator",
}
TEAMS: Final = ("beacon-duty", "beacon-gp", "harbour-sarc", "meon-named-nurses")
MEMBERS: Final = {"priya.dunmore": "beacon-duty", "joan.tapper": "beacon-gp", "kit.marlowe": "harbour-sarc"}
PEOPLE: Final = (*ROLES, *MEMBERS)
OUTCOMES: Final = ("first", "second")
DUTY: Final = {"recipient-role": "social-worker", "recipient-team": "beacon-duty"}
PRIYA: Final = DUTY | {"recipient-person": "priya.dunmore@beacon-down-council.example"}
GP: Final = {"recipient-role": "gp", "recipient-team": "beacon-gp"}
WHY: Final = "The child is in our department now and bleeding."

people, outcomes, teams = st.sampled_from(PEOPLE), st.sampled_from(OUTCOMES), st.sampled_from(TEAMS)
told = st.sampled_from([[DUTY], [PRIYA], [DUTY, GP], [PRIYA, GP]])
hours = st.none() | st.integers(1, 4)


class AccessMachine(RuleBasedStateMachine):
    """Verbs of the service in one transaction, which is rolled back; and the model, step by step."""

    engine: Engine
    begins_at: datetime
    outcome_ids: dict[str, UUID]

    @initialize()
    def begin(self) -> None:
        self.session = Session(self.engine)
        now = self.begins_at
        cast = factories.cast_in(self.session, now)
        self.ids = {person: cast[person].account_id for person in PEOPLE}
        self.emails = {person: cast[person].email for person in PEOPLE}
        self.team_ids = {team: cast.teams[team].id for team in TEAMS}
        self.meon = cast.sites["meon"]
        self.sites = {"clinician": self.meon.id, "site-lead": self.meon.id}
        for person in ROLES:
            for role, site_id in cast[person].roles:
                if site_id != self.sites.get(role):
                    directory.end_role(
                        self.session, None, account_id=self.ids[person], role=role, site_id=site_id, now=now
                    )
        roles = {*ROLES.items(), *((team, "team") for team in TEAMS)}
        members = {*MEMBERS.items(), ("lila.crane", "meon-named-nurses")}
        self.model = Model(now, roles, members)
        for name in OUTCOMES:
            self.model.versions[name] = 0
            self.model.drafts.add(name)
            self.model.held.append(Held(name, "author", AUTHOR))
        self.sign("second", [PRIYA])

    def teardown(self) -> None:
        if hasattr(self, "session"):
            self.session.rollback()
            self.session.close()

    @rule(outcome=outcomes, kind=st.sampled_from(["given", "co-examiner"]), to=people | teams, lasts=hours)
    def open_to(self, outcome: str, kind: str, to: str, lasts: int | None) -> None:
        """The author gives it, or names a co-examiner."""
        if AUTHOR in self.model.closed:
            return
        until = None if lasts is None else self.model.now + timedelta(hours=lasts)
        expected = self.model.refusal_of_opening(outcome, kind, to, AUTHOR)
        who = {"email": None, "team": to} if to in TEAMS else {"email": self.emails[to], "team": None}
        self._do(
            expected,
            lambda: opening.open_to_colleague(
                self.session,
                self._actor(AUTHOR),
                outcome_id=self.outcome_ids[outcome],
                kind=kind,
                **who,
                reason="They examine the child with me.",
                until=until,
                now=self.model.now,
            ),
        )
        if expected is None:
            self.model.held.append(Held(outcome, kind, to, until))

    @rule(outcome=outcomes, number=st.integers(0, 9), by_administrator=st.booleans())
    def end(self, outcome: str, number: int, by_administrator: bool) -> None:
        """Somebody ends one of the rights to read it."""
        if AUTHOR in self.model.closed and not by_administrator:
            return
        held = [one for one in self.model.held if one.outcome == outcome]
        one = held[number % len(held)]
        row = self._row_of(outcome, one)
        if by_administrator:
            expected = None
            self._do(None, lambda: access.revoke_grant(self.session, None, grant_id=row.id, now=self.model.now))
        else:
            stays = "grant-stays" if one.kind not in ("given", "co-examiner") else None
            expected = stays if self.model.reads(AUTHOR, outcome) else "not-found"
            self._do(expected, lambda: self._end_by_author(outcome, row.id))
        if expected is None and self.model.is_live(one):
            one.until = self.model.now

    @rule(some=st.integers(1, 90))
    def wait(self, some: int) -> None:
        self.model.now += timedelta(minutes=some)

    @rule(outcome=outcomes, rows=told)
    def sign(self, outcome: str, rows: list[dict[str, str]]) -> None:
        """The author signs what is being written, or amends it and signs that."""
        if AUTHOR in self.model.closed:
            return
        named = {row["recipient-person"].partition("@")[0] for row in rows if "recipient-person" in row}
        in_team = {person for person in named - self.model.closed if (person, "beacon-duty") in self.model.teams}
        refusals = {
            "not-found": not self.model.writes(AUTHOR, outcome),
            "outcome-withdrawn": outcome in self.model.withdrawn,
            "invalid-answers": named != in_team,
        }
        expected = next((code for code, holds in refusals.items() if holds), None)
        self._do(expected, lambda: self._sign(outcome, rows))
        if expected is None:
            self.model.versions[outcome] += 1
            self.model.drafts.discard(outcome)
            for holder in named | {row["recipient-team"] for row in rows}:
                self.model.tell(outcome, holder)

    @rule(outcome=outcomes)
    def begin_amendment(self, outcome: str) -> None:
        """It is being written again, and that shows to few."""
        is_open = AUTHOR not in self.model.closed and self.model.writes(AUTHOR, outcome)
        if not is_open or outcome in self.model.withdrawn | self.model.drafts:
            return
        self._do(None, lambda: self._begin_amendment(outcome))
        self.model.drafts.add(outcome)

    @rule(outcome=outcomes)
    def withdraw(self, outcome: str) -> None:
        if AUTHOR in self.model.closed:
            return
        refusals = {
            "not-signed": not self.model.versions[outcome],
            "already-withdrawn": outcome in self.model.withdrawn,
        }
        expected = next((code for code, holds in refusals.items() if holds), None)
        self._do(expected, lambda: self._withdraw(outcome))
        if expected is None:
            self.model.withdrawn.add(outcome)
            self.model.drafts.discard(outcome)

    @rule(person=people, outcome=outcomes)
    def break_glass(self, person: str, outcome: str) -> None:
        if person in self.model.closed:
            return
        expected = self.model.refusal_of_breaking(person, outcome)
        self._do(
            expected,
            lambda: break_glass(
                self.session,
                self._actor(person),
                outcome=self.outcome_ids[outcome],
                reason_code="other",
                reason=WHY,
                rules=GlassRules(),
                now=self.model.now,
            ),
        )
        if expected is None:
            self.model.held.append(Held(outcome, "break-glass", person, self.model.now + timedelta(minutes=60)))

    @rule(person=people, team=teams, is_in=st.booleans())
    def move(self, person: str, team: str, is_in: bool) -> None:
        """Somebody joins a team, or leaves it."""
        verb, change = (
            (directory.join_team, self.model.teams.add) if is_in else (directory.leave_team, self.model.teams.discard)
        )
        ids = {"account_id": self.ids[person], "team_id": self.team_ids[team]}
        is_closed = is_in and (person, "evaluator") in self.model.roles and person not in self.model.closed
        self._do("office-closed" if is_closed else None, lambda: verb(self.session, None, **ids, now=self.model.now))
        if not is_closed:
            change((person, team))

    @rule(
        person=st.sampled_from(tuple(ROLES)), role=st.sampled_from(sorted(set(ROLES.values()))), is_given=st.booleans()
    )
    def change_role(self, person: str, role: str, is_given: bool) -> None:
        """Somebody is given a role, or loses it."""
        verb, change = (
            (directory.give_role, self.model.roles.add) if is_given else (directory.end_role, self.model.roles.discard)
        )
        held = {"account_id": self.ids[person], "role": role, "site_id": self.sites.get(role)}
        is_member = person not in self.model.closed and any(who == person for who, _ in self.model.teams)
        is_closed = is_given and role == "evaluator" and is_member
        self._do("office-closed" if is_closed else None, lambda: verb(self.session, None, **held, now=self.model.now))
        if not is_closed:
            change((person, role))

    @rule(person=people, is_sure=st.integers(0, 3))
    def close(self, person: str, is_sure: int) -> None:
        """An account is closed; rarely, for there is no way back."""
        if is_sure:
            return
        account = self.session.get_one(Account, self.ids[person])
        self._do(None, lambda: directory.close_account(self.session, None, account, now=self.model.now))
        self.model.closed.add(person)

    @invariant()
    def everyone_reads_what_the_model_says(self) -> None:
        if not hasattr(self, "model"):
            return
        now = self.model.now
        for person in PEOPLE:
            actor = actor_by_account(self.session, self.ids[person], now)
            assert (actor is None) == (person in self.model.closed)
            if actor is None:
                continue
            expected = {name for name in OUTCOMES if self.model.reads(person, name)}
            views = queries.list_outcomes(self.session, actor, now=now)
            assert {view.outcome.id for view in views} == {self.outcome_ids[name] for name in expected}, person
            writing = {view.outcome.id for view in views if view.state in ("draft", "amending")}
            assert writing == {self.outcome_ids[name] for name in OUTCOMES if self.model.reads_draft(person, name)}
            for name, outcome_id in self.outcome_ids.items():
                self._compare(person, actor, name, outcome_id)

    def _compare(self, person: str, actor: Actor, name: str, outcome_id: UUID) -> None:
        now, session = self.model.now, self.session
        reads = self.model.reads(person, name) and self.model.versions[name] > 0
        seen = self._tried(lambda: queries.read_version(session, actor, outcome_id, 1, now))
        assert (seen is not None) == reads, (person, name)
        if seen is not None:
            assert (seen.withdrawal is not None) == (name in self.model.withdrawn)
        if not self.model.reads_draft(person, name):
            with pytest.raises(DomainError, match=r"not-found|no-draft"):
                queries.draft_for(session, actor, outcome_id, factories.forms(), now)

    def _do(self, expected: str | None, verb: Callable[[], Any]) -> None:
        """Do it, and compare its refusal with the one expected."""
        error = None
        try:
            with self.session.begin_nested():
                verb()
        except DomainError as refused:
            error = refused.code
        self.session.expire_all()
        assert error == expected

    def _tried(self, read: Callable[[], Any]) -> Any:
        try:
            return read()
        except DomainError:
            return None

    def _actor(self, person: str) -> Actor:
        actor = actor_by_account(self.session, self.ids[person], self.model.now)
        assert actor is not None
        return actor

    def _sign(self, outcome: str, rows: list[dict[str, str]]) -> None:
        outcome_id, author = self.outcome_ids[outcome], self._actor(AUTHOR)
        view = self._begin_amendment(outcome) if outcome not in self.model.drafts else self._draft(outcome)
        view = actions.save_draft(
            self.session,
            author,
            outcome_id=outcome_id,
            revision=view.draft.revision,
            answers=factories.complete_answers(self.begins_at, recipients=rows),
            forms=factories.forms(),
            now=self.model.now,
        )
        is_first = not self.model.versions[outcome]
        reason = None if is_first else "The skeletal survey is reported."
        factories.sign_draft(self.session, author, view, self.model.now, amendment_reason=reason)

    def _row_of(self, outcome: str, held: Held) -> Grant:
        """The row of it: of those alike, the one as many places from the first."""
        alike = [
            one for one in self.model.held if (one.outcome, one.kind, one.holder) == (outcome, held.kind, held.holder)
        ]
        holder = (self.ids | self.team_ids)[held.holder]
        rows = [
            row
            for row in grants_on(self.session, self.outcome_ids[outcome])
            if row.kind == held.kind and holder in (row.account_id, row.team_id)
        ]
        assert len(rows) == len(alike)
        return rows[next(place for place, one in enumerate(alike) if one is held)]

    def _draft(self, outcome: str) -> Any:
        return queries.draft_for(
            self.session, self._actor(AUTHOR), self.outcome_ids[outcome], factories.forms(), self.model.now
        )

    def _begin_amendment(self, outcome: str) -> Any:
        return actions.begin_amendment(
            self.session,
            self._actor(AUTHOR),
            outcome_id=self.outcome_ids[outcome],
            forms=factories.forms(),
            now=self.model.now,
        )

    def _withdraw(self, outcome: str) -> None:
        closing.withdraw(
            self.session,
            self._actor(AUTHOR),
            outcome_id=self.outcome_ids[outcome],
            reason_code="other",
            reason="It was another child.",
            surname=factories.SURNAME,
            birth_date=factories.BIRTH_DATE,
            now=self.model.now,
        )

    def _end_by_author(self, outcome: str, grant_id: UUID) -> None:
        opening.end_grant(
            self.session,
            self._actor(AUTHOR),
            outcome_id=self.outcome_ids[outcome],
            grant_id=grant_id,
            now=self.model.now,
        )


@pytest.fixture
def machine(sqlite_url: str, tmp_path: Path, now: datetime) -> Iterator[type[AccessMachine]]:
    engine = engine_for(Settings(database_url=sqlite_url, state_dir=tmp_path / "state"))
    with Session(engine) as session:
        cast = factories.load_cast(session, now)
        begun = {
            name: factories.drafted_outcome(session, cast[AUTHOR], cast.sites["meon"], now).outcome.id
            for name in OUTCOMES
        }
        session.commit()
    yield type("Machine", (AccessMachine,), {"engine": engine, "begins_at": now, "outcome_ids": begun})
    engine.dispose()


def test_who_reads_what_is_what_the_model_says_after_every_step(machine: type[AccessMachine]) -> None:
    run_state_machine_as_test(
        machine,
        settings=settings(
            max_examples=EXAMPLES,
            stateful_step_count=STEPS,
            deadline=None,
            derandomize=EXAMPLES <= 6,
            suppress_health_check=list(HealthCheck),
        ),
    )
