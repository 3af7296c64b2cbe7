"""Records: the history of executions, and the results of steps that are read back from it."""

import sqlite3
from collections.abc import Mapping, Sequence
from typing import Any

from graphs.errors import BatonError
from graphs.state import Result, StepStatus
from orchestrator.store.parts import Part, insert, no_execution, raise_signal
from orchestrator.store.port import Record
from orchestrator.store.rows import SELECT_RECORDS, from_json, record_row, to_json, to_record

_SETTLED = ", ".join(
    f"'step.{status}'"
    for status in (
        StepStatus.COMPLETED,
        StepStatus.FAILED,
        StepStatus.TIMED_OUT,
        StepStatus.CANCELLED,
        StepStatus.SKIPPED,
    )
)
_RESULTS = (
    "SELECT path, kind, generation, at, data FROM records "
    f"WHERE execution_id = ? AND kind IN ({_SETTLED}) AND NOT superseded ORDER BY seq"
)
_BELOW = "(path = ? OR substr(path, 1, ?) IN (?, ?))"
"""A path and everything below it; the parameters are those of `_below`."""


class Records(Part):
    """The chapter on records."""

    def append(self, record: Record) -> None:
        """See the port. When it is lost, later results of its execution are refused, and its live plans are told."""
        rows = [record_row(record)]
        self._writer.hand_over(
            lambda db: insert(db, rows),
            thread=record.execution_id,
            on_commit=self._announce,
            on_lost=lambda error: self._saver.tell_lost(record.execution_id, error),
        )

    async def records(self, execution_id: str, *, after: int = 0, limit: int = 100_000) -> Sequence[Record]:
        """See the port."""
        sql = f"{SELECT_RECORDS} WHERE execution_id = ? AND seq > ? ORDER BY seq LIMIT ?"
        rows = await self._reader.read(lambda db: db.execute(sql, (execution_id, after, limit)).fetchall())
        return [to_record(row) for row in rows]

    async def results(self, execution_id: str, prefix: str = "") -> Mapping[str, Result]:
        """See the port. With a prefix: the result at that path itself, and everything below it."""
        rows = await self._reader.read(lambda db: _newest(db, execution_id))
        return {path: from_json(row[-1]) for path, row in rows.items() if is_below(path, prefix)}

    async def copy_results(self, source: str, target: str, *, leave_out: Sequence[str]) -> None:
        """See the port."""

        def work(db: sqlite3.Connection) -> list[Record]:
            rows = [
                (target, kind, path, generation, at, data)
                for path, (kind, generation, at, data) in _newest(db, source).items()
                if not any(is_below(path, left) for left in leave_out)
            ]
            return insert(db, rows)

        await self._writer.submit(work, thread=target, on_commit=self._announce)

    async def rewind(
        self,
        execution_id: str,
        *,
        superseded: Sequence[str],
        generation: int,
        digest: str | None = None,
        input: Any = None,  # noqa: A002 - the port's name
        reason: str,
    ) -> None:
        """See the port. The history gets an `execution.rewound` record."""
        now = self._now()
        fact = {"reason": reason, "superseded": list(superseded)}
        row = (execution_id, "execution.rewound", None, generation, now, to_json(fact))
        new_input = None if input is None else to_json(input)

        def work(db: sqlite3.Connection) -> list[Record] | BatonError:
            changed = db.execute(
                "UPDATE executions SET status = 'queued', generation = ?, digest = ifnull(?, digest), "
                "input = ifnull(?, input), output = 'null', error = 'null', cancel_requested = 'null', "
                "ended_at = NULL WHERE id = ?",
                (generation, digest, new_input, execution_id),
            ).rowcount
            if not changed:
                return no_execution(execution_id)
            for path in superseded:
                _supersede(db, execution_id, path, now)
            for table in ("checkpoints", "writes"):
                db.execute(f"DELETE FROM {table} WHERE thread_id = ?", (execution_id,))
            raise_signal(db, execution_id, "resume", None, now)
            return insert(db, [row])

        await self._writer.submit(work, thread=execution_id, reset=True, on_commit=self._announce)


def is_below(path: str, prefix: str) -> bool:
    """Whether a path is the prefix or stands below it: `orders[3].charge` and `orders` do, `orders2` does not."""
    return not prefix or path == prefix or path.startswith((f"{prefix}.", f"{prefix}["))


def _below(path: str) -> tuple[str, int, str, str]:
    return path, len(path) + 1, f"{path}.", f"{path}["


def _newest(db: sqlite3.Connection, execution_id: str) -> dict[str, tuple[str, int, str, str]]:
    """The newest result of each path that is not superseded, in the order of their commits."""
    found: dict[str, tuple[str, int, str, str]] = {}
    for path, *rest in db.execute(_RESULTS, (execution_id,)):
        found.pop(path, None)  # a later result takes a later place
        found[path] = tuple(rest)
    return found


def _supersede(db: sqlite3.Connection, execution_id: str, path: str, now: str) -> None:
    below = _below(path)
    db.execute(
        f"UPDATE records SET superseded = 1 WHERE execution_id = ? AND kind IN ({_SETTLED}) AND {_BELOW}",
        (execution_id, *below),
    )
    # Answered waits too: the step asks again.
    db.execute(
        "UPDATE waits SET superseded = 1, closed_at = ifnull(closed_at, ?), "
        f"status = iif(status = 'open', 'cancelled', status) WHERE execution_id = ? AND {_BELOW}",
        (now, execution_id, *below),
    )
