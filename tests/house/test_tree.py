"""The rules of the house that a machine can see (design section 1.7)."""

import ast
import re
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
MODULES = sorted(ROOT.glob("app/**/*.py"))


def tracked(*patterns: str) -> Iterator[Path]:
    answer = subprocess.run(["git", "ls-files", *patterns], cwd=ROOT, capture_output=True, text=True, check=True)
    return (ROOT / line for line in answer.stdout.splitlines() if (ROOT / line).is_file())


@pytest.mark.parametrize("module", MODULES, ids=lambda path: str(path.relative_to(ROOT)))
def test_a_module_has_at_most_300_lines_and_its_functions_40(module: Path) -> None:
    text = module.read_text("utf-8")
    assert text.count("\n") <= 300
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            assert (node.end_lineno or 0) - node.lineno < 40, f"{node.name} is too long"


@pytest.mark.parametrize("module", MODULES, ids=lambda path: str(path.relative_to(ROOT)))
def test_a_module_says_what_it_is_for(module: Path) -> None:
    assert ast.get_docstring(ast.parse(module.read_text("utf-8")))


def test_nothing_tracked_names_a_package_index_or_a_path_of_somebodys_machine() -> None:
    wrong = re.compile(r"(?<![\w.])/(?:home|root|Users)/\w|(?:pypi|npmjs|debian)\.org|--(?:extra-)?index-url")
    this = Path(__file__)
    found = [
        f"{path.relative_to(ROOT)}: {hit.group()}"
        for path in tracked()
        if path != this and path.suffix not in {".ttf", ".png", ".pdf"}
        for hit in wrong.finditer(path.read_text("utf-8"))
    ]
    assert found == []


def test_the_lock_files_pin_every_package_with_its_hash() -> None:
    for name in ("requirements.lock", "requirements-dev.lock"):
        text = (ROOT / name).read_text("utf-8")
        pins = re.findall(
            r"^([a-z0-9._-]+)(?:\[[^]]*\])?==[^\n]*\n(?:\s+--hash=sha256:[0-9a-f]{64})", text, re.MULTILINE
        )
        assert len(pins) == len(re.findall(r"^[a-z0-9]", text, re.MULTILINE)) > 50


def test_imports_run_one_way() -> None:
    answer = subprocess.run([".venv/bin/lint-imports"], cwd=ROOT, capture_output=True, text=True, check=False)
    assert answer.returncode == 0, answer.stdout
