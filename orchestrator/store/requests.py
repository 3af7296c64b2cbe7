"""What people ask of an execution while it is under way: to end, to be held, to go on."""

import sqlite3
from collections.abc import Mapping
from typing import Any

from graphs.errors import BatonError, ConflictError
from graphs.state import FINALLY
from orchestrator.store.announcing import Kept
from orchestrator.store.chapter import Chapter, insert, no_execution, raise_signal
from orchestrator.store.executions import find, unfinished
from orchestrator.store.port import Execution, Record
from orchestrator.store.rows import record_row, to_json, to_time


class Requests(Chapter):
    """The chapter on requests."""

    async def request_cancel(
        self,
        execution_id: str,
        *,
        by: str | None,
        reason: str | None,
        compensate: bool | None = None,
        terminate: bool = False,
    ) -> Execution:
        """See the port."""
        now = self._now()
        asked_for = {"by": by, "reason": reason, "at": now, "compensate": compensate, "terminate": terminate}

        def work(db: sqlite3.Connection) -> Execution | BatonError:
            if isinstance(execution := unfinished(db, execution_id), BatonError):
                return execution
            request = {**asked_for, "concluded": execution.concluded is not None}
            if not _goes_further(request, execution):
                return execution
            db.execute(
                "UPDATE executions SET cancel_requested = ?, pause_requested = 'null', "
                "status = iif(status = 'paused', 'queued', status) WHERE id = ?",
                (to_json(request), execution_id),
            )
            # With it the questions are closed: of a decision and a cancel, only one can win.
            answer = to_json({"outcome": "cancelled", "by": by, "reason": reason, "at": now})
            late = to_json({"outcome": "elapsed", "at": now})
            db.execute(_CLOSE_LATE, (late, now, execution_id, now, terminate))
            db.execute(_CLOSE_WAITS, (answer, now, execution_id, terminate))
            raise_signal(db, execution_id, "cancel", None, now, own=self._drives)
            return find(db, execution_id) or no_execution(execution_id)

        asked: Execution = await self._writer.submit(work)
        return asked

    async def request_pause(self, execution_id: str, *, by: str | None, reason: str | None) -> Execution:
        """See the port."""
        now = self._now()
        request = to_json({"by": by, "reason": reason, "at": now})

        def work(db: sqlite3.Connection) -> Execution | BatonError:
            if isinstance(execution := unfinished(db, execution_id), BatonError):
                return execution
            if execution.cancel_requested is not None and execution.concluded is None:
                return _is_ending(execution)
            if execution.pause_requested is None:
                # What is being driven is paused by its engine, when what runs has finished.
                db.execute(
                    "UPDATE executions SET pause_requested = ?, "
                    "status = iif(status IN ('running', 'compensating'), status, 'paused') WHERE id = ?",
                    (request, execution_id),
                )
                raise_signal(db, execution_id, "pause", None, now, own=self._drives)
            return find(db, execution_id) or no_execution(execution_id)

        asked: Execution = await self._writer.submit(work)
        return asked

    async def request_resume(self, execution_id: str) -> None:
        """See the port."""
        now = self._now()
        await self._writer.submit(lambda db: raise_signal(db, execution_id, "resume", None, now, own=self._drives))

    async def request_go_on(self, execution_id: str, *, by: str | None, reason: str | None) -> Execution:
        """See the port."""
        at = self._clock.now()

        def work(db: sqlite3.Connection) -> tuple[Execution, Kept] | BatonError:
            if isinstance(execution := unfinished(db, execution_id), BatonError):
                return execution
            if execution.pause_requested is None:
                return _not_paused(execution)
            db.execute(
                "UPDATE executions SET pause_requested = 'null', status = iif(status = 'paused', 'queued', status) "
                "WHERE id = ?",
                (execution_id,),
            )
            raise_signal(db, execution_id, "resume", None, to_time(at), own=self._drives)
            data = {"by": by, "reason": reason, "paused": execution.pause_requested}
            record = Record(execution_id, "execution.continued", at, None, execution.generation, data)
            return find(db, execution_id) or execution, insert(db, [record_row(record)])

        def announce(done: tuple[Execution, Kept]) -> None:
            self._announce(done[1])

        asked: tuple[Execution, Kept] = await self._writer.submit(work, on_commit=announce)
        return asked[0]


_CLOSE_LATE = (
    "UPDATE waits SET status = 'elapsed', answer = ?, closed_at = ? WHERE execution_id = ? AND status = 'open' "
    f"AND due < ? AND (? OR instr(path, '{FINALLY}') = 0)"
)
"""What was over before the cancel came was not ended by it, and others were told so."""

_CLOSE_WAITS = (
    "UPDATE waits SET status = 'cancelled', answer = ?, closed_at = ? WHERE execution_id = ? AND status = 'open' "
    f"AND (? OR instr(path, '{FINALLY}') = 0)"
)
"""What `finally` steps ask is asked also after a cancel; only who terminates closes that too."""


def _goes_further(request: Mapping[str, Any], execution: Execution) -> bool:
    """Whether a request to end asks for more than the one there is: the first asking stays, a harder one is heard."""
    before = execution.cancel_requested
    if request["terminate"]:
        return before is None or not before.get("terminate")
    if request["concluded"]:  # it is ending already: what can still be asked for is that nothing more is undone
        undone = (execution.concluded or {}).get("compensate")
        return bool(undone) and not request["compensate"] and not (before or {}).get("concluded")
    return before is None


def _is_ending(execution: Execution) -> ConflictError:
    who = (execution.cancel_requested or {}).get("by") or "somebody"
    return ConflictError(
        f"Execution '{execution.id}' is ending: {who} asked for that. It cannot be held now.",
        code="execution_ending",
        execution_id=execution.id,
        by=who,
    )


def _not_paused(execution: Execution) -> ConflictError:
    return ConflictError(
        f"Execution '{execution.id}' {execution.status.said}; nobody has paused it.",
        hint=f"See what it does: baton show {execution.id}.",
        code="not_paused",
        execution_id=execution.id,
    )
