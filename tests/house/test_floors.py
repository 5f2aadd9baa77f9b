"""Locked packages are not older than the release that fixed a known fault (security.md 5.4)."""

import re
import tomllib
from pathlib import Path

import pytest
from packaging.version import Version

ROOT = Path(__file__).resolve().parents[2]
FLOORS = tomllib.loads((ROOT / "SECURITY_FLOORS.toml").read_text("utf-8"))["floors"]


def versions_in(text: str) -> dict[str, Version]:
    pins = re.findall(r"^([a-z0-9._-]+)(?:\[[^]]*\])?==([^\s;\\]+)", text, re.MULTILINE)
    return {name: Version(version) for name, version in pins}


def below_floor(versions: dict[str, Version]) -> list[str]:
    return [name for name, floor in FLOORS.items() if name in versions and versions[name] < Version(floor["version"])]


@pytest.mark.parametrize("lock", ["requirements.lock", "requirements-dev.lock"])
def test_no_locked_package_is_below_its_floor(lock: str) -> None:
    versions = versions_in((ROOT / lock).read_text("utf-8"))
    assert {"starlette", "weasyprint", "pyhanko"} <= versions.keys()
    assert below_floor(versions) == []


def test_a_package_with_a_known_fault_would_be_noticed() -> None:
    assert below_floor(versions_in("starlette==0.40.0 \\\nweasyprint==61.0")) == ["weasyprint", "starlette"]
