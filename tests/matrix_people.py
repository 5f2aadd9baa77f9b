"""The 15 subjects of the matrix, each signed in as its kind: with a session, by a machine, or not at all."""

from collections.abc import Iterator, Mapping
from datetime import timedelta
from typing import Any

import factories
import httpx
from serving import Caller, Service

from app import clock
from app.people import policy, sessions

SITE = "beacon-down"
NAMED, FORMER = "named recipient", "former recipient"

PEOPLE = {
    "author": "asha.kerrin",
    "co-examiner": "tom.lyle",
    NAMED: "priya.dunmore",
    "team member": "nell.marsh",
    FORMER: "joan.tapper",
    "same organisation": "hugh.penrose",
    "same site": "marek.ostrow",
    "other site": "ida.wren",
    "evaluator": "evan.sayle",
    "site lead": "sue.garland",
    "administrator": "demo.admin",
    "privacy officer": "petra.lund",
}
"""Subject -> the person, by the part of the address before the @. Two are added to the cast by `People`."""

CLIENTS = {"client of recipient": NAMED, "client of stranger": "colin.ashe"}
TEAMS = {"team member": "beacon-police", FORMER: "beacon-gp"}
"""Who is told as a member of a team only."""

OLD_SIGN_IN, PERSONAL_TOKEN = "a sign-in of six minutes ago", "a personal token"


class People:
    """The subjects of one running service, and what the matrix's world does to their access."""

    def __init__(self, service: Service, emergency: Mapping[str, Any]) -> None:
        self._service = service
        self._emergency = emergency
        self._machines: dict[str, Caller] = {}
        self._add_those_who_are_missing()
        self.caller("same site").signed()  # the other case of the same site
        for client in CLIENTS:
            self.caller(client)

    @property
    def author(self) -> Caller:
        return self.caller("author")

    @property
    def administrator(self) -> Caller:
        return self.caller("administrator")

    def caller(self, subject: str, sign_in: str = "") -> Caller:
        """The subject, ready to call; sign_in as in the oracle."""
        if subject in CLIENTS:
            return self._client(PEOPLE.get(CLIENTS[subject], CLIENTS[subject]))
        if subject not in PEOPLE:
            return self._service.caller(None)
        if sign_in == PERSONAL_TOKEN:
            return self._service.caller_with_token(PEOPLE[subject])
        if sign_in == OLD_SIGN_IN:
            return Caller(self._service.client, secret=self._old_secret(PEOPLE[subject]))
        assert not sign_in, f"nobody signs in with '{sign_in}'"
        return self._service.caller(PEOPLE[subject])

    def names_told(self) -> Iterator[tuple[str, str]]:
        """Subject and the name under which it is told."""
        with self._service.transaction() as session:
            cast = factories.cast_in(session, clock.now())
            named = cast[PEOPLE[NAMED]].name
            yield from ((subject, cast.teams[code].name) for subject, code in TEAMS.items())
        yield NAMED, named
        yield "client of recipient", named

    def let_examine(self, reference: str) -> str:
        """The author gives the co-examiner access. Gives the grant's id."""
        body = {"kind": "co-examiner", "email": "tom.lyle@meon-trust.example", "reason": "He examined the child too."}
        return str(_made(self.author.post(f"/outcomes/{reference}/grants", body))["id"])

    def break_glass(self, reference: str) -> str:
        """Somebody who is none of the subjects opens the outcome in an emergency. Gives the emergency's id."""
        somebody = self._service.caller("bea.farrow")
        return str(_made(somebody.post(f"/outcomes/{reference}/break-glass", self._emergency))["id"])

    def register(self, administrator: Caller, organisation: str) -> dict[str, str]:
        """A machine of an organisation, with every scope there is: its id and its secret."""
        body = {"organisation": organisation, "name": "Their system", "scopes": sorted(policy.SCOPES)}
        return dict(_made(administrator.post("/clients", body)))

    def take_away(self, reference: str, team: str) -> None:
        """End a team's access, as the administrator does."""
        outcome_id = self.author.get(f"/outcomes/{reference}").json()["id"]
        ended = self.administrator.call("DELETE", f"/grants/{self.grant_on(outcome_id, team)}")
        assert ended.status_code == 204, ended.text

    def grant_on(self, outcome_id: str, team: str | None) -> str:
        """The grant of this team on an outcome, or (None) of its author."""
        with self._service.transaction() as session:
            cast = factories.cast_in(session, clock.now())
            holder = cast.teams[team].id if team else cast[PEOPLE["author"]].account_id
        items = self.administrator.get("/grants", params={"outcome_id": outcome_id}).json()["items"]
        return str(next(one["id"] for one in items if str(holder) in (one["team_id"], one["account_id"])))

    def _client(self, person: str) -> Caller:
        """A machine of the person's organisation that acts for them."""
        if person not in self._machines:
            with self._service.transaction() as session:
                email = factories.cast_in(session, clock.now())[person].email
            known = self.register(self.administrator, email.partition("@")[2].removesuffix(".example"))
            fields = {"grant_type": "client_credentials", "client_id": known["id"], "client_secret": known["secret"]}
            token = _made(self._service.client.post("/oauth/token", data=fields))["access_token"]
            self._machines[person] = Caller(self._service.client, token=token, on_behalf_of=email)
        return self._machines[person]

    def _old_secret(self, person: str) -> str:
        with self._service.transaction() as session:
            account = factories.cast_in(session, clock.now())[person].account_id
            then = clock.now() - timedelta(minutes=6)
            return sessions.start_session(session, account_id=account, method="passkey", now=then)

    def sign_in_anew(self, subject: str) -> None:
        """Forget a session that the subject has ended."""
        self._service.secrets.pop(PEOPLE.get(subject, ""), None)

    def _add_those_who_are_missing(self) -> None:
        """Somebody of the recipient's council in another team, and a doctor of another hospital who is in a team."""
        admin = self.administrator
        team = {"organisation": "beacon-down-council", "code": "beacon-fostering", "role": "social-worker"}
        _made(admin.post("/teams", team | {"name": "Fostering", "inbox_email": "f@beacon-down-council.example"}))
        self._add("hugh.penrose@beacon-down-council.example", "beacon-down-council", "beacon-fostering")
        other = self._add("ida.wren@harbour-trust.example", "harbour-trust", "harbour-named-nurses")
        _made(admin.post(f"/accounts/{other}/roles", {"role": "clinician", "site": "harbour"}))

    def _add(self, email: str, organisation: str, team: str) -> str:
        body = {"organisation": organisation, "email": email, "name": email.partition("@")[0].title()}
        answer = self.administrator.post("/accounts", body)
        account_id = str(_made(answer)["id"])
        _made(self.administrator.post(f"/accounts/{account_id}/memberships", {"team": team}))
        return account_id


def _made(answer: httpx.Response) -> Any:
    assert answer.is_success, answer.text
    return answer.json()
