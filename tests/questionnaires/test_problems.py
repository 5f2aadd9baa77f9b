"""What is wrong with answers, what is missing, and what is fine."""

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import pytest

from app.errors import DomainError
from app.questionnaires import Form, load_forms, problems_in, warnings_in

Answers = dict[str, Any]
Found = Callable[..., list[tuple[str, str]]]
EVENING = datetime(2026, 6, 1, 18, 0, tzinfo=UTC)


def test_complete_answers_have_no_problem(answers: Answers, found: Found) -> None:
    assert found(answers, now=EVENING) == []


def test_an_empty_draft_is_fine_and_an_empty_outcome_lacks_answers(found: Found) -> None:
    assert found({}, complete=False) == []
    problems = found({})
    assert {code for _, code in problems} == {"missing"}
    assert ("/child/surname", "missing") in problems
    assert ("/examination/examined-by/examiner-name", "missing") in problems
    assert ("/sharing/recipients", "missing") in problems


def test_a_question_without_answer_asks_for_it_or_for_the_reason(answers: Answers, form: Form) -> None:
    del answers["examination"]["weight"]
    [problem] = problems_in(form, answers, complete=True)
    assert problem.pointer == "/examination/weight-absent"
    assert problem.sentence == "Answer “Weight”, or say here why it is missing."


def test_a_list_without_rows_asks_for_a_row_or_for_the_reason(answers: Answers, form: Form) -> None:
    del answers["history"]["household"]
    [problem] = problems_in(form, answers, complete=True)
    assert problem.pointer == "/history/household-absent"
    assert problem.sentence == "Add a row to “Household and other people who matter”, or say here why there is none."


def test_the_reason_is_the_way_out(answers: Answers, found: Found) -> None:
    del answers["examination"]["weight"]
    answers["examination"] |= {"weight-absent": "not-done", "weight-absent-reason": "Would not stand still"}
    assert found(answers) == []


def test_an_answer_and_the_reason_for_its_absence_exclude_each_other(answers: Answers, form: Form) -> None:
    answers["child"]["nhs-number-absent"] = "not-known"
    [problem] = problems_in(form, answers, complete=False)
    assert (problem.pointer, problem.code) == ("/child/nhs-number-absent", "hidden-question")
    assert "asked only when “NHS number” has no answer" in problem.sentence


@pytest.mark.parametrize(
    ("section", "member", "value"),
    [
        ("consent", "competence-note", "Understands well"),
        ("consent", "photo-purpose", "Teaching"),
        ("opinion", "what-would-settle", "A scan"),
        ("opinion", "neglect-evidence", ["Head lice"]),
        ("recommendations", "early-help-level", "Level 3"),
        ("recommendations", "redirect", {"redirect-to": "SARC"}),
        ("examination", "seen-without-examination", "A cut lip"),
        ("episode", "examined-where-other", "At home"),
    ],
)
def test_a_hidden_question_keeps_no_answer(
    answers: Answers, found: Found, section: str, member: str, value: Any
) -> None:
    answers[section][member] = value
    assert found(answers, complete=False) == [(f"/{section}/{member}", "hidden-question")]


@pytest.mark.parametrize(
    ("section", "member", "value"),
    [
        ("episode", "reference", "7Q4K-2P"),
        ("opinion", "formal-report-due", "2026-06-20"),
        ("sharing", "signer", "Dr Asha Kerrin"),
        ("sharing", "version", "1"),
        ("opinion", "no-injury-footer", "text"),
    ],
)
def test_what_the_server_fills_is_refused(
    answers: Answers, found: Found, section: str, member: str, value: Any
) -> None:
    answers[section][member] = value
    assert found(answers, complete=False) == [(f"/{section}/{member}", "read-only")]


def test_an_unknown_member_is_named_with_its_escaped_pointer(found: Found) -> None:
    assert found({"child": {"shoe/size~": 1}}, complete=False) == [("/child/shoe~1size~0", "unknown-member")]


def test_a_question_in_the_wrong_section_is_told_its_place(form: Form) -> None:
    [problem] = problems_in(form, {"child": {"weight": 20}}, complete=False)
    assert (problem.code, problem.sentence) == (
        "unknown-member",
        "“Weight” does not stand here: its place is /examination.",
    )


@pytest.mark.parametrize("wrong", [None, [], "", 0, True, 1.5, "text", [{}]])
def test_answers_that_are_no_object_are_refused(found: Found, wrong: Any) -> None:
    assert found(wrong, complete=False) == [("", "wrong-type")]
    assert found({"child": wrong}, complete=False) == [("/child", "wrong-type")]


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("section-47", ("/episode/legal-status", "wrong-type")),
        ([], ("/episode/legal-status", "empty")),
        (["section-47", "section-47"], ("/episode/legal-status", "repeated-answer")),
        (["section-47", "none"], ("/episode/legal-status", "exclusive-answer")),
        (["section-99"], ("/episode/legal-status/0", "code-not-offered")),
        (["section-47", 47], ("/episode/legal-status/1", "wrong-type")),
        (["section-20"] * 101, ("/episode/legal-status", "too-many-rows")),
    ],
)
def test_a_list_of_codes_is_checked_whole_and_one_by_one(found: Found, value: Any, expected: tuple[str, str]) -> None:
    assert found({"episode": {"legal-status": value}}, complete=False) == [expected]


def test_a_hundred_rows_are_enough(found: Found) -> None:
    row = {"household-name": "A", "household-relation": "aunt"}
    assert found({"history": {"household": [row] * 100}}, complete=False) == []
    assert found({"history": {"household": [row] * 101}}, complete=False) == [("/history/household", "too-many-rows")]


def test_all_texts_together_have_a_limit(found: Found) -> None:
    row = {"account-by": "mother", "account-words": "a" * 5000}
    assert found({"history": {"carer-accounts": [row] * 11}}, complete=False) == []
    assert found({"history": {"carer-accounts": [row] * 12}}, complete=False) == [("", "document-too-long")]


def test_a_flood_of_problems_is_cut_short(found: Found) -> None:
    assert len(found({f"x{number}": 1 for number in range(5000)}, complete=False)) == 300


@pytest.mark.parametrize(
    "number", ["9990002372", "999 000 2371", "999000237", "٩٩٩٠٠٠٢٣٧١", "1111111111", "0000000000", "999000237x"]
)
def test_an_nhs_number_is_ten_ascii_digits_that_pass_modulus_11(found: Found, number: str) -> None:
    problems = found({"child": {"nhs-number": number}}, complete=False)
    assert problems in ([("/child/nhs-number", "nhs-number")], [("/child/nhs-number", "too-long")])


def test_an_nhs_number_is_never_a_number(found: Found) -> None:
    assert found({"child": {"nhs-number": 9990002371}}, complete=False) == [("/child/nhs-number", "wrong-type")]


def test_the_examination_ends_after_it_starts_whatever_the_offsets(answers: Answers, found: Found) -> None:
    answers["examination"]["ended-at"] = "2026-06-01T13:20:00Z"
    assert found(answers) == []
    answers["examination"]["ended-at"] = "2026-06-01T14:05:00+02:00"
    assert found(answers) == [("/examination/ended-at", "ended-before-started")]


def test_contradictions_do_not_stop_a_draft(answers: Answers, found: Found) -> None:
    answers["examination"]["ended-at"] = "2026-06-01T13:00:00+01:00"
    assert found(answers, complete=False) == []


def test_times_in_the_future_are_wrong_when_the_caller_knows_the_time(answers: Answers, found: Found) -> None:
    noon = datetime(2026, 6, 1, 12, 0, tzinfo=UTC)
    assert found(answers, now=noon) == [
        ("/examination/started-at", "started-at-in-the-future"),
        ("/examination/ended-at", "ended-at-in-the-future"),
    ]
    assert found(answers) == []


@pytest.mark.parametrize("member", ["referral-received", "first-reply"])
def test_a_request_in_the_future_is_told_before_the_signature_only(answers: Answers, found: Found, member: str) -> None:
    answers["episode"][member] = "2026-06-01T19:05:00+01:00"
    assert found(answers, now=EVENING) == []
    answers["episode"][member] = "2026-06-01T19:06:00+01:00"
    assert found(answers, now=EVENING) == [(f"/episode/{member}", "request-in-the-future")]
    assert found(answers, now=EVENING, complete=False) == []


def test_clocks_may_differ_by_five_minutes(answers: Answers, found: Found) -> None:
    assert found(answers, now=datetime(2026, 6, 1, 13, 45, tzinfo=UTC)) == []
    assert found(answers, now=datetime(2026, 6, 1, 13, 44, tzinfo=UTC)) == [
        ("/examination/ended-at", "ended-at-in-the-future")
    ]


def test_a_child_born_today_in_london_is_born(found: Found) -> None:
    just_after_midnight = datetime(2026, 5, 31, 23, 30, tzinfo=UTC)
    assert found({"child": {"birth-date": "2026-06-01"}}, complete=False, now=just_after_midnight) == []
    assert found({"child": {"birth-date": "2026-06-02"}}, complete=False, now=just_after_midnight) == [
        ("/child/birth-date", "birth-date-in-the-future")
    ]


@pytest.mark.parametrize(
    ("born", "fine"),
    [("2007-06-02", True), ("2007-06-01", False), ("2026-06-01", True), ("2026-06-02", False), ("1926-06-01", False)],
)
def test_the_form_is_for_children_who_are_born(answers: Answers, found: Found, born: str, fine: bool) -> None:
    answers["child"]["birth-date"] = born
    assert found(answers) == ([] if fine else [("/child/birth-date", "age-at-examination")])


def test_two_injuries_with_one_number_are_told_apart(answers: Answers, found: Found) -> None:
    answers["examination"]["injuries"] *= 3
    assert found(answers) == [("/examination/injuries/1/injury-number", "injury-number-twice")]


def test_an_examined_child_has_injuries_or_none_seen(answers: Answers, found: Found) -> None:
    del answers["examination"]["injuries"]
    assert found(answers) == [("/examination/injuries", "missing")]
    answers["examination"]["no-injury-seen"] = False
    assert found(answers) == [("/examination/injuries", "missing")]
    answers["examination"]["no-injury-seen"] = True
    answers["opinion"]["overall-likelihood"] = "L0"
    assert found(answers) == []


def test_a_social_worker_is_always_told(answers: Answers, found: Found) -> None:
    answers["sharing"]["recipients"][0]["recipient-role"] = "police"
    assert found(answers) == [("/sharing/recipients", "social-worker-told")]


def test_another_recipient_has_a_reason(answers: Answers, found: Found) -> None:
    answers["sharing"]["recipients"].append({"recipient-role": "other", "recipient-team": "advocates"})
    assert found(answers) == [("/sharing/recipients/1/recipient-reason", "missing")]
    answers["sharing"]["recipients"][1]["recipient-reason"] = "Advocate of the child"
    assert found(answers) == []


def test_a_label_asks_for_evidence_and_never_stops_the_signature(answers: Answers, form: Form) -> None:
    assert warnings_in(form, answers) == []
    answers["episode"]["concern"] = "The school thinks the call was Malicious."
    [warning] = warnings_in(form, answers)
    assert (warning.pointer, warning.code) == ("/episode/concern", "evidence-for-labels")
    assert problems_in(form, answers, complete=True) == []
    answers["episode"]["concern-evidence"] = {"evidence": "Three calls, each disproved by the nursery's register."}
    assert warnings_in(form, answers) == []


def test_a_form_that_does_not_exist_is_unknown() -> None:
    forms = load_forms()
    with pytest.raises(DomainError, match="form-unknown"):
        forms.get("cp-medical-outcome", "0.0.1")
    with pytest.raises(DomainError, match="form-unknown"):
        forms.latest("cp-medical")
