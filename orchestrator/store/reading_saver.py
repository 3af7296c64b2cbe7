"""LangGraph's checkpoints read, listed, copied and put away: the official saver's work on a file that is ours."""

import json
from collections.abc import AsyncIterator, Mapping, Sequence
from typing import Any

import aiosqlite
from langchain_core.runnables import RunnableConfig
from langgraph.checkpoint.base import CheckpointTuple, DeltaChannelHistory, get_checkpoint_id
from langgraph.checkpoint.sqlite.aio import AsyncSqliteSaver
from langgraph.checkpoint.sqlite.utils import load_pending_writes

from graphs.clock import Clock
from graphs.errors import CorruptStateError
from orchestrator.store import checkpoints
from orchestrator.store.announcing import Announcer
from orchestrator.store.plans import Plans
from orchestrator.store.reader import Reader
from orchestrator.store.serializer import StrictSerializer, located
from orchestrator.store.writer import Writer


class ReadingSaver(AsyncSqliteSaver):
    """What of the saver looks at kept checkpoints, or puts them away.

    Args:
        writer: Commits everything.
        reader: Answers what LangGraph asks in its hot path.
        lists: A connection that cannot write, not yet started, for the official saver's own lists.
        clock: For results that do not say when they ended.
        announce: Gets the records of committed results.
    """

    serde: StrictSerializer

    def __init__(
        self,
        writer: Writer,
        reader: Reader,
        lists: aiosqlite.Connection,
        *,
        clock: Clock,
        announce: Announcer,
    ) -> None:
        super().__init__(lists, serde=StrictSerializer())
        self._writer = writer
        self._reader = reader
        self._clock = clock
        self._announce = announce
        self._plans = Plans()

    # -- reads -------------------------------------------------------------------------------------------------

    async def setup(self) -> None:
        """The store has made the tables; only the connection for lists may have to be started."""
        async with self.lock:
            if not self._plans.lists_open:
                await self.conn
                self._plans.lists_open = True

    async def aget_tuple(self, config: RunnableConfig) -> CheckpointTuple | None:
        where = config["configurable"]
        key = (str(where["thread_id"]), where.get("checkpoint_ns", ""))
        wanted = get_checkpoint_id(config)
        if wanted is None and (loaded := self._plans.loaded.pop(key, None)):
            return loaded
        return await self._load(*key, wanted)

    async def _load(self, thread: str, namespace: str, wanted: str | None) -> CheckpointTuple | None:
        if thread in self._plans.pending:  # handed over and not yet committed: a read must see it
            await self._writer.submit(())
        if wanted:
            found = self._reader.point(checkpoints.READ_ONE, (thread, namespace, wanted))
        else:
            found = self._reader.point(checkpoints.READ_NEWEST, (thread, namespace))
        if not found:
            return None
        checkpoint_id, parent, kind, body, metadata = found[0]
        writes = self._reader.point(checkpoints.READ_WRITES, (thread, namespace, checkpoint_id))
        place = {"thread_id": thread, "checkpoint_ns": namespace}
        try:
            return CheckpointTuple(
                {"configurable": {**place, "checkpoint_id": checkpoint_id}},
                self.serde.loads_typed((kind, body)),
                json.loads(metadata) if metadata is not None else {},
                {"configurable": {**place, "checkpoint_id": parent}} if parent else None,
                load_pending_writes(writes, self.serde),
            )
        except CorruptStateError as error:
            raise located(error, thread, namespace) from error

    async def alist(
        self,
        config: RunnableConfig | None,
        *,
        filter: dict[str, Any] | None = None,  # noqa: A002 - LangGraph's name
        before: RunnableConfig | None = None,
        limit: int | None = None,
    ) -> AsyncIterator[CheckpointTuple]:
        await self._writer.submit(())
        try:
            async for found in super().alist(config, filter=filter, before=before, limit=limit):
                yield found
        except CorruptStateError as error:
            where = config["configurable"] if config else {}
            raise located(error, where.get("thread_id", "?"), where.get("checkpoint_ns", "?")) from error

    async def aget_delta_channel_history(
        self, *, config: RunnableConfig, channels: Sequence[str]
    ) -> Mapping[str, DeltaChannelHistory]:
        try:
            return await super().aget_delta_channel_history(config=config, channels=channels)
        except CorruptStateError as error:
            where = config["configurable"]
            raise located(error, where["thread_id"], where.get("checkpoint_ns", "")) from error

    async def close(self) -> None:
        """Close the connection for lists. The writer and the reader are not ours."""
        if self._plans.lists_open:
            self._plans.lists_open = False
            await self.conn.close()

    # -- put away ----------------------------------------------------------------------------------------------

    async def adelete_thread(self, thread_id: str) -> None:
        for key in [key for key in self._plans.loaded if key[0] == str(thread_id)]:
            self._plans.stale(key)
        await self._writer.submit(checkpoints.delete(str(thread_id)))

    async def aprune(self, thread_ids: Sequence[str], *, strategy: str = "keep_latest") -> None:
        statements = checkpoints.delete if strategy == "delete" else checkpoints.keep_newest
        await self._writer.submit([each for thread in thread_ids for each in statements(str(thread))])

    async def compact(self, thread_id: str) -> None:
        """Keep only the newest checkpoint of each namespace, and the writes that belong to one."""
        await self.aprune([thread_id])

    async def acopy_thread(self, source_thread_id: str, target_thread_id: str) -> None:
        await self._writer.submit(checkpoints.copy(str(source_thread_id), str(target_thread_id)))

    async def adelete_for_runs(self, run_ids: Sequence[str]) -> None:
        await self._writer.submit(())
        keys = await self._reader.read(lambda db: checkpoints.of_runs(db, list(run_ids)))
        await self._writer.submit(checkpoints.delete_keys(keys))
