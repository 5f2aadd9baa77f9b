"""More calls that must be refused: what is signed, deliveries, addresses, parameters, methods, administration."""

from typing import Any

from bad_calls import BEGIN, BODY_ID, KEY, SIGN, WITHDRAW, BadCall

_TEAM = {"organisation": "meon-council", "code": "new-team", "name": "New", "role": "gp"}
_INBOX = {"inbox_email": "a@b.example"}


def _get(about: str, path: str, status: int = 404, code: str = "not-found", **more: Any) -> BadCall:
    return BadCall(about, f"GET {path}", None, status, code, **more)


def _admin(about: str, path: str, body: dict[str, Any], pointer: str, problem: str, code: str = "invalid") -> BadCall:
    return BadCall(about, f"POST {path}", body, 422, code, pointer, problem, KEY, "demo.admin")


MORE_BAD_CALLS = [
    # Saving
    BadCall("a draft without answers", "PUT /outcomes/{draft}/draft", {}, pointer="/answers", problem="missing",
            headers={"If-Match": '"2"'}),
    BadCall("answers as a list", "PUT /outcomes/{draft}/draft", {"answers": []}, pointer="/answers",
            problem="wrong-type", headers={"If-Match": '"2"'}),
    BadCall("null answers", "PUT /outcomes/{draft}/draft", {"answers": None}, pointer="/answers",
            problem="wrong-type", headers={"If-Match": '"2"'}),
    *[
        BadCall(f"{name} of one's own in a draft", "PUT /outcomes/{draft}/draft", {"answers": {}, name: value},
                pointer=f"/{name}", problem="unknown-member", headers={"If-Match": '"2"'})
        for name, value in {
            "revision": 9, "saved_by": BODY_ID, "amends_number": 1, "form_version": "2.0.0", "saved_at": "now",
        }.items()
    ],
    BadCall("a draft of another", "PUT /outcomes/{draft}/draft", {"answers": {}}, 404, "not-found",
            headers={"If-Match": '"2"'}, by="tom.lyle"),
    BadCall("a draft of what is signed", "PUT /outcomes/{signed}/draft", {"answers": {}}, 404, "no-draft",
            headers={"If-Match": '"2"'}),
    # Withdrawing, amending, the full report
    BadCall("a reason code that is none", "POST /outcomes/{signed}/withdrawal", WITHDRAW | {"reason_code": "typo"},
            pointer="/reason_code", problem="code-not-offered", headers=KEY),
    BadCall("a withdrawal without reason", "POST /outcomes/{signed}/withdrawal", WITHDRAW | {"reason": " "},
            pointer="/reason", problem="empty", headers=KEY),
    BadCall("a reason too long", "POST /outcomes/{signed}/withdrawal", WITHDRAW | {"reason": "x" * 2001},
            pointer="/reason", problem="too-long", headers=KEY),
    BadCall("a withdrawal of another child", "POST /outcomes/{signed}/withdrawal", WITHDRAW | {"surname": "Other"},
            422, "wrong-child", "/surname", "differs", KEY),
    BadCall("a withdrawer of one's own", "POST /outcomes/{signed}/withdrawal", WITHDRAW | {"withdrawn_by": BODY_ID},
            pointer="/withdrawn_by", problem="unknown-member", headers=KEY),
    BadCall("a withdrawal by a reader", "POST /outcomes/{signed}/withdrawal", WITHDRAW, 404, "not-found", headers=KEY,
            by="priya.dunmore"),
    BadCall("a withdrawal of a draft", "POST /outcomes/{draft}/withdrawal", WITHDRAW, 409, "not-signed", headers=KEY),
    BadCall("a second withdrawal", "POST /outcomes/{withdrawn}/withdrawal", WITHDRAW, 409, "already-withdrawn",
            headers=KEY),
    BadCall("an amendment of a draft", "POST /outcomes/{draft}/amendment", None, 409, "not-signed", headers=KEY),
    BadCall("an amendment of what was taken back", "POST /outcomes/{withdrawn}/amendment", None, 410,
            "outcome-withdrawn", headers=KEY),
    BadCall("a report issued in the future", "PUT /outcomes/{signed}/formal-report", {"issued_on": "2199-01-01"},
            pointer="/issued_on", problem="in-the-future"),
    BadCall("a report issued before the outcome", "PUT /outcomes/{signed}/formal-report", {"issued_on": "2020-01-01"},
            pointer="/issued_on", problem="too-early"),
    BadCall("a report on no day", "PUT /outcomes/{signed}/formal-report", {"issued_on": None},
            pointer="/issued_on", problem="wrong-type"),
    BadCall("a report of a draft", "PUT /outcomes/{draft}/formal-report", {"issued_on": "2026-11-23"}, 409,
            "not-signed"),
    # Deliveries
    BadCall("an acknowledgement of nothing", "POST /deliveries/{delivery}/acknowledgement", {}, 404, "not-found"),
    BadCall("a helpfulness that is none", "POST /deliveries/{delivery}/acknowledgement", {"helpfulness": "a lot"},
            pointer="/helpfulness", problem="code-not-offered"),
    BadCall("a note too long", "POST /deliveries/{delivery}/acknowledgement", {"note": "x" * 2001},
            pointer="/note", problem="too-long"),
    BadCall("a note with a bell", "POST /deliveries/{delivery}/not-mine", {"note": "\u0007"},
            pointer="/note", problem="refused-character"),
    BadCall("another's acknowledgement", "POST /deliveries/{delivery}/acknowledgement", {"acknowledged_by": BODY_ID},
            pointer="/acknowledged_by", problem="unknown-member"),
    BadCall("a retry of nothing", "POST /deliveries/{delivery}/retry", None, 404, "not-found"),
    # Ids and addresses
    _get("a reference that is none", "/outcomes/hello"),
    _get("a reference in small letters", "/outcomes/7q4k-2p"),
    _get("a reference with a zero byte", "/outcomes/7Q4K-2P%00"),
    _get("a reference in broken UTF-8", "/outcomes/%ff%fe"),
    _get("a reference of ten thousand letters", "/outcomes/" + "A" * 10_000),
    _get("a path that climbs", "/outcomes/..%2f..%2fme"),
    _get("an injection", "/outcomes/7Q4K-2P'%20OR%20'1'='1"),
    _get("version nought", "/outcomes/{signed}/versions/0"),
    _get("a negative version", "/outcomes/{signed}/versions/-1"),
    _get("a version that is not there", "/outcomes/{signed}/versions/2"),
    _get("a version beyond all bounds", "/outcomes/{signed}/versions/99999999999999999999"),
    _get("a version in Arabic-Indic digits", "/outcomes/{signed}/versions/١"),
    _get("a version with a point", "/outcomes/{signed}/versions/1.0"),
    _get("a form that is not there", "/forms/cp-medical-outcome/9.9.9", code="form-unknown"),
    _get("a form version that is none", "/forms/cp-medical-outcome/latest"),
    _get("an unknown address", "/nothing"),
    _get("a slash too many", "/me/"),
    _get("the pages of the framework", "/docs"),
    # Parameters
    _get("a limit of nought", "/outcomes?limit=0", 400, "wrong-parameter"),
    _get("a limit too large", "/outcomes?limit=101", 400, "wrong-parameter"),
    _get("a negative limit", "/outcomes?limit=-1", 400, "wrong-parameter"),
    _get("a limit in words", "/outcomes?limit=ten", 400, "wrong-parameter"),
    _get("a limit with an underscore", "/outcomes?limit=1_0", 400, "wrong-parameter"),
    _get("a limit in Arabic-Indic digits", "/outcomes?limit=٥", 400, "wrong-parameter"),
    _get("a state that is none", "/outcomes?state=lost", 400, "wrong-parameter"),
    _get("a cursor that is none", "/outcomes?after=first", 400, "wrong-parameter"),
    _get("a cursor of an outcome of others", "/outcomes?after=AZqyw____3CAgAAAAAAAAA", 422, "invalid"),
    _get("a cursor with a zero byte", "/inbox?after=%00", 400, "wrong-parameter"),
    _get("an inbox of none", "/inbox?state=read", 400, "wrong-parameter"),
    _get("an audit of everything", "/audit", 400, "wrong-parameter", by="demo.admin"),
    _get("an audit of an injection", "/audit?object_id='%20OR%20''='", 400, "wrong-parameter", by="demo.admin"),
    # Methods
    BadCall("a POST to a reading", "POST /me", None, 405, "method-not-allowed"),
    BadCall("a DELETE of an outcome", "DELETE /outcomes/{signed}", None, 405, "method-not-allowed"),
    BadCall("a PUT over a version", "PUT /outcomes/{signed}/versions/1", {}, 405, "method-not-allowed"),
    BadCall("a PATCH of a version", "PATCH /outcomes/{signed}/versions/1", {}, 405, "method-not-allowed"),
    BadCall("a TRACE", "TRACE /me", None, 405, "method-not-allowed"),
    BadCall("a method of one's own", "STEAL /me", None, 405, "method-not-allowed"),
    # Nobody, and administrators
    BadCall("nobody begins", "POST /outcomes", BEGIN, 401, "not-signed-in", headers=KEY, by=None),
    BadCall("nobody signs", "POST /outcomes/{draft}/versions", SIGN, 401, "not-signed-in",
            headers=KEY | {"If-Match": '"2"'}, by=None),
    BadCall("a clinician adds a team", "POST /teams", {"code": "x"}, 404, "not-found", headers=KEY),
    _admin("a team that nothing reaches", "/teams",
           _TEAM, "/inbox_email", "missing", "no-channel"),
    _admin("a team of an unknown role", "/teams",
           _TEAM | _INBOX | {"role": "spy"}, "/role", "not-offered"),
    _admin("a team of nobody", "/teams",
           _TEAM | _INBOX | {"organisation": "none"}, "/organisation", "unknown-organisation", "unknown-organisation"),
    _admin("a plain webhook", "/teams",
           _TEAM | {"webhook_url": "http://meon.example/x", "webhook_secret": "whsec_" + "A" * 32}, "/webhook_url",
           "not-encrypted"),
    _admin("an account with two addresses", "/accounts",
           {"organisation": "meon-council", "email": "a@b.example, c@d.example", "name": "A"}, "/email",
           "wrong-format"),
    _admin("an account that is its own administrator", "/accounts",
           {"organisation": "meon-council", "email": "a@b.example", "name": "A", "roles": ["administrator"]}, "/roles",
           "unknown-member"),
    _admin("an organisation with a wrong ODS code", "/organisations", {"code": "o", "name": "O", "ods_code": "ø"},
           "/ods_code", "wrong-format"),
    _admin("an organisation with an id of its own", "/organisations", {"code": "o", "name": "O", "id": BODY_ID}, "/id",
           "unknown-member"),
    _admin("a site with a wrong policy", "/sites",
           {"organisation": "meon-council", "code": "s", "name": "S", "policy": {"clock": 1}}, "/policy/clock",
           "wrong-value", "invalid-policy"),
    BadCall("a token for ever", "POST /accounts/{account}/tokens", {"label": "x", "days": 10**9},
            pointer="/days", problem="out-of-range", by="demo.admin"),
    BadCall("a token for days in words", "POST /accounts/{account}/tokens", {"label": "x", "days": "90"},
            pointer="/days", problem="wrong-type", by="demo.admin"),
    BadCall("a token of one's own making", "POST /accounts/{account}/tokens", {"label": "x", "token": "sd_1"},
            pointer="/token", problem="unknown-member", by="demo.admin"),
    BadCall("a token for nobody", "POST /accounts/{delivery}/tokens", {"label": "x"}, 404, "not-found",
            by="demo.admin"),
    BadCall("a role that is none", "POST /accounts/{account}/roles", {"role": "king"}, pointer="/role",
            problem="not-offered", headers=KEY, by="demo.admin"),
    BadCall("a team that is not there", "POST /accounts/{account}/memberships", {"team": "none"}, 422, "unknown-team",
            "/team", "unknown-team", KEY, "demo.admin"),
    BadCall("a token that is not there", "DELETE /tokens/{delivery}", None, 404, "unknown-token", by="demo.admin"),
]  # fmt: skip
