"""The durable workflows and the sweep: the whole path from a signed version to people, on one screen.

Our tables are the truth. DBOS is queue, timer and recovery; every job below looks at the tables first, so that running
it twice, or half and then again after a crash, does no harm (docs/decisions/0003-durable-engine.md).
"""

import logging
import threading
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from uuid import UUID

from dbos import DBOS, DBOSConfig, DBOSPortableJSONSerializer
from sqlalchemy import Engine

from app import clock
from app import engine as work_engine
from app.audit.publishing import publish_or_log, publish_until
from app.db import SERVICE, transactions
from app.deliveries.attempts import attempt, while_database_is_away
from app.deliveries.channels import Channels
from app.deliveries.channels.email import Email
from app.deliveries.channels.inbox import Inbox
from app.deliveries.channels.webhook import Webhook
from app.deliveries.escalations import escalate
from app.deliveries.link_mail import send_link
from app.deliveries.missing import missing_work
from app.deliveries.queueing import queue_missing, queue_withdrawal
from app.deliveries.rules import EMAIL, INBOX, WEBHOOK, Letterhead
from app.documents.actions import make_document
from app.documents.faults import CannotRenderError
from app.documents.pool import DocumentPool
from app.engine import Work
from app.people.links import unsent_links
from app.settings import Settings

_log = logging.getLogger(__name__)

POLLING_SECONDS = 0.1
"""How often the queue is looked at. Half of it is the mean wait of each hop from signature to told."""

AT_ONCE = 32
"""Notices at once in one worker. They wait for mail servers and the database, and hardly compute."""

SWEEP_EVERY = timedelta(minutes=1)
GRACE = timedelta(minutes=2)
"""The sweep leaves alone what is younger: the engine is at work on it."""

SWEEP_AGAIN = timedelta(minutes=10)
"""The sweep starts the same missing work at most this often."""

WAITS = (timedelta(seconds=1), timedelta(seconds=5), timedelta(seconds=30), timedelta(minutes=2))
"""Waits before a job that broke is done again. When they are used up, the sweep finds what is missing for ever."""

TELL_WITHOUT_DOCUMENT_AFTER = 3
"""Tries. Recipients can read a version without its PDF, so a PDF that cannot be made does not keep it from them."""

_DRAIN_SECONDS = 5


class Worker:
    """Does the work that transactions have enqueued, from `start` to `stop`.

    One worker a process. Several workers on one PostgreSQL share its queue, but what a dead one had begun is taken up
    only when a worker starts, or by the sweep (issue 5 brings leases).
    """

    def __init__(self, settings: Settings, engine: Engine) -> None:
        self._settings = settings
        self._engine = engine
        self._transaction = transactions(engine, acting_as=SERVICE)
        self._letterhead = Letterhead(settings.service_name, settings.base_url)
        self._channels: Channels = {INBOX: Inbox(), EMAIL: _email(settings), WEBHOOK: _webhook(settings)}
        self._pool = DocumentPool(settings)
        self._is_warm = False
        self._stopping = threading.Event()
        self._sweeper = threading.Thread(target=self._sweep_until_stopped, name="sweep", daemon=True)
        heads = (self._stopping, self._transaction, settings, clock.now)
        self._head_publisher = threading.Thread(target=publish_until, args=heads, name="audit-heads", daemon=True)

    def start(self) -> None:
        """Take up what was left and begin. The tables of the service and of the engine must be migrated."""
        # DBOS would print to the console. With a handler of its own it hands its lines to ours, which log ids only.
        logging.getLogger("dbos").addHandler(logging.NullHandler())
        DBOS(config=_config(self._settings, self._engine))
        for job, queue in (
            (self.share, work_engine.DOCUMENT_QUEUE),
            (self.share_withdrawal, work_engine.QUEUE),
            (self.deliver, work_engine.QUEUE),
            (self.escalate, work_engine.QUEUE),
            (self.send_link, work_engine.QUEUE),
        ):
            # No limit to recoveries: a machine that is restarted a hundred times must still not lose anything.
            DBOS.workflow(name=job.__name__, max_recovery_attempts=None)(self._surviving(job, queue))
        DBOS.launch()
        # One document more than there are renderers, so that the next is ready when one ends.
        for queue, at_once in (
            (work_engine.QUEUE, AT_ONCE),
            (work_engine.DOCUMENT_QUEUE, self._settings.render_workers + 1),
        ):
            DBOS.register_queue(queue, worker_concurrency=at_once, polling_interval_sec=POLLING_SECONDS)
        self._sweeper.start()
        self._head_publisher.start()

    def stop(self) -> None:
        """Take no new work, let what is running end for a few seconds, and close. What is cut off is done again."""
        self._stopping.set()
        DBOS.destroy(destroy_registry=True, workflow_completion_timeout_sec=_DRAIN_SECONDS)
        if self._sweeper.is_alive():
            self._sweeper.join()
        if self._head_publisher.ident is not None:  # started, though it may have ended by now
            self._head_publisher.join()
            publish_or_log(self._transaction, self._settings, now=clock.now())
        self._pool.close()

    def share(self, version_id: str) -> None:
        """Make the document of a signed version, then queue its deliveries."""
        try:
            make_document(self._transaction, self._pool, version_id=UUID(version_id), now=clock.now())
        except Exception as error:
            if isinstance(error, CannotRenderError) or _tries() >= TELL_WITHOUT_DOCUMENT_AFTER:
                queue_missing(self._transaction, self._letterhead, version_id=UUID(version_id), now=clock.now())
            raise
        queue_missing(self._transaction, self._letterhead, version_id=UUID(version_id), now=clock.now())

    def share_withdrawal(self, outcome_id: str) -> None:
        """Queue the withdrawal for everyone who received any version."""
        queue_withdrawal(self._transaction, self._letterhead, outcome_id=UUID(outcome_id), now=clock.now())

    def deliver(self, delivery_id: str, number: int) -> None:
        """Make one try at one delivery; it enqueues the next try itself."""
        attempt(self._transaction, self._channels, delivery_id=UUID(delivery_id), number=number, now=clock.now())

    def escalate(self, delivery_id: str, step: int) -> None:
        """Wake, look whether anyone has acknowledged, and tell the next in the chain if not."""
        escalate(self._transaction, delivery_id=UUID(delivery_id), step=step, now=clock.now())

    def send_link(self, link_id: str) -> None:
        """Mail a one-time link to the address it is for."""
        now = clock.now()
        send_link(self._transaction, _email(self._settings), self._letterhead, link_id=UUID(link_id), now=now)

    def sweep(self) -> None:
        """Start everything that should have been done and is not, under ids of its own."""
        now = clock.now()
        period = int(now.timestamp() // SWEEP_AGAIN.total_seconds())
        with self._transaction() as session:
            for work in (*missing_work(session, now=now, grace=GRACE), *unsent_links(session, now, GRACE)):
                work_engine.enqueue(session, replace(work, id=f"{work.id}:swept:{period}"))
                _log.warning("missing work found", extra={"work": work.id})

    def _sweep_until_stopped(self) -> None:
        while True:
            try:
                self.sweep()
                self._warm_up()
            except Exception:  # noqa: BLE001 - the second net must hold whatever happens
                _log.exception("the sweep failed and will be repeated")
            if self._stopping.wait(SWEEP_EVERY.total_seconds()):
                return

    def _warm_up(self) -> None:
        """Have the document processes ready before the first signature; say what an operator should put right."""
        if not self._is_warm:
            for complaint in self._pool.check():
                _log.warning("documents: %s", complaint)
            self._is_warm = True

    def _surviving(self, job: Callable[..., None], queue: str) -> Callable[..., None]:
        """`job`, done again under the next id after a while when it breaks, whatever broke."""

        def run(*ids: str | int) -> None:
            try:
                job(*ids)
                _log.info("job done", extra={"work": DBOS.workflow_id})
            except Exception:  # noqa: BLE001 - the work must not be lost whatever broke; its cause is logged
                _log.exception("a job broke and will be done again", extra={"work": DBOS.workflow_id})
                if _tries() <= len(WAITS):
                    again = _again(Work(job.__name__, DBOS.workflow_id or "", ids, queue=queue))
                    while_database_is_away(lambda: self._enqueue(again))

        return run

    def _enqueue(self, work: Work) -> None:
        with self._transaction() as session:
            work_engine.enqueue(session, work)


def _tries() -> int:
    """Which try the running workflow is, from 1. One that the sweep started counts as the last."""
    base, _, again = (DBOS.workflow_id or "").partition(":again:")
    return len(WAITS) + 1 if ":swept:" in base else int(again or 0) + 1


def _again(work: Work) -> Work:
    """The running `work` once more, under the next id, after its wait."""
    return replace(work, id=f"{work.id.partition(':again:')[0]}:again:{_tries()}", delay=WAITS[_tries() - 1])


def _email(settings: Settings) -> Email:
    return Email(
        host=settings.smtp_host,
        port=settings.smtp_port,
        sender=settings.smtp_from,
        timeout_seconds=settings.send_timeout_seconds,
        clock=clock.now,
        starttls=settings.smtp_starttls,
        username=settings.smtp_username,
        password=settings.smtp_password.get_secret_value() if settings.smtp_password else None,
    )


def _webhook(settings: Settings) -> Webhook:
    return Webhook(settings.send_timeout_seconds, clock.now, allow_private=settings.webhook_allow_private)


def _config(settings: Settings, engine: Engine) -> DBOSConfig:
    config: DBOSConfig = {
        "name": work_engine.APPLICATION_NAME,
        "system_database_url": settings.database_url,
        "dbos_system_schema": work_engine.SCHEMA,
        "application_version": work_engine.APPLICATION_VERSION,
        # The same in every process: whoever starts next takes up what the last one had begun.
        "executor_id": "worker",
        "serializer": DBOSPortableJSONSerializer(),
        "run_migrations": False,
        "enable_otlp": False,
        "log_level": "WARNING",
    }
    if settings.is_embedded:
        config["system_database_engine"] = engine  # one connection for the whole process
    return config
