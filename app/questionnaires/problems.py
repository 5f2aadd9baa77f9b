"""What is wrong with a set of answers, and what is still missing. Pure; never raises, whatever JSON arrives."""

from collections.abc import Iterator, Sequence
from datetime import datetime
from typing import Any

from app.errors import Problem
from app.questionnaires.constraints import ASK, RULES
from app.questionnaires.form import Constraint, Form, Item, places_of
from app.questionnaires.said import Answer, Said
from app.questionnaires.values import MAX_DOCUMENT, MAX_ROWS, value_findings
from app.questionnaires.visibility import Trail, is_enabled, when_words

# An answer that is wrong everywhere must not make a reply larger than the request.
MAX_PROBLEMS = 300


def problems_in(form: Form, answers: Any, *, complete: bool, now: datetime | None = None) -> list[Problem]:
    """At most 300 problems, in form order; none means the answers may be saved (or signed, when complete).

    complete=False, a draft: only what is wrong. complete=True: also what is missing (code "missing") and
    answers that contradict each other (code: the key of the constraint).
    now: aware; with it, times in the future are wrong too. Pointers are relative to the answers.
    """
    reader = _Reader(form, complete)
    reader.read(answers)
    found = [*reader.problems, *_broken(form, reader, "error", complete=complete, now=now)]
    return found[:MAX_PROBLEMS]


def warnings_in(form: Form, answers: Any) -> list[Problem]:
    """Questions to ask back that never stop a signature (constraints of severity "warning")."""
    reader = _Reader(form, complete=False)
    reader.read(answers)
    return list(_broken(form, reader, "warning", complete=True, now=None))[:MAX_PROBLEMS]


def _broken(form: Form, reader: "_Reader", severity: str, *, complete: bool, now: datetime | None) -> Iterator[Problem]:
    """Constraints on one question always; constraints on the whole form only on complete answers."""
    declared: list[tuple[str, Constraint]] = [
        (path[-1].link_id, constraint) for path in places_of(form.items) for constraint in path[-1].constraints
    ]
    declared += [("", constraint) for constraint in form.constraints if complete]
    for link_id, constraint in declared:
        if constraint.severity == severity:
            for pointer in RULES[constraint.key](Said(reader.said, link_id, now)):
                code = "missing" if constraint.key in ASK else constraint.key
                yield Problem(pointer, code, constraint.human)


class _Reader:
    """One walk over the answers: collects problems, and the sound answers for the constraints."""

    def __init__(self, form: Form, complete: bool) -> None:
        self.form = form
        self.complete = complete
        self.problems: list[Problem] = []
        self.said: dict[str, list[Answer]] = {}
        self.characters = 0

    def read(self, answers: Any) -> None:
        if not isinstance(answers, dict):
            self._problem("", "wrong-type", "Send the answers as one object with a member for each section.")
            return
        self._members(self.form.items, (answers,), "")
        if self.characters > MAX_DOCUMENT:
            sentence = f"All answers together have {self.characters:,} characters; {MAX_DOCUMENT:,} is the most."
            self._problem("", "document-too-long", sentence)

    def _members(self, items: Sequence[Item], trail: Trail, pointer: str) -> None:
        members = trail[-1]
        known = {item.link_id for item in items}
        for name in members:
            if name not in known:
                self._unknown(name, pointer)
        for item in items:
            here = f"{pointer}/{item.link_id}"
            if item.link_id in members:
                self._given(item, members[item.link_id], trail, here)
            elif item.required and is_enabled(self.form, item, trail):
                if item.type == "group" and not item.repeats:
                    self._members(item.items, (*trail, {}), here)
                elif self.complete:
                    self._problem(here, "missing", _missing_sentence(self.form, item))

    def _given(self, item: Item, value: Any, trail: Trail, pointer: str) -> None:
        if item.type == "display" or item.read_only:
            self._problem(pointer, "read-only", f"Leave “{item.text}” out: it is not yours to answer.")
        elif is_enabled(self.form, item, trail):
            self._answer(item, value, trail, pointer)
        else:
            self._hidden(item, pointer)

    def _answer(self, item: Item, value: Any, trail: Trail, pointer: str) -> None:
        if not item.repeats:
            self._one(item, value, trail, pointer)
        elif not isinstance(value, list):
            self._problem(pointer, "wrong-type", f"Answer “{item.text}” with a list.")
        elif not value:
            self._problem(pointer, "empty", f"“{item.text}” is an empty list: leave the question out instead.")
        elif len(value) > MAX_ROWS:
            self._problem(pointer, "too-many-rows", f"“{item.text}” takes at most {MAX_ROWS} answers.")
        else:
            for index, row in enumerate(value):
                self._one(item, row, trail, f"{pointer}/{index}")
            if item.type == "choice":
                self._together(item, value, pointer)

    def _one(self, item: Item, value: Any, trail: Trail, pointer: str) -> None:
        if item.type == "group":
            if isinstance(value, dict):
                self.said.setdefault(item.link_id, []).append(Answer(pointer, value))
                self._members(item.items, (*trail, value), pointer)
            else:
                self._problem(pointer, "wrong-type", f"Answer “{item.text}” with an object of answers.")
            return
        if isinstance(value, str):
            self.characters += len(value)
        findings = list(value_findings(item, value))
        for code, sentence in findings:
            self._problem(pointer, code, sentence)
        if not findings:
            self.said.setdefault(item.link_id, []).append(Answer(pointer, value))

    def _together(self, item: Item, values: list[Any], pointer: str) -> None:
        codes = [value for value in values if isinstance(value, str)]
        if len(set(codes)) < len(codes):
            self._problem(pointer, "repeated-answer", f"“{item.text}” names one answer twice.")
        alone = [option for option in item.options if option.exclusive and option.code in codes]
        if alone and len(set(codes)) > 1:
            sentence = f"“{alone[0].display}” stands alone in “{item.text}”: take it or the other answers out."
            self._problem(pointer, "exclusive-answer", sentence)

    def _hidden(self, item: Item, pointer: str) -> None:
        sentence = f"Leave “{item.text}” out: it is asked only when {when_words(self.form, item)}."
        self._problem(pointer, "hidden-question", sentence)

    def _unknown(self, name: str, pointer: str) -> None:
        place = self.form.places.get(name)
        sentence = "The form has no such question here: take it out or check its spelling."
        if place is not None:
            around = "/".join(item.link_id for item in place[:-1])
            sentence = f"“{place[-1].text}” does not stand here: its place is /{around}."
        self._problem(f"{pointer}/{_token(name)}", "unknown-member", sentence)

    def _problem(self, pointer: str, code: str, sentence: str) -> None:
        if len(self.problems) < MAX_PROBLEMS:
            self.problems.append(Problem(pointer, code, sentence))


def _missing_sentence(form: Form, item: Item) -> str:
    question = form.places.get(item.link_id.removesuffix("-absent"))
    if item.link_id.endswith("-absent") and question is not None:
        if question[-1].repeats:
            return f"Add a row to “{question[-1].text}”, or say here why there is none."
        return f"Answer “{question[-1].text}”, or say here why it is missing."
    if item.type == "group":
        return f"Add at least one row to “{item.text}”."
    if item.repeats:
        return f"Give at least one answer to “{item.text}”."
    return f"{'Choose an answer to' if item.type == 'choice' else 'Answer'} “{item.text}”."


def _token(name: str) -> str:
    """A member name as RFC 6901 writes it; lone surrogates, which no reply could carry, are spelled out."""
    sendable = name.encode("utf-8", "backslashreplace").decode("utf-8")
    return sendable.replace("~", "~0").replace("/", "~1")
