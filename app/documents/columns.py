"""Sets facts in columns. Pure.

CSS columns would do the same and balance themselves, but lay every section out many times: a document took 580 ms
with them and 312 ms with columns filled here (docs/decisions/0007-paper-and-seal.md).
"""

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby

from app.documents.parts import Fact

# Characters that fit on a line of the printed page (A4, 184 mm, 8.1 pt), for one, two and three columns.
LINE = {1: 134, 2: 64, 3: 41}
# A fact of more characters than this is set over the whole width, or over half of it.
HALF_WIDTH_FROM = 150
WHOLE_WIDTH_FROM = 700
# A block of columns stays on one page, so it may not be taller than this many lines.
MOST_LINES = 24

Column = tuple[Fact, ...]


@dataclass(frozen=True, slots=True)
class Block:
    """Facts side by side. columns: how many the width is divided into; facts may fill fewer."""

    columns: int
    facts: tuple[Column, ...]


def in_columns(facts: Sequence[Fact]) -> tuple[Block, ...]:
    """Blocks of one, two or three columns of about equal height; the order of the facts is kept."""
    blocks: list[Block] = []
    for is_long, run in groupby(facts, key=lambda fact: _length(fact) >= WHOLE_WIDTH_FROM):
        members = list(run)
        if is_long:
            blocks.extend(Block(1, ((fact,),)) for fact in members)
            continue
        wide = 2 if max(map(_length, members)) >= HALF_WIDTH_FROM else 3
        blocks.extend(Block(wide, _balanced(part, wide)) for part in _parts(members, wide))
    return tuple(blocks)


def _length(fact: Fact) -> int:
    return len(fact.label) + sum(map(len, fact.values))


def _lines(fact: Fact, columns: int) -> int:
    if len(fact.values) == 1:
        return math.ceil((_length(fact) + 1) / LINE[columns])
    return 1 + sum(math.ceil((len(value) + 2) / LINE[columns]) for value in fact.values)


def _parts(facts: Sequence[Fact], columns: int) -> Iterator[list[Fact]]:
    part: list[Fact] = []
    for fact in facts:
        if part and sum(_lines(one, columns) for one in [*part, fact]) > MOST_LINES * columns:
            yield part
            part = []
        part.append(fact)
    yield part


def _balanced(facts: Sequence[Fact], columns: int) -> tuple[Column, ...]:
    tallest = max(_lines(fact, columns) for fact in facts)
    while len(filled := _filled(facts, columns, tallest)) > columns:
        tallest += 1
    return filled


def _filled(facts: Sequence[Fact], columns: int, tallest: int) -> tuple[Column, ...]:
    done: list[list[Fact]] = [[]]
    height = 0
    for fact in facts:
        lines = _lines(fact, columns)
        if done[-1] and height + lines > tallest:
            done.append([])
            height = 0
        done[-1].append(fact)
        height += lines
    return tuple(map(tuple, done))
