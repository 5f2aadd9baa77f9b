"""Every request of the demonstration, sent again by people whom it is none of the business of: they learn nothing."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import httpx
import pytest
from replaying import ADMIN, Played, Request, join, let_in, played

from demo.people import Person

SEE = "/api/v1/outcomes/{}"


@dataclass
class Stranger:
    """Somebody who sends what others have sent, with a session of their own, or with none."""

    who: str
    person: Person | None

    def send(self, http: httpx.Client, request: Request) -> httpx.Response:
        sent = dict(request.sent)
        headers = sent.pop("headers", {}) | (self.person.headers() if self.person else {})
        return http.request(request.method, request.path, headers=headers, **sent)


@pytest.fixture(scope="module")
def demonstration(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Played]:
    with played(tmp_path_factory.mktemp("replay")) as it:
        it.api.requests = [one for one in it.api.requests if one.who != ADMIN]
        yield it


@pytest.fixture(scope="module")
def http(demonstration: Played) -> Iterator[httpx.Client]:
    with httpx.Client(base_url=demonstration.service.base_url, timeout=60, trust_env=False) as client:
        yield client


STRANGERS: dict[str, Callable[[Played], Person | None]] = {
    "somebody of another team": lambda it: join(it, "stray@pilot-office.example", team=_new_team(it)),
    "a doctor of another site": lambda it: join(it, "afar@pilot-office.example", role="clinician", site=_new_site(it)),
    "an evaluator": lambda it: let_in(it, "evan.sayle@pilot-office.example"),
    "nobody": lambda _: None,
}


@pytest.mark.parametrize("who", STRANGERS)
def test_nothing_is_told_and_nothing_done_for_whom_it_is_not(
    demonstration: Played, http: httpx.Client, who: str
) -> None:
    requests = list(demonstration.api.requests)
    assert len(requests) > 20
    stranger, canaries = Stranger(who, STRANGERS[who](demonstration)), demonstration.canaries()
    before = _as_its_authors_see_it(demonstration)
    # First what needs a sign-in of the last five minutes, so that it is not refused for that.
    for request in sorted(requests, key=lambda one: one.method == "GET"):
        answer = stranger.send(http, request)
        said = f"{request.method} {request.path}: {answer.status_code} {answer.text[:500]}"
        assert answer.status_code < 500, said
        assert not answer.content.startswith(b"%PDF"), said
        assert {one for one in canaries if one in answer.text} == set(), said
        assert answer.is_client_error or request.path.startswith(_ABOUT_ONESELF), said
    assert _as_its_authors_see_it(demonstration) == before


def test_the_canaries_are_in_what_those_got_who_may(demonstration: Played) -> None:
    """The positive control: the same search finds them in the answers to the people of the play."""
    got = "\n".join(request.content.decode("utf-8", "replace") for request in demonstration.api.requests)
    references = {written.reference for written in demonstration.stage.written.values()}
    surnames = {written.answers["child"]["surname"] for written in demonstration.stage.written.values()}
    assert {one for one in references | surnames if one not in got} == set()
    assert any(request.content.startswith(b"%PDF") for request in demonstration.api.requests)


# Whoever is signed in may ask for their own lists; doctors, for the directory.
_ABOUT_ONESELF = ("/api/v1/inbox", "/api/v1/outcomes?", "/api/v1/teams", "/api/v1/me", "/api/v1/forms", "/api/v1/sites")


def _as_its_authors_see_it(demonstration: Played) -> list[object]:
    """What the outcomes are, and what was opened or answered by whom; not how often a notice was tried meanwhile."""
    api, seen = demonstration.api, []
    for written in demonstration.stage.written.values():
        outcome = api.read(written.author, f"/outcomes/{written.reference}")
        told = api.read(written.author, f"/outcomes/{written.reference}/deliveries")["items"]
        facts = [(one["id"], one["opened_at"], one["acknowledged"], one["not_mine"]) for one in told]
        seen += [outcome, facts, api.read(written.author, f"/outcomes/{written.reference}/grants")["items"]]
    return seen


def _new_team(demonstration: Played) -> str:
    body = {"organisation": "pilot-office", "code": "stray-team", "name": "Another team", "role": "other"}
    demonstration.api.create(ADMIN, "/teams", body | {"inbox_email": "stray@pilot-office.example"})
    return "stray-team"


def _new_site(demonstration: Played) -> str:
    body = {"organisation": "pilot-office", "code": "far-away", "name": "A hospital far away"}
    demonstration.api.create(ADMIN, "/sites", body)
    return "far-away"
