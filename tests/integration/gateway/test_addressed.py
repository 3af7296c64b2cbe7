"""Whoever decides and may not read sees what is asked of them, by every way there is, and nothing else."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import orjson
import pytest
from langgraph_sdk import get_client

from tests.integration.gateway.test_sockets import connected
from tests.support.gateway.calls import publish
from tests.support.gateway.definitions import announces, asks, workflow
from tests.support.gateway.people import caller, make_key
from tests.support.gateway.serving import GRAPHS, Served, serving

pytestmark = pytest.mark.capability("O21", "I08")

MARK = "what-is-not-for-ann"
"""Stands in the input, in metadata, in what others are asked, in what comes of it all."""

TWO = workflow(
    "two",
    announces("note", "noted", text=MARK),
    asks("hers", assignees=["ann"], payload={"shown": "to ann"}),
    asks("his", assignees=["ben"], message=MARK, payload={"shown": MARK}),
    {**announces("end", "ended", text=MARK), "depends_on": ["hers", "his"]},
    output={"values": {"secret": MARK}},
)
OPEN = workflow("open", asks(payload={"shown": "to all"}), output={"values": {"secret": MARK}})


@dataclass
class House:
    served: Served
    stack: AsyncExitStack
    editor: httpx.AsyncClient

    async def key(self, name: str, role: str = "approver", **more: Any) -> str:
        return await make_key(self.served.gateway.orchestrator, role, name=name, **more)

    async def someone(self, name: str, role: str = "approver", **more: Any) -> httpx.AsyncClient:
        return await self.stack.enter_async_context(caller(self.served.url, await self.key(name, role, **more)))

    async def asked(self, assistant: str, text: str = MARK) -> str:
        """A thread that asks something."""
        thread = (await self.editor.post("/threads", json={"metadata": {"mark": MARK}})).json()["thread_id"]
        given = {"assistant_id": assistant, "input": {"text": text}, "metadata": {"mark": MARK}}
        assert (await self.editor.post(f"/threads/{thread}/runs/wait", json=given)).json()["__interrupt__"]
        return str(thread)


@pytest.fixture
async def house(tmp_path: Path) -> AsyncIterator[House]:
    async with serving(tmp_path / "baton.db", config=GRAPHS, heartbeat=0.2) as served, AsyncExitStack() as stack:
        editor = caller(served.url, await make_key(served.gateway.orchestrator, "editor", name="ed"))
        await stack.enter_async_context(editor)
        await publish(editor, TWO)
        await publish(editor, OPEN)
        yield House(served, stack, editor)


async def seen(client: httpx.AsyncClient, verb: str, path: str, body: Any = None) -> Any:
    answer = await client.request(verb, path, json=body)
    assert answer.status_code == 200, answer.text
    assert MARK not in answer.text, f"{verb} {path}"
    return answer.json()


def named(interrupts: Any) -> list[str]:
    return [each["value"]["path"] for each in interrupts]


async def test_of_two_questions_each_sees_their_own(house: House) -> None:
    thread, ann = await house.asked("two"), await house.someone("ann")
    [found] = await seen(ann, "POST", "/threads/search", {"status": "interrupted"})
    assert found["thread_id"] == thread
    assert found["values"] == {} and set(found["metadata"]) == {"graph_id", "assistant_id"}
    assert [named(group) for group in found["interrupts"].values()] == [["hers"]]
    state = await seen(ann, "GET", f"/threads/{thread}/state")
    assert named(state["interrupts"]) == ["hers"] and [task["name"] for task in state["tasks"]] == ["hers"]
    assert state["interrupts"][0]["value"]["action_request"]["args"] == {"shown": "to ann"}
    shown = {"messages": [{"type": "human", "id": thread, "content": "two"}]}  # without which Agent Chat UI is blank
    assert await seen(ann, "POST", f"/threads/{thread}/history", {}) == [{**state, "values": shown}]
    assert (await seen(ann, "GET", f"/threads/{thread}"))["interrupts"] == found["interrupts"]
    [approval] = (await seen(ann, "GET", "/v1/approvals"))["approvals"]
    assert (approval["path"], approval["payload"]) == ("hers", {"shown": "to ann"})
    assert (await seen(ann, "GET", "/v1/approvals?assignee=ben"))["approvals"] == []


async def test_what_is_anothers_is_not_there_and_is_not_to_be_acted_on(house: House) -> None:
    thread, ann = await house.asked("two"), await house.someone("ann")
    hidden = await ann.get(f"/v1/approvals/{thread}/his")
    missing = await ann.get(f"/v1/approvals/{thread}/none")
    assert hidden.status_code == missing.status_code == 404
    assert hidden.json()["code"] == missing.json()["code"] == "approval_not_found"
    bodies = {
        "decide": {"decision": "approve", "digest": "x"},
        "claim": {},
        "release": {},
        "delegate": {"to": "zoe"},
        "comment": {"text": "hm"},
        "links": {},
    }
    for act, body in bodies.items():
        refused = await ann.post(f"/v1/approvals/{thread}/his/{act}", json=body)
        assert (refused.status_code, refused.json()["code"]) == (403, "not_your_approval"), act
        assert MARK not in refused.text
    for path in (f"/v1/executions/{thread}", "/v1/executions", f"/threads/{thread}/runs", f"/threads/{thread}/stream"):
        assert (await ann.get(path)).status_code == 403, path


async def test_threads_that_ask_somebody_else_are_not_there(house: House) -> None:
    thread, zoe = await house.asked("two"), await house.someone("zoe")
    assert await seen(zoe, "POST", "/threads/search", {}) == []
    for way in ("", "/state", "/history"):
        hidden = await zoe.get(f"/threads/{thread}{way}")
        assert (hidden.status_code, hidden.json()["code"]) == (404, "thread_not_found")
    events = await zoe.post(f"/threads/{thread}/stream/events", json={"channels": ["values"]})
    assert events.status_code == 404
    [run] = (await house.editor.get(f"/threads/{thread}/runs")).json()
    for way in ("", "/join", "/stream"):
        assert (await zoe.get(f"/threads/{thread}/runs/{run['run_id']}{way}")).status_code == 404


async def test_threads_are_not_found_by_what_is_not_shown(house: House) -> None:
    await house.asked("open")
    ann = await house.someone("ann")
    for way in ({"values": {"input": {"text": MARK}}}, {"metadata": {"mark": MARK}}):
        refused = await ann.post("/threads/search", json=way)
        assert (refused.status_code, refused.json()["code"]) == (403, "not_allowed")
    assert len(await seen(ann, "POST", "/threads/search", {"metadata": {"graph_id": "open"}})) == 1
    assert await seen(ann, "POST", "/threads/search", {"metadata": {"graph_id": "two"}}) == []


async def test_an_answer_tells_that_it_went_on_and_not_what_came_of_it(house: House) -> None:
    ann = await house.someone("ann")
    answer = {"assistant_id": "open", "command": {"resume": "approve"}}
    thread = await house.asked("open")
    assert await seen(ann, "POST", f"/threads/{thread}/runs/wait", answer) == {"status": "completed"}
    assert (await house.editor.get(f"/threads/{thread}/state")).json()["values"]["output"] == {"secret": MARK}
    thread = await house.asked("open")
    streamed = await ann.post(f"/threads/{thread}/runs/stream", json=answer)
    assert MARK not in streamed.text
    events = [line.removeprefix("event: ") for line in streamed.text.splitlines() if line.startswith("event: ")]
    assert events == ["metadata", "values"]
    thread = await house.asked("open")
    run = await seen(ann, "POST", f"/threads/{thread}/runs", answer)
    assert await seen(ann, "GET", f"/threads/{thread}/runs/{run['run_id']}/join") == {"status": "completed"}
    assert (await seen(ann, "GET", f"/threads/{thread}/runs/{run['run_id']}"))["status"] == "success"
    assert (await seen(ann, "GET", f"/threads/{thread}"))["status"] == "idle"


async def test_the_sdk_leads_from_one_question_to_the_next(house: House) -> None:
    """What the second one asks is told to whom it asks, also in the answer to the first."""
    two = workflow("row", asks("first", assignees=["ann"]), {**asks("then", groups=["board"]), "depends_on": ["first"]})
    await publish(house.editor, two)
    thread = await house.asked("row")
    async with get_client(url=house.served.url, api_key=await house.key("ann")) as ann:
        left: Any = await ann.runs.wait(thread, "row", command={"resume": "approve"})
        assert "__interrupt__" not in left
        assert (await ann.threads.get(thread))["interrupts"] == {}
    async with get_client(url=house.served.url, api_key=await house.key("bo", groups=["board"])) as bo:
        [found] = await bo.threads.search(status="interrupted")
        [[asked]] = found["interrupts"].values()
        left = await bo.runs.wait(thread, "row", command={"resume": {asked["id"]: {"decision": "approve"}}})
        assert left == {"status": "completed"}


async def test_what_a_graph_asks_is_everybodys_and_its_state_is_not(house: House) -> None:
    thread, ann = await house.asked("ask", "it"), await house.someone("ann")
    [found] = await seen(ann, "POST", "/threads/search", {})
    assert (found["thread_id"], found["values"], len(found["interrupts"])) == (thread, {}, 1)
    answer = {"assistant_id": "ask", "command": {"resume": "yes"}}
    assert await seen(ann, "POST", f"/threads/{thread}/runs/wait", answer) == {}
    assert (await seen(ann, "GET", f"/threads/{thread}/state"))["values"] == {}
    zoe = await house.someone("zoe")
    assert (await zoe.get(f"/threads/{thread}/state")).status_code == 404


async def test_delegation_and_escalation_say_who_sees_it(house: House) -> None:
    thread = await house.asked("two")
    ann, zoe = await house.someone("ann"), await house.someone("zoe")
    handed = await ann.post(f"/v1/approvals/{thread}/hers/delegate", json={"to": "zoe"})
    assert handed.status_code == 200
    assert named((await seen(zoe, "GET", f"/threads/{thread}/state"))["interrupts"]) == ["hers"]
    assert (await seen(ann, "GET", "/v1/approvals"))["approvals"] == []


async def test_sockets_and_event_streams_tell_only_what_is_asked_of_them(house: House) -> None:
    thread = await house.asked("two")
    channels = ["values", "updates", "lifecycle", "input", "messages", "custom", "tasks", "checkpoints"]
    ann = await house.someone("ann")
    heard: list[str] = []
    async with (
        ann.stream("POST", f"/threads/{thread}/stream/events", json={"channels": channels}) as stream,
        connected(house.served, thread, await house.key("ann")) as socket,
    ):
        assert (await socket.do("subscription.subscribe", channels=channels))["type"] == "success"
        ben = await house.someone("ben")
        resume = {"assistant_id": "two", "command": {"resume": {await id_of(ben, thread): "approve"}}}
        assert (await ben.post(f"/threads/{thread}/runs/wait", json=resume)).status_code == 200
        question = await id_of(ann, thread)
        answered = await socket.do("input.respond", interrupt_id=question, response="approve")
        assert answered["type"] == "success", answered
        async with asyncio.timeout(60):
            async for line in stream.aiter_lines():
                heard.append(line)
                if line.startswith("data: ") and '"completed"' in line:
                    break
        await socket.until("completed")
    for data in [orjson.loads(line[6:]) for line in heard if line.startswith("data: ")], socket.events:
        assert {each["method"] for each in data} <= {"lifecycle", "input.requested"}
        asked = [each["params"]["data"]["interrupt_id"] for each in data if each["method"] == "input.requested"]
        assert asked and set(asked) == {question}
        assert MARK not in str(data)


async def id_of(client: httpx.AsyncClient, thread: str) -> str:
    [question] = (await client.get(f"/threads/{thread}/state")).json()["interrupts"]
    return str(question["id"])


async def test_whoever_also_views_sees_everything(house: House) -> None:
    thread, eve = await house.asked("two"), await house.someone("eve", "approver viewer")
    assert len((await eve.get(f"/threads/{thread}/state")).json()["interrupts"]) == 2
    assert MARK in (await eve.get(f"/v1/executions/{thread}")).text
    assert (await eve.post("/runs", json={"assistant_id": "echo", "input": {}})).status_code == 403
