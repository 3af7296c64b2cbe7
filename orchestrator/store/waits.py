"""Waits: opened by steps, closed by exactly one of an answer, the end of their time, a cancel."""

import sqlite3
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any, Literal, cast

from graphs.errors import BatonError, ConflictError, NotFoundError
from graphs.steps import Wait
from orchestrator.store.announcing import Kept
from orchestrator.store.chapter import Chapter, insert, no_execution, raise_signal
from orchestrator.store.early import Look, first_event, read_all
from orchestrator.store.port import OpenWait, Record, Signal
from orchestrator.store.rows import record_row, to_json, to_time
from orchestrator.store.wait_rows import (
    AS_KEPT,
    INSERT_WAIT,
    SELECT_WAIT,
    answer_by_event,
    event_answer,
    to_wait,
    wait_row,
)

_ASKED = (
    f"{SELECT_WAIT} WHERE execution_id = ? AND path = ? AND NOT superseded "
    "ORDER BY status = 'open' DESC, seq DESC LIMIT 1"
)


class Waits(Chapter):
    """The chapter on waits and signals."""

    async def open_wait(
        self,
        execution_id: str,
        path: str,
        generation: int,
        wait: Wait,
        since: datetime,
        *,
        records: Sequence[Record] = (),
    ) -> OpenWait:
        """See the port.

        Raises:
            NotFoundError: there is no such execution.
        """
        now = self._now()
        earliest = to_time(since - timedelta(seconds=wait.lookback)) if wait.lookback else None
        found, seen = await self._came_early(execution_id, wait, earliest)
        rows = [record_row(record) for record in records]
        row = wait_row(execution_id, path, generation, wait)
        new = to_wait((execution_id, path, generation, "open", "null", now, None, *AS_KEPT(row)))

        def work(db: sqlite3.Connection) -> tuple[OpenWait, Kept] | BatonError:
            tenant = _tenant(db, execution_id)
            if tenant is None:
                return no_execution(execution_id)
            kept = _at(db, execution_id, path, generation)
            if kept is not None:  # asked before, perhaps in an earlier generation, and nobody went back over it
                return kept, ()
            inserted = db.execute(INSERT_WAIT, (*row, tenant, now))
            event = found
            if wait.kind == "event" and not (event and _free(db, event, execution_id)):
                event, _ = _early(db, read_all, execution_id, wait, earliest, seen)
            if not event:
                return new, insert(db, rows)
            _take(db, inserted.lastrowid, event, execution_id, path, now)
            taken = _at(db, execution_id, path, generation)
            assert taken is not None  # it has just been made
            return taken, ()

        opened, _ = await self._writer.submit(work, thread=execution_id, on_commit=lambda kept: self._announce(kept[1]))
        return cast(OpenWait, opened)

    async def _came_early(self, execution_id: str, wait: Wait, earliest: str | None) -> tuple[int, int]:
        """The event that answers a wait before it is opened, and the newest one that was looked at; 0 for none.

        Events may be many: they are looked through beside the writer, and in its transaction only once more for those
        that came in between.
        """
        if wait.kind != "event":
            return 0, 0
        return await self._reader.read(lambda db: _early(db, self._early_events.look, execution_id, wait, earliest, 0))

    async def close_wait(
        self, execution_id: str, path: str, generation: int, status: Literal["elapsed", "cancelled"]
    ) -> OpenWait:
        """See the port.

        Raises:
            NotFoundError: there is no such wait.
        """
        now, own = self._now(), self._drives
        answer = to_json({"outcome": "elapsed", "at": now}) if status == "elapsed" else "null"

        def work(db: sqlite3.Connection) -> OpenWait | BatonError:
            changed = db.execute(
                "UPDATE waits SET status = ?, answer = ?, closed_at = ? WHERE execution_id = ? AND path = ? "
                "AND generation <= ? AND status = 'open'",
                (status, answer, now, execution_id, path, generation),
            ).rowcount
            if changed and not own:  # the driving engine closes its own flows' waits: no news to it
                raise_signal(db, execution_id, "answer", path, now, own=False)
            return _at(db, execution_id, path, generation) or no_wait(execution_id, path)

        closed: OpenWait = await self._writer.submit(work)
        return closed

    async def waits(self, execution_id: str | None = None, *, status: str | None = "open") -> Sequence[OpenWait]:
        """See the port. Oldest first."""
        where, parameters = ["NOT superseded"], list[Any]()
        if status is not None:
            # As a literal where it is the usual one, so that the index of open waits is used.
            where.append("status = 'open'" if status == "open" else "status = ?")
            parameters.extend([] if status == "open" else [status])
        if execution_id is not None:
            where.append("execution_id = ?")
            parameters.append(execution_id)
        sql = f"{SELECT_WAIT} WHERE {' AND '.join(where)} ORDER BY opened_at, seq"
        rows = await self._reader.read(lambda db: db.execute(sql, parameters).fetchall())
        return [to_wait(row) for row in rows]

    async def signals(self, after: int) -> Sequence[Signal]:
        """See the port."""
        sql = "SELECT seq, execution_id, kind, path FROM signals WHERE seq > ? ORDER BY seq"
        return [Signal(*row) for row in self._reader.point(sql, (after,))]


def _early(
    db: sqlite3.Connection, look: Look, execution_id: str, wait: Wait, since: str | None, after: int
) -> tuple[int, int]:
    tenant = _tenant(db, execution_id)
    if tenant is None:
        return 0, 0
    return first_event(
        db,
        look,
        execution_id=execution_id,
        tenant=tenant,
        event_type=wait.event_type or "",
        match=wait.match,
        since=since,
        after=after,
    )


def _free(db: sqlite3.Connection, event: int, execution_id: str) -> bool:
    sql = "SELECT 1 FROM deliveries WHERE event = ? AND execution_id = ?"
    return db.execute(sql, (event, execution_id)).fetchone() is None


def _take(db: sqlite3.Connection, wait: int | None, event: int, execution_id: str, path: str, now: str) -> None:
    """An event that came before its wait answers it. No signal: whoever opens the wait is told by what it gets."""
    data, source, at = db.execute("SELECT data, source, received_at FROM events WHERE seq = ?", (event,)).fetchone()
    answer_by_event(db, wait, event, execution_id, path, event_answer(data, source, at), now)


def _tenant(db: sqlite3.Connection, execution_id: str) -> str | None:
    row = db.execute("SELECT tenant FROM executions WHERE id = ?", (execution_id,)).fetchone()
    return row[0] if row else None


def _at(db: sqlite3.Connection, execution_id: str, path: str, generation: int) -> OpenWait | None:
    """The wait of that generation, or of an earlier one that stayed."""
    sql = (
        f"{SELECT_WAIT} WHERE execution_id = ? AND path = ? AND generation <= ? AND NOT superseded "
        "ORDER BY generation DESC LIMIT 1"
    )
    row = db.execute(sql, (execution_id, path, generation)).fetchone()
    return to_wait(row) if row else None


def no_wait(execution_id: str, path: str) -> NotFoundError:
    """The error for a place where nothing is waited for."""
    return NotFoundError(
        f"Execution '{execution_id}' has no wait at '{path}'.",
        hint="List what is open: baton inbox.",
        code="wait_not_found",
        execution_id=execution_id,
        path=path,
    )


def over(wait: OpenWait, closed_at: str) -> ConflictError:
    """The error for an answer that came too late: it names who won, and when."""
    who = wait.answer.by if wait.answer else None
    outcome = wait.answer.outcome if wait.answer and wait.status == "answered" else wait.status
    by = f" by {who}" if who else ""
    return ConflictError(
        f"The wait at '{wait.path}' of execution '{wait.execution_id}' is over: {outcome}{by} at {closed_at}.",
        hint="This answer was not kept.",
        code=f"wait_{wait.status}",
        execution_id=wait.execution_id,
        path=wait.path,
        status=wait.status,
        outcome=outcome,
        by=who,
        at=closed_at,
    )
