"""`python -m tests.benchmarks.alone WHAT DATABASE`: engine processes that are measured from outside.

hold    start 100 executions, say "held" when a step of each is at work, and wait to be killed
wait    start 1,000 executions that wait for a person, and say what they cost: megabytes, and of a second's CPU
"""

import asyncio
import json
import os
import sys
import time
from pathlib import Path
from typing import Any

from agents import Functions
from orchestrator.engine import Orchestrator
from orchestrator.settings import Settings
from tests.benchmarks import ours

INTERRUPTED, WAITING = 100, 1000
IDLE_SECONDS = 3.0


def _engine(database: Path, functions: Functions) -> Any:
    settings = Settings(database=database, max_executions=INTERRUPTED, log_level="error", _env_file=None)  # type: ignore[call-arg]
    return Orchestrator.open(settings, resources=[functions])


def _functions(work: Any) -> Functions:
    offered = Functions()
    offered.register("work", work)
    return offered


async def hold(database: Path) -> None:
    begun, everything = 0, asyncio.Event()

    async def work(name: str) -> str:
        nonlocal begun
        begun += name == "s1"
        if begun == INTERRUPTED:
            everything.set()
        if name == "s1":
            await asyncio.Event().wait()
        return name

    async with _engine(database, _functions(work)) as baton:
        for _ in range(INTERRUPTED):
            await baton.start(ours.chain(3), {})
        await everything.wait()
        print("held", flush=True)
        await asyncio.Event().wait()


async def wait(database: Path) -> None:
    async def work(name: str) -> str:
        return name

    async with _engine(database, _functions(work)) as baton:
        await ours.pause_many(baton, ours.approval(), 10, 10)
        before = _megabytes()
        await ours.pause_many(baton, ours.approval(), WAITING, 16)
        grown, wall, cpu = _megabytes() - before, time.monotonic(), time.process_time()
        await asyncio.sleep(IDLE_SECONDS)
        busy = (time.process_time() - cpu) / (time.monotonic() - wall)
        print(json.dumps({"megabytes": grown, "cpu": busy}), flush=True)


def _megabytes() -> float:
    return int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE") / 2**20


if __name__ == "__main__":
    asyncio.run({"hold": hold, "wait": wait}[sys.argv[1]](Path(sys.argv[2])))
