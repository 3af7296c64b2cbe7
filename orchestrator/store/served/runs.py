"""Runs that clients asked for: kept before they are answered for, begun one at a time on a thread, ended once."""

import sqlite3
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from functools import partial
from typing import Any

from graphs.errors import BatonError, ConflictError, NotFoundError
from orchestrator.fingerprints import is_same, key_reused
from orchestrator.quota import too_many_runs
from orchestrator.store.parts import Part
from orchestrator.store.rows import to_time
from orchestrator.store.served.remembering import reminded, to_remember
from orchestrator.store.served.table import Table
from orchestrator.store.served.threads import THREADS, insert_thread, no_thread, take_thread_away
from orchestrator.store.served.values import Ended, Run, Search, Stop, Thread
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

_NEWEST = "SELECT max(checkpoint_id) FROM checkpoints WHERE thread_id = ? AND checkpoint_ns = ''"
_ANSWERS = (
    "SELECT ifnull(sum(length(value)), 0) FROM writes "
    "WHERE thread_id = ? AND checkpoint_id = ? AND channel = '__resume__'"
)

_OPEN_OF_TENANT = (
    "SELECT count(*) FROM (SELECT 1 FROM thread_runs WHERE tenant = ? AND status IN ('pending', 'running') LIMIT ?)"
)

_KEY_REMEMBERED = timedelta(days=1)
"""How long a run without a thread of its own is kept when it was asked for with a key."""


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


class Runs(Part):
    """The chapter on runs."""

    async def put_run(self, run: Run, new_thread: Thread | None, beside: Sequence[Beside] = ()) -> Put:
        """Keep a new run, and do what its multitask strategy says about those before it, in one transaction.

        Args:
            new_thread: The thread to make, where there is none.
            beside: What is kept with it. One that refuses is raised, and nothing is kept.

        Raises:
            NotFoundError: there is no such thread.
            ConflictError: the thread is busy, and the strategy is `reject`.
            InputError: its idempotency key was sent before, with another wish.
        """

        def tell(done: tuple[Put, Sequence[Any]]) -> None:
            for each, value in zip(beside, done[1], strict=False):
                each.kept(value)

        done: tuple[Put, Sequence[Any]] = await self._writer.submit(
            lambda db: _put_with(db, run, new_thread, beside), on_commit=tell
        )
        return done[0]

    def room(self, tenant: str, most: int) -> Beside:
        """What belongs to a new run of a tenant that has so many open ones at most, this one among them."""

        def work(db: sqlite3.Connection) -> BatonError | None:
            [found] = db.execute(_OPEN_OF_TENANT, (tenant, most + 1)).fetchone()
            return too_many_runs(tenant, most, "runs") if found > most else None

        return Beside(work, lambda _: None)

    async def begin_run(self, run_id: str, begun_at: Any) -> Run | None:
        """A process takes the run up; None when it is no longer there, or has ended.

        Args:
            begun_at: Where its thread stands, kept the first time only.
        """
        now = self._clock.now()

        def work(db: sqlite3.Connection) -> Run | None:
            run = RUNS.find(db, id=run_id)
            if run is None or not run.open:
                return None
            mark = begun_at if run.begun_at is None else run.begun_at
            changes = {"status": "running", "attempts": run.attempts + 1, "begun_at": mark, "updated_at": now}
            RUNS.update(db, {"id": run_id}, changes)
            return replace(run, **changes)

        begun: Run | None = await self._writer.submit(work)
        return begun

    async def end_run(self, run_id: str, ended: Ended) -> Run | None:
        """The end of a run, and what it left on its thread; None when it is no longer there."""
        now = self._clock.now()
        run: Run | None = await self._writer.submit(lambda db: _end(db, run_id, ended, now))
        return run

    def standing(self, thread_id: str) -> dict[str, Any]:
        """Where a thread of a user's graph stands: its newest checkpoint, and the answers that were handed to it."""
        newest = self._reader.point(_NEWEST, (thread_id,))
        answers = self._reader.point(_ANSWERS, (thread_id, newest[0][0]))
        return {"checkpoint": newest[0][0], "answers": answers[0][0]}

    async def leave(self, thread_id: str, ended: Ended) -> None:
        """What a change from outside left on a thread."""
        now = self._clock.now()
        left = {"status": ended.thread, "state": ended.state, "interrupts": ended.interrupts, "error": ended.error}
        work = partial(
            THREADS.update, where={"id": thread_id}, changes={**left, "updated_at": now, "state_updated_at": now}
        )
        await self._writer.submit(work)

    def keep_event(self, run_id: str, seq: int, event: str, data: bytes) -> None:
        """Hand over something a run said, without waiting for its commit; it commits in order with everything else."""
        # Nobody hears of a failure here, so there must be none: the run may have been taken away meanwhile.
        sql = "INSERT INTO run_events (run_id, seq, event, data) SELECT id, ?, ?, ? FROM thread_runs WHERE id = ?"
        self._writer.hand_over([(sql, (seq, event, data, run_id))], thread=None)

    async def sweep_events(self, before: datetime) -> None:
        """Forget what runs said that ended before."""
        sql = "DELETE FROM run_events WHERE run_id IN (SELECT id FROM thread_runs WHERE ended_at < ?)"
        await self._writer.submit([(sql, (to_time(before),))])

    async def events_of_run(self, run_id: str) -> Sequence[tuple[int, str, bytes]]:
        """What a run said, as far as it was kept."""
        sql = "SELECT seq, event, data FROM run_events WHERE run_id = ? ORDER BY seq"
        return await self._reader.read(lambda db: db.execute(sql, (run_id,)).fetchall())

    async def stop_run(self, run_id: str, tenant: str, how: Stop) -> Run:
        """Ask for a run's end. One that has not begun ends here.

        Raises:
            NotFoundError: there is none.
            ConflictError: it has ended.
        """
        now = self._clock.now()

        def work(db: sqlite3.Connection) -> Run | BatonError:
            run = RUNS.find(db, id=run_id, tenant=tenant)
            if run is None:
                return no_run(run_id)
            if not run.open:
                return ConflictError(
                    f"Run '{run_id}' has ended ({run.status}); there is nothing to cancel.", code="run_ended"
                )
            if run.status == "pending":
                _drop(db, run, how, now)
                _settle(db, run.thread_id, now)
                _clear(db, run, now)
                return replace(run, status="interrupted", stop=how)
            RUNS.update(db, {"id": run_id}, {"stop": how, "updated_at": now})
            return replace(run, stop=how)

        stopped: Run = await self._writer.submit(work)
        return stopped

    async def delete_run(self, run_id: str, tenant: str) -> None:
        """Delete a run that has ended, or has not begun.

        Raises:
            NotFoundError: there is none.
            ConflictError: it is under way.
        """
        now = self._clock.now()

        def work(db: sqlite3.Connection) -> BatonError | None:
            run = RUNS.find(db, id=run_id, tenant=tenant)
            if run is None:
                return no_run(run_id)
            if run.status == "running":
                return ConflictError(f"Run '{run_id}' is under way.", hint="Cancel it first.", code="run_running")
            RUNS.delete(db, id=run_id)
            _settle(db, run.thread_id, now)
            return None

        await self._writer.submit(work)

    def run(self, run_id: str, tenant: str) -> Run | None:
        """The run, if there is one."""
        rows = self._reader.point(f"{RUNS.select} WHERE id = ? AND tenant = ?", (run_id, tenant))
        return RUNS.value(rows[0]) if rows else None

    def run_of_key(self, key: str, tenant: str) -> Run | None:
        """The run that was asked for with this idempotency key."""
        rows = self._reader.point(f"{RUNS.select} WHERE tenant = ? AND idempotency_key = ?", (tenant, key))
        return RUNS.value(rows[0]) if rows else None

    async def runs(self, which: Search) -> Sequence[Run]:
        """Runs that fit."""
        return await self._reader.read(lambda db: RUNS.search(db, which))

    async def open_runs(self) -> Sequence[Run]:
        """Every run that has not ended, oldest first: what a queue begins with."""
        sql = f"{RUNS.select} WHERE status IN ('pending', 'running') ORDER BY seq"
        return await self._reader.read(lambda db: [RUNS.value(row) for row in db.execute(sql)])


def _put_with(
    db: sqlite3.Connection, run: Run, new_thread: Thread | None, beside: Sequence[Beside]
) -> tuple[Put, Sequence[Any]] | BatonError:
    """The run and what is kept with it, or nothing; of a run that is known, what came with it was kept then."""
    if not beside:
        put = _put(db, run, new_thread)
        return put if isinstance(put, BatonError) else (put, ())
    values: list[Any] = []
    db.execute("SAVEPOINT put_run")
    put = _put(db, run, new_thread)
    for each in beside if isinstance(put, Put) and not put.repeated else ():
        values.append(each.work(db))
    refused = next((each for each in (put, *values) if isinstance(each, BatonError)), None)
    if refused is not None:
        db.execute("ROLLBACK TO put_run")
    db.execute("RELEASE put_run")
    return refused if refused is not None else (put, values)  # type: ignore[return-value]


def _put(db: sqlite3.Connection, run: Run, new_thread: Thread | None) -> Put | BatonError:
    if run.idempotency_key is not None and (
        older := RUNS.find(db, tenant=run.tenant, idempotency_key=run.idempotency_key)
    ):
        if not is_same(older.fingerprint, run.fingerprint):
            return key_reused(run.idempotency_key, run_id=older.id, thread_id=older.thread_id)
        return Put(older, repeated=True)
    thread = THREADS.find(db, id=run.thread_id)
    if thread is not None and thread.tenant != run.tenant:
        return no_thread(run.thread_id)
    if thread is None and new_thread is None:
        return no_thread(run.thread_id)
    before = _open_on(db, run.thread_id) if thread is not None else []
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
        changes = {"metadata": {**thread.metadata, **_names(run)}, "config": to_remember(run.request)}
        THREADS.update(db, {"id": thread.id}, {"status": "busy", "updated_at": run.created_at, **changes})
    seq = RUNS.insert(db, run, leave_out=("seq",))
    return replace(put, run=replace(run, seq=seq))


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
            _drop(db, older, run.multitask, run.created_at)
    return Put(run, stopped=stopped, dropped=tuple(older for older in before if older.status == "pending"))


def _drop(db: sqlite3.Connection, run: Run, how: Stop, now: datetime) -> None:
    if how == "rollback":
        RUNS.delete(db, id=run.id)
    else:
        changes: dict[str, Any] = {"status": "interrupted", "stop": how, "updated_at": now, "ended_at": now}
        RUNS.update(db, {"id": run.id}, changes)
        owe(db, replace(run, **changes), Ended(status="interrupted", thread="idle"))


def _open_on(db: sqlite3.Connection, thread_id: str) -> list[Run]:
    sql = f"{RUNS.select} WHERE thread_id = ? AND status IN ('pending', 'running') ORDER BY seq"
    return [RUNS.value(row) for row in db.execute(sql, (thread_id,))]


def _end(db: sqlite3.Connection, run_id: str, ended: Ended, now: datetime) -> Run | None:
    run = RUNS.find(db, id=run_id)
    if run is None:
        return None
    changes = {"status": ended.status, "error": ended.error, "updated_at": now, "ended_at": now}
    if run.stop == "rollback":
        RUNS.delete(db, id=run_id)
    else:
        RUNS.update(db, {"id": run_id}, changes)
        owe(db, replace(run, **changes), ended)
    left: dict[str, Any] = {"interrupts": ended.interrupts, "error": ended.error, "updated_at": now}
    if ended.state is not None:
        left |= {"state": ended.state, "state_updated_at": now}
    thread = THREADS.find(db, id=run.thread_id)
    if thread is not None and thread.ttl:  # counted from the last thing that happened
        left["expires_at"] = now + timedelta(minutes=float(thread.ttl["ttl"]))
    left["status"] = "busy" if _open_on(db, run.thread_id) else ended.thread
    THREADS.update(db, {"id": run.thread_id}, left)
    _clear(db, run, now)
    return replace(run, **changes)


def _clear(db: sqlite3.Connection, run: Run, now: datetime) -> None:
    """A thread that was there for this run only goes with it. Who may ask again with the same key finds it for a
    while."""
    if run.request.get("on_completion") != "delete" or _open_on(db, run.thread_id):
        return
    if run.idempotency_key is None:
        take_thread_away(db, run.thread_id, run.tenant)
    else:
        THREADS.update(db, {"id": run.thread_id}, {"expires_at": now + _KEY_REMEMBERED})


def _settle(db: sqlite3.Connection, thread_id: str, now: datetime) -> None:
    """A run that never began is gone: the thread is what it was before, unless others wait on it."""
    thread = THREADS.find(db, id=thread_id)
    if thread is not None and not _open_on(db, thread_id):
        status = "error" if thread.error is not None else "interrupted" if thread.interrupts else "idle"
        THREADS.update(db, {"id": thread_id}, {"status": status, "updated_at": now})


def no_run(run_id: str) -> NotFoundError:
    return NotFoundError(f"There is no run '{run_id}'.", code="run_not_found")
