"""The demonstration, played through a client that remembers every request and what it was answered."""

import os
import re
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import httpx

from demo.cases import Case, load_cases, strings_in
from demo.client import Api
from demo.people import Person
from demo.play import Stage, play
from demo.service import ADMINISTRATOR, Service

ADMIN = ADMINISTRATOR.split("@")[0]
CASES = "SAMEDAY_TEST_REPLAYED_CASES"
"""Which cases are played: numbers with commas, or 'all' (`script/replay`). The default run plays one."""

_LINK = re.compile(rb"https?://\S+#[A-Za-z0-9_-]{43}")
_MAIL_SECONDS = 30.0


@dataclass(frozen=True)
class Request:
    """What somebody sent, and what they were answered."""

    who: str
    method: str
    path: str
    sent: dict[str, Any]
    status: int
    content: bytes


@dataclass
class RecordingApi(Api):
    """Remembers what people of the play did, one after the other."""

    requests: list[Request] = field(default_factory=list)

    def call(self, who: str | None, method: str, path: str, **kwargs: Any) -> httpx.Response:
        sent = {name: dict(value) if name == "headers" else value for name, value in kwargs.items()}
        response = super().call(who, method, path, **kwargs)
        if who is not None:
            self.requests.append(Request(who, method, path, sent, response.status_code, response.content))
        return response


@dataclass
class Played:
    """A service on which cases have been played, still running."""

    service: Service
    api: RecordingApi
    stage: Stage
    cases: list[Case]

    def canaries(self) -> frozenset[str]:
        """Words that stand in a record and nowhere else: references, particulars of children, and what was written."""
        found: set[str] = set()
        for written in self.stage.written.values():
            child = written.answers["child"]
            particulars = ("surname", "nhs-number", "hospital-number", "address")
            found |= {written.reference} | {child[name] for name in particulars if name in child}
            found |= {text for text in strings_in(written.answers) if len(text) > 40}
        return frozenset(found)


@contextmanager
def played(folder: Path, **settings: str) -> Iterator[Played]:
    """Play the cases on a service of their own. settings: environment variables without their prefix."""
    chosen = os.environ.get(CASES, "2")
    cases = [one for one in load_cases(datetime.now(UTC)) if chosen == "all" or str(one.number) in chosen.split(",")]
    given = {f"SAMEDAY_{name}": value for name, value in settings.items()}
    service = Service(folder, settings=given)
    with service:
        api = RecordingApi(service.base_url, service.tokens, service.people)
        with api:
            stage = Stage(api, folder / "documents")
            api.requests.clear()  # reading the directory is no part of any record
            for case in cases:
                assert play(case, stage) == [], case.number
            yield Played(service, api, stage, cases)


def join(played: Played, email: str, **account: Any) -> Person:
    """Add somebody, and let them in by the link that they are mailed. account: team, role and site, if any."""
    api, body = played.api, {"organisation": "pilot-office", "email": email, "name": "Somebody Else"}
    account_id = api.create(ADMIN, "/accounts", body)["id"]
    if "team" in account:
        api.create(ADMIN, f"/accounts/{account_id}/memberships", {"team": account["team"]})
    if "role" in account:
        api.create(ADMIN, f"/accounts/{account_id}/roles", {"role": account["role"], "site": account["site"]})
    return _let_in(played, account_id, email)


def let_in(played: Played, email: str) -> Person:
    """Let in somebody who has an account and has never signed in."""
    account = next(one for one in played.api.read_all(ADMIN, "/accounts") if one["email"] == email)
    return _let_in(played, account["id"], email)


def _let_in(played: Played, account_id: str, email: str) -> Person:
    played.api.create(ADMIN, f"/accounts/{account_id}/invitations", None)
    person, deadline = Person(email), time.monotonic() + _MAIL_SECONDS
    while time.monotonic() < deadline:
        for file in played.service.mail.files():
            mail = file.read_bytes()
            if email.encode() in mail and (link := _LINK.search(mail.replace(b"=\r\n", b"").replace(b"=\n", b""))):
                with httpx.Client(base_url=played.service.base_url, timeout=60, trust_env=False) as http:
                    person.enrol(http, link[0].decode())
                return person
        time.sleep(0.1)
    raise AssertionError(f"no invitation came for {email}")
