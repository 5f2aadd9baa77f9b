"""What was said, as the rules of `constraints` see it: only answers that are shown and well formed."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any


@dataclass(frozen=True, slots=True)
class Answer:
    """One answer (a row of a list, for a group) and its JSON pointer."""

    pointer: str
    value: Any


@dataclass(frozen=True, slots=True)
class Said:
    """What was said. asked_at: the linkId at which the rule is declared, "" for the whole form.

    now: aware; None when the caller does not check times.
    """

    answers: Mapping[str, Sequence[Answer]]
    asked_at: str
    now: datetime | None

    def all(self, link_id: str) -> Sequence[Answer]:
        return self.answers.get(link_id, ())

    def first(self, link_id: str) -> Any:
        """The first answer's value, or None."""
        answers = self.all(link_id)
        return answers[0].value if answers else None

    def beside(self, answer: Answer, link_id: str) -> Answer | None:
        """The answer to another question of the same row, which does not repeat."""
        pointer = f"{row_of(answer)}/{link_id}"
        return next((other for other in self.all(link_id) if other.pointer == pointer), None)


def row_of(answer: Answer) -> str:
    """The pointer of the row (or section) in which an answer to a question that does not repeat stands."""
    return answer.pointer.rpartition("/")[0]
