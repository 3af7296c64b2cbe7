"""wire.md, section 1: threads."""

import asyncio
import uuid
from typing import Any

import pytest
from langgraph_sdk.client import LangGraphClient
from langgraph_sdk.errors import ConflictError, NotFoundError

from tests.acceptance.sdk.registry import ECHO, NOBODY, STATE, THREAD, new_thread, proves, whole


@proves("threads.create")
async def create(client: LangGraphClient) -> None:
    chosen = str(uuid.uuid4())
    made = whole(await client.threads.create(thread_id=chosen, metadata={"a": 1}, graph_id="echo"), THREAD)
    assert (made["thread_id"], made["status"], made["metadata"]) == (chosen, "idle", {"a": 1, "graph_id": "echo"})
    with pytest.raises(ConflictError):
        await client.threads.create(thread_id=chosen)
    assert await client.threads.create(thread_id=chosen, if_exists="do_nothing") == made


@proves("threads.create: supersteps")
async def supersteps(client: LangGraphClient) -> None:
    steps: Any = [
        {"updates": [{"values": {"text": "a"}, "as_node": "__input__"}]},
        {"updates": [{"values": {"text": "a"}, "as_node": "__start__"}]},
        {"updates": [{"values": {"said": ["one"]}, "as_node": "first"}]},
    ]
    thread = await new_thread(client, graph_id="slow", supersteps=steps)
    state = await client.threads.get_state(thread)
    assert (state["values"], state["next"]) == ({"text": "a", "said": ["one"]}, ["wait"])


@proves("threads.create: ttl")
async def ttl(client: LangGraphClient) -> None:
    thread = await new_thread(client, ttl={"ttl": 5, "strategy": "delete"})
    found: Any = await client.threads.get(thread, include=["ttl"])
    assert found["ttl"]["ttl"] == 5
    assert found["ttl"]["expires_at"] > found["created_at"]


@proves("threads.get")
async def get(client: LangGraphClient) -> None:
    thread = await new_thread(client)
    await client.runs.wait(thread, "echo", input={"text": "x"})
    found = whole(await client.threads.get(thread), THREAD)
    assert (found["values"]["said"], found["metadata"]["graph_id"]) == (["echo: x"], "echo")
    assert found["metadata"]["assistant_id"] == ECHO
    with pytest.raises(NotFoundError):
        await client.threads.get(NOBODY)


@proves("threads.update")
async def update(client: LangGraphClient) -> None:
    thread = await new_thread(client, metadata={"a": 1})
    changed = whole(await client.threads.update(thread, metadata={"b": {"c": 2}}, ttl=5), THREAD)
    assert changed["metadata"] == {"a": 1, "b": {"c": 2}}
    assert await client.threads.update(thread, metadata={"d": 3}, return_minimal=True) is None
    assert (await client.threads.get(thread))["metadata"] == {"a": 1, "b": {"c": 2}, "d": 3}


@proves("threads.delete")
async def delete(client: LangGraphClient) -> None:
    thread = await new_thread(client)
    run = await client.runs.create(thread, "slow", input={"text": "60"})
    await client.threads.delete(thread)
    with pytest.raises(NotFoundError):
        await client.threads.get(thread)
    with pytest.raises(NotFoundError):
        await client.runs.get(thread, run["run_id"])


@proves("threads.search", "threads.count")
async def search(client: LangGraphClient) -> None:
    mark = uuid.uuid4().hex
    threads = [await new_thread(client, metadata={"mark": mark, "n": {"at": number}}) for number in range(3)]
    await client.runs.wait(threads[0], "echo", input={"text": mark})
    await client.runs.wait(threads[1], "ask", input={"text": mark})
    ours: Any = {"metadata": {"mark": mark}}
    found = await client.threads.search(**ours, sort_by="created_at", sort_order="asc")
    assert [each["thread_id"] for each in found] == threads
    assert found[0]["values"]["said"] == [f"echo: {mark}"]
    assert [len(each["interrupts"]) for each in found] == [0, 1, 0]
    for wanted, index in (({"status": "interrupted"}, 1), ({"values": {"said": [f"echo: {mark}"]}}, 0)):
        assert [each["thread_id"] for each in await client.threads.search(**ours, **wanted)] == [threads[index]]
        assert await client.threads.count(**ours, **wanted) == 1
    assert len(await client.threads.search(ids=threads[:2])) == 2
    assert len(await client.threads.search(metadata={"mark": mark, "n": {"at": 2}})) == 1
    page = await client.threads.search(**ours, limit=1, offset=1, sort_by="created_at", sort_order="desc")
    assert page[0]["thread_id"] == threads[1]
    [brief] = await client.threads.search(ids=[threads[0]], select=["thread_id"], extract={"last": "values.said[-1]"})
    assert brief == {"thread_id": threads[0], "extracted": {"last": f"echo: {mark}"}}
    assert await client.threads.count(**ours) == 3


@proves("threads.copy")
async def copy(client: LangGraphClient) -> None:
    thread = await new_thread(client)
    await client.runs.wait(thread, "slow", input={"text": "0"})
    other: Any = await client.threads.copy(thread)
    assert other["thread_id"] != thread
    first, second = [await client.threads.get_history(each) for each in (thread, other["thread_id"])]
    assert [state["values"] for state in second] == [state["values"] for state in first]
    left: Any = await client.runs.wait(other["thread_id"], "slow", input={"text": "0"})
    assert left["said"] == ["after", "waited", "after", "waited"]
    assert (await client.threads.get_state(thread))["values"]["said"] == ["after", "waited"]


@proves("threads.prune")
async def prune(client: LangGraphClient) -> None:
    threads = [await new_thread(client) for _ in range(2)]
    for thread in threads:
        await client.runs.wait(thread, "slow", input={"text": "0"})
    kept: Any = await client.threads.prune([threads[0]], strategy="keep_latest")
    assert kept["pruned_count"] == 1
    assert len(await client.threads.get_history(threads[0])) == 1
    assert (await client.threads.get_state(threads[0]))["values"]["said"] == ["after", "waited"]
    gone: Any = await client.threads.prune([threads[1], NOBODY])
    assert gone["pruned_count"] == 1
    with pytest.raises(NotFoundError):
        await client.threads.get(threads[1])


@proves("threads.get_state")
async def get_state(client: LangGraphClient) -> None:
    thread = await new_thread(client)
    await client.runs.wait(thread, "nested", input={"text": "x"})
    now = whole(await client.threads.get_state(thread, subgraphs=True), STATE)
    assert (now["next"], now["interrupts"][0]["value"]) == (["child"], {"question": "Send 'x'?"})
    [task] = now["tasks"]
    assert {"id", "name", "path", "error", "interrupts", "checkpoint", "state", "result"} <= set(task)
    inner: Any = task["state"]
    assert inner["next"] == ["inner"]
    assert (await client.threads.get_state(thread, checkpoint=inner["checkpoint"]))["next"] == ["inner"]
    checkpoint: Any = now["checkpoint"]
    for at in ({"checkpoint_id": checkpoint["checkpoint_id"]}, {"checkpoint": checkpoint}):
        assert (await client.threads.get_state(thread, **at))["values"] == now["values"]
    with pytest.raises(NotFoundError):
        await client.threads.get_state(thread, checkpoint_id=NOBODY)


@proves("threads.update_state")
async def update_state(client: LangGraphClient) -> None:
    thread = await new_thread(client)
    await client.runs.wait(thread, "slow", input={"text": "0"})
    states = await client.threads.get_history(thread)
    at: Any = states[1]["checkpoint"]
    changed: Any = await client.threads.update_state(thread, {"said": ["edited"]}, as_node="first", checkpoint=at)
    assert {"checkpoint", "configurable", "checkpoint_id"} <= set(changed)
    left: Any = await client.runs.wait(thread, "slow", input=None, checkpoint=changed["checkpoint"])
    assert left["said"] == ["after", "edited", "waited"]
    asked = await new_thread(client)
    await client.runs.wait(asked, "ask", input={"text": "it"})
    await client.threads.update_state(asked, None, as_node="__end__")
    found = await client.threads.get(asked)
    assert (found["status"], found["interrupts"]) == ("idle", {})


@proves("threads.get_history")
async def get_history(client: LangGraphClient) -> None:
    thread = await new_thread(client)
    await client.runs.wait(thread, "slow", input={"text": "0"}, metadata={"first": True})
    states = [whole(state, STATE) for state in await client.threads.get_history(thread)]
    assert [state["next"] for state in states] == [[], ["wait"], ["first"], ["__start__"]]
    assert [state["metadata"]["source"] for state in states] == ["loop", "loop", "loop", "input"]
    assert states[0]["parent_checkpoint"] == states[1]["checkpoint"]
    here: Any = states[1]["checkpoint"]
    for before in (here, {"configurable": here}, here["checkpoint_id"]):
        assert await client.threads.get_history(thread, before=before) == states[2:]
    assert await client.threads.get_history(thread, limit=2) == states[:2]
    assert len(await client.threads.get_history(thread, metadata={"source": "input"})) == 1


@proves("threads.join_stream")
async def join_stream(client: LangGraphClient) -> None:
    thread = await new_thread(client)
    said: list[Any] = []
    opened = asyncio.Event()

    async def follow() -> None:
        stream = await client.threads.join_stream(thread, stream_mode=["run_modes", "lifecycle", "state_update"])
        opened.set()
        async for part in stream:
            said.append((part.event, part.data))
            if part.event == "state_update":
                return

    following = asyncio.create_task(follow())
    await asyncio.wait_for(opened.wait(), 60)
    await client.runs.wait(thread, "echo", input={"text": "a"})
    await asyncio.wait_for(following, 60)
    assert [event for event, _ in said] == ["metadata", "values", "values", "run_done", "state_update"]
    assert said[-1][1]["values"]["said"] == ["echo: a"]
