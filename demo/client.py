"""A thin client of the REST API, as a trust's or a council's own program would have one."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any
from uuid import uuid4

import httpx

from demo.people import Person

PREFIX = "/api/v1"


class RefusedError(Exception):
    """The service answered with an error. The message says what was asked, by whom, and what was wrong with it."""


@dataclass
class Api:
    """The service as the people in `tokens` (e-mail address: token) can use it.

    people: those who sign in, by e-mail address; they call by their session, and sign in again when they must.
    `on_request` is called with every address asked for, so that a test can look at them.
    """

    base_url: str
    tokens: dict[str, str]
    people: dict[str, Person] = field(default_factory=dict)
    on_request: Callable[[str], None] = lambda url: None
    _http: httpx.Client = field(init=False)

    def __post_init__(self) -> None:
        self._http = httpx.Client(base_url=self.base_url, timeout=60)

    def __enter__(self) -> "Api":
        return self

    def __exit__(self, *_: object) -> None:
        self._http.close()

    def emails(self) -> dict[str, str]:
        """E-mail addresses by the short names that the cases use: ``priya.dunmore``."""
        return {email.split("@")[0]: email for email in self.tokens}

    def call(self, who: str | None, method: str, path: str, **kwargs: Any) -> httpx.Response:
        """Ask as `who` (a short name; None: without a token). Raises RefusedError for every answer from 400 up."""
        own = kwargs.pop("headers", {})
        response = self._http.request(method, path, headers=self._identity(who) | own, **kwargs)
        person = self.people.get(self.emails().get(who or "", ""))
        if person is not None and response.status_code in (401, 403) and _asks_to_sign_in(response):
            person.sign_in(self._http)
            response = self._http.request(method, path, headers=self._identity(who) | own, **kwargs)
        self.on_request(str(response.request.url))
        if response.is_error:
            raise RefusedError(f"{method} {path} by {who or 'anyone'}: {response.status_code} {response.text[:2000]}")
        return response

    def _identity(self, who: str | None) -> dict[str, str]:
        """The headers that say who calls."""
        if who is None:
            return {}
        email = self.emails()[who]
        return (
            self.people[email].headers() if email in self.people else {"Authorization": f"Bearer {self.tokens[email]}"}
        )

    def create(self, who: str, path: str, body: dict[str, Any] | None, **headers: str) -> dict[str, Any]:
        """A creating POST under a fresh Idempotency-Key."""
        headers = {"Idempotency-Key": str(uuid4()), **headers}
        answer: dict[str, Any] = self.call(who, "POST", PREFIX + path, json=body, headers=headers).json()
        return answer

    def read(self, who: str, path: str) -> dict[str, Any]:
        """A GET that answers JSON."""
        answer: dict[str, Any] = self.call(who, "GET", PREFIX + path).json()
        return answer

    def read_all(self, who: str, path: str) -> list[dict[str, Any]]:
        """Every item of a list, page by page."""
        items: list[dict[str, Any]] = []
        after = ""
        while True:
            page = self.read(who, f"{path}{'&' if '?' in path else '?'}limit=100{after}")
            items += page["items"]
            if not page.get("next"):
                return items
            after = f"&after={page['next']}"

    def begin(self, who: str, site: str) -> str:
        """Begin an outcome under an id of our own; its reference."""
        return str(self.create(who, "/outcomes", {"id": str(uuid4()), "site": site})["reference"])

    def save(self, who: str, reference: str, answers: dict[str, Any]) -> dict[str, Any]:
        """Save all answers over the draft's present revision; the draft as the service sees it."""
        path = f"{PREFIX}/outcomes/{reference}/draft"
        revision = self.call(who, "GET", path).headers["ETag"]
        saved = self.call(who, "PUT", path, json={"answers": answers}, headers={"If-Match": revision})
        draft: dict[str, Any] = saved.json()
        return draft

    def sign(
        self, who: str, reference: str, surname: str, birth_date: str, amendment_reason: str | None
    ) -> dict[str, Any]:
        """Sign the draft: the version."""
        revision = self.call(who, "GET", f"{PREFIX}/outcomes/{reference}/draft").headers["ETag"]
        body = {"surname": surname, "birth_date": birth_date}
        if amendment_reason:
            body["amendment_reason"] = amendment_reason
        return self.create(who, f"/outcomes/{reference}/versions", body, **{"If-Match": revision})

    def document(self, who: str, reference: str, number: int) -> bytes:
        """The sealed PDF."""
        return self.call(who, "GET", f"{PREFIX}/outcomes/{reference}/versions/{number}/document").content

    def standing(self, pdf: bytes) -> str:
        """What the service tells an outsider about a PDF."""
        headers = {"Content-Type": "application/pdf"}
        answer = self.call(None, "POST", f"{PREFIX}/verification", content=pdf, headers=headers).json()
        return str(answer["standing"])


def _asks_to_sign_in(response: httpx.Response) -> bool:
    return str(response.json()["type"]).endswith((":not-signed-in", ":fresh-sign-in-needed"))
