"""What the past says of workflows and of agents: read from executions and records, kept nowhere else."""

import sqlite3
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final

from agents.reasoning.capability import CHOSEN, Track
from graphs.analysis import Past
from graphs.state import ExecutionStatus
from orchestrator.store.chapter import Chapter
from orchestrator.store.results import newest
from orchestrator.store.rows import from_json

_LAST_EXECUTIONS: Final = 100
_LAST_CHOICES: Final = 500
_LAST_WITH_CHOICES: Final = 100
"""Executions whose results are looked into; older ones say little of how an agent does now."""

_ENDED = (
    "SELECT status, active_seconds FROM executions WHERE workflow = ? AND tenant = ? AND ended_at IS NOT NULL "
    "ORDER BY created_at DESC, id DESC LIMIT ?"
)
_LAST = (
    "SELECT id FROM executions WHERE workflow = ? AND tenant = ? AND ended_at IS NOT NULL "
    "ORDER BY created_at DESC, id DESC LIMIT ?"
)
_MEASURED = (
    "SELECT path, kind, json_extract(data, '$.started_at'), json_extract(data, '$.ended_at'), "
    "json_extract(data, '$.attempts'), json_extract(data, '$.queued'), json_extract(data, '$.error.category') "
    "FROM records WHERE execution_id = ? AND NOT superseded "
    "AND kind IN ('step.completed', 'step.failed', 'step.timed_out')"
)
_CHOICES = (
    "SELECT r.execution_id, r.path, r.data, e.status FROM records AS r JOIN executions AS e ON e.id = r.execution_id "
    f"WHERE r.kind = '{CHOSEN}' AND NOT r.superseded AND e.tenant = ? ORDER BY r.seq DESC LIMIT ?"
)
_BAD: Final = frozenset({ExecutionStatus.FAILED, ExecutionStatus.TIMED_OUT, ExecutionStatus.COMPENSATED})
_AT_WORK: Final = frozenset({ExecutionStatus.RUNNING, ExecutionStatus.QUEUED})


class Pasts(Chapter):
    """The chapter on what the past says."""

    async def past_of(self, workflow: str, tenant: str) -> Past | None:
        """How the last executions of a workflow went; None when none has ended."""
        rows = await self._reader.read(lambda db: db.execute(_ENDED, (workflow, tenant, _LAST_EXECUTIONS)).fetchall())
        if not rows:
            return None
        failed = sum(status in _BAD for status, _ in rows)
        return Past(len(rows), failed, round(sum(seconds for _, seconds in rows) / len(rows), 3))

    async def steps_past(self, workflow: str, tenant: str) -> list[tuple[str, str, Mapping[str, Any]]]:
        """How steps settled in the last executions of a workflow: path, status, and what was measured."""
        return await self._reader.read(lambda db: list(_settled(db, workflow, tenant)))

    async def tracks(self, tenant: str) -> Mapping[str, Track]:
        """What agents that were chosen for a capability have done with it, and are doing, by name."""
        return await self._reader.read(lambda db: _tracks(db, tenant))


def _settled(db: sqlite3.Connection, workflow: str, tenant: str) -> Iterator[tuple[str, str, Mapping[str, Any]]]:
    for (execution_id,) in db.execute(_LAST, (workflow, tenant, _LAST_EXECUTIONS)).fetchall():
        for path, kind, started, ended, attempts, queued, category in db.execute(_MEASURED, (execution_id,)):
            measured = {"started_at": started, "ended_at": ended, "attempts": attempts or 0, "queued": queued or 0.0}
            yield path, kind.removeprefix("step."), measured | {"category": category}


def _tracks(db: sqlite3.Connection, tenant: str) -> dict[str, Track]:
    choices = db.execute(_CHOICES, (tenant, _LAST_CHOICES)).fetchall()
    by_execution: dict[str, list[Sequence[Any]]] = defaultdict(list)
    for choice in choices:
        by_execution[choice[0]].append(choice)
    found: dict[str, Track] = defaultdict(Track)
    for execution_id, several in list(by_execution.items())[:_LAST_WITH_CHOICES]:
        results = newest(db, execution_id)
        seen = set()
        for _, path, data, status in several:  # the newest first: a choice that was made again counts once
            if path in seen:
                continue
            seen.add(path)
            agent = from_json(data)["agent"]
            if path in results:
                found[agent] = _with(found[agent], results[path])
            elif status in _AT_WORK:
                found[agent] = found[agent].busier()
    return dict(found)


def _with(track: Track, result: tuple[str, int, str, str]) -> Track:
    kind, _, _, data = result
    status = kind.removeprefix("step.")
    if status not in ("completed", "failed", "timed_out"):
        return track
    output = from_json(data).get("output")
    usage = output.get("usage") if isinstance(output, Mapping) else None
    cost = usage.get("cost") if isinstance(usage, Mapping) else None
    return track.after(succeeded=status == "completed", cost=cost)
