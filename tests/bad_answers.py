"""Answers that must be refused: what is changed in complete answers, the code, and where the problem is."""

from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class BadAnswer:
    """`value` put at `at` (a pointer below /answers) must give a problem of `code` there, or at `found`."""

    about: str
    at: str
    value: Any
    code: str
    found: str | None = None

    @property
    def pointer(self) -> str:
        return "/answers" + (self.at if self.found is None else self.found)


_NAME = "/child/surname"
_BORN = "/child/birth-date"
_NHS = "/child/nhs-number"
_START = "/examination/started-at"
_KILOS = "/examination/weight"
_FIRST = "/examination/injuries/0"
_STRANGER = "colin.ashe@harbour-council.example"
_ROW = "/sharing/recipients/0"

BAD_ANSWERS = [
    # Wrong types: nothing is converted
    BadAnswer("a number for a name", _NAME, 7, "wrong-type"),
    BadAnswer("true for a name", _NAME, True, "wrong-type"),
    BadAnswer("a list for a name", _NAME, ["Marwood"], "wrong-type"),
    BadAnswer("an object for a name", _NAME, {"family": "Marwood"}, "wrong-type"),
    BadAnswer("null for a name", _NAME, None, "wrong-type"),
    BadAnswer("a text for yes or no", "/child/address-confidential", "false", "wrong-type"),
    BadAnswer("nought for yes or no", "/child/address-confidential", 0, "wrong-type"),
    BadAnswer("a text for a weight", _KILOS, "23.8", "wrong-type"),
    BadAnswer("a weight with its unit", _KILOS, {"value": 23.8, "unit": "kg"}, "wrong-type"),
    BadAnswer("true for a weight", _KILOS, True, "wrong-type"),
    BadAnswer("a fraction for a count", "/consent/photographs/0/photo-count", 8.5, "wrong-type"),
    BadAnswer("a text for a count", "/consent/photographs/0/photo-count", "8", "wrong-type"),
    BadAnswer("a number for a date", _BORN, 20190314, "wrong-type"),
    BadAnswer("a number for a time", _START, 1795353300, "wrong-type"),
    BadAnswer("a code for a list of codes", "/episode/legal-status", "section-47", "wrong-type"),
    BadAnswer("a list for one code", "/child/sex", ["male"], "wrong-type"),
    BadAnswer("a number for a code", "/child/sex", 1, "wrong-type"),
    BadAnswer("an object for a list of rows", "/examination/injuries", {}, "wrong-type"),
    BadAnswer("a text for a row", _FIRST, "bruise", "wrong-type"),
    BadAnswer("a text for a section", "/child", "Leo", "wrong-type"),
    BadAnswer("a list for a section", "/child", [], "wrong-type"),
    # Codes that are not offered
    BadAnswer("a code that is not offered", "/child/sex", "boy", "code-not-offered"),
    BadAnswer("a code in capitals", "/child/sex", "MALE", "code-not-offered"),
    BadAnswer("a code with a space", "/child/sex", "male ", "code-not-offered"),
    BadAnswer("the words instead of the code", "/opinion/overall-likelihood", "Very likely", "code-not-offered"),
    BadAnswer("a likelihood that is no level", "/opinion/overall-likelihood", "L6", "code-not-offered"),
    BadAnswer("an opinion on one injury as if none were seen", f"{_FIRST}/injury-likelihood", "L0", "code-not-offered"),
    BadAnswer("an empty code", "/child/sex", "", "code-not-offered"),
    BadAnswer(
        "one wrong code among right ones",
        "/consent/consent-told",
        ["purpose", "all"],
        "code-not-offered",
        "/consent/consent-told/1",
    ),
    BadAnswer("a code twice", "/episode/concern-source", ["school", "school"], "repeated-answer"),
    BadAnswer("'none' among others", "/episode/legal-status", ["none", "section-47"], "exclusive-answer"),
    # Dates and times that do not exist, or are written in another way
    BadAnswer("the thirtieth of February", _BORN, "2019-02-30", "bad-date"),
    BadAnswer("a leap day in a common year", _BORN, "2019-02-29", "bad-date"),
    BadAnswer("month 13", _BORN, "2019-13-01", "bad-date"),
    BadAnswer("day 0", _BORN, "2019-03-00", "bad-date"),
    BadAnswer("a British date", _BORN, "14/03/2019", "bad-date"),
    BadAnswer("a date without hyphens", _BORN, "20190314", "bad-date"),
    BadAnswer("a date with a time", _BORN, "2019-03-14T00:00:00Z", "bad-date"),
    BadAnswer("nought as a date", _BORN, "0", "bad-date"),
    BadAnswer("an empty date", _BORN, "", "bad-date"),
    BadAnswer("a week date", _BORN, "2019-W11-4", "bad-date"),
    BadAnswer("a date in Arabic-Indic digits", _BORN, "٢٠١٩-٠٣-١٤", "bad-date"),
    BadAnswer("a date in full-width digits", _BORN, "２０１９-０３-１４", "bad-date"),
    BadAnswer("a date with a space behind it", _BORN, "2019-03-14 ", "bad-date"),
    BadAnswer("the year 1066", _BORN, "1066-10-14", "out-of-range"),
    BadAnswer("a time without its offset", _START, "2026-11-22T13:15:00", "bad-date-time"),
    BadAnswer("a time without seconds", _START, "2026-11-22T13:15+00:00", "bad-date-time"),
    BadAnswer("a date where a time is asked", _START, "2026-11-22", "bad-date-time"),
    BadAnswer("twenty-five o'clock", _START, "2026-11-22T25:00:00+00:00", "bad-date-time"),
    BadAnswer("a minute 61", _START, "2026-11-22T13:61:00+00:00", "bad-date-time"),
    BadAnswer("an offset of 99 hours", _START, "2026-11-22T13:15:00+99:00", "bad-date-time"),
    # Numbers out of range
    BadAnswer("a weight of nothing", _KILOS, 0, "out-of-range"),
    BadAnswer("a negative weight", _KILOS, -23.8, "out-of-range"),
    BadAnswer("the weight of a car", _KILOS, 1200, "out-of-range"),
    BadAnswer("a huge whole number", _KILOS, 10**39, "out-of-range"),
    BadAnswer("a huge number", _KILOS, 1e300, "out-of-range"),
    BadAnswer("a mark beside the body", f"{_FIRST}/injury-x", 1.01, "out-of-range"),
    BadAnswer("a hundredth mark", f"{_FIRST}/injury-number", 100, "out-of-range"),
    BadAnswer("no photographs, counted", "/consent/photographs/0/photo-count", 0, "out-of-range"),
    # NHS numbers
    BadAnswer("a wrong check digit", _NHS, "9990002372", "nhs-number"),
    BadAnswer("nine digits", _NHS, "999000237", "nhs-number"),
    BadAnswer("digits in threes", _NHS, "999 000 2371", "too-long"),
    BadAnswer("an NHS number in Arabic-Indic digits", _NHS, "٩٩٩٠٠٠٢٣٧١", "nhs-number"),
    BadAnswer("an NHS number as a number", _NHS, 9990002371, "wrong-type"),
    # Texts
    BadAnswer("an empty name", _NAME, "", "empty"),
    BadAnswer("a name of spaces", _NAME, "   ", "empty"),
    BadAnswer("a name too long", _NAME, "M" * 301, "too-long"),
    BadAnswer("a text too long", "/history/background", "x" * 5001, "too-long"),
    BadAnswer("a reason too long for the page", "/opinion/opinion-reason", "x" * 1201, "too-long"),
    BadAnswer("a text of too many lines", "/history/background", "a\n" * 500, "too-many-lines"),
    BadAnswer("a zero byte", _NAME, "Mar\u0000wood", "refused-character"),
    BadAnswer("an escape character", _NAME, "Mar\u001b[31mwood", "refused-character"),
    BadAnswer("a line break in a name", _NAME, "Mar\nwood", "refused-character"),
    BadAnswer("a carriage return in a text", "/history/background", "one\rtwo", "refused-character"),
    BadAnswer("a delete character", _NAME, "Marwood\u007f", "refused-character"),
    BadAnswer("a right-to-left override", _NAME, "Mar\u202edoow", "refused-character"),
    BadAnswer("a bidirectional isolate", "/history/background", "a\u2066b\u2069", "refused-character"),
    BadAnswer("a zero-width space", _NAME, "Mar\u200bwood", "refused-character"),
    BadAnswer("a byte order mark in a name", _NAME, "\ufeffMarwood", "refused-character"),
    BadAnswer("a private-use character", _NAME, "Mar\ue000wood", "refused-character"),
    BadAnswer("a line separator", "/history/background", "one\u2028two", "refused-character"),
    BadAnswer("letters and accents apart", _NAME, "Jose\u0301", "not-nfc"),
    BadAnswer("a registration of letters", "/examination/examined-by/examiner-gmc", "ABCDEFG", "bad-format"),
    BadAnswer("a linked reference that is none", "/episode/linked-outcomes", [
        {"linked-reference": "12", "linked-relation": "sibling"}
    ], "bad-format", "/episode/linked-outcomes/0/linked-reference"),
    # Members that are not there, not asked, or not the client's
    BadAnswer("an unknown section", "/photos", {}, "unknown-member"),
    BadAnswer("an unknown question", "/child/nickname", "Lee", "unknown-member"),
    BadAnswer("a question in the wrong section", "/history/surname", "Marwood", "unknown-member"),
    BadAnswer("an unknown member with a slash", "/child/a~1b", "x", "unknown-member"),
    BadAnswer("the age of a bruise", f"{_FIRST}/injury-age", "2 days", "unknown-member"),
    BadAnswer("a reference of one's own", "/episode/reference", "7Q4K-2P", "read-only"),
    BadAnswer("a signer of one's own", "/sharing/signer", "Dr Other", "read-only"),
    BadAnswer("a time of signature of one's own", "/sharing/signed-at", "2026-11-22T13:15:00+00:00", "read-only"),
    BadAnswer("a version of one's own", "/sharing/version", "9", "read-only"),
    BadAnswer("a due date of one's own", "/opinion/formal-report-due", "2026-12-24", "read-only"),
    BadAnswer("why a number is missing that is there", "/child/nhs-number-absent", "not-known", "hidden-question"),
    BadAnswer("advice on a refusal that was none", "/consent/refusal-advice", "Told", "hidden-question"),
    BadAnswer("a redirection that was none", "/recommendations/redirect", {}, "hidden-question"),
    BadAnswer("why there is no opinion that is there", "/opinion/no-opinion-reason", "redirected", "hidden-question"),
    BadAnswer("evidence of neglect that was not found", "/opinion/neglect-evidence", ["cold"], "hidden-question"),
    BadAnswer("why there is no chaperone who was there", "/consent/chaperone-reason", "none", "hidden-question"),
    BadAnswer("an interpreter who was not needed", "/child/interpreter-reference", "R 12", "hidden-question"),
    BadAnswer("an empty list", "/examination/injuries", [], "empty"),
    BadAnswer("too many rows", "/episode/linked-outcomes", [
        {"linked-reference": "7Q4K-2P", "linked-relation": "sibling"}
    ] * 101, "too-many-rows"),
    # The directory
    BadAnswer("a recipient team that is not there", f"{_ROW}/recipient-team", "nobody-duty", "unknown-team"),
    BadAnswer("a person of another team", f"{_ROW}/recipient-person", _STRANGER, "not-a-member"),
    BadAnswer("a team of another role", f"{_ROW}/recipient-role", "gp", "wrong-role"),
    BadAnswer("a recipient role that is none", f"{_ROW}/recipient-role", "parent", "code-not-offered"),
]  # fmt: skip
