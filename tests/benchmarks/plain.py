"""Plain LangGraph, written the usual way: one node per step, `AsyncSqliteSaver`, `durability="sync"`.

The yardstick of the benchmarks, as well written as its users would write it. `fast=True` is the fastest setting
that still keeps what was done: one shared connection, `synchronous=NORMAL`, `durability="async"`.
"""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Annotated, Any, TypedDict

import aiosqlite
from langgraph.checkpoint.sqlite.aio import AsyncSqliteSaver
from langgraph.graph import END, START, StateGraph
from langgraph.types import Command, interrupt


def merge(old: dict[str, Any] | None, new: dict[str, Any] | None) -> dict[str, Any]:
    return {**(old or {}), **(new or {})}


class State(TypedDict, total=False):
    results: Annotated[dict[str, Any], merge]


Work = Callable[[str], Awaitable[Any]]


@asynccontextmanager
async def saver(path: Path, *, fast: bool = False) -> AsyncIterator[AsyncSqliteSaver]:
    async with aiosqlite.connect(str(path)) as connection:
        await connection.execute("PRAGMA journal_mode=WAL")
        await connection.execute(f"PRAGMA synchronous={'NORMAL' if fast else 'FULL'}")
        yield AsyncSqliteSaver(connection)


def node(name: str, work: Work) -> Callable[[State], Awaitable[State]]:
    async def run(state: State) -> State:
        return {"results": {name: await work(name)}}

    return run


def chain(length: int, work: Work) -> StateGraph[Any, Any, Any, Any]:
    graph: StateGraph[Any, Any, Any, Any] = StateGraph(State)
    before = START
    for index in range(length):
        name = f"s{index}"
        graph.add_node(name, node(name, work))
        graph.add_edge(before, name)
        before = name
    graph.add_edge(before, END)
    return graph


def fan(width: int, work: Work) -> StateGraph[Any, Any, Any, Any]:
    graph: StateGraph[Any, Any, Any, Any] = StateGraph(State)
    graph.add_node("first", node("first", work))
    graph.add_node("last", node("last", work))
    graph.add_edge(START, "first")
    names = [f"s{index}" for index in range(width)]
    for name in names:
        graph.add_node(name, node(name, work))
        graph.add_edge("first", name)
    graph.add_edge(names, "last")
    graph.add_edge("last", END)
    return graph


def two_branches(slow: Work, quick: Work, count: int) -> StateGraph[Any, Any, Any, Any]:
    graph: StateGraph[Any, Any, Any, Any] = StateGraph(State)
    graph.add_node("slow", node("slow", slow))
    graph.add_edge(START, "slow")
    before = START
    for index in range(count):
        name = f"b{index}"
        graph.add_node(name, node(name, quick))
        graph.add_edge(before, name)
        before = name
    graph.add_node("join", node("join", quick_nothing))
    graph.add_edge(["slow", before], "join")
    graph.add_edge("join", END)
    return graph


async def quick_nothing(name: str) -> Any:
    return name


def approval(work: Work) -> StateGraph[Any, Any, Any, Any]:
    async def ask(state: State) -> State:
        return {"results": {"ask": interrupt({"message": "approve?"})}}

    graph: StateGraph[Any, Any, Any, Any] = StateGraph(State)
    graph.add_node("ask", ask)
    graph.add_node("after", node("after", work))
    graph.add_edge(START, "ask")
    graph.add_edge("ask", "after")
    graph.add_edge("after", END)
    return graph


async def run_once(graph: Any, thread: str, *, fast: bool = False) -> Any:
    config = {"configurable": {"thread_id": thread}, "recursion_limit": 1_000_000}
    return await graph.ainvoke({}, config, durability="async" if fast else "sync")


async def run_many(graph: Any, count: int, at_a_time: int, *, fast: bool = False) -> None:
    places = asyncio.Semaphore(at_a_time)

    async def one(index: int) -> None:
        async with places:
            await run_once(graph, f"t{index}", fast=fast)

    await asyncio.gather(*(one(index) for index in range(count)))


async def answer_many(graph: Any, count: int, at_a_time: int, *, fast: bool = False) -> None:
    places = asyncio.Semaphore(at_a_time)

    async def one(index: int) -> None:
        async with places:
            config = {"configurable": {"thread_id": f"t{index}"}}
            await graph.ainvoke(Command(resume="yes"), config, durability="async" if fast else "sync")

    await asyncio.gather(*(one(index) for index in range(count)))
