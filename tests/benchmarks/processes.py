"""What is measured of whole processes: how soon one goes on with what another left, what waiting costs."""

import asyncio
import json
import sys
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

LONGEST = 120.0
"""Seconds for any of them."""


@asynccontextmanager
async def _alone(what: str, folder: Path) -> AsyncIterator[asyncio.StreamReader]:
    """An engine process and what it prints; killed at the end of the block, if it has not ended."""
    command = (sys.executable, "-m", "tests.benchmarks.alone", what, str(folder / "a.db"))
    process = await asyncio.create_subprocess_exec(*command, stdout=asyncio.subprocess.PIPE)
    assert process.stdout is not None
    try:
        async with asyncio.timeout(LONGEST):
            yield process.stdout
    finally:
        if process.returncode is None:
            process.kill()
        await process.wait()


async def first_step_after_a_kill(folder: Path) -> float:
    """Seconds from starting a process to the first step it takes up of 100 executions that were killed at work."""
    async with _alone("hold", folder) as said:
        assert await said.readline() == b"held\n"
    began = time.time()
    async with _alone("resume", folder) as said:
        first = float(await said.readline())
        assert await said.read() == b""  # all of them have ended well
    return first - began


async def megabytes_of_waiting(folder: Path) -> float:
    """What 1,000 executions take that wait for a person."""
    async with _alone("wait", folder) as said:
        return float(json.loads(await said.readline())["megabytes"])


async def cpu_of_waiting(folder: Path) -> float:
    """Of one core, in percent, while they wait."""
    async with _alone("wait", folder) as said:
        return 100 * float(json.loads(await said.readline())["cpu"])
