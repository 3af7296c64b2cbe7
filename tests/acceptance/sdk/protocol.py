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

    return await asyncio.wait_for(wait(), 60)


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
        async with asyncio.timeout(60):
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


WORD = {"messages": [{"role": "user", "content": "oak"}]}


@on_both_ways("tool_calls and extensions")
async def tool_calls(client: LangGraphClient, transport: Any) -> None:
    there = (await client.threads.create())["thread_id"]
    async with client.threads.stream(there, assistant_id="crew", transport=transport) as thread:

        async def read() -> list[Any]:
            calls = [call async for call in thread.tool_calls]
            return [(call.name, call.input, [each async for each in call.deltas], await call.output) for call in calls]

        async def hear() -> list[Any]:
            return [said async for said in thread.extensions["progress"]]

        reading, hearing = asyncio.create_task(read()), asyncio.create_task(hear())
        await asyncio.sleep(0)
        await thread.run.start(input=WORD)
        [(name, given, deltas, output)] = await soon(reading)
        assert (name, given["word"], deltas) == ("look_up", "oak", ["looking"])
        assert "found oak" in str(output)
        assert {"name": "progress", "of": "oak"} in await soon(hearing)


@on_both_ways("subgraphs")
async def subgraphs(client: LangGraphClient, transport: Any) -> None:
    there = (await client.threads.create())["thread_id"]
    async with client.threads.stream(there, assistant_id="crew", transport=transport) as thread:

        async def read() -> list[Any]:
            found = []
            for child in [child async for child in thread.subgraphs]:
                calls = [call.name async for call in child.tool_calls]
                said = [message async for message in child.messages]
                words = ["".join([piece async for piece in message.text]) for message in said]
                found.append((child.graph_name, child.status, calls, words))
            return found

        reading = asyncio.create_task(read())
        await asyncio.sleep(0)
        await thread.run.start(input=WORD)
        assert await soon(reading) == [("worker", "completed", ["look_up"], ["You said found found oak."])]


@on_both_ways("interleave_projections")
async def interleave(client: LangGraphClient, transport: Any) -> None:
    there = (await client.threads.create())["thread_id"]
    wanted = ["values", "messages", "tool_calls", "subgraphs", "progress", "updates", "tasks", "checkpoints"]
    async with client.threads.stream(there, assistant_id="crew", transport=transport) as thread:

        async def read() -> list[tuple[str, Any]]:
            return [each async for each in thread.interleave_projections(wanted)]

        reading = asyncio.create_task(read())
        await asyncio.sleep(0)
        await thread.run.start(input=WORD)
        seen = await soon(reading)
        assert {name for name, _ in seen} >= set(wanted) - {"messages"}  # nothing at the root of it speaks
        last = [item for name, item in seen if name == "values"][-1]
        assert (await soon(thread.output.with_timeout(60)))["messages"] == last["messages"]


@on_both_ways("events, and close")
async def events(client: LangGraphClient, transport: Any) -> None:
    there = (await client.threads.create())["thread_id"]
    async with client.threads.stream(there, assistant_id="crew", transport=transport) as thread:

        async def read() -> list[Any]:
            found = []
            async for event in thread.events:
                if event["type"] != "event":  # over a WebSocket, that the client was understood
                    continue
                found.append(event)
                if event["method"] == "lifecycle" and event["params"]["data"]["event"] == "completed":
                    break
            return found

        reading = asyncio.create_task(read())
        await asyncio.sleep(0)
        await thread.run.start(input=WORD)
        seen = await soon(reading)
        assert {event["method"] for event in seen} >= {"values", "updates", "messages", "tools", "lifecycle", "tasks"}
        numbers = [event["seq"] for event in seen]
        assert numbers == sorted(set(numbers))
        await soon(thread.close())


CHECKS["threads.stream"] = lambda client: values(client, "sse")
