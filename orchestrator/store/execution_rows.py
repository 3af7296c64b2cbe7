"""Executions as rows, and the conditions that find them."""

from collections.abc import Sequence
from dataclasses import fields
from datetime import datetime
from typing import Any

from graphs.state import ExecutionStatus
from orchestrator.store.port import Execution, ExecutionFilter
from orchestrator.store.rows import from_json, name_and_version, to_json, to_time

_COLUMNS = tuple(field.name for field in fields(Execution))
_JSON = frozenset(
    {
        *("input", "output", "error", "pins", "metadata", "user_context", "variables"),
        *("cancel_requested", "concluded", "pause_requested", "replay", "pausing", "changes"),
    }
)
_TIMES = frozenset({"created_at", "started_at", "ended_at", "updated_at", "wake_at"})
SELECT_EXECUTION = f"SELECT {', '.join(_COLUMNS)} FROM executions"
INSERT_EXECUTION = (
    f"INSERT INTO executions ({', '.join(_COLUMNS)}, events_before) "
    f"VALUES ({', '.join('?' * len(_COLUMNS))}, (SELECT ifnull(max(seq), 0) FROM events))"
)
UNFINISHED = f"status IN ({', '.join(repr(status.value) for status in ExecutionStatus if not status.final)})"
"""Named one by one, so that the index is used: most of a file's executions have ended."""


def conditions(which: ExecutionFilter) -> tuple[str, list[Any]]:
    """The `WHERE` of a filter, and its parameters."""
    where, parameters = ["1"], list[Any]()
    if which.status:
        where.append(f"status IN ({', '.join('?' * len(which.status))})")
        parameters.extend(which.status)
    workflow, version = name_and_version(which.workflow)
    wanted = {"workflow": workflow, "version": version, "tenant": which.tenant, "parent": which.parent}
    for column, value in wanted.items():
        if value is not None:
            where.append(f"{column} = ?")
            parameters.append(value)
    for comparison, time in (("created_at >= ?", which.since), ("created_at < ?", which.until)):
        if time is not None:
            where.append(comparison)
            parameters.append(to_time(time))
    if which.id_prefix is not None:
        where.append("id >= ? AND id < ?")  # a range of the primary key, where LIKE would read every row
        parameters.extend((which.id_prefix, f"{which.id_prefix}\U0010ffff"))
    if which.before is not None:
        where.append("(created_at, id) < (SELECT created_at, id FROM executions WHERE id = ?)")
        parameters.append(which.before)
    return " AND ".join(where), parameters


def execution_row(execution: Execution) -> list[Any]:
    """The parameters of INSERT_EXECUTION."""
    return [_to_column(name, getattr(execution, name)) for name in _COLUMNS]


def _to_column(name: str, value: Any) -> Any:
    if name in _JSON:
        return to_json(value)
    return to_time(value) if name in _TIMES and value is not None else value


def to_execution(row: Sequence[Any]) -> Execution:
    """An execution from SELECT_EXECUTION."""
    return Execution(**{name: _from_column(name, value) for name, value in zip(_COLUMNS, row, strict=True)})


def _from_column(name: str, value: Any) -> Any:
    if name in _JSON:
        return from_json(value)
    if name in _TIMES and value is not None:
        return datetime.fromisoformat(value)
    return ExecutionStatus(value) if name == "status" else value
