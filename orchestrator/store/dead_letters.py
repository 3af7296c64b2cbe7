"""Dead letters: what failed for good, closed by exactly one of a redrive and a discard."""

import sqlite3
from collections.abc import Sequence
from typing import Any

from graphs.errors import BatonError, ConflictError, NotFoundError
from graphs.planner import COMPANION
from orchestrator.store.announcing import Kept
from orchestrator.store.executions import find
from orchestrator.store.letter_rows import SELECT_LETTER, to_letter
from orchestrator.store.parts import Part, insert, no_execution, raise_signal
from orchestrator.store.port import DeadLetter
from orchestrator.store.results import supersede
from orchestrator.store.rows import to_json

_CLOSE = "UPDATE dead_letters SET status = ?, closed_at = ?, closed_by = ?, note = ? WHERE seq = ?"
_GO_ON = (
    "UPDATE executions SET status = 'queued', output = 'null', error = 'null', cancel_requested = 'null', "
    "pause_requested = 'null', ended_at = NULL WHERE id = ?"
)


class DeadLetters(Part):
    """The chapter on dead letters."""

    async def dead_letters(
        self,
        *,
        status: str | None = "open",
        execution_id: str | None = None,
        tenant: str | None = None,
        before: int | None = None,
        limit: int = 1000,
    ) -> Sequence[DeadLetter]:
        """See the port."""
        where, parameters = list[str](), list[Any]()
        conditions = (("status =", status), ("execution_id =", execution_id), ("tenant =", tenant), ("seq <", before))
        for condition, value in conditions:
            if value is not None:
                where.append(f"{condition} ?")
                parameters.append(value)
        sql = f"{SELECT_LETTER} WHERE {' AND '.join(where) or '1'} ORDER BY seq DESC LIMIT ?"
        rows = await self._reader.read(lambda db: db.execute(sql, (*parameters, limit)).fetchall())
        return [to_letter(row) for row in rows]

    async def dead_letter(self, letter_id: int) -> DeadLetter | None:
        """See the port."""
        rows = self._reader.point(f"{SELECT_LETTER} WHERE seq = ?", (letter_id,))
        return to_letter(rows[0]) if rows else None

    async def discard(self, letter_ids: Sequence[int], *, by: str | None, note: str | None) -> Sequence[DeadLetter]:
        """See the port."""
        now = self._now()

        def work(db: sqlite3.Connection) -> list[DeadLetter] | BatonError:
            letters = _open_letters(db, letter_ids)
            if isinstance(letters, BatonError):
                return letters
            for letter in letters:
                db.execute(_CLOSE, ("discarded", now, by, note, letter.id))
            return [to_letter(_row(db, letter.id)) for letter in letters]

        discarded: list[DeadLetter] = await self._writer.submit(work)
        return discarded

    async def redrive(self, letter_ids: Sequence[int], *, by: str | None) -> Sequence[str]:
        """See the port. The history of each execution gets an `execution.redriven` record."""
        now, own = self._now(), self._drives

        def work(db: sqlite3.Connection) -> tuple[list[str], Kept] | BatonError:
            letters = _open_letters(db, letter_ids)
            if isinstance(letters, BatonError):
                return letters
            by_execution: dict[str, list[DeadLetter]] = {}
            for letter in letters:
                by_execution.setdefault(letter.execution_id, []).append(letter)
            generations: dict[str, int] = {}
            for execution_id in by_execution:
                execution = find(db, execution_id)
                if execution is None:
                    return no_execution(execution_id)
                if not execution.status.final:
                    return _under_way(execution_id, execution.status)
                generations[execution_id] = execution.generation
            records: list[tuple[Any, ...]] = []
            for execution_id, theirs in by_execution.items():
                for letter in theirs:
                    db.execute(_CLOSE, ("redriven", now, by, None, letter.id))
                _try_again(db, execution_id, [letter.path for letter in theirs], now, own=own)
                fact = to_json({"by": by, "paths": [letter.path for letter in theirs]})
                row = (execution_id, "execution.redriven", None, generations[execution_id], now, fact)
                records += insert(db, [row])
            return list(by_execution), records

        kept = await self._writer.submit(work, on_commit=lambda kept: self._announce(kept[1]))
        redriven: list[str] = kept[0]
        return redriven


def _try_again(db: sqlite3.Connection, execution_id: str, paths: Sequence[str], now: str, *, own: bool) -> None:
    """What has been done stays; the failed steps, and the plan around them, are to be made anew."""
    for path in paths:
        supersede(db, execution_id, path, now)
        supersede(db, execution_id, path + COMPANION, now)
        supersede(db, execution_id, path.partition(".")[0], now, alone=True)
    for table in ("checkpoints", "writes"):
        db.execute(f"DELETE FROM {table} WHERE thread_id = ?", (execution_id,))
    db.execute(_GO_ON, (execution_id,))
    raise_signal(db, execution_id, "resume", None, now, own=own)


def _row(db: sqlite3.Connection, letter_id: int) -> Any:
    return db.execute(f"{SELECT_LETTER} WHERE seq = ?", (letter_id,)).fetchone()


def _open_letters(db: sqlite3.Connection, letter_ids: Sequence[int]) -> list[DeadLetter] | BatonError:
    letters = []
    for letter_id in dict.fromkeys(letter_ids):
        row = _row(db, letter_id)
        if row is None:
            return no_letter(letter_id)
        letter = to_letter(row)
        if letter.status != "open":
            return _closed(letter)
        letters.append(letter)
    return letters


def no_letter(letter_id: int) -> NotFoundError:
    """The error for a letter that is not there."""
    return NotFoundError(
        f"There is no dead letter {letter_id}.",
        hint="List what there is: baton dead-letters.",
        code="dead_letter_not_found",
        letter_id=letter_id,
    )


def _closed(letter: DeadLetter) -> ConflictError:
    by = f" by {letter.closed_by}" if letter.closed_by else ""
    at = letter.closed_at.isoformat() if letter.closed_at else "an unknown time"
    return ConflictError(
        f"Dead letter {letter.id} was {letter.status}{by} at {at}.",
        code="dead_letter_closed",
        letter_id=letter.id,
        status=letter.status,
        by=letter.closed_by,
    )


def _under_way(execution_id: str, status: str) -> ConflictError:
    return ConflictError(
        f"Execution '{execution_id}' is {status}; its dead letters can be redriven when it has ended.",
        hint=f"See what it does: baton show {execution_id}.",
        code="execution_running",
        execution_id=execution_id,
    )
