"""The author opens an outcome to a colleague and ends that again, as clients see it."""

from datetime import timedelta
from pathlib import Path
from typing import Any
from uuid import uuid4

import httpx
import pytest
from serving import Caller, Service

from app import clock

COLLEAGUE = "tom.lyle"
COLLEAGUE_EMAIL = "tom.lyle@meon-trust.example"
NOBODY = "00000000-0000-4000-8000-000000000000"
OUTSIDER, OUTSIDER_EMAIL = "colin.ashe", "colin.ashe@harbour-council.example"
WHY = "Looked at the burns with me in clinic."


def test_a_co_examiner_reads_the_draft_and_the_versions_and_writes_nothing(service: Service) -> None:
    author, colleague = service.caller(), service.caller(COLLEAGUE)
    reference = author.drafted()
    assert colleague.get(f"/outcomes/{reference}/draft").status_code == 404
    assert _open(author, reference, kind="co-examiner", email=COLLEAGUE_EMAIL).status_code == 201
    theirs = colleague.get(f"/outcomes/{reference}/draft")
    assert (theirs.status_code, theirs.json()) == (200, author.get(f"/outcomes/{reference}/draft").json())
    assert colleague.get(f"/outcomes/{reference}").json()["state"] == "draft"
    assert reference in _listed(colleague, "?state=draft")
    for refused in (
        colleague.save(reference, theirs.json()["answers"], '"2"'),
        colleague.sign(reference),
        colleague.call("DELETE", f"/outcomes/{reference}/draft", headers={"If-Match": '"2"'}),
        _open(colleague, reference, kind="given", email=OUTSIDER_EMAIL),
        colleague.get(f"/outcomes/{reference}/grants"),
    ):
        assert (refused.status_code, refused.json()["type"]) == (404, "urn:sameday:problem:not-found")
    assert author.sign(reference).status_code == 201
    assert colleague.get(f"/outcomes/{reference}/versions/1").json()["answers"] == theirs.json()["answers"]


def test_what_is_signed_is_given_to_a_person_until_a_moment(service: Service) -> None:
    author, reader = service.caller(), service.caller(OUTSIDER)
    reference = author.signed()
    until = (clock.now() + timedelta(days=2)).replace(microsecond=0)
    given = _open(author, reference, kind="given", email=OUTSIDER_EMAIL, until=until.isoformat())
    assert (given.status_code, given.json()["kind"]) == (201, "given")
    assert given.json()["until_at"] == until.isoformat().replace("+00:00", "Z")
    assert "reason" not in given.json()  # what is kept for a repeat of the call holds no prose
    assert reader.get(f"/outcomes/{reference}/versions/1").status_code == 200
    assert reference not in [one["reference"] for one in reader.get("/inbox?state=all").json()["items"]]


def test_what_is_given_to_a_team_is_for_its_members(service: Service) -> None:
    author, member = service.caller(), service.caller("kit.marlowe")
    reference = author.signed()
    assert member.get(f"/outcomes/{reference}").status_code == 404
    assert _open(author, reference, kind="given", team="harbour-sarc").status_code == 201
    assert member.get(f"/outcomes/{reference}").status_code == 200
    assert service.caller(OUTSIDER).get(f"/outcomes/{reference}").status_code == 404


def test_a_grant_of_an_amendment_in_writing_shows_no_draft(service: Service) -> None:
    author, reader = service.caller(), service.caller(OUTSIDER)
    reference = author.signed()
    _open(author, reference, kind="given", email=OUTSIDER_EMAIL)
    assert author.post(f"/outcomes/{reference}/amendment").status_code == 201
    assert reader.get(f"/outcomes/{reference}/draft").status_code == 404
    assert reader.get(f"/outcomes/{reference}").json()["state"] == "signed"
    assert author.get(f"/outcomes/{reference}").json()["state"] == "amending"


def test_the_author_sees_and_ends_what_the_author_gave(service: Service) -> None:
    author, reader = service.caller(), service.caller(OUTSIDER)
    reference = author.signed()
    given = _open(author, reference, kind="given", email=OUTSIDER_EMAIL).json()["id"]
    shown = {one["id"]: one for one in author.get(f"/outcomes/{reference}/grants").json()["items"]}
    assert {one["kind"] for one in shown.values()} == {"author", "recipient", "given"}
    assert (shown[given]["email"], shown[given]["name"]) == (OUTSIDER_EMAIL, "Colin Ashe")
    assert (shown[given]["reason"], shown[given]["granted_by"]) == (WHY, "Dr Asha Kerrin")
    for _ in range(2):
        assert author.call("DELETE", f"/outcomes/{reference}/grants/{given}").status_code == 204
    assert reader.get(f"/outcomes/{reference}").status_code == 404
    ended = {one["id"]: one for one in author.get(f"/outcomes/{reference}/grants").json()["items"]}[given]
    assert ended["until_at"] is not None


def test_recipients_of_a_signed_version_and_the_author_keep_it(service: Service) -> None:
    author = service.caller()
    reference = author.signed()
    for one in author.get(f"/outcomes/{reference}/grants").json()["items"]:
        refused = author.call("DELETE", f"/outcomes/{reference}/grants/{one['id']}")
        assert (refused.status_code, refused.json()["type"]) == (409, "urn:sameday:problem:grant-stays")
    assert service.caller("joan.tapper").get(f"/outcomes/{reference}").status_code == 200


def test_a_grant_of_another_outcome_is_not_there(service: Service) -> None:
    author = service.caller()
    mine, other = author.signed(), author.signed()
    given = _open(author, other, kind="given", email=OUTSIDER_EMAIL).json()["id"]
    absent = author.call("DELETE", f"/outcomes/{mine}/grants/{uuid4()}")
    elsewhere = author.call("DELETE", f"/outcomes/{mine}/grants/{given}")
    assert (elsewhere.status_code, elsewhere.content) == (404, absent.content)
    assert service.caller(OUTSIDER).get(f"/outcomes/{other}").status_code == 200


@pytest.mark.parametrize(
    ("body", "pointer", "code"),
    [
        ({"kind": "given"}, "/email", "missing"),
        ({"kind": "given", "email": COLLEAGUE_EMAIL, "team": "harbour-sarc"}, "/email", "missing"),
        ({"kind": "co-examiner", "team": "harbour-sarc"}, "/team", "not-a-person"),
        ({"kind": "co-examiner", "email": OUTSIDER_EMAIL}, "/email", "not-a-clinician-here"),
        ({"kind": "given", "email": "nobody@nowhere.example"}, "/email", "unknown-account"),
        ({"kind": "given", "email": "evan.sayle@pilot-office.example"}, "/email", "never-reads"),
        ({"kind": "given", "email": "asha.kerrin@beacon-down-trust.example"}, "/email", "own-account"),
        ({"kind": "given", "team": "no-such-team"}, "/team", "unknown-team"),
        ({"kind": "given", "email": OUTSIDER_EMAIL, "until": "2020-01-01T00:00:00Z"}, "/until", "in-the-past"),
        ({"kind": "given", "email": OUTSIDER_EMAIL, "until": "2031-02-30T00:00:00Z"}, "/until", "bad-time"),
        ({"kind": "given", "email": OUTSIDER_EMAIL, "until": "2031-01-01T00:00:00"}, "/until", "bad-time"),
        ({"kind": "given", "email": OUTSIDER_EMAIL, "reason": " "}, "/reason", "empty"),
        ({"kind": "break-glass", "email": OUTSIDER_EMAIL}, "/kind", "code-not-offered"),
        ({"kind": "given", "email": OUTSIDER_EMAIL, "granted_by": NOBODY}, "/granted_by", "unknown-member"),
    ],
)
def test_what_cannot_be_opened_is_refused_at_its_pointer(
    embedded_service: Service, body: dict[str, Any], pointer: str, code: str
) -> None:
    author = embedded_service.caller()
    reference = author.signed()
    before = embedded_service.rows('SELECT count(*) FROM "grant"')
    refused = _open(author, reference, **body)
    assert refused.status_code == 422, refused.text
    assert [(one["pointer"], one["code"]) for one in refused.json()["problems"]] == [(pointer, code)]
    assert embedded_service.rows('SELECT count(*) FROM "grant"') == before


def test_a_draft_is_given_to_nobody_and_a_withdrawn_outcome_neither(embedded_service: Service) -> None:
    author = embedded_service.caller()
    reference = author.drafted()
    unsigned = _open(author, reference, kind="given", email=OUTSIDER_EMAIL)
    assert (unsigned.status_code, unsigned.json()["type"]) == (409, "urn:sameday:problem:not-signed")
    author.sign(reference)
    taken_back = {
        "reason_code": "entered-in-error",
        "reason": "Signed on the wrong day.",
        "surname": "Marwood",
        "birth_date": "2019-03-14",
    }
    assert author.post(f"/outcomes/{reference}/withdrawal", taken_back).status_code == 201
    withdrawn = _open(author, reference, kind="given", email=OUTSIDER_EMAIL)
    assert (withdrawn.status_code, withdrawn.json()["type"]) == (410, "urn:sameday:problem:outcome-withdrawn")


def test_opening_twice_is_pointed_out_and_a_repeat_of_the_call_is_not(embedded_service: Service) -> None:
    author = embedded_service.caller()
    reference = author.signed()
    first = _open(author, reference, key="once", kind="given", email=OUTSIDER_EMAIL)
    repeat = _open(author, reference, key="once", kind="given", email=OUTSIDER_EMAIL)
    assert (repeat.status_code, repeat.json()) == (201, first.json())
    twice = _open(author, reference, kind="given", email=OUTSIDER_EMAIL)
    assert (twice.status_code, twice.json()["type"]) == (409, "urn:sameday:problem:already-open")
    recipients = _open(author, reference, kind="given", team="beacon-gp")
    assert (recipients.status_code, recipients.json()["type"]) == (409, "urn:sameday:problem:already-open")


def test_a_recipient_who_was_given_it_before_keeps_it_when_that_ends(service: Service) -> None:
    author = service.caller()
    reference = author.signed()
    given = _open(author, reference, kind="given", team="beacon-health-visitors").json()["id"]
    begun = author.post(f"/outcomes/{reference}/amendment").headers["ETag"]
    answers = author.get(f"/outcomes/{reference}/draft").json()["answers"]
    answers["sharing"]["recipients"] += [
        {"recipient-role": "health-visitor", "recipient-team": "beacon-health-visitors"}
    ]
    saved = author.save(reference, answers, begun)
    signed = author.sign(reference, saved.headers["ETag"], amendment_reason="The health visitor was forgotten.")
    assert signed.status_code == 201, signed.text
    author.call("DELETE", f"/outcomes/{reference}/grants/{given}")
    assert service.caller("hazel.minton").get(f"/outcomes/{reference}/versions/2").status_code == 200


def test_what_the_author_typed_is_nowhere_in_the_database_in_plain(embedded_service: Service) -> None:
    author = embedded_service.caller()
    reference = author.signed()
    given = _open(author, reference, kind="given", email=OUTSIDER_EMAIL, reason="Canary Quillfeather asked for it.")
    assert given.status_code == 201
    raw = Path(embedded_service.settings.database_url.removeprefix("sqlite:///")).read_bytes()
    assert given.json()["id"].replace("-", "").encode() in raw
    assert b"Quillfeather" not in raw


def test_administrators_see_grants_in_fixed_words_only(embedded_service: Service) -> None:
    author, administrator = embedded_service.caller(), embedded_service.caller("demo.admin")
    reference = author.signed()
    _open(author, reference, kind="given", email=OUTSIDER_EMAIL)
    outcome_id = author.get(f"/outcomes/{reference}").json()["id"]
    seen = administrator.get(f"/grants?outcome_id={outcome_id}")
    assert seen.status_code == 200
    assert WHY not in seen.text
    assert {one["kind"] for one in seen.json()["items"]} == {"author", "recipient", "given"}


def _open(caller: Caller, reference: str, *, key: str | None = None, **body: Any) -> httpx.Response:
    return caller.post(f"/outcomes/{reference}/grants", {"reason": WHY, **body}, key=key)


def _listed(caller: Caller, query: str = "") -> list[str]:
    return [one["reference"] for one in caller.get(f"/outcomes{query}").json()["items"]]
