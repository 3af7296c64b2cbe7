"""One process of real services for all the tests of a session, emptied before each of them."""

from collections.abc import AsyncIterator

import httpx
import pytest
import pytest_asyncio

from api.demo.services.process import Services, running_services
from tests.unit.demo.support import Control


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def services(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Services]:
    async with running_services(tmp_path_factory.mktemp("demo") / "services.db") as running:
        yield running


@pytest.fixture
async def client(services: Services) -> AsyncIterator[httpx.AsyncClient]:
    # Nothing is encrypted on loopback, and reading the machine's certificates would take longer than most tests.
    async with httpx.AsyncClient(base_url=services.url, timeout=60, verify=False) as connected:
        (await connected.post("/_control/reset")).raise_for_status()
        yield connected


@pytest.fixture
def control(client: httpx.AsyncClient) -> Control:
    return Control(client)
