"""Do people who sign in, or who guess passwords, slow down everybody else? And does an answer's time tell who is there?

`script/bench sign_in` runs the real service on SQLite in a process of its own. Two people read their inbox all the
time: first alone, then while 30 others try to sign in without a pause, each try for another address, so that every one
costs its hash. Printed: p95 of the readers' calls in milliseconds without and with them, the ratio, and how many tries
a second were answered. Target: p95 below 1 s.

Then pairs of tries in turn, one for an address with an account and one for an address without: the median difference
within a pair. Target: below 5 ms.
"""

import statistics
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx
from rich.console import Console
from rich.progress import track

from demo.people import OWN_PAGE
from demo.service import Service

READERS = 2
AT_ONCE = 30
SECONDS = 10.0
PAIRS = 100
TARGET_P95_MS, TARGET_GAP_MS = 1000.0, 5.0

console = Console(width=160)


def main() -> None:
    with tempfile.TemporaryDirectory() as name, Service(Path(name) / "service", log_level="WARNING") as service:
        console.print(f"{READERS} readers for {SECONDS:.0f} s …")
        alone = p95(read(service))
        console.print(f"… and {AT_ONCE} who try to sign in")
        with trying(service) as tries:
            beside = p95(read(service))
        gap = statistics.median(differences(service))
    within = "within" if beside < TARGET_P95_MS else "ABOVE"
    console.print(f"p95 of a reader's call: {alone:.0f} ms alone, {beside:.0f} ms beside them ({within} the target)")
    console.print(f"ratio {beside / alone:.1f}; {len(tries) / SECONDS:.0f} tries a second were answered")
    within = "within" if abs(gap) < TARGET_GAP_MS else "ABOVE"
    console.print(f"with an account a try takes {gap:+.1f} ms, median of {PAIRS} pairs ({within} the target)")


def read(service: Service) -> list[float]:
    """Milliseconds of each call of the readers, for a while."""
    took: list[float] = []
    tokens = list(service.tokens.values())[:READERS]

    def reading(token: str) -> None:
        until = time.monotonic() + SECONDS
        with httpx.Client(base_url=service.base_url, timeout=60, trust_env=False) as http:
            while time.monotonic() < until:
                began = time.perf_counter()
                http.get("/api/v1/inbox", headers={"Authorization": f"Bearer {token}"}).raise_for_status()
                took.append((time.perf_counter() - began) * 1000)

    in_threads([threading.Thread(target=reading, args=(token,)) for token in tokens])
    return took


@contextmanager
def trying(service: Service) -> Iterator[list[int]]:
    """Keep AT_ONCE sign-ins going; the statuses they were answered with."""
    statuses: list[int] = []
    stopping = threading.Event()

    def try_on(number: int) -> None:
        with httpx.Client(base_url=service.base_url, timeout=60, trust_env=False) as http:
            count = 0
            while not stopping.is_set():
                count += 1
                statuses.append(guess(http, f"nobody.{number}.{count}@coast-community.example"))

    threads = [threading.Thread(target=try_on, args=(number,)) for number in range(AT_ONCE)]
    for one in threads:
        one.start()
    try:
        yield statuses
    finally:
        stopping.set()
        for one in threads:
            one.join()
    assert set(statuses) == {401}, "every try must have cost its hash"


def differences(service: Service) -> list[float]:
    """Milliseconds that a failing try takes longer for an address with an account, pair by pair."""
    # Few tries for each, so that none is slowed down.
    known = [email for email in service.tokens if email not in service.people]
    with httpx.Client(base_url=service.base_url, timeout=60, trust_env=False) as http:

        def took(email: str) -> float:
            began = time.perf_counter()
            assert guess(http, email) == 401
            return (time.perf_counter() - began) * 1000

        found = []
        for number in track(range(PAIRS), "pairs", transient=True, console=console):
            emails = [known[number % len(known)], f"somebody.{number}@coast-community.example"]
            first = number % 2
            times = {email: took(email) for email in (emails[first], emails[1 - first])}
            found.append(times[emails[0]] - times[emails[1]])
        return found


def guess(http: httpx.Client, email: str) -> int:
    body = {"email": email, "password": "not the password", "code": "000000"}
    return http.post("/api/v1/sign-in/password", json=body, headers=OWN_PAGE).status_code


def in_threads(threads: list[threading.Thread]) -> None:
    for one in threads:
        one.start()
    for one in threads:
        one.join()


def p95(values: list[float]) -> float:
    return statistics.quantiles(values, n=20)[-1]


if __name__ == "__main__":
    main()
