"""What is deleted when: ended executions with all their rows, events nobody can still wait for."""

import sqlite3
from collections.abc import Sequence
from datetime import datetime
from typing import Any

from graphs.state import ExecutionStatus
from orchestrator.store.chapter import Chapter
from orchestrator.store.rows import to_time

_BATCH = 100
"""Executions deleted in one transaction: everybody's commits wait for it, so it stays short."""

_PAGES = 1000
"""Free pages given back to the disk in one go, for the same reason."""

_SIGNALS = 100_000
"""Signals kept for a running engine, which reads them several times a second."""

_SEEN_TO = "NOT EXISTS (SELECT 1 FROM dead_letters WHERE execution_id = executions.id AND status = 'open')"
"""What is a dead letter still waits for a person."""

_FINAL = tuple(status for status in ExecutionStatus if status.final)


class Retention(Chapter):
    """The chapter on deleting."""

    async def prune(self, *, before: datetime, keep: Sequence[ExecutionStatus] = (), dry_run: bool = False) -> int:
        """See the port. Also deletes old events and signals; the space goes back to the disk."""
        limit = to_time(before)
        statuses = [status.value for status in _FINAL if status not in keep]
        where = f"status IN ({', '.join('?' * len(statuses))}) AND ended_at < ? AND {_SEEN_TO}"
        if dry_run:
            sql = f"SELECT count(*) FROM executions WHERE {where}"
            return int(await self._reader.read(lambda db: db.execute(sql, (*statuses, limit)).fetchone()[0]))
        sql = f"SELECT id FROM executions WHERE {where} LIMIT {_BATCH}"
        total = 0
        while deleted := await self._writer.submit(lambda db: _delete(db, sql, (*statuses, limit))):
            total += deleted
        await self._writer.submit(lambda db: _delete_inbox(db, limit))
        while await self._writer.submit(_give_back):
            pass
        return total


def _delete(db: sqlite3.Connection, sql: str, parameters: Sequence[Any]) -> int:
    ids = db.execute(sql, parameters).fetchall()
    delete_executions(db, ids)
    return len(ids)


def delete_executions(db: sqlite3.Connection, ids: Sequence[tuple[str]]) -> None:
    """Delete executions with all their rows."""
    for table, column in (
        ("checkpoints", "thread_id"),
        ("writes", "thread_id"),
        ("records", "execution_id"),
        ("executions", "id"),  # secrets, runs, waits and deliveries go with it
    ):
        db.executemany(f"DELETE FROM {table} WHERE {column} = ?", ids)


def _delete_inbox(db: sqlite3.Connection, limit: str) -> None:
    """Events that no unfinished execution was there for, and signals, which only matter to an engine that runs."""
    unfinished = ", ".join(f"'{status.value}'" for status in ExecutionStatus if not status.final)
    oldest = db.execute(f"SELECT min(created_at) FROM executions WHERE status IN ({unfinished})").fetchone()[0]
    db.execute("DELETE FROM events WHERE received_at < ?", (min(limit, oldest or limit),))
    db.execute(f"DELETE FROM signals WHERE seq <= (SELECT max(seq) FROM signals) - {_SIGNALS}")


def _give_back(db: sqlite3.Connection) -> bool:
    """Return some free pages to the disk; says whether there are more."""
    db.execute(f"PRAGMA incremental_vacuum({_PAGES})").fetchall()
    return bool(db.execute("PRAGMA freelist_count").fetchone()[0])
