"""Kills a real service at random moments while clinicians sign, and then looks whether anything was lost.

Needs no knowledge of how the service works: clients speak HTTP, mails arrive by SMTP, webhooks by HTTP. Only the
final look is at the tables. What a kill can prove and what not: docs/decisions/0003-durable-engine.md.
"""

import os
import random
import signal
import subprocess
import sys
import threading
import time
from contextlib import ExitStack
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import factories
import httpx
from crash_check import PATIENCE_SECONDS, Report, look, look_at_post, wait_until_quiet
from peers import MailPeer, Peer, free_port, mail_server, receiver
from sqlmodel import Session
from throwaway import seeing_all

from app import clock
from app.db import engine_for, transactions
from app.people.links import INVITATION, print_link
from app.people.secrets import closed_webhook_secret
from app.people.tables import Account, Team
from app.settings import Settings
from app.version import ROOT
from demo.people import Person

CLINICIANS = ("asha.kerrin", "tom.lyle", "marek.ostrow")
SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
LONGEST_LIFE_SECONDS = 3.0
KILLED_WHILE_STARTING = 0.2
LONGEST_PAUSE_SECONDS = 2.0
ORPHANS_END_WITHIN_SECONDS = 20.0


def run(database_url: str, folder: Path, *, kills: int, seed: int) -> Report:
    """Kill the service `kills` times, let it finish its work, and report. The database must be migrated and empty."""
    report, chance, began = Report(seed), random.Random(seed), time.monotonic()
    mail, hook = MailPeer(), Peer()
    with ExitStack() as stack:
        smtp_port = stack.enter_context(mail_server(mail))
        url = stack.enter_context(receiver(hook))
        links = _prepare(database_url, folder, url)
        service = Service(database_url, folder, smtp_port)
        stack.callback(service.kill_all)
        service.start_all()
        service.wait_until_ready()
        clinicians = [
            Clinician(service.url, email, link, random.Random(seed + number))
            for number, (email, link) in enumerate(links.items(), 1)
        ]
        for one in clinicians:
            one.start()
        for _ in range(kills):
            if chance.random() > KILLED_WHILE_STARTING:
                service.wait_until_ready()
            time.sleep(chance.uniform(0, LONGEST_LIFE_SECONDS))
            name = service.kill_one(chance)
            report.kills[name] = report.kills.get(name, 0) + 1
        for one in clinicians:
            one.stopping.set()
        for one in clinicians:
            one.join()
        engine = engine_for(Settings(database_url=seeing_all(database_url)))
        stack.callback(engine.dispose)
        wait_until_quiet(engine, report)
        report.faults += service.stop_all()
        with Session(engine) as session:
            look(session, report, [sent for one in clinicians for sent in one.acknowledged])
            look_at_post(session, report, mail, hook)
    report.faults += [fault for one in clinicians for fault in one.faults]
    report.withdrawn = sum(len(one.withdrawn) for one in clinicians)
    report.seconds = round(time.monotonic() - began, 1)
    return report


def _prepare(database_url: str, folder: Path, webhook_url: str) -> dict[str, str]:
    """The cast, a webhook at one police team, and an invitation for each clinician, by address."""
    settings = Settings(database_url=seeing_all(database_url), state_dir=folder / "state")
    engine = engine_for(settings)
    now = clock.now()
    with transactions(engine)() as session:
        cast = factories.load_cast(session, now)
        police = session.get_one(Team, cast.teams["beacon-police"].id)
        police.webhook_url = webhook_url
        police.webhook_secret_encrypted = closed_webhook_secret(session, police.id, SECRET)
        accounts = [session.get_one(Account, cast[name].account_id) for name in CLINICIANS]
        links = {
            one.email: print_link(session, one, INVITATION, "", resets_second_factor=False, now=now) for one in accounts
        }
    engine.dispose()
    return links


class Service:
    """`sameday serve` and, on PostgreSQL, `sameday worker`: as operators run them, and killed as power cuts do."""

    def __init__(self, database_url: str, folder: Path, smtp_port: int) -> None:
        port = free_port()
        self.url = f"http://127.0.0.1:{port}"
        self.log = folder / "service.log"
        embedded = database_url.startswith("sqlite")
        self.commands = {"serve": ["serve", "--port", str(port)]} | ({} if embedded else {"worker": ["worker"]})
        self.environment = {
            "PATH": os.environ["PATH"],
            "HOME": os.environ.get("HOME", "/"),
            "SAMEDAY_DATABASE_URL": database_url,
            "SAMEDAY_STATE_DIR": str(folder / "state"),
            "SAMEDAY_SMTP_PORT": str(smtp_port),
            "SAMEDAY_RUN_WORKER": str(embedded),
            "SAMEDAY_LOG_LEVEL": "WARNING",
            "SAMEDAY_WEBHOOK_ALLOW_PRIVATE": "true",
            "SAMEDAY_CALLS_PER_MINUTE_PER_ACCOUNT": "100000",
            "SAMEDAY_CALLS_PER_MINUTE_PER_NETWORK": "100000",
        }
        self.running: dict[str, subprocess.Popen[bytes]] = {}
        self.groups: list[int] = []

    def start_all(self) -> None:
        for name in self.commands:
            self.start(name)

    def start(self, name: str) -> None:
        with self.log.open("ab") as log:
            self.running[name] = subprocess.Popen(
                [sys.executable, "-m", "app", *self.commands[name]],
                cwd=ROOT,
                env=self.environment,
                stdout=log,
                stderr=log,
                start_new_session=True,  # a process group of its own, by which its children are found
            )
        self.groups.append(self.running[name].pid)

    def wait_until_ready(self) -> None:
        """Wait until the service takes calls."""
        deadline = time.monotonic() + PATIENCE_SECONDS
        while True:
            try:
                if httpx.get(f"{self.url}/readyz", timeout=5).status_code == 200:
                    return
            except httpx.TransportError:
                pass
            assert time.monotonic() < deadline, "the service does not start"
            time.sleep(0.05)

    def kill_one(self, chance: random.Random) -> str:
        """Kill one process, as it is, and start it again. Says which."""
        name = chance.choice(sorted(self.running))
        self._kill(name)
        self.start(name)
        return name

    def kill_all(self) -> None:
        for name in list(self.running):
            self._kill(name)

    def stop_all(self) -> list[str]:
        """Ask every process to stop, as a deploy does; says which did not end well."""
        faults = []
        for name, process in self.running.items():
            process.terminate()
            try:
                code = process.wait(60)
            except subprocess.TimeoutExpired:
                code = None
            if code not in (0, -signal.SIGTERM):
                faults.append(f"{name} ended with {code} when asked to stop")
        return faults + [f"children of the killed process {group} live on" for group in self._left_behind()]

    def _left_behind(self) -> list[int]:
        """The groups of which a process is left, a while after they were killed or stopped."""
        deadline = time.monotonic() + ORPHANS_END_WITHIN_SECONDS
        while (left := [group for group in self.groups if _is_alive(group)]) and time.monotonic() < deadline:
            time.sleep(0.5)
        for group in left:
            os.killpg(group, signal.SIGKILL)
        return left

    def _kill(self, name: str) -> None:
        process = self.running.pop(name)
        process.kill()
        process.wait()


def _is_alive(group: int) -> bool:
    try:
        os.killpg(group, 0)
    except ProcessLookupError:
        return False
    return True


class Clinician(threading.Thread):
    """Signs one outcome after the other; repeats what got no answer under the same key, as a good client does."""

    def __init__(self, url: str, email: str, link: str, chance: random.Random) -> None:
        super().__init__(daemon=True)
        self.person = Person(email)
        with httpx.Client(base_url=url, timeout=30) as client:
            self.person.enrol(client, link)
        self.client = httpx.Client(base_url=url, timeout=30)
        self.chance = chance
        self.stopping = threading.Event()
        self.acknowledged: list[tuple[UUID, int]] = []
        self.withdrawn: list[UUID] = []
        self.faults: list[str] = []

    def run(self) -> None:
        with self.client:
            while not self.stopping.is_set() and not self.faults:
                outcome_id = uuid4()
                answer = self._send("POST", "/api/v1/outcomes", {"id": str(outcome_id), "site": "beacon-down"})
                if answer.status_code not in (200, 201):
                    self._fault("begin", answer)
                    return
                self._live(outcome_id)
                time.sleep(self.chance.uniform(0, LONGEST_PAUSE_SECONDS))

    def _live(self, outcome_id: UUID) -> None:
        path = f"/api/v1/outcomes/{outcome_id}"
        answers = factories.complete_answers(clock.now())
        saved = self._send("PUT", f"{path}/draft", {"answers": answers}, revision=1)
        # 412: it was saved before the kill, and only the answer was lost.
        if saved.status_code not in (200, 412):
            return self._fault("save", saved)
        self._sign(outcome_id, path, {})
        if self.chance.random() < 0.25:
            amended = self._send("POST", f"{path}/amendment", {})
            if amended.status_code != 201:
                return self._fault("amend", amended)
            self._sign(outcome_id, path, {"amendment_reason": "The skeletal survey is reported."})
        if self.chance.random() < 0.15:
            child = {"surname": factories.SURNAME, "birth_date": factories.BIRTH_DATE.isoformat()}
            body = {"reason_code": "wrong-child", "reason": "Signed on the wrong record.", **child}
            withdrawn = self._send("POST", f"{path}/withdrawal", body)
            if withdrawn.status_code != 201:
                return self._fault("withdraw", withdrawn)
            self.withdrawn.append(outcome_id)
        return None

    def _sign(self, outcome_id: UUID, path: str, extra: dict[str, str]) -> None:
        revision = self._send("GET", f"{path}/draft").json()["revision"]
        child = {"surname": factories.SURNAME, "birth_date": factories.BIRTH_DATE.isoformat()}
        signed = self._send("POST", f"{path}/versions", {**child, **extra}, revision=revision)
        if signed.status_code != 201:
            return self._fault("sign", signed)
        self.acknowledged.append((outcome_id, signed.json()["number"]))
        return None

    def _send(
        self, method: str, path: str, body: dict[str, Any] | None = None, revision: int | None = None
    ) -> httpx.Response:
        headers = {} if revision is None else {"if-match": f'"{revision}"'}
        if method == "POST":
            headers["idempotency-key"] = str(uuid4())
        deadline = time.monotonic() + PATIENCE_SECONDS
        while True:
            try:
                answer = self.client.request(method, path, json=body, headers=headers | self.person.headers())
                if answer.status_code == 401 or "fresh-sign-in-needed" in answer.text:
                    self.person.sign_in(self.client)
                    continue
            except (httpx.TransportError, httpx.HTTPStatusError):
                assert time.monotonic() < deadline, "the service did not come back"
                time.sleep(0.1)
                continue
            if answer.status_code != 503:
                return answer
            time.sleep(0.2)

    def _fault(self, what: str, answer: httpx.Response) -> None:
        self.faults.append(f"{what}: HTTP {answer.status_code} {answer.text[:300]}")
