"""Threads: made, found, changed, deleted."""

import sqlite3
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any

from graphs.errors import BatonError, ConflictError, NotFoundError
from orchestrator.ids import marked_id
from orchestrator.store import checkpoints
from orchestrator.store.acts import about
from orchestrator.store.chapter import Chapter
from orchestrator.store.port import DEFAULT_TENANT
from orchestrator.store.retention import delete_executions
from orchestrator.store.rows import from_time
from orchestrator.store.served.standing import THREADS_NOW
from orchestrator.store.served.table import Table
from orchestrator.store.served.values import Search, Thread

_TIMES = ("expires_at", "created_at", "updated_at", "state_updated_at")
_PLAIN = ("id", "tenant", "status")
THREADS = Table("threads", Thread, times=_TIMES, plain=_PLAIN)
_NOW = Table(THREADS_NOW, Thread, times=_TIMES, plain=_PLAIN)

_ASKING = (
    "SELECT id FROM threads WHERE tenant = ? AND status = 'interrupted' "
    "AND NOT EXISTS (SELECT 1 FROM executions WHERE executions.id = threads.id)"
)
_ANSWERS = (
    "SELECT e.id FROM thread_runs AS r JOIN executions AS e ON e.id = r.id WHERE r.thread_id = ? AND r.tenant = ?"
)
"""Executions in which runs of a thread were answered; they have the runs' ids."""
_WHOSE = (
    "SELECT id, tenant FROM threads WHERE id IN (?, ?) UNION ALL SELECT id, tenant FROM executions WHERE id IN (?, ?)"
)
_EXPIRED = "SELECT id, tenant FROM threads WHERE status <> 'busy' AND expires_at <= ?"


class Threads(Chapter):
    """The chapter on threads."""

    async def create_thread(self, thread: Thread, *, again: bool = False) -> Thread:
        """Keep a thread; with `again`, gives the one that is there.

        Raises:
            ConflictError: the id is taken.
        """

        def work(db: sqlite3.Connection) -> Thread | BatonError:
            if older := THREADS.find(db, id=thread.id):
                return older if again and older.tenant == thread.tenant else thread_exists(thread.id)
            return insert_thread(db, thread)

        kept: Thread = await self._writer.submit(work)
        return kept

    def thread(self, thread_id: str, tenant: str) -> Thread | None:
        """The thread, if there is one."""
        rows = self._reader.point(f"{THREADS.select} WHERE id = ? AND tenant = ?", (thread_id, tenant))
        return THREADS.value(rows[0]) if rows else None

    def own_id(self, given: str, tenant: str) -> str:
        """The id under which a tenant has, or is to have, the thread or execution that it calls so (see `ids`).

        Ids that were made here have no mark, and are nobody else's. The default tenant's have one only where another
        has the plain id, so that it is not told that.
        """
        marked = marked_id(given, tenant)
        whose = self._reader.point(_WHOSE, (given, marked) * 2)
        if (given, tenant) in whose:
            return given
        return marked if tenant != DEFAULT_TENANT or whose else given

    async def threads(self, which: Search) -> Sequence[Thread]:
        """Threads that fit, as they stand now."""
        return await self._reader.read(lambda db: _NOW.search(db, which))

    async def asking_threads(self, tenant: str) -> Sequence[str]:
        """Threads of a tenant's that ask something and are no executions: of those, the inbox tells."""
        rows = await self._reader.read(lambda db: db.execute(_ASKING, (tenant,)).fetchall())
        return [thread_id for (thread_id,) in rows]

    async def count_threads(self, which: Search) -> int:
        """How many threads fit, as they stand now."""
        return await self._reader.read(lambda db: _NOW.count(db, which))

    async def change_thread(
        self, thread_id: str, tenant: str, changes: Mapping[str, Any], *, metadata: Mapping[str, Any] | None = None
    ) -> Thread:
        """Change a thread's columns; metadata is merged into what there is.

        Raises:
            NotFoundError: there is none.
        """
        now = self._clock.now()

        def work(db: sqlite3.Connection) -> Thread | BatonError:
            thread = THREADS.find(db, id=thread_id, tenant=tenant)
            if thread is None:
                return no_thread(thread_id)
            merged = {**thread.metadata, **(metadata or {})}
            changed = replace(thread, **changes, metadata=merged, updated_at=now)
            THREADS.update(db, {"id": thread_id}, {**changes, "metadata": merged, "updated_at": now})
            return changed

        kept: Thread = await self._writer.submit(work)
        return kept

    def next_expiry(self) -> datetime | None:
        """When the first of all threads is to go."""
        rows = self._reader.point("SELECT min(expires_at) FROM threads WHERE expires_at IS NOT NULL")
        return from_time(rows[0][0])

    async def expired_threads(self) -> Sequence[tuple[str, str]]:
        """Threads whose time is over: id and tenant."""
        now = self._now()
        rows = await self._reader.read(lambda db: db.execute(_EXPIRED, (now,)).fetchall())
        return [(thread_id, tenant) for thread_id, tenant in rows]

    async def delete_thread(self, thread_id: str, tenant: str) -> None:
        """Delete a thread with its runs and its checkpoints; an execution of the same id keeps its own.

        Raises:
            NotFoundError: there is none.
        """

        def work(db: sqlite3.Connection) -> NotFoundError | None:
            # What was said on it stands in them as well.
            delete_executions(db, db.execute(_ANSWERS, (thread_id, tenant)).fetchall())
            return take_thread_away(db, thread_id, tenant)

        about({"thread_id": thread_id})
        await self._writer.submit(work)


def insert_thread(db: sqlite3.Connection, thread: Thread) -> Thread | ConflictError:
    """Keep a new thread. Its id is taken where another tenant's execution has it: they would share checkpoints."""
    foreign = "SELECT 1 FROM executions WHERE id = ? AND tenant <> ?"
    if db.execute(foreign, (thread.id, thread.tenant)).fetchone():
        return thread_exists(thread.id)
    THREADS.insert(db, thread)
    return thread


def take_thread_away(db: sqlite3.Connection, thread_id: str, tenant: str) -> NotFoundError | None:
    """Delete a thread with what belongs to it."""
    if not THREADS.delete(db, id=thread_id, tenant=tenant):
        return no_thread(thread_id)
    if not db.execute("SELECT 1 FROM executions WHERE id = ?", (thread_id,)).fetchone():
        for sql, parameters in checkpoints.delete(thread_id):
            db.execute(sql, parameters)
    return None


def no_thread(thread_id: str) -> NotFoundError:
    return NotFoundError(f"There is no thread '{thread_id}'.", code="thread_not_found")


def thread_exists(thread_id: str) -> ConflictError:
    return ConflictError(
        f"There is a thread '{thread_id}' already.",
        hint="Leave the id out to get a new one, or send if_exists: do_nothing to get this one.",
        code="thread_exists",
    )
