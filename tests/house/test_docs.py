"""The documentation says what the code does; `docs/reference` is written by the code itself."""

import re
from pathlib import Path

import pytest
from typer.testing import CliRunner

from app.__main__ import app
from app.commands.reference import settings_page

ROOT = Path(__file__).resolve().parents[2]
PAGES = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", ROOT / "SECURITY.md", *ROOT.glob("docs/**/*.md")]


def test_the_page_of_settings_is_the_one_that_the_code_writes() -> None:
    assert (ROOT / "docs/reference/settings.md").read_text("utf-8") == settings_page(), (
        "write it anew: .venv/bin/sameday reference settings > docs/reference/settings.md"
    )


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_every_link_of_a_page_leads_to_a_file(page: Path) -> None:
    links = re.findall(r"\]\((?!https?:|#)([^)#]+)", page.read_text("utf-8"))
    assert [link for link in links if not (page.parent / link).exists()] == []


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_every_script_and_command_that_a_page_names_exists(page: Path) -> None:
    text = page.read_text("utf-8")
    assert [name for name in re.findall(r"script/([a-z]+)", text) if not (ROOT / "script" / name).exists()] == []
    shown = CliRunner().invoke(app, ["--help"]).output
    for name in re.findall(r"^(?:\.venv/bin/)?sameday ([a-z]+)", text, re.MULTILINE):
        assert re.search(rf"\b{name}\b", shown), f"sameday {name}"
