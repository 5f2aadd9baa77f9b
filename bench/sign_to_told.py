"""How long from the signature until people are told? Accepted → sealed PDF stored → mail accepted by the SMTP server.

`script/bench sign_to_told` runs the real service (API, worker, renderer, mail server on loopback) on SQLite and on
PostgreSQL with fsync, with 1 and with 8 clinicians at once. Each signs, waits until everyone is told, and signs the
next. All times but the request's own are the service's: signed_at, sealed_at, and the end of the attempt by which the
last mail was accepted.

Two yardsticks of the request, in the same run, with the same bytes, in the same database, with the service's own engine
settings, from as many threads: `insert`, a bare INSERT and COMMIT from this process; `endpoint`, the same behind a
FastAPI route of one line in a process of its own, which is what any request costs at least. Target: p95 below 5 times.
"""

import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, TypeVar

import httpx
import uvicorn
from fastapi import Body, FastAPI
from rich.console import Console
from rich.progress import track
from rich.table import Table
from sqlalchemy import Engine, text
from throwaway import free_port, owning, postgres_server

from app.db import engine_for
from app.settings import Settings
from demo.cases import Answers, load_cases, with_addresses
from demo.client import Api
from demo.service import Service

CLINICIANS = (1, 8)
OUTCOMES = 48
AUTHOR = "asha.kerrin"
CASE = 7  # an everyday case: one injury, everyone told, nothing repeated
PATIENCE_SECONDS = 300.0
TARGET = 5.0

Item = TypeVar("Item")

console = Console(width=160)


@dataclass(frozen=True)
class Times:
    """Milliseconds of one round, one member for each outcome."""

    request: list[float]
    insert: list[float]
    endpoint: list[float]
    sealed: list[float]
    told: list[float]


def main() -> None:
    table = Table(
        "database", "clinicians", "sign request", "insert", "p95 ratio", "endpoint", "p95 ratio", "→ sealed", "→ told"
    )
    for database in ("sqlite", "postgresql"):
        with tempfile.TemporaryDirectory() as name, running(database, Path(name)) as service:
            for clinicians in CLINICIANS:
                times = measure(service, clinicians)
                cells = [in_words(times.request)]
                for bare in (times.insert, times.endpoint):
                    ratio = p95(times.request) / p95(bare)
                    cells += [in_words(bare), f"{ratio:.1f} ({'within' if ratio < TARGET else 'ABOVE'} {TARGET:.0f})"]
                table.add_row(database, str(clinicians), *cells, in_words(times.sealed), in_words(times.told))
    console.print(f"{OUTCOMES} outcomes a round; median / p95 in ms; sealed and told count from signed_at.")
    console.print(table)


def measure(service: Service, clinicians: int) -> Times:
    """One round: drafts first, then the signatures, then the yardsticks."""
    with Api(service.base_url, service.tokens, service.people) as api:
        answers = with_addresses(_case(), api.emails())
        references = [drafted(api, answers) for _ in track(range(OUTCOMES), "drafts", transient=True, console=console)]
        child = answers["child"]
        body = {"surname": child["surname"], "birth_date": child["birth-date"]}

        def sign(reference: str) -> float:
            began = time.perf_counter()
            api.create(AUTHOR, f"/outcomes/{reference}/versions", body, **{"If-Match": '"2"'})
            took = (time.perf_counter() - began) * 1000
            until_told(api, reference)
            return took

        request = in_threads(clinicians, sign, references)
        sealed, told_at = zip(*(waits(api, reference) for reference in references), strict=True)
    content = json.dumps(answers).encode()
    return Times(
        request,
        bare_inserts(owning(service.database_url), clinicians, content),
        bare_requests(owning(service.database_url), clinicians, content),
        list(sealed),
        list(told_at),
    )


def drafted(api: Api, answers: Answers) -> str:
    """The reference of a complete draft."""
    reference = api.begin(AUTHOR, "beacon-down")
    assert api.save(AUTHOR, reference, answers)["missing"] == []
    return reference


def until_told(api: Api, reference: str) -> datetime:
    """Wait until every mail about this outcome is accepted; the time of the last."""
    deadline = time.monotonic() + PATIENCE_SECONDS
    while (last := accepted(api, reference)) is None:
        assert time.monotonic() < deadline, "not everyone was told in time"
        time.sleep(0.5)  # rarely: looking must not slow what is looked at
    return last


def waits(api: Api, reference: str) -> tuple[float, float]:
    """Milliseconds from the signature to the sealed document, and to the last accepted mail."""
    version = api.read(AUTHOR, f"/outcomes/{reference}")["versions"][0]
    signed_at = moment(version["signed_at"])
    ends = (moment(version["document"]["sealed_at"]), until_told(api, reference))
    return (ends[0] - signed_at).total_seconds() * 1000, (ends[1] - signed_at).total_seconds() * 1000


def accepted(api: Api, reference: str) -> datetime | None:
    """When the last of the mails about this outcome was accepted; None while one is still to go."""
    mails = [one for one in api.read_all(AUTHOR, f"/outcomes/{reference}/deliveries?") if one["channel"] == "email"]
    ends = [moment(attempt["ended_at"]) for one in mails for attempt in one["attempts"] if attempt["result"] == "sent"]
    return max(ends) if mails and len(ends) == len(mails) else None


def bare_inserts(database_url: str, threads: int, body: bytes) -> list[float]:
    """Milliseconds that inserting and committing `body` takes, OUTCOMES times."""
    engine = bare_table(database_url)

    def insert(_: int) -> float:
        began = time.perf_counter()
        insert_bare(engine, body)
        return (time.perf_counter() - began) * 1000

    try:
        return in_threads(threads, insert, range(OUTCOMES))
    finally:
        engine.dispose()


def bare_requests(database_url: str, threads: int, body: bytes) -> list[float]:
    """Milliseconds of the same behind a route of one line, OUTCOMES times, in a process of its own."""
    port = free_port()
    command = [sys.executable, __file__, "--bare-endpoint", str(port)]
    environment = os.environ | {"SAMEDAY_DATABASE_URL": database_url}
    with subprocess.Popen(command, env=environment) as process, httpx.Client(timeout=60, trust_env=False) as client:

        def post(_: int) -> float:
            began = time.perf_counter()
            client.post(f"http://127.0.0.1:{port}/", content=body).raise_for_status()
            return (time.perf_counter() - began) * 1000

        try:
            wait_for(client, port)
            in_threads(threads, post, range(threads))  # warm
            return in_threads(threads, post, range(OUTCOMES))
        finally:
            process.terminate()


def serve_bare(port: int) -> None:
    """The yardstick's service."""
    app, engine = FastAPI(), bare_table(os.environ["SAMEDAY_DATABASE_URL"])

    @app.post("/")
    def store(body: Annotated[bytes, Body()]) -> None:
        insert_bare(engine, body)

    uvicorn.run(app, port=port, http="h11", access_log=False, log_level="warning")


def bare_table(database_url: str) -> Engine:
    engine = engine_for(Settings(database_url=database_url))
    with engine.begin() as connection:
        kind = "BYTEA" if engine.dialect.name == "postgresql" else "BLOB"
        connection.execute(text(f"CREATE TABLE IF NOT EXISTS bare (body {kind})"))
    return engine


def insert_bare(engine: Engine, body: bytes) -> None:
    with engine.begin() as connection:
        connection.execute(text("INSERT INTO bare VALUES (:body)"), {"body": body})


def in_threads(threads: int, do: Callable[[Item], float], items: Iterable[Item]) -> list[float]:
    """What `do` says of each item, from `threads` threads at once."""
    with ThreadPoolExecutor(threads) as pool:
        return list(track(pool.map(do, items), "measuring", OUTCOMES, transient=True, console=console))


def wait_for(client: httpx.Client, port: int) -> None:
    deadline = time.monotonic() + PATIENCE_SECONDS
    while time.monotonic() < deadline:
        try:
            client.get(f"http://127.0.0.1:{port}/")
        except httpx.TransportError:
            time.sleep(0.1)
        else:
            return
    raise TimeoutError("the yardstick's service does not answer")


@contextmanager
def running(database: str, folder: Path) -> Iterator[Service]:
    """The service on a fresh database."""
    if database == "sqlite":
        with Service(folder / "service") as service:
            yield service
        return
    (folder / "postgres").mkdir()
    with postgres_server(folder / "postgres", fsync=True) as server:
        server.run("CREATE DATABASE sameday")
        with Service(folder / "service", server.url("sameday"), server.owner_url("sameday")) as service:
            yield service


def _case() -> Answers:
    case = next(one for one in load_cases(datetime.now(UTC)) if one.number == CASE)
    (outcome,) = case.outcomes.values()
    return outcome.answers


def p95(values: list[float]) -> float:
    return statistics.quantiles(values, n=20)[-1]


def in_words(values: list[float]) -> str:
    return f"{statistics.median(values):.0f} / {p95(values):.0f}"


def moment(words: str) -> datetime:
    return datetime.fromisoformat(words)


if __name__ == "__main__":
    if sys.argv[1:2] == ["--bare-endpoint"]:
        serve_bare(int(sys.argv[2]))
    else:
        main()
