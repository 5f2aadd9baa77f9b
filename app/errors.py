"""What can go wrong, in words a person can act on. No HTTP here: `doors` holds the table of statuses."""

from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Problem:
    """One thing that is wrong with one value.

    pointer: RFC 6901 JSON pointer into the body that was sent ("" is the whole body).
    code: kebab-case, stable, for programs. sentence: for people; says what to do next.
    """

    pointer: str
    code: str
    sentence: str


class DomainError(Exception):
    """A rule of the house was broken. Raised beside the rule, with a stable code and a helpful sentence."""

    def __init__(self, code: str, sentence: str, *, problems: Sequence[Problem] = ()) -> None:
        super().__init__(f"{code}: {sentence}")
        self.code = code
        self.sentence = sentence
        self.problems = tuple(problems)
