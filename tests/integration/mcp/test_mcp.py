"""Published workflows as MCP tools, with the official client."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from langchain_mcp_adapters.client import MultiServerMCPClient
from mcp import ClientSession
from mcp.client.streamable_http import streamable_http_client

from tests.support.gateway.calls import publish
from tests.support.gateway.definitions import REFUND, announces, asks, awaits, workflow
from tests.support.gateway.people import caller, make_key
from tests.support.gateway.serving import Served, serving
from tests.support.sentinel import SENTINEL

pytestmark = pytest.mark.capability("I14")


@pytest.fixture
async def served(tmp_path: Path) -> AsyncIterator[Served]:
    async with serving(tmp_path / "baton.db") as gateway:
        async with caller(gateway.url) as http:
            await publish(http, REFUND)
            await publish(http, workflow("quick", announces("one", "a"), announces("two", "b", at="{{ input.at }}")))
        yield gateway


@asynccontextmanager
async def session(url: str, key: str | None = None) -> AsyncIterator[ClientSession]:
    patience = timedelta(seconds=20)
    async with (
        caller(url, key) as http,
        streamable_http_client(f"{url}/mcp", http_client=http) as (read, write, _),
        ClientSession(read, write, read_timeout_seconds=patience) as client,
    ):
        await client.initialize()
        yield client


async def test_workflows_are_tools_with_the_schema_of_their_input(served: Served) -> None:
    async with session(served.url) as client:
        tools = {tool.name: tool for tool in (await client.list_tools()).tools}
    assert set(tools) == {"refund", "quick", "baton_wait", "baton_decide"}
    assert tools["refund"].inputSchema["properties"] == {"amount": {"type": "number"}}
    assert tools["baton_wait"].annotations and tools["baton_wait"].annotations.readOnlyHint


@pytest.mark.capability("A20")
async def test_what_cannot_be_read_is_in_no_log(served: Served, caplog: pytest.LogCaptureFixture) -> None:
    call = {"name": {"nested": SENTINEL}, "arguments": {"token": SENTINEL}}
    notice = {"requestId": {"token": SENTINEL}}
    async with caller(served.url) as http:
        http.headers["accept"] = "application/json, text/event-stream"
        answer = await http.post("/mcp", json={"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": call})
        assert "Invalid request parameters" in answer.text
        notice_body = {"jsonrpc": "2.0", "method": "notifications/cancelled", "params": notice}
        assert (await http.post("/mcp", json=notice_body)).status_code == 202
        assert (await http.post("/mcp", json={"jsonrpc": "2.0", "id": 2, "method": "ping"})).status_code == 200
    assert SENTINEL not in caplog.text


async def test_a_call_starts_and_waits_and_tells_how_far_it_is(served: Served) -> None:
    told: list[str | None] = []

    async def progress(done: float, total: float | None, message: str | None) -> None:
        told.append(message)

    async with session(served.url) as client:
        result = await client.call_tool("quick", {"at": "noon"}, progress_callback=progress)
    assert not result.isError
    assert result.structuredContent is not None
    assert (result.structuredContent["status"], result.structuredContent["workflow"]) == ("completed", "quick")
    assert sorted(str(message) for message in told) == ["one completed", "two completed"]


async def test_what_is_asked_is_decided_by_a_tool(served: Served) -> None:
    async with session(served.url) as client:
        asked = (await client.call_tool("refund", {"amount": 50})).structuredContent
        assert asked is not None
        [question] = asked["questions"]
        assert (asked["status"], question["message"], question["payload"]) == ("waiting", "ask?", {"amount": 50})
        decision = {"execution_id": asked["execution_id"], "digest": question["digest"]}
        stale = await client.call_tool("baton_decide", {**decision, "decision": "approve", "digest": "other"})
        assert stale.isError and stale.structuredContent and stale.structuredContent["status"] == 409
        unfit = await client.call_tool("baton_decide", {**decision, "decision": "edit", "data": {"amount": 1000}})
        assert unfit.isError
        done = await client.call_tool("baton_decide", {**decision, "decision": "edit", "data": {"amount": 20}})
        assert done.structuredContent is not None
        assert (done.structuredContent["status"], done.structuredContent["output"]) == ("completed", {"paid": 20})
        again = await client.call_tool("baton_decide", {**decision, "decision": "approve", "path": "ask"})
        assert again.isError and "ask" in str(again.content)


async def test_what_has_not_ended_is_waited_for(served: Served) -> None:
    baton = served.gateway.orchestrator
    async with caller(served.url) as http, session(served.url) as client:
        await publish(http, workflow("slow", awaits("paid", "paid")))
        started = (await client.call_tool("slow", {})).structuredContent
        assert started is not None and started["questions"] == []
        waiting = {"execution_id": started["execution_id"], "seconds": 0}
        still = (await client.call_tool("baton_wait", waiting)).structuredContent
        assert still is not None and still["status"] == "waiting"
        assert still["next"] == "It has not ended: wait with baton_wait. It waits for the event paid."
        await baton.publish_event("paid", {})
        await baton.wait(started["execution_id"])
        done = (await client.call_tool("baton_wait", {**waiting, "seconds": 20})).structuredContent
        assert done is not None and done["status"] == "completed"


async def test_mistakes_are_told_to_the_model(served: Served) -> None:
    async with session(served.url) as client:
        for name, arguments, code in (
            ("nobody", {}, "tool_not_found"),
            ("refund", {"amount": "much"}, "input_invalid"),
            ("baton_wait", {}, "argument_wrong"),
            ("baton_wait", {"execution_id": "x"}, "execution_not_found"),
            ("baton_wait", {"execution_id": "x", "seconds": -1}, "execution_not_found"),
        ):
            result = await client.call_tool(name, arguments)
            assert result.isError, name
            assert result.structuredContent is not None
            assert result.structuredContent["code"] == code, (name, result.structuredContent)


async def test_rights_and_tenants_hold_here_too(tmp_path: Path) -> None:
    async with serving(tmp_path / "baton.db") as served:
        baton = served.gateway.orchestrator
        async with caller(served.url, await make_key(baton, "admin", tenant="ours")) as http:
            await publish(http, workflow("asking", asks()))
        async with caller(served.url) as nobody:
            refused = await nobody.post("/mcp", json={})
        assert refused.status_code == 401
        async with session(served.url, await make_key(baton, "operator", tenant="ours")) as runner:
            names = {tool.name for tool in (await runner.list_tools()).tools}
            assert names == {"asking", "baton_wait"}
            started: Any = (await runner.call_tool("asking", {})).structuredContent
            decision = {"execution_id": started["execution_id"], "decision": "approve"}
            decision["digest"] = started["questions"][0]["digest"]
            result = await runner.call_tool("baton_decide", decision)
            assert result.isError and result.structuredContent and result.structuredContent["code"] == "not_allowed"
        async with session(served.url, await make_key(baton, "admin", tenant="theirs")) as stranger:
            assert {tool.name for tool in (await stranger.list_tools()).tools} == {"baton_wait", "baton_decide"}
            hidden = await stranger.call_tool("baton_decide", decision)
            assert hidden.structuredContent and hidden.structuredContent["code"] == "execution_not_found"
        async with session(served.url, await make_key(baton, "approver", tenant="ours")) as ann:
            done = (await ann.call_tool("baton_decide", decision)).structuredContent
            assert done is not None and done["status"] == "completed"
            assert done["output"] is None  # what came of it is for those who may read


async def test_langchains_adapters_make_tools_of_them(served: Served) -> None:
    client = MultiServerMCPClient({"baton": {"transport": "streamable_http", "url": f"{served.url}/mcp"}})
    tools = {tool.name: tool for tool in await client.get_tools()}
    said = await tools["quick"].ainvoke({"at": "noon"})
    assert '"completed"' in str(said)


@pytest.mark.capability("Q01")
async def test_the_same_idempotency_key_is_the_same_execution(served: Served) -> None:
    async with session(served.url) as client:

        async def called(amount: int, key: str) -> Any:
            result = await client.call_tool("refund", {"amount": amount}, meta={"baton/idempotency-key": key})
            return result.structuredContent

        first, again, other = await called(1, "k"), await called(1, "k"), await called(1, "l")
        assert first["execution_id"] == again["execution_id"] != other["execution_id"]
        refused = await called(2, "k")
        assert (refused["code"], refused["execution_id"]) == ("idempotency_key_reused", first["execution_id"])
    async with caller(served.url) as http:
        assert len((await http.get("/v1/executions")).json()["executions"]) == 2
