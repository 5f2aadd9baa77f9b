"""The whole of the demonstration against the real service: how each case ends, and that nothing of it gets outside."""

import email
import email.policy
import json
import re
import shutil
import subprocess
import threading
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from functools import cache
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import httpx
import pytest
from ruamel.yaml import YAML
from standardwebhooks.webhooks import Webhook

from app.questionnaires import load_forms
from demo.cases import load_cases, strings_in
from demo.checks import WHOLE_WORD_BELOW, Ending, judge, pdf_text, says, squeezed
from demo.client import Api
from demo.play import Stage, play
from demo.service import ADMINISTRATOR, CAST, Service

SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
CASES = {case.number: case for case in load_cases(datetime.now(UTC))}
OUTCOMES = [(case.number, key) for case in CASES.values() for key in case.expected]


@dataclass
class Receiver:
    """Another organisation's webhook receiver: keeps whatever it is sent."""

    taken: list[tuple[dict[str, str], bytes]] = field(default_factory=list)

    def __enter__(self) -> "Receiver":
        taken = self.taken

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                headers = {name.lower(): value for name, value in self.headers.items()}
                taken.append((headers, self.rfile.read(int(headers["content-length"]))))
                self.send_response(204)
                self.end_headers()

            def log_message(self, *_: object) -> None:
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        threading.Thread(target=self._server.serve_forever, daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._server.server_close()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._server.server_port}/notices"


@dataclass
class Played:
    """What the play left behind."""

    stage: Stage
    endings: dict[tuple[int, str], Ending]
    stopped: dict[int, list[str]]
    mails: list[bytes]
    hooks: list[tuple[dict[str, str], bytes]]
    urls: list[str]
    log: str
    metrics: str

    def outside(self) -> dict[str, str]:
        """All that left the house, by kind, as text."""
        readable = [bytes(mail).decode() + "\n" + _content(mail) for mail in self.mails]
        return {
            "mails": "\n".join(readable),
            "webhooks": "\n".join(json.dumps(headers) + body.decode() for headers, body in self.hooks),
            "log": self.log,
            "addresses": "\n".join(self.urls),
            "metrics": self.metrics,
        }


@pytest.fixture(scope="module")
def played(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Played]:
    """The real service on SQLite with a mail server and a webhook receiver; every case is played once."""
    urls: list[str] = []
    service = Service(tmp_path_factory.mktemp("fifteen"), log_level="DEBUG")
    with Receiver() as receiver:
        with service, Api(service.base_url, service.tokens, service.people, on_request=urls.append) as api:
            _tell_by_webhook(api, "harbour-police", receiver.url)
            stage = Stage(api, service.folder / "documents")
            endings, stopped = _play_all(stage)
            metrics = httpx.get(f"{service.base_url}/metrics").text
        mails = [file.read_bytes() for file in service.mail.files()]
        yield Played(stage, endings, stopped, mails, receiver.taken, urls, service.log.read_text("utf-8"), metrics)


@pytest.mark.parametrize(("number", "key"), OUTCOMES)
def test_the_case_ends_as_the_appendix_says(played: Played, number: int, key: str) -> None:
    assert played.stopped[number] == []
    assert played.endings[number, key].failures == ()


def test_the_words_of_the_documents_were_really_read(played: Played) -> None:
    # Without poppler the play leaves them out; here they must not be left out.
    assert shutil.which("pdftotext")
    text = pdf_text(played.stage.written[2, "leo"].documents[1])
    assert text is not None
    assert says(text, "Marwood")


def test_every_document_has_a_seal_that_poppler_accepts(played: Played, tmp_path: Path) -> None:
    for ending, pdf in _documents(played):
        file = tmp_path / "document.pdf"
        file.write_bytes(pdf)
        said = subprocess.run(["pdfsig", str(file)], capture_output=True, text=True, check=False).stdout
        assert said.count("Signature is Valid.") == 1, said
        assert "Total document signed" in said
        pages = re.search(r"^Pages:\s+(\d+)", _run("pdfinfo", str(file)), re.MULTILINE)
        assert pages is not None
        assert int(pages[1]) == ending.pages


def test_a_document_with_one_byte_changed_is_not_genuine(played: Played, tmp_path: Path) -> None:
    pdf = bytearray(played.stage.written[2, "leo"].documents[1])
    pdf[len(pdf) // 2] ^= 1
    file = tmp_path / "changed.pdf"
    file.write_bytes(pdf)
    said = subprocess.run(["pdfsig", str(file)], capture_output=True, text=True, check=False).stdout
    assert "Signature is Valid." not in said


def test_the_siblings_never_meet_on_paper(played: Played) -> None:
    rosa, finn = CASES[5].outcomes["rosa"].answers, CASES[5].outcomes["finn"].answers
    for key, own, other in (("rosa", rosa, finn), ("finn", finn, rosa)):
        text = Haystack(pdf_text(played.stage.written[5, key].documents[1]) or "")
        foreign = _no_secret_left(_needles(other)) - set(_needles(own))
        assert len(foreign) > 20
        # A word of the search finds what is there: the child's own particulars.
        assert own["child"]["nhs-number"] in text.squeezed
        assert {needle for needle in foreign if needle.is_in(text)} == set()


def test_nothing_of_any_case_gets_outside(played: Played) -> None:
    for kind, text in played.outside().items():
        assert text, kind
        haystack = Haystack(text)
        found = {needle.words for needle in _all_needles() if needle.is_in(haystack)}
        assert found == set(), kind


def test_the_search_finds_whatever_is_there(played: Played) -> None:
    """The positive control of the test above: each thing it looks for is hidden in a real mail, and found."""
    children = [one.answers["child"] for case in CASES.values() for one in case.outcomes.values()]
    looked_for = {needle.words for needle in _all_needles()}
    for name in ("surname", "forenames", "nhs-number", "hospital-number", "birth-date"):
        assert {child[name] for child in children if name in child} <= looked_for
    mail = _content(played.mails[0])
    for needle in _all_needles():
        hidden = "  \n".join(needle.words.upper().split(" "))
        assert needle.is_in(Haystack(f"{mail}\n({hidden}) {mail}")), needle


def test_the_places_searched_are_not_empty_of_what_belongs_there(played: Played) -> None:
    outside = played.outside()
    references = {written.reference for written in played.stage.written.values()}
    assert len(references) == 16
    for reference in references:
        assert reference in outside["mails"]
        assert reference in outside["addresses"]
    harbour = {played.stage.written[place].reference for place in ((2, "leo"), (5, "rosa"), (8, "tara"))}
    assert {json.loads(body)["data"]["reference"] for _, body in played.hooks} == harbour
    assert "sameday" in outside["metrics"]
    assert played.log.strip()


def test_a_mail_says_the_same_for_every_child(played: Played) -> None:
    references = "|".join(written.reference for written in played.stage.written.values())
    bodies = {re.sub(references, "REFERENCE", _content(mail)) for mail in played.mails}
    subjects = {re.sub(references, "REFERENCE", str(_parsed(mail)["subject"])) for mail in played.mails}
    assert len(bodies) == 1, bodies
    assert len(subjects) == 1, subjects


def test_webhooks_are_signed_as_the_standard_says(played: Played) -> None:
    for headers, body in played.hooks:
        Webhook(SECRET).verify(body, headers)
    assert len({headers["webhook-id"] for headers, _ in played.hooks}) == len(played.hooks)


@dataclass(frozen=True)
class Needle:
    """Something of a case that must never be outside. Long ones are looked for without white space, short as words."""

    words: str

    def is_in(self, text: "Haystack") -> bool:
        wanted = squeezed(self.words)
        if len(wanted) >= WHOLE_WORD_BELOW:
            return wanted in text.squeezed
        return re.search(rf"(?<![^\W_]){re.escape(self.words.casefold())}(?![^\W_])", text.folded) is not None


class Haystack:
    """A text to be searched often."""

    def __init__(self, text: str) -> None:
        self.folded = " ".join(text.casefold().split())
        self.squeezed = squeezed(text)


def _needles(answers: dict[str, Any]) -> Iterator[Needle]:
    child = answers["child"]
    for link_id in ("surname", "forenames", "also-known-as", "hospital-number", "nhs-number"):
        if link_id in child:
            yield Needle(child[link_id])
    if "nhs-number" in child:
        number = child["nhs-number"]
        yield Needle(f"{number[:3]}-{number[3:6]}-{number[6:]}")
    born = date.fromisoformat(child["birth-date"])
    for layout in ("%Y-%m-%d", "%d/%m/%Y", "%d.%m.%Y", "%d-%b-%Y", "%d %b %Y", "%d %B %Y", "%Y%m%d", "%d%m%Y"):
        yield Needle(born.strftime(layout))
    yield Needle(f"{born.day} {born:%B %Y}")
    for text in strings_in(answers):
        if not re.fullmatch(r"[A-Za-z0-9:+-]*|[\d-]+T.*", text):
            yield from _of_text(text)


def _of_text(text: str) -> Iterator[Needle]:
    """A name or a short answer whole; of longer texts every three words in a row."""
    words = text.split()
    if len(words) <= 3:
        yield Needle(text)
    for place in range(len(words) - 2):
        three = Needle(" ".join(words[place : place + 3]))
        if len(squeezed(three.words)) >= 10:
            yield three


@cache
def _all_needles() -> frozenset[Needle]:
    outcomes = [outcome for case in CASES.values() for outcome in case.outcomes.values()]
    return _no_secret_left(needle for outcome in outcomes for needle in _needles(outcome.answers))


def _no_secret_left(needles: Iterable[Needle]) -> frozenset[Needle]:
    """The needles without what is no secret: the staff, their teams, and the words of the form itself."""
    cast = YAML(typ="safe", pure=True).load(CAST.read_text("utf-8"))
    known = {entry["name"] for kind in ("accounts", "teams", "organisations", "sites") for entry in cast[kind]}
    known |= {account["email"].split("@")[0] for account in cast["accounts"]}
    form = Haystack(json.dumps(load_forms().latest("cp-medical-outcome").questionnaire()))
    return frozenset(
        needle for needle in needles if not needle.is_in(form) and not any(name in needle.words for name in known)
    )


def _tell_by_webhook(api: Api, team: str, url: str) -> None:
    who, path = ADMINISTRATOR.split("@")[0], f"/api/v1/teams/{team}"
    etag = api.call(who, "GET", path).headers["ETag"]
    change = {"webhook_url": url, "webhook_secret": SECRET}
    api.call(who, "PATCH", path, json=change, headers={"If-Match": etag})


def _play_all(stage: Stage) -> tuple[dict[tuple[int, str], Ending], dict[int, list[str]]]:
    endings: dict[tuple[int, str], Ending] = {}
    stopped: dict[int, list[str]] = {}
    for number, case in CASES.items():
        stopped[number] = play(case, stage)
        if not stopped[number]:
            endings |= {(number, key): judge(case, key, stage) for key in case.expected}
    return endings, stopped


def _documents(played: Played) -> Iterator[tuple[Ending, bytes]]:
    for (number, key), ending in played.endings.items():
        yield ending, played.stage.written[number, key].documents[ending.version]


def _parsed(mail: bytes) -> email.message.EmailMessage:
    return email.message_from_bytes(mail, policy=email.policy.default)


def _content(mail: bytes) -> str:
    return str(_parsed(mail).get_content())


def _run(*command: str) -> str:
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout
