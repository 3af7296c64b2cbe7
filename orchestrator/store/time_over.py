"""Decisions that come after an execution's own deadline, before an engine has said that it is over."""

import sqlite3
from datetime import datetime, timedelta

from graphs.durations import parse_duration
from graphs.errors import ConflictError
from graphs.state import follows_the_end
from orchestrator.store.rows import from_time, to_time

_LIMITED = (
    "SELECT e.started_at, json_extract(d.document, '$.spec.config.deadline'), (SELECT max(at) FROM records "
    "WHERE execution_id = e.id AND kind = 'execution.rewound') FROM executions AS e JOIN definitions AS d "
    "ON d.digest = e.digest WHERE e.id = ?"
)


def its_time_is_over(db: sqlite3.Connection, execution_id: str, path: str, now: datetime) -> ConflictError | None:
    """The error for whoever decides too late; None while there is time, and for what undoes the execution."""
    started, limit, gone_back = db.execute(_LIMITED, (execution_id,)).fetchone() or (None, None, None)
    if started is None or limit is None or follows_the_end(path):
        return None
    began = from_time(max(started, gone_back or started))
    assert began is not None
    end = began + timedelta(seconds=parse_duration(limit))
    if now < end:
        return None
    at = to_time(end)
    return ConflictError(
        f"The deadline of execution '{execution_id}' was over at {at}.",
        hint="This answer was not kept.",
        code="execution_time_over",
        execution_id=execution_id,
        path=path,
        at=at,
    )
