"""Drives of executions: taken up, at rest, concluded, ended; and how often processes have died over one."""

import os
import sqlite3
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from graphs.errors import BatonError, ConflictError, StoreError
from graphs.state import ExecutionStatus
from orchestrator.store.announcing import Kept
from orchestrator.store.chapter import Chapter, insert, no_execution
from orchestrator.store.execution_rows import UNFINISHED
from orchestrator.store.executions import BEGIN_RUN, HOST, ended, find, unfinished
from orchestrator.store.letter_rows import INSERT_LETTER, letter_row
from orchestrator.store.port import ENGINE_FORMAT, TIMEOUT_BY, DeadLetter, Execution, Record
from orchestrator.store.results import GOT_FURTHER
from orchestrator.store.rows import record_row, to_json, to_time

_SUSPECTS = """
SELECT e.id FROM executions AS e
WHERE e.status IN ('running', 'compensating') AND e.deaths > 0
AND (SELECT ended_at FROM runs WHERE execution_id = e.id ORDER BY seq DESC LIMIT 1) IS NULL
ORDER BY e.deaths, e.created_at, e.id
"""
_LAST_RUN = "SELECT seq, ended_at FROM runs WHERE execution_id = ? ORDER BY seq DESC LIMIT 1"
_LAST_OF_A_STEP = "SELECT at FROM records WHERE execution_id = ? AND kind LIKE 'step.%' ORDER BY seq DESC LIMIT 1"
_PROGRESS = (
    f"SELECT ifnull((SELECT max(seq) FROM records WHERE execution_id = ? AND kind IN ({GOT_FURTHER})), 0), progress "
    "FROM executions WHERE id = ?"
)


class Drives(Chapter):
    """The chapter on drives."""

    async def suspects(self) -> Sequence[str]:
        """See the port."""
        rows = await self._reader.read(lambda db: db.execute(_SUSPECTS).fetchall())
        return [execution_id for (execution_id,) in rows]

    def _deaths(self, db: sqlite3.Connection, execution: Execution) -> tuple[int, int]:
        """How often in a row processes have died over it, now that it is taken up again; and how far it has got."""
        reached, before = db.execute(_PROGRESS, (execution.id, execution.id)).fetchone()
        run = db.execute(_LAST_RUN, (execution.id,)).fetchone()
        # A run of this very process that was not ended broke off for want of a store, say: nobody died.
        died = run is not None and run[1] is None and run[0] <= self._runs_before
        return (0 if not died else 1 if reached > before else execution.deaths + 1), reached

    async def begin_drive(self, execution_id: str, reason: str) -> Execution:
        """See the port.

        Raises:
            NotFoundError, ConflictError: there is none, or it has ended.
            StoreError: its engine format is not ours.
        """
        now = self._now()

        def work(db: sqlite3.Connection) -> Execution | BatonError:
            if isinstance(execution := unfinished(db, execution_id), BatonError):
                return execution
            if execution.engine_format != ENGINE_FORMAT:
                return _foreign_format(execution)
            if execution.pausing is not None:
                sql = "UPDATE executions SET active_seconds = active_seconds + ?, pausing = 'null' WHERE id = ?"
                db.execute(sql, (_paused_seconds(execution.pausing, now), execution_id))
            if execution.pause_requested is not None:
                db.execute("UPDATE executions SET status = 'paused', updated_at = ? WHERE id = ?", (now, execution_id))
                _end_run(db, execution_id, ExecutionStatus.PAUSED, now)
                return find(db, execution_id) or no_execution(execution_id)
            deaths, progress = self._deaths(db, execution)
            db.execute(
                "UPDATE executions SET status = 'running', drives = drives + 1, deaths = ?, progress = ?, "
                "active_seconds = active_seconds + ?, updated_at = ?, started_at = ifnull(started_at, ?) WHERE id = ?",
                (deaths, progress, _seconds_unsaid(db, execution), now, now, execution_id),
            )
            db.execute(BEGIN_RUN, (execution_id, execution.drives + 1, reason, HOST, os.getpid(), now))
            return find(db, execution_id) or no_execution(execution_id)

        taken: Execution = await self._writer.submit(work, thread=execution_id, reset=True)
        return taken

    def broke_off(self, execution_id: str) -> bool:
        """See the port."""
        rows = self._reader.point(f"{_LAST_RUN} OFFSET 1", (execution_id,))
        return bool(rows) and rows[0][1] is None

    async def rest(
        self,
        execution_id: str,
        seen: int,
        status: ExecutionStatus,
        active_seconds: float,
        *,
        lingers: bool = False,
        pauses_until: datetime | None = None,
        wake_at: datetime | None = None,
    ) -> bool:
        """See the port."""
        now = self._now()
        wake = None if wake_at is None else to_time(wake_at)
        pausing = None if pauses_until is None else {"since": now, "until": to_time(pauses_until)}

        def work(db: sqlite3.Connection) -> bool | BatonError:
            changed = db.execute(
                # One that rested in memory, and now only here, has not changed.
                "UPDATE executions SET status = ?, active_seconds = ?, pausing = ?, wake_at = ?, "
                "updated_at = iif(status = ?, updated_at, ?), "
                f"seen = signal, deaths = 0 WHERE id = ? AND signal = ? AND {UNFINISHED}",
                (status, active_seconds, to_json(pausing), wake, status, now, execution_id, seen),
            ).rowcount
            if changed and not lingers:
                _end_run(db, execution_id, status, now)
            elif not changed and find(db, execution_id) is None:
                return no_execution(execution_id)
            return bool(changed)

        rested: bool = await self._writer.submit(work, thread=execution_id)
        return rested

    def stirred(self, execution_id: str, generation: int, status: ExecutionStatus) -> None:
        """See the port."""
        now = self._now()

        def work(db: sqlite3.Connection) -> BatonError | None:
            changed = db.execute(
                "UPDATE executions SET status = ?, pausing = 'null', updated_at = ? WHERE id = ? AND generation = ? "
                "AND status IN ('waiting', 'budget_exceeded', 'running', 'compensating')",
                (status, now, execution_id, generation),
            ).rowcount
            return None if changed else _moved_on(execution_id)

        self._writer.hand_over(
            work, thread=execution_id, on_lost=lambda error: self._saver.tell_lost(execution_id, error)
        )

    async def conclude(
        self,
        execution_id: str,
        concluded: Mapping[str, Any],
        *,
        compensating: bool,
        records: Sequence[Record] = (),
        anew: bool = False,
    ) -> None:
        """See the port."""
        rows, conclusion = [record_row(record) for record in records], to_json(concluded)

        def work(db: sqlite3.Connection) -> Kept:
            first = db.execute(
                "UPDATE executions SET concluded = ? WHERE id = ? AND concluded = 'null'", (conclusion, execution_id)
            ).rowcount
            if compensating:
                db.execute(
                    "UPDATE executions SET status = 'compensating' WHERE id = ? AND status = 'running'", (execution_id,)
                )
            for table in ("checkpoints", "writes") if anew else ():
                db.execute(f"DELETE FROM {table} WHERE thread_id = ?", (execution_id,))
            return insert(db, rows) if first else []

        await self._writer.submit(work, thread=execution_id, on_commit=self._announce)

    async def finish(
        self,
        execution_id: str,
        status: ExecutionStatus,
        *,
        output: Any,
        error: Mapping[str, Any] | None,
        active_seconds: float,
        records: Sequence[Record] = (),
        letters: Sequence[DeadLetter] = (),
        unless_cancelled: bool = False,
        compensation: str | None = None,
    ) -> None:
        """See the port.

        Raises:
            NotFoundError, ConflictError: there is none, it has ended before, or somebody has cancelled it.
        """
        now = self._now()
        rows = [record_row(record) for record in records]
        letter_rows = [letter_row(letter) for letter in letters]
        ended_at, unless = now if status.final else None, _NOT_CANCELLED if unless_cancelled else ""
        values = (status, to_json(output), to_json(error), active_seconds, compensation, now, ended_at)

        def work(db: sqlite3.Connection) -> Kept | BatonError:
            changed = db.execute(
                "UPDATE executions SET status = ?, output = ?, error = ?, active_seconds = ?, compensation = ?, "
                f"updated_at = ?, ended_at = ? WHERE id = ? AND {UNFINISHED}{unless}",
                (*values, execution_id),
            ).rowcount
            if not changed:
                before = find(db, execution_id)
                if before is not None and not before.status.final:
                    return _cancelled_first(before)
                return ended(before) if before else no_execution(execution_id)
            db.execute(
                "UPDATE waits SET status = 'cancelled', closed_at = ? WHERE execution_id = ? AND status = 'open'",
                (now, execution_id),
            )
            _end_run(db, execution_id, status, now)
            if letter_rows:
                db.executemany(INSERT_LETTER, letter_rows)
            return insert(db, rows)

        await self._writer.submit(work, thread=execution_id, on_commit=self._announce)


def _seconds_unsaid(db: sqlite3.Connection, execution: Execution) -> float:
    """How long a process that died was at work on it, as far as its steps' records tell: it never said so itself."""
    run = db.execute(_LAST_RUN, (execution.id,)).fetchone()
    at_work = execution.status in (ExecutionStatus.RUNNING, ExecutionStatus.COMPENSATING)
    if run is None or run[1] is not None or not at_work or execution.updated_at is None:
        return 0.0
    last = db.execute(_LAST_OF_A_STEP, (execution.id,)).fetchone()
    return 0.0 if last is None else max(0.0, (datetime.fromisoformat(last[0]) - execution.updated_at).total_seconds())


def _paused_seconds(pausing: Mapping[str, str], now: str) -> float:
    """How long it has paused between two attempts; the time after that is nobody's."""
    end = min(datetime.fromisoformat(now), datetime.fromisoformat(pausing["until"]))
    return max(0.0, (end - datetime.fromisoformat(pausing["since"])).total_seconds())


def _moved_on(execution_id: str) -> ConflictError:
    return ConflictError(
        f"Execution '{execution_id}' was started anew from one of its steps while it waited in memory.",
        hint="It is taken up as it stands now.",
        code="execution_moved_on",
        execution_id=execution_id,
    )


_NOT_CANCELLED = f" AND (cancel_requested = 'null' OR json_extract(cancel_requested, '$.by') IS '{TIMEOUT_BY}')"


def _cancelled_first(execution: Execution) -> ConflictError:
    return ConflictError(
        f"Execution '{execution.id}' was cancelled before it was completed.",
        code="cancelled_first",
        execution_id=execution.id,
        request=dict(execution.cancel_requested or {}),
    )


def _foreign_format(execution: Execution) -> StoreError:
    which = "a newer Baton: use that one" if execution.engine_format > ENGINE_FORMAT else "an older Baton"
    return StoreError(
        f"Execution '{execution.id}' has engine format {execution.engine_format}; this Baton drives {ENGINE_FORMAT}.",
        hint=f"It was started by {which}, or start it anew from its input.",
        code="engine_format_foreign",
        execution_id=execution.id,
        engine_format=execution.engine_format,
    )


def _end_run(db: sqlite3.Connection, execution_id: str, status: ExecutionStatus, now: str) -> None:
    db.execute(
        "UPDATE runs SET ended_at = ?, status = ? WHERE seq = (SELECT max(seq) FROM runs WHERE execution_id = ?) "
        "AND ended_at IS NULL",
        (now, status, execution_id),
    )
