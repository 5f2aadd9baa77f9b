"""What the API leaves in the audit: reads that failed, lists, and a place in the chain for each."""

import factories
from serving import Service
from sqlmodel import col, select
from tampering import look

from app.audit import AuditEvent

READER = "joan.tapper"


def last(service: Service, action: str) -> AuditEvent:
    with service.transaction() as session:
        wanted = select(AuditEvent).where(AuditEvent.action == action).order_by(col(AuditEvent.number).desc())
        return session.exec(wanted).all()[0]


def test_a_document_that_was_asked_for_in_vain_is_told_as_failed(service: Service) -> None:
    author, reader = service.caller(), service.caller(READER)
    reference = author.signed()
    assert reader.get(f"/outcomes/{reference}/versions/1/document").status_code == 409
    event = last(service, "read-version")
    assert (event.result, event.detail["error"]) == ("failed", "document-not-ready")
    assert event.detail["outcome"] == author.get(f"/outcomes/{reference}").json()["id"]
    child = {"surname": factories.SURNAME, "birth_date": factories.BIRTH_DATE.isoformat()}
    said = {"reason_code": "wrong-child", "reason": "It was another child.", **child}
    assert author.post(f"/outcomes/{reference}/withdrawal", said).status_code == 201
    assert reader.get(f"/outcomes/{reference}/versions/1/document").status_code == 410
    event = last(service, "read-version")
    assert (event.result, event.detail["error"]) == ("failed", "outcome-withdrawn")


def test_a_refusal_is_told_once_and_as_denied(service: Service) -> None:
    reference, stranger = service.caller().signed(), service.caller("colin.ashe")
    before = len(service.rows("SELECT id FROM audit_event"))
    assert stranger.get(f"/outcomes/{reference}/versions/1").status_code == 404
    assert last(service, "read-version").result == "denied"
    assert len(service.rows("SELECT id FROM audit_event")) == before + 1


def test_a_list_is_told_once_with_what_it_showed(service: Service) -> None:
    author = service.caller()
    references = {author.begin(), author.begin()}
    shown = author.get("/outcomes", params={"limit": 2}).json()["items"]
    assert {one["reference"] for one in shown} == references
    event = last(service, "list-outcomes")
    assert event.detail == {"count": 2, "ids": [one["id"] for one in shown]}
    author.get(f"/outcomes/{shown[0]['reference']}/deliveries")
    event = last(service, "list-deliveries")
    assert (event.object_type, event.object_id, event.detail) == ("outcome", shown[0]["id"], {"count": 0, "ids": []})
    inbox = service.caller(READER).get("/inbox").json()["items"]
    assert last(service, "read-inbox").detail == {"count": len(inbox), "ids": [one["delivery_id"] for one in inbox]}


def test_all_that_the_api_did_hangs_together(service: Service) -> None:
    service.caller().signed()
    faults, reach = look(service.transaction)
    assert faults == []
    assert reach.count == reach.last_number > 10
    assert len(service.rows("SELECT DISTINCT number FROM audit_event")) == reach.count


def test_an_administrator_sees_the_place_in_the_chain(service: Service) -> None:
    author = service.caller()
    outcome_id = author.get(f"/outcomes/{author.signed()}").json()["id"]
    events = service.caller("demo.admin").get("/audit", params={"object_id": outcome_id}).json()["items"]
    with service.transaction() as session:
        kept = {str(one.id): (one.number, one.sha256) for one in session.exec(select(AuditEvent))}
    assert events
    assert all(kept[one["id"]] == (one["number"], one["sha256"]) for one in events)


def test_every_event_names_the_token_of_its_call_also_of_a_refusal(service: Service) -> None:
    author, stranger = service.caller_with_token(), service.caller_with_token("colin.ashe")
    reference = author.begin()
    assert set(last(service, "begin-outcome").detail) == {"token"}
    assert stranger.get(f"/outcomes/{reference}").status_code == 404
    denied = last(service, "read-outcome")
    assert denied.result == "denied"
    assert denied.detail["token"] != last(service, "begin-outcome").detail["token"]
