"""Dead letters: what failed for good, closed by exactly one of a redrive and a discard."""

import sqlite3
from collections.abc import Mapping, Sequence
from typing import Any

from graphs.errors import BatonError, ConflictError, NotFoundError
from graphs.planner import COMPANION
from orchestrator.store.announcing import Kept
from orchestrator.store.asked import asked_last
from orchestrator.store.below import is_below
from orchestrator.store.chapter import Chapter, insert, no_execution, raise_signal
from orchestrator.store.executions import find
from orchestrator.store.letter_rows import SELECT_LETTER, letter_conditions, to_letter
from orchestrator.store.port import Asked, DeadLetter, LetterFilter
from orchestrator.store.results import find_out, supersede
from orchestrator.store.rows import to_json

_CLOSE = "UPDATE dead_letters SET status = ?, closed_at = ?, closed_by = ?, note = ? WHERE seq = ?"
_ASK_AGAIN = "UPDATE waits SET superseded = 1 WHERE execution_id = ? AND status = 'cancelled' AND NOT superseded"
_GO_ON = (
    "UPDATE executions SET status = 'queued', output = 'null', error = 'null', cancel_requested = 'null', "
    "pause_requested = 'null', ended_at = NULL, deaths = 0, compensation = NULL WHERE id = ?"
)


class DeadLetters(Chapter):
    """The chapter on dead letters."""

    async def dead_letters(self, which: LetterFilter = LetterFilter()) -> Sequence[DeadLetter]:  # noqa: B008 - frozen
        """See the port."""
        where, parameters = letter_conditions(which)
        sql = f"{SELECT_LETTER} WHERE {where} ORDER BY seq DESC LIMIT ?"
        rows = await self._reader.read(lambda db: db.execute(sql, (*parameters, which.limit)).fetchall())
        return [to_letter(row) for row in rows]

    async def dead_letter(self, letter_id: int) -> DeadLetter | None:
        """See the port."""
        rows = self._reader.point(f"{SELECT_LETTER} WHERE seq = ?", (letter_id,))
        return to_letter(rows[0]) if rows else None

    async def edit_letter(self, letter_id: int, edit: Mapping[str, Any] | None) -> DeadLetter:
        """See the port."""

        def work(db: sqlite3.Connection) -> DeadLetter | BatonError:
            letters = open_letters(db, [letter_id])
            if isinstance(letters, BatonError):
                return letters
            db.execute("UPDATE dead_letters SET edit = ? WHERE seq = ?", (to_json(edit), letter_id))
            return to_letter(_row(db, letter_id))

        edited: DeadLetter = await self._writer.submit(work)
        return edited

    async def discard(self, letter_ids: Sequence[int], *, by: str | None, note: str | None) -> Sequence[DeadLetter]:
        """See the port."""
        now = self._now()

        def work(db: sqlite3.Connection) -> list[DeadLetter] | BatonError:
            letters = open_letters(db, letter_ids)
            if isinstance(letters, BatonError):
                return letters
            for letter in letters:
                db.execute(_CLOSE, ("discarded", now, by, note, letter.id))
            return [to_letter(_row(db, letter.id)) for letter in letters]

        discarded: list[DeadLetter] = await self._writer.submit(work)
        return discarded

    async def undo(self, letter_ids: Sequence[int], *, by: str | None, note: str | None) -> Sequence[str]:
        """See the port. The history of each execution gets an `execution.undo_asked` record."""
        now, own = self._now(), self._drives

        def work(db: sqlite3.Connection) -> tuple[list[str], Kept] | BatonError:
            if isinstance(found := _of_ended(db, letter_ids), BatonError):
                return found
            letters, generations = found
            if (refused := next(filter(None, (_not_undoable(db, letter) for letter in letters)), None)) is not None:
                return refused
            for letter in letters:
                db.execute(_CLOSE, ("discarded", now, by, note, letter.id))
            records: list[tuple[Any, ...]] = []
            for execution_id, generation in generations.items():
                _undo(db, execution_id, by, note, now, own=own)
                fact = to_json({"by": by, "note": note})
                records += insert(db, [(execution_id, "execution.undo_asked", None, generation, now, fact)])
            return list(generations), records

        kept = await self._writer.submit(work, on_commit=lambda kept: self._announce(kept[1]))
        undone: list[str] = kept[0]
        return undone

    async def redrive(self, letter_ids: Sequence[int], *, by: str | None) -> Sequence[str]:
        """See the port. The history of each execution gets an `execution.redriven` record."""
        now, own = self._now(), self._drives

        def work(db: sqlite3.Connection) -> tuple[list[str], Kept] | BatonError:
            if isinstance(found := _of_ended(db, letter_ids), BatonError):
                return found
            letters, generations = found
            records: list[tuple[Any, ...]] = []
            for execution_id, generation in generations.items():
                theirs = [letter for letter in letters if letter.execution_id == execution_id]
                close_letters(db, theirs, now, by)
                for letter in theirs:
                    find_out(db, letter)
                _try_again(db, execution_id, theirs, now, own=own)
                records += insert(db, [redriven_record(execution_id, generation, theirs, now, by)])
            return list(generations), records

        kept = await self._writer.submit(work, on_commit=lambda kept: self._announce(kept[1]))
        redriven: list[str] = kept[0]
        return redriven


def _of_ended(
    db: sqlite3.Connection, letter_ids: Sequence[int]
) -> tuple[Sequence[DeadLetter], dict[str, int]] | BatonError:
    """The letters, which are open, and the generations of their executions, all of which have ended."""
    letters = open_letters(db, letter_ids)
    if isinstance(letters, BatonError):
        return letters
    generations: dict[str, int] = {}
    for execution_id in dict.fromkeys(letter.execution_id for letter in letters):
        execution = find(db, execution_id)
        if execution is None:
            return no_execution(execution_id)
        if not execution.status.final:
            return under_way(execution_id, execution.status, asked_last(db, execution_id))
        generations[execution_id] = execution.generation
    return letters, generations


def letters_about(db: sqlite3.Connection, execution_id: str, paths: Sequence[str]) -> list[DeadLetter]:
    """Open letters about the end of an execution that is made anew from these steps."""
    rows = db.execute(f"{SELECT_LETTER} WHERE execution_id = ? AND status = 'open'", (execution_id,)).fetchall()
    found = [letter for letter in map(to_letter, rows) if letter.kind in ("failure", "poisoned")]
    return [
        letter
        for letter in found
        if not letter.about.get("paths")
        or any(is_below(path, anew) for path in letter.about["paths"] for anew in paths)
    ]


def close_letters(db: sqlite3.Connection, letters: Sequence[DeadLetter], now: str, by: str | None) -> None:
    """What they are about is tried again. What was put aside asks again what it had asked when it was."""
    for letter in letters:
        db.execute(_CLOSE, ("redriven", now, by, None, letter.id))
        if letter.kind == "poisoned":
            db.execute(_ASK_AGAIN, (letter.execution_id,))


def redriven_record(
    execution_id: str, generation: int, letters: Sequence[DeadLetter], now: str, by: str | None
) -> tuple[Any, ...]:
    """The record of a redrive: by whom, of what, with which changes to the input."""
    fact: dict[str, Any] = {"by": by, "paths": [letter.path for letter in letters]}
    if edits := [letter.edit for letter in letters if letter.edit is not None]:
        fact["edits"] = edits
    return (execution_id, "execution.redriven", None, generation, now, to_json(fact))


def _try_again(
    db: sqlite3.Connection, execution_id: str, letters: Sequence[DeadLetter], now: str, *, own: bool
) -> None:
    """What has been done stays; the failed steps, and the plan around them, are to be made anew."""
    for path in [letter.path for letter in letters if letter.kind != "poisoned"]:
        supersede(db, execution_id, path, now)
        supersede(db, execution_id, path + COMPANION, now)
        supersede(db, execution_id, path.partition(".")[0], now, alone=True)
        for table in ("checkpoints", "writes"):
            db.execute(f"DELETE FROM {table} WHERE thread_id = ?", (execution_id,))
    db.execute(_GO_ON, (execution_id,))
    raise_signal(db, execution_id, "resume", None, now, own=own)


def _undo(db: sqlite3.Connection, execution_id: str, by: str | None, note: str | None, now: str, *, own: bool) -> None:
    """Nothing more of it is begun, and what it did is undone: as if somebody had cancelled it before it ended."""
    how = {"compensate": True, "terminate": False, "concluded": False, "discarded": True}
    request = {"by": by, "reason": note, "at": now, **how}
    db.execute(
        "UPDATE executions SET status = 'queued', output = 'null', error = 'null', concluded = 'null', "
        "pause_requested = 'null', ended_at = NULL, deaths = 0, cancel_requested = ? WHERE id = ?",
        (to_json(request), execution_id),
    )
    for table in ("checkpoints", "writes"):
        db.execute(f"DELETE FROM {table} WHERE thread_id = ?", (execution_id,))
    raise_signal(db, execution_id, "resume", None, now, own=own)


def _not_undoable(db: sqlite3.Connection, letter: DeadLetter) -> ConflictError | None:
    """The error for a letter whose execution has been undone, as far as it could be."""
    execution = find(db, letter.execution_id)
    begun = execution is not None and (execution.concluded or {}).get("compensate")
    over = execution is None or execution.status in ("completed", "compensated", "compensation_failed")
    if letter.kind in ("failure", "poisoned") and not begun and not over:
        return None
    became = execution.compensation if execution is not None else None
    going_on, partly = letter.kind != "failure", became == "compensation_failed"
    done = "has been undone" if became == "compensated" else "is not to be undone"
    told = "is being undone" if going_on else "was undone, as far as it could be" if partly else done
    return ConflictError(
        f"Dead letter {letter.id} is about '{letter.path or letter.execution_id}', and what execution "
        f"'{letter.execution_id}' did {told}.",
        hint=f"Go on with that: baton dead-letters redrive {letter.id}"
        if going_on
        else f"See what was not: baton dead-letters --execution {letter.execution_id}"
        if partly
        else f"Close it: baton dead-letters discard {letter.id}",
        code="not_undoable",
        letter_id=letter.id,
    )


def _row(db: sqlite3.Connection, letter_id: int) -> Any:
    return db.execute(f"{SELECT_LETTER} WHERE seq = ?", (letter_id,)).fetchone()


def open_letters(db: sqlite3.Connection, letter_ids: Sequence[int]) -> list[DeadLetter] | BatonError:
    """The letters of these numbers, all of which are open."""
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


def under_way(execution_id: str, status: str, asked: Asked | None) -> ConflictError:
    """The error for a letter whose execution has not ended, or goes on because somebody asked for that."""
    return ConflictError(
        f"Execution '{execution_id}' is {status}; its dead letters can be redriven when it has ended."
        f"{' ' + asked.words if asked else ''}",
        hint=f"See what it does: baton show {execution_id}.",
        code="execution_running",
        execution_id=execution_id,
        **(asked.details if asked else {}),
    )
