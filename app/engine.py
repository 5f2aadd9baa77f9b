"""Hands work to the durable engine (DBOS) by name and id. Knows no stage: `app.worker` says what the work is.

Our tables are the truth; DBOS is queue, timer and recovery (docs/decisions/0003-durable-engine.md).
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from weakref import WeakKeyDictionary

from dbos import DBOS, DBOSClient, DBOSPortableJSONSerializer, EnqueueOptions
from sqlalchemy import Engine
from sqlmodel import Session

# Never changes, so that a deploy finishes what the last one began.
APPLICATION_VERSION = "1"
APPLICATION_NAME = "sameday"
QUEUE = "work"
DOCUMENT_QUEUE = "documents"
"""A queue of its own, so that notices never wait behind a crowd of documents that are being made."""
SCHEMA = "dbos"

_clients: WeakKeyDictionary[Engine, DBOSClient] = WeakKeyDictionary()


@dataclass(frozen=True, slots=True)
class Work:
    """A piece of work: the workflow's name, a fixed id, ids as arguments, the wait before it starts, and its queue."""

    name: str
    id: str
    args: Sequence[str | int]
    delay: timedelta = timedelta()
    queue: str = QUEUE


def enqueue(session: Session, work: Work) -> None:
    """Enqueue `work` in the caller's transaction: it happens if, and only if, that transaction commits.

    The same id again is harmless: the work already there stands.
    """
    options: EnqueueOptions = {
        "workflow_name": work.name,
        "queue_name": work.queue,
        "workflow_id": work.id,
        "app_version": APPLICATION_VERSION,
        "workflow_id_reuse_policy": "return-existing",
    }
    if work.delay > timedelta():
        options["delay_seconds"] = work.delay.total_seconds()
    _client_for(session.get_bind()).enqueue_in_transaction(session, options, *work.args)  # type: ignore[arg-type]


def prepare(database_url: str) -> None:
    """Create or migrate the engine's own tables in the database at `database_url`."""
    DBOS.migrate(database_url, schema=SCHEMA)


def _client_for(engine: Engine) -> DBOSClient:
    if engine not in _clients:
        _clients[engine] = DBOSClient(
            system_database_engine=engine,
            dbos_system_schema=SCHEMA,
            serializer=DBOSPortableJSONSerializer(),
            application_name=APPLICATION_NAME,
            lazy=True,
        )
    return _clients[engine]
