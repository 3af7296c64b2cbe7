"""A gateway nobody has configured: the ad-hoc assistant and an agent that talks are there, and answer; without a model,
with what is to be set."""

from pathlib import Path
from typing import Any

import pytest
from langgraph_sdk import get_client

from tests.support.gateway.calls import publish
from tests.support.gateway.definitions import announces, workflow
from tests.support.gateway.people import caller
from tests.support.gateway.serving import Served, serving

HELLO = {"messages": [{"role": "user", "content": "hello"}]}


async def answer(served: Served, name: str) -> Any:
    async with get_client(url=served.url, api_key=None) as client:
        assert {"agent", "baton"} <= {one["graph_id"] for one in await client.assistants.search()}
        thread = await client.threads.create()
        return await client.runs.wait(thread["thread_id"], name, input=HELLO, raise_error=False)


async def test_without_a_model_they_say_what_to_set(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("BATON_MODEL", raising=False)
    async with serving(tmp_path / "baton.db") as served:
        for name in ("agent", "baton"):
            error = (await answer(served, name))["__error__"]
            assert "BATON_MODEL" in error["message"], name


async def test_with_the_scripted_model_that_ships_they_answer(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("BATON_MODEL", "scripted:echo")
    async with serving(tmp_path / "baton.db") as served:
        said = (await answer(served, "agent"))["messages"]
        assert [message["content"] for message in said] == ["hello", "You said: hello"]
        assert (await answer(served, "baton"))["status"] == "completed"
        async with get_client(url=served.url, api_key=None) as client:
            thread = await client.threads.create()
            streamed = client.runs.stream(thread["thread_id"], "agent", input=HELLO, stream_mode="messages-tuple")
            words = [part.data[0]["content"] async for part in streamed if part.event == "messages"]
            assert "".join(words) == "You said: hello"
            assert [one["thread_id"] for one in await client.threads.search(values={})] != []


async def test_it_uses_the_tools_that_change_nothing_and_no_others(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("BATON_MODEL", "scripted:clerk")
    module = tmp_path / "shop.py"
    module.write_text(
        """
from tests.support.gateway.people import caller
from agents import Call, Models, Rule, Script, Tools, Turn, tool

@tool(effect="none")
def find_order(number: int) -> dict[str, int]:
    "Find an order."
    return {"number": number, "amount": 70}

@tool
def refund(number: int) -> str:
    "Refund an order."
    raise AssertionError

def resources():
    look = Turn(calls=(Call("find_order", {"number": 7}),))
    script = Script("clerk", rules=(Rule('"amount":', Turn("It is over 70.")), Rule("order", look)))
    return [Models(scripts=[script]), Tools([find_order, refund])]
"""
    )
    async with serving(tmp_path / "baton.db", modules=(str(module),)) as served:
        async with get_client(url=served.url, api_key=None) as client:
            drawn = await client.assistants.get_graph("agent")
            asked = {"messages": [{"role": "user", "content": "what of order 7?"}]}
            thread = await client.threads.create()
            left: Any = await client.runs.wait(thread["thread_id"], "agent", input=asked)
        assert {node["id"] for node in drawn["nodes"]} >= {"agent", "ask"}
        assert [message["type"] for message in left["messages"]] == ["human", "ai", "tool", "ai"]
        assert left["messages"][-1]["content"] == "It is over 70."


async def test_what_is_published_under_their_name_is_served_in_their_place(tmp_path: Path) -> None:
    async with serving(tmp_path / "baton.db") as served, caller(served.url) as http:
        await publish(http, workflow("agent", announces("go", "gone")))
        async with get_client(url=served.url, api_key=None) as client:
            left: Any = await client.runs.wait(None, "agent", input={})
            assert (left["workflow"], left["status"]) == ("agent", "completed")
            assert len([one for one in await client.assistants.search() if one["graph_id"] == "agent"]) == 1
