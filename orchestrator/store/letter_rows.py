"""Dead letters as rows."""

from collections.abc import Sequence
from typing import Any

from orchestrator.store.port import DeadLetter
from orchestrator.store.rows import from_json, from_time, to_json, to_time

SELECT_LETTER = (
    "SELECT seq, execution_id, path, kind, workflow, tenant, error, about, status, created_at, closed_at, closed_by, "
    "note FROM dead_letters"
)
# The same failure told twice (a crash before the end was acknowledged) is one letter.
INSERT_LETTER = (
    "INSERT OR IGNORE INTO dead_letters (execution_id, path, kind, workflow, tenant, error, about, status, created_at) "
    "VALUES (?, ?, ?, ?, ?, ?, ?, 'open', ?)"
)


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
    )


def to_letter(row: Sequence[Any]) -> DeadLetter:
    """A letter from SELECT_LETTER."""
    letter_id, execution_id, path, kind, workflow, tenant, error, about, status, created, closed, by, note = row
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
    )
