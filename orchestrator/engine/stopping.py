"""Stopping executions, holding them, and letting them go on."""

from typing import Any

from graphs.errors import ConflictError
from orchestrator.engine.base import Base
from orchestrator.store.port import TIMEOUT_BY, Execution


class Stopping(Base):
    """The first who asks for an end is heard; others are told who that was."""

    async def cancel(
        self,
        execution_id: str,
        *,
        by: str | None = None,
        reason: str | None = None,
        compensate: bool | None = None,
    ) -> Execution:
        """Ask an execution to end: what runs is stopped, `finally` steps run. While it is being undone, this stops
        the undoing.

        Args:
            compensate: Undo what was done, or do not; None: as `config.compensate_on_cancel` says.

        Raises:
            NotFoundError, ConflictError: there is none, it has ended, or somebody else's asking came first (its time
                limit's too); the error names who.
        """
        return await self._end(execution_id, by, reason, compensate=compensate)

    async def terminate(self, execution_id: str, *, by: str | None = None, reason: str | None = None) -> Execution:
        """End an execution at once: nothing is undone, and no `finally` step runs. It is heard after a cancel too.

        Raises:
            NotFoundError, ConflictError: as for `cancel`.
        """
        return await self._end(execution_id, by, reason, terminate=True)

    async def _end(self, execution_id: str, by: str | None, reason: str | None, **how: Any) -> Execution:
        execution = await self.store.request_cancel(execution_id, by=by, reason=reason, **how)
        if self._driver is not None:
            self._driver.cancelled(execution)
        request = execution.cancel_requested
        asked = {"by": by, "reason": reason, **how}
        if request is not None and all(request.get(key) == value for key, value in asked.items()):
            return execution
        raise ending_already(execution)

    async def pause(self, execution_id: str, *, by: str | None = None, reason: str | None = None) -> Execution:
        """Hold an execution: nothing new starts, what runs may finish; answers are kept until it goes on.

        Raises:
            NotFoundError, ConflictError: there is none, it has ended, or it is ending.
        """
        execution = await self.store.request_pause(execution_id, by=by, reason=reason)
        if self._driver is not None:
            self._driver.paused(execution_id)
        return execution

    async def continue_(self, execution_id: str, *, by: str | None = None, reason: str | None = None) -> Execution:
        """Let a paused execution go on. Its record says who did, and who had paused it.

        Raises:
            NotFoundError, ConflictError: there is none, or nobody has paused it.
        """
        execution = await self.store.request_go_on(execution_id, by=by, reason=reason)
        if self._driver is None:
            await self.store.request_resume(execution_id)
        self._driver_takes(execution_id, "resume")
        return execution

    async def resume(self, execution_id: str) -> Execution:
        """Take an execution up that was left queued, interrupted or resting."""
        execution = await self.get(execution_id)
        if execution.status.final:
            raise ConflictError(
                f"Execution '{execution_id}' has ended ({execution.status}); there is nothing to resume.",
                hint=f"To go on from one of its steps: baton retry {execution_id} --from STEP.",
                code="execution_ended",
            )
        if execution.pause_requested is not None:
            raise ConflictError(
                f"Execution '{execution_id}' is paused.",
                hint=f"To let it go on: baton continue {execution_id}.",
                code="execution_paused",
            )
        if self._driver is None:
            await self.store.request_resume(execution_id)
        self._driver_takes(execution_id, "resume")
        return execution


def ending_already(execution: Execution) -> ConflictError:
    """The error for who asks for an end that somebody else has asked for, or that has come by itself."""
    request = execution.cancel_requested
    if request is None:
        status = (execution.concluded or {}).get("status", execution.status)
        return ConflictError(
            f"Execution '{execution.id}' is ending already: it has {status.replace('_', ' ')}.",
            code="ending_already",
            execution_id=execution.id,
        )
    who = "its time limit" if request["by"] == TIMEOUT_BY else request["by"] or "somebody"
    return ConflictError(
        f"Execution '{execution.id}' is ending already: {who} asked for that at {request['at']}.",
        hint=f"To end it at once, without undoing anything: baton terminate {execution.id}.",
        code="ending_already",
        execution_id=execution.id,
        by=request["by"],
        at=request["at"],
    )
