"""The look at the tables and the post after the last kill: was anything lost, doubled or left undone?"""

import sys
import time
from collections import Counter
from dataclasses import dataclass, field
from datetime import timedelta
from email import message_from_bytes
from typing import Any
from uuid import UUID

from peers import MailPeer, Peer
from sqlalchemy import Engine
from sqlmodel import Session, col, func, select

from app import clock
from app.deliveries.missing import missing_work
from app.deliveries.tables import Attempt, Delivery
from app.documents.tables import Document
from app.outcomes.tables import OutcomeVersion, Recipient, Withdrawal
from app.people.tables import Team

PATIENCE_SECONDS = 180
"""Work of which nothing moves for so long is stuck."""


@dataclass
class Report:
    """What was done and what was found. `faults` must be empty."""

    seed: int
    kills: dict[str, int] = field(default_factory=dict)
    signed: int = 0
    withdrawn: int = 0
    documents: int = 0
    deliveries: int = 0
    told_again_under_the_same_id: int = 0
    seconds: float = 0.0
    faults: list[str] = field(default_factory=list)


def wait_until_quiet(engine: Engine, report: Report) -> None:
    """Wait for as long as anything moves; what does not move any more is stuck."""
    fewest, since = sys.maxsize, time.monotonic()
    while left := _left(engine):
        if len(left) != fewest:
            fewest, since = len(left), time.monotonic()
        if time.monotonic() - since > PATIENCE_SECONDS:
            report.faults.append(f"stuck: {left[:20]}")
            return
        time.sleep(1)


def _left(engine: Engine) -> list[str]:
    """What is still to be done: by our own tables, and by the durable engine's."""
    table = "workflow_status" if engine.dialect.name == "sqlite" else "dbos.workflow_status"
    with Session(engine) as session:
        # Far enough on for every try to be due, and too soon for the chain on silence.
        missing = [work.id for work in missing_work(session, now=clock.now(), grace=timedelta(0))]
        statuses = "'PENDING', 'ENQUEUED', 'ERROR', 'MAX_RECOVERY_ATTEMPTS_EXCEEDED'"
        found = session.connection().exec_driver_sql(
            f"SELECT workflow_uuid || ' ' || status FROM {table} WHERE status IN ({statuses})"
        )
        waiting = session.exec(select(Delivery.id).where(Delivery.status == "queued")).all()
        return [*missing, *(str(row[0]) for row in found), *(f"queued {one}" for one in waiting)]


def look(session: Session, report: Report, acknowledged: list[tuple[UUID, int]]) -> None:
    versions = session.exec(select(OutcomeVersion)).all()
    withdrawn = set(session.exec(select(Withdrawal.outcome_id)))
    numbers = Counter((version.outcome_id, version.number) for version in versions)
    report.signed = len(acknowledged)
    for outcome_id, number in acknowledged:
        if numbers[outcome_id, number] != 1:
            report.faults.append(f"acknowledged signature {outcome_id} v{number}: {numbers[outcome_id, number]} rows")
    if len(acknowledged) != len(versions):
        report.faults.append(f"{len(versions)} versions for {len(acknowledged)} acknowledged signatures")
    documents = Counter(session.exec(select(Document.version_id)))
    report.documents = documents.total()
    for version in versions:
        if documents[version.id] != 1 and version.outcome_id not in withdrawn:
            report.faults.append(f"version {version.id}: {documents[version.id]} documents")
    _look_at_deliveries(session, report, withdrawn)


def _look_at_deliveries(session: Session, report: Report, withdrawn: set[UUID]) -> None:
    rows = session.exec(
        select(Recipient, OutcomeVersion.outcome_id, Team.webhook_url)
        .join(OutcomeVersion, col(OutcomeVersion.id) == col(Recipient.version_id))
        .join(Team, col(Team.id) == col(Recipient.team_id))
    ).all()
    deliveries = session.exec(select(Delivery)).all()
    report.deliveries = len(deliveries)
    found = Counter((one.recipient_id, one.channel, one.purpose) for one in deliveries)
    for recipient, outcome_id, webhook_url in rows:
        channels = ["inbox", "email", *(["webhook"] if webhook_url and recipient.account_id is None else [])]
        for channel in channels:
            count = found[recipient.id, channel, "outcome"]
            if count != 1 and not (count == 0 and outcome_id in withdrawn):
                report.faults.append(f"recipient {recipient.id} by {channel}: {count} deliveries")
    asked = {
        (outcome_id, recipient.team_id, recipient.account_id)
        for recipient, outcome_id, _ in rows
        if outcome_id in withdrawn
    }
    inboxes = sum(one.channel == "inbox" and one.purpose == "withdrawal" for one in deliveries)
    if inboxes != len(asked):
        report.faults.append(f"{inboxes} recipients asked to delete, of {len(asked)}")
    sent = dict(
        session.exec(
            select(Attempt.delivery_id, func.count()).where(Attempt.result == "sent").group_by(col(Attempt.delivery_id))
        ).all()
    )
    for one in deliveries:
        if one.status not in ("sent", "cancelled") or (one.status == "sent" and sent.get(one.id) != 1):
            report.faults.append(f"delivery {one.id} {one.status} with {sent.get(one.id, 0)} tries recorded as sent")


def look_at_post(session: Session, report: Report, mail: MailPeer, hook: Peer) -> None:
    """Each delivery that says it was sent arrived, under its own id, and nothing arrived under another."""
    arrived = Counter(_message_id(envelope) for envelope in mail.got)
    arrived.update(_webhook_id(headers) for headers, _ in hook.got)
    sent = {
        str(delivery_id)
        for delivery_id in session.exec(
            select(Delivery.id).where(Delivery.status == "sent", Delivery.channel != "inbox")
        )
    }
    known = {str(delivery_id) for delivery_id in session.exec(select(Delivery.id))}
    report.faults += [f"told under an unknown id: {one}" for one in arrived.keys() - known]
    report.faults += [f"said to be sent and did not arrive: {one}" for one in sent - arrived.keys()]
    report.told_again_under_the_same_id = arrived.total() - len(arrived)


def _message_id(envelope: Any) -> str:
    return str(message_from_bytes(envelope.content)["Message-ID"]).strip("<>").partition("@")[0]


def _webhook_id(headers: dict[str, str]) -> str:
    return {name.lower(): value for name, value in headers.items()}["webhook-id"]
