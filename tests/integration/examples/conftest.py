"""One process of real services for all examples, emptied before each test, and an engine on a file of its own."""

from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import AbstractAsyncContextManager
from functools import partial
from pathlib import Path

import httpx
import pytest
import pytest_asyncio

from api.demo import catalogue
from api.demo.services.process import Services, running_services
from graphs.spec import Workflow
from orchestrator.engine import Orchestrator
from tests.integration.examples.support import World, opened

Engine = Callable[..., AbstractAsyncContextManager[Orchestrator]]


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def services(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Services]:
    async with running_services(tmp_path_factory.mktemp("services") / "services.db") as running:
        yield running


@pytest.fixture(scope="session")
def examples() -> Mapping[str, Workflow]:
    """Every example as a reader's file says it."""
    return {workflow.name: workflow for workflow in catalogue.workflows()}


@pytest.fixture
async def world(services: Services) -> AsyncIterator[World]:
    # Nothing is encrypted on loopback, and reading the machine's certificates would take longer than most tests.
    async with httpx.AsyncClient(base_url=services.url, timeout=60, verify=False) as client:
        (await client.post("/_control/reset")).raise_for_status()
        yield World(client)


@pytest.fixture
def engine(tmp_path: Path, services: Services, world: World, examples: Mapping[str, Workflow]) -> Engine:
    """Opens an engine on this test's database; again and again, if the test wants that."""
    return partial(opened, tmp_path / "baton.db", services.service_urls, list(examples.values()))


@pytest.fixture
async def baton(engine: Engine) -> AsyncIterator[Orchestrator]:
    """An engine that is simply there."""
    async with engine() as running:
        yield running
