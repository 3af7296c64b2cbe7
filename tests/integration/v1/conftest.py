"""A gateway for the tests of this folder."""

from collections.abc import AsyncIterator
from pathlib import Path

import httpx
import pytest

from tests.support.gateway.people import caller
from tests.support.gateway.serving import Served, serving


@pytest.fixture
async def served(tmp_path: Path) -> AsyncIterator[Served]:
    """A gateway that serves."""
    async with serving(tmp_path / "baton.db") as one:
        yield one


@pytest.fixture
async def client(served: Served) -> AsyncIterator[httpx.AsyncClient]:
    """Somebody on this machine, at an open gateway."""
    async with caller(served.url) as one:
        yield one
