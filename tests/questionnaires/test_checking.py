"""Every fault of a form file is told with its file and line; a published form is frozen."""

import hashlib
import shutil
from pathlib import Path

import pytest

from app.errors import DomainError
from app.questionnaires import check_forms, load_forms
from app.questionnaires.loading import FORMS

SOUND = """\
resourceType: Questionnaire
id: tiny
url: https://sameday.example/tiny
version: "1.0.0"
name: Tiny
title: Tiny
status: draft
date: "2026-11-23"
item:
  - linkId: consent
    prefix: C
    text: Consent
    type: group
    required: true
    item:
      - linkId: told
        prefix: C8
        text: Was the family told?
        type: choice
        answerOption:
          - valueCoding: {code: told, display: Told}
          - valueCoding: {code: not-told, display: Not told}
      - linkId: weight
        prefix: E5
        text: Weight
        type: quantity
        extension:
          - {url: http://hl7.org/fhir/StructureDefinition/questionnaire-unit, valueCoding: {code: kg}}
          - {url: http://hl7.org/fhir/StructureDefinition/minValue, valueDecimal: 0.3}
          - {url: http://hl7.org/fhir/StructureDefinition/maxValue, valueInteger: 250}
      - linkId: note
        prefix: C9
        text: Note
        type: string
        maxLength: 300
        enableWhen:
          - {question: told, operator: "=", answerCoding: {code: told}}
  - linkId: sharing
    prefix: H
    text: Sharing
    type: group
    required: true
    item:
      - {linkId: injuries, prefix: E7, text: Injuries, type: group, repeats: true, item: [
          {linkId: shape, prefix: E12, text: Shape, type: string, maxLength: 300}]}
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "tiny").mkdir()
    (tmp_path / "published.yaml").write_text("published: []\n", "utf-8")
    return tmp_path


def _write(folder: Path, text: str) -> None:
    (folder / "tiny" / "1.0.0.yaml").write_text(text, "utf-8")


def test_a_sound_form_has_no_fault(folder: Path) -> None:
    _write(folder, SOUND)
    assert check_forms(folder) == []


TOLD_EXISTS = "{question: told, operator: exists, answerBoolean: true}"
TOLD_IS_TOLD = '{question: told, operator: "=", answerCoding: {code: told}}'
NO_SUCH_RULE = """\
extension:
  - url: http://hl7.org/fhir/StructureDefinition/questionnaire-constraint
    extension:
      - {url: key, valueId: no-such-rule}
      - {url: severity, valueCode: error}
      - {url: human, valueString: Hm}
      - {url: expression, valueString: 'true'}
"""

# what stands in SOUND, what stands there instead, the line of the fault, words of its sentence
BROKEN = [
    ("title: Tiny", "title: Tiny\ntitel: Tiny", 7, "“titel” is not understood"),
    ("title: Tiny\n", "", 1, "“title” is missing"),
    ("title: Tiny", "title: Tiny\ntitle: Tiny", 7, "stands here twice"),
    ("title: Tiny", "title: &t Tiny", 6, "anchors and aliases"),
    ("title: Tiny", "title: [", 8, "not YAML"),
    ('date: "2026-11-23"', "date: 2026-11-23", 8, "in quotation marks"),
    ("status: draft", "status: ready", 7, "draft, active or retired"),
    ('"1.0.0"', '"1.1.0"', 4, "must be tiny/MAJOR.MINOR.PATCH.yaml"),
    ("type: choice", "type: open-choice", 19, "no question type “open-choice”"),
    ("required: true", "required: yes", 14, "true or false"),
    ("linkId: note", "linkId: weight", 31, "used twice"),
    ("linkId: note", "linkId: Note_1", 31, "small letters"),
    ("        prefix: C9\n", "", 31, "“prefix” is missing"),
    ("text: Note", 'text: ""', 33, "“text” is empty"),
    ("maxLength: 300\n        enableWhen", "maxLength: 20001\n        enableWhen", 31, "at most 20,000"),
    ("question: told", "question: tolled", 37, "names “tolled”"),
    ("code: told}}", "code: maybe}}", 37, "does not offer the answer “maybe”"),
    ('"=", answerCoding: {code: told}', "exists, answerCoding: {code: told}", 37, "exists needs answerBoolean"),
    ('operator: "="', 'operator: ">"', 37, "operator must be"),
    ("question: told", "question: note", 37, "circle"),
    (TOLD_IS_TOLD, "{question: shape, operator: exists, answerBoolean: true}", 37, "rows of another list"),
    (f"- {TOLD_IS_TOLD}", f"- {TOLD_IS_TOLD}\n          - {TOLD_EXISTS}", 31, "need enableBehavior"),
    ("code: not-told", "code: told", 16, "offered twice"),
    (", display: Told", "", 16, "words that recipients read"),
    ("questionnaire-unit", "questionnaire-unitOption", 28, "extension is not understood"),
    ("valueDecimal: 0.3", "valueString: a", 29, "exactly one value"),
    ("valueInteger: 250", "valueInteger: 0", 23, "minValue and maxValue"),
    ("        maxLength: 300\n", "        maxLength: 300\n        hint: x\n", 36, "not understood"),
    ("text: Note", "text: How old is the bruise?", 31, "age of a bruise"),
    ("linkId: shape, prefix: E12, text: Shape", "linkId: injury-age, prefix: E12, text: Age", 45, "age of a bruise"),
    ("text: Was the family told?", "text: Does the family consent to sharing?", 16, "does not wait for consent"),
    ("text: Shape,", f"text: Shape, enableWhen: [{TOLD_EXISTS}],", 45, "must not depend on another answer"),
    ("date: ", f"{NO_SUCH_RULE}date: ", 8, "No rule is called “no-such-rule”"),
    ('date: "2026-11-23"', 'date: "23 November"', 8, "FHIR R4"),
]  # fmt: skip


@pytest.mark.parametrize(("old", "new", "line", "words"), BROKEN)
def test_a_fault_is_told_with_its_line(folder: Path, old: str, new: str, line: int, words: str) -> None:
    assert old in SOUND
    _write(folder, SOUND.replace(old, new, 1))
    faults = check_forms(folder)
    assert [(fault.file, fault.line) for fault in faults if words in fault.sentence] == [("tiny/1.0.0.yaml", line)]


def test_a_mandatory_question_without_way_out_is_a_fault(folder: Path) -> None:
    mandatory = SOUND.replace("type: quantity", "type: quantity\n        required: true")
    _write(folder, mandatory)
    [fault] = check_forms(folder)
    assert (fault.line, "add “weight-absent”" in fault.sentence) == (23, True)


def test_a_faulty_form_is_never_loaded(folder: Path) -> None:
    _write(folder, SOUND.replace("title: Tiny", "titel: Tiny"))
    with pytest.raises(DomainError, match=r"forms-faulty: tiny/1\.0\.0\.yaml:6: "):
        load_forms(folder)


def test_a_file_that_is_not_text_is_a_fault(folder: Path) -> None:
    (folder / "tiny" / "1.0.0.yaml").write_bytes(b"\xff\xfe\x00")
    [fault] = check_forms(folder)
    assert (fault.file, fault.line) == ("tiny/1.0.0.yaml", 1)


def test_a_published_form_must_be_listed(folder: Path) -> None:
    _write(folder, SOUND.replace("status: draft", "status: active"))
    [fault] = check_forms(folder)
    assert "list it with its SHA-256" in fault.sentence


def _publish(folder: Path, sha256: str, file: str = "tiny/1.0.0.yaml") -> None:
    entry = f"published:\n  - file: {file}\n    sha256: '{sha256}'\n"
    (folder / "published.yaml").write_text(entry, "utf-8")


def test_a_published_form_never_changes(folder: Path) -> None:
    text = SOUND.replace("status: draft", "status: active")
    _write(folder, text)
    _publish(folder, hashlib.sha256(text.encode()).hexdigest())
    assert check_forms(folder) == []
    _write(folder, text + "# one more remark\n")
    [fault] = check_forms(folder)
    assert (fault.file, fault.line) == ("published.yaml", 2)
    assert "was changed" in fault.sentence


def test_a_published_form_never_goes_away(folder: Path) -> None:
    _write(folder, SOUND)
    _publish(folder, "0" * 64, "tiny/0.9.0.yaml")
    [fault] = check_forms(folder)
    assert "is gone" in fault.sentence


@pytest.mark.parametrize("listing", ["published: {}", "[]", "published:\n  - file: x", "publisht: []", "a: b: c"])
def test_a_list_of_published_forms_that_cannot_be_read_is_a_fault(folder: Path, listing: str) -> None:
    _write(folder, SOUND)
    (folder / "published.yaml").write_text(listing, "utf-8")
    assert [fault.file for fault in check_forms(folder)] == ["published.yaml"]


def test_no_list_of_published_forms_is_a_fault(folder: Path) -> None:
    _write(folder, SOUND)
    (folder / "published.yaml").unlink()
    assert [fault.file for fault in check_forms(folder)] == ["published.yaml"]


def test_one_changed_letter_in_our_own_form_is_noticed(tmp_path: Path) -> None:
    copy = tmp_path / "forms"
    shutil.copytree(FORMS, copy)
    assert check_forms(copy) == []
    path = copy / "cp-medical-outcome" / "1.0.0.yaml"
    path.write_text(path.read_text("utf-8").replace("highly likely", "very likely", 1), "utf-8")
    assert [fault.file for fault in check_forms(copy)] == ["published.yaml"]


def test_two_questions_that_wait_for_each_other_are_a_fault(folder: Path) -> None:
    waiting = "type: choice\n        enableWhen: [{question: note, operator: exists, answerBoolean: true}]"
    _write(folder, SOUND.replace("type: choice", waiting))
    assert [(fault.line, "in a circle" in fault.sentence) for fault in check_forms(folder)] == [(20, True), (38, True)]
