"""Executions: kept at their start, and found again."""

import os
import socket
import sqlite3
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import cast

from graphs.errors import BatonError, ConflictError
from graphs.state import ExecutionStatus
from orchestrator.fingerprints import is_same, key_reused
from orchestrator.store.acts import about
from orchestrator.store.announcing import Kept
from orchestrator.store.asked import asked_last
from orchestrator.store.chapter import Chapter, no_execution, raise_signal
from orchestrator.store.execution_rows import (
    INSERT_EXECUTION,
    SELECT_EXECUTION,
    UNFINISHED,
    conditions,
    execution_row,
    to_execution,
)
from orchestrator.store.port import Execution, ExecutionFilter, Inheritance
from orchestrator.store.results import copy_newest
from orchestrator.store.rows import to_time
from orchestrator.urgency import LEVEL

BEGIN_RUN = "INSERT INTO runs (execution_id, number, reason, host, pid, started_at) VALUES (?, ?, ?, ?, ?, ?)"
HOST = socket.gethostname()
# By counting, not by time: a clock that was set back must not hide an answer.
_TO_TAKE_UP = f"""
SELECT id FROM executions
WHERE status IN ('pending', 'queued', 'running', 'compensating')
OR status IN ('waiting', 'budget_exceeded') AND signal <> seen
ORDER BY julianday(created_at) * 86400 - priority * {LEVEL}, created_at, id
"""


class Executions(Chapter):
    """The chapter on executions as they are found."""

    async def create(
        self,
        execution: Execution,
        secrets: Mapping[str, bytes],
        *,
        inherits: Inheritance | None = None,
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
                if not is_same(older.fingerprint, execution.fingerprint):
                    return key_reused(older.idempotency_key or "", execution_id=older.id)
                return older, []
            if inherits is not None and (moved := _owner_moved_on(db, inherits)) is not None:
                return moved
            try:
                db.execute(INSERT_EXECUTION, row)
            except sqlite3.IntegrityError:
                if taken := find(db, execution.id):
                    return _taken(taken, execution)
                raise
            if secret_rows:
                db.executemany("INSERT INTO secrets (execution_id, name, value) VALUES (?, ?, ?)", secret_rows)
            copied = copy_newest(db, inherits, execution.id) if inherits is not None else []
            if taken_up:
                db.execute(BEGIN_RUN, (execution.id, 1, "start", HOST, os.getpid(), now))
                return execution, copied
            raise_signal(db, execution.id, "start", None, now, own=self._drives)
            return find(db, execution.id), copied

        about({"execution_id": execution.id})
        created, _ = await self._writer.submit(
            work, thread=execution.id, reset=True, on_commit=lambda kept: self._announce(kept[1])
        )
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

    async def at_work(self, tenant: str, most: int) -> int:
        """See the port."""
        sql = (
            "SELECT count(*) FROM "
            "(SELECT 1 FROM executions WHERE tenant = ? AND status IN ('queued', 'running') LIMIT ?)"
        )
        rows = await self._reader.read(lambda db: db.execute(sql, (tenant, most)).fetchall())
        return int(rows[0][0])

    async def unfinished(self) -> Sequence[tuple[str, ExecutionStatus]]:
        """See the port."""
        sql = f"SELECT id, status FROM executions WHERE {UNFINISHED} ORDER BY created_at, id"
        rows = await self._reader.read(lambda db: db.execute(sql).fetchall())
        return [(execution_id, ExecutionStatus(status)) for execution_id, status in rows]

    async def to_take_up(self) -> Sequence[str]:
        """See the port."""
        rows = await self._reader.read(lambda db: db.execute(_TO_TAKE_UP).fetchall())
        return [execution_id for (execution_id,) in rows]

    async def secrets(self, execution_id: str) -> Mapping[str, bytes]:
        """See the port."""
        return dict(self._reader.point("SELECT name, value FROM secrets WHERE execution_id = ?", (execution_id,)))


def _owner_moved_on(db: sqlite3.Connection, inherits: Inheritance) -> ConflictError | None:
    """The error for a fork of what has begun to be undone, or to be made anew, since it was looked at."""
    sql = (
        "SELECT execution_id FROM records WHERE execution_id = ? AND seq > ? "
        "AND kind IN ('execution.rewound', 'execution.compensating', 'execution.undo_asked') LIMIT 1"
    )
    for owner in dict.fromkeys(inherits.owners):
        if db.execute(sql, (owner, inherits.as_of or 0)).fetchone() is not None:
            asked = asked_last(db, owner)
            return ConflictError(
                f"Execution '{owner}' has moved on since it was looked at: it is being undone, or goes back itself. "
                f"{asked.words + ' ' if asked else ''}Nothing was forked.",
                hint=f"See what it does: baton show {owner}.",
                code="moved_on",
                execution_id=owner,
                **(asked.details if asked else {}),
            )
    return None


def _taken(older: Execution, new: Execution) -> ConflictError:
    of = f", of {older.workflow}@{older.version}" if older.tenant == new.tenant else ""
    return ConflictError(
        f"There is an execution '{older.id}' already{of}.",
        hint="Leave the id out to get a new one, or give an idempotency key to get this one back.",
        code="execution_exists",
        execution_id=older.id,
    )


def unfinished(db: sqlite3.Connection, execution_id: str) -> Execution | BatonError:
    """The execution, unless it is not there or has ended."""
    execution = find(db, execution_id)
    if execution is None:
        return no_execution(execution_id)
    return ended(execution) if execution.status.final else execution


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
