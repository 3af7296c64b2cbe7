"""wire.md, section 4: events of a thread, over server-sent events and over a WebSocket."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

import pytest
from langgraph_sdk.client import LangGraphClient

from tests.acceptance.sdk.registry import CHECKS

Ways = Callable[[LangGraphClient, Any], Awaitable[None]]


def on_both_ways(name: str) -> Callable[[Ways], Ways]:
    """The check proves it over both."""

    def register(check: Ways) -> Ways:
        for transport in ("sse", "websocket"):
            CHECKS[f"threads.stream: {name}, {transport}"] = lambda client, way=transport: check(client, way)  # type: ignore[misc]
        return check

    return register


async def soon(waited: Awaitable[Any]) -> Any:
    async def wait() -> Any:
        return await waited

    return await asyncio.wait_for(wait(), 20)


@on_both_ways("run.start, values and output")
async def values(client: LangGraphClient, transport: Any) -> None:
    async with client.threads.stream(assistant_id="slow", transport=transport) as thread:
        seen: list[Any] = []

        async def follow() -> None:
            seen.extend([value async for value in thread.values])

        started = await thread.run.start(input={"text": "0.1"})
        following = asyncio.create_task(follow())
        assert (await soon(thread.output))["said"] == ["after", "waited"]
        await soon(following)
        assert seen[-1]["said"] == ["after", "waited"]
        assert (await client.runs.get(thread.thread_id, started["run_id"]))["status"] == "success"


@on_both_ways("messages")
async def messages(client: LangGraphClient, transport: Any) -> None:
    there = (await client.threads.create())["thread_id"]
    async with client.threads.stream(there, assistant_id="chat", transport=transport) as thread:

        async def read() -> list[str]:
            [message] = [message async for message in thread.messages]
            return [piece async for piece in message.text]

        reading = asyncio.create_task(read())
        await asyncio.sleep(0)
        await thread.run.start(input={"messages": [{"role": "user", "content": "hello"}]})
        assert "".join(await soon(reading)) == "You said hello."


@on_both_ways("input.respond")
async def respond(client: LangGraphClient, transport: Any) -> None:
    async with client.threads.stream(assistant_id="ask", transport=transport) as thread:
        await thread.run.start(input={"text": "it"})
        async with asyncio.timeout(20):
            while not thread.interrupts:
                await asyncio.sleep(0.01)
        assert thread.interrupts[0]["value"] == {"question": "Send 'it'?"}
        await thread.run.respond("yes")
        assert (await soon(thread.output))["said"] == ["answered: yes", "after"]


@on_both_ways("a failure")
async def failure(client: LangGraphClient, transport: Any) -> None:
    async with client.threads.stream(assistant_id="failing", transport=transport) as thread:
        await thread.run.start(input={"text": "x"})
        with pytest.raises(RuntimeError, match="no good: x"):
            await soon(thread.output)


@on_both_ways("agent.getTree")
async def tree(client: LangGraphClient, transport: Any) -> None:
    async with client.threads.stream(assistant_id="slow", transport=transport) as thread:
        await thread.run.start(input={"text": "0"})
        found: Any = await thread.agent.get_tree()
        assert [node["id"] for node in found["nodes"]] == ["__start__", "first", "wait", "__end__"]


@on_both_ways("subscribe")
async def subscribe(client: LangGraphClient, transport: Any) -> None:
    there = (await client.threads.create())["thread_id"]
    async with client.threads.stream(there, assistant_id="slow", transport=transport) as thread:

        async def read() -> set[str]:
            return {event["method"] async for event in thread.subscribe(["checkpoints", "tasks", "updates"])}

        reading = asyncio.create_task(read())
        await asyncio.sleep(0)
        await thread.run.start(input={"text": "0.2"})
        assert await soon(reading) == {"checkpoints", "tasks", "updates"}


CHECKS["threads.stream"] = lambda client: values(client, "sse")
