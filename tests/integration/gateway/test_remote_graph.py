"""`RemoteGraph`: a graph served here, used in another program as if it were there."""

from typing import Any

import pytest
from langgraph.graph import START, StateGraph
from langgraph.pregel.remote import RemoteException, RemoteGraph
from langgraph.types import Command
from langgraph_sdk.client import LangGraphClient

from tests.support.gateway.app.served_graphs import Words


def remote(client: LangGraphClient, name: str) -> RemoteGraph:
    """A graph that is served."""
    return RemoteGraph(name, client=client)


async def thread_of(client: LangGraphClient) -> Any:
    """A new thread, as a config."""
    return {"configurable": {"thread_id": (await client.threads.create())["thread_id"]}}


async def test_it_is_invoked_and_streamed(client: LangGraphClient) -> None:
    graph = remote(client, "echo")
    assert await graph.ainvoke({"text": "a"}) == {"text": "a", "said": ["echo: a"]}
    parts: Any = [part async for part in graph.astream({"text": "a"}, stream_mode=["updates", "values"])]
    said = [(part.event, part.data) for part in parts]
    assert ("updates", {"say": {"said": ["echo: a"]}}) in said
    assert said[-1] == ("values", {"text": "a", "said": ["echo: a"]})
    one = [part async for part in graph.astream({"text": "a"}, stream_mode="updates")]
    assert one == [{"say": {"said": ["echo: a"]}}]


async def test_it_asks_and_is_answered(client: LangGraphClient) -> None:
    graph, config = remote(client, "ask"), await thread_of(client)
    asked = await graph.ainvoke({"text": "it"}, config)
    assert asked["__interrupt__"][0]["value"] == {"question": "Send 'it'?"}
    snapshot = await graph.aget_state(config)
    assert snapshot.next == ("ask",)
    assert snapshot.tasks[0].interrupts[0].value == {"question": "Send 'it'?"}
    assert (await graph.ainvoke(Command(resume="yes"), config))["said"] == ["answered: yes", "after"]


async def test_its_state_is_read_changed_and_gone_back_to(client: LangGraphClient) -> None:
    graph, config = remote(client, "slow"), await thread_of(client)
    await graph.ainvoke({"text": "0"}, config)
    states = [state async for state in graph.aget_state_history(config)]
    assert [state.next for state in states] == [(), ("wait",), ("first",), ("__start__",)]
    changed = await graph.aupdate_state(states[1].config, {"said": ["edited"]}, as_node="first")
    left = await graph.ainvoke(None, changed)
    assert left["said"] == ["after", "edited", "waited"]


async def test_its_shape_is_known(client: LangGraphClient) -> None:
    drawn = await remote(client, "slow").aget_graph()
    assert list(drawn.nodes) == ["__start__", "first", "wait", "__end__"]


async def test_its_failure_is_an_error_here(client: LangGraphClient) -> None:
    with pytest.raises(RemoteException):
        await remote(client, "failing").ainvoke({"text": "x"})


async def test_it_is_a_node_of_another_graph(client: LangGraphClient) -> None:
    outer = StateGraph(Words)
    outer.add_node("remote", remote(client, "echo"))
    outer.add_edge(START, "remote")
    assert await outer.compile().ainvoke({"text": "a"}) == {"text": "a", "said": ["echo: a"]}


async def test_a_question_of_it_stops_the_graph_around_it(client: LangGraphClient) -> None:
    said = remote(client, "ask").astream({"text": "it"}, stream_mode="values")
    parts = [part async for part in said]
    assert any("__interrupt__" in part for part in parts if isinstance(part, dict))
