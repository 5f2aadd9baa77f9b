"""Where a child lives whose address is confidential: in the author's draft and nowhere else, whoever asks."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

import factories
import pytest
from matrix_world import emergency
from serving import AUTHOR, Caller, Service

from app import clock
from app.deliveries.queueing import queue_missing
from app.deliveries.rules import Letterhead
from app.documents.labels import NAME_WITHHELD, WITHHELD_WHEN_ADDRESS_IS_CONFIDENTIAL

WHERE = {
    "address": "7 Canary Wynd",
    "usual-address": "Placement at Canary House",
    "school": "Canary Infants",
    "gp-practice": "Canary Medical Centre",
    "gp-ods-code": "CNRY01",
    "health-visitor-or-school-nurse": "Nurse Canary",
    "disposal-with": "The warden of Canary Lodge",
}
LEFT_WITH = {"disposal-with"}
"""Of these fields, those that are among the recommendations and not in the section of the child."""
TEAMS = {
    "gp": ("beacon-gp", "Lime Street Surgery safeguarding", "Lime Street Surgery"),
    "health-visitor": ("beacon-health-visitors", "Beacon Down health visitors", "Coast Community Health Trust"),
    "school-nurse": ("beacon-school-nurses", "Beacon Down school nurses", "Coast Community Health Trust"),
}
NAMES = {name for _, *names in TEAMS.values() for name in names}
NOTE = "We at Canary Surgery know her."
READERS = {
    "recipient": "priya.dunmore",
    "team member": "nell.marsh",
    "member of a team that gives the area away": "joan.tapper",
    "given": "marek.ostrow",
    "co-examiner": "tom.lyle",
    "broke the glass": "ravi.sethi",
    "site lead": "sue.garland",
    "administrator": "demo.admin",
}


@dataclass
class Case:
    """An outcome of a child whose address is confidential, with version 1 signed and told, and an amendment begun."""

    service: Service
    reference: str
    id: str
    answered: dict[str, dict[str, str]] = field(default_factory=dict)

    def by(self, reader: str) -> Caller:
        return self.service.caller(READERS[reader])

    def answers(self, person: str) -> dict[str, str]:
        """What everything that can be read about an outcome answers, by path; asked once, as nothing changes here."""
        if person not in self.answered:
            caller = self.service.caller(person)
            self.answered[person] = {path: caller.get(path).text for path in self._paths()}
        return self.answered[person]

    def _paths(self) -> Iterator[str]:
        described = self.service.caller().get("/openapi.json").json()["paths"]
        for path in sorted(described):
            if "{outcome}" in path and "get" in described[path]:
                given = path.removeprefix("/api/v1").replace("{outcome}", self.reference)
                yield given.replace("{number}", "1")
        yield from ("/outcomes", "/inbox?state=all", "/break-glass", f"/grants?outcome_id={self.id}")
        yield f"/audit?object_id={self.id}"


@pytest.fixture(scope="module")
def case(embedded_service: Service) -> Case:
    author = embedded_service.caller()
    reference = author.begin()
    _made(author.save(reference, _answers(is_confidential=True)))
    _made(author.sign(reference))
    told = author.get(f"/outcomes/{reference}").json()
    case = Case(embedded_service, reference, told["id"])
    for kind, email in (
        ("given", _email(embedded_service, "given")),
        ("co-examiner", _email(embedded_service, "co-examiner")),
    ):
        _made(author.post(f"/outcomes/{reference}/grants", {"kind": kind, "email": email, "reason": "They asked."}))
    _tell(embedded_service, author, reference, 1)
    _made(case.by("broke the glass").post(f"/outcomes/{reference}/break-glass", emergency()))
    nurse = case.by("member of a team that gives the area away")
    mine = next(one for one in nurse.get("/inbox").json()["items"] if one["reference"] == reference)
    _made(nurse.post(f"/deliveries/{mine['delivery_id']}/acknowledgement", {"helpfulness": "very", "note": NOTE}))
    _made(author.post(f"/outcomes/{reference}/amendment"))
    return case


@pytest.mark.parametrize("name", WHERE)
def test_each_field_is_in_no_answer_but_the_draft(case: Case, name: str) -> None:
    for reader in READERS:
        for path, text in case.answers(READERS[reader]).items():
            is_draft = reader == "co-examiner" and path.endswith("/draft")
            assert (WHERE[name] in text) is is_draft, (reader, path)
    for path, text in case.answers(AUTHOR).items():
        assert (WHERE[name] in text) is path.endswith("/draft"), path


def test_every_field_that_paper_hides_is_tried() -> None:
    others = {"address-absent", "gp-practice-absent"}
    assert set(WHERE) | others == WITHHELD_WHEN_ADDRESS_IS_CONFIDENTIAL


@pytest.mark.parametrize("reader", READERS)
def test_no_answer_names_a_team_that_gives_the_area_away(case: Case, reader: str) -> None:
    for path, text in case.answers(READERS[reader]).items():
        if not (reader == "co-examiner" and path.endswith("/draft")):
            assert [name for name in (*NAMES, "Anchor Street Practice", NOTE) if name in text] == [], path


def test_they_read_all_else(case: Case) -> None:
    """Positive control: every reader is answered, by the same routes, and is told what is left out."""
    for reader in READERS.keys() - {"site lead", "administrator"}:
        told = case.by(reader).get(f"/outcomes/{case.reference}/versions/1").json()
        assert told["answers"]["child"]["surname"] == factories.SURNAME, reader
        assert {one["role"] for one in told["recipients"] if one["name"] == NAME_WITHHELD} == set(TEAMS)
        nameless = [i for i, one in enumerate(told["recipients"]) if one["role"] in TEAMS]
        hidden = {f"/answers/{'recommendations' if name in LEFT_WITH else 'child'}/{name}" for name in WHERE} | {
            f"/recipients/{i}/name" for i in nameless
        }
        assert hidden <= set(told["withheld"]), reader
        assert {f"/answers/sharing/recipients/{i}/recipient-team" for i in (2, 3, 4)} <= set(told["withheld"])
        deliveries = case.by(reader).get(f"/outcomes/{case.reference}/deliveries").json()["items"]
        gp = [one for one in deliveries if one["recipient"]["role"] == "gp"]
        assert {one["recipient"]["name"] for one in gp} == {NAME_WITHHELD}, reader
        assert any(one["acknowledged"] for one in gp), "that somebody has it is told"


def test_the_author_sees_whom_they_told_and_who_looked(case: Case) -> None:
    told = case.service.caller().get(f"/outcomes/{case.reference}/deliveries").json()
    assert TEAMS["gp"][1] in {one["recipient"]["name"] for one in told["items"]}
    assert NOTE in str(told)
    assert [one["organisation"] for one in told["break_glass"]] == ["Anchor Street Practice"]


def test_reviewers_see_who_broke_the_glass_and_not_from_where(case: Case) -> None:
    items = case.by("site lead").get("/break-glass").json()["items"]
    [one] = [one for one in items if one["reference"] == case.reference]
    assert one["by"] == "Ravi Sethi"
    assert "Practice" not in one["organisation"]


def test_a_version_from_before_it_was_confidential_hides_it_too(embedded_service: Service) -> None:
    author, reader = embedded_service.caller(), embedded_service.caller("priya.dunmore")
    reference = author.begin()
    _made(author.save(reference, _answers(is_confidential=False)))
    _made(author.sign(reference))
    path = f"/outcomes/{reference}/versions/1"
    before = reader.get(path).json()
    assert (before["answers"]["child"]["address"], before["withheld"]) == (WHERE["address"], [])
    assert reader.get(f"{path}/document").json()["type"].endswith("document-not-ready")
    etag = author.post(f"/outcomes/{reference}/amendment").headers["etag"]
    revision = author.save(reference, _answers(is_confidential=True), etag).headers["etag"]
    _made(author.sign(reference, revision, amendment_reason="The address is confidential now."))
    for caller in (author, reader):
        assert not [value for value in (*WHERE.values(), *NAMES) if value in caller.get(path).text]
        refused = caller.get(f"{path}/document")
        assert (refused.status_code, refused.json()["type"]) == (403, "urn:sameday:problem:document-withheld")
        assert "current version" in refused.json()["detail"]
        current = caller.get(f"/outcomes/{reference}/versions/2/document")
        assert current.json()["type"].endswith("document-not-ready"), "the document that hides it is let through"


def test_nothing_is_hidden_of_a_child_whose_address_is_not_confidential(embedded_service: Service) -> None:
    author, reader = embedded_service.caller(), embedded_service.caller("priya.dunmore")
    reference = author.begin()
    _made(author.save(reference, _answers(is_confidential=False)))
    _made(author.sign(reference))
    _tell(embedded_service, author, reference, 1)
    told = reader.get(f"/outcomes/{reference}/versions/1").json()
    for name, words in WHERE.items():
        assert told["answers"]["recommendations" if name in LEFT_WITH else "child"][name] == words
    assert {names[1] for names in TEAMS.values()} <= {one["name"] for one in told["recipients"]}
    assert TEAMS["gp"][1] in reader.get(f"/outcomes/{reference}/deliveries").text


def _answers(*, is_confidential: bool) -> dict[str, Any]:
    rows = [
        {"recipient-role": "social-worker", "recipient-team": "beacon-duty"}
        | {"recipient-person": "priya.dunmore@beacon-down-council.example"},
        {"recipient-role": "police", "recipient-team": "beacon-police"},
        *({"recipient-role": role, "recipient-team": code} for role, (code, *_) in TEAMS.items()),
    ]
    answers = factories.complete_answers(clock.now(), recipients=rows)
    where = {name: words for name, words in WHERE.items() if name not in LEFT_WITH}
    answers["child"] = _without_absent(answers["child"]) | where | {"address-confidential": is_confidential}
    answers["recommendations"]["disposal-with"] = WHERE["disposal-with"]
    return answers


def _without_absent(child: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in child.items() if name not in ("address-absent", "gp-practice-absent")}


def _tell(service: Service, author: Caller, reference: str, number: int) -> None:
    version_id = UUID(author.get(f"/outcomes/{reference}/versions/{number}").json()["id"])
    queue_missing(service.transaction, Letterhead("Sameday", service.url), version_id=version_id, now=clock.now())


def _email(service: Service, reader: str) -> str:
    with service.transaction() as session:
        return factories.cast_in(session, clock.now())[READERS[reader]].email


def _made(answer: Any) -> Any:
    assert answer.is_success, answer.text
    return answer.json()
