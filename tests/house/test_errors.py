"""Every error has a status, and no status is there without an error."""

import ast
from collections.abc import Iterator

from app.statuses import STATUSES
from app.version import ROOT

# Raised where no HTTP call is: by the command line, and by work whose failure is written down instead.
WITHOUT_STATUS = frozenset(
    {
        "document-active",
        "document-too-long",
        "forms-faulty",
        "glyph-missing",
        "render-warning",
        "unreadable-file",
    }
)


def test_every_code_that_is_raised_has_a_status() -> None:
    assert _raised() - WITHOUT_STATUS - set(STATUSES) == set()


def test_no_status_is_kept_for_a_code_that_nothing_raises() -> None:
    assert set(STATUSES) - _raised() == set()
    assert WITHOUT_STATUS - _raised() == set()


def _raised() -> set[str]:
    """Every literal that stands as the first argument of an error that is one of ours."""
    trees = [ast.parse(file.read_text("utf-8")) for file in (ROOT / "app").rglob("*.py")]
    ours = {"DomainError"}
    for _ in range(3):  # an error may come from an error that comes from ours
        ours |= {node.name for tree in trees for node in ast.walk(tree) if _is_class_of(node, ours)}
    calls = [node for tree in trees for node in ast.walk(tree) if isinstance(node, ast.Call)]
    return {code for call in calls if _name(call.func) in ours | {"__init__"} for code in _codes(call)} | {
        code for tree in trees for node in ast.walk(tree) for code in _codes_in_tables(node)
    }


def _is_class_of(node: ast.AST, ours: set[str]) -> bool:
    return isinstance(node, ast.ClassDef) and any(_name(base) in ours for base in node.bases)


def _name(node: ast.AST) -> str:
    return node.id if isinstance(node, ast.Name) else node.attr if isinstance(node, ast.Attribute) else ""


def _codes(call: ast.Call) -> Iterator[str]:
    for first in call.args[:1]:
        if isinstance(first, ast.Constant) and isinstance(first.value, str):
            yield first.value


def _codes_in_tables(node: ast.AST) -> Iterator[str]:
    """Codes in a table of (code, sentence), as `api.problems` has for missing headers."""
    if isinstance(node, ast.AnnAssign) and _name(node.target).endswith("_HEADERS") and isinstance(node.value, ast.Dict):
        for value in node.value.values:
            if isinstance(value, ast.Tuple) and isinstance(value.elts[0], ast.Constant):
                yield str(value.elts[0].value)
