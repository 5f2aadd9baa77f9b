"""Which questions are asked: conditions, their scope in rows, and what is shown on paper."""

from pathlib import Path
from typing import Any

import pytest
from ruamel.yaml import YAML

from app.questionnaires import Form, Shown, load_forms, problems_in, shown

KIND = {
    "linkId": "kind",
    "prefix": "X",
    "text": "Kind",
    "type": "choice",
    "answerOption": [{"valueCoding": {"code": "a", "display": "A"}}, {"valueCoding": {"code": "b", "display": "B"}}],
}


def _when(question: str, operator: str, answer: str | bool) -> dict[str, Any]:
    key = {"answerBoolean": answer} if isinstance(answer, bool) else {"answerCoding": {"code": answer}}
    return {"question": question, "operator": operator, **key}


def _text(link_id: str, *conditions: dict[str, Any], behavior: str = "all") -> dict[str, Any]:
    item = {"linkId": link_id, "prefix": "X", "text": link_id, "type": "string", "maxLength": 9}
    return {**item, "enableWhen": list(conditions), "enableBehavior": behavior} if conditions else item


@pytest.fixture
def nested(tmp_path: Path) -> Form:
    """rows[] with a kind each, rows in rows, and a question that looks at an answer outside."""
    inner = {"linkId": "inner", "prefix": "X", "text": "inner", "type": "group", "repeats": True}
    inner["item"] = [
        _text("of-row", _when("kind", "=", "a")),
        _text("outside", _when("open", "=", True)),
        _text("not-b", _when("kind", "!=", "b")),
    ]
    rows = {"linkId": "rows", "prefix": "X", "text": "rows", "type": "group", "repeats": True}
    rows["item"] = [KIND, _text("beside", _when("kind", "=", "b")), inner]
    top = [
        {"linkId": "open", "prefix": "X", "text": "open", "type": "boolean"},
        _text("chain", _when("open", "=", True)),
        _text("end", _when("chain", "exists", True)),
        _text("either", _when("open", "=", True), _when("end", "exists", False), behavior="any"),
        _text("no-rows", _when("rows", "exists", False)),
        rows,
    ]
    section = {"linkId": "s", "prefix": "X", "text": "s", "type": "group", "required": True, "item": top}
    form = {"resourceType": "Questionnaire", "id": "tiny", "url": "https://sameday.example/tiny", "version": "1.0.0"}
    form |= {"name": "Tiny", "title": "Tiny", "status": "draft", "date": "2026-11-23", "item": [section]}
    (tmp_path / "tiny").mkdir()
    YAML().dump(form, tmp_path / "tiny" / "1.0.0.yaml")
    return load_forms(tmp_path).get("tiny", "1.0.0")


def _hidden(form: Form, section: dict[str, Any]) -> list[str]:
    problems = problems_in(form, {"s": section}, complete=False)
    assert {problem.code for problem in problems} <= {"hidden-question"}
    return [problem.pointer.removeprefix("/s/") for problem in problems]


def test_a_condition_in_a_row_sees_its_own_row(nested: Form) -> None:
    rows = [{"kind": "a", "beside": "x"}, {"kind": "b", "beside": "x"}, {"beside": "x"}]
    assert _hidden(nested, {"rows": rows}) == ["rows/0/beside", "rows/2/beside"]


def test_a_condition_in_an_inner_row_sees_the_row_around_it(nested: Form) -> None:
    inner = [{"of-row": "x"}, {"of-row": "x"}]
    assert _hidden(nested, {"rows": [{"kind": "a", "inner": inner}, {"kind": "b", "inner": inner}]}) == [
        "rows/1/inner/0/of-row",
        "rows/1/inner/1/of-row",
    ]


def test_a_condition_in_an_inner_row_sees_answers_outside(nested: Form) -> None:
    rows = [{"inner": [{"outside": "x"}]}]
    assert _hidden(nested, {"open": True, "rows": rows}) == []
    assert _hidden(nested, {"open": False, "rows": rows}) == ["rows/0/inner/0/outside"]


def test_unequal_is_false_without_an_answer(nested: Form) -> None:
    rows = [
        {"inner": [{"not-b": "x"}]},
        {"kind": "a", "inner": [{"not-b": "x"}]},
        {"kind": "b", "inner": [{"not-b": "x"}]},
    ]
    assert _hidden(nested, {"rows": rows}) == ["rows/0/inner/0/not-b", "rows/2/inner/0/not-b"]


def test_a_hidden_answer_opens_nothing(nested: Form) -> None:
    assert _hidden(nested, {"open": True, "chain": "x", "end": "x"}) == []
    assert _hidden(nested, {"open": False, "chain": "x", "end": "x"}) == ["chain", "end"]


def test_any_of_several_conditions_is_enough(nested: Form) -> None:
    assert _hidden(nested, {"open": True, "chain": "x", "end": "x", "either": "x"}) == []
    assert _hidden(nested, {"either": "x"}) == []


def test_a_list_exists_when_it_has_a_row(nested: Form) -> None:
    assert _hidden(nested, {"no-rows": "x"}) == []
    assert _hidden(nested, {"no-rows": "x", "rows": [{}]}) == ["no-rows"]


def test_a_number_is_not_taken_for_a_boolean(nested: Form) -> None:
    codes = {
        problem.pointer: problem.code
        for problem in problems_in(nested, {"s": {"open": 1, "chain": "x"}}, complete=False)
    }
    assert codes == {"/s/open": "wrong-type", "/s/chain": "hidden-question"}


def _flat(tree: list[Shown] | tuple[Shown, ...]) -> list[Shown]:
    return [part for node in tree for part in (node, *_flat(node.items))]


def test_shown_walks_the_answers_in_form_order(form: Form, answers: dict[str, Any]) -> None:
    answers["examination"]["injuries"].append({**answers["examination"]["injuries"][0], "injury-number": 2})
    nodes = _flat(shown(form, dict(reversed(answers.items()))))
    order = list(form.places)
    top = [order.index(node.item.link_id) for node in nodes if node.pointer.count("/") <= 2]
    assert top == sorted(top)
    by_pointer = {node.pointer: node for node in nodes}
    assert by_pointer["/examination/injuries/1/injury-number"].value == 2
    assert by_pointer["/examination/injuries/1"].item.link_id == "injuries"
    assert by_pointer["/examination/weight"].value == 23.4


def test_the_fixed_footer_is_shown_with_l0_and_with_no_injury_seen(form: Form) -> None:
    def footers(answers: dict[str, Any]) -> list[str]:
        return [node.item.text for node in _flat(shown(form, answers)) if node.item.type == "display"]

    assert footers({"opinion": {"overall-likelihood": "L0"}}) == ["Absence of signs does not exclude abuse."]
    assert footers({"examination": {"no-injury-seen": True}}) == ["Absence of signs does not exclude abuse."]
    assert footers({"opinion": {"overall-likelihood": "L1"}}) == []
