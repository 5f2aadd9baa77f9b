"""The running service of these tests."""

from collections.abc import Iterator

import pytest
from matrix_world import World
from serving import embedded_service as embedded_service
from serving import postgresql_service as postgresql_service
from serving import service as service
from serving import service_on
from throwaway import Server
from walled import Case, walled_case


@pytest.fixture(scope="session")
def case(postgres: Server, migrated_template: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Case]:
    """An outcome behind row security. Whatever a test does to it is rolled back."""
    with walled_case(postgres, migrated_template, tmp_path_factory.mktemp("walled")) as found:
        yield found


@pytest.fixture(scope="session")
def attacked(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    """A world that attacks must leave as it is, so that several modules can share it."""
    for running in service_on("sqlite", request, tmp_path_factory):
        yield World(running, with_documents=False)
