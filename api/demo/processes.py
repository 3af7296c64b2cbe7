"""The demo's engine as a child process: started, killed in the middle of its work, started again."""

import asyncio
import os
import sys
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager, suppress
from pathlib import Path

from api.demo.engine import READY
from api.demo.services.process import PACKAGE_ROOT
from graphs.errors import BatonError

START_SECONDS = 60.0  # a start takes about two; a machine under load takes longer
STOP_SECONDS = 8.0


class EngineProcessError(BatonError):
    """The demo's engine did not start."""

    code = "demo_engine_failed"


class EngineProcess:
    """One engine process at a time, on one database.

    Attributes:
        kills: How often it was killed.
    """

    def __init__(self, environment: Mapping[str, str], log: Path) -> None:
        self._environment = dict(environment)
        self._log = log
        self._process: asyncio.subprocess.Process | None = None
        self.kills = 0

    @property
    def pid(self) -> int | None:
        return self._process.pid if self._process is not None else None

    async def start(self) -> None:
        """Start it and wait until it drives.

        Raises:
            EngineProcessError: it ended, or took too long; the message holds its last words.
        """
        paths = [str(PACKAGE_ROOT), *filter(None, [os.environ.get("PYTHONPATH")])]
        with self._log.open("ab") as stderr:
            self._process = await asyncio.create_subprocess_exec(
                *(sys.executable, "-P", "-m", "api.demo.engine"),
                stdin=asyncio.subprocess.PIPE,
                stdout=asyncio.subprocess.PIPE,
                stderr=stderr,
                env={**os.environ, **self._environment, "PYTHONPATH": os.pathsep.join(paths)},
                # Ctrl-C in a terminal reaches every process of the group; this one is stopped in order, by us.
                start_new_session=True,
            )
        assert self._process.stdout is not None
        try:
            line = await asyncio.wait_for(self._process.stdout.readline(), START_SECONDS)
        except TimeoutError:
            raise EngineProcessError(f"The engine was not ready after {START_SECONDS:g} s. See {self._log}.") from None
        if line != READY.encode():
            raise EngineProcessError(f"The engine did not start: {self._last_words()}")

    async def kill(self) -> None:
        """SIGKILL: no chance to save or to say anything."""
        if self._process is not None:
            self._process.kill()
            self.kills += 1
            await self._gone()

    async def stop(self) -> None:
        """SIGTERM, and SIGKILL for one that does not go."""
        process = self._process
        if process is None:
            return
        with suppress(ProcessLookupError):
            process.terminate()
        try:
            with suppress(TimeoutError):
                await asyncio.wait_for(process.wait(), STOP_SECONDS)
        finally:
            # Also when this wait is cancelled: whatever happens, no child is left.
            if process.returncode is None:
                process.kill()
            await self._gone()

    async def _gone(self) -> None:
        process, self._process = self._process, None
        if process is None:
            return
        await process.wait()
        # To their ends, so that the pipes' transports are closed before the event loop is.
        if process.stdin is not None:
            process.stdin.close()
            with suppress(BrokenPipeError, ConnectionResetError):
                await process.stdin.wait_closed()
        if process.stdout is not None:
            await process.stdout.read()

    def _last_words(self) -> str:
        lines = self._log.read_text(encoding="utf-8", errors="replace").strip().splitlines()
        return lines[-1] if lines else f"it said nothing. See {self._log}."


@asynccontextmanager
async def running_engine(environment: Mapping[str, str], log: Path) -> AsyncIterator[EngineProcess]:
    """An engine that drives the database of this environment, stopped at the end."""
    engine = EngineProcess(environment, log)
    try:
        await engine.start()
        yield engine
    finally:
        await engine.stop()
