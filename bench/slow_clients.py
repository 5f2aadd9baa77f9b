"""Do people still get their answers while 500 sockets keep the service waiting? (security.md, G21: p95 below 1 s)

`python -m bench.slow_clients [--calls N] [--sockets N]` starts `sameday serve` with its default limits on SQLite, lets
eight people call, and measures the same calls again while slow sockets of five kinds hang on it, each opened again as
soon as the service closes it: silent, a head and a body that dribble, half-closed, and an answer that nobody reads.
"""

import argparse
import asyncio
import multiprocessing
import os
import socket
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from itertools import cycle, islice
from multiprocessing.sharedctypes import Synchronized
from multiprocessing.synchronize import Event
from pathlib import Path

import httpx
from rich.console import Console
from rich.table import Table

ROOT = Path(__file__).resolve().parent.parent
PEOPLE = 8
THINK_SECONDS = 0.05
TARGET_P95_SECONDS = 1.0
READER = "demo.admin@pilot-office.example"
PATHS = ("/api/v1/me", "/healthz", "/api/v1/openapi.json")
HEAD = b"GET /api/v1/openapi.json HTTP/1.1\r\nHost: 127.0.0.1\r\n"
BODY = b"POST /api/v1/outcomes HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: 9000\r\n\r\n"
KINDS = ("silent", "head", "body", "half-closed", "reader")


def main() -> None:
    """Measure, print one table, and end with 1 when a target is missed."""
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--calls", type=int, default=800, help="calls in each of the four rounds")
    options.add_argument("--sockets", type=int, default=500, help="slow sockets at any time")
    given = options.parse_args()
    with tempfile.TemporaryDirectory() as folder, served(Path(folder)) as (url, token):
        call_all(url, token, given.calls // 4)  # warm
        rounds = [Round("no slow sockets", call_all(url, token, given.calls), 0)]
        for name, sources in sources_of_attacks().items():
            with attack(url, sources, given.sockets) as opened:
                took = call_all(url, token, given.calls)
                rounds.append(Round(f"{given.sockets} slow sockets from {name}", took, opened.value))
    sys.exit(1 if report(rounds) else 0)


@dataclass(frozen=True)
class Round:
    """What was measured: seconds of each call (inf: not answered), and how often a slow socket was opened."""

    name: str
    took: list[float]
    opened: int


def sources_of_attacks() -> dict[str, list[str]]:
    """Addresses from which slow sockets come. People come from 127.0.0.1."""
    return {
        "another network": ["127.0.0.2"],
        "25 other networks": [f"127.0.1.{number}" for number in range(1, 26)],
        "the people's own network": ["127.0.0.1"],
    }


@contextmanager
def served(folder: Path) -> Iterator[tuple[str, str]]:
    """The address of a real `sameday serve`, and a personal token."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    url = f"http://127.0.0.1:{port}"
    environment = {name: value for name, value in os.environ.items() if not name.startswith("SAMEDAY_")} | {
        "SAMEDAY_DATABASE_URL": f"sqlite:///{folder / 'sameday.db'}",
        "SAMEDAY_STATE_DIR": str(folder / "state"),
        "SAMEDAY_LOG_LEVEL": "ERROR",
        # Eight quick people are one account here; the other limits are the defaults.
        "SAMEDAY_CALLS_PER_MINUTE_PER_ACCOUNT": "1000000",
        "SAMEDAY_CALLS_PER_MINUTE_PER_NETWORK": "1000000",
    }

    def run(*words: str) -> str:
        command = [sys.executable, "-m", "app", *words]
        return subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, check=True).stdout

    run("migrate")
    run("people", "load", str(ROOT / "demo/cast.yaml"))
    token = run("tokens", "issue", READER, "--label", "bench").strip()
    service = subprocess.Popen([sys.executable, "-m", "app", "serve", "--port", str(port)], cwd=ROOT, env=environment)
    try:
        wait_until_ready(url)
        yield url, token
    finally:
        service.terminate()
        service.wait()


def wait_until_ready(url: str) -> None:
    """Until the service takes calls, for a minute at the most."""
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        try:
            if httpx.get(f"{url}/readyz").is_success:
                return
        except httpx.TransportError:
            time.sleep(0.1)
    raise TimeoutError("the service does not start")


def call_all(url: str, token: str, calls: int) -> list[float]:
    """Seconds that each call took, by eight people at once who think for 50 ms between calls; inf: not answered."""

    def person(number: int) -> list[float]:
        took = []
        with httpx.Client(base_url=url, headers={"Authorization": f"Bearer {token}"}, timeout=30) as client:
            for path in islice(cycle(PATHS), number, number + calls // PEOPLE):
                began = time.perf_counter()
                took.append(time.perf_counter() - began if is_answered(client, path) else float("inf"))
                time.sleep(THINK_SECONDS)
        return took

    with ThreadPoolExecutor(PEOPLE) as threads:
        return [seconds for took in threads.map(person, range(PEOPLE)) for seconds in took]


def is_answered(client: httpx.Client, path: str) -> bool:
    """Whether the call was answered; one that finds its kept connection closed is made again, as browsers do."""
    for _ in range(2):
        try:
            return client.get(path).is_success
        except httpx.RemoteProtocolError:
            continue
        except httpx.TransportError:
            return False
    return False


@contextmanager
def attack(url: str, sources: list[str], sockets: int) -> Iterator["Synchronized[int]"]:
    """Slow sockets in a process of their own, while the block runs. Yields how often one was opened."""
    context = multiprocessing.get_context("spawn")
    opened, over, ready = context.Value("l", 0), context.Event(), context.Event()
    process = context.Process(target=attack_process, args=(url, sources, sockets, opened, ready, over))
    process.start()
    ready.wait(60)
    try:
        yield opened
    finally:
        over.set()
        process.join()


def attack_process(
    url: str, sources: list[str], sockets: int, opened: "Synchronized[int]", ready: Event, over: Event
) -> None:
    """Keep `sockets` slow sockets on the service until `over`."""
    asyncio.run(all_slow(int(url.rpartition(":")[2]), sources, sockets, opened, ready, over))


async def all_slow(
    port: int, sources: list[str], sockets: int, opened: "Synchronized[int]", ready: Event, over: Event
) -> None:
    """All of them; `ready` once each has been opened for the first time."""

    async def keep(number: int) -> None:
        kind, source = KINDS[number % len(KINDS)], sources[number // len(KINDS) % len(sources)]
        while True:
            with suppress(OSError):
                await slow_one(kind, source, port, opened)
            await asyncio.sleep(0.2)

    tasks = [asyncio.create_task(keep(number)) for number in range(sockets)]
    while opened.value < sockets:
        await asyncio.sleep(0.05)
    ready.set()
    while not over.is_set():
        await asyncio.sleep(0.1)
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)


async def slow_one(kind: str, source: str, port: int, opened: "Synchronized[int]") -> None:
    """One slow socket, until the service closes it."""
    loop = asyncio.get_running_loop()
    with socket.socket() as raw:
        raw.setblocking(False)
        if kind == "reader":
            raw.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 2048)
        raw.bind((source, 0))
        await loop.sock_connect(raw, ("127.0.0.1", port))
        opened.value += 1
        first = {"head": HEAD, "body": BODY, "half-closed": BODY, "reader": HEAD + b"\r\n"}.get(kind, b"")
        await loop.sock_sendall(raw, first)
        if kind == "half-closed":
            raw.shutdown(socket.SHUT_WR)
        while kind in ("head", "body"):
            await loop.sock_sendall(raw, b"x")
            await asyncio.sleep(1)
        if kind == "reader":
            while await loop.sock_recv(raw, 1):
                await asyncio.sleep(1)
        await loop.sock_recv(raw, 65536)


def report(rounds: list[Round]) -> int:
    """Print the table; how many rounds missed the target."""
    table, missed = Table(title=f"Calls of {PEOPLE} people, p95 below {TARGET_P95_SECONDS:.0f} s"), 0
    for heading in (
        "round",
        "calls",
        "unanswered",
        "p50 ms",
        "p95 ms",
        "max ms",
        "p95 / without",
        "sockets opened",
        "",
    ):
        table.add_column(heading)
    base = None
    for one in rounds:
        took = sorted(one.took)
        answered = [seconds for seconds in took if seconds != float("inf")]
        p95 = took[int(len(took) * 0.95)]
        base = base or p95
        is_met = p95 < TARGET_P95_SECONDS and len(answered) == len(took)
        missed += not is_met
        table.add_row(
            one.name,
            str(len(took)),
            str(len(took) - len(answered)),
            f"{statistics.median(took) * 1000:.1f}",
            f"{p95 * 1000:.1f}",
            f"{took[-1] * 1000:.1f}",
            f"{p95 / base:.2f}",
            str(one.opened),
            "met" if is_met else "MISSED",
        )
    Console(width=140).print(table)
    return missed


if __name__ == "__main__":
    main()
