"""A step's result and its record, as one unit for the writer: the engine's hottest path."""

import sqlite3
from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

from langgraph.checkpoint.base import WRITES_IDX_MAP

from graphs.checkpoints import CommitListener
from graphs.clock import Clock
from graphs.state import Result, join_path
from orchestrator.store.asked import REQUESTS
from orchestrator.store.below import close_below
from orchestrator.store.rows import INSERT_RECORD, from_json, to_json, to_time

_COLUMNS = "(thread_id, checkpoint_ns, checkpoint_id, task_id, task_path, idx, channel, type, value)"
_VALUES = "VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)"
REPLACE_WRITE = f"INSERT OR REPLACE INTO writes {_COLUMNS} {_VALUES}"
KEEP_WRITE = f"INSERT OR IGNORE INTO writes {_COLUMNS} {_VALUES}"

Writes = Sequence[tuple[str, Any]]
Row = tuple[Any, ...]


def write_rows(
    configurable: Mapping[str, Any],
    writes: Writes,
    task_id: str,
    task_path: str,
    dumps: Callable[[Any], tuple[str, bytes]],
) -> tuple[str, list[Row]]:
    """SQL and rows for a task's writes, as the official saver keeps them.

    Writes to LangGraph's special channels have an index of their own and replace older ones; the first write of a
    result stays.
    """
    place = (
        str(configurable["thread_id"]),
        str(configurable["checkpoint_ns"]),
        str(configurable["checkpoint_id"]),
        task_id,
        task_path,
    )
    rows = [
        (*place, WRITES_IDX_MAP.get(channel, index), channel, *dumps(value))
        for index, (channel, value) in enumerate(writes)
    ]
    special = all(channel in WRITES_IDX_MAP for channel, _ in writes)
    return REPLACE_WRITE if special else KEEP_WRITE, rows


def record_rows(thread: str, listener: CommitListener, results: Mapping[str, Result], clock: Clock) -> list[Row]:
    """Rows of INSERT_RECORD for a plan's results.

    Partitions (results with `inner`) and the engine's own helpers (names with `#`) are no steps of the workflow: what
    is inside them has records of its own.
    """
    return [
        (
            thread,
            f"step.{result['status']}",
            join_path(listener.path, name),
            listener.generation,
            result.get("ended_at") or to_time(clock.now()),
            to_json(result),
        )
        for name, result in results.items()
        if "inner" not in result and not name.startswith("#")
    ]


_GIVEN_UP = ("step.skipped", "step.cancelled")


class Committed(NamedTuple):
    """What the transaction that keeps results finds out.

    Attributes:
        seqs: The numbers of their records.
        end: In which words the execution's end was asked for before.
        held: Whether it is to be held.
    """

    seqs: Sequence[int]
    end: Mapping[str, Any] | None = None
    held: bool = False


class InsertRecords:
    """Work for the writer: records of an execution's results."""

    __slots__ = ("_records", "_thread")

    def __init__(self, thread: str, records: Sequence[Row]) -> None:
        self._thread = thread
        self._records = records

    def __call__(self, db: sqlite3.Connection) -> Committed:
        seqs = self._insert(db)
        # Here, because what was asked for in another process is heard a moment later: too late for the next step.
        for cancel, pause in db.execute(REQUESTS, (self._thread,)):
            if cancel != "null" or pause != "null":
                return Committed(seqs, from_json(cancel), pause != "null")
        return Committed(seqs)

    def _insert(self, db: sqlite3.Connection) -> list[int]:
        for thread, kind, path, _, at, *_ in self._records:
            if kind in _GIVEN_UP:  # perhaps without its body, which would have closed what it asks
                close_below(db, thread, path, at)
        return [db.execute(INSERT_RECORD, row).lastrowid or 0 for row in self._records]


class CommitResults(InsertRecords):
    """Work for the writer: a task's writes with the records of the results in them.

    A task whose writes are there already (LangGraph saves some twice) adds no second record.
    """

    __slots__ = ("_sql", "_writes")

    def __init__(self, thread: str, sql: str, writes: Sequence[Row], records: Sequence[Row]) -> None:
        super().__init__(thread, records)
        self._sql = sql
        self._writes = writes

    def _insert(self, db: sqlite3.Connection) -> list[int]:
        execute = db.execute
        inserted = 0
        for row in self._writes:
            inserted += execute(self._sql, row).rowcount
        return super()._insert(db) if inserted else []
