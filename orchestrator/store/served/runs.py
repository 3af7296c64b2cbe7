"""Runs that clients asked for: kept before they are answered for, begun one at a time on a thread, ended once."""

import sqlite3
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from functools import partial
from typing import Any

from graphs.errors import BatonError, ConflictError, NotFoundError
from orchestrator.quota import too_many_runs
from orchestrator.store.chapter import Chapter
from orchestrator.store.rows import to_time
from orchestrator.store.served.putting import RUNS, NewRun, Put, drop, open_on, put_all, refusal, take_over
from orchestrator.store.served.threads import THREADS, take_thread_away
from orchestrator.store.served.values import Ended, Run, Search, Stop
from orchestrator.store.served.webhooks import owe
from orchestrator.store.units import Beside

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


class Runs(Chapter):
    """The chapter on runs."""

    async def put_runs(self, news: Sequence[NewRun]) -> list[Put]:
        """Keep new runs, and do what their multitask strategies say about those before them, all in one transaction.

        Raises:
            NotFoundError: there is no such thread.
            ConflictError: the thread is busy, and the strategy is `reject`.
            InputError: its idempotency key was sent before, with another wish.
        """

        def work(db: sqlite3.Connection) -> list[tuple[Put, Sequence[Any]]] | BatonError:
            done = put_all(db, news)
            return refusal(done, len(news)) if isinstance(done, dict) else done

        def tell(done: list[tuple[Put, Sequence[Any]]]) -> None:
            for new, (_, values) in zip(news, done, strict=True):
                for each, value in zip(new.beside, values, strict=False):
                    each.kept(value)

        done: list[tuple[Put, Sequence[Any]]] = await self._writer.submit(work, on_commit=tell)
        return [put for put, _ in done]

    def room(self, tenant: str, most: int) -> Beside:
        """What belongs to a new run of a tenant that has so many open ones at most, this one among them."""

        def work(db: sqlite3.Connection) -> BatonError | None:
            [found] = db.execute(_OPEN_OF_TENANT, (tenant, most + 1)).fetchone()
            return too_many_runs(tenant, most, "runs") if found > most else None

        return Beside(work, lambda _: None)

    async def begin_run(self, run_id: str, begun_at: Mapping[str, Any] | None) -> Run | None:
        """A process takes the run up; None when it is no longer there, or has ended.

        Args:
            begun_at: Where its thread stands, kept the first time only, with the time.
        """
        now = self._clock.now()

        def work(db: sqlite3.Connection) -> Run | None:
            run = RUNS.find(db, id=run_id)
            if run is None or not run.open:
                return None
            mark: Any = {"at": now, **(begun_at or {})} if run.begun_at is None else run.begun_at
            changes: dict[str, Any] = {
                "status": "running",
                "attempts": run.attempts + 1,
                "begun_at": mark,
                "updated_at": now,
            }
            RUNS.update(db, {"id": run_id}, changes)
            take_over(db, run)
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
                drop(db, run, how, now)
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
    left["status"] = "busy" if open_on(db, run.thread_id) else ended.thread
    THREADS.update(db, {"id": run.thread_id}, left)
    _clear(db, run, now)
    return replace(run, **changes)


def _clear(db: sqlite3.Connection, run: Run, now: datetime) -> None:
    """A thread that was there for this run only goes with it. Who may ask again with the same key finds it for a
    while."""
    if run.request.get("on_completion") != "delete" or open_on(db, run.thread_id):
        return
    if run.idempotency_key is None:
        take_thread_away(db, run.thread_id, run.tenant)
    else:
        THREADS.update(db, {"id": run.thread_id}, {"expires_at": now + _KEY_REMEMBERED})


def _settle(db: sqlite3.Connection, thread_id: str, now: datetime) -> None:
    """A run that never began is gone: the thread is what it was before, unless others wait on it."""
    thread = THREADS.find(db, id=thread_id)
    if thread is not None and not open_on(db, thread_id):
        status = "error" if thread.error is not None else "interrupted" if thread.interrupts else "idle"
        THREADS.update(db, {"id": thread_id}, {"status": status, "updated_at": now})


def no_run(run_id: str) -> NotFoundError:
    return NotFoundError(f"There is no run '{run_id}'.", code="run_not_found")
