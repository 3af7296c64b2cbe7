"""A model provider that fails, as whoever chats with the built-in agent meets it: after a while nobody calls it any
more, and the answer says so at once; or it waits until the provider is well again, where that is wanted."""

import asyncio
import json
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest
from langgraph_sdk import get_client

from agents.models.scripts import Script
from api.demo.provider import Fault, Provider
from api.demo.provider import serving as providing
from tests.support.gateway.serving import Served, serving

pytestmark = pytest.mark.capability("R12", "I05")

MODULE = """
import os
from agents import Models

def resources():
    settings = {"openai": {"base_url": os.environ["PROVIDER"], "api_key": "sk-none", "max_retries": 0}}
    return [Models(settings=settings)]
"""
LIMITS = {"openai": {"breaker": {"failure_threshold": 1, "open_for": "1h"}}}


@pytest.fixture
def provider(monkeypatch: pytest.MonkeyPatch) -> Iterator[Provider]:
    provider = Provider([Script("m", otherwise="echo")])
    provider.fail(*[Fault("500")] * 50)
    with providing(provider) as url:
        monkeypatch.setenv("PROVIDER", url)
        monkeypatch.setenv("BATON_MODEL", "openai:m")
        monkeypatch.setenv("BATON_LIMITS", json.dumps(LIMITS))
        yield provider


@asynccontextmanager
async def gateway(folder: Path) -> AsyncIterator[tuple[Served, httpx.AsyncClient]]:
    (folder / "shop.py").write_text(MODULE)
    async with (
        serving(folder / "baton.db", modules=(str(folder / "shop.py"),)) as served,
        httpx.AsyncClient(base_url=served.url, timeout=60) as http,
    ):
        yield served, http


def chat(http: httpx.AsyncClient, words: str = "hello", **more: Any) -> Any:
    body = {"model": "agent", "messages": [{"role": "user", "content": words}], **more}
    return http.post("/v1/chat/completions", json=body)


async def test_behind_an_open_breaker_an_answer_says_so_at_once_and_nobody_is_called(
    provider: Provider, tmp_path: Path
) -> None:
    async with gateway(tmp_path) as (served, http):
        assert (await chat(http)).status_code == 422
        assert len(provider.asked) == 1
        told = (await chat(http, "again")).json()["error"]
        assert told["message"].startswith("The run failed: 'openai' is left alone until ")
        assert "its circuit breaker is open" in told["message"] and "baton breakers" not in told["message"]
        streamed = (await chat(http, "streamed", stream=True)).text
        assert "its circuit breaker is open" in streamed and '"error"' in streamed
        async with get_client(url=served.url, api_key=None) as client:
            thread = (await client.threads.create())["thread_id"]
            given = {"messages": [{"role": "user", "content": "hello"}]}
            error = (await client.runs.wait(thread, "agent", input=given, raise_error=False))["__error__"]
            assert (error["code"], (await client.threads.get(thread))["status"]) == ("breaker_open", "error")
            [run] = await client.runs.list(thread)
            assert run["status"] == "error"
            execution = (await http.get(f"/v1/executions/{run['run_id']}")).json()["execution"]
            assert (execution["status"], execution["error"]["code"]) == ("failed", "breaker_open")
        assert len(provider.asked) == 1

        provider.recover()
        await served.gateway.orchestrator.reset_breaker("openai")
        answer = (await chat(http, "well again?")).json()
        assert answer["choices"][0]["message"]["content"] == "You said: well again?"


async def test_an_answer_may_wait_until_the_provider_is_well_again(
    provider: Provider, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("BATON_ASSISTANT", '{"breaker": "wait"}')
    async with gateway(tmp_path) as (served, http):
        baton = served.gateway.orchestrator
        waiting = asyncio.create_task(chat(http))
        async with asyncio.timeout(60):
            while not [breaker for breaker in await baton.breakers() if breaker.waiting]:
                await asyncio.sleep(0.05)
        assert not waiting.done()
        provider.recover()
        await baton.reset_breaker("openai")
        answer = (await waiting).json()
        assert answer["choices"][0]["message"]["content"] == "You said: hello"
        assert len(provider.asked) == 2
