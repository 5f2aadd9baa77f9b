"""The real app on a real socket, on either database, with callers who hold real tokens. The worker is off."""

import shutil
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from uuid import uuid4

import factories
import httpx
import pytest
import uvicorn
from sqlalchemy import Engine, inspect, text

from app import clock
from app.db import Transaction, engine_for, transactions
from app.main import create_app
from app.people import access
from app.settings import Settings

AUTHOR = "asha.kerrin"
FORGOTTEN = frozenset({"audit_event", "idempotent_answer"})


@dataclass
class Caller:
    """Someone who calls the API."""

    client: httpx.Client
    token: str | None = None

    def call(self, method: str, path: str, **more: Any) -> httpx.Response:
        headers = {"Authorization": f"Bearer {self.token}"} if self.token else {}
        headers |= more.pop("headers", {})
        url = path if path.startswith(("/healthz", "/readyz", "/metrics")) else f"/api/v1{path}"
        return self.client.request(method, url, headers=headers, **more)

    def get(self, path: str, **more: Any) -> httpx.Response:
        return self.call("GET", path, **more)

    def post(self, path: str, body: Any = None, *, key: str | None = None, **headers: str) -> httpx.Response:
        headers = {"Idempotency-Key": key or str(uuid4()), **{n.replace("_", "-"): v for n, v in headers.items()}}
        return self.call("POST", path, headers=headers, **({} if body is None else {"json": body}))

    def begin(self, site: str = "beacon-down") -> str:
        """The reference of a new outcome."""
        answer = self.post("/outcomes", {"id": str(uuid4()), "site": site})
        assert answer.status_code == 201, answer.text
        return str(answer.json()["reference"])

    def save(self, reference: str, answers: dict[str, Any], revision: str = '"1"') -> httpx.Response:
        return self.call(
            "PUT", f"/outcomes/{reference}/draft", json={"answers": answers}, headers={"If-Match": revision}
        )

    def drafted(self) -> str:
        """The reference of an outcome whose draft of revision 2 is complete."""
        reference = self.begin()
        answer = self.save(reference, factories.complete_answers(clock.now()))
        assert answer.status_code == 200, answer.text
        assert answer.json()["missing"] == []
        return reference

    def sign(self, reference: str, revision: str = '"2"', **more: Any) -> httpx.Response:
        key = more.pop("key", None)
        body = {"surname": factories.SURNAME, "birth_date": factories.BIRTH_DATE.isoformat(), **more}
        return self.post(f"/outcomes/{reference}/versions", body, key=key, If_Match=revision)

    def signed(self) -> str:
        """The reference of an outcome with version 1."""
        reference = self.drafted()
        answer = self.sign(reference)
        assert answer.status_code == 201, answer.text
        return reference


@dataclass
class Service:
    """A running service with the cast in its database."""

    settings: Settings
    engine: Engine
    url: str
    client: httpx.Client
    tokens: dict[str, str] = field(default_factory=dict)

    @property
    def transaction(self) -> Transaction:
        return transactions(self.engine)

    def caller(self, person: str | None = AUTHOR) -> Caller:
        """One of the cast, by the part of the address before the @; None is nobody."""
        return Caller(self.client, self.token(person) if person else None)

    def token(self, person: str) -> str:
        if person not in self.tokens:
            with self.transaction() as session:
                actor = factories.cast_in(session, clock.now())[person]
                _, self.tokens[person] = access.issue_token(
                    session, None, account_id=actor.account_id, label="tests", days=1, now=clock.now()
                )
        return self.tokens[person]

    def rows(self, sql: str) -> list[Any]:
        with self.engine.connect() as connection:
            return [tuple(row) for row in connection.execute(text(sql))]

    def dump(self) -> dict[str, list[Any]]:
        """Every row of every table of ours and of the durable engine, but for the audit and kept answers."""
        schema = None if self.settings.is_embedded else "dbos"
        ours = [name for name in inspect(self.engine).get_table_names() if name not in FORGOTTEN]
        theirs = inspect(self.engine).get_table_names(schema) if schema else []
        names = [f'"{name}"' for name in ours] + [f'"{schema}"."{name}"' for name in theirs]
        return {name: sorted(self.rows(f"SELECT * FROM {name}"), key=repr) for name in names}


@pytest.fixture(scope="module", params=["sqlite", "postgresql"])
def service(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    """One running service for the tests of a module; once for each database."""
    yield from _service_on(request.param, request, tmp_path_factory)


@pytest.fixture(scope="module")
def embedded_service(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    """For tests whose subject does not depend on the database: SQLite only."""
    yield from _service_on("sqlite", request, tmp_path_factory)


@pytest.fixture(scope="module")
def postgresql_service(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    """For what can happen on PostgreSQL only."""
    yield from _service_on("postgresql", request, tmp_path_factory)


def _service_on(
    database: str, request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Service]:
    folder = tmp_path_factory.mktemp("service")
    if database == "sqlite":
        shutil.copy(request.getfixturevalue("migrated_file"), folder / "sameday.db")
        with running(f"sqlite:///{folder / 'sameday.db'}", folder) as service:
            yield service
        return
    postgres, name = request.getfixturevalue("postgres"), f"test_{uuid4().hex}"
    postgres.run(f"CREATE DATABASE {name} TEMPLATE {request.getfixturevalue('migrated_template')}")
    with running(postgres.url(name), folder) as service:
        yield service
    postgres.run(f"DROP DATABASE {name} WITH (FORCE)")


@contextmanager
def running(database_url: str, folder: Path) -> Iterator[Service]:
    """A service on loopback, with the cast in its database and without a worker."""
    settings = Settings(database_url=database_url, state_dir=folder, run_worker=False)
    config = uvicorn.Config(create_app(settings), port=0, http="h11", access_log=False, log_config=None)
    server, listener = uvicorn.Server(config), config.bind_socket()
    thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]})
    thread.start()
    engine = engine_for(settings)
    url = f"http://127.0.0.1:{listener.getsockname()[1]}"
    try:
        with transactions(engine)() as session:
            factories.load_cast(session, clock.now())
        with httpx.Client(base_url=url, timeout=60, limits=httpx.Limits(max_connections=60)) as client:
            yield Service(settings, engine, url, client)
    finally:
        server.should_exit = True
        thread.join()
        listener.close()
        engine.dispose()
