"""The world of the matrix: one outcome in each state, made as people make them, and people and teams to act upon."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from itertools import count
from typing import Any
from uuid import UUID, uuid4

import factories
from matrix_people import FORMER, NAMED, TEAMS, People
from serving import Caller, Service

from app import clock
from app.deliveries.queueing import queue_missing, queue_withdrawal
from app.deliveries.rules import Letterhead
from app.documents.actions import make_document
from app.documents.pool import DocumentPool

SITE = "beacon-down"
NOT_THERE = "222Y-2Y"
"""A reference that no test is given: one of 244 million, which the tests check at the start."""

_numbers = count(1)


@dataclass
class Place:
    """What the calls of one cell speak of: the values that stand in addresses and bodies, by name.

    deliveries: subject -> the delivery that is theirs; who has none is given the named recipient's.
    """

    state: str
    values: dict[str, str]
    deliveries: dict[str, str] = field(default_factory=dict)

    def seen_by(self, subject: str) -> dict[str, str]:
        """The values as one subject would use them."""
        theirs = self.deliveries.get(subject) or self.deliveries.get(NAMED) or str(uuid4())
        return {"delivery": theirs} | self.values

    def unknown(self) -> dict[str, str]:
        """Identifiers of the same shapes of which nothing is known."""
        ids = ("id", "delivery", "mail", "grant", "examiner_grant", "glass", "account", "token", "client", "identity")
        codes = {"team": "no-such-team", "site": "no-such-site", "organisation": "no-such-organisation"}
        return self.values | codes | {name: str(uuid4()) for name in ids} | {"outcome": NOT_THERE}


class World:
    """The places of all states, each with what is needed to act in it, and the means to make more of them."""

    def __init__(self, service: Service, *, with_documents: bool = True) -> None:
        self.service = service
        self.people = People(service, emergency())
        self._letterhead = Letterhead("Sameday", service.url)
        self._spare = self.spare()
        self.places = {state: self.outcome(state) for state in ("draft", "signed", "amended", "withdrawn")}
        if with_documents:
            self._seal(self.places["signed"], self.places["amended"])

    def fresh(self, state: str, *, spare: bool) -> Place:
        """A place that no other cell uses: a new outcome; or (spare) new people and teams beside the common one."""
        if spare:
            return Place(state, self.places[state].values | self.spare(), self.places[state].deliveries)
        return self.outcome(state)

    def outcome(self, state: str) -> Place:
        """A new outcome in this state, with its co-examiner, its deliveries, and the access that was taken away."""
        author = self.people.author
        reference = author.drafted()
        examiner = self.people.let_examine(reference)
        versions = {"draft": 0, "signed": 1, "amended": 2, "withdrawn": 1}[state]
        for number in range(1, versions + 1):
            self._sign(author, reference, number)
        if versions:
            self.people.take_away(reference, TEAMS[FORMER])
        if state == "withdrawn":
            self._withdraw(author, reference)
        told = author.get(f"/outcomes/{reference}").json()
        values = {
            "outcome": reference,
            "id": told["id"],
            "number": str(max(versions, 1)),
            "revision": '"2"',
            "grant": self.people.grant_on(told["id"], TEAMS["team member"] if versions else None),
            "examiner_grant": examiner,
            "glass": self.people.break_glass(reference) if versions else str(uuid4()),
        }
        place = Place(state, self._spare | values)
        for subject, delivery in self._deliveries(author, reference, state):
            place.deliveries.setdefault(subject, delivery)
        place.values["mail"] = place.deliveries.pop("mail", str(uuid4()))
        return place

    def spare(self) -> dict[str, str]:
        """A person with a team, a role and a token, whom the administrator may do things to; and a team."""
        admin, number = self.people.administrator, next(_numbers)
        team = {"organisation": "meon-council", "code": f"spare-{number}", "name": "Spare", "role": "gp"}
        _made(admin.post("/teams", team | {"inbox_email": "spare@meon-council.example"}))
        account = {"organisation": "meon-council", "email": f"spare{number}@meon-council.example", "name": "Spare"}
        account_id = _made(admin.post("/accounts", account))["id"]
        _made(admin.post(f"/accounts/{account_id}/memberships", {"team": f"spare-{number}"}))
        _made(admin.post(f"/accounts/{account_id}/roles", {"role": "site-lead", "site": "harbour"}))
        token = _made(admin.post(f"/accounts/{account_id}/tokens", {"label": "spare", "days": 1}))["id"]
        person = {"issuer": "https://provider.example", "subject": uuid4().hex}
        return {
            "account": account_id,
            "email": account["email"],
            "token": token,
            "client": self.people.register(admin, account["organisation"])["id"],
            "identity": _made(admin.post(f"/accounts/{account_id}/identities", person))["id"],
            "passkey": str(uuid4()),
            "provider": "no-such-provider",
            "team": f"spare-{number}",
            "team_etag": admin.get(f"/teams/spare-{number}").headers["etag"],
            "organisation": "meon-council",
            "site": SITE,
            "role": "site-lead",
            "role_site": "harbour",
            "form": "cp-medical-outcome",
            "form_version": factories.forms().latest("cp-medical-outcome").version,
        }

    def _sign(self, author: Caller, reference: str, number: int) -> None:
        if number == 1:
            signed = author.sign(reference)
        else:
            etag = author.post(f"/outcomes/{reference}/amendment").headers["etag"]
            signed = author.sign(reference, etag, amendment_reason="The skeletal survey is reported.")
        _made(signed)
        version_id = UUID(author.get(f"/outcomes/{reference}/versions/{number}").json()["id"])
        queue_missing(self.service.transaction, self._letterhead, version_id=version_id, now=clock.now())

    def _withdraw(self, author: Caller, reference: str) -> None:
        _made(author.post(f"/outcomes/{reference}/withdrawal", withdrawal()))
        outcome_id = UUID(author.get(f"/outcomes/{reference}").json()["id"])
        queue_withdrawal(self.service.transaction, self._letterhead, outcome_id=outcome_id, now=clock.now())

    def _deliveries(self, author: Caller, reference: str, state: str) -> Iterator[tuple[str, str]]:
        """Which subject was told by which delivery to the inbox, of what counts now; and one that goes by mail."""
        purpose = "withdrawal" if state == "withdrawn" else "outcome"
        items = author.get(f"/outcomes/{reference}/deliveries").json()["items"]
        newest = max((one["version"] for one in items), default=0)
        names = list(self.people.names_told())
        for one in items:
            if one["purpose"] != purpose or one["version"] != newest:
                continue
            if one["channel"] == "inbox":
                yield from ((subject, one["id"]) for subject, name in names if name == one["recipient"]["name"])
            else:
                yield "mail", one["id"]

    def _seal(self, *places: Place) -> None:
        """The documents of all versions, as the worker makes them."""
        pool = DocumentPool(self.service.settings)
        try:
            for place in places:
                for number in range(1, int(place.values["number"]) + 1):
                    told = self.people.author.get(f"/outcomes/{place.values['outcome']}/versions/{number}").json()
                    make_document(self.service.transaction, pool, version_id=UUID(told["id"]), now=clock.now())
        finally:
            pool.close()


def withdrawal() -> Mapping[str, Any]:
    """What is sent to take an outcome back."""
    child = {"surname": factories.SURNAME, "birth_date": factories.BIRTH_DATE.isoformat()}
    return {"reason_code": "other", "reason": "Entered twice.", **child}


def emergency() -> Mapping[str, Any]:
    """What is sent to open an outcome in an emergency."""
    return {"reason_code": "child-at-risk-now", "reason": "The child is in our emergency department at this hour."}


def _made(answer: Any) -> Any:
    assert answer.is_success, answer.text
    return answer.json()
