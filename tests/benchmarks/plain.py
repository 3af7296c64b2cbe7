"""Plain LangGraph, written the usual way: one node per step, `AsyncSqliteSaver`, `durability="sync"`.

The yardstick of the benchmarks, as well written as its users would write it: one shared connection, a WAL, and
`synchronous=FULL`, so that what is finished survives a power cut, as ours does. No setting was found that keeps this
promise and is faster (exclusive locking, larger caches, later checkpoints of the WAL make no difference that could be
measured). `synced=False` promises less: `synchronous=NORMAL` survives a killed process, and may lose the last steps in
a power cut. `durability="async"` and `"exit"` are not measured: they lose finished steps when the process is killed.
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
async def saver(path: Path, *, synced: bool = True) -> AsyncIterator[AsyncSqliteSaver]:
    async with aiosqlite.connect(str(path)) as connection:
        await connection.execute("PRAGMA journal_mode=WAL")
        await connection.execute(f"PRAGMA synchronous={'FULL' if synced else 'NORMAL'}")
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


async def run_once(graph: Any, thread: str) -> Any:
    return await _drive(graph, thread, {})


async def answer_once(graph: Any, thread: str) -> Any:
    return await _drive(graph, thread, Command(resume="yes"))


async def run_many(graph: Any, count: int, at_a_time: int) -> None:
    await _many(lambda thread: run_once(graph, thread), count, at_a_time)


async def answer_many(graph: Any, count: int, at_a_time: int) -> None:
    await _many(lambda thread: answer_once(graph, thread), count, at_a_time)


async def _drive(graph: Any, thread: str, given: Any) -> Any:
    config = {"configurable": {"thread_id": thread}, "recursion_limit": 1_000_000}
    return await graph.ainvoke(given, config, durability="sync")


async def _many(work: Work, count: int, at_a_time: int) -> None:
    places = asyncio.Semaphore(at_a_time)

    async def one(index: int) -> None:
        async with places:
            await work(f"t{index}")

    await asyncio.gather(*(one(index) for index in range(count)))
