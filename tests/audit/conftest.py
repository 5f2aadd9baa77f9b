from pathlib import Path

import pytest
from tampering import owner as owner
from tampering import tamper as tamper

from app.settings import Settings


@pytest.fixture
def head_settings(tmp_path: Path) -> Settings:
    """For what needs no database."""
    return Settings(state_dir=tmp_path / "state")
