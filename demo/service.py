"""A service of the demonstration's own: an embedded database, the cast, tokens, a mail server and `sameday serve`."""

import json
import os
import subprocess
import sys
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Any

import httpx
from ruamel.yaml import YAML

from demo.client import Api
from demo.mailserver import MailServer, free_port
from demo.people import Person

ROOT = Path(__file__).resolve().parent.parent
CAST = ROOT / "demo" / "cast.yaml"
ADMINISTRATOR = "demo.admin@pilot-office.example"
START_SECONDS = 60.0
STOP_SECONDS = 40.0


class StartError(Exception):
    """The service did not come up; the message holds the end of its log."""


@dataclass
class Service:
    """Everything in `folder`: database, seal key, tokens, mails, the service's log. It runs inside a `with`.

    database_url: another database than the embedded one in `folder`; empty. owner_database_url: the same one for the
    role that owns its tables, on PostgreSQL. settings: further ones, by the names of their variables; they win.
    """

    folder: Path
    database_url: str = ""
    owner_database_url: str = ""
    port: int = field(default_factory=free_port)
    log_level: str = "INFO"
    settings: dict[str, str] = field(default_factory=dict)
    mail: MailServer = field(init=False)
    tokens: dict[str, str] = field(default_factory=dict)
    people: dict[str, Person] = field(default_factory=dict)
    _process: subprocess.Popen[bytes] | None = None
    _log: IO[bytes] | None = None

    def __post_init__(self) -> None:
        self.folder.mkdir(parents=True, exist_ok=True)
        self.mail = MailServer(self.folder / "mails")
        self.database_url = self.database_url or f"sqlite:///{self.folder / 'sameday.db'}"

    @property
    def base_url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @property
    def log(self) -> Path:
        return self.folder / "service.log"

    def __enter__(self) -> "Service":
        try:
            self._start()
        except BaseException:
            self._stop()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        self._stop()

    def wait(self) -> None:
        """Until the service ends by itself."""
        if self._process is not None:
            self._process.wait()

    def _start(self) -> None:
        """Migrate, load the cast, start the mail server and the service, let people in. Raises StartError."""
        self._run("migrate")
        self._run("people", "load", str(CAST))
        clinicians = _clinicians()
        links = self._run("people", "invite", *clinicians).split()
        self.tokens = {ADMINISTRATOR: self._run("tokens", "issue", ADMINISTRATOR, "--label", "demo").strip()}
        self.mail.start()
        self._log = self.log.open("wb")
        command = [sys.executable, "-m", "app", "serve", "--port", str(self.port)]
        self._process = subprocess.Popen(
            command, cwd=ROOT, env=self._environment(), stdout=self._log, stderr=subprocess.STDOUT
        )
        self._wait_until_ready()
        self._issue_tokens()
        self._enrol(dict(zip(clinicians, links, strict=True)))

    def _stop(self) -> None:
        """Stop the service, then the mail server."""
        if self._process is not None:
            self._process.terminate()
            try:
                self._process.wait(timeout=STOP_SECONDS)
            except subprocess.TimeoutExpired:
                self._process.kill()
                self._process.wait()
        self.mail.stop()
        if self._log is not None:
            self._log.close()

    def _environment(self) -> dict[str, str]:
        own = {
            "SAMEDAY_DATABASE_URL": self.database_url,
            "SAMEDAY_STATE_DIR": str(self.folder / "state"),
            "SAMEDAY_BASE_URL": self.base_url,
            "SAMEDAY_SMTP_HOST": "127.0.0.1",
            "SAMEDAY_SMTP_PORT": str(self.mail.port),
            "SAMEDAY_LOG_LEVEL": self.log_level,
            # The play is quicker than people are, and all of it comes from one address.
            "SAMEDAY_CALLS_PER_MINUTE_PER_ACCOUNT": "100000",
            "SAMEDAY_CALLS_PER_MINUTE_PER_NETWORK": "100000",
            "SAMEDAY_SIGN_IN_TRIES_PER_MINUTE_PER_NETWORK": "100000",
            "SAMEDAY_WEBHOOK_ALLOW_PRIVATE": "true",  # the demonstration's receivers are on this machine
        }
        if self.owner_database_url:
            own["SAMEDAY_OWNER_DATABASE_URL"] = self.owner_database_url
        foreign = {name: value for name, value in os.environ.items() if not name.startswith("SAMEDAY_")}
        return foreign | own | self.settings

    def _run(self, *args: str) -> str:
        command = [sys.executable, "-m", "app", *args]
        done = subprocess.run(command, cwd=ROOT, env=self._environment(), capture_output=True, text=True, check=False)
        if done.returncode != 0:
            raise StartError(f"sameday {' '.join(args)} ended with {done.returncode}:\n{done.stdout}{done.stderr}")
        return done.stdout

    def _issue_tokens(self) -> None:
        """A token for everyone in the cast, from the administrator and through the API; kept in tokens.json."""
        administrator = ADMINISTRATOR.split("@")[0]
        with Api(self.base_url, dict(self.tokens)) as api:
            for account in api.read_all(administrator, "/accounts"):
                if account["email"] not in self.tokens:
                    path, body = f"/accounts/{account['id']}/tokens", {"label": "demo", "days": 30}
                    self.tokens[account["email"]] = api.create(administrator, path, body)["token"]
        _keep(self.folder / "tokens.json", self.tokens)

    def _enrol(self, links: dict[str, str]) -> None:
        """Signing needs a person who has signed in: clinicians follow their invitation; kept in people.json."""
        with httpx.Client(base_url=self.base_url, timeout=60, trust_env=False) as http:
            for email, link in links.items():
                self.people[email] = Person(email)
                self.people[email].enrol(http, link)
        known = {one.email: {"password": one.password, "totp_secret": one.totp_secret} for one in self.people.values()}
        _keep(self.folder / "people.json", known)

    def _wait_until_ready(self) -> None:
        deadline = time.monotonic() + START_SECONDS
        while time.monotonic() < deadline:
            if self._process is not None and self._process.poll() is not None:
                break
            try:
                if httpx.get(f"{self.base_url}/readyz", trust_env=False).is_success:
                    return
            except httpx.TransportError:
                pass
            time.sleep(0.1)
        end = self.log.read_text("utf-8", errors="replace")[-2000:]
        raise StartError(f"The service did not become ready.\n{end}")


def _clinicians() -> list[str]:
    """The addresses of those in the cast who write and sign."""
    accounts = YAML(typ="safe", pure=True).load(CAST.read_text("utf-8"))["accounts"]
    return [one["email"] for one in accounts if any(role["role"] == "clinician" for role in one.get("roles", []))]


def _keep(file: Path, content: Any) -> None:
    file.touch(mode=0o600)
    file.write_text(json.dumps(content, indent=2), "utf-8")
