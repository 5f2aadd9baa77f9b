"""The version, read from CHANGELOG.md so that it is written in one place only."""

import re
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent


def read_version(changelog: Path) -> str:
    """The newest released version named in a Keep a Changelog file, such as ``0.1.0``.

    Raises ValueError when no heading such as ``## [0.1.0] - 2026-11-23`` is found.
    """
    found = re.search(r"^## \[(\d+\.\d+\.\d+)\]", changelog.read_text("utf-8"), re.MULTILINE)
    if found is None:
        raise ValueError(f"{changelog} names no released version (a heading like '## [0.1.0] - 2026-11-23')")
    return found.group(1)


VERSION = read_version(ROOT / "CHANGELOG.md")
