"""The store in one SQLite file.

    SqliteStore ── Writer   one thread, one connection, group commit
        │      └── Reader   point reads in the loop's thread, lists in another
        ├── saver           LangGraph's checkpointer on the same file
        └── chapters        Catalogue, Executions, Drives, Requests, DeadLetters, Alerts, Records, Waits, Approvals,
                            Timers, Events, Breakers, Keys, Audit, Sources, Targets, Triggers, Pasts, Retention, and
                            what is served

Any process may open the file, read, answer waits, publish events and ask for cancels; one of them drives.
"""

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Literal
from urllib.parse import quote

import aiosqlite

from graphs.clock import Clock
from orchestrator.store import backup
from orchestrator.store.alerts import Alerts
from orchestrator.store.announcing import Announcer, everything
from orchestrator.store.approvals import Approvals
from orchestrator.store.audit import Audit
from orchestrator.store.breakers import Breakers
from orchestrator.store.catalogue import Catalogue
from orchestrator.store.connect import Synchronous, absolute
from orchestrator.store.dead_letters import DeadLetters
from orchestrator.store.drives import Drives
from orchestrator.store.events import Events
from orchestrator.store.executions import Executions
from orchestrator.store.figures import Figures
from orchestrator.store.keys import Keys
from orchestrator.store.locking import engine_lock, is_locked
from orchestrator.store.pasts import Pasts
from orchestrator.store.port import Record
from orchestrator.store.reader import Reader
from orchestrator.store.records import Records
from orchestrator.store.requests import Requests
from orchestrator.store.retention import Retention
from orchestrator.store.room import make_room
from orchestrator.store.saver import BatonSaver
from orchestrator.store.schema import prepare
from orchestrator.store.served.answering import Answering
from orchestrator.store.served.assistants import Assistants
from orchestrator.store.served.conversations import Conversations
from orchestrator.store.served.crons import Crons
from orchestrator.store.served.following import WorkflowAssistants
from orchestrator.store.served.items import Items
from orchestrator.store.served.runs import Runs
from orchestrator.store.served.seeing import Seeing
from orchestrator.store.served.threads import Threads
from orchestrator.store.served.webhooks import RunWebhooks
from orchestrator.store.sources import Sources
from orchestrator.store.targets import Targets
from orchestrator.store.timers import Timers
from orchestrator.store.triggers import Triggers
from orchestrator.store.waits import Waits
from orchestrator.store.writer import Writer


class SqliteStore(
    Catalogue,
    Executions,
    Drives,
    Requests,
    DeadLetters,
    Alerts,
    Records,
    Waits,
    Approvals,
    Timers,
    Events,
    Breakers,
    Keys,
    Audit,
    Sources,
    Targets,
    Triggers,
    Pasts,
    Retention,
    Assistants,
    WorkflowAssistants,
    Items,
    Crons,
    Conversations,
    Seeing,
    Threads,
    Runs,
    Answering,
    RunWebhooks,
    Figures,
):
    """Implements orchestrator.store.port.Store. Made by `open`."""

    path: Path
    _synchronous: Synchronous = "full"
    _version: int = -1
    _signalled: int = 0

    @classmethod
    @asynccontextmanager
    async def open(
        cls,
        path: Path | Literal[":memory:"],
        *,
        clock: Clock,
        synchronous: Synchronous = "full",
        read_only: bool = False,
        on_committed: Callable[[Sequence[Record]], None] | None = None,
        wanted: Callable[[str, str], bool] | None = None,
        patience: float = 30.0,
    ) -> AsyncIterator["SqliteStore"]:
        """Open a file, making it or bringing it up to date first; closed at the end of the block.

        Args:
            path: The file. `:memory:` is one in a temporary folder, never synced, deleted at the end.
            clock: What time it is.
            synchronous: `full` survives a power cut; `normal` may lose the last commits in one.
            read_only: Every write is refused.
            on_committed: Gets every record after its commit, with its seq, on the event loop.
            wanted: Whether a kind of record of an execution is of interest at this moment; without it, all are.
            patience: Seconds to go on trying to write while another process holds the lock.

        Raises:
            StoreError: the file cannot be opened, or was made by a newer Baton.
        """
        async with AsyncExitStack() as stack:
            if isinstance(path, str):
                folder = stack.enter_context(TemporaryDirectory(prefix="baton-"))
                path, synchronous = Path(folder) / "memory.db", "off"
            path = absolute(path)
            await asyncio.to_thread(prepare, path, read_only=read_only, synchronous=synchronous, patience=patience)
            writer = Writer(path, synchronous=synchronous, patience=patience, read_only=read_only)
            reader = Reader(path)
            lists = aiosqlite.connect(f"file:{quote(str(path))}?mode=ro", uri=True)
            announce = Announcer(on_committed, wanted or everything)
            saver = BatonSaver(writer, reader, lists, clock=clock, announce=announce)
            store = cls(writer, reader, saver, clock=clock, announce=announce)
            store.path, store._synchronous = path, synchronous
            stack.push_async_callback(store.close)
            yield store

    @property
    def saver(self) -> BatonSaver:
        """See the port; also graphs.checkpoints.Checkpoints."""
        return self._saver

    async def barrier(self) -> None:
        """See the port."""
        await self._writer.barrier()

    def changed(self) -> bool:
        """Whether signals were stored, by this process or another, since this was last asked.

        Cheap enough for every 100 ms: while nobody commits, it only looks at a number in shared memory.
        """
        version = self._reader.version()
        if version == self._version:
            return False
        self._version = version
        newest = self._reader.point("SELECT max(seq) FROM signals")[0][0] or 0
        fresh, self._signalled = newest > self._signalled, newest
        return fresh

    @asynccontextmanager
    async def driving(self) -> AsyncIterator[None]:
        """See the port."""
        with engine_lock(self.path, self._clock):
            # Signals are for the engine that ran when they were stored; one that starts looks at the tables itself.
            await self._writer.submit([("DELETE FROM signals", ())])
            self._runs_before = self._reader.point("SELECT ifnull(max(seq), 0) FROM runs", ())[0][0]
            if self._synchronous == "full":
                await asyncio.to_thread(make_room, self.path)
            self._drives = True
            try:
                yield
            finally:
                self._drives = False

    def driven(self) -> bool:
        """See the port."""
        return is_locked(self.path)

    async def backup(self, target: Path) -> None:
        """See the port, and backup.copy."""
        await asyncio.to_thread(backup.copy, self.path, target)

    async def close(self) -> None:
        """Commit what was handed over, and close every connection."""
        # The writer's last: only a connection that may write leaves one whole file behind, without a WAL beside it.
        await self._saver.close()
        self._reader.close()
        await self._writer.close()
