"""A gateway with the test graphs, and the real client in front of it."""

from collections.abc import AsyncIterator
from pathlib import Path

import httpx
import pytest
from langgraph_sdk import get_client
from langgraph_sdk.client import LangGraphClient

from tests.support.gateway.people import caller
from tests.support.gateway.serving import FUNCTIONS, GRAPHS, Served, serving


@pytest.fixture
async def served(tmp_path: Path) -> AsyncIterator[Served]:
    """A gateway over real HTTP."""
    async with serving(tmp_path / "baton.db", modules=(FUNCTIONS,), config=GRAPHS, heartbeat=0.2) as gateway:
        yield gateway


@pytest.fixture
async def client(served: Served) -> AsyncIterator[LangGraphClient]:
    """What people have."""
    async with get_client(url=served.url, api_key=None, timeout=30) as sdk:
        yield sdk


@pytest.fixture
async def http(served: Served) -> AsyncIterator[httpx.AsyncClient]:
    """For what the client does not show."""
    async with caller(served.url) as raw:
        yield raw
