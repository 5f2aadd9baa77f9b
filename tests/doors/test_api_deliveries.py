"""Who has it: the inbox, acknowledgements, 'not mine' and the sealed document, as clients see them."""

from hashlib import sha256
from typing import Any
from uuid import UUID, uuid4

import factories
from serving import Caller, Service
from signed import Post

from app import clock
from app.deliveries.attempts import attempt
from app.deliveries.channels import Failed
from app.deliveries.escalations import escalate
from app.deliveries.queueing import queue_missing
from app.deliveries.rules import Letterhead
from app.documents.queries import closed
from app.documents.tables import Document

READER = "joan.tapper"  # in one team, and not named


def test_what_was_signed_waits_in_the_inbox_until_someone_has_it(service: Service) -> None:
    reference = _told(service)
    reader = service.caller(READER)
    waiting = _waiting(reader, reference)
    assert set(waiting) == {
        "delivery_id", "reference", "version", "purpose", "received_at", "opened_at", "acknowledged_at",
        "not_mine_at",
    }  # fmt: skip
    path = f"/deliveries/{waiting['delivery_id']}/acknowledgement"
    first = reader.post(path, {"helpfulness": "very", "note": "Thank you."})
    again = reader.post(path, {"helpfulness": "not"})
    assert (first.status_code, again.status_code, again.json()) == (201, 200, first.json())
    assert reference not in [one["reference"] for one in reader.get("/inbox").json()["items"]]
    assert reference in [one["reference"] for one in reader.get("/inbox?state=all").json()["items"]]


def test_reading_a_version_marks_what_came_to_the_reader_as_opened(service: Service) -> None:
    reference = _told(service)
    reader = service.caller(READER)
    assert _waiting(reader, reference)["opened_at"] is None
    reader.get(f"/outcomes/{reference}/versions/1")
    assert _waiting(reader, reference)["opened_at"] is not None


def test_the_author_sees_who_has_it_and_a_stranger_cannot_say_so(service: Service) -> None:
    reference = _told(service)
    delivery_id = _waiting(service.caller(READER), reference)["delivery_id"]
    refused = service.caller("colin.ashe").post(f"/deliveries/{delivery_id}/acknowledgement", {})
    assert (refused.status_code, refused.json()["type"]) == (404, "urn:sameday:problem:not-found")
    service.caller(READER).post(f"/deliveries/{delivery_id}/acknowledgement", {})
    told = service.caller().get(f"/outcomes/{reference}/deliveries").json()["items"]
    assert {one["acknowledged"]["by"] for one in told if one["acknowledged"]} == {"Joan Tapper"}
    assert {one["channel"] for one in told} >= {"inbox", "email"}


def test_not_mine_is_said_once(service: Service) -> None:
    reference = _told(service)
    reader = service.caller(READER)
    path = f"/deliveries/{_waiting(reader, reference)['delivery_id']}/not-mine"
    first, again = reader.post(path, {"note": "I have left the team."}), reader.post(path, {})
    assert (first.status_code, again.status_code, again.json()) == (201, 200, first.json())
    assert reference not in [one["reference"] for one in reader.get("/inbox?limit=100").json()["items"]]
    items = reader.get("/inbox?state=all&limit=100").json()["items"]
    assert [one["not_mine_at"] for one in items if one["reference"] == reference] == [first.json()["at"]]


def test_the_author_alone_sees_the_mails_that_told_others_and_may_send_them_again(service: Service) -> None:
    reference = _told(service)
    author, reader = service.caller(), service.caller(READER)
    delivery_id = _waiting(reader, reference)["delivery_id"]
    reader.post(f"/deliveries/{delivery_id}/not-mine", {})
    escalate(service.transaction, delivery_id=UUID(delivery_id), step=0, now=clock.now())
    seen = _delivery(author, reference, delivery_id)
    (chase,), mails = seen["escalations"], seen["not_mine_mails"]
    assert {mail["purpose"] for mail in mails} == {"not-mine-author", "not-mine-team"}
    refusing = {"email": Post([Failed(True, "550 5.1.1")])}
    attempt(service.transaction, refusing, delivery_id=UUID(chase["delivery_id"]), number=1, now=clock.now())
    (chase,) = _delivery(author, reference, delivery_id)["escalations"]
    assert (chase["status"], [one["detail"] for one in chase["attempts"]]) == ("dead", ["550 5.1.1"])
    for mail in (chase, *mails):
        assert author.call("POST", f"/deliveries/{mail['delivery_id']}/retry").status_code == 202
    as_recipient = _delivery(reader, reference, delivery_id)
    (chase,) = as_recipient["escalations"]
    assert (chase["delivery_id"], chase["attempts"], as_recipient["not_mine_mails"]) == (None, [], [])


def test_the_author_may_ask_for_another_try_and_a_recipient_may_not(service: Service) -> None:
    author = service.caller()
    told = author.get(f"/outcomes/{_told(service)}/deliveries").json()["items"]
    mail = next(one for one in told if one["channel"] == "email")
    assert service.caller(READER).call("POST", f"/deliveries/{mail['id']}/retry").status_code == 404
    answer = author.call("POST", f"/deliveries/{mail['id']}/retry")
    assert (answer.status_code, answer.json()) == (202, {"delivery_id": mail["id"], "status": "queued"})
    table = "workflow_status" if service.settings.is_embedded else "dbos.workflow_status"
    assert service.rows(f"SELECT 1 FROM {table} WHERE workflow_uuid LIKE 'deliver:{mail['id']}:%by-hand'")


def test_a_document_is_served_as_it_was_sealed_and_verified_by_anyone(service: Service) -> None:
    author, nobody = service.caller(), service.caller(None)
    reference = author.signed()
    sealed = _seal(service, author, reference)
    answer = service.caller(READER).get(f"/outcomes/{reference}/versions/1/document")
    assert (answer.content, answer.headers["content-type"]) == (sealed, "application/pdf")
    assert answer.headers["content-disposition"] == f'attachment; filename="outcome-{reference}-v1.pdf"'
    assert author.get(f"/outcomes/{reference}").json()["versions"][0]["document"]["pages"] == 2
    assert _standing(nobody, sealed) == "genuine-and-current"
    assert _standing(nobody, sealed + b"\n") == "not-genuine"
    draft = author.post(f"/outcomes/{reference}/amendment")
    author.sign(reference, draft.headers["etag"], amendment_reason="A test came back.")
    assert _standing(nobody, sealed) == "genuine-but-superseded"
    child = {"surname": factories.SURNAME, "birth_date": factories.BIRTH_DATE.isoformat()}
    author.post(f"/outcomes/{reference}/withdrawal", {"reason_code": "other", "reason": "Twice.", **child})
    assert _standing(nobody, sealed) == "withdrawn"


def _told(service: Service) -> str:
    """A signed outcome whose deliveries are queued, as the worker would."""
    author = service.caller()
    reference = author.signed()
    version_id = UUID(author.get(f"/outcomes/{reference}/versions/1").json()["id"])
    queue_missing(service.transaction, Letterhead("Sameday", service.url), version_id=version_id, now=clock.now())
    return reference


def _waiting(reader: Caller, reference: str) -> dict[str, str]:
    items = reader.get("/inbox", params={"limit": 100}).json()["items"]
    return next(one for one in items if one["reference"] == reference)


def _delivery(caller: Caller, reference: str, delivery_id: str) -> dict[str, Any]:
    items = caller.get(f"/outcomes/{reference}/deliveries").json()["items"]
    return next(one for one in items if one["id"] == delivery_id)


def _seal(service: Service, author: Caller, reference: str) -> bytes:
    """Bytes in place of the worker's PDF: what is in them does not matter here."""
    data = f"%PDF {reference}".encode()
    document_id, version_id = uuid4(), UUID(author.get(f"/outcomes/{reference}/versions/1").json()["id"])
    with service.transaction() as session:
        session.add(
            Document(
                id=document_id,
                version_id=version_id,
                data_encrypted=closed(session, document_id, version_id, data),
                sha256=sha256(data).hexdigest(),
                pages=2,
                seal_level="B-T",
                certificate_sha256="0" * 64,
                created_at=clock.now(),
            )
        )
    return data


def _standing(caller: Caller, data: bytes) -> str:
    answer = caller.call("POST", "/verification", content=data, headers={"Content-Type": "application/pdf"})
    return str(answer.json()["standing"])
