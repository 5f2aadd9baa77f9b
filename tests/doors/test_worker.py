"""The whole path: from a signed version to a sealed document and mails that were taken, on both databases."""

import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from email import message_from_bytes
from email.policy import default
from pathlib import Path
from textwrap import dedent
from uuid import UUID

import factories
import local_accounts
import pytest
from peers import MailPeer, mail_server
from sqlalchemy import Engine
from sqlmodel import select

from app import clock, worker
from app import engine as work_engine
from app.audit.heads import last_head
from app.audit.publishing import head_file
from app.audit.queries import last_link
from app.db import Transaction
from app.deliveries import work
from app.deliveries.rules import EMAIL
from app.deliveries.tables import Attempt, Delivery
from app.documents.tables import Document
from app.outcomes.tables import Recipient
from app.people import by_link, links
from app.people.sign_in_tables import OneTimeLink
from app.settings import Settings
from app.version import ROOT

PATIENCE_SECONDS = 60


@contextmanager
def working(settings: Settings, engine: Engine, **changes: object) -> Iterator[None]:
    one = worker.Worker(settings.model_copy(update=changes), engine)
    one.start()
    try:
        yield
    finally:
        one.stop()


@pytest.fixture
def version_id(transaction: Transaction) -> UUID:
    """A version signed ten minutes ago, about which nothing has been done."""
    at = clock.now() - timedelta(minutes=10)
    with transaction() as session:
        cast = factories.load_cast(session, at)
        _, version = factories.signed_outcome(session, cast["asha.kerrin"], cast.sites["beacon-down"], at)
        return version.id


def test_a_signed_version_is_sealed_and_everyone_is_told(
    settings: Settings, engine: Engine, transaction: Transaction, version_id: UUID, capfd: pytest.CaptureFixture[str]
) -> None:
    with transaction() as session:
        work_engine.enqueue(session, work.share(version_id))
    peer = MailPeer()
    with mail_server(peer) as port, working(settings, engine, smtp_port=port):
        until(lambda: is_told(transaction, version_id))
    with transaction() as session:
        recipients = session.exec(select(Recipient).where(Recipient.version_id == version_id)).all()
        mails = session.exec(select(Delivery).where(Delivery.channel == EMAIL)).all()
        assert len(session.exec(select(Document)).all()) == 1
        inboxes = session.exec(select(Delivery).where(Delivery.channel == "inbox")).all()
        assert {one.recipient_id for one in inboxes} == {one.id for one in recipients}
    ids = [str(message_from_bytes(envelope.content)["Message-ID"]) for envelope in peer.got]
    assert sorted(ids) == sorted(f"<{mail.id}@sameday.example>" for mail in mails)
    said = capfd.readouterr()
    assert (said.out, said.err) == ("", "")


def test_the_end_of_the_audit_is_signed_at_intervals_and_when_the_worker_stops(
    settings: Settings, engine: Engine, transaction: Transaction, version_id: UUID
) -> None:
    with working(settings, engine, audit_head_seconds=0.05):
        until(lambda: head_file(settings).exists())
    with transaction() as session:
        last = last_link(session)
    head = last_head(head_file(settings))
    assert head is not None
    assert (head.number, head.sha256) == last


def test_the_sweep_finds_what_was_never_enqueued(
    settings: Settings, engine: Engine, transaction: Transaction, version_id: UUID
) -> None:
    peer = MailPeer()
    with mail_server(peer) as port, working(settings, engine, smtp_port=port):
        until(lambda: is_told(transaction, version_id))
    assert len(peer.got) == len({message_from_bytes(envelope.content)["Message-ID"] for envelope in peer.got})


def test_a_document_that_cannot_be_made_does_not_keep_the_outcome_from_people(
    settings: Settings,
    engine: Engine,
    transaction: Transaction,
    version_id: UUID,
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
) -> None:
    monkeypatch.setattr(worker, "WAITS", (timedelta(), timedelta(), timedelta(), timedelta()))
    monkeypatch.setattr(worker, "GRACE", timedelta(days=1))  # leave this to the engine alone
    no_key = tmp_path / "no-key.p12"
    no_key.write_bytes(b"not a key")
    with transaction() as session:
        work_engine.enqueue(session, work.share(version_id))
    peer = MailPeer()
    with mail_server(peer) as port, working(settings, engine, smtp_port=port, seal_pkcs12_file=no_key):
        until(lambda: is_told(transaction, version_id))
        until(lambda: is_tried(engine, f"share:{version_id}:again:4"))
    with transaction() as session:
        assert session.exec(select(Document)).all() == []
    # The key is put right: the same worker's sweep, or the next worker's, makes the document.
    monkeypatch.setattr(worker, "GRACE", timedelta(minutes=2))
    with mail_server(MailPeer()) as port, working(settings, engine, smtp_port=port):
        until(lambda: has_document(transaction, version_id))


def test_a_mail_server_that_is_away_is_tried_again(
    settings: Settings, engine: Engine, transaction: Transaction, version_id: UUID, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("app.deliveries.rules.BACK_OFF", (timedelta(), timedelta(), timedelta(seconds=1)))
    with transaction() as session:
        work_engine.enqueue(session, work.share(version_id))
    peer = MailPeer("later")
    with mail_server(peer) as port, working(settings, engine, smtp_port=port):
        until(lambda: has_failed(transaction))
        peer.behaviour = "accept"
        until(lambda: is_told(transaction, version_id))
    with transaction() as session:
        numbers = session.exec(select(Attempt.number).join(Delivery).where(Delivery.channel == EMAIL)).all()
        assert max(numbers) in (2, 3)


@pytest.mark.parametrize("is_lost", [False, True], ids=["by the engine", "by the sweep"])
def test_a_one_time_link_is_mailed_and_its_secret_is_then_forgotten(
    settings: Settings, engine: Engine, transaction: Transaction, is_lost: bool
) -> None:
    local_accounts.settle(transaction, clock.now())
    issued_at = clock.now() - timedelta(minutes=10 if is_lost else 0)
    with transaction() as session:
        account = local_accounts.account_of(session)
        sent = links.mail_link(session, None, account, links.RECOVERY, resets_second_factor=False, now=issued_at)
    if is_lost:
        table = "workflow_status" if engine.dialect.name == "sqlite" else "dbos.workflow_status"
        with engine.begin() as connection:
            gone = connection.exec_driver_sql(f"DELETE FROM {table} WHERE workflow_uuid = 'send-link:{sent.id}'")
            assert gone.rowcount == 1
    peer = MailPeer()
    with mail_server(peer) as port, working(settings, engine, smtp_port=port):
        until(lambda: _is_forgotten(transaction, sent.id))
    (envelope,) = peer.got
    message = message_from_bytes(envelope.content, policy=default)
    assert envelope.rcpt_tos == [account.email]
    secret = message.get_content().partition("/sign-in/link#")[2].split()[0]
    with transaction() as session:
        assert by_link.look(session, secret, clock.now()).purpose == links.RECOVERY


def test_the_process_speaks_only_to_what_its_settings_name(sqlite_url: str, tmp_path: Path) -> None:
    program = dedent(
        """
        import sys, time
        peers = set()
        def hook(event, args):
            if event == "socket.connect":
                address = args[1]
                peers.add(str(address[1]) if isinstance(address, tuple) else "unix")
            elif event in ("socket.getaddrinfo", "socket.gethostbyname"):
                peers.add("name:" + str(args[0]))
        sys.addaudithook(hook)
        from datetime import timedelta
        import factories
        from app import clock, engine as work_engine
        from app.db import engine_for, transactions
        from app.deliveries import work
        from app.settings import Settings
        from app.worker import Worker
        from app.deliveries.tables import Delivery
        from sqlmodel import select
        if __name__ == "__main__":
            settings = Settings()
            engine = engine_for(settings)
            transaction = transactions(engine)
            with transaction() as session:
                cast = factories.load_cast(session, clock.now())
                _, version = factories.signed_outcome(
                    session, cast["asha.kerrin"], cast.sites["beacon-down"], clock.now()
                )
                work_engine.enqueue(session, work.share(version.id))
            worker = Worker(settings, engine)
            worker.start()
            for _ in range(600):
                time.sleep(0.1)
                with transaction() as session:
                    left = session.exec(select(Delivery.status)).all()
                if left and "queued" not in left:
                    break
            worker.stop()
            print(sorted(peers))
        """
    )
    file = tmp_path / "alone.py"
    file.write_text(program)
    peer = MailPeer()
    with mail_server(peer) as port:
        environment = {
            "PATH": os.environ["PATH"],
            "PYTHONPATH": os.pathsep.join([str(ROOT), str(ROOT / "tests")]),
            "SAMEDAY_DATABASE_URL": sqlite_url,
            "SAMEDAY_STATE_DIR": str(tmp_path / "state"),
            "SAMEDAY_SMTP_HOST": "127.0.0.1",
            "SAMEDAY_SMTP_PORT": str(port),
        }
        done = subprocess.run(
            [sys.executable, str(file)], env=environment, capture_output=True, text=True, timeout=120, check=True
        )
    assert peer.got != []
    assert done.stdout.strip() == str(sorted([str(port), "name:127.0.0.1"])), done.stderr


def is_told(transaction: Transaction, version_id: UUID) -> bool:
    with transaction() as session:
        statuses = session.exec(select(Delivery.status).where(Delivery.version_id == version_id)).all()
    return len(statuses) > 0 and set(statuses) == {"sent"}


def has_failed(transaction: Transaction) -> bool:
    with transaction() as session:
        return session.exec(select(Attempt).where(Attempt.result == "failed")).first() is not None


def has_document(transaction: Transaction, version_id: UUID) -> bool:
    with transaction() as session:
        return session.exec(select(Document.id).where(Document.version_id == version_id)).first() is not None


def _is_forgotten(transaction: Transaction, link_id: UUID) -> bool:
    with transaction() as session:
        return session.get_one(OneTimeLink, link_id).secret_encrypted is None


def is_tried(engine: Engine, work_id: str) -> bool:
    """Whether the durable engine has ended the work with this id."""
    table = "workflow_status" if engine.dialect.name == "sqlite" else "dbos.workflow_status"
    with engine.connect() as connection:
        found = connection.exec_driver_sql(f"SELECT status FROM {table} WHERE workflow_uuid = '{work_id}'").scalar()
    return found == "SUCCESS"


def until(happened: Callable[[], bool]) -> None:
    """Wait until it has happened; fail when our patience ends."""
    deadline = time.monotonic() + PATIENCE_SECONDS
    while not happened():
        assert time.monotonic() < deadline, "it did not happen in time"
        time.sleep(0.05)
