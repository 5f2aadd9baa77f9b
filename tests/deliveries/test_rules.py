"""What may follow what, how long we wait, and what a notice says."""

from datetime import timedelta
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.deliveries import rules
from app.errors import DomainError

ID = UUID("01890000-0000-7000-8000-000000000001")


def test_no_status_leads_back_to_queued_except_by_a_person() -> None:
    assert rules.predecessors("queued") == {"dead", "bounced"}


def test_a_mailbox_may_return_what_it_took() -> None:
    assert "delivered" in rules.predecessors("bounced")
    assert "sent" in rules.predecessors("bounced")


def test_what_was_cancelled_stays_cancelled() -> None:
    assert all("cancelled" not in rules.predecessors(status) for status in rules.MAY_BECOME)


@pytest.mark.parametrize("status", ["sent", "dead", "cancelled"])
def test_only_what_waits_is_settled(status: str) -> None:
    assert rules.predecessors(status) == {"queued"}


def test_the_first_try_is_at_once_and_the_last_after_two_days() -> None:
    assert rules.wait_before(1) == timedelta()
    total = sum(rules.BACK_OFF, timedelta())
    assert timedelta(hours=47) < total < timedelta(hours=49)


def test_after_the_last_try_a_person_must_look() -> None:
    assert rules.wait_before(len(rules.BACK_OFF)) is not None
    assert rules.wait_before(len(rules.BACK_OFF) + 1) is None


@given(st.integers(1, len(rules.BACK_OFF)), st.integers(0, 10**9))
def test_a_wait_that_is_asked_for_lengthens_ours_up_to_four_hours(number: int, seconds: int) -> None:
    asked = timedelta(seconds=seconds)
    wait = rules.wait_before(number, asked=asked)
    assert wait is not None
    assert wait >= rules.BACK_OFF[number - 1]
    assert wait >= min(asked, timedelta(hours=4))
    assert wait <= max(rules.BACK_OFF[number - 1], timedelta(hours=4))


def test_a_notice_says_its_fixed_words_and_nothing_else() -> None:
    payload = rules.payload_of(rules.Letterhead("Sameday", "https://sameday.example/"), "7Q4K-2P")
    notice = rules.notification_of(ID, "duty@meon.example", payload, None)
    assert notice.subject == "You have a new document in Sameday"
    assert notice.text == (
        "You have a new document in Sameday. Reference 7Q4K-2P. Sign in to read it.\n\n"
        "https://sameday.example/outcomes/7Q4K-2P\n"
    )


def test_an_answer_of_the_recipient_is_one_of_three() -> None:
    for word in (None, "very", "partly", "not"):
        rules.check_helpfulness(word)
    with pytest.raises(DomainError, match="unknown-helpfulness") as caught:
        rules.check_helpfulness("extremely")
    assert [problem.pointer for problem in caught.value.problems] == ["/helpfulness"]


def test_a_note_has_at_most_two_thousand_characters() -> None:
    rules.check_note("n" * 2000)
    with pytest.raises(DomainError, match="note-too-long") as caught:
        rules.check_note("n" * 2001)
    assert [problem.pointer for problem in caught.value.problems] == ["/note"]


@pytest.mark.parametrize("status", ["sent", "delivered", "cancelled"])
def test_what_has_arrived_is_not_sent_again(status: str) -> None:
    with pytest.raises(DomainError, match="delivery-not-waiting"):
        rules.check_may_retry(status)
