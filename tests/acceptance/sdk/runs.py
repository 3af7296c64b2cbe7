"""wire.md, sections 1 and 2: runs, and what they stream."""

import asyncio
from typing import Any

import pytest
from langgraph_sdk.client import LangGraphClient
from langgraph_sdk.errors import ConflictError, NotFoundError

from tests.acceptance.sdk.registry import NOBODY, RUN, new_thread, proves, whole

HELLO: Any = {"messages": [{"role": "user", "content": "hello"}]}


async def parts(stream: Any) -> list[tuple[str, Any]]:
    """What a stream said."""
    return [(part.event, part.data) async for part in stream]


async def under_way(client: LangGraphClient, thread: str, seconds: str = "60") -> Any:
    """A run that has done its first node, and sleeps in its second."""
    run = await client.runs.create(thread, "slow", input={"text": seconds}, stream_mode="updates")
    async for part in client.runs.join_stream(thread, run["run_id"], last_event_id="-1"):
        if part.event == "updates":
            break
    return run


async def status(client: LangGraphClient, run: Any) -> str:
    return str((await client.runs.get(run["thread_id"], run["run_id"]))["status"])


# -- the methods -------------------------------------------------------------------------------------------------------


@proves("runs.create")
async def create(client: LangGraphClient) -> None:
    thread, created = await new_thread(client), []
    run = whole(
        await client.runs.create(thread, "echo", input={"text": "a"}, metadata={"m": 1}, on_run_created=created.append),
        RUN,
    )
    assert (run["status"], run["metadata"], run["multitask_strategy"]) == ("pending", {"m": 1}, "enqueue")
    assert created == [{"run_id": run["run_id"], "thread_id": thread}]
    assert (await client.runs.join(thread, run["run_id"]))["said"] == ["echo: a"]
    with pytest.raises(NotFoundError):
        await client.runs.create(NOBODY, "echo", input={})


@proves("runs.create: after_seconds")
async def later(client: LangGraphClient) -> None:
    thread = await new_thread(client)
    later = await client.runs.create(thread, "echo", input={"text": "later"}, after_seconds=3600)
    soon = await client.runs.create(thread, "echo", input={"text": "soon"}, after_seconds=0.1)
    assert (await client.runs.join(thread, soon["run_id"]))["said"] == ["echo: soon"]
    assert await status(client, later) == "pending"
    await client.runs.cancel(thread, later["run_id"])


@proves("runs.create: if_not_exists")
async def make_thread(client: LangGraphClient) -> None:
    thread = (await client.threads.create())["thread_id"]
    await client.threads.delete(thread)
    left: Any = await client.runs.wait(thread, "echo", input={"text": "a"}, if_not_exists="create")
    assert left["said"] == ["echo: a"]
    assert (await client.threads.get(thread))["status"] == "idle"


@proves("runs.create_batch")
async def create_batch(client: LangGraphClient) -> None:
    wanted: Any = [{"assistant_id": "echo", "input": {"text": text}, "on_completion": "keep"} for text in "ab"]
    runs: Any = await client.runs.create_batch(wanted)
    left = [await client.runs.join(run["thread_id"], run["run_id"]) for run in runs]
    assert [each["said"] for each in left] == [["echo: a"], ["echo: b"]]


@proves("runs.list", "runs.get")
async def listed(client: LangGraphClient) -> None:
    thread = await new_thread(client)
    for text in "abc":
        await client.runs.wait(thread, "echo", input={"text": text})
    runs = await client.runs.list(thread)
    assert [run["kwargs"]["input"]["text"] for run in runs] == ["c", "b", "a"]
    assert await client.runs.list(thread, limit=1, offset=1) == [runs[1]]
    assert await client.runs.list(thread, status="error") == []
    assert await client.runs.list(thread, select=["run_id"], limit=1) == [{"run_id": runs[0]["run_id"]}]
    assert whole(await client.runs.get(thread, runs[0]["run_id"]), RUN) == runs[0]
    with pytest.raises(NotFoundError):
        await client.runs.get(thread, NOBODY)


@proves("runs.wait")
async def wait(client: LangGraphClient) -> None:
    thread = await new_thread(client)
    assert await client.runs.wait(thread, "echo", input={"text": "a"}) == {"text": "a", "said": ["echo: a"]}
    assert await client.runs.wait(None, "echo", input={"text": "a"}) == {"text": "a", "said": ["echo: a"]}
    asked: Any = await client.runs.wait(thread, "ask", input={"text": "it"})
    assert asked["__interrupt__"][0]["value"] == {"question": "Send 'it'?"}
    failed: Any = await client.runs.wait(None, "failing", input={"text": "x"}, raise_error=False)
    assert failed == {"__error__": {"error": "ValueError", "message": "no good: x"}}
    with pytest.raises(Exception, match="no good: x"):
        await client.runs.wait(None, "failing", input={"text": "x"})


@proves("runs.stream")
async def stream(client: LangGraphClient) -> None:
    thread, created = await new_thread(client), []
    said = await parts(
        client.runs.stream(
            thread, "echo", input={"text": "a"}, stream_mode=["values", "updates"], on_run_created=created.append
        )
    )
    assert [event for event, _ in said] == ["metadata", "values", "updates", "values"]
    assert (said[0][1]["run_id"], said[0][1]["attempt"]) == (created[0]["run_id"], 1)
    assert said[2][1] == {"say": {"said": ["echo: a"]}}
    failed = await parts(client.runs.stream(None, "failing", input={"text": "x"}))
    assert failed[-1] == ("error", {"error": "ValueError", "message": "no good: x"})
    second: Any = [part async for part in client.runs.stream(None, "echo", input={"text": "a"}, version="v2")]
    assert {"type", "ns", "data"} <= set(second[-1])


@proves("runs.join")
async def join(client: LangGraphClient) -> None:
    thread = await new_thread(client)
    run = await client.runs.create(thread, "slow", input={"text": "0.1"})
    for _ in range(2):
        assert (await client.runs.join(thread, run["run_id"]))["said"] == ["after", "waited"]


@proves("runs.join_stream")
async def join_stream(client: LangGraphClient) -> None:
    thread = await new_thread(client)
    run = await client.runs.create(
        thread, "slow", input={"text": "0.1"}, stream_mode=["updates", "values"], stream_resumable=True
    )
    whole_of_it = [part async for part in client.runs.join_stream(thread, run["run_id"], last_event_id="-1")]
    assert [part.event for part in whole_of_it] == ["metadata", "values", "updates", "values", "updates", "values"]
    middle = whole_of_it[2].id
    rest = [part async for part in client.runs.join_stream(thread, run["run_id"], last_event_id=middle)]
    assert rest == whole_of_it[3:]
    chosen = client.runs.join_stream(thread, run["run_id"], last_event_id="-1", stream_mode="updates")
    assert [part.event async for part in chosen] == ["metadata", "updates", "updates"]


@proves("runs.cancel")
async def cancel(client: LangGraphClient) -> None:
    thread = await new_thread(client)
    run = await under_way(client, thread)
    await client.runs.cancel(thread, run["run_id"], wait=True)
    assert await status(client, run) == "interrupted"
    undone = await under_way(client, thread)
    await client.runs.cancel(thread, undone["run_id"], wait=True, action="rollback")
    with pytest.raises(NotFoundError):
        await status(client, undone)
    assert (await client.threads.get_state(thread))["values"]["said"] == ["after"]
    with pytest.raises(ConflictError):
        await client.runs.cancel(thread, run["run_id"])


@proves("runs.cancel_many")
async def cancel_many(client: LangGraphClient) -> None:
    thread = await new_thread(client)
    first = await under_way(client, thread)
    second = await client.runs.create(thread, "echo", input={"text": "a"})
    await client.runs.cancel_many(thread_id=thread, run_ids=[second["run_id"]])
    assert await status(client, second) == "interrupted"
    await client.runs.cancel_many(thread_id=thread, status="all")
    await client.runs.join(thread, first["run_id"])
    assert await status(client, first) == "interrupted"


@proves("runs.delete")
async def delete(client: LangGraphClient) -> None:
    thread = await new_thread(client)
    run = await under_way(client, thread)
    with pytest.raises(ConflictError):
        await client.runs.delete(thread, run["run_id"])
    await client.runs.cancel(thread, run["run_id"], wait=True)
    await client.runs.delete(thread, run["run_id"])
    with pytest.raises(NotFoundError):
        await status(client, run)


# -- what is streamed --------------------------------------------------------------------------------------------------


@proves("runs.stream: messages-tuple")
async def tuples(client: LangGraphClient) -> None:
    said = await parts(client.runs.stream(None, "chat", input=HELLO, stream_mode="messages-tuple"))
    assert {event for event, _ in said[1:]} == {"messages"}
    assert "".join(data[0]["content"] for _, data in said[1:]) == "You said hello."
    tools = await parts(client.runs.stream(None, "tools", input=HELLO, stream_mode="messages-tuple"))
    assert [data[0]["type"] for _, data in tools[1:3]] == ["ai", "tool"]


@proves("runs.stream: messages")
async def messages(client: LangGraphClient) -> None:
    said = await parts(client.runs.stream(None, "chat", input=HELLO, stream_mode="messages"))
    events = [event for event, _ in said[1:]]
    assert (events[0], set(events[1:])) == ("messages/metadata", {"messages/partial", "messages/complete"} & {*events})
    assert said[-1][1][0]["content"] == "You said hello."


@proves("runs.stream: tool messages")
async def tool_messages(client: LangGraphClient) -> None:
    said = await parts(client.runs.stream(None, "tools", input=HELLO, stream_mode=["values"]))
    kinds = [message["type"] for message in said[-1][1]["messages"]]
    assert kinds == ["human", "ai", "tool", "ai"]
    assert said[-1][1]["messages"][1]["tool_calls"][0]["name"] == "look_up"
    assert said[-1][1]["messages"][2]["tool_call_id"] == "call-1"


@proves("runs.stream: custom, tasks, checkpoints, debug, events, tools, lifecycle")
async def other_modes(client: LangGraphClient) -> None:
    modes: Any = ["custom", "tasks", "checkpoints", "debug"]
    said = await parts(client.runs.stream(None, "echo", input={"text": "a"}, stream_mode=modes))
    assert ("custom", {"progress": "half"}) in said
    assert {event for event, _ in said} == {"metadata", *modes}
    events = await parts(client.runs.stream(None, "echo", input={"text": "a"}, stream_mode="events"))
    assert next(data["event"] for event, data in events if event == "events") == "on_chain_start"
    for mode in ("tools", "lifecycle"):
        more: Any = await parts(client.runs.stream(None, "echo", input={"text": "a"}, stream_mode=["values", mode]))
        assert more[-1][1]["said"] == ["echo: a"]


@proves("runs.stream: subgraphs")
async def subgraphs(client: LangGraphClient) -> None:
    stream = client.runs.stream(None, "nested", input={"text": "a"}, stream_mode="updates", stream_subgraphs=True)
    said = await parts(stream)
    assert any(event.startswith("updates|child:") for event, _ in said)
    assert said[-1] == ("updates", {"__interrupt__": said[-1][1]["__interrupt__"]})


@proves("runs.stream: a question is seen in every mode")
async def questions(client: LangGraphClient) -> None:
    for mode in ("values", "updates", "messages-tuple", "custom", "events"):
        said = await parts(client.runs.stream(None, "ask", input={"text": "it"}, stream_mode=mode))
        asked = [data["__interrupt__"] for event, data in said if isinstance(data, dict) and "__interrupt__" in data]
        assert [each[0]["value"] for each in asked if each] == [{"question": "Send 'it'?"}], mode


# -- what a run is told ------------------------------------------------------------------------------------------------


@proves("runs: command.resume")
async def resume(client: LangGraphClient) -> None:
    thread = await new_thread(client)
    await client.runs.wait(thread, "ask", input={"text": "it"})
    left: Any = await client.runs.wait(thread, "ask", input={}, command={"resume": "yes"})
    assert left["said"] == ["answered: yes", "after"]


@proves("runs: command.resume by id, of parallel questions")
async def resume_by_id(client: LangGraphClient) -> None:
    thread = await new_thread(client)
    left: Any = await client.runs.wait(thread, "ask_both", input={"text": "it"})
    first, second = [each["id"] for each in left["__interrupt__"]]
    assert len((await client.threads.get(thread))["interrupts"]) == 2
    left = await client.runs.wait(thread, "ask_both", command={"resume": {first: 1}})
    assert [each["id"] for each in left["__interrupt__"]] == [second]
    left = await client.runs.wait(thread, "ask_both", command={"resume": {second: 2}})
    assert sorted(left["said"]) in (["left: 1", "right: 2"], ["left: 2", "right: 1"])


@proves("runs: strict_resume")
async def strict_resume(client: LangGraphClient) -> None:
    """With it, "the run fails with `UnknownInterruptError` and the thread stays as it was", in the client's own words.
    Without it, LangGraph's server ignores the answer. Ours does not: answers are bound to what was shown, so it is
    refused, before there is a run."""
    thread = await new_thread(client)
    await client.runs.wait(thread, "ask_both", input={"text": "it"})
    before, stands = await client.threads.get_state(thread), (await client.threads.get(thread))["status"]
    answer: Any = {"resume": {"0" * 32: 1}}
    with pytest.raises(Exception, match="UnknownInterruptError: Unknown or already-consumed interrupt"):
        await client.runs.wait(thread, "ask_both", command=answer, strict_resume=True)
    runs = await client.runs.list(thread)
    assert [run["status"] for run in runs] == ["error", "interrupted"]
    with pytest.raises(Exception, match="409 Conflict"):
        await client.runs.wait(thread, "ask_both", command=answer)
    assert len(await client.runs.list(thread)) == len(runs)
    assert (await client.threads.get_state(thread), (await client.threads.get(thread))["status"]) == (before, stands)


@proves("runs: command.update and goto")
async def goto(client: LangGraphClient) -> None:
    thread = await new_thread(client)
    await client.runs.wait(thread, "slow", input={"text": "0"})
    left: Any = await client.runs.wait(thread, "slow", command={"update": {"text": "0.0"}, "goto": "wait"})
    assert left == {"text": "0.0", "said": ["after", "waited", "waited"]}


@proves("runs: interrupt_before and interrupt_after")
async def stops(client: LangGraphClient) -> None:
    thread = await new_thread(client)
    await client.runs.wait(thread, "slow", input={"text": "0"}, interrupt_before=["wait"])
    assert (await client.threads.get_state(thread))["next"] == ["wait"]
    assert (await client.runs.wait(thread, "slow", input=None))["said"] == ["after", "waited"]
    await client.runs.wait(thread, "slow", input={"text": "0"}, interrupt_after="*")
    assert (await client.threads.get_state(thread))["next"] == ["wait"]


@proves("runs: checkpoint and checkpoint_id")
async def time_travel(client: LangGraphClient) -> None:
    thread = await new_thread(client)
    await client.runs.wait(thread, "slow", input={"text": "0"})
    at: Any = (await client.threads.get_history(thread))[1]["checkpoint"]
    for where in ({"checkpoint": at}, {"checkpoint_id": at["checkpoint_id"]}):
        left: Any = await client.runs.wait(thread, "slow", input=None, **where)
        assert left["said"] == ["after", "waited"]


@proves("runs: durability and checkpoint_during")
async def durability(client: LangGraphClient) -> None:
    for more, kept in (({"durability": "sync"}, 4), ({"durability": "async"}, 4), ({"durability": "exit"}, 1)):
        thread = await new_thread(client)
        await client.runs.wait(thread, "slow", input={"text": "0"}, **more)
        assert (more, len(await client.threads.get_history(thread))) == (more, kept)


@proves("runs: config, context and metadata")
async def config(client: LangGraphClient) -> None:
    given: Any = {"configurable": {"word": "mine"}, "tags": ["t"], "recursion_limit": 5}
    thread = await new_thread(client)
    left: Any = await client.runs.wait(thread, "made", input={"text": "a"}, config=given, metadata={"m": 1})
    assert left["said"] == ["mine: a"]
    [run] = await client.runs.list(thread)
    assert (run["metadata"], run["kwargs"]["config"]["tags"]) == ({"m": 1}, ["t"])
    context: Any = await client.runs.wait(None, "echo", input={"text": "a"}, context={"word": "x"})
    assert context["said"] == ["echo: a"]


@proves("runs: multitask_strategy")
async def multitask(client: LangGraphClient) -> None:
    thread = await new_thread(client)
    first = await under_way(client, thread)
    with pytest.raises(ConflictError):
        await client.runs.create(thread, "echo", input={"text": "a"}, multitask_strategy="reject")
    waiting = await client.runs.create(thread, "echo", input={"text": "never"}, multitask_strategy="enqueue")
    left: Any = await client.runs.wait(thread, "echo", input={"text": "b"}, multitask_strategy="interrupt")
    assert left["said"] == ["after", "echo: b"]
    assert [await status(client, run) for run in (first, waiting)] == ["interrupted", "interrupted"]
    third = await under_way(client, thread)
    left = await client.runs.wait(thread, "echo", input={"text": "c"}, multitask_strategy="rollback")
    assert left["said"] == ["after", "echo: b", "echo: c"]
    with pytest.raises(NotFoundError):
        await status(client, third)


@proves("runs: on_disconnect")
async def on_disconnect(client: LangGraphClient) -> None:
    for way, end in (("cancel", "interrupted"), ("continue", "success")):
        thread, given = await new_thread(client), {"text": "60" if way == "cancel" else "0.2"}
        stream: Any = client.runs.stream(thread, "slow", input=given, stream_mode="updates", on_disconnect=way)
        async for part in stream:
            if part.event == "updates":
                break
        await stream.aclose()
        [run] = await client.runs.list(thread)
        await asyncio.wait_for(client.runs.join(thread, run["run_id"]), 60)
        assert (way, await status(client, run)) == (way, end)


@proves("runs: on_completion")
async def on_completion(client: LangGraphClient) -> None:
    kept = await client.runs.create(None, "echo", input={"text": "a"}, on_completion="keep")
    await client.runs.join(kept["thread_id"], kept["run_id"])
    assert (await client.threads.get(kept["thread_id"]))["values"]["said"] == ["echo: a"]
    created: list[Any] = []
    await client.runs.wait(None, "echo", input={"text": "a"}, on_completion="delete", on_run_created=created.append)
    with pytest.raises(NotFoundError):
        await client.threads.get(created[0]["thread_id"])
