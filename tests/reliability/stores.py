"""The stores that faults are put upon. Another one is another entry of STORES, which knows what its faults are."""

import asyncio
import sys
from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from pathlib import Path
from typing import Any, Protocol

from orchestrator.engine import Orchestrator
from tests.support.engine.engines import engine

HOLD = """
import sqlite3, sys
db = sqlite3.connect(sys.argv[1], isolation_level=None)
db.execute("BEGIN IMMEDIATE")
print("held", flush=True)
sys.stdin.read()
db.execute("ROLLBACK")
"""


class Store(Protocol):
    """A store under test."""

    name: str

    def engine(self, folder: Path, **more: Any) -> AbstractAsyncContextManager[Orchestrator]:
        """An engine on the store that is kept in a folder; the same again for the same folder."""
        ...

    def held(self, folder: Path) -> AbstractAsyncContextManager[None]:
        """Another program keeps everybody from writing until the block ends."""
        ...


class Sqlite:
    """One file."""

    name = "sqlite"

    def engine(self, folder: Path, **more: Any) -> AbstractAsyncContextManager[Orchestrator]:
        return engine(folder / "baton.db", **more)

    @asynccontextmanager
    async def held(self, folder: Path) -> AsyncIterator[None]:
        pipe = asyncio.subprocess.PIPE
        command = (sys.executable, "-c", HOLD, str(folder / "baton.db"))
        program = await asyncio.create_subprocess_exec(*command, stdin=pipe, stdout=pipe)
        assert program.stdin is not None and program.stdout is not None
        try:
            async with asyncio.timeout(30):
                assert await program.stdout.readline() == b"held\n"
            yield
        finally:
            program.stdin.close()
            try:
                async with asyncio.timeout(30):
                    await program.wait()
            except TimeoutError:
                program.kill()
                raise


STORES: list[Store] = [Sqlite()]
