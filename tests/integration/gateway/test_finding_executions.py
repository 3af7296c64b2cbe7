"""Searches for threads find executions as they stand, however they were started, answered and ended."""

from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest
from langgraph_sdk.client import LangGraphClient

from graphs.state import ExecutionStatus
from orchestrator.engine import Orchestrator
from tests.support.gateway.calls import publish
from tests.support.gateway.definitions import asks, workflow
from tests.support.gateway.people import caller
from tests.support.gateway.serving import Served

pytestmark = pytest.mark.capability("I23")


@pytest.fixture
async def http(served: Served) -> AsyncIterator[httpx.AsyncClient]:
    async with caller(served.url) as client:
        await publish(client, workflow("refund", asks()))
        yield client


async def started(http: httpx.AsyncClient, baton: Orchestrator) -> str:
    """An execution that was started elsewhere, and asks."""
    execution_id: str = (await http.post("/v1/executions", json={"workflow": "refund"})).json()["id"]
    await baton.wait(execution_id, until="rest")
    return execution_id


async def found(client: LangGraphClient, **which: Any) -> list[str]:
    """Ids of the threads that fit, which are as many as are counted."""
    threads = await client.threads.search(**which)
    assert await client.threads.count(**which) == len(threads)
    return [thread["thread_id"] for thread in threads]


async def test_what_was_started_elsewhere_is_found_by_whoever_looks_for_questions(
    client: LangGraphClient, served: Served, http: httpx.AsyncClient
) -> None:
    execution = await started(http, served.gateway.orchestrator)
    own = (await client.assistants.search(graph_id="refund"))[0]["assistant_id"]
    for named in ({"graph_id": "refund"}, {"assistant_id": own}):
        assert await found(client, status="interrupted", metadata=named) == [execution]
    [thread] = await client.threads.search(status="interrupted")
    [[question]] = (thread["interrupts"] or {}).values()
    assert question["value"]["description"] == "ask?"
    await client.runs.wait(execution, own, command={"resume": {question["id"]: "approve"}})
    assert await found(client, status="interrupted") == []
    assert await found(client, status="idle") == [execution]


async def test_what_was_answered_elsewhere_is_no_longer_found_as_asked(
    client: LangGraphClient, served: Served, http: httpx.AsyncClient
) -> None:
    thread = (await client.threads.create())["thread_id"]
    await client.runs.wait(thread, "refund", input={})
    assert await found(client, status="interrupted", values={"status": "waiting"}) == [thread]
    await served.gateway.orchestrator.decide(thread, "ask", "approve")
    await served.gateway.orchestrator.wait(thread)
    assert await found(client, status="interrupted") == []
    assert await found(client, status="idle", values={"status": "completed"}) == [thread]


async def test_it_is_found_once_before_and_after_its_thread_was_asked_for(
    client: LangGraphClient, served: Served, http: httpx.AsyncClient
) -> None:
    baton = served.gateway.orchestrator
    execution = await started(http, baton)
    assert await found(client) == [execution]
    assert (await client.threads.get(execution))["metadata"]["graph_id"] == "refund"
    assert await found(client) == [execution]
    await baton.cancel(execution)
    assert (await baton.wait(execution)).status is ExecutionStatus.CANCELLED
    assert await found(client, status="idle") == [execution]
    assert await found(client, status="interrupted") == []


async def test_what_waits_for_nobody_is_busy(client: LangGraphClient, served: Served, http: httpx.AsyncClient) -> None:
    pause = {"name": "pause", "type": "delay", "config": {"seconds": 3600}}
    await publish(http, workflow("later", pause))
    execution = (await http.post("/v1/executions", json={"workflow": "later"})).json()["id"]
    await served.gateway.orchestrator.wait(execution, until="rest")
    assert await found(client, status="busy") == [execution]
    assert await found(client, status="interrupted") == []
