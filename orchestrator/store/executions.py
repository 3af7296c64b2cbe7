"""Executions: kept at their start, taken up, at rest, ended."""

import os
import socket
import sqlite3
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any, cast

from graphs.errors import BatonError, ConflictError, StoreError
from graphs.state import ExecutionStatus
from orchestrator.store.announcing import Kept
from orchestrator.store.execution_rows import (
    INSERT_EXECUTION,
    SELECT_EXECUTION,
    UNFINISHED,
    conditions,
    execution_row,
    to_execution,
)
from orchestrator.store.letter_rows import INSERT_LETTER, letter_row
from orchestrator.store.parts import Part, insert, no_execution, raise_signal
from orchestrator.store.port import ENGINE_FORMAT, TIMEOUT_BY, DeadLetter, Execution, ExecutionFilter, Record
from orchestrator.store.results import GOT_FURTHER, copy_newest
from orchestrator.store.rows import record_row, to_json, to_time

_BEGIN_RUN = "INSERT INTO runs (execution_id, number, reason, host, pid, started_at) VALUES (?, ?, ?, ?, ?, ?)"
_HOST = socket.gethostname()
# By counting, not by time: a clock that was set back must not hide an answer.
_TO_TAKE_UP = """
SELECT id FROM executions
WHERE status IN ('pending', 'queued', 'running', 'compensating')
OR status IN ('waiting', 'budget_exceeded') AND signal <> seen
ORDER BY priority DESC, created_at, id
"""
_SUSPECTS = """
SELECT e.id FROM executions AS e
WHERE e.status IN ('running', 'compensating') AND e.deaths > 0
AND (SELECT ended_at FROM runs WHERE execution_id = e.id ORDER BY seq DESC LIMIT 1) IS NULL
ORDER BY e.deaths, e.created_at, e.id
"""
_LAST_RUN = "SELECT seq, ended_at FROM runs WHERE execution_id = ? ORDER BY seq DESC LIMIT 1"
_PROGRESS = (
    f"SELECT ifnull((SELECT max(seq) FROM records WHERE execution_id = ? AND kind IN ({GOT_FURTHER})), 0), progress "
    "FROM executions WHERE id = ?"
)


class Executions(Part):
    """The chapter on executions and their runs."""

    async def create(
        self,
        execution: Execution,
        secrets: Mapping[str, bytes],
        *,
        results_of: str | None = None,
        leave_out: Sequence[str] = (),
        leave_out_alone: Sequence[str] = (),
        taken_up: bool = False,
    ) -> Execution:
        """See the port."""
        if taken_up:
            started = self._clock.now()
            execution = replace(
                execution, status=ExecutionStatus.RUNNING, drives=1, started_at=started, updated_at=started
            )
        row = execution_row(execution)
        secret_rows = [(execution.id, name, value) for name, value in secrets.items()]
        now = self._now()

        def work(db: sqlite3.Connection) -> tuple[Execution | None, Kept] | BatonError:
            if older := _find_idempotent(db, execution):
                return older, []
            try:
                db.execute(INSERT_EXECUTION, row)
            except sqlite3.IntegrityError:
                if taken := find(db, execution.id):
                    return _taken(taken, execution)
                raise
            if secret_rows:
                db.executemany("INSERT INTO secrets (execution_id, name, value) VALUES (?, ?, ?)", secret_rows)
            copied = copy_newest(db, results_of, execution.id, leave_out, leave_out_alone) if results_of else []
            if taken_up:
                db.execute(_BEGIN_RUN, (execution.id, 1, "start", _HOST, os.getpid(), now))
                return execution, copied
            raise_signal(db, execution.id, "start", None, now, own=self._drives)
            return find(db, execution.id), copied

        def announce(kept: tuple[Execution | None, Kept]) -> None:
            self._announce(kept[1])

        created, _ = await self._writer.submit(work, thread=execution.id, reset=True, on_commit=announce)
        return cast(Execution, created)

    async def execution(self, execution_id: str) -> Execution | None:
        """See the port."""
        rows = self._reader.point(f"{SELECT_EXECUTION} WHERE id = ?", (execution_id,))
        return to_execution(rows[0]) if rows else None

    async def executions(self, which: ExecutionFilter) -> Sequence[Execution]:
        """See the port."""
        where, parameters = conditions(which)
        sql = f"{SELECT_EXECUTION} WHERE {where} ORDER BY created_at DESC, id DESC LIMIT ?"
        rows = await self._reader.read(lambda db: db.execute(sql, (*parameters, which.limit)).fetchall())
        return [to_execution(row) for row in rows]

    async def unfinished(self) -> Sequence[tuple[str, ExecutionStatus]]:
        """See the port."""
        sql = f"SELECT id, status FROM executions WHERE {UNFINISHED} ORDER BY created_at, id"
        rows = await self._reader.read(lambda db: db.execute(sql).fetchall())
        return [(execution_id, ExecutionStatus(status)) for execution_id, status in rows]

    async def to_take_up(self) -> Sequence[str]:
        """See the port."""
        rows = await self._reader.read(lambda db: db.execute(_TO_TAKE_UP).fetchall())
        return [execution_id for (execution_id,) in rows]

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

    async def secrets(self, execution_id: str) -> Mapping[str, bytes]:
        """See the port."""
        return dict(self._reader.point("SELECT name, value FROM secrets WHERE execution_id = ?", (execution_id,)))

    async def begin_drive(self, execution_id: str, reason: str) -> Execution:
        """See the port.

        Raises:
            NotFoundError, ConflictError: there is none, or it has ended.
            StoreError: its engine format is not ours.
        """
        now = self._now()

        def work(db: sqlite3.Connection) -> Execution | BatonError:
            execution = find(db, execution_id)
            if execution is None:
                return no_execution(execution_id)
            if execution.status.final:
                return ended(execution)
            if execution.engine_format != ENGINE_FORMAT:
                return _foreign_format(execution)
            if execution.pause_requested is not None:
                db.execute("UPDATE executions SET status = 'paused', updated_at = ? WHERE id = ?", (now, execution_id))
                _end_run(db, execution_id, ExecutionStatus.PAUSED, now)
                return find(db, execution_id) or no_execution(execution_id)
            deaths, progress = self._deaths(db, execution)
            db.execute(
                "UPDATE executions SET status = 'running', drives = drives + 1, deaths = ?, progress = ?, "
                "updated_at = ?, started_at = ifnull(started_at, ?) WHERE id = ?",
                (deaths, progress, now, now, execution_id),
            )
            db.execute(_BEGIN_RUN, (execution_id, execution.drives + 1, reason, _HOST, os.getpid(), now))
            return find(db, execution_id) or no_execution(execution_id)

        taken: Execution = await self._writer.submit(work, thread=execution_id, reset=True)
        return taken

    async def rest(
        self, execution_id: str, seen: int, status: ExecutionStatus, active_seconds: float, *, lingers: bool = False
    ) -> bool:
        """See the port."""
        now = self._now()

        def work(db: sqlite3.Connection) -> bool | BatonError:
            changed = db.execute(
                "UPDATE executions SET status = ?, active_seconds = ?, updated_at = ?, seen = signal, deaths = 0 "
                f"WHERE id = ? AND signal = ? AND {UNFINISHED}",
                (status, active_seconds, now, execution_id, seen),
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

        def work(db: sqlite3.Connection) -> BatonError | None:
            changed = db.execute(
                "UPDATE executions SET status = ? WHERE id = ? AND generation = ? "
                "AND status IN ('waiting', 'budget_exceeded', 'running', 'compensating')",
                (status, execution_id, generation),
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
    ) -> None:
        """See the port.

        Raises:
            NotFoundError, ConflictError: there is none, it has ended before, or somebody has cancelled it.
        """
        now = self._now()
        rows = [record_row(record) for record in records]
        letter_rows = [letter_row(letter) for letter in letters]
        values = (status, to_json(output), to_json(error), active_seconds, now, now if status.final else None)

        def work(db: sqlite3.Connection) -> Kept | BatonError:
            changed = db.execute(
                "UPDATE executions SET status = ?, output = ?, error = ?, active_seconds = ?, updated_at = ?, "
                f"ended_at = ? WHERE id = ? AND {UNFINISHED}{_NOT_CANCELLED if unless_cancelled else ''}",
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


def _taken(older: Execution, new: Execution) -> ConflictError:
    of = f", of {older.workflow}@{older.version}" if older.tenant == new.tenant else ""
    return ConflictError(
        f"There is an execution '{older.id}' already{of}.",
        hint="Leave the id out to get a new one, or give an idempotency key to get this one back.",
        code="execution_exists",
        execution_id=older.id,
    )


def _moved_on(execution_id: str) -> ConflictError:
    return ConflictError(
        f"Execution '{execution_id}' was started anew from one of its steps while it waited in memory.",
        hint="It is taken up as it stands now.",
        code="execution_moved_on",
        execution_id=execution_id,
    )


def ended(execution: Execution) -> ConflictError:
    """The error for what cannot be done to an execution that has ended."""
    at = to_time(execution.ended_at) if execution.ended_at else "an unknown time"
    return ConflictError(
        f"Execution '{execution.id}' has ended ({execution.status} at {at}).",
        hint=f"To go on from one of its steps: baton retry {execution.id} --from STEP.",
        code="execution_ended",
        execution_id=execution.id,
        status=execution.status.value,
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


def find(db: sqlite3.Connection, execution_id: str) -> Execution | None:
    row = db.execute(f"{SELECT_EXECUTION} WHERE id = ?", (execution_id,)).fetchone()
    return to_execution(row) if row else None


def _find_idempotent(db: sqlite3.Connection, new: Execution) -> Execution | None:
    """The execution that was started under the same key before; keys are a tenant's own."""
    if new.idempotency_key is None:
        return None
    sql = f"{SELECT_EXECUTION} WHERE tenant = ? AND idempotency_key = ?"
    row = db.execute(sql, (new.tenant, new.idempotency_key)).fetchone()
    return to_execution(row) if row else None


def _end_run(db: sqlite3.Connection, execution_id: str, status: ExecutionStatus, now: str) -> None:
    db.execute(
        "UPDATE runs SET ended_at = ?, status = ? WHERE seq = (SELECT max(seq) FROM runs WHERE execution_id = ?) "
        "AND ended_at IS NULL",
        (now, status, execution_id),
    )
