"""Timers of steps that rest between two attempts, how far these have got; when something is due."""

import sqlite3
from collections.abc import Mapping, Sequence
from datetime import datetime
from operator import itemgetter
from typing import Any

from graphs.errors import BatonError
from graphs.steps import Wait
from orchestrator.store.below import BELOW, below
from orchestrator.store.chapter import Chapter, insert, no_execution
from orchestrator.store.port import Record
from orchestrator.store.rows import from_json, record_row, to_json, to_time

_SET = """
INSERT INTO waits (execution_id, path, generation, kind, question, event_type, match, match_fields, match_values, due,
    lookback, on_timeout, response_schema, assignees, tenant, status, answer, opened_at)
SELECT id, ?, ?, 'timer', ?, ?, '{}', '', '', ?, 0, 'fail', 'null', '[]', tenant, 'open', 'null', ?
FROM executions WHERE id = ?
ON CONFLICT (execution_id, path, generation) WHERE NOT superseded DO UPDATE SET
    question = excluded.question, event_type = excluded.event_type, due = excluded.due, status = 'open',
    answer = 'null', opened_at = excluded.opened_at, closed_at = NULL
"""
_END = """
UPDATE waits SET status = 'elapsed', closed_at = ?
WHERE execution_id = ? AND path = ? AND kind = 'timer' AND status = 'open'
"""
_TRIED = """
SELECT path, data FROM records
WHERE execution_id = ? AND kind IN ('step.retrying', 'step.held') AND NOT superseded ORDER BY seq
"""
_COUNTED = """
SELECT at, data FROM records
WHERE execution_id = ? AND kind = 'work.counted' AND path = ? AND NOT superseded ORDER BY seq DESC LIMIT 1
"""
_LAST_BELOW = f"SELECT max(at) FROM records WHERE execution_id = ? AND kind LIKE 'step.%' AND {BELOW}"

_RESTS = "status IN ('waiting', 'budget_exceeded')"
_DUE = (
    "SELECT w.execution_id, min(w.due) FROM waits AS w JOIN executions AS e ON e.id = w.execution_id "
    f"WHERE w.status = 'open' AND w.due IS NOT NULL AND e.{_RESTS} GROUP BY w.execution_id",
    f"SELECT id, wake_at FROM executions WHERE {_RESTS} AND wake_at IS NOT NULL",
)
_SECOND = itemgetter(1)


class Timers(Chapter):
    """The chapter on timers that are set anew."""

    async def set_timer(
        self, execution_id: str, path: str, generation: int, wait: Wait, records: Sequence[Record] = ()
    ) -> None:
        """See the port.

        Raises:
            NotFoundError: there is no such execution.
        """
        due = to_time(wait.due) if wait.due else None
        values = (path, generation, to_json(wait.question), wait.event_type, due, self._now(), execution_id)
        rows = [record_row(record) for record in records]

        def work(db: sqlite3.Connection) -> Any:
            db.execute(_END, (values[5], execution_id, path))
            if not db.execute(_SET, values).rowcount:
                missing: BatonError = no_execution(execution_id)
                return missing
            return insert(db, rows)

        await self._writer.submit(work, thread=execution_id, on_commit=self._announce)

    async def end_timer(self, execution_id: str, path: str) -> None:
        """See the port."""
        await self._writer.submit([(_END, (self._now(), execution_id, path))], thread=execution_id)

    async def tried(self, execution_id: str) -> Mapping[str, Mapping[str, Any]]:
        """See the port."""
        rows = await self._reader.read(lambda db: db.execute(_TRIED, (execution_id,)).fetchall())
        return {path: from_json(data) for path, data in rows}

    async def worked(self, execution_id: str, path: str) -> Mapping[str, Any] | None:
        """See the port."""

        def find(db: sqlite3.Connection) -> dict[str, Any] | None:
            row = db.execute(_COUNTED, (execution_id, path)).fetchone()
            if row is None:
                return None
            (last,) = db.execute(_LAST_BELOW, (execution_id, *below(path))).fetchone()
            return {**from_json(row[1]), "at": row[0]} | ({"last": last} if last is not None else {})

        return await self._reader.read(find)

    async def next_due(self) -> Sequence[tuple[str, datetime]]:
        """See the port. Soonest first."""
        found: dict[str, str] = {}
        for execution_id, due in await self._reader.read(_dues):
            found[execution_id] = min(due, found.get(execution_id, due))
        return [(execution_id, datetime.fromisoformat(due)) for execution_id, due in sorted(found.items(), key=_SECOND)]


def _dues(db: sqlite3.Connection) -> list[tuple[str, str]]:
    return [row for sql in _DUE for row in db.execute(sql)]
