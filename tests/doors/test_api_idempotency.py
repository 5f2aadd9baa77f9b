"""A repeated POST gets the first answer and does nothing twice."""

from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from uuid import uuid4

import factories
from serving import Service
from sqlmodel import col, select, update

from app import clock
from app.api import idempotency
from app.api.idempotency import IdempotentAnswer

ADMINISTRATOR = "demo.admin"


def test_fifty_calls_at_once_under_one_key_make_one_row_and_get_one_answer(service: Service) -> None:
    administrator = service.caller(ADMINISTRATOR)
    for _ in range(4):
        key, code = str(uuid4()), f"many-{uuid4().hex[:8]}"
        with ThreadPoolExecutor(50) as pool:
            calls = [pool.submit(administrator.post, "/organisations", _body(code), key=key) for _ in range(50)]
            answers = [call.result() for call in calls]
        assert {(one.status_code, one.content) for one in answers} == {(201, answers[0].content)}
        assert service.rows(f"SELECT COUNT(*) FROM organisation WHERE code = '{code}'") == [(1,)]


def test_a_repeat_gets_the_location_and_the_etag_too(service: Service) -> None:
    author, key = service.caller(), str(uuid4())
    reference = author.signed()
    first = author.post(f"/outcomes/{reference}/amendment", key=key)
    again = author.post(f"/outcomes/{reference}/amendment", key=key)
    assert (again.status_code, again.json()) == (201, first.json())
    assert [again.headers[name] for name in ("location", "etag")] == [first.headers[n] for n in ("location", "etag")]


def test_no_answer_that_is_kept_holds_what_was_written_of_the_child(service: Service) -> None:
    author = service.caller()
    reference = author.signed()
    draft = author.post(f"/outcomes/{reference}/amendment")
    author.sign(reference, draft.headers["etag"], amendment_reason="Two healing fractures were found.")
    kept = " ".join(body for (body,) in service.rows("SELECT body FROM idempotent_answer"))
    assert reference in kept
    assert factories.SURNAME not in kept
    assert "fractures" not in kept


def test_a_signature_repeated_under_its_key_is_the_same_version(service: Service) -> None:
    author, key = service.caller(), str(uuid4())
    reference = author.drafted()
    assert author.sign(reference, key=key).json() == author.sign(reference, key=key).json()
    assert len(author.get(f"/outcomes/{reference}").json()["versions"]) == 1


def test_a_key_used_with_another_body_is_refused_and_nothing_is_done(service: Service) -> None:
    administrator, key, code = service.caller(ADMINISTRATOR), str(uuid4()), f"other-{uuid4().hex[:8]}"
    assert administrator.post("/organisations", _body(code), key=key).status_code == 201
    refused = administrator.post("/organisations", _body(code + "x"), key=key)
    assert (refused.status_code, refused.json()["type"]) == (422, "urn:sameday:problem:idempotency-key-reused")
    assert service.rows(f"SELECT COUNT(*) FROM organisation WHERE code = '{code}x'") == [(0,)]


def test_a_key_belongs_to_one_account_and_one_address(service: Service) -> None:
    key, author, other = str(uuid4()), service.caller(), service.caller("tom.lyle")
    bodies = [{"id": str(uuid4()), "site": "beacon-down"} for _ in range(2)]
    mine, theirs = author.post("/outcomes", bodies[0], key=key), other.post("/outcomes", bodies[1], key=key)
    assert (mine.status_code, theirs.status_code) == (201, 201)
    assert mine.json() != theirs.json()
    drafts = [author.drafted(), author.drafted()]
    assert [author.sign(one, key=key).status_code for one in drafts] == [201, 201]


def test_a_refused_call_leaves_its_key_free_for_the_corrected_body(service: Service) -> None:
    author, key = service.caller(), str(uuid4())
    wrong, right = {"id": str(uuid4()), "site": "nowhere"}, {"id": str(uuid4()), "site": "beacon-down"}
    refused = author.post("/outcomes", wrong, key=key)
    assert (refused.status_code, refused.json()["problems"][0]["pointer"]) == (422, "/site")
    assert author.post("/outcomes", right, key=key).status_code == 201


def test_kept_answers_are_forgotten_after_two_days(service: Service) -> None:
    administrator, key, code = service.caller(ADMINISTRATOR), str(uuid4()), f"old-{uuid4().hex[:8]}"
    administrator.post("/organisations", _body(code), key=key)
    long_ago = clock.now() - idempotency.KEPT_FOR - timedelta(minutes=1)
    with service.transaction() as session:
        session.exec(update(IdempotentAnswer).where(col(IdempotentAnswer.key) == key).values(answered_at=long_ago))
    administrator.post("/organisations", _body(f"new-{uuid4().hex[:8]}"))
    with service.transaction() as session:
        assert session.exec(select(IdempotentAnswer).where(IdempotentAnswer.key == key)).all() == []


def test_a_repeat_while_the_first_call_is_at_work_is_asked_to_come_back(postgresql_service: Service) -> None:
    administrator, key, code = postgresql_service.caller(ADMINISTRATOR), str(uuid4()), f"slow-{uuid4().hex[:8]}"
    administrator.get("/me")
    account_id = postgresql_service.rows("SELECT id FROM account WHERE email LIKE 'demo.admin@%'")[0][0]
    with postgresql_service.transaction() as session:
        session.add(
            IdempotentAnswer(
                account_id=account_id,
                route="POST /api/v1/organisations",
                key=key,
                body_digest="",
                status=0,
                body="",
                answered_at=clock.now(),
            )
        )
        session.flush()
        refused = administrator.post("/organisations", _body(code), key=key)
        session.rollback()
    assert (refused.status_code, refused.json()["type"]) == (409, "urn:sameday:problem:idempotency-key-in-use")
    assert administrator.post("/organisations", _body(code), key=key).status_code == 201


def _body(code: str) -> dict[str, str]:
    return {"code": code, "name": "An organisation"}
