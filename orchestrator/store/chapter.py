"""What the chapters of the SQLite store share."""

import sqlite3
from collections.abc import Sequence
from typing import Any, Literal

from graphs.clock import Clock
from graphs.errors import NotFoundError
from orchestrator.store.announcing import Announcer, Kept
from orchestrator.store.early import EarlyEvents
from orchestrator.store.reader import Reader
from orchestrator.store.rows import INSERT_RECORD, to_time
from orchestrator.store.saver import BatonSaver
from orchestrator.store.writer import Writer

SignalKind = Literal["answer", "event", "cancel", "pause", "start", "resume"]


class Chapter:
    """The base of every chapter: the writer, the reader, the saver, the clock, and who wants to hear of records."""

    def __init__(
        self,
        writer: Writer,
        reader: Reader,
        saver: BatonSaver,
        *,
        clock: Clock,
        announce: Announcer,
    ) -> None:
        self._writer = writer
        self._reader = reader
        self._saver = saver
        self._clock = clock
        self._announce = announce
        self._early_events = EarlyEvents()
        """Of the reader's own thread."""
        self._drives = False
        """Whether this process drives the file: what it stores itself is no news to it."""
        self._runs_before = 0
        """The newest run that an earlier process began."""

    def _now(self) -> str:
        return to_time(self._clock.now())


def raise_signal(
    db: sqlite3.Connection, execution_id: str, kind: SignalKind, path: str | None, now: str, *, own: bool
) -> None:
    """Tell the driving engine, in the transaction of what happened: an execution that goes to rest now looks again.

    `own`: this process drives the file; whoever stores something in it tells its driver without a detour.
    """
    db.execute("UPDATE executions SET signal = signal + 1, updated_at = ? WHERE id = ?", (now, execution_id))
    if not own:
        db.execute("INSERT INTO signals (execution_id, kind, path) VALUES (?, ?, ?)", (execution_id, kind, path))


def no_execution(execution_id: str) -> NotFoundError:
    return NotFoundError(
        f"There is no execution '{execution_id}'.",
        hint="List what there is: baton list.",
        code="execution_not_found",
        execution_id=execution_id,
    )


def insert(db: sqlite3.Connection, rows: Sequence[tuple[Any, ...]]) -> Kept:
    """Insert rows of INSERT_RECORD; gives them with their seqs, for the listeners."""
    return [(db.execute(INSERT_RECORD, row).lastrowid or 0, *row) for row in rows]
