"""Dead letters as rows."""

from collections.abc import Sequence
from typing import Any

from orchestrator.store.port import DeadLetter, LetterFilter
from orchestrator.store.rows import from_json, from_time, to_json, to_time

SELECT_LETTER = (
    "SELECT seq, execution_id, path, kind, workflow, tenant, error, about, status, created_at, closed_at, closed_by, "
    "note, escalated, edit FROM dead_letters"
)
# The same failure told twice (a crash before the end was acknowledged) is one letter.
INSERT_LETTER = (
    "INSERT INTO dead_letters (execution_id, path, kind, workflow, tenant, error, about, status, created_at, "
    "escalated) VALUES (?, ?, ?, ?, ?, ?, ?, 'open', ?, ?) "
    "ON CONFLICT (execution_id, path) WHERE status = 'open' DO UPDATE SET "
    "kind = excluded.kind, error = excluded.error, about = excluded.about, escalated = excluded.escalated"
)


def letter_conditions(which: LetterFilter) -> tuple[str, list[Any]]:
    """The `WHERE` of a filter, and its parameters."""
    named = None if which.workflow is None or "@" in which.workflow else which.workflow
    conditions = (
        ("status =", which.status),
        ("execution_id =", which.execution_id),
        ("workflow =", which.workflow if named is None else None),
        ("substr(workflow, 1, instr(workflow, '@') - 1) =", named),
        ("kind =", which.kind),
        ("json_extract(error, '$.code') =", which.code),
        ("escalated =", which.escalated),
        ("tenant =", which.tenant),
        ("seq <", which.before),
    )
    where = [condition for condition, value in conditions if value is not None]
    parameters = [value for _, value in conditions if value is not None]
    return " AND ".join(f"{condition} ?" for condition in where) or "1", parameters


def letter_row(letter: DeadLetter) -> tuple[Any, ...]:
    """The parameters of INSERT_LETTER."""
    return (
        letter.execution_id,
        letter.path,
        letter.kind,
        letter.workflow,
        letter.tenant,
        to_json(letter.error),
        to_json(letter.about),
        to_time(letter.created_at),
        letter.escalated,
    )


def to_letter(row: Sequence[Any]) -> DeadLetter:
    """A letter from SELECT_LETTER."""
    letter_id, execution_id, path, kind, workflow, tenant, error, about, status, created, closed, *rest = row
    by, note, escalated, edit = rest
    created_at = from_time(created)
    assert created_at is not None
    return DeadLetter(
        id=letter_id,
        execution_id=execution_id,
        path=path,
        kind=kind,
        workflow=workflow,
        tenant=tenant,
        error=from_json(error),
        about=from_json(about),
        status=status,
        created_at=created_at,
        closed_at=from_time(closed),
        closed_by=by,
        note=note,
        escalated=bool(escalated),
        edit=from_json(edit),
    )
