"""Breaking the glass by the API, on both databases: the whole path, who is told, and what is refused how."""

import json
import time
from datetime import timedelta
from email import message_from_bytes
from email.policy import default
from uuid import uuid4

import factories
import httpx
import pytest
from peers import MailPeer, mail_server
from serving import Service
from sqlalchemy import Engine
from sqlmodel import col, select

from app import clock, worker
from app.db import Transaction
from app.deliveries.break_glass import tell_of_break_glass
from app.deliveries.rules import Letterhead
from app.deliveries.tables import Delivery
from app.outcomes.break_glass import break_glass
from app.outcomes.break_glass_rules import GlassRules
from app.settings import Settings

WHY = "The child is in our department now and bleeding."
EMERGENCY = {"reason_code": "child-at-risk-now", "reason": WHY}
PATIENCE_SECONDS = 60
TYPE = "urn:sameday:problem:"
STRANGER = "colin.ashe"


def told_of(service: Service, glass_id: str) -> dict[str, str]:
    """Whom the mails about a broken glass went to, by purpose."""
    with service.transaction() as session:
        rows = session.exec(select(Delivery).where(col(Delivery.break_glass_id).is_not(None))).all()
        return {one.purpose: one.address or "" for one in rows if str(one.break_glass_id) == glass_id}


def test_the_whole_path_of_an_emergency(service: Service) -> None:
    author, stranger, lead = service.caller(), service.caller(STRANGER), service.caller("sue.garland")
    reference = author.signed()
    path = f"/outcomes/{reference}/versions/1"
    assert stranger.get(path).status_code == 404
    broken = stranger.post(f"/outcomes/{reference}/break-glass", EMERGENCY)
    assert broken.status_code == 201, broken.text
    assert set(broken.json()) == {"id", "until", "is_repeated"}
    assert stranger.get(path).status_code == 200
    assert stranger.get(f"/outcomes/{reference}/draft").status_code == 404
    assert stranger.post(f"/outcomes/{reference}/break-glass", EMERGENCY).json()["type"] == f"{TYPE}already-open"
    told = told_of(service, broken.json()["id"])
    assert told == {
        "glass-author": "asha.kerrin@beacon-down-trust.example",
        "glass-site-lead": "sue.garland@beacon-down-trust.example",
    }
    (shown,) = author.get(f"/outcomes/{reference}/deliveries").json()["break_glass"]
    assert (shown["by"], shown["reason"], shown["review"]) == ("Colin Ashe", WHY, None)
    assert {mail["purpose"] for mail in shown["mails"]} == set(told)
    assert stranger.get(f"/outcomes/{reference}/deliveries").json().get("break_glass", []) == []
    listed = lead.get("/break-glass").json()["items"]
    assert [one["reason"] for one in listed if one["id"] == broken.json()["id"]] == [WHY]
    said = lead.post(f"/break-glass/{broken.json()['id']}/review", {"finding": "appropriate", "note": "Rang them."})
    assert said.status_code == 201, said.text
    (shown,) = author.get(f"/outcomes/{reference}/deliveries").json()["break_glass"]
    assert (shown["review"]["finding"], shown["review"]["by"]) == ("appropriate", "Sue Garland")


@pytest.mark.parametrize("person", ["evan.sayle", "demo.admin"])
def test_for_evaluators_and_administrators_it_is_as_for_an_unknown_outcome(service: Service, person: str) -> None:
    reference, caller = service.caller().signed(), service.caller(person)
    answers = [caller.post(f"/outcomes/{one}/break-glass", EMERGENCY) for one in (reference, str(uuid4()), "7Q4K-2P")]
    assert {answer.status_code for answer in answers} == {404}
    assert len({without_date(answer) for answer in answers}) == 1
    assert caller.get("/break-glass").status_code == 404


def without_date(answer: httpx.Response) -> tuple[bytes, str]:
    headers = {name: value for name, value in answer.headers.items() if name != "date"}
    return answer.content, json.dumps(headers, sort_keys=True)


def test_a_token_breaks_no_glass(service: Service) -> None:
    reference = service.caller().signed()
    answer = service.caller_with_token(STRANGER).post(f"/outcomes/{reference}/break-glass", EMERGENCY)
    assert (answer.status_code, answer.json()["type"]) == (403, f"{TYPE}fresh-sign-in-needed")


@pytest.mark.parametrize(
    ("changes", "pointer"),
    [
        ({"reason": ""}, "/reason"),
        ({"reason": "\u3164" * 40}, "/reason"),
        ({"reason": "\u2800" * 40}, "/reason"),
        ({"reason": "\u200b" * 40}, "/reason"),
        ({"reason": "urgent " * 10}, "/reason"),
        ({"reason_code": "curious"}, "/reason_code"),
    ],
)
def test_a_reason_that_says_nothing_is_pointed_at(
    embedded_service: Service, changes: dict[str, str], pointer: str
) -> None:
    reference, stranger = embedded_service.caller().signed(), embedded_service.caller(STRANGER)
    answer = stranger.post(f"/outcomes/{reference}/break-glass", EMERGENCY | changes)
    assert answer.status_code == 422, answer.text
    assert [one["pointer"] for one in answer.json()["problems"]] == [pointer]
    assert stranger.get(f"/outcomes/{reference}/versions/1").status_code == 404


def test_where_the_only_lead_broke_it_the_privacy_officers_are_told(embedded_service: Service) -> None:
    reference, lead = embedded_service.caller().signed(), embedded_service.caller("sue.garland")
    broken = lead.post(f"/outcomes/{reference}/break-glass", EMERGENCY)
    assert broken.status_code == 201, broken.text
    assert told_of(embedded_service, broken.json()["id"]) == {
        "glass-author": "asha.kerrin@beacon-down-trust.example",
        "glass-officer": "petra.lund@pilot-office.example",
    }
    answer = lead.post(f"/break-glass/{broken.json()['id']}/review", {"finding": "appropriate"})
    assert answer.json()["type"] == f"{TYPE}not-by-yourself"


@pytest.mark.parametrize("is_lost", [False, True], ids=["by the engine", "by the sweep"])
def test_the_author_and_the_lead_get_mails_that_tell_nothing_of_the_child(
    settings: Settings, engine: Engine, transaction: Transaction, is_lost: bool
) -> None:
    _break(settings, transaction, ago=timedelta(minutes=10 if is_lost else 0))
    if is_lost:
        table = "workflow_status" if engine.dialect.name == "sqlite" else "dbos.workflow_status"
        with engine.begin() as connection:
            assert (
                connection.exec_driver_sql(
                    f"DELETE FROM {table} WHERE substr(workflow_uuid, 1, 8) = 'deliver:'"
                ).rowcount
                == 2
            )
    peer = MailPeer()
    with mail_server(peer) as port:
        one = worker.Worker(settings.model_copy(update={"smtp_port": port}), engine)
        one.start()
        try:
            _wait_for(peer, 2)
        finally:
            one.stop()
    mails = _glass_mails(peer)
    assert {one[0] for one in mails} == {
        "asha.kerrin@beacon-down-trust.example",
        "sue.garland@beacon-down-trust.example",
    }
    for _, text in mails:
        for secret in (WHY, "bleeding", factories.SURNAME, "Leo", "9990002371", "Colin", "Ashe"):
            assert secret.casefold() not in text.casefold()


def _break(settings: Settings, transaction: Transaction, *, ago: timedelta) -> None:
    at = clock.now() - ago
    with transaction() as session:
        cast = factories.load_cast(session, at)
        outcome, _ = factories.signed_outcome(session, cast["asha.kerrin"], cast.sites["beacon-down"], at)
        glass = break_glass(
            session, cast[STRANGER], outcome=outcome.id, reason_code="other", reason=WHY, rules=GlassRules(), now=at
        )
        tell_of_break_glass(session, glass, Letterhead(settings.service_name, settings.base_url), at)


def _wait_for(peer: MailPeer, mails: int) -> None:
    deadline = time.monotonic() + PATIENCE_SECONDS
    while len(_glass_mails(peer)) < mails:
        assert time.monotonic() < deadline, "they were not told in time"
        time.sleep(0.05)


def _glass_mails(peer: MailPeer) -> list[tuple[str, str]]:
    """Addressee and everything that was sent, of the notices of emergency access."""
    found = []
    for envelope in peer.got:
        message = message_from_bytes(envelope.content, policy=default)
        if "Emergency access" in str(message["Subject"]):
            found.append((envelope.rcpt_tos[0], f"{message}\n{message.get_body(('plain',)).get_content()}"))
    return found


def test_a_bad_reason_is_refused_alike_whether_there_is_an_outcome_or_not(embedded_service: Service) -> None:
    reference, stranger = embedded_service.caller().signed(), embedded_service.caller(STRANGER)
    said = EMERGENCY | {"reason": "\u3164" * 40}
    answers = [stranger.post(f"/outcomes/{one}/break-glass", said) for one in (reference, str(uuid4()), "7Q4K-2P")]
    assert {answer.status_code for answer in answers} == {422}
    assert len({answer.content for answer in answers}) == 1
