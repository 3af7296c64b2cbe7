"""The agent that chats: its answers are executions, so each call of its models and tools is what any step is."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from langgraph_sdk import get_client
from langgraph_sdk.client import LangGraphClient

from tests.support.gateway.people import caller, make_key
from tests.support.gateway.process import process
from tests.support.gateway.serving import Served, serving
from tests.support.listening import free_port

pytestmark = pytest.mark.capability("I05")

SHOP = """
from agents import Call, Failure, Models, Rule, Script, Tools, Turn, tool
from agents.models.prices import Price, Prices
from agents.planning.bounds import AssistantBounds

@tool(effect="none")
def find_order(number: int) -> dict[str, int]:
    "Find an order."
    return {"number": number, "amount": 70}

def resources():
    look = Turn(calls=(Call("find_order", {"number": 7}),))
    busy = Turn("Here I am.", failures=(Failure("server"),))
    rules = (Rule('"amount":', Turn("It is over 70.")), Rule("order", look), Rule("busy", busy))
    bounds = AssistantBounds(budget={"calls": CALLS}) if CALLS else AssistantBounds()
    prices = Prices({"scripted:clerk": Price(call=0.25)})
    return [Models(scripts=[Script("clerk", rules=rules, otherwise="echo")]), Tools([find_order]), prices, bounds]
"""
ORDER = {"messages": [{"role": "user", "content": "what of order 7?"}]}


@pytest.fixture
def calls() -> int:
    """How often its models may be asked for one answer; 0: as often as it takes."""
    return 0


@pytest.fixture
async def served(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, calls: int) -> AsyncIterator[Served]:
    monkeypatch.setenv("BATON_MODEL", "scripted:clerk")
    module = tmp_path / "shop.py"
    module.write_text(SHOP.replace("CALLS", str(calls)))
    async with serving(tmp_path / "baton.db", modules=(str(module),)) as gateway:
        yield gateway


@pytest.fixture
async def client(served: Served) -> AsyncIterator[LangGraphClient]:
    async with get_client(url=served.url, api_key=None) as sdk:
        yield sdk


async def a_thread(client: LangGraphClient) -> str:
    return str((await client.threads.create())["thread_id"])


async def ask(client: LangGraphClient, thread: str, text: Any = "what of order 7?", **more: Any) -> Any:
    given = {"messages": [{"role": "user", "content": text}]} if text else None
    return await client.runs.wait(thread, "agent", input=given, raise_error=False, **more)


def shapes(values: Any) -> list[tuple[str, str]]:
    return [(message["type"], message["content"]) for message in values["messages"]]


async def test_an_answer_is_an_execution_whose_costs_are_known(client: LangGraphClient, served: Served) -> None:
    thread = await a_thread(client)
    await ask(client, thread)
    [run] = await client.runs.list(thread)
    async with caller(served.url) as http:
        execution = (await http.get(f"/v1/executions/{run['run_id']}")).json()["execution"]
        figures = (await http.get("/metrics")).text
    assert (execution["workflow"], execution["status"]) == ("agent", "completed")
    assert execution["metadata"]["thread_id"] == thread
    steps = await served.gateway.orchestrator.results(run["run_id"])
    assert {path: one["status"] for path, one in steps.items()} == {
        "agent": "completed",
        "agent[0].model": "completed",
        "agent[0].find_order-0": "completed",
        "agent[1].model": "completed",
    }
    assert execution["output"]["usage"]["cost"] == 0.5
    assert 'model="scripted:clerk"' in figures


async def test_a_conversation_goes_on_with_all_that_was_said_and_found(client: LangGraphClient, served: Served) -> None:
    thread = await a_thread(client)
    await ask(client, thread)
    image = [{"type": "text", "text": "{{ 1 + 1 }} order?"}, {"type": "image_url", "image_url": {"url": "data:,x"}}]
    values = await ask(client, thread, image)
    assert [message["type"] for message in values["messages"]] == [
        "human",
        "ai",
        "tool",
        "ai",
        "human",
        "ai",
        "tool",
        "ai",
    ]
    newest, *_ = await client.runs.list(thread)
    execution = await served.gateway.orchestrator.get(newest["run_id"])
    told = execution.input["messages"]
    assert [one["role"] for one in told] == ["user", "assistant", "tool", "assistant", "user"]
    assert told[1]["ai"]["tool_calls"][0]["name"] == "find_order"
    assert (told[2]["name"], told[2]["content"]) == ("find_order", '{"number": 7, "amount": 70}')
    assert told[4]["content"] == image
    assert len({message["id"] for message in values["messages"]}) == 8


async def test_a_call_that_fails_is_made_again_by_the_engine(client: LangGraphClient, served: Served) -> None:
    thread = await a_thread(client)
    assert shapes(await ask(client, thread, "busy?"))[-1] == ("ai", "Here I am.")
    [run] = await client.runs.list(thread)
    call = (await served.gateway.orchestrator.results(run["run_id"]))["agent[0].model"]
    assert call["attempts"] == 2


async def test_an_answer_is_given_anew_from_the_checkpoint_before_it(client: LangGraphClient) -> None:
    thread = await a_thread(client)
    values = await ask(client, thread, "hello")
    before = next(state for state in await client.threads.get_history(thread) if state["next"] == ["agent"])
    again = await ask(client, thread, None, checkpoint=before["checkpoint"])
    assert shapes(again) == shapes(values)
    assert again["messages"][-1]["id"] != values["messages"][-1]["id"]


@pytest.mark.parametrize("mode", ["messages-tuple", "events"])
async def test_its_words_are_heard_as_they_are_said(client: LangGraphClient, mode: Any) -> None:
    thread = await a_thread(client)
    parts = [part async for part in client.runs.stream(thread, "agent", input=ORDER, stream_mode=mode)]
    if mode == "events":
        streamed = [part.data for part in parts if part.event == "events"]
        words = [one["data"]["chunk"]["content"] for one in streamed if one["event"] == "on_chat_model_stream"]
        assert "".join(words) == "It is over 70."
        return
    pieces = [part.data for part in parts if part.event == "messages"]
    last = (await client.threads.get_state(thread))["values"]["messages"][-1]
    assert "".join(piece["content"] for piece, _ in pieces if piece["id"] == last["id"]) == "It is over 70."
    assert sum(piece["content"] != "" for piece, _ in pieces if piece["id"] == last["id"]) > 1
    assert {names["langgraph_node"] for _, names in pieces} == {"agent"}
    assert [piece["name"] for piece, _ in pieces if piece["type"] == "tool"] == ["find_order"]


async def test_its_words_are_heard_by_the_protocol_too(client: LangGraphClient) -> None:
    async with asyncio.timeout(60), client.threads.stream(await a_thread(client), assistant_id="agent") as stream:

        async def read() -> list[str]:
            said = [message async for message in stream.messages]
            return ["".join([piece async for piece in message.text]) for message in said]

        reading = asyncio.create_task(read())
        await asyncio.sleep(0)
        await stream.run.start(input=ORDER)
        assert shapes(await stream.output)[-1] == ("ai", "It is over 70.")
        assert (await reading)[-1] == "It is over 70."


@pytest.mark.parametrize("calls", [1])
async def test_what_costs_more_than_it_may_is_asked_about(client: LangGraphClient, served: Served) -> None:
    thread = await a_thread(client)
    [asked] = (await ask(client, thread))["__interrupt__"]
    assert "Raise it?" in asked["value"]["description"]
    found = await client.threads.search(status="interrupted")
    assert [one["thread_id"] for one in found] == [thread]
    [again] = (await ask(client, thread, None, command={"resume": "perhaps"}))["__interrupt__"]
    assert again["id"] != asked["id"]
    values = await ask(client, thread, None, command={"resume": {"decisions": [{"type": "approve"}]}})
    assert shapes(values)[-1] == ("ai", "It is over 70.")
    first = (await client.runs.list(thread))[-1]
    assert (await served.gateway.orchestrator.get(first["run_id"])).status == "completed"


@pytest.mark.parametrize("calls", [1])
async def test_whoever_says_something_else_than_an_answer_is_not_asked_any_more(
    client: LangGraphClient, served: Served
) -> None:
    thread = await a_thread(client)
    await ask(client, thread)
    values = await ask(client, thread, "busy?")
    assert values["__interrupt__"], "the second answer meets the budget as well"
    _, first = await client.runs.list(thread)
    assert (await served.gateway.orchestrator.get(first["run_id"])).status == "cancelled"
    await client.threads.update_state(thread, None, as_node="__end__")
    newest, _ = await client.runs.list(thread)
    assert (await served.gateway.orchestrator.get(newest["run_id"])).status == "cancelled"
    await client.threads.delete(thread)
    assert await served.gateway.orchestrator.store.execution(first["run_id"]) is None


@pytest.mark.parametrize("calls", [1])
async def test_a_larger_budget_is_a_matter_of_the_right_to_decide(client: LangGraphClient, served: Served) -> None:
    thread = await a_thread(client)
    await ask(client, thread)
    key = await make_key(served.gateway.orchestrator, "operator")
    body = {"assistant_id": "agent", "command": {"resume": "approve"}}
    async with caller(served.url, key) as operator:
        assert (await operator.post(f"/threads/{thread}/runs/wait", json=body)).status_code == 403


async def test_a_limit_of_its_model_holds_and_kill_9_loses_no_answer(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    database = tmp_path / "killed.db"
    monkeypatch.setenv("BATON_MODEL", "scripted:echo")
    monkeypatch.setenv("BATON_LIMITS", '{"scripted:echo": {"rate": "1/h"}}')
    async with process(database, free_port()) as first, get_client(url=first.url, api_key=None) as client:
        hello = {"messages": [{"role": "user", "content": "hello"}]}
        runs: list[Any] = []
        for _ in range(4):
            runs.append(await client.runs.create(await a_thread(client), "agent", input=hello))
        await client.runs.join(runs[0]["thread_id"], runs[0]["run_id"])
        await first.kill()
    monkeypatch.setenv("BATON_LIMITS", '{"scripted:echo": {"rate": "1/s"}}')  # three are taken up at once
    async with serving(database) as second, get_client(url=second.url, api_key=None) as client:
        for run in runs:
            left: Any = await client.runs.join(run["thread_id"], run["run_id"])
            assert shapes(left) == [("human", "hello"), ("ai", "You said: hello")]
        results = [await second.gateway.orchestrator.results(run["run_id"]) for run in runs]
        assert max(each["agent[0].model"].get("queued", 0.0) for each in results) > 0.5


async def test_a_run_that_is_cut_off_takes_its_answer_with_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("BATON_MODEL", "scripted:echo")
    monkeypatch.setenv("BATON_LIMITS", '{"scripted:echo": {"rate": "1/h"}}')
    async with serving(tmp_path / "cut.db") as served, get_client(url=served.url, api_key=None) as client:
        baton = served.gateway.orchestrator
        await ask(client, await a_thread(client), "hello")
        thread = await a_thread(client)
        with baton.listen(kinds=["step.started"]) as started:
            run = await client.runs.create(thread, "agent", input=ORDER)  # waits for the model's next hour
            while (record := await started.next()) is not None and record.execution_id != run["run_id"]:
                pass
        await client.runs.cancel(thread, run["run_id"], wait=True)
        execution = await baton.get(run["run_id"])
        assert (execution.status, (await client.runs.get(thread, run["run_id"]))["status"]) == (
            "cancelled",
            "interrupted",
        )
