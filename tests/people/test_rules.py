"""Who may do what, and what addresses and numbers must look like."""

from uuid import UUID

import pytest

from app.errors import DomainError
from app.people import rules
from app.people.rules import Actor, Denied

SITE = UUID(int=1)
OTHER_SITE = UUID(int=2)


def actor(*roles: tuple[str, UUID | None]) -> Actor:
    return Actor(UUID(int=9), "Dr Asha Kerrin", "a@b.example", None, None, UUID(int=8), frozenset(), frozenset(roles))


def test_a_role_at_one_site_holds_there_and_nowhere_else() -> None:
    clinician = actor(("clinician", SITE))
    assert rules.has_role(clinician, "clinician", SITE)
    assert not rules.has_role(clinician, "clinician", OTHER_SITE)
    assert not rules.has_role(clinician, "clinician")
    assert not rules.has_role(clinician, "site-lead", SITE)


def test_a_role_everywhere_holds_at_each_site() -> None:
    officer = actor(("privacy-officer", None))
    assert rules.has_role(officer, "privacy-officer", SITE)
    assert rules.has_role(officer, "privacy-officer")


def test_only_those_who_choose_recipients_or_keep_the_list_read_the_directory() -> None:
    assert rules.can_read_directory(actor(("clinician", SITE)))
    assert rules.can_read_directory(actor(("administrator", None)))
    assert not rules.can_read_directory(actor(("evaluator", None), ("site-lead", SITE)))


def test_who_is_no_administrator_is_refused_with_the_facts_for_the_audit() -> None:
    rules.check_administrator(None, "add-team")
    rules.check_administrator(actor(("administrator", None)), "add-team")
    with pytest.raises(Denied) as caught:
        rules.check_administrator(actor(("administrator", SITE)), "add-team")
    assert (caught.value.code, caught.value.action, caught.value.actor_id) == ("not-found", "add-team", UUID(int=9))


def test_an_administrator_leaves_their_own_account_to_others() -> None:
    administrator = actor(("administrator", None))
    rules.check_not_own(administrator, UUID(int=10), "give-role")
    rules.check_not_own(None, UUID(int=9), "give-role")
    with pytest.raises(Denied) as caught:
        rules.check_not_own(administrator, UUID(int=9), "give-role")
    assert (caught.value.action, caught.value.object_id) == ("give-role", str(UUID(int=9)))


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
