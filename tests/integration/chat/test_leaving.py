"""A chat client that leaves before its answer: its run goes on, or is stopped where that is wished."""

import asyncio
from pathlib import Path
from typing import Any

import httpx
import pytest

from graphs.state import ExecutionStatus
from orchestrator.store.port import ExecutionFilter
from tests.support.gateway.calls import publish
from tests.support.gateway.definitions import workflow
from tests.support.gateway.serving import Served, serving

WAITS = workflow("waits", {"name": "wait", "type": "delay", "config": {"seconds": 600}})
ASKED = {"model": "waits", "messages": [{"role": "user", "content": "wait"}]}


async def left(served: Served, body: dict[str, Any], *, stream: bool) -> Any:
    """Ask, leave once the run is under way, and give the execution some time after that."""
    async with httpx.AsyncClient(base_url=served.url, timeout=30) as http:
        await publish(http, WAITS)
        before = {one.id for one in await served.gateway.orchestrator.list(ExecutionFilter())}
        asking = asyncio.create_task(http.post("/v1/chat/completions", json={**body, "stream": stream}))
        baton = served.gateway.orchestrator
        async with asyncio.timeout(60):
            while not (found := await baton.list(ExecutionFilter(status=(ExecutionStatus.WAITING,)))) or (
                found[0].id in before
            ):
                await asyncio.sleep(0.02)
        asking.cancel()
        await asyncio.gather(asking, return_exceptions=True)
        return found[0].id


@pytest.mark.parametrize("stream", [True, False])
@pytest.mark.parametrize("by_setting", [True, False])
async def test_its_run_is_stopped_where_that_is_wished(tmp_path: Path, stream: bool, by_setting: bool) -> None:
    settings = {"chat_on_disconnect": "cancel"} if by_setting else {}
    async with serving(tmp_path / "baton.db", **settings) as served:
        body = ASKED if by_setting else {**ASKED, "on_disconnect": "cancel"}
        execution = await left(served, body, stream=stream)
        async with asyncio.timeout(60):
            ended = await served.gateway.orchestrator.wait(execution)
        assert ended.status == "cancelled"


@pytest.mark.parametrize("stream", [True, False])
async def test_its_run_goes_on_by_itself(tmp_path: Path, stream: bool) -> None:
    async with serving(tmp_path / "baton.db", chat_on_disconnect="cancel") as served:
        goes_on = await left(served, {**ASKED, "on_disconnect": "continue"}, stream=stream)
        stopped = await left(served, {**ASKED, "user": "another"}, stream=stream)
        baton = served.gateway.orchestrator
        async with asyncio.timeout(60):
            assert (await baton.wait(stopped)).status == "cancelled"
        assert (await baton.get(goes_on)).status == "waiting"
