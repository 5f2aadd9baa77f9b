"""What of the answers a reader is shown, and how what is left out is pointed at. Pure; no rule of any site is here.

An item is a section, a question or a group of the form by its linkId. What is not named is not shown, so that a
question that a later form adds is shown to nobody by accident.
"""

from collections.abc import Iterator, Mapping, Set
from typing import Any


def minimum_of(answers: Mapping[str, Any], shown: Set[str] | None) -> dict[str, Any]:
    """The answers with nothing but the items `shown`: each whole, wherever in the form it stands. None: all of them.

    A row of a repeated group stays in its place, if need be empty, as long as another row of the group has something.
    """
    if shown is None:
        return dict(answers)
    kept = {name: value if name in shown else _within(value, shown) for name, value in answers.items()}
    return {name: value for name, value in kept.items() if value is not None}


def gone_from(before: Any, after: Any, at: str = "") -> Iterator[str]:
    """JSON pointers to all that `after` lacks or says otherwise, each as far up as it can be said. Rows keep places."""
    if isinstance(before, Mapping) and isinstance(after, Mapping):
        for name, value in before.items():
            if name in after:
                yield from gone_from(value, after[name], f"{at}/{name}")
            else:
                yield f"{at}/{name}"
    elif isinstance(before, list) and isinstance(after, list) and len(before) == len(after):
        for index, (row, left) in enumerate(zip(before, after, strict=True)):
            yield from gone_from(row, left, f"{at}/{index}")
    elif before != after:
        yield at


def _within(value: Any, shown: Set[str]) -> Any:
    """What is left of a section or of rows that are not shown as such; None if nothing."""
    if isinstance(value, Mapping):
        return minimum_of(value, shown) or None
    if isinstance(value, list):
        rows = [_within(row, shown) for row in value]
        return [row or {} for row in rows] if any(row is not None for row in rows) else None
    return None
