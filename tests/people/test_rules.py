"""What addresses and numbers must look like."""

import pytest

from app.errors import DomainError
from app.people import rules


@pytest.mark.parametrize("email", ["duty@meon-council.example", "o'neil+x@a.b.example", "a@b-c.example"])
def test_an_address_of_the_usual_shape_is_taken(email: str) -> None:
    assert rules.problems_in_email(email, "/email") == []


@pytest.mark.parametrize(
    "email",
    [
        "",
        "a",
        "a@b",
        "a b@c.example",
        "a@b.example\nBcc: x@y.example",
        "A@b.example",
        "a@-b.example",
        "a@b..example",
        f"{'a' * 65}@b.example",
        f"a@{'b' * 60}.{'c' * 60}.{'d' * 60}.{'e' * 60}.{'f' * 20}.example",
        "ä@b.example",
    ],
)
def test_an_address_that_mail_could_not_reach_is_refused(email: str) -> None:
    assert [problem.pointer for problem in rules.problems_in_email(email, "/email")] == ["/email"]


@pytest.mark.parametrize(("ods_code", "is_right"), [("RHM", True), ("ZZB01", True), ("rhm", False), ("R1", False)])
def test_an_ods_code_is_capitals_and_digits(ods_code: str, is_right: bool) -> None:
    assert (rules.problems_in_ods_code(ods_code, "/ods_code") == []) is is_right


@pytest.mark.parametrize(
    ("body", "number", "is_right"),
    [
        (None, None, True),
        ("GMC", "9900001", True),
        ("GMC", "990000", False),
        ("GMC", "٩٩٠٠٠٠١", False),
        ("GMC", "C9900001", False),
        ("SWE", "SW999901", True),
        ("SWE", "sw1234", True),
        ("SWE", "SW0123", False),
        ("SWE", "SW1234567", False),
        ("NMC", "12A3456E", True),
        ("NMC", "12A3456", False),
        ("HCPC", "1", False),
        ("GMC", None, False),
        (None, "9900001", False),
    ],
)
def test_a_registration_has_the_shape_its_body_gives(body: str | None, number: str | None, is_right: bool) -> None:
    assert (rules.problems_in_registration(body, number) == []) is is_right


@pytest.mark.parametrize(
    ("url", "secret", "codes"),
    [
        (None, None, []),
        ("https://hooks.meon-council.example/in", "whsec_" + "A" * 32, []),
        ("http://127.0.0.1:8099/in", "whsec_" + "A" * 32, []),
        ("http://hooks.meon-council.example/in", "whsec_" + "A" * 32, ["not-encrypted"]),
        ("ftp://hooks.meon-council.example", "whsec_" + "A" * 32, ["wrong-format"]),
        ("https://[::1", "whsec_" + "A" * 32, ["wrong-format"]),
        ("https://hooks.meon-council.example/in", None, ["wrong-format"]),
        ("https://hooks.meon-council.example/in", "whsec_short", ["wrong-format"]),
        (None, "whsec_" + "A" * 32, ["missing"]),
    ],
)
def test_a_webhook_is_encrypted_and_has_a_secret(url: str | None, secret: str | None, codes: list[str]) -> None:
    assert [problem.code for problem in rules.problems_in_webhook(url, secret)] == codes


def test_a_team_that_nothing_could_reach_is_refused() -> None:
    rules.check_has_channel("duty@meon-council.example", None)
    rules.check_has_channel(None, "https://hooks.meon-council.example")
    with pytest.raises(DomainError, match="no-channel"):
        rules.check_has_channel(None, None)
