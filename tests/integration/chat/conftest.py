"""A gateway with graphs, an agent and a workflow, and chat clients in front of it."""

from collections.abc import AsyncIterator, Callable
from pathlib import Path

import httpx
import pytest
from langchain_openai import ChatOpenAI

from tests.support.gateway.agents import CLERK, TALKERS
from tests.support.gateway.calls import publish
from tests.support.gateway.definitions import REFUND
from tests.support.gateway.people import caller
from tests.support.gateway.serving import GRAPHS, Served, serving


@pytest.fixture
async def served(tmp_path: Path) -> AsyncIterator[Served]:
    async with serving(tmp_path / "baton.db", modules=(TALKERS,), config=GRAPHS, heartbeat=0.2) as gateway:
        async with caller(gateway.url) as http:
            await publish(http, CLERK)
            await publish(http, REFUND)
        yield gateway


@pytest.fixture
async def http(served: Served) -> AsyncIterator[httpx.AsyncClient]:
    async with httpx.AsyncClient(base_url=served.url, timeout=60) as raw:
        yield raw


@pytest.fixture
async def chat(served: Served) -> AsyncIterator[Callable[..., ChatOpenAI]]:
    """Makes what people have: a chat model of LangChain."""
    clients: list[httpx.AsyncClient] = []

    def make(model: str, **options: object) -> ChatOpenAI:
        clients.append(httpx.AsyncClient(timeout=60))
        settings = {"base_url": f"{served.url}/v1", "api_key": "none", "http_async_client": clients[-1], **options}
        return ChatOpenAI(model=model, **settings)

    yield make
    for client in clients:
        await client.aclose()
