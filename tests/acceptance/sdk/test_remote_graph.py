"""`RemoteGraph`, both ways of each of its methods, against a gateway in a process of its own."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

import pytest
from langgraph.graph import START, StateGraph
from langgraph.pregel.remote import RemoteException, RemoteGraph
from langgraph.types import Command
from langgraph_sdk import get_client, get_sync_client

from tests.support.gateway.app.served_graphs import Words

Remote = Callable[[str], RemoteGraph]
CHECKS: dict[str, Callable[[Remote, Any], Awaitable[None]]] = {}

_LEFT_OUT = {"copy", "with_config", "stream_events", "astream_events", "bulk_update_state", "abulk_update_state"}
"""The first two send nothing; the others are refused by RemoteGraph itself, as it says."""


def proves(*names: str) -> Callable[[Any], Any]:
    """The check proves these. It is given how to get a graph that is served, and a new thread as a config."""

    def register(check: Any) -> Any:
        CHECKS.update(dict.fromkeys(names, check))
        return check

    return register


@proves("invoke", "ainvoke")
async def invoke(remote: Remote, config: Any) -> None:
    expected = {"text": "a", "said": ["echo: a"]}
    assert await asyncio.to_thread(remote("echo").invoke, {"text": "a"}) == expected
    assert await remote("echo").ainvoke({"text": "a"}) == expected
    with pytest.raises(RemoteException):
        await remote("failing").ainvoke({"text": "x"})


@proves("stream", "astream")
async def stream(remote: Remote, config: Any) -> None:
    expected = [{"say": {"said": ["echo: a"]}}]
    found = await asyncio.to_thread(lambda: list(remote("echo").stream({"text": "a"}, stream_mode="updates")))
    assert found == expected
    assert [part async for part in remote("echo").astream({"text": "a"}, stream_mode="updates")] == expected
    inner: Any = [part async for part in remote("nested").astream({"text": "a"}, stream_mode="updates", subgraphs=True)]
    assert any(namespace and namespace[0].startswith("child:") for namespace, *_ in inner)


@proves("get_state", "aget_state", "an answer to a question")
async def state(remote: Remote, config: Any) -> None:
    graph = remote("ask")
    asked: Any = await graph.ainvoke({"text": "it"}, config)
    assert asked["__interrupt__"][0]["value"] == {"question": "Send 'it'?"}
    snapshot = await asyncio.to_thread(graph.get_state, config)
    assert (snapshot.next, snapshot.tasks[0].interrupts[0].value) == (("ask",), {"question": "Send 'it'?"})
    assert (await graph.aget_state(config)).next == ("ask",)
    assert (await graph.ainvoke(Command(resume="yes"), config))["said"] == ["answered: yes", "after"]


@proves("get_state_history", "aget_state_history", "update_state", "aupdate_state")
async def history(remote: Remote, config: Any) -> None:
    graph = remote("slow")
    await graph.ainvoke({"text": "0"}, config)
    states = await asyncio.to_thread(lambda: list(graph.get_state_history(config)))
    assert [each.next for each in states] == [(), ("wait",), ("first",), ("__start__",)]
    assert [each.next async for each in graph.aget_state_history(config, limit=2)] == [(), ("wait",)]
    edited: Any = {"said": ["edited"]}
    changed = await asyncio.to_thread(graph.update_state, states[1].config, edited, "first")
    assert (await graph.ainvoke(None, changed))["said"] == ["after", "edited", "waited"]
    again = await graph.aupdate_state(states[1].config, {"said": ["again"]}, as_node="first")
    assert (await graph.ainvoke(None, again))["said"] == ["after", "again", "waited"]


@proves("get_graph", "aget_graph")
async def drawn(remote: Remote, config: Any) -> None:
    graph = remote("nested")
    nodes = (await asyncio.to_thread(graph.get_graph)).nodes
    assert list(nodes) == ["__start__", "before", "child", "last", "__end__"]
    assert "child:inner" in (await graph.aget_graph(xray=True)).nodes


@proves("a node of another graph")
async def inside(remote: Remote, config: Any) -> None:
    for name, left in (("echo", ["echo: a"]), ("ask", [])):
        outer = StateGraph(Words)
        outer.add_node("remote", remote(name))
        outer.add_edge(START, "remote")
        given: Any = await outer.compile().ainvoke({"text": "a"})
        assert given["said"] == left
        assert ("__interrupt__" in given) == (name == "ask")


@pytest.mark.parametrize("name", sorted(CHECKS))
@pytest.mark.sdk("RemoteGraph")
async def test_it_works(name: str, url: str) -> None:
    async with get_client(url=url, api_key=None, timeout=30) as client:
        with get_sync_client(url=url, api_key=None, timeout=30) as other:
            config = {"configurable": {"thread_id": (await client.threads.create())["thread_id"]}}
            await CHECKS[name](lambda graph: RemoteGraph(graph, client=client, sync_client=other), config)


def test_no_method_is_forgotten() -> None:
    offered = {name for name, member in vars(RemoteGraph).items() if callable(member) and not name.startswith("_")}
    assert offered - _LEFT_OUT == {name for name in CHECKS if name.isidentifier()}
