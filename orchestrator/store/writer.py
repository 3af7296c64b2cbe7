"""The one thread that writes: everything that is waiting goes into one transaction, with one commit.

    event loop                      writer thread
    submit(unit) ──────▶ queue ──▶  takes all there is; BEGIN IMMEDIATE; each unit; COMMIT
    callbacks, futures ◀─────────── one call into the loop for the whole group

What it keeps:

1. The order of submission is the order of commits and of callbacks, always.
2. A unit is answered after its commit, never before.
3. A unit that fails hurts only itself: the group is rolled back, and its units are tried one by one.
4. A committed prefix per execution: when a unit nobody waits for is lost, everything the same execution handed over
   after it is refused, until a unit says `reset`. Otherwise a result would be kept whose checkpoint is not.
5. What somebody does is told in the audit trail by the unit that does it (see `acts`).
"""

import asyncio
import queue
import sqlite3
import threading
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from graphs.errors import BatonError, CommitError, StoreError
from orchestrator.store.acts import told
from orchestrator.store.connect import Synchronous, breaks_connection, cannot_commit, connect, is_busy, is_closed
from orchestrator.store.units import Unit, Work

_GROUP = 1000
"""Units in one transaction at most, so that the first of them does not wait for ever."""

_COMPANY_SECONDS = 0.01
"""How long what nobody waits for is held back, for somebody to come who waits. A commit of its own would be begun at
once, and keep the next one waiting: the result of a step, say, behind a note of what it has cost."""

_BUSY_MILLISECONDS = 250
"""How long SQLite itself waits for another process's lock before we look at our own limit."""

_PAUSE_SECONDS = 0.005
"""Between two attempts, for the locks SQLite does not wait for itself."""


class Writer:
    """Owns the only connection of this process that writes the file.

    Args:
        path: The file; it exists and its schema is up to date.
        synchronous: `full` survives a power cut; `normal` may lose the last commits in one, `off` the whole file.
        patience: Seconds to go on trying when another process holds the lock.
        read_only: Nothing can be submitted but "when is all done", which it is.
    """

    def __init__(
        self, path: Path, *, synchronous: Synchronous = "full", patience: float = 30.0, read_only: bool = False
    ) -> None:
        self._path = path
        self._read_only = read_only
        self._synchronous = synchronous
        self._patience = patience
        self._loop = asyncio.get_running_loop()
        self._queue: queue.SimpleQueue[Unit | None] = queue.SimpleQueue()
        self._closing = threading.Event()
        self._lost: dict[str, BatonError] = {}
        self._unheard: BatonError | None = None
        self._db: sqlite3.Connection | None = self._connect()
        self._thread = threading.Thread(target=self._serve, name="baton-writer", daemon=True)
        self._thread.start()

    # -- the event loop's side ---------------------------------------------------------------------------------

    def submit(
        self,
        work: Work,
        *,
        thread: str | None = None,
        reset: bool = False,
        on_commit: Callable[[Any], None] | None = None,
        on_lost: Callable[[BatonError], None] | None = None,
    ) -> asyncio.Future[Any]:
        """Queue a unit; the future holds its value once it is committed.

        Args:
            work: What to do.
            thread: The execution it belongs to, for the committed prefix.
            reset: What the execution lost before is forgotten: it starts again from what was kept.
            on_commit: Called in the loop with the value, before the future is set.
            on_lost: Called in the loop with the error when it could not be committed.
        """
        future: asyncio.Future[Any] = self._loop.create_future()
        self._put(Unit(told(work), future, thread, reset, on_commit, on_lost))
        return future

    def hand_over(
        self,
        work: Work,
        *,
        thread: str | None,
        on_commit: Callable[[Any], None] | None = None,
        on_lost: Callable[[BatonError], None] | None = None,
    ) -> None:
        """Queue a unit that nobody waits for: it is durable before anything that is submitted later."""
        self._put(Unit(told(work), None, thread, False, on_commit, on_lost))

    async def barrier(self) -> None:
        """Return when everything submitted so far is committed.

        Raises:
            CommitError: something handed over since the last barrier could not be.
        """
        await self.submit(())
        error, self._unheard = self._unheard, None
        if error is not None:
            raise error

    async def close(self) -> None:
        """Commit what is queued, and stop."""
        if not self._closing.is_set():
            self._closing.set()
            self._queue.put(None)
        # The last group is answered first: its callbacks entered the loop's queue before the thread ended.
        await self._loop.run_in_executor(None, self._thread.join)

    def _put(self, unit: Unit) -> None:
        if self._closing.is_set():
            raise is_closed(self._path)
        if self._read_only and unit.work:
            raise StoreError(
                f"The database '{self._path}' was opened to be read only.",
                hint="Open it without read_only to write.",
                code="read_only",
            )
        self._queue.put(unit)

    def _answer(self, group: Sequence[Unit]) -> None:
        for unit in group:
            error: BaseException | None = unit.error
            try:
                if unit.error is None:
                    if unit.on_commit is not None:
                        unit.on_commit(unit.value)
                elif unit.on_lost is not None:
                    unit.on_lost(unit.error)
            except Exception as failure:  # noqa: BLE001 - one listener's defect must not silence the units after it
                error = failure
                self._loop.call_exception_handler({"message": "A commit listener failed.", "exception": failure})
            if unit.future is None:
                if isinstance(unit.error, CommitError):
                    self._unheard = self._unheard or unit.error
            elif unit.future.done():  # whoever asked was cancelled; what was asked is done all the same
                continue
            elif error is None:
                unit.future.set_result(unit.value)
            else:
                unit.future.set_exception(error)

    # -- the writer thread's side ------------------------------------------------------------------------------

    def _serve(self) -> None:
        more = True
        while more:
            group, more = self._take()
            if group:
                self._commit_or_fail(group)
                try:
                    self._loop.call_soon_threadsafe(self._answer, group)
                except RuntimeError:  # the loop was closed without closing us: nobody is left to tell
                    more = False
        if self._db is not None:
            self._db.close()

    def _take(self) -> tuple[list[Unit], bool]:
        """Everything that is queued now; waits for the first, and a moment longer while nobody waits for any."""
        group: list[Unit] = []
        unit, until = self._queue.get(), time.monotonic() + _COMPANY_SECONDS
        while unit is not None:
            group.append(unit)
            if len(group) == _GROUP:
                return group, True
            if unit.future is not None:
                until = 0.0
            left = until and until - time.monotonic()
            try:
                unit = self._queue.get(timeout=left) if left > 0 else self._queue.get_nowait()
            except queue.Empty:
                return group, True
        return group, False

    def _commit_or_fail(self, group: list[Unit]) -> None:
        """Whatever happens, everybody is answered: a thread that died would let them wait for ever."""
        try:
            self._commit(group)
        except Exception as error:  # noqa: BLE001 - this thread's edge
            self._fail(group, error)
            if self._db is not None:
                self._db.close()
                self._db = None

    def _commit(self, group: list[Unit]) -> None:
        lost = dict(self._lost)  # what the group changes here is undone when it is rolled back
        try:
            db = self._begin()
        except (sqlite3.Error, StoreError) as error:
            # Nobody could write: trying each alone would only wait as long again.
            self._fail(group, error)
            return
        try:
            for unit in group:
                self._run(unit, db)
            db.execute("COMMIT")
        except Exception as error:  # noqa: BLE001 - whatever a unit raises is that unit's answer
            self._roll_back(db, error)
            if len(group) == 1:
                self._fail(group, error)
                return
            self._lost = lost
            for unit in group:
                unit.value = unit.error = None
                self._commit([unit])

    def _run(self, unit: Unit, db: sqlite3.Connection) -> None:
        if unit.thread is not None and self._lost:
            if unit.reset:
                self._lost.pop(unit.thread, None)
            elif before := self._lost.get(unit.thread):
                unit.error = CommitError(
                    f"Not kept, because something execution '{unit.thread}' handed over before it was lost: {before}",
                    **before.details,
                )
                return
        unit.run(db)
        if unit.error is not None and unit.future is None and unit.thread is not None:
            self._lost.setdefault(unit.thread, unit.error)

    def _begin(self) -> sqlite3.Connection:
        # The real clock, not the store's: what is awaited here is another process, and tests stop theirs.
        until = time.monotonic() + self._patience
        while True:
            try:
                if self._db is None:
                    self._db = self._connect()
                self._db.execute("BEGIN" if self._read_only else "BEGIN IMMEDIATE")
                return self._db
            except sqlite3.Error as error:
                if not is_busy(error):
                    self._renew(error)
                    raise
                if time.monotonic() > until:
                    raise
                time.sleep(_PAUSE_SECONDS)

    def _connect(self) -> sqlite3.Connection:
        db = connect(self._path, read_only=self._read_only, synchronous=self._synchronous)
        db.execute(f"PRAGMA busy_timeout = {_BUSY_MILLISECONDS}")
        return db

    def _roll_back(self, db: sqlite3.Connection, error: BaseException) -> None:
        try:
            if db.in_transaction:  # SQLite has rolled back by itself after some errors
                db.execute("ROLLBACK")
        except sqlite3.Error as worse:
            self._renew(worse)
        self._renew(error)

    def _renew(self, error: BaseException) -> None:
        if self._db is not None and breaks_connection(error):
            self._db.close()
            self._db = None

    def _fail(self, group: Sequence[Unit], error: Exception) -> None:
        for unit in group:
            unit.error = error if isinstance(error, BatonError) else cannot_commit(self._path, error)
            if unit.future is None and unit.thread is not None:
                self._lost.setdefault(unit.thread, unit.error)
