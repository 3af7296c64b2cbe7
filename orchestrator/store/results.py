"""Results of steps, read back from the records: the newest of each path that is not superseded."""

import sqlite3
from collections.abc import Mapping
from typing import Literal

from graphs.state import UNHEARD, Happened, StepStatus
from orchestrator.store.announcing import Kept
from orchestrator.store.below import BELOW, below, is_below
from orchestrator.store.chapter import insert
from orchestrator.store.port import DeadLetter, Inheritance, Inherited
from orchestrator.store.rows import from_json, to_json

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
    f"WHERE execution_id = ? AND seq <= ? AND kind IN ({_SETTLED}) AND NOT superseded ORDER BY seq"
)
_LAST = 2**62
_OPENED, _EFFECT = "step.opened", "step.effect"
_HISTORY = (
    "SELECT seq, kind, path, data, superseded FROM records "
    f"WHERE execution_id = ? AND kind IN ({_SETTLED}, '{_OPENED}', '{_EFFECT}') ORDER BY seq"
)
_ANEW = f"{_SETTLED}, 'step.retrying', 'step.held', 'work.counted'"
"""What no longer counts when a step is made anew: its result, the attempts before it, and the time it took."""
GOT_FURTHER = f"{_SETTLED}, '{_OPENED}', '{_EFFECT}', 'step.retrying', 'step.waiting', 'execution.compensating'"
"""Records that say that an execution has got further than it was."""
_ALONE = "path = ?"


def newest(db: sqlite3.Connection, execution_id: str, as_of: int = _LAST) -> dict[str, tuple[str, int, str, str]]:
    """The newest result of each path that is not superseded, in the order of their commits.

    Args:
        as_of: The last record that counts.
    """
    found: dict[str, tuple[str, int, str, str]] = {}
    for path, *rest in db.execute(_RESULTS, (execution_id, as_of)):
        found.pop(path, None)  # a later result takes a later place
        found[path] = tuple(rest)
    return found


def history(db: sqlite3.Connection, execution_id: str) -> list[Happened]:
    """What the execution did, in the order of commits."""
    return [
        Happened(seq, _HAPPENED.get(kind, "settled"), path, from_json(data), bool(superseded))
        for seq, kind, path, data, superseded in db.execute(_HISTORY, (execution_id,))
    ]


_HAPPENED: Mapping[str, Literal["opened", "effect"]] = {_OPENED: "opened", _EFFECT: "effect"}


def copy_newest(db: sqlite3.Connection, inherits: Inheritance, target: str) -> Kept:
    """Give an execution results of another.

    With them comes what says where they stand: what composite steps opened with, and effects. Each says whose it is.
    """
    source, as_of = inherits.of, _LAST if inherits.as_of is None else inherits.as_of
    settled = newest(db, source, as_of)
    rows = [
        (target, kind, path, generation, at, _inherited(data, source, undone=path in inherits.undone))
        for kind, path, generation, at, data in db.execute(_COPIED, (source, as_of))
        if not any(is_below(path, left) for left in inherits.leave_out)
        and (
            kind in (_OPENED, _EFFECT)
            or (path not in inherits.leave_out_alone and settled[path] == (kind, generation, at, data))
        )
    ]
    return insert(db, rows)


_COPIED = (
    "SELECT kind, path, generation, at, data FROM records "
    f"WHERE execution_id = ? AND seq <= ? AND kind IN ({_SETTLED}, '{_OPENED}', '{_EFFECT}') AND NOT superseded "
    "ORDER BY seq"
)


def _inherited(data: str, source: str, *, undone: bool) -> str:
    """A fact that another execution is given; what that one was given itself stays whose it was."""
    more = {"undone": True} if undone else {}
    return to_json({"inherited": source, **more, **from_json(data)})


def inherited(db: sqlite3.Connection, execution_id: str) -> list[Inherited]:
    """What an execution was given of others, and has not made anew."""
    rows = db.execute(_INHERITED, (execution_id,))
    return [Inherited(path, owner, seq, bool(undone)) for path, owner, seq, undone in rows]


_INHERITED = (
    "SELECT path, json_extract(data, '$.inherited') AS owner, seq, json_extract(data, '$.undone') FROM records "
    f"WHERE execution_id = ? AND kind IN ({_SETTLED}, '{_EFFECT}') AND NOT superseded AND owner IS NOT NULL "
    "ORDER BY seq"
)


def find_out(db: sqlite3.Connection, letter: DeadLetter) -> None:
    """Complete what is kept of a call by what people found out since of what undoing it needs: it keeps its place in
    the order of commits, so that what undoes it keeps its name."""
    wanted, edit = letter.about.get("wanted"), letter.edit
    if wanted is None or edit is None:
        return
    about = letter.about
    effect = about.get("effect") or f"{about.get('idempotency_key')}{UNHEARD}"  # as letters had it at first
    for seq, kind, text in db.execute(_OF_A_CALL, (letter.execution_id, about["undoes"])).fetchall():
        data = from_json(text)
        if kind != _EFFECT and wanted == "output":
            data["output"] = edit["input"]["output"]
        elif kind == _EFFECT and wanted == "arguments" and data["key"] == effect:
            data["given"] = {**data.get("given", {}), **edit["input"]}
        else:
            continue
        db.execute("UPDATE records SET data = ? WHERE seq = ?", (to_json(data), seq))


_OF_A_CALL = (
    f"SELECT seq, kind, data FROM records WHERE execution_id = ? AND path = ? AND kind IN ({_SETTLED}, '{_EFFECT}') "
    "AND NOT superseded"
)


def supersede(db: sqlite3.Connection, execution_id: str, path: str, now: str, *, alone: bool = False) -> None:
    """A step and what is below it are to be made anew: their results no longer count, and they ask again."""
    where, place = (_ALONE, (path,)) if alone else (BELOW, below(path))
    db.execute(
        f"UPDATE records SET superseded = 1 WHERE execution_id = ? AND kind IN ({_ANEW}) AND {where}",
        (execution_id, *place),
    )
    # Answered waits too.
    db.execute(
        "UPDATE waits SET superseded = 1, closed_at = ifnull(closed_at, ?), "
        f"status = iif(status = 'open', 'cancelled', status) WHERE execution_id = ? AND {where}",
        (now, execution_id, *place),
    )
