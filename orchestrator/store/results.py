"""Results of steps, read back from the records: the newest of each path that is not superseded."""

import sqlite3
from collections.abc import Sequence

from graphs.state import StepStatus
from orchestrator.store.announcing import Kept
from orchestrator.store.parts import insert

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
_ALONE = "path = ?"


def is_below(path: str, prefix: str) -> bool:
    """Whether a path is the prefix or stands below it: `orders[3].charge` and `orders` do, `orders2` does not."""
    return not prefix or path == prefix or path.startswith((f"{prefix}.", f"{prefix}["))


def newest(db: sqlite3.Connection, execution_id: str) -> dict[str, tuple[str, int, str, str]]:
    """The newest result of each path that is not superseded, in the order of their commits."""
    found: dict[str, tuple[str, int, str, str]] = {}
    for path, *rest in db.execute(_RESULTS, (execution_id,)):
        found.pop(path, None)  # a later result takes a later place
        found[path] = tuple(rest)
    return found


def copy_newest(
    db: sqlite3.Connection, source: str, target: str, leave_out: Sequence[str], leave_out_alone: Sequence[str]
) -> Kept:
    """Give an execution the results of another, without some paths and what is below them, and without some alone."""
    rows = [
        (target, kind, path, generation, at, data)
        for path, (kind, generation, at, data) in newest(db, source).items()
        if path not in leave_out_alone and not any(is_below(path, left) for left in leave_out)
    ]
    return insert(db, rows)


def supersede(db: sqlite3.Connection, execution_id: str, path: str, now: str, *, alone: bool = False) -> None:
    """A step and what is below it are to be made anew: their results no longer count, and they ask again."""
    where, place = (_ALONE, (path,)) if alone else (_BELOW, (path, len(path) + 1, f"{path}.", f"{path}["))
    db.execute(
        f"UPDATE records SET superseded = 1 WHERE execution_id = ? AND kind IN ({_SETTLED}) AND {where}",
        (execution_id, *place),
    )
    # Answered waits too.
    db.execute(
        "UPDATE waits SET superseded = 1, closed_at = ifnull(closed_at, ?), "
        f"status = iif(status = 'open', 'cancelled', status) WHERE execution_id = ? AND {where}",
        (now, execution_id, *place),
    )
