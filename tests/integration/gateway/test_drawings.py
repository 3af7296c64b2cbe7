"""Workflows as graphs: `assistants.get_graph`, also of what is inside their steps (`xray`)."""

from itertools import pairwise
from typing import Any

import httpx
import pytest
from langgraph_sdk.client import LangGraphClient

from tests.support.gateway.calls import publish
from tests.support.gateway.definitions import asks, workflow
from tests.support.gateway.serving import Served

pytestmark = pytest.mark.capability("C16")


def after(step: dict[str, Any], *others: str) -> dict[str, Any]:
    return {**step, "depends_on": list(others)}


def holding(name: str, kind: str, **lists: Any) -> dict[str, Any]:
    return {"name": name, "type": kind, **lists}


INNER = workflow("inner", asks("look"), after(holding("both", "sequence", steps=[asks("x"), asks("y")]), "look"))
OUTER = workflow(
    "outer",
    asks("first"),
    after(holding("steps", "sequence", steps=[asks("a"), asks("b")]), "first"),
    after(holding("beside", "parallel", branches={"left": [asks("l1"), asks("l2")], "right": [asks("r")]}), "steps"),
    after({"name": "other", "type": "workflow", "config": {"workflow": "inner"}}, "beside"),
)
WAYS = workflow(
    "ways",
    holding(
        "which",
        "switch",
        config={"on": "{{ input.x }}"},
        cases=[{"name": "small", "equals": 1, "steps": [asks("a")]}, {"equals": 2, "steps": [asks("b")]}],
    ),
    after(
        holding("retry", "loop", config={"while": "{{ loop.iteration < 2 }}"}, steps=[asks("c"), asks("d")]), "which"
    ),
)


@pytest.fixture(autouse=True)
async def published(served: Served) -> None:
    async with httpx.AsyncClient(base_url=served.url) as http:
        for each in (INNER, OUTER, WAYS):
            await publish(http, each)


async def drawn(client: LangGraphClient, name: str, xray: bool | int) -> tuple[list[str], set[tuple[str, str, str]]]:
    """The nodes between start and end, and the edges with what is written at them."""
    graph: Any = await client.assistants.get_graph(name, xray=xray)
    edges = [(edge["source"], edge["target"], edge.get("data", "")) for edge in graph["edges"]]
    nodes = [node["id"] for node in graph["nodes"]]
    assert len(set(edges)) == len(edges) and len(set(nodes)) == len(nodes)
    assert {end for edge in edges for end in edge[:2]} == set(nodes)
    assert all(edge.get("conditional", False) == bool(edge.get("data")) for edge in graph["edges"])
    assert (nodes[0], nodes[-1]) == ("__start__", "__end__")
    return nodes[1:-1], set(edges)


def chain(*names: str) -> set[tuple[str, str, str]]:
    return {(one, other, "") for one, other in pairwise(names)}


async def test_a_graph_has_the_steps_of_its_workflow(client: LangGraphClient) -> None:
    names = ["first", "steps", "beside", "other"]
    assert await drawn(client, "outer", False) == (names, chain("__start__", *names, "__end__"))


async def test_seen_through_it_has_what_is_inside_its_steps_to_the_depth_that_is_asked(client: LangGraphClient) -> None:
    beside = ["beside:__start__", "beside:left:l1", "beside:left:l2", "beside:right:r", "beside:__end__"]
    nodes, edges = await drawn(client, "outer", 1)
    assert nodes == ["first", "steps:a", "steps:b", *beside, "other:look", "other:both"]
    assert edges >= chain("__start__", "first", "steps:a", "steps:b", *beside[:3], beside[-1])
    assert edges >= chain(beside[0], "beside:right:r", beside[-1])
    deepest, edges = await drawn(client, "outer", True)
    assert set(deepest) - set(nodes) == {"other:both:x", "other:both:y"}
    assert ("other:both:x", "other:both:y", "") in edges
    assert (deepest, edges) == await drawn(client, "outer", 2)


async def test_ways_and_repetitions_are_conditional(client: LangGraphClient) -> None:
    nodes, edges = await drawn(client, "ways", True)
    assert set(nodes) == {"which:__start__", "which:a", "which:b", "which:__end__", "retry:c", "retry:d"}
    assert edges == {
        ("__start__", "which:__start__", ""),
        ("which:__start__", "which:a", "small"),
        ("which:__start__", "which:b", "case 2"),
        ("which:__start__", "which:__end__", "otherwise"),
        *chain("which:a", "which:__end__", "retry:c", "retry:d", "__end__"),
        ("which:b", "which:__end__", ""),
        ("retry:d", "retry:c", "again"),
    }


async def test_workflows_that_multiply_are_not_drawn_without_end(client: LangGraphClient, served: Served) -> None:
    async with httpx.AsyncClient(base_url=served.url) as http:
        for level in range(1, 7):
            uses = {"type": "workflow", "config": {"workflow": f"level{level - 1}" if level > 1 else "inner"}}
            await publish(http, workflow(f"level{level}", *({"name": f"s{each}", **uses} for each in range(20))))
    nodes, _ = await drawn(client, "level6", True)
    assert 1000 < len(nodes) < 10_000
