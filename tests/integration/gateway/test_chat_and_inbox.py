"""Agent Chat UI and Agent Inbox, as their sources have it (langchain-ai/agent-chat-ui, langchain-ai/agent-inbox): every
request they make, and every field they read of the answers."""

from collections.abc import AsyncIterator, Mapping
from pathlib import Path
from typing import Any

import pytest
from langgraph_sdk import get_client
from langgraph_sdk.client import LangGraphClient

from tests.support.gateway.calls import publish
from tests.support.gateway.definitions import announces, asks, workflow
from tests.support.gateway.people import caller
from tests.support.gateway.serving import GRAPHS, Served, serving

pytestmark = pytest.mark.capability("I23")
PAYLOAD = {"to": "ann", "amount": 12, "urgent": False, "items": [1, 2]}
ALL = ["approve", "edit", "reject", "respond"]


@pytest.fixture
async def served(tmp_path: Path) -> AsyncIterator[Served]:
    async with serving(tmp_path / "baton.db", config=GRAPHS) as gateway:
        async with caller(gateway.url) as http:
            for name, allow in (("send", ALL[:3]), ("any", ALL), ("tell", ["approve", "respond"])):
                await publish(http, workflow(name, asks(payload=PAYLOAD, allow=allow), announces("go", "gone")))
        yield gateway


@pytest.fixture
async def client(served: Served) -> AsyncIterator[LangGraphClient]:
    async with get_client(url=served.url, api_key=None) as sdk:
        yield sdk


async def asked(client: LangGraphClient, name: str) -> tuple[str, Any]:
    """A thread on which something is asked, and what."""
    thread = (await client.threads.create())["thread_id"]
    left: Any = await client.runs.wait(thread, name, input={})
    return thread, left["__interrupt__"][0]["value"]


def read_by_inbox(value: Mapping[str, Any]) -> Mapping[str, Any]:
    """What Agent Inbox makes of an interrupt: `normalizeInterrupt` of its contexts/utils.ts."""
    if not value.get("action_requests"):
        return {key: value[key] for key in ("action_request", "config", "description")}
    request, allowed = value["action_requests"][0], value["review_configs"][0]["allowed_decisions"]
    config = {"allow_accept": "approve" in allowed, "allow_edit": "edit" in allowed}
    return {
        "action_request": {"action": request["name"], "args": request["arguments"]},
        "config": config | {"allow_respond": "reject" in allowed, "allow_ignore": False},
        "description": request["description"],
    }


def read_by_chat_ui(value: Mapping[str, Any]) -> bool:
    """Whether Agent Chat UI shows buttons: `isAgentInboxInterruptSchema` of its lib/agent-inbox-interrupt.ts."""
    requests, reviews = value.get("action_requests"), value.get("review_configs")
    if not isinstance(requests, list) or not requests or not isinstance(reviews, list) or not reviews:
        return False
    return all(isinstance(one["name"], str) and isinstance(one["args"], dict) for one in requests) and all(
        isinstance(one["action_name"], str) and isinstance(one["allowed_decisions"], list) for one in reviews
    )


async def test_the_inbox_lists_shows_answers_and_sets_aside(client: LangGraphClient, served: Served) -> None:
    async with caller(served.url) as http:
        info = (await http.get("/info", headers={"content-type": "application/json"})).json()
        assert {"flags", "host"} <= info.keys() and "kind" in info["host"]
    thread, _ = await asked(client, "send")
    found = await client.threads.search(offset=0, limit=10, status="interrupted", metadata={"graph_id": "send"})
    [group] = [one["interrupts"] for one in found if one["thread_id"] == thread]
    [[interrupt]] = group.values()
    shown = read_by_inbox(interrupt["value"])
    assert shown == {
        "action_request": {"action": "ask", "args": PAYLOAD},
        "config": {"allow_accept": True, "allow_edit": True, "allow_respond": True, "allow_ignore": False},
        "description": "ask?",
    }
    edited = {**shown["action_request"], "args": {**PAYLOAD, "to": "bob", "amount": "13", "items": "[3]"}}
    resume = {"resume": [{"type": "edit", "args": edited}]}
    streamed = client.runs.stream(thread, "send", command=resume, stream_mode="events")
    assert not [part.data async for part in streamed if part.event == "error"]
    after = await client.threads.get(thread)
    assert after["status"] == "idle"
    results = await served.gateway.orchestrator.results(thread)
    assert results["ask"]["output"]["data"] == {"to": "bob", "amount": 13, "urgent": False, "items": [3]}


@pytest.mark.parametrize(
    ("name", "answer", "decision"),
    [
        ("send", {"type": "accept", "args": {"action": "ask", "args": PAYLOAD}}, "approved"),
        ("send", {"type": "ignore", "args": None}, "rejected"),
        ("send", {"type": "response", "args": "too much"}, "rejected"),
        ("any", {"type": "response", "args": "later"}, "responded"),
        ("tell", {"type": "response", "args": "later"}, "responded"),
    ],
)
async def test_each_answer_of_the_inbox_is_a_decision(
    client: LangGraphClient, served: Served, name: str, answer: Any, decision: str
) -> None:
    thread, value = await asked(client, name)
    if name == "tell":
        assert read_by_inbox(value)["config"]["allow_respond"]
    await client.runs.create(thread, name, command={"resume": [answer]})
    await served.gateway.orchestrator.wait(thread)
    records = await served.gateway.orchestrator.records(thread)
    [decided] = [record.data for record in records if record.kind == "approval.decided"]
    assert decided["decision"] == decision
    if answer["args"] == "too much":
        assert decided["reason"] == "too much"


async def test_the_inbox_marks_as_resolved(client: LangGraphClient, served: Served) -> None:
    for name in ("send", "ask"):
        thread = (await client.threads.create())["thread_id"]
        await client.runs.wait(thread, name, input={"text": "x"} if name == "ask" else {})
        await client.threads.update_state(thread, None, as_node="__end__")
        assert (await client.threads.get(thread))["status"] == "idle"


async def test_chat_ui_shows_buttons_and_its_decisions_are_taken(client: LangGraphClient, served: Served) -> None:
    decisions: list[tuple[dict[str, Any], str]] = [
        ({"type": "approve"}, "approved"),
        ({"type": "reject", "message": "no"}, "rejected"),
        ({"type": "edit", "edited_action": {"name": "ask", "args": {**PAYLOAD, "amount": "13"}}}, "edited"),
    ]
    for answer, decision in decisions:
        thread, value = await asked(client, "send")
        assert read_by_chat_ui(value)
        assert value["review_configs"][0]["allowed_decisions"] == ["approve", "edit", "reject"]
        # `submit({}, {command})`, with the checkpoint of the history it has read.
        head = (await client.threads.get_history(thread, limit=10))[0]["checkpoint"]
        command: Any = {"resume": {"decisions": [answer]}}
        assert head["checkpoint_id"]
        await client.runs.wait(thread, "send", input={}, command=command, raise_error=False)
        records = await served.gateway.orchestrator.records(thread)
        [decided] = [record.data for record in records if record.kind == "approval.decided"]
        assert decided["decision"] == decision


async def test_the_thread_of_a_workflow_is_a_conversation(client: LangGraphClient) -> None:
    """Agent Chat UI reads `messages[messages.length - 1].id` of any thread that asks, and shows nothing without one."""
    said = {"messages": [{"id": "m1", "type": "human", "content": [{"type": "text", "text": "one"}]}], "context": {}}
    for given, told in (
        (said, said["messages"]),
        ({"messages": [{"role": "user", "content": "one"}]}, [{"type": "human", "content": "one"}]),
        ({"order": 7}, [{"type": "human", "content": '{"order":7}'}]),
        ({}, [{"type": "human", "content": "send"}]),
        ({"messages": ["none"]}, [{"type": "human", "content": '{"messages":["none"]}'}]),
    ):
        thread = (await client.threads.create())["thread_id"]
        left: Any = await client.runs.wait(thread, "send", input=given)
        shown = left["messages"]
        assert [{**each, "id": shown[n]["id"]} for n, each in enumerate(told)] == shown
        ids = [each["id"] for each in shown]
        after: Any = await client.runs.wait(thread, "send", command={"resume": "approve"})
        assert [each["id"] for each in after["messages"]][:-1] == ids
        assert (after["messages"][-1]["type"], bool(after["messages"][-1]["content"])) == ("ai", True)
        newest, *older = await client.threads.get_history(thread)
        assert newest["values"]["messages"] == after["messages"]
        assert [each["values"]["messages"] for each in older] == [shown] * len(older)


@pytest.mark.parametrize("name", ["send", "ask"])
async def test_chat_ui_marks_as_resolved(client: LangGraphClient, name: str) -> None:
    thread = (await client.threads.create())["thread_id"]
    await client.runs.wait(thread, name, input={"text": "x"} if name == "ask" else {})
    await client.runs.wait(thread, name, input={}, command={"goto": "__end__"}, raise_error=False)
    assert (await client.threads.get(thread))["status"] == "idle"


async def test_chat_ui_lists_its_threads_and_says_something_again(client: LangGraphClient) -> None:
    thread = (await client.threads.create())["thread_id"]
    said = {"messages": [{"id": "m1", "type": "human", "content": [{"type": "text", "text": "one"}]}], "context": {}}
    options: Any = {"stream_mode": ["values", "messages-tuple", "updates"], "stream_subgraphs": True}
    streamed = client.runs.stream(thread, "chat", input=said, stream_resumable=True, **options)
    events = {part.event async for part in streamed}
    assert {"metadata", "values", "messages", "updates"} <= events
    listed = await client.threads.search(metadata={"graph_id": "chat"}, limit=100)
    assert [one["values"]["messages"][0]["content"] for one in listed if one["thread_id"] == thread]
    history = await client.threads.get_history(thread, limit=10)
    before = next(state for state in history if len(state["values"]["messages"]) == 1)
    checkpoint = before["checkpoint"]
    again = client.runs.stream(thread, "chat", input=None, checkpoint=checkpoint, stream_mode=["values"])
    assert [part.event async for part in again][-1] == "values"
    assert len((await client.threads.get_state(thread))["values"]["messages"]) == 2
