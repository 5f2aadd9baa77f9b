"""The oracle `matrix.yaml`, cell by cell, against the running service: no wrong grant, and no wrong refusal."""

import os
from collections import Counter
from collections.abc import Iterator

import pytest
from matrix_calls import routes
from matrix_judge import Fault, Judge, check_unknown
from matrix_operations import CALLS
from matrix_oracle import FEWEST_CELLS, Cell, Row, rows, states, subjects
from matrix_world import World
from serving import service_on

DATABASE = "SAMEDAY_TEST_MATRIX_DATABASE"
"""sqlite or postgresql. The default run tries all cells on SQLite; `script/matrix` on either."""

ROWS = rows()
_tried: Counter[str] = Counter()


@pytest.fixture(scope="module")
def judge(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Judge]:
    database = os.environ.get(DATABASE, "sqlite")
    for service in service_on(database, request, tmp_path_factory, security_contact="mailto:security@sameday.example"):
        world = World(service)
        check_unknown(world)
        yield Judge(world)


@pytest.mark.parametrize("row", ROWS, ids=str)
def test_everyone_gets_what_the_oracle_says_and_nothing_else(judge: Judge, row: Row) -> None:
    faults: list[Fault] = []
    for cell in row.cells:
        found = list(judge.faults(cell))
        faults += found
        _tried.update({"cells": 1} | Counter({fault.kind for fault in found}))
    assert not faults, "\n" + "\n".join(map(str, faults))


WRONG = [
    Cell("read-version", "", "signed", "same site", "yes"),
    Cell("read-version", "", "signed", "named recipient", "no"),
    Cell("read-version", "", "withdrawn", "author", "yes"),
    Cell("list-outcomes", "", "signed", "team member", "none"),
    Cell("sign-version", "", "draft", "author", "conflict"),
    Cell("withdraw-outcome", "", "signed", "evaluator", "again"),
    Cell("read-outcome", "", "draft", "nobody", "no"),
    Cell("add-team", "", "draft", "client of recipient", "no"),
    Cell("read-me", "", "draft", "evaluator", "refused"),
    Cell("save-draft", "", "signed", "author", "no"),
]
"""Cells that say what is not so: a judge who finds nothing in them would find nothing anywhere."""


@pytest.mark.parametrize("cell", WRONG, ids=lambda cell: f"{cell.operation}, {cell.subject}")
def test_a_cell_that_says_what_is_not_so_is_found_out(judge: Judge, cell: Cell) -> None:
    judge.forget()
    assert list(judge.faults(cell))
    judge.world.places["draft"] = judge.world.outcome("draft")  # the author has signed it


def test_the_oracle_speaks_of_every_operation_and_of_no_other() -> None:
    assert {row.operation for row in ROWS} == set(routes()) == set(CALLS)


def test_the_oracle_has_at_least_2500_cells_for_15_subjects_in_4_states() -> None:
    cells = [cell for row in ROWS for cell in row.cells]
    assert (len(subjects()), len(states())) == (15, 4)
    assert len(set(cells)) == len(cells) >= FEWEST_CELLS
    print(f"\nmatrix: {dict(_tried)}")
