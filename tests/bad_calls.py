"""Calls that must be refused: what is sent, the status, the code, and where the problem is."""

import json
from dataclasses import dataclass, field
from typing import Any

JSON = {"Content-Type": "application/json"}
KEY = {"Idempotency-Key": "bad-input"}
BODY_ID = "019ab2c3-0000-7000-8000-000000000000"
BEGIN = {"id": BODY_ID, "site": "beacon-down"}
SIGN = {"surname": "Marwood", "birth_date": "2019-03-14"}
WITHDRAW = {"reason_code": "other", "reason": "A reason.", **SIGN}
_DEEP = "[" * 30 + "]" * 30


@dataclass(frozen=True)
class BadCall:
    """A call; `{draft}`, `{signed}`, `{withdrawn}` and `{delivery}` in its path stand for what the test has made."""

    about: str
    call: str
    body: Any = None
    status: int = 422
    code: str = "invalid"
    pointer: str | None = None
    problem: str | None = None
    headers: dict[str, str] = field(default_factory=dict)
    by: str | None = "asha.kerrin"

    @property
    def content(self) -> bytes:
        if self.body is None:
            return b""
        return self.body if isinstance(self.body, bytes) else json.dumps(self.body).encode()


def _begin(about: str, change: dict[str, Any], pointer: str, problem: str, **more: Any) -> BadCall:
    return BadCall(about, "POST /outcomes", BEGIN | change, pointer=pointer, problem=problem, headers=KEY, **more)


def _raw(about: str, body: bytes, problem: str, pointer: str = "") -> BadCall:
    return BadCall(about, "POST /outcomes", body, 400, "invalid-json", pointer, problem, KEY)


def _sign(about: str, change: dict[str, Any], pointer: str, problem: str, code: str = "invalid") -> BadCall:
    headers = KEY | {"If-Match": '"2"'}
    return BadCall(about, "POST /outcomes/{draft}/versions", SIGN | change, 422, code, pointer, problem, headers)


def _save(about: str, headers: dict[str, str], status: int, code: str) -> BadCall:
    return BadCall(about, "PUT /outcomes/{draft}/draft", {"answers": {}}, status, code, headers=headers)


BAD_CALLS = [
    # Bodies that cannot be read
    _raw("text that is no JSON", b"surname=Marwood", "not-json"),
    _raw("half a body", b'{"id": ', "not-json"),
    _raw("two bodies", b"{}{}", "not-json"),
    _raw("a comma too many", b'{"id": "1",}', "not-json"),
    _raw("single quotation marks", b"{'id': 1}", "not-json"),
    _raw("broken UTF-8", b'{"site": "\xff"}', "not-utf-8"),
    _raw("half of a UTF-8 character", b'{"site": "\xe2\x82"}', "not-utf-8"),
    _raw("Latin-1", '{"site": "é"}'.encode("latin-1"), "not-utf-8"),
    _raw("UTF-16", '{"site": "x"}'.encode("utf-16"), "not-utf-8"),
    _raw("a byte order mark", b'\xef\xbb\xbf{"site": "x"}', "not-json"),
    _raw("a member twice", b'{"site": "a", "site": "b"}', "duplicate-member", "/site"),
    _raw("an inner member twice", b'{"a": [{"b": 1, "b": 1}]}', "duplicate-member", "/a/0/b"),
    _raw("NaN", b'{"site": NaN}', "not-a-number", "/site"),
    _raw("Infinity", b'{"site": -Infinity}', "not-a-number", "/site"),
    _raw("a number beyond all bounds", b'{"site": 1e999}', "not-a-number", "/site"),
    _raw("five thousand digits", b'{"site": ' + b"9" * 5000 + b"}", "number-too-long", "/site"),
    _raw("fifty digits", b'{"site": ' + b"9" * 50 + b"}", "number-too-long", "/site"),
    _raw("a fraction of fifty digits", b'{"site": 0.' + b"9" * 50 + b"}", "number-too-long", "/site"),
    _raw("half of a surrogate pair", b'{"site": "\\ud800"}', "broken-text", "/site"),
    _raw("a name of half a surrogate pair", b'{"\\udfff": 1}', "broken-text"),
    _raw("thirty levels", f'{{"site": {_DEEP}}}'.encode(), "too-deep"),
    _raw("a hundred thousand levels", b"[" * 100_000, "too-deep"),
    _raw("a zero byte outside of text", b'{"site": \x00}', "not-json"),
    _raw("a raw line break in text", b'{"site": "a\nb"}', "not-json"),
    # Bodies too large, of the wrong kind, missing or not asked for
    BadCall("a body too large", "POST /outcomes", b" " * 262_145, 413, "body-too-large", headers=KEY),
    BadCall("a draft too large", "PUT /outcomes/{draft}/draft", {"answers": {"x": "y" * 262_144}}, 413,
            "body-too-large"),
    BadCall("a PDF too large", "POST /verification", b"%" * (10 * 2**20 + 1), 413, "body-too-large", by=None),
    BadCall("a form", "POST /outcomes", b"id=1", 415, "unsupported-media-type",
            headers=KEY | {"Content-Type": "application/x-www-form-urlencoded"}),
    BadCall("plain text", "POST /outcomes", BEGIN, 415, "unsupported-media-type",
            headers=KEY | {"Content-Type": "text/plain"}),
    BadCall("another charset", "POST /outcomes", BEGIN, 415, "unsupported-media-type",
            headers=KEY | {"Content-Type": "application/json; charset=utf-16"}),
    BadCall("no media type", "POST /outcomes", BEGIN, 415, "unsupported-media-type",
            headers=KEY | {"Content-Type": ""}),
    BadCall("JSON to be verified", "POST /verification", {}, 415, "unsupported-media-type", by=None),
    BadCall("no body", "POST /outcomes", None, 422, "invalid", "", "missing", KEY),
    BadCall("null", "POST /outcomes", b"null", 422, "invalid", "", None, KEY),
    BadCall("a list", "POST /outcomes", [BEGIN], 422, "invalid", "", "wrong-type", KEY),
    BadCall("a text", "POST /outcomes", "begin", 422, "invalid", "", "wrong-type", KEY),
    BadCall("a body where none is taken", "POST /outcomes/{signed}/amendment", {"answers": {}}, 400,
            "body-not-expected", headers=KEY),
    BadCall("a body that asks to skip the limit", "POST /deliveries/{delivery}/retry", {"force": True}, 400,
            "body-not-expected"),
    BadCall("a body to a reading", "GET /me", {"a": 1}, 400, "body-not-expected"),
    # Beginning an outcome, and members that are the server's
    BadCall("no id", "POST /outcomes", {"site": "beacon-down"}, pointer="/id", problem="missing", headers=KEY),
    BadCall("no site", "POST /outcomes", {"id": BODY_ID}, pointer="/site", problem="missing", headers=KEY),
    _begin("an id that is none", {"id": "1"}, "/id", "wrong-format"),
    _begin("an id in braces", {"id": f"{{{BODY_ID}}}"}, "/id", "wrong-format"),
    _begin("an id as a URN", {"id": f"urn:uuid:{BODY_ID}"}, "/id", "wrong-format"),
    _begin("an id without hyphens", {"id": BODY_ID.replace("-", "")}, "/id", "wrong-format"),
    _begin("an id in Arabic-Indic digits", {"id": BODY_ID.replace("0", "٠")}, "/id", "wrong-format"),
    _begin("an id as a number", {"id": 7}, "/id", "wrong-type"),
    _begin("a null id", {"id": None}, "/id", "wrong-type"),
    _begin("a site as a number", {"site": 7}, "/site", "wrong-type"),
    _begin("a site that is not there", {"site": "nowhere"}, "/site", "unknown-site", code="unknown-site"),
    _begin("an empty site", {"site": ""}, "/site", "empty"),
    _begin("a site too long", {"site": "s" * 61}, "/site", "too-long"),
    _begin("a site with a zero byte", {"site": "beacon\u0000down"}, "/site", "refused-character"),
    _begin("another form", {"form": "other"}, "/form", "code-not-offered"),
    *[
        _begin(f"{name} of one's own", {name: value}, f"/{name}", "unknown-member")
        for name, value in {
            "reference": "7Q4K-2P", "author_id": BODY_ID, "begun_at": "2026-01-01T00:00:00Z", "state": "signed",
            "current_version": 9, "revision": 5, "answers": {}, "site_id": BODY_ID, "form_version": "9.9.9",
        }.items()
    ],
    BadCall("a site of others", "POST /outcomes", BEGIN, 404, "not-found", headers=KEY, by="priya.dunmore"),
    # Signing
    _sign("another surname", {"surname": "Harwood"}, "/surname", "differs", "wrong-child"),
    _sign("another date of birth", {"birth_date": "2019-03-15"}, "/birth_date", "differs", "wrong-child"),
    _sign("a surname as a number", {"surname": 1}, "/surname", "wrong-type"),
    _sign("a surname turned round", {"surname": "\u202edoowraM"}, "/surname", "refused-character"),
    _sign("a surname not in NFC", {"surname": "Jose\u0301"}, "/surname", "not-nfc"),
    _sign("a date of birth as a number", {"birth_date": 20190314}, "/birth_date", "wrong-type"),
    _sign("a date of birth that is none", {"birth_date": "2019-02-30"}, "/birth_date", "bad-date"),
    _sign("a date of birth in Arabic-Indic digits", {"birth_date": "٢٠١٩-٠٣-١٤"}, "/birth_date", "bad-date"),
    _sign("a date of birth with a time", {"birth_date": "2019-03-14T00:00:00"}, "/birth_date", "bad-date"),
    _sign("nought as a date of birth", {"birth_date": "0"}, "/birth_date", "bad-date"),
    _sign("a reason for what is no amendment", {"amendment_reason": "Typing"}, "/amendment_reason", "not-asked"),
    *[
        _sign(f"{name} of one's own in a signature", {name: value}, f"/{name}", "unknown-member")
        for name, value in {
            "signed_by": BODY_ID, "signed_at": "2020-01-01T00:00:00Z", "signer_name": "Dr Other", "number": 7,
            "content_sha256": "0" * 64, "formal_report_due": "2030-01-01", "recipients": [], "answers": {},
        }.items()
    ],
    BadCall("a signature without a body", "POST /outcomes/{draft}/versions", None, 422, "invalid", "", "missing",
            KEY | {"If-Match": '"2"'}),
    BadCall("a signature of nothing", "POST /outcomes/{signed}/versions", SIGN, 409, "already-signed",
            headers=KEY | {"If-Match": '"2"'}),
    BadCall("a signature by another", "POST /outcomes/{draft}/versions", SIGN, 404, "not-found",
            headers=KEY | {"If-Match": '"2"'}, by="tom.lyle"),
    # If-Match
    _save("no If-Match", {}, 428, "precondition-missing"),
    _save("a stale If-Match", {"If-Match": '"1"'}, 412, "stale-revision"),
    _save("an If-Match of the future", {"If-Match": '"3"'}, 412, "stale-revision"),
    _save("an If-Match that no draft had", {"If-Match": '"two"'}, 412, "stale-revision"),
    _save("a nought before the revision", {"If-Match": '"02"'}, 412, "stale-revision"),
    _save("an If-Match without quotation marks", {"If-Match": "2"}, 400, "wrong-precondition"),
    _save("a weak If-Match", {"If-Match": 'W/"2"'}, 400, "wrong-precondition"),
    _save("any If-Match", {"If-Match": "*"}, 400, "wrong-precondition"),
    _save("a choice of If-Match", {"If-Match": '"1", "2"'}, 400, "wrong-precondition"),
    _save("an empty If-Match", {"If-Match": ""}, 400, "wrong-precondition"),
    BadCall("a signature without If-Match", "POST /outcomes/{draft}/versions", SIGN, 428, "precondition-missing",
            headers=KEY),
    BadCall("a signature of a stale draft", "POST /outcomes/{draft}/versions", SIGN, 412, "stale-revision",
            headers=KEY | {"If-Match": '"1"'}),
    BadCall("a draft discarded without If-Match", "DELETE /outcomes/{draft}/draft", None, 428, "precondition-missing"),
    BadCall("a stale draft discarded", "DELETE /outcomes/{draft}/draft", None, 412, "stale-revision",
            headers={"If-Match": '"1"'}),
    BadCall("a team changed without If-Match", "PATCH /teams/beacon-duty", {"name": "x"}, 428, "precondition-missing",
            by="demo.admin"),
    BadCall("a stale team changed", "PATCH /teams/beacon-duty", {"name": "x"}, 412, "stale-revision",
            headers={"If-Match": '"0"'}, by="demo.admin"),
    # Idempotency-Key
    BadCall("no key", "POST /outcomes", BEGIN, 400, "idempotency-key-missing"),
    BadCall("an empty key", "POST /outcomes", BEGIN, 400, "wrong-parameter", headers={"Idempotency-Key": ""}),
    BadCall("a key too long", "POST /outcomes", BEGIN, 400, "wrong-parameter", headers={"Idempotency-Key": "k" * 256}),
    BadCall("a key with a space", "POST /outcomes", BEGIN, 400, "wrong-parameter", headers={"Idempotency-Key": "a b"}),
    BadCall("a key used for another body", "POST /outcomes", BEGIN, 422, "idempotency-key-reused",
            headers={"Idempotency-Key": "used"}),
    BadCall("no key for a signature", "POST /outcomes/{draft}/versions", SIGN, 400, "idempotency-key-missing",
            headers={"If-Match": '"2"'}),
    BadCall("no key for a withdrawal", "POST /outcomes/{signed}/withdrawal", WITHDRAW, 400, "idempotency-key-missing"),
    BadCall("no key for an amendment", "POST /outcomes/{signed}/amendment", None, 400, "idempotency-key-missing"),
]  # fmt: skip
