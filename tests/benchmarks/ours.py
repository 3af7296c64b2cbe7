"""The same work on Baton, through its public face, `synchronous=FULL`."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from agents.tools.functions import Functions
from graphs.spec import Workflow
from orchestrator.engine import Orchestrator
from orchestrator.settings import Settings

Work = Callable[[str], Awaitable[Any]]


@asynccontextmanager
async def engine(path: Path, **functions: Work) -> AsyncIterator[Orchestrator]:
    offered = Functions()
    for name, work in functions.items():
        offered.register(name, work)
    settings = Settings(database=path, max_executions=16)
    async with Orchestrator.open(settings, resources=[offered]) as baton:
        yield baton


def step(name: str, after: list[str], function: str = "work") -> dict[str, Any]:
    return {
        "name": name,
        "type": "function",
        "depends_on": after,
        "config": {"function": function, "args": {"name": name}},
    }


def workflow(name: str, steps: list[dict[str, Any]], **config: Any) -> Workflow:
    return Workflow.model_validate({"metadata": {"name": name}, "spec": {"steps": steps, "config": config}})


def chain(length: int) -> Workflow:
    return workflow("chain", [step(f"s{i}", [f"s{i - 1}"] if i else []) for i in range(length)])


def fan(width: int) -> Workflow:
    middle = [f"s{i}" for i in range(width)]
    steps = [step("first", []), *(step(name, ["first"]) for name in middle), step("last", middle)]
    return workflow("fan", steps, max_parallel_steps=1000)


def two_branches(count: int) -> Workflow:
    quick = [step(f"b{i}", [f"b{i - 1}"] if i else [], "quick") for i in range(count)]
    return workflow("branches", [step("slow", [], "slow"), *quick, step("join", ["slow", f"b{count - 1}"])])


def approval() -> Workflow:
    ask = {"name": "ask", "type": "approval", "config": {"message": "approve?"}}
    return workflow("approval", [ask, step("after", ["ask"])])


async def run_once(baton: Orchestrator, definition: Workflow) -> Any:
    execution = await baton.start(definition, {})
    return await baton.wait(execution.id)


async def run_many(baton: Orchestrator, definition: Workflow, count: int, at_a_time: int) -> None:
    places = asyncio.Semaphore(at_a_time)

    async def one() -> None:
        async with places:
            await run_once(baton, definition)

    await asyncio.gather(*(one() for _ in range(count)))


async def pause_many(baton: Orchestrator, definition: Workflow, count: int, at_a_time: int) -> list[str]:
    places = asyncio.Semaphore(at_a_time)

    async def one() -> str:
        async with places:
            execution = await baton.start(definition, {})
            await baton.wait(execution.id, until="rest")
            return execution.id

    return await asyncio.gather(*(one() for _ in range(count)))


async def answer_many(baton: Orchestrator, ids: list[str], at_a_time: int) -> None:
    places = asyncio.Semaphore(at_a_time)

    async def one(execution_id: str) -> None:
        async with places:
            await baton.decide(execution_id, "ask", "approve", by="bench")
            await baton.wait(execution_id)

    await asyncio.gather(*(one(execution_id) for execution_id in ids))
