"""What is measured, and what the project promises of it."""

import asyncio
import time
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

from tests.benchmarks import gateway, ours, plain, processes
from tests.benchmarks.case import Case, Side, alone, at_least, at_most, ratio


async def nothing(name: str) -> Any:
    return name


def work_of(size: int) -> Callable[[str], Awaitable[Any]]:
    async def work(name: str) -> Any:
        return {"name": name, "text": name[:1] * size}

    return work


# -- one execution of many steps ---------------------------------------------------------------------------------


def ours_once(definition: Any, per: int) -> Side:
    async def side(folder: Path) -> float:
        async with ours.engine(folder / "a.db", work=nothing) as baton:
            await ours.run_once(baton, definition)  # as plain's graph is compiled before it is timed, and warm
            started = time.perf_counter()
            execution = await ours.run_once(baton, definition)
            seconds = time.perf_counter() - started
            assert execution.status == "completed", execution.error
        return seconds / per * 1000

    return side


def plain_once(make: Callable[[], Any], per: int, *, synced: bool = True) -> Side:
    async def side(folder: Path) -> float:
        async with plain.saver(folder / "a.db", synced=synced) as saver:
            graph = make().compile(checkpointer=saver)
            await plain.run_once(graph, "warm")
            started = time.perf_counter()
            await plain.run_once(graph, "1")
            return (time.perf_counter() - started) / per * 1000

    return side


def chain_case(length: int) -> Case:
    return Case(
        f"chain-{length}",
        "ms a step",
        ours_once(ours.chain(length), length),
        plain_once(lambda: plain.chain(length, nothing), length),
        plain_once(lambda: plain.chain(length, nothing), length, synced=False),
        ratio,
        "<= 0.5 x",
        at_most(0.5),
    )


FAN = Case(
    "fan-1000",
    "ms a step",
    ours_once(ours.fan(1000), 1002),
    plain_once(lambda: plain.fan(1000, nothing), 1002),
    plain_once(lambda: plain.fan(1000, nothing), 1002, synced=False),
    ratio,
    "<= 0.5 x",
    at_most(0.5),
)


# -- many executions -----------------------------------------------------------------------------------------------


async def ours_many(folder: Path) -> float:
    async with ours.engine(folder / "a.db", work=nothing) as baton:
        definition = ours.chain(5)
        await ours.run_once(baton, definition)
        started = time.perf_counter()
        await ours.run_many(baton, definition, 200, 16)
        return 200 / (time.perf_counter() - started)


def plain_many(*, synced: bool = True) -> Side:
    async def side(folder: Path) -> float:
        async with plain.saver(folder / "a.db", synced=synced) as saver:
            graph = plain.chain(5, nothing).compile(checkpointer=saver)
            await plain.run_once(graph, "warm")
            started = time.perf_counter()
            await plain.run_many(graph, 200, 16)
            return 200 / (time.perf_counter() - started)

    return side


MANY = Case(
    "many-200x5", "executions/s", ours_many, plain_many(), plain_many(synced=False), ratio, ">= 4 x", at_least(4)
)


async def ours_approvals(folder: Path) -> float:
    async with ours.engine(folder / "a.db", work=nothing) as baton:
        definition = ours.approval()
        await ours.answer_many(baton, await ours.pause_many(baton, definition, 1, 1), 1)
        started = time.perf_counter()
        ids = await ours.pause_many(baton, definition, 1000, 16)
        await ours.answer_many(baton, ids, 16)
        return time.perf_counter() - started


def plain_approvals(*, synced: bool = True) -> Side:
    async def side(folder: Path) -> float:
        async with plain.saver(folder / "a.db", synced=synced) as saver:
            graph = plain.approval(nothing).compile(checkpointer=saver)
            await plain.run_once(graph, "warm")
            await plain.answer_once(graph, "warm")
            started = time.perf_counter()
            await plain.run_many(graph, 1000, 16)
            await plain.answer_many(graph, 1000, 16)
            return time.perf_counter() - started

    return side


APPROVALS = Case(
    "approvals-1000",
    "s",
    ours_approvals,
    plain_approvals(),
    plain_approvals(synced=False),
    ratio,
    "<= 0.35 x",
    at_most(0.35),
)


# -- branches, sizes, resuming -------------------------------------------------------------------------------------


async def slow(name: str) -> Any:
    await asyncio.sleep(1.0)
    return name


async def quick(name: str) -> Any:
    await asyncio.sleep(0.05)
    return name


async def ours_branches(folder: Path) -> float:
    async with ours.engine(folder / "a.db", work=nothing, slow=slow, quick=quick) as baton:
        await ours.run_once(baton, ours.chain(3))
        started = time.perf_counter()
        await ours.run_once(baton, ours.two_branches(10))
        return time.perf_counter() - started


async def plain_branches(folder: Path) -> float:
    async with plain.saver(folder / "a.db") as saver:
        graph = plain.two_branches(slow, quick, 10).compile(checkpointer=saver)
        started = time.perf_counter()
        await plain.run_once(graph, "1")
        return time.perf_counter() - started


BRANCHES = Case("two-branches", "s", ours_branches, plain_branches, None, alone, "<= 1.06 s", at_most(1.06))

DATA = 100 * 10_000


def bytes_in(folder: Path) -> float:
    return sum(path.stat().st_size for path in folder.iterdir() if ".db" in path.name) / DATA


async def ours_size(folder: Path) -> float:
    async with ours.engine(folder / "a.db", work=work_of(10_000)) as baton:
        await ours.run_once(baton, ours.chain(100))
    return bytes_in(folder)


async def plain_size(folder: Path) -> float:
    async with plain.saver(folder / "a.db") as saver:
        await plain.run_once(plain.chain(100, work_of(10_000)).compile(checkpointer=saver), "1")
    return bytes_in(folder)


SIZE = Case("size-100x10KB", "x the data", ours_size, plain_size, None, alone, "<= 4 x", at_most(4))


async def ours_5000_to_100(folder: Path) -> float:
    """As many steps in executions of 100, half of them before and half after, so that a slower minute of the disk is
    not taken for growth."""
    async with ours.engine(folder / "a.db", work=nothing) as baton:

        async def seconds(length: int, times: int) -> float:
            started = time.perf_counter()
            for _ in range(times):
                execution = await ours.run_once(baton, ours.chain(length))
                assert execution.status == "completed", execution.error
            return time.perf_counter() - started

        await seconds(100, 1)
        before, long, after = await seconds(100, 25), await seconds(5000, 1), await seconds(100, 25)
        return long / (before + after)


GROWTH = Case("5000-against-100", "x per step", ours_5000_to_100, None, None, alone, "<= 1.5 x", at_most(1.5))


async def ours_resume(folder: Path) -> float:
    waits = [{"name": "ask", "type": "approval"}, *(ours.step(f"s{i}", ["ask"]) for i in range(999))]
    definition = ours.workflow("resume", waits, max_parallel_steps=1000)
    async with ours.engine(folder / "a.db", work=nothing) as baton:
        execution = await baton.start(definition, {})
        await baton.wait(execution.id, until="rest")
    async with ours.engine(folder / "a.db", work=nothing) as baton:
        await baton.wait(execution.id, until="rest")
        started = time.perf_counter()
        await baton.resume(execution.id)
        await baton.wait(execution.id, until="rest")
        return time.perf_counter() - started


RESUME = Case("resume-1000-unfinished", "s", ours_resume, None, None, alone, "<= 1 s", at_most(1.0))

HELP = Case("help", "s", processes.help_printed, None, None, alone, "<= 0.5 s", at_most(0.5))
FIRST_STEP = Case("run-to-first-step", "s", processes.first_step_of_a_run, None, None, alone, "<= 2.5 s", at_most(2.5))
RECOVERY = Case("recover-100", "s", processes.first_step_after_a_kill, None, None, alone, "<= 2 s", at_most(2.0))
MEMORY = Case("wait-1000-memory", "MB", processes.megabytes_of_waiting, None, None, alone, "<= 100 MB", at_most(100))
IDLE = Case("wait-1000-cpu", "% of a core", processes.cpu_of_waiting, None, None, alone, "<= 1 %", at_most(1.0))

ALL = [
    chain_case(100),
    chain_case(1000),
    FAN,
    MANY,
    BRANCHES,
    APPROVALS,
    SIZE,
    GROWTH,
    RESUME,
    *gateway.ALL,
    HELP,
    FIRST_STEP,
    RECOVERY,
    MEMORY,
    IDLE,
]
