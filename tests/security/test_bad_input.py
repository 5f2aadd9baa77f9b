"""Bad input is refused with a problem that says where, and changes nothing. The tables: `bad_calls`, `bad_answers`."""

from copy import deepcopy
from typing import Any
from uuid import uuid4

import factories
import httpx
import pytest
from bad_answers import BAD_ANSWERS, BadAnswer
from bad_calls import BAD_CALLS, JSON, BadCall
from more_bad_calls import MORE_BAD_CALLS
from serving import AUTHOR, Service

from app import clock

ALL_CALLS = BAD_CALLS + MORE_BAD_CALLS
CALLERS = {one.by for one in ALL_CALLS if one.by} | {AUTHOR}


class Stage:
    """What the calls speak of, and the database as it was before the first of them."""

    def __init__(self, service: Service) -> None:
        author = service.caller()
        self.service = service
        self.answers = factories.complete_answers(clock.now())
        self.places = {
            "draft": author.drafted(),
            "signed": author.signed(),
            "withdrawn": _withdrawn(service),
            "delivery": str(uuid4()),
            "account": author.get("/me").json()["account_id"],
        }
        author.post("/outcomes", {"id": str(uuid4()), "site": "beacon-down"}, key="used")
        for person in CALLERS:
            service.token(person)
        self.before = service.dump()


@pytest.fixture(scope="module")
def stage(service: Service) -> Stage:
    return Stage(service)


def test_the_tables_hold_at_least_150_different_bad_inputs() -> None:
    names = [one.about for one in [*ALL_CALLS, *BAD_ANSWERS]]
    assert len(names) == len(set(names)) >= 150


@pytest.mark.parametrize("bad", ALL_CALLS, ids=lambda bad: bad.about)
def test_a_bad_call_is_refused_and_changes_nothing(stage: Stage, bad: BadCall) -> None:
    method, _, path = bad.call.partition(" ")
    headers = JSON | bad.headers if bad.content else bad.headers
    if headers.get("Content-Type") == "":
        headers = {name: value for name, value in headers.items() if name != "Content-Type"}
    answer = stage.service.caller(bad.by).call(
        method, path.format_map(stage.places), content=bad.content, headers=headers
    )
    _check_refused(answer, bad.status, bad.code)
    if bad.pointer is not None:
        _check_problem(answer, bad.pointer, bad.problem)
    assert stage.service.dump() == stage.before


@pytest.mark.parametrize("bad", BAD_ANSWERS, ids=lambda bad: bad.about)
def test_a_bad_answer_is_refused_at_its_question_and_changes_nothing(stage: Stage, bad: BadAnswer) -> None:
    answer = stage.service.caller().save(stage.places["draft"], _changed(stage.answers, bad), '"2"')
    _check_refused(answer, 422, "invalid-answers")
    _check_problem(answer, bad.pointer, bad.code)
    assert stage.service.dump() == stage.before


def _check_refused(answer: httpx.Response, status: int, code: str) -> None:
    assert (answer.status_code, answer.headers["content-type"]) == (status, "application/problem+json"), answer.text
    assert answer.json()["type"] == f"urn:sameday:problem:{code}", answer.text
    assert answer.json()["status"] == status


def _check_problem(answer: httpx.Response, pointer: str, code: str | None) -> None:
    found = [(one["pointer"], one["code"]) for one in answer.json()["problems"]]
    assert (pointer, code) in found or (code is None and pointer in [at for at, _ in found]), found


def _changed(answers: dict[str, Any], bad: BadAnswer) -> dict[str, Any]:
    changed = deepcopy(answers)
    *path, last = [part.replace("~1", "/") for part in bad.at.split("/")[1:]]
    place: Any = changed
    for part in path:
        place = place[int(part)] if isinstance(place, list) else place[part]
    place[int(last) if isinstance(place, list) else last] = bad.value
    return changed


def _withdrawn(service: Service) -> str:
    author = service.caller()
    reference = author.signed()
    body = {
        "reason_code": "other",
        "reason": "Entered twice.",
        "surname": factories.SURNAME,
        "birth_date": factories.BIRTH_DATE.isoformat(),
    }
    assert author.post(f"/outcomes/{reference}/withdrawal", body).status_code == 201
    return reference
