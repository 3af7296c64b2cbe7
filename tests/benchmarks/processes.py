"""What is measured of whole processes: how soon one answers, begins, or goes on with what another left; what waiting
costs."""

import asyncio
import json
import os
import sys
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from graphs.state import ExecutionStatus
from orchestrator.engine import Orchestrator
from orchestrator.settings import Settings
from orchestrator.store.port import ExecutionFilter
from tests.benchmarks import alone, ours

LONGEST = 120.0
"""Seconds for any of them."""

_ROOT = Path(__file__).parents[2]
_BATON = Path(sys.executable).with_name("baton")
_SAYING = ("--module", "tests.benchmarks.saying")


@asynccontextmanager
async def _process(folder: Path, *command: str, **environment: str) -> AsyncIterator[asyncio.subprocess.Process]:
    """A process in that folder, whose output is read; killed at the end of the block, if it has not ended."""
    process = await asyncio.create_subprocess_exec(
        *command,
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.DEVNULL,
        env={**os.environ, "PYTHONPATH": str(_ROOT), **environment},
        cwd=folder,
    )
    try:
        async with asyncio.timeout(LONGEST):
            yield process
    finally:
        if process.returncode is None:
            process.kill()
        await process.wait()


@asynccontextmanager
async def _alone(what: str, folder: Path) -> AsyncIterator[asyncio.StreamReader]:
    """A process that is measured from outside, and what it prints."""
    async with _process(folder, sys.executable, "-m", "tests.benchmarks.alone", what, "a.db") as process:
        assert process.stdout is not None
        yield process.stdout


async def _first_step(process: asyncio.subprocess.Process) -> float:
    """When its first step began, in seconds since the epoch."""
    assert process.stdout is not None
    while line := await process.stdout.readline():
        word, _, when = line.decode().partition(" ")
        if word == "begun":
            return float(when)
    raise AssertionError("it ended, and no step had begun")


async def help_printed(folder: Path) -> float:
    """Seconds from starting `baton --help` to its end."""
    began = time.time()
    async with _process(folder, str(_BATON), "--help") as process:
        said, _ = await process.communicate()
        took = time.time() - began
    assert process.returncode == 0 and b"demo" in said
    return took


async def first_step_of_a_run(folder: Path) -> float:
    """Seconds from starting `baton run FILE` to its first step."""
    (folder / "chain.json").write_text(json.dumps(ours.chain(3).as_document()))
    began = time.time()
    async with _process(folder, str(_BATON), "run", "chain.json", *_SAYING) as process:
        first = await _first_step(process)
        await process.communicate()
    assert process.returncode == 0
    return first - began


async def first_step_after_a_kill(folder: Path) -> float:
    """Seconds from starting `baton engine` to the first step it takes up of 100 executions that were killed at work."""
    async with _alone("hold", folder) as said:
        assert await said.readline() == b"held\n"
    began = time.time()
    size = {"BATON_MAX_EXECUTIONS": str(alone.INTERRUPTED)}
    async with _process(folder, str(_BATON), "engine", "--database", "a.db", *_SAYING, **size) as process:
        first = await _first_step(process)
        await _all_completed(folder / "a.db")
    return first - began


async def _all_completed(database: Path) -> None:
    completed = ExecutionFilter(status=(ExecutionStatus.COMPLETED,), limit=2 * alone.INTERRUPTED)
    async with Orchestrator.open(Settings(database=database), drive=False) as looking:
        async with asyncio.timeout(LONGEST):
            while len(await looking.list(completed)) < alone.INTERRUPTED:
                await asyncio.sleep(0.05)


async def megabytes_of_waiting(folder: Path) -> float:
    """What 1,000 executions take that wait for a person."""
    async with _alone("wait", folder) as said:
        return float(json.loads(await said.readline())["megabytes"])


async def cpu_of_waiting(folder: Path) -> float:
    """Of one core, in percent, while they wait."""
    async with _alone("wait", folder) as said:
        return 100 * float(json.loads(await said.readline())["cpu"])
