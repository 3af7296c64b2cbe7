"""LangGraph's checkpointer on our file: the official saver's tables and lists, our writer, our serializer.

For the plans of our own executions, those with a listener, it does three things the official one does not:

1. *A step's result is its record*, and right after its commit the live flow is told. LangGraph hears of it when the
   body ends, and keeps it in its next checkpoint. (What is no step's, a partition's end, is kept with its writes.)
2. *A checkpoint is handed over, not waited for.* The writer commits in order, so it is durable before any result that
   follows it; when it is lost, those results are refused (writer, rule 4).
3. *Only the newest checkpoint of a plan is kept.* Our history is by step, from the records; LangGraph's own, by
   superstep, is coarse and large (47 MB where 1 MB does, at 1,000 steps).

Graphs of users' own get what the official saver gives: every write durable when its call returns, the whole history.
"""

import asyncio
import inspect
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Any, TypeVar

from langchain_core.runnables import RunnableConfig
from langgraph.checkpoint.base import (
    WRITES_IDX_MAP,
    ChannelVersions,
    Checkpoint,
    CheckpointMetadata,
)
from langgraph.checkpoint.serde.types import ERROR

from graphs.beginning import begun
from graphs.checkpoints import CommitListener
from graphs.errors import BatonError, CommitError
from graphs.state import Kept, Result
from orchestrator.store import checkpoints
from orchestrator.store.commits import CommitResults, Committed, InsertRecords, Row, record_rows, write_rows
from orchestrator.store.plans import SavedPlan
from orchestrator.store.reading_saver import ReadingSaver
from orchestrator.store.rows import to_json
from orchestrator.store.units import Statement

T = TypeVar("T")


class BatonSaver(ReadingSaver):
    """LangGraph's saver for the file a Writer and a Reader have open; implements graphs.checkpoints.Checkpoints."""

    # -- graphs.checkpoints.Checkpoints -------------------------------------------------------------------------------

    def listen(self, thread_id: str, namespace: str, listener: CommitListener) -> None:
        self._plans.listeners[thread_id, namespace] = listener
        if namespace:
            self._plans.flat.discard(thread_id)

    def forget(self, thread_id: str, namespace: str) -> None:
        self._plans.forget((thread_id, namespace))

    def expect_new(self, thread_id: str, namespace: str, given: Mapping[str, Any]) -> None:
        self._plans.loaded[thread_id, namespace] = begun(thread_id, namespace, given)
        self._plans.empty.add((thread_id, namespace))
        if not namespace:
            self._plans.flat.add(thread_id)

    async def saved(self, thread_id: str, namespace: str) -> SavedPlan | None:
        key = (thread_id, namespace)
        self._plans.stale(key)
        found = await self._load(thread_id, namespace, None)
        if found is None:
            return None
        self._plans.taken_up(key, found)
        return SavedPlan.of(found)

    def keep(self, thread_id: str, listener: CommitListener, results: Mapping[str, Result]) -> asyncio.Future[Any]:
        rows = self._serialized(thread_id, listener, lambda: record_rows(thread_id, listener, results, self._clock))
        return self._writer.submit(
            InsertRecords(thread_id, rows),
            thread=thread_id,
            on_commit=partial(self._committed, listener, results, rows),
            on_lost=listener.lost,
        )

    def tell_lost(self, thread_id: str, error: BatonError) -> None:
        """Something the execution handed over could not be kept: every live plan of it must hear."""
        for (thread, _), listener in list(self._plans.listeners.items()):
            if thread == thread_id:
                listener.lost(error)

    # -- LangGraph's interface: writes -------------------------------------------------------------------------

    async def aput(
        self,
        config: RunnableConfig,
        checkpoint: Checkpoint,
        metadata: CheckpointMetadata,
        new_versions: ChannelVersions,
    ) -> RunnableConfig:
        where = config["configurable"]
        plan = (str(where["thread_id"]), where["checkpoint_ns"])
        key, parent = (*plan, checkpoint["id"]), where.get("checkpoint_id")
        self._plans.stale(plan)
        if plan not in self._plans.listeners:
            body, said = self.serde.dumps_readable(checkpoint), checkpoints.whole_metadata(config, metadata)
            await self._writer.submit([checkpoints.put(key, parent, *body, said)])
        elif "dispatched" in checkpoint["channel_values"]:
            body = self.serde.dumps_typed(checkpoint)
            self._hand_over(key, checkpoints.put(key, parent, *body, to_json(metadata).encode()))
        # Otherwise nothing has been sent, so nothing can be lost: a crash here starts the plan from its beginning.
        return {"configurable": {**_place(where), "checkpoint_id": checkpoint["id"]}}

    def _hand_over(self, key: tuple[str, str, str], put: Statement) -> None:
        thread, namespace, _ = key
        first = self._plans.first((thread, namespace))
        self._plans.handed_over(thread)
        self._writer.hand_over(
            [put] if first else [put, *checkpoints.only(key, below=thread not in self._plans.flat)],
            thread=thread,
            on_commit=lambda _: self._plans.settled(thread),
            on_lost=lambda error: self._lost_checkpoint(thread, error),
        )

    async def aput_writes(
        self, config: RunnableConfig, writes: Sequence[tuple[str, Any]], task_id: str, task_path: str = ""
    ) -> None:
        where = config["configurable"]
        key = (str(where["thread_id"]), str(where["checkpoint_ns"]))
        self._plans.stale(key)
        listener = self._plans.listeners.get(key)
        if listener is None:
            sql, rows = write_rows(where, writes, task_id, task_path, self.serde.dumps_readable)
            await self._writer.submit([(sql, rows)])
            return
        if any(isinstance(value, Kept) for _, value in writes):
            # Until the next checkpoint, whoever takes the plan up reads them from their records. But what a task has
            # asked would go on being shown as open.
            if task_id in self._plans.asking.get(key, ()):
                plain = [(channel, dict(value) if isinstance(value, Kept) else value) for channel, value in writes]
                answered = write_rows(where, plain, task_id, task_path, self.serde.dumps_typed)
                self._writer.hand_over([answered], thread=key[0], on_lost=listener.lost)
            return
        # A cancelled drive must not mark its steps as failed: they run again when it is taken up.
        writes = [(channel, value) for channel, value in writes if not _is_cancel(channel, value)]
        # What a planning node says is in the next checkpoint; until then it would only be planned again.
        if any(channel == "steps" or channel in WRITES_IDX_MAP for channel, _ in writes):
            await self._put_results(key[0], listener, where, writes, task_id, task_path)

    def _put_results(
        self,
        thread: str,
        listener: CommitListener,
        where: Mapping[str, Any],
        writes: Sequence[tuple[str, Any]],
        task_id: str,
        task_path: str,
    ) -> asyncio.Future[Any]:
        results: dict[str, Result] = {}
        for channel, value in writes:
            if channel == "steps":
                results.update(value)

        def serialize() -> tuple[str, list[Row], list[Row]]:
            rows = write_rows(where, writes, task_id, task_path, self.serde.dumps_typed)
            return *rows, record_rows(thread, listener, results, self._clock)

        sql, rows, records = self._serialized(thread, listener, serialize)
        return self._writer.submit(
            CommitResults(thread, sql, rows, records),
            thread=thread,
            on_commit=partial(self._committed, listener, results, records) if results else None,
            on_lost=listener.lost,
        )

    def _serialized(self, thread: str, listener: CommitListener, serialize: Callable[[], T]) -> T:
        try:
            return serialize()
        except Exception as error:
            # A commit that fails must be heard, or dependents wait for ever. Whatever a serializer raises is meant.
            listener.lost(CommitError(f"A result of execution '{thread}' cannot be kept: {error}.", cause="serialize"))
            raise

    def _committed(
        self, listener: CommitListener, results: Mapping[str, Result], records: Sequence[Row], kept: Committed
    ) -> None:
        if kept.end is not None or kept.held:
            listener.asked(kept.end, held=kept.held)
        listener.committed(results)
        if kept.seqs:
            self._announce([(seq, *row) for seq, row in zip(kept.seqs, records, strict=True)])

    def _lost_checkpoint(self, thread: str, error: BatonError) -> None:
        self._plans.settled(thread)
        self.tell_lost(thread, error)


# LangGraph asks for it at the beginning of every graph run, and finding it out anew costs as much as a step.
BatonSaver.aput_writes.__signature__ = inspect.signature(BatonSaver.aput_writes)  # type: ignore[attr-defined]


def _place(where: Mapping[str, Any]) -> dict[str, Any]:
    return {"thread_id": where["thread_id"], "checkpoint_ns": where["checkpoint_ns"]}


def _is_cancel(channel: str, value: Any) -> bool:
    return channel == ERROR and isinstance(value, asyncio.CancelledError)
