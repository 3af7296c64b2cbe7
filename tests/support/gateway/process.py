"""A gateway in a process of its own, which can be killed."""

import asyncio
import os
import re
import signal
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from tests.support.gateway.serving import FUNCTIONS, GRAPHS

_ROOT = Path(__file__).parents[3]
_PATIENCE = 120
"""Seconds after which a test that waits has failed; nothing is ever decided by them."""


class Process:
    """`baton serve`, running."""

    def __init__(self, process: asyncio.subprocess.Process, url: str, telling: asyncio.Task[bytes]) -> None:
        self._process = process
        self._telling = telling
        self.url = url
        self.pid = process.pid

    async def kill(self) -> None:
        """End it as a power cut would."""
        self._process.kill()
        await asyncio.wait_for(self._process.wait(), _PATIENCE)

    async def stop(self) -> int:
        """End it as an operator would; gives its exit code."""
        self._process.send_signal(signal.SIGTERM)
        return await asyncio.wait_for(self._process.wait(), _PATIENCE)

    async def said(self) -> str:
        """What it said on standard error since it began to serve, once it has ended."""
        return (await asyncio.wait_for(self._telling, _PATIENCE)).decode()


@asynccontextmanager
async def process(database: Path, port: int, *, config: Path = GRAPHS, **settings: str) -> AsyncIterator[Process]:
    """Start one; it is gone at the end of the block, whatever happened."""
    command = ["serve", "--database", str(database), "--port", str(port), "--config", str(config)]
    started = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "orchestrator.cli", *command, "--module", FUNCTIONS),
        env={**os.environ, "PYTHONPATH": str(_ROOT), **settings},
        stderr=asyncio.subprocess.PIPE,
        stdin=asyncio.subprocess.DEVNULL,
        cwd=database.parent,
    )
    assert started.stderr is not None
    said = b""
    draining: asyncio.Task[bytes] | None = None
    try:
        async with asyncio.timeout(_PATIENCE):
            while not (found := re.search(rb"Serving .* at (http://\S+)", said)):
                line = await started.stderr.readline()
                assert line, f"it did not start: {said.decode()}"
                said += line
        draining = asyncio.create_task(started.stderr.read())
        yield Process(started, found[1].decode(), draining)
    finally:
        if started.returncode is None:
            started.kill()
        await asyncio.wait_for(started.wait(), _PATIENCE)
        if draining is not None:
            draining.cancel()
            await asyncio.gather(draining, return_exceptions=True)
