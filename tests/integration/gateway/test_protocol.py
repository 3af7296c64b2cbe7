"""The agent protocol through `client.threads.stream()`, and raw."""

import asyncio
from typing import Any

import httpx
import pytest
from langchain_core.language_models.chat_model_stream import AsyncChatModelStream
from langgraph_sdk.client import LangGraphClient
from langgraph_sdk.stream.decoders import MessagesDecoder

from tests.support.gateway.serving import Served


async def test_a_run_is_started_followed_and_its_output_awaited(client: LangGraphClient) -> None:
    async with client.threads.stream(assistant_id="slow") as thread:
        values: list[Any] = []

        async def follow() -> None:
            values.extend([value async for value in thread.values])

        started = await thread.run.start(input={"text": "0.1"})
        following = asyncio.create_task(follow())
        assert await asyncio.wait_for(_output(thread), 60) == {"text": "0.1", "said": ["after", "waited"]}
        await asyncio.wait_for(following, 60)
        assert values[-1] == {"text": "0.1", "said": ["after", "waited"]}
        run = await client.runs.get(thread.thread_id, started["run_id"])
        assert run["status"] == "success"


async def _output(thread: Any) -> Any:
    return await thread.output


async def test_messages_come_block_by_block(http: httpx.AsyncClient) -> None:
    thread = (await http.post("/threads", json={})).json()["thread_id"]
    given = {"messages": [{"role": "user", "content": "hello"}]}
    body = {"id": 1, "method": "run.start", "params": {"assistant_id": "chat", "input": given}}
    started = (await http.post(f"/threads/{thread}/commands", json=body)).json()
    await http.get(f"/threads/{thread}/runs/{started['result']['run_id']}/join")
    seen = await _read(http, thread, {"channels": ["messages"], "since": 0}, until="message-finish")
    # What the client makes of them.
    decoder = MessagesDecoder([], lambda **facts: AsyncChatModelStream(**facts))
    [message] = [stream for event in seen for stream in decoder.feed(event)]
    assert [piece async for piece in message.text] == ["You", " ", "said", " ", "hello."]
    assert (await message).content == [{"type": "text", "text": "You said hello.", "index": 0}]


async def test_a_question_is_asked_and_answered(client: LangGraphClient) -> None:
    async with client.threads.stream(assistant_id="ask") as thread:
        await thread.run.start(input={"text": "it"})
        async with asyncio.timeout(60):
            while not thread.interrupts:
                await asyncio.sleep(0.02)
        [asked] = thread.interrupts
        assert asked["value"] == {"question": "Send 'it'?"}
        await thread.run.respond("yes")
        left: Any = await asyncio.wait_for(_output(thread), 60)
    assert left["said"] == ["answered: yes", "after"]


async def test_a_failure_is_told(client: LangGraphClient) -> None:
    async with client.threads.stream(assistant_id="failing") as thread:
        await thread.run.start(input={"text": "x"})
        with pytest.raises(RuntimeError, match="no good: x"):
            await asyncio.wait_for(_output(thread), 60)


async def test_what_is_no_command_is_told_in_the_protocols_words(http: httpx.AsyncClient) -> None:
    thread = (await http.post("/threads", json={})).json()["thread_id"]

    async def send(method: str, **params: Any) -> Any:
        answer = await http.post(f"/threads/{thread}/commands", json={"id": 1, "method": method, "params": params})
        assert answer.status_code == 200
        return answer.json()

    assert (await send("state.get"))["error"] == "unknown_command"
    assert (await send("run.start", assistant_id="nobody"))["error"] == "graph_unknown"
    assert (await send("run.start"))["type"] == "error"
    assert (await send("input.respond", interrupt_id="x", response=1))["error"] == "no_such_interrupt"
    tree = await send("agent.getTree", assistant_id="slow")
    assert [node["id"] for node in tree["result"]["nodes"]] == ["__start__", "first", "wait", "__end__"]
    unknown = await http.post("/threads/5d0c1b9e-0000-4000-8000-000000000000/stream/events", json={"channels": []})
    assert unknown.status_code == 404


async def test_events_are_chosen_by_channel_and_numbered(http: httpx.AsyncClient) -> None:
    thread = (await http.post("/threads", json={})).json()["thread_id"]
    body = {"id": 1, "method": "run.start", "params": {"assistant_id": "nested", "input": {"text": "x"}}}
    started = (await http.post(f"/threads/{thread}/commands", json=body)).json()
    await http.get(f"/threads/{thread}/runs/{started['result']['run_id']}/join")
    seen = await _read(
        http, thread, {"channels": ["lifecycle", "input", "checkpoints"], "since": 0}, until="interrupted"
    )
    methods = [event["method"] for event in seen]
    assert (methods[0], methods[-1]) == ("lifecycle", "lifecycle")
    assert methods.count("input.requested") == 1
    assert [event["seq"] for event in seen] == sorted(event["seq"] for event in seen)
    checkpoint = next(event for event in seen if event["method"] == "checkpoints")
    assert set(checkpoint["params"]["data"]) == {"id", "parent_id", "step", "source"}
    inner = await _read(http, thread, {"channels": ["values"], "namespaces": [["child"]], "since": 0}, until=None)
    assert {event["params"]["namespace"][0].partition(":")[0] for event in inner} == {"child"}


async def _read(http: httpx.AsyncClient, thread: str, body: Any, until: str | None) -> list[Any]:
    seen: list[Any] = []
    async with http.stream("POST", f"/threads/{thread}/stream/events", json=body) as answer:
        async for line in answer.aiter_lines():
            if line.startswith("data: "):
                seen.append(httpx.Response(200, content=line[6:]).json())
                if seen[-1]["params"]["data"].get("event") == until:
                    return seen
            if line == ": heartbeat":
                return seen
    return seen


async def test_the_streams_of_a_threads_runs_are_joined(client: LangGraphClient, served: Served) -> None:
    thread = (await client.threads.create())["thread_id"]
    said: dict[str, list[Any]] = {}

    async def join(mode: Any, until: int) -> None:
        said[mode] = []
        async for part in await client.threads.join_stream(thread, stream_mode=mode, last_event_id="-1"):
            said[mode].append(part)
            if len(said[mode]) == until:
                return

    served.gateway.desk.hub.watch(thread)
    for text in ("a", "b"):
        await client.runs.wait(thread, "echo", input={"text": text})
    async with asyncio.timeout(60):
        await join("lifecycle", 4)
        await client.threads.update_state(thread, {"text": "c"})
        await join("state_update", 3)
        await join("run_modes", 8)
    assert [part.event for part in said["lifecycle"]] == ["metadata", "run_done"] * 2
    assert said["lifecycle"][1].data["status"] == "success"
    assert [part.data["values"]["text"] for part in said["state_update"]] == ["a", "b", "c"]
    assert (told := said["state_update"][2].data)["thread_id"] == thread
    assert told["state"] == await client.threads.get_state(thread)
    assert [part.event for part in said["run_modes"]] == ["metadata", "values", "values", "run_done"] * 2
