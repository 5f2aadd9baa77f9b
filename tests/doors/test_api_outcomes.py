"""The main path as clients see it: draft, signature, reading, withdrawal."""

from concurrent.futures import ThreadPoolExecutor
from uuid import UUID, uuid4

import factories
import pytest
from serving import Service

from app import clock
from app.outcomes.tables import OutcomeVersion


def test_an_outcome_is_begun_once_for_each_id_a_client_makes(service: Service) -> None:
    author, body = service.caller(), {"id": str(uuid4()), "site": "beacon-down"}
    first, again = author.post("/outcomes", body), author.post("/outcomes", body)
    assert (first.status_code, again.status_code) == (201, 200)
    assert first.json() == again.json()
    assert first.headers["location"] == f"/api/v1/outcomes/{first.json()['reference']}"
    assert service.caller("tom.lyle").post("/outcomes", body).json()["type"] == "urn:sameday:problem:id-taken"


def test_a_draft_says_what_is_missing_and_who_will_be_told(service: Service) -> None:
    author = service.caller()
    reference = author.begin()
    empty = author.get(f"/outcomes/{reference}/draft")
    assert empty.headers["etag"] == '"1"'
    assert "/answers/child/surname" in [one["pointer"] for one in empty.json()["missing"]]
    saved = author.save(reference, factories.complete_answers(clock.now())).json()
    assert (saved["revision"], saved["missing"]) == (2, [])
    assert "Priya Dunmore" in [one["name"] for one in saved["recipients"]]


def test_an_outcome_goes_by_its_reference_and_by_its_id(service: Service) -> None:
    author = service.caller()
    by_reference = author.get(f"/outcomes/{author.begin()}").json()
    assert author.get(f"/outcomes/{by_reference['id']}").json() == by_reference


def test_a_signature_makes_a_version_that_recipients_can_read(service: Service) -> None:
    author = service.caller()
    reference = author.drafted()
    signed = author.sign(reference)
    assert (signed.status_code, signed.json()["number"]) == (201, 1)
    assert signed.json()["signer"]["registration"] == "GMC 9900001"
    read = service.caller("priya.dunmore").get(f"/outcomes/{reference}/versions/1")
    assert read.headers["etag"] == f'"{signed.json()["content_sha256"]}"'
    assert read.json()["answers"]["child"]["surname"] == factories.SURNAME
    assert (read.json()["is_current"], read.json()["superseded_by"]) == (True, None)


def test_a_signature_and_its_work_are_stored_although_no_worker_runs(service: Service) -> None:
    author = service.caller()
    reference = author.signed()
    version_id = author.get(f"/outcomes/{reference}/versions/1").json()["id"]
    table = "workflow_status" if service.settings.is_embedded else "dbos.workflow_status"
    enqueued = service.rows(f"SELECT workflow_uuid, status FROM {table} WHERE workflow_uuid = 'share:{version_id}'")
    assert enqueued == [(f"share:{version_id}", "ENQUEUED")]
    with service.transaction() as session:
        assert session.get_one(OutcomeVersion, UUID(version_id)).signer_name == "Dr Asha Kerrin"


def test_signing_the_same_draft_again_says_that_it_is_signed(service: Service) -> None:
    author = service.caller()
    reference = author.signed()
    again = author.sign(reference)
    assert (again.status_code, again.json()["type"]) == (409, "urn:sameday:problem:already-signed")


def test_an_incomplete_draft_is_not_signed_and_every_gap_is_named(service: Service) -> None:
    author = service.caller()
    reference = author.begin()
    refused = author.sign(reference, '"1"')
    assert (refused.status_code, refused.json()["type"]) == (422, "urn:sameday:problem:incomplete")
    assert {one["code"] for one in refused.json()["problems"]} == {"missing"}
    assert len(refused.json()["problems"]) > 20


def test_an_amendment_replaces_the_version_before_it(service: Service) -> None:
    author = service.caller()
    reference = author.signed()
    draft = author.post(f"/outcomes/{reference}/amendment")
    assert (draft.status_code, draft.json()["amends_number"]) == (201, 1)
    assert author.get(f"/outcomes/{reference}").json()["state"] == "amending"
    signed = author.sign(reference, draft.headers["etag"], amendment_reason="The survey is reported.")
    assert (signed.status_code, signed.json()["number"]) == (201, 2)
    assert author.get(f"/outcomes/{reference}/versions/1").json()["superseded_by"] == 2


def test_a_surname_as_long_as_the_form_allows_can_be_signed(service: Service) -> None:
    author = service.caller()
    reference, answers = author.begin(), factories.complete_answers(clock.now())
    answers["child"]["surname"] = "A" * 300
    assert author.save(reference, answers).status_code == 200
    assert author.sign(reference, surname="A" * 300).status_code == 201


def test_discarding_and_withdrawing_at_once_is_no_deadlock(postgresql_service: Service) -> None:
    author = postgresql_service.caller()
    guard = {"surname": factories.SURNAME, "birth_date": factories.BIRTH_DATE.isoformat()}
    for _ in range(12):
        reference = author.signed()
        etag = author.post(f"/outcomes/{reference}/amendment").headers["etag"]
        body = {"reason_code": "other", "reason": "Two at once.", **guard}
        with ThreadPoolExecutor(2) as pool:
            discarded = pool.submit(author.call, "DELETE", f"/outcomes/{reference}/draft", headers={"If-Match": etag})
            withdrawn = pool.submit(author.post, f"/outcomes/{reference}/withdrawal", body)
        assert withdrawn.result().status_code == 201
        assert discarded.result().status_code in (204, 404, 410, 412)


def test_a_withdrawn_outcome_keeps_the_reason_of_its_amendment_to_itself(service: Service) -> None:
    author = service.caller()
    reference = author.signed()
    draft = author.post(f"/outcomes/{reference}/amendment")
    author.sign(reference, draft.headers["etag"], amendment_reason="Two healing fractures were found.")
    assert "fractures" in author.get(f"/outcomes/{reference}").text
    guard = {"surname": factories.SURNAME, "birth_date": factories.BIRTH_DATE.isoformat()}
    author.post(
        f"/outcomes/{reference}/withdrawal", {"reason_code": "wrong-child", "reason": "Another child.", **guard}
    )
    for person in ("asha.kerrin", "priya.dunmore"):
        assert "fractures" not in service.caller(person).get(f"/outcomes/{reference}").text


def test_a_withdrawn_outcome_leaves_a_tombstone_to_everyone(service: Service) -> None:
    author = service.caller()
    reference = author.signed()
    body = {
        "reason_code": "wrong-child",
        "reason": "Written on the record of another child.",
        "surname": factories.SURNAME,
        "birth_date": factories.BIRTH_DATE.isoformat(),
    }
    assert author.post(f"/outcomes/{reference}/withdrawal", body).status_code == 201
    for person in ("asha.kerrin", "priya.dunmore"):
        tombstone = service.caller(person).get(f"/outcomes/{reference}/versions/1").json()
        assert tombstone["withdrawn"]["reason_code"] == "wrong-child"
        assert set(tombstone) == {"reference", "number", "withdrawn"}
        document = service.caller(person).get(f"/outcomes/{reference}/versions/1/document")
        assert (document.status_code, document.json()["type"]) == (410, "urn:sameday:problem:outcome-withdrawn")
    outcome_id = author.get(f"/outcomes/{reference}").json()["id"]
    table = "workflow_status" if service.settings.is_embedded else "dbos.workflow_status"
    assert service.rows(f"SELECT status FROM {table} WHERE workflow_uuid = 'share_withdrawal:{outcome_id}'")


def test_the_day_of_the_full_report_is_said_once(service: Service) -> None:
    author = service.caller()
    reference = author.signed()
    today = clock.now().date().isoformat()
    path = f"/outcomes/{reference}/formal-report"
    first = author.call("PUT", path, json={"issued_on": today})
    assert (first.status_code, first.json()["issued_on"]) == (200, today)
    assert author.call("PUT", path, json={"issued_on": today}).json() == first.json()
    assert author.get(f"/outcomes/{reference}").json()["formal_report_issued_on"] == today


def test_a_document_that_is_being_made_is_asked_for_again_later(service: Service) -> None:
    author = service.caller()
    answer = author.get(f"/outcomes/{author.signed()}/versions/1/document")
    assert (answer.status_code, answer.headers["retry-after"]) == (409, "2")
    assert answer.json()["type"] == "urn:sameday:problem:document-not-ready"


def test_a_discarded_draft_is_gone(service: Service) -> None:
    author = service.caller()
    reference = author.begin()
    assert author.call("DELETE", f"/outcomes/{reference}/draft", headers={"If-Match": '"1"'}).status_code == 204
    assert author.get(f"/outcomes/{reference}/draft").status_code == 404
    assert author.get(f"/outcomes/{reference}").json()["state"] == "discarded"


def test_a_list_goes_on_page_by_page_until_every_item_was_given(service: Service) -> None:
    author = service.caller("marek.ostrow")
    written = {author.begin("harbour") for _ in range(5)}
    given, after = [], {}
    while True:
        page = author.get("/outcomes", params={"limit": 2, "state": "draft", **after}).json()
        given += [one["reference"] for one in page["items"]]
        if page["next"] is None:
            break
        after = {"after": page["next"]}
    assert len(given) == len(set(given))
    assert written <= set(given)


@pytest.mark.parametrize("path", ["", "/draft", "/versions/1", "/versions/1/document", "/deliveries"])
def test_an_outcome_of_others_looks_exactly_like_one_that_is_not_there(service: Service, path: str) -> None:
    reference = service.caller().signed()
    stranger = service.caller("colin.ashe")
    theirs, unknown = stranger.get(f"/outcomes/{reference}{path}"), stranger.get(f"/outcomes/2222-22{path}")
    assert theirs.status_code == unknown.status_code == 404
    assert theirs.content == unknown.content
    assert _without_date(theirs.headers) == _without_date(unknown.headers)


def test_a_refused_reading_is_audited_under_the_readers_name(service: Service) -> None:
    author = service.caller()
    reference = author.signed()
    outcome_id = author.get(f"/outcomes/{reference}").json()["id"]
    service.caller("colin.ashe").get(f"/outcomes/{reference}/versions/1")
    events = service.caller("demo.admin").get("/audit", params={"object_id": outcome_id}).json()["items"]
    assert ("read-version", "denied") in [(one["action"], one["result"]) for one in events]


def _without_date(headers: object) -> dict[str, str]:
    return {name: value for name, value in dict(headers).items() if name != "date"}  # type: ignore[call-overload]
