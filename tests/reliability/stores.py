"""The stores that faults are put upon. Another one is another entry of STORES, which knows what its faults are."""

import asyncio
import sqlite3
import sys
from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager, closing
from pathlib import Path
from typing import Any, Protocol

from orchestrator.engine import Orchestrator
from tests.support.blank import make_blank
from tests.support.engine.engines import engine

HOLD = """
import sqlite3, sys
db = sqlite3.connect(sys.argv[1], isolation_level=None)
db.execute("BEGIN IMMEDIATE")
print("held", flush=True)
sys.stdin.read()
db.execute("ROLLBACK")
"""

COPY_SECONDS = 120.0


class Store(Protocol):
    """A store under test."""

    name: str

    def settings(self, folder: Path) -> dict[str, Any]:
        """What an engine's settings say of the store that is kept in a folder."""
        ...

    def begin(self, folder: Path) -> None:
        """Make what an engine would make first, in which nothing is kept."""
        ...

    def file(self, folder: Path) -> Path:
        """What is kept, as the SQLite file that the checker reads (an export, where the store is none itself)."""
        ...

    async def copy(self, folder: Path, target: Path) -> Path:
        """The same as it is this instant, in another folder: as after a power cut."""
        ...

    def seen(self, folder: Path, target: Path) -> Path:
        """The same as processes see it that have it open."""
        ...

    def engine(self, folder: Path, **more: Any) -> AbstractAsyncContextManager[Orchestrator]:
        """An engine on the store that is kept in a folder; the same again for the same folder."""
        ...

    def held(self, folder: Path) -> AbstractAsyncContextManager[None]:
        """Another program keeps everybody from writing until the block ends."""
        ...


class Sqlite:
    """One file."""

    name = "sqlite"

    def __init__(self) -> None:
        self._blank: bytes | None = None

    def begin(self, folder: Path) -> None:
        if self._blank is None:
            self._blank = make_blank(folder).read_bytes()
        self.file(folder).write_bytes(self._blank)

    def settings(self, folder: Path) -> dict[str, Any]:
        return {"database": self.file(folder)}

    def file(self, folder: Path) -> Path:
        return folder / "baton.db"

    async def copy(self, folder: Path, target: Path) -> Path:
        """Without the shared memory: it is read like after a power cut.

        By another process. When this one closes a file it had opened to copy it, the system drops every lock that this
        process has on that file, SQLite's too; the next engine would then take a reviewer's WAL away.
        """
        parts = [part for suffix in ("", "-wal") if (part := Path(f"{self.file(folder)}{suffix}")).exists()]
        if parts:
            copying = await asyncio.create_subprocess_exec("cp", "--", *map(str, parts), str(target))
            assert await asyncio.wait_for(copying.wait(), COPY_SECONDS) == 0
        return self.file(target)

    def seen(self, folder: Path, target: Path) -> Path:
        """By SQLite's own means.

        What a killed process had written into the WAL and not yet said in shared memory is not committed for those who
        have it open, and will be written over; whoever reads the bare files would take it for committed.
        """
        with closing(sqlite3.connect(self.file(folder))) as source, closing(sqlite3.connect(self.file(target))) as copy:
            source.backup(copy)
        return self.file(target)

    def engine(self, folder: Path, **more: Any) -> AbstractAsyncContextManager[Orchestrator]:
        return engine(self.file(folder), **more)

    @asynccontextmanager
    async def held(self, folder: Path) -> AsyncIterator[None]:
        pipe = asyncio.subprocess.PIPE
        command = (sys.executable, "-c", HOLD, str(self.file(folder)))
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


def named(name: str) -> Store:
    """The store of a name."""
    return next(store for store in STORES if store.name == name)
