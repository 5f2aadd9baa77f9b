"""A service of the demonstration's own: an embedded database, the cast, tokens, a mail server and `sameday serve`."""

import json
import os
import subprocess
import sys
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO

import httpx

from demo.client import Api
from demo.mailserver import MailServer, free_port

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

    database_url: another database than the embedded one in `folder`; empty.
    """

    folder: Path
    database_url: str = ""
    port: int = field(default_factory=free_port)
    log_level: str = "INFO"
    mail: MailServer = field(init=False)
    tokens: dict[str, str] = field(default_factory=dict)
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
        """Migrate, load the cast, start the mail server and the service, issue tokens. Raises StartError."""
        self._run("migrate")
        self._run("people", "load", str(CAST))
        self.tokens = {ADMINISTRATOR: self._run("tokens", "issue", ADMINISTRATOR, "--label", "demo").strip()}
        self.mail.start()
        self._log = self.log.open("wb")
        command = [sys.executable, "-m", "app", "serve", "--port", str(self.port)]
        self._process = subprocess.Popen(
            command, cwd=ROOT, env=self._environment(), stdout=self._log, stderr=subprocess.STDOUT
        )
        self._wait_until_ready()
        self._issue_tokens()

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
            "SAMEDAY_WEBHOOK_ALLOW_PRIVATE": "true",  # the demonstration's receivers are on this machine
        }
        foreign = {name: value for name, value in os.environ.items() if not name.startswith("SAMEDAY_")}
        return foreign | own

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
        file = self.folder / "tokens.json"
        file.touch(mode=0o600)
        file.write_text(json.dumps(self.tokens, indent=2), "utf-8")

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
