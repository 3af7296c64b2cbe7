"""A new run, and what becomes of those before it on its thread: all that is kept of it in one transaction."""

import sqlite3
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from graphs.errors import BatonError, ConflictError
from orchestrator.fingerprints import is_same, key_reused
from orchestrator.store.served.remembering import reminded, to_remember
from orchestrator.store.served.table import Table
from orchestrator.store.served.threads import THREADS, insert_thread, no_thread
from orchestrator.store.served.values import Ended, Run, Stop, Thread
from orchestrator.store.served.webhooks import owe
from orchestrator.store.units import Beside

RUNS = Table(
    "thread_runs",
    Run,
    times=("due_at", "created_at", "updated_at", "ended_at"),
    plain=(
        "seq",
        "id",
        "thread_id",
        "tenant",
        "assistant_id",
        "graph",
        "status",
        "multitask",
        "priority",
        "attempts",
        "stop",
        "idempotency_key",
        "fingerprint",
    ),
)
_TAKE_OVER = (
    "UPDATE threads SET metadata = json_set(metadata, '$.graph_id', :graph_id, '$.assistant_id', :assistant_id) "
    "WHERE id = :thread AND (json_extract(metadata, '$.graph_id') IS NOT :graph_id "
    "OR json_extract(metadata, '$.assistant_id') IS NOT :assistant_id)"
)


@dataclass(frozen=True, slots=True)
class NewRun:
    """A run to keep.

    Attributes:
        thread: The thread to make, where there is none.
        beside: What is kept with it. One that refuses is raised, and nothing is kept.
        theirs: Whether a thread that is there may be run on: another may have made it since somebody looked.
    """

    run: Run
    thread: Thread | None = None
    beside: Sequence[Beside] = ()
    theirs: Callable[[Thread], bool] = lambda _: True


@dataclass(frozen=True, slots=True)
class Put:
    """What came of a new run.

    Attributes:
        repeated: It was asked for before, under the same key: this is that one.
        stopped: The run it cuts off, which is under way.
        dropped: Runs it takes the place of, which had not begun.
    """

    run: Run
    repeated: bool = False
    stopped: Run | None = None
    dropped: tuple[Run, ...] = ()


def put_all(db: sqlite3.Connection, news: Sequence[NewRun]) -> list[tuple[Put, Sequence[Any]]] | dict[int, BatonError]:
    """Keep runs, and what belongs to them; or nothing at all, and why not, by their places."""
    done, refused = [], dict[int, BatonError]()
    db.execute("SAVEPOINT put_all")
    for index, new in enumerate(news):
        put = _put_with(db, new)
        if isinstance(put, BatonError):
            refused[index] = put
        else:
            done.append(put)
    if refused:
        db.execute("ROLLBACK TO put_all")
    db.execute("RELEASE put_all")
    return refused or done


def refusal(refused: Mapping[int, BatonError], of: int) -> BatonError:
    """The error for runs of which none is kept: the first one's, which then names what is wrong with each of them."""
    first = next(iter(refused.values()))
    if of > 1:
        first.details["problems"] = [
            {"index": index, "code": error.code, "message": str(error)} for index, error in refused.items()
        ]
    return first


def _put_with(db: sqlite3.Connection, new: NewRun) -> tuple[Put, Sequence[Any]] | BatonError:
    """The run and what is kept with it, or nothing; of a run that is known, what came with it was kept then."""
    if not new.beside:
        put = _put(db, new)
        return put if isinstance(put, BatonError) else (put, ())
    values: list[Any] = []
    db.execute("SAVEPOINT put_run")
    put = _put(db, new)
    for each in new.beside if isinstance(put, Put) and not put.repeated else ():
        values.append(each.work(db))
    refused = next((each for each in (put, *values) if isinstance(each, BatonError)), None)
    if refused is not None:
        db.execute("ROLLBACK TO put_run")
    db.execute("RELEASE put_run")
    return refused if refused is not None else (put, values)  # type: ignore[return-value]


def _put(db: sqlite3.Connection, new: NewRun) -> Put | BatonError:
    run, new_thread = new.run, new.thread
    if run.idempotency_key is not None and (
        older := RUNS.find(db, tenant=run.tenant, idempotency_key=run.idempotency_key)
    ):
        if not is_same(older.fingerprint, run.fingerprint):
            return key_reused(run.idempotency_key, run_id=older.id, thread_id=older.thread_id)
        return Put(older, repeated=True)
    thread = THREADS.find(db, id=run.thread_id)
    if thread is not None and not (thread.tenant == run.tenant and new.theirs(thread)):
        return no_thread(run.thread_id)
    if thread is None and new_thread is None:
        return no_thread(run.thread_id)
    before = open_on(db, run.thread_id) if thread is not None else []
    if before and run.multitask == "reject":
        return ConflictError(
            f"Thread '{run.thread_id}' is busy with run '{before[0].id}'.",
            hint="Wait for it, cancel it, or send another multitask_strategy: enqueue, interrupt, rollback.",
            code="thread_busy",
        )
    put = _make_way(db, run, before)
    if thread is None:
        assert new_thread is not None
        names = {**new_thread.metadata, **_names(run)}
        made = replace(new_thread, status="busy", metadata=names, config=to_remember(run.request))
        if isinstance(refused := insert_thread(db, made), ConflictError):
            return refused
    else:
        # Lists of threads are filtered by one of these two.
        run = replace(run, request=reminded(run.request, thread.config))
        changes: dict[str, Any] = {"status": "busy", "updated_at": run.created_at, "config": to_remember(run.request)}
        if not before:  # else the thread is another run's until this one begins, and its state of that one's graph
            changes["metadata"] = {**thread.metadata, **_names(run)}
        THREADS.update(db, {"id": thread.id}, changes)
    seq = RUNS.insert(db, run, leave_out=("seq",))
    return replace(put, run=replace(run, seq=seq))


def take_over(db: sqlite3.Connection, run: Run) -> None:
    """The thread is the run's from now on, and its state of the run's graph."""
    db.execute(_TAKE_OVER, {"thread": run.thread_id, **_names(run)})


def _names(run: Run) -> dict[str, str]:
    return {"graph_id": run.graph, "assistant_id": run.assistant_id}


def _make_way(db: sqlite3.Connection, run: Run, before: Sequence[Run]) -> Put:
    if run.multitask not in ("interrupt", "rollback"):
        return Put(run)
    stopped = None
    for older in before:
        if older.status == "running":
            stopped = replace(older, stop=run.multitask)
            RUNS.update(db, {"id": older.id}, {"stop": run.multitask, "updated_at": run.created_at})
        else:
            drop(db, older, run.multitask, run.created_at)
    return Put(run, stopped=stopped, dropped=tuple(older for older in before if older.status == "pending"))


def drop(db: sqlite3.Connection, run: Run, how: Stop, now: datetime) -> None:
    if how == "rollback":
        RUNS.delete(db, id=run.id)
    else:
        changes: dict[str, Any] = {"status": "interrupted", "stop": how, "updated_at": now, "ended_at": now}
        RUNS.update(db, {"id": run.id}, changes)
        owe(db, replace(run, **changes), Ended(status="interrupted", thread="idle"))


def open_on(db: sqlite3.Connection, thread_id: str) -> list[Run]:
    sql = f"{RUNS.select} WHERE thread_id = ? AND status IN ('pending', 'running') ORDER BY seq"
    return [RUNS.value(row) for row in db.execute(sql, (thread_id,))]
