"""Case 2 of the domain facts, as answers, as content and on paper."""

from copy import deepcopy
from pathlib import Path
from typing import Any

import pytest
from on_paper import Paper

from app.documents.content import DocumentContent, document_content
from app.documents.keys import pinned
from app.documents.render import Press, Rendered
from app.documents.seal import Sealer, open_sealer
from app.questionnaires import Form, load_forms
from app.settings import Settings
from bench.samples import case_2, sample, signature

Answers = dict[str, Any]


@pytest.fixture(scope="session")
def form() -> Form:
    return load_forms().latest("cp-medical-outcome")


@pytest.fixture
def answers() -> Answers:
    """Leo's answers, for the test to change."""
    return deepcopy(case_2())


@pytest.fixture
def content(form: Form, answers: Answers) -> DocumentContent:
    return document_content(form, answers, signature())


@pytest.fixture(scope="session")
def press() -> Press:
    return Press()


@pytest.fixture(scope="session")
def state(tmp_path_factory: pytest.TempPathFactory) -> Settings:
    """Settings whose state folder holds a self-made seal key."""
    return Settings(state_dir=tmp_path_factory.mktemp("state"))


@pytest.fixture(scope="session")
def sealer(state: Settings) -> Sealer:
    return open_sealer(state)


@pytest.fixture(scope="session")
def pins(state: Settings, sealer: Sealer) -> frozenset[str]:
    return pinned(state)


@pytest.fixture(scope="session")
def leo(press: Press) -> Rendered:
    """Leo's document before it is sealed."""
    return press.render(*sample())


@pytest.fixture(scope="session")
def sealed(leo: Rendered, sealer: Sealer) -> bytes:
    """Leo's document, sealed."""
    return sealer.seal(leo.data, reason="test").data


@pytest.fixture
def paper(tmp_path: Path) -> Paper:
    return Paper(tmp_path)
