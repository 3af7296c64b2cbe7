"""Waits and their answers as rows."""

import sqlite3
from collections.abc import Sequence
from datetime import datetime
from operator import itemgetter
from typing import Any

from graphs.steps import Answer, Wait
from orchestrator.store.matching import fields_of
from orchestrator.store.port import OpenWait
from orchestrator.store.rows import from_json, from_time, to_json, to_time

SELECT_WAIT = (
    "SELECT execution_id, path, generation, status, answer, opened_at, closed_at, kind, question, event_type, match, "
    "due, lookback, on_timeout, response_schema, assignees FROM waits"
)
INSERT_WAIT = (
    "INSERT INTO waits (execution_id, path, generation, kind, question, event_type, match, match_fields, match_values, "
    "due, lookback, on_timeout, response_schema, assignees, tenant, status, answer, opened_at) "
    "VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, 'open', 'null', ?)"
)
AS_KEPT = itemgetter(3, 4, 5, 6, 9, 10, 11, 12, 13)
"""What SELECT_WAIT gives of a wait's own columns, from a row of INSERT_WAIT."""

_CLOSE = "UPDATE waits SET status = ?, answer = ?, closed_at = ? WHERE seq = ?"


def wait_row(execution_id: str, path: str, generation: int, wait: Wait) -> tuple[Any, ...]:
    """A wait for INSERT_WAIT, but for whose it is and when it was opened."""
    return (
        execution_id,
        path,
        generation,
        wait.kind,
        to_json(wait.question),
        wait.event_type,
        to_json(wait.match),
        *fields_of(wait.match),
        to_time(wait.due) if wait.due else None,
        wait.lookback,
        wait.on_timeout,
        to_json(wait.response_schema),
        to_json(wait.assignees),
    )


def to_wait(row: Sequence[Any]) -> OpenWait:
    """A wait from SELECT_WAIT."""
    execution_id, path, generation, status, answer, opened_at, closed_at, *rest = row
    kind, question, event_type, match, due, lookback, on_timeout, schema, assignees = rest
    wait = Wait(
        kind=kind,
        question=from_json(question),
        event_type=event_type,
        match=from_json(match),
        due=from_time(due),
        lookback=lookback,
        on_timeout=on_timeout,
        response_schema=from_json(schema),
        assignees=tuple(from_json(assignees)),
    )
    return OpenWait(
        execution_id=execution_id,
        path=path,
        generation=generation,
        wait=wait,
        status=status,
        answer=to_answer(answer),
        opened_at=datetime.fromisoformat(opened_at),
        closed_at=from_time(closed_at),
    )


def answer_json(answer: Answer, now: str) -> str:
    """An answer as it is kept."""
    at = to_time(answer.at) if answer.at else now
    kept = {"outcome": answer.outcome, "data": answer.data, "by": answer.by, "reason": answer.reason, "at": at}
    return to_json(kept)


def to_answer(text: str) -> Answer | None:
    """An answer as it was kept; None where there is none."""
    kept = from_json(text)
    return None if kept is None else Answer(**{**kept, "at": from_time(kept.get("at"))})


def event_answer(data: str, source: str | None, at: str) -> str:
    """The answer an event gives, as JSON."""
    return to_json({"outcome": "event", "data": from_json(data), "by": source, "at": at})


def answer_by_event(
    db: sqlite3.Connection, wait: int | None, event: int | None, execution_id: str, path: str, answer: str, now: str
) -> None:
    """Close a wait with an event, which is not given to its execution again."""
    db.execute(_CLOSE, ("answered", answer, now, wait))
    db.execute("INSERT INTO deliveries (event, execution_id, path) VALUES (?, ?, ?)", (event, execution_id, path))
