"""Threads: what clients keep their runs on."""

import asyncio
import re
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import timedelta
from typing import Any, Literal
from weakref import WeakValueDictionary

from graphs.clock import Clock
from graphs.errors import ConflictError, InputError
from orchestrator.ids import is_anothers, shown_id
from orchestrator.serving.assistants import assistant_id_of
from orchestrator.serving.served import Document, Edit, Place, Served, Window
from orchestrator.serving.shelf import Shelf
from orchestrator.serving.snapshots import state_left
from orchestrator.store.acts import about
from orchestrator.store.served.threads import no_thread
from orchestrator.store.served.values import Search, Thread
from orchestrator.store.sqlite import SqliteStore

_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9._:-]{0,127}")
"""Ids stand in paths and headers."""


class ThreadDesk:
    """What the gateway asks about threads."""

    def __init__(self, store: SqliteStore, shelf: Shelf, clock: Clock, ends: Callable[[], None]) -> None:
        self._store = store
        self._shelf = shelf
        self._clock = clock
        self._ends = ends
        self._locks: WeakValueDictionary[str, asyncio.Lock] = WeakValueDictionary()

    @asynccontextmanager
    async def alone(self, thread_id: str) -> AsyncIterator[None]:
        """Nobody else runs the thread, or edits its state, in the block."""
        lock = self._locks.get(thread_id)
        if lock is None:
            lock = self._locks[thread_id] = asyncio.Lock()
        async with lock:
            yield

    # -- making and finding ----------------------------------------------------------------------------------------

    def new(
        self,
        thread_id: str,
        tenant: str,
        metadata: Mapping[str, Any] | None = None,
        ttl: Mapping[str, Any] | None = None,
    ) -> Thread:
        """A thread that is not kept yet.

        Raises:
            InputError: the id cannot be one.
        """
        if not _ID.fullmatch(shown := shown_id(thread_id)) or is_anothers(thread_id, tenant):
            raise InputError(
                f"{shown[:100]!r} cannot be a thread's id.",
                hint="Ids have up to 128 letters, digits, and . _ : -; they begin with a letter or a digit.",
                code="thread_id_invalid",
            )
        now = self._clock.now()
        return Thread(
            id=thread_id,
            tenant=tenant,
            metadata=metadata or {},
            ttl=ttl,
            expires_at=self.expiry(ttl),
            created_at=now,
            updated_at=now,
            state_updated_at=now,
        )

    def expiry(self, ttl: Mapping[str, Any] | None) -> Any:
        """When a thread with that time to live is deleted."""
        return self._clock.now() + timedelta(minutes=float(ttl["ttl"])) if ttl else None

    async def create(self, thread: Thread, *, again: bool) -> Thread:
        """Keep a new thread; with `again`, gives the one that is there.

        Raises:
            ConflictError: the id is taken.
        """
        about({"thread_id": thread.id})
        kept = await self._store.create_thread(thread, again=again)
        if kept.ttl:
            self._ends()
        return kept

    async def begin(self, thread: Thread, edits: Sequence[Sequence[Edit]], *, again: bool) -> Thread:
        """The same with the state that edits give it; what cannot be given it is not there afterwards.

        Raises:
            InputError: the edits cannot be made.
        """
        kept = await self.create(thread, again=again)
        if kept is not thread:
            return kept
        try:
            await self.edit(thread.id, thread.tenant, edits)
        except BaseException:
            await self._store.delete_thread(thread.id, thread.tenant)
            raise
        return await self.get(thread.id, thread.tenant)

    def own(self, given: str, tenant: str) -> str:
        """The id under which a tenant has, or is to have, the thread that it calls so."""
        return self._store.own_id(given, tenant)

    async def get(self, thread_id: str, tenant: str) -> Thread:
        """A thread as it is now.

        Raises:
            NotFoundError: there is none.
        """
        return await self._current(await self.kept(thread_id, tenant))

    async def kept(self, thread_id: str, tenant: str) -> Thread:
        """A thread as its last run left it. An execution that was started elsewhere becomes one when it is asked for.

        Raises:
            NotFoundError: there is none.
        """
        if (thread := self._store.thread(thread_id, tenant)) is not None:
            return thread
        execution = await self._store.execution(thread_id)
        if execution is None or execution.tenant != tenant:
            raise no_thread(thread_id)
        names = {"graph_id": execution.workflow, "assistant_id": assistant_id_of(execution.workflow)}
        thread = self.new(thread_id, tenant, {**execution.metadata, **names})
        return await self._store.create_thread(replace(thread, created_at=execution.created_at), again=True)

    async def search(self, which: Search) -> Sequence[Thread]:
        """Threads that fit, as they are now."""
        return [await self._current(thread) for thread in await self._store.threads(which)]

    async def count(self, which: Search) -> int:
        """How many threads fit."""
        return await self._store.count_threads(which)

    # -- changing --------------------------------------------------------------------------------------------------

    async def change(
        self, thread_id: str, tenant: str, metadata: Mapping[str, Any], ttl: Mapping[str, Any] | None
    ) -> Thread:
        """Merge metadata, and set the time to live."""
        await self.kept(thread_id, tenant)
        changes = {"ttl": ttl, "expires_at": self.expiry(ttl)} if ttl is not None else {}
        changed = await self._store.change_thread(thread_id, tenant, changes, metadata=metadata)
        if ttl is not None:
            self._ends()
        return await self._current(changed)

    async def delete(self, thread_id: str, tenant: str) -> None:
        """Delete a thread, its runs and its checkpoints.

        Raises:
            NotFoundError: there is none.
            ConflictError: a run of it has not ended, or it is an execution.
        """
        await self._refuse_to_delete(await self.kept(thread_id, tenant))
        async with self.alone(thread_id):
            await self._store.delete_thread(thread_id, tenant)

    async def _refuse_to_delete(self, thread: Thread) -> None:
        self._refuse_busy(thread)
        if await self._store.execution(thread.id) is not None:
            raise ConflictError(
                f"Thread '{thread.id}' is an execution of a workflow, whose history is kept.",
                hint="Old ones are deleted by `baton prune`.",
                code="thread_of_workflow",
            )

    async def prune(self, thread_ids: Sequence[str], tenant: str, strategy: Literal["delete", "keep_latest"]) -> int:
        """Delete threads, or all of their history but the latest; gives how many there were.

        Raises:
            ConflictError: a run of one of them has not ended, or it is an execution; then none is touched.
        """
        named = dict.fromkeys(thread_ids)
        found = [thread for each in named if (thread := self._store.thread(each, tenant)) is not None]
        for thread in found:
            await self._refuse_to_delete(thread) if strategy == "delete" else self._refuse_busy(thread)
        for thread in found:
            if strategy == "delete":
                await self.delete(thread.id, tenant)
            else:
                about({"thread_id": thread.id})
                await self._store.saver.compact(thread.id)
        return len(found)

    async def copy(self, thread_id: str, target_id: str, tenant: str) -> Thread:
        """A thread with the same history."""
        source = await self.kept(thread_id, tenant)
        self._refuse_busy(source)
        served = await self.served(source)
        if served is not None and not served.copied:
            raise ConflictError(
                f"Thread '{thread_id}' is an execution of '{served.name}', which cannot be copied.",
                hint="To go on from one of its steps in a new one, fork it.",
                code="thread_not_copied",
            )
        now = self._clock.now()
        copy = replace(source, id=target_id, created_at=now, updated_at=now, expires_at=self.expiry(source.ttl))
        async with self.alone(thread_id):
            await self._store.saver.acopy_thread(thread_id, target_id)
            about({"thread_id": target_id})
            return await self._store.create_thread(copy)

    # -- state -----------------------------------------------------------------------------------------------------

    async def state(self, thread_id: str, tenant: str, place: Place, *, subgraphs: bool) -> Document:
        """A thread's state, now or at a checkpoint."""
        thread = await self.kept(thread_id, tenant)
        served = await self.served(thread)
        return state_left(thread) if served is None else await served.state(thread, place, subgraphs=subgraphs)

    async def history(self, thread_id: str, tenant: str, window: Window) -> Sequence[Document]:
        """States of a thread, newest first."""
        thread = await self.kept(thread_id, tenant)
        served = await self.served(thread)
        return [] if served is None else await served.history(thread, window)

    async def edit(self, thread_id: str, tenant: str, edits: Sequence[Sequence[Edit]]) -> Place:
        """Change a thread's state.

        Raises:
            ConflictError: it is busy, or no graph ever ran on it.
        """
        thread = await self.kept(thread_id, tenant)
        self._refuse_busy(thread)
        served = await self.served(thread)
        if served is None and isinstance(name := thread.metadata.get("graph_id"), str):
            served = await self._shelf.get(name, tenant)  # which says what is served in its place
        if served is None:
            raise ConflictError(
                f"No graph belongs to thread '{thread_id}', so it has no state to change.",
                hint="Run one on it first, or create it with metadata.graph_id.",
                code="thread_without_graph",
            )
        async with self.alone(thread_id):
            return await served.edit(thread, edits)

    async def served(self, thread: Thread) -> Served | None:
        """The graph that runs on a thread."""
        name = thread.metadata.get("graph_id")
        return await self._shelf.find(name, thread.tenant) if isinstance(name, str) else None

    async def _current(self, thread: Thread) -> Thread:
        served = await self.served(thread)
        return thread if served is None else await served.current(thread)

    def _refuse_busy(self, thread: Thread) -> None:
        if thread.status == "busy":
            raise ConflictError(
                f"Thread '{thread.id}' is busy: a run of it has not ended.",
                hint="Wait for the run, or cancel it first.",
                code="thread_busy",
            )
