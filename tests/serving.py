"""The real app on a real socket, on either database, with callers who hold real tokens. The worker is off."""

import shutil
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import uuid4

import factories
import httpx
import pytest
import uvicorn
from sqlalchemy import Connection, Engine, inspect, text
from throwaway import owning, seeing_all

from app import clock
from app.api.connections import server_config
from app.db import Transaction, engine_for, transactions
from app.doors import SESSION_COOKIE
from app.main import create_app
from app.people import access, sessions
from app.settings import Settings

AUTHOR = "asha.kerrin"
# Tests call faster than people, and all from one address.
MANY_CALLS = {
    "calls_per_minute_per_account": 1_000_000,
    "calls_per_minute_per_network": 1_000_000,
    "sign_in_tries_per_minute_per_network": 1_000_000,
}
FORGOTTEN = frozenset({"audit_event", "idempotent_answer"})


@dataclass
class Caller:
    """Someone who calls the API: signed in, by cookie; or with a token."""

    client: httpx.Client
    token: str | None = None
    secret: str | None = None
    on_behalf_of: str | None = None

    def headers(self) -> dict[str, str]:
        """What says who is calling."""
        headers = {"Authorization": f"Bearer {self.token}"} if self.token else {}
        if self.on_behalf_of:
            headers["Sameday-On-Behalf-Of"] = self.on_behalf_of
        if self.secret:
            headers |= {"Cookie": f"{SESSION_COOKIE}={self.secret}", "Sec-Fetch-Site": "same-origin"}
        return headers

    def call(self, method: str, path: str, **more: Any) -> httpx.Response:
        headers = self.headers() | more.pop("headers", {})
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
    secrets: dict[str, tuple[str, datetime]] = field(default_factory=dict)

    @property
    def transaction(self) -> Transaction:
        return transactions(self.engine)

    def caller(self, person: str | None = AUTHOR) -> Caller:
        """One of the cast, signed in, by the part of the address before the @; None is nobody."""
        return Caller(self.client, secret=self.secret(person) if person else None)

    def caller_with_token(self, person: str = AUTHOR) -> Caller:
        """The same person, calling with a personal token."""
        return Caller(self.client, self.token(person))

    def secret(self, person: str) -> str:
        """The secret of a session that is still fresh."""
        secret, since = self.secrets.get(person, ("", datetime.min.replace(tzinfo=UTC)))
        if since < clock.now() - timedelta(minutes=2):
            with self.transaction() as session:
                account = factories.cast_in(session, clock.now())[person].account_id
                secret = sessions.start_session(session, account_id=account, method="passkey", now=clock.now())
            self.secrets[person] = secret, clock.now()
        return secret

    def token(self, person: str) -> str:
        if person not in self.tokens:
            with self.transaction() as session:
                actor = factories.cast_in(session, clock.now())[person]
                _, self.tokens[person] = access.issue_token(
                    session, None, account_id=actor.account_id, label="tests", days=1, now=clock.now()
                )
        return self.tokens[person]

    @contextmanager
    def as_owner(self) -> Iterator[Connection]:
        """A transaction of the one who owns the tables, for what the service may not do."""
        engine = engine_for(self.settings.model_copy(update={"database_url": owning(self.settings.database_url)}))
        with engine.begin() as connection:
            yield connection
        engine.dispose()

    def rows(self, sql: str) -> list[Any]:
        with self.engine.connect() as connection:
            return [tuple(row) for row in connection.execute(text(sql))]

    def dump(self) -> dict[str, list[Any]]:
        """Every row of every table of ours and of the durable engine, but for the audit, kept answers and sessions."""
        schema = None if self.settings.is_embedded else "dbos"
        ours = [name for name in inspect(self.engine).get_table_names() if name not in FORGOTTEN | {"sign_in_session"}]
        theirs = inspect(self.engine).get_table_names(schema) if schema else []
        names = [f'"{name}"' for name in ours] + [f'"{schema}"."{name}"' for name in theirs]
        return {name: sorted(self.rows(f"SELECT * FROM {name}"), key=repr) for name in names}


@pytest.fixture(scope="module", params=["sqlite", "postgresql"])
def service(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    """One running service for the tests of a module; once for each database."""
    yield from service_on(request.param, request, tmp_path_factory)


@pytest.fixture(scope="module")
def embedded_service(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    """For tests whose subject does not depend on the database: SQLite only."""
    yield from service_on("sqlite", request, tmp_path_factory)


@pytest.fixture(scope="module")
def postgresql_service(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    """For what can happen on PostgreSQL only."""
    yield from service_on("postgresql", request, tmp_path_factory)


def service_on(
    database: str, request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory, **more: Any
) -> Iterator[Service]:
    """more: settings."""
    folder = tmp_path_factory.mktemp("service")
    if database == "sqlite":
        shutil.copy(request.getfixturevalue("migrated_file"), folder / "sameday.db")
        with running(f"sqlite:///{folder / 'sameday.db'}", folder, **more) as service:
            yield service
        return
    postgres, name = request.getfixturevalue("postgres"), f"test_{uuid4().hex}"
    postgres.run(f"CREATE DATABASE {name} TEMPLATE {request.getfixturevalue('migrated_template')}")
    with running(postgres.url(name), folder, **more) as service:
        yield service
    postgres.run(f"DROP DATABASE {name} WITH (FORCE)")


@contextmanager
def running(database_url: str, folder: Path, **more: Any) -> Iterator[Service]:
    """A service on loopback, with the cast in its database and without a worker. more: settings."""
    with listening(database_url, folder, **more) as (settings, url):
        # Only ours, to look with: the app has its own, which sees what its callers may.
        engine = engine_for(settings.model_copy(update={"database_url": seeing_all(database_url)}))
        try:
            with transactions(engine)() as session:
                factories.load_cast(session, clock.now())
            with httpx.Client(base_url=url, timeout=60, limits=httpx.Limits(max_connections=60)) as client:
                yield Service(settings, engine, url, client)
        finally:
            engine.dispose()


@contextmanager
def listening(database_url: str, folder: Path, **more: Any) -> Iterator[tuple[Settings, str]]:
    """The same without the cast: the settings and the address of a server as `sameday serve` sets it up."""
    # Named as TCP: for a socket that does not say so, asyncio leaves Nagle's delay of 40 ms a call on.
    listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    listener.bind(("127.0.0.1", 0))
    listener.listen()
    url = f"http://127.0.0.1:{listener.getsockname()[1]}"
    given = {"base_url": url} | MANY_CALLS | more
    settings = Settings(database_url=database_url, state_dir=folder, run_worker=False, **given)
    server = uvicorn.Server(server_config(create_app(settings), settings))
    thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]})
    thread.start()
    try:
        yield settings, url
    finally:
        server.should_exit = True
        thread.join()
        listener.close()
