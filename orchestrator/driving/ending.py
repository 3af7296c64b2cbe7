"""The end: how it is concluded, what is undone, what is left over."""

from collections.abc import Iterator, Mapping
from typing import Literal

from graphs.errors import ConflictError
from graphs.expressions import EvaluationContext
from graphs.outcome import workflow_output
from graphs.planner import Conclusion
from graphs.policies import as_step_error, asked_by, error_value
from graphs.spec import Config
from graphs.spec import Undoing as Wanted
from graphs.state import FINALLY, ExecutionStatus, Result
from graphs.undo import COMPENSATION, Undoing, compensations
from orchestrator.driving.resting import Left, Resting
from orchestrator.store.port import TIMEOUT_BY, DeadLetter, Record

_LAST_PLANS: Mapping[str, Literal["compensation", "finally"]] = {COMPENSATION: "compensation", FINALLY: "finally"}


class Ending(Resting):
    """The chapter on the end."""

    async def _finish(self) -> Left:
        conclusion = self.board.conclusion()
        compensation = self.board.extras.get(COMPENSATION)
        output, error = None, conclusion.error
        if conclusion.status == "completed":
            try:
                evaluation = EvaluationContext(now=self.clock.now(), seed=self.execution.id)
                output = workflow_output(self.workflow, self.frame, evaluation)
            except Exception as failure:  # noqa: BLE001 - a callable of the definition may raise anything
                error = error_value(as_step_error(failure), attempt=1)
                conclusion = Conclusion("failed", None, error)
        if conclusion.status == "completed" and self.board.concluded is None and self._cancelled_by_somebody:
            # All is done, but they were told that it is cancelled before anybody was told that it is completed.
            conclusion = Conclusion("cancelled", None, {"code": "cancelled", "message": self._why_stopped})
            output, error = None, conclusion.error
        if (
            conclusion.status != "completed"
            and self.board.concluded is None
            and await self._is_undone_after_all(conclusion)
        ):
            return "stirred"
        status = _final_status(conclusion, compensation)
        if error is None and conclusion.status in ("timed_out", "cancelled"):
            error = {"code": conclusion.status, "message": self.board.halt.detail if self.board.halt else ""}
        if error is not None and conclusion.step is not None:
            error = {**error, "step": conclusion.step}
        data = {"output": output, "error": error, "seconds": round(self.active_seconds, 6)}
        record = Record(self.execution.id, f"execution.{status}", self.clock.now(), None, self.facts.generation, data)
        try:
            await self._works.store.finish(
                self.execution.id,
                status,
                output=output,
                error=error,
                active_seconds=self.active_seconds,
                records=[record],
                letters=list(self._letters()),
                unless_cancelled=status is ExecutionStatus.COMPLETED and self.board.concluded is None,
            )
        except ConflictError as refusal:
            if refusal.code != "cancelled_first":
                raise
            self.halt(refusal.details["request"])
            return await self._finish()
        return "ended"

    @property
    def _cancelled_by_somebody(self) -> bool:
        return self._request is not None and self._request.get("by") != TIMEOUT_BY

    @property
    def _why_stopped(self) -> str:
        return self.board.halt.detail if self.board.halt is not None else ""

    async def _is_undone_after_all(self, conclusion: Conclusion) -> bool:
        """It ended badly though every step went well (its output fits nowhere, a cancel came at the last moment): what
        it did is undone by another drive, which begins with that."""
        if self.terminated is not None or COMPENSATION in self.board.extras:
            return False
        if not await self._undoings(conclusion):
            return False
        await self._works.store.conclude(
            self.execution.id,
            {**conclusion._asdict(), "compensate": True},
            compensating=True,
            records=[self._record("execution.compensating", None, {})],
            anew=True,
        )
        return True

    async def _undoings(self, conclusion: Conclusion) -> list[Undoing]:
        wanted = self.compensates(conclusion, self.workflow.spec.config)
        if wanted == "never":
            return []
        history, clean_up = await self.history(), wanted == "always"
        return compensations(self.frame, history, conclusion, self.library, self.unseal, clean_up=clean_up)

    def _letters(self) -> Iterator[DeadLetter]:
        """What was not undone, and what failed of that which runs in any case."""
        for plan, kind in _LAST_PLANS.items():
            result = self.board.extras.get(plan)
            unfinished = result.get("unfinished", {}) if result is not None else {}
            for name, error in unfinished.items():
                yield DeadLetter(
                    execution_id=self.execution.id,
                    path=f"{plan}.{name}",
                    kind=kind,
                    workflow=f"{self.workflow.name}@{self.workflow.version}",
                    tenant=self.execution.tenant,
                    error=error["error"],
                    about={key: value for key, value in error.items() if key != "error"},
                    created_at=self.clock.now(),
                )

    def compensates(self, conclusion: Conclusion, config: Config) -> Wanted:
        if self.execution.replay is not None:  # nothing was done that could be undone
            return "never"
        asked = asked_by(conclusion.error, config, timed_out=conclusion.status == "timed_out").compensate
        if self.execution.concluded is not None:  # that was settled before
            return asked if self.execution.concluded["compensate"] else "never"
        request = self._request
        if request is not None and request.get("by") != TIMEOUT_BY:
            # Whoever cancels leaves things as they are: undoing is asked for in words, not assumed.
            wanted = request.get("compensate")
            return "always" if (config.compensate_on_cancel if wanted is None else wanted) else "never"
        if conclusion.status == "timed_out" and not config.compensate_on_timeout:
            return "never"
        return asked

    async def concluded(self, conclusion: Conclusion, *, compensating: bool) -> None:
        for alarm in self._limits:
            alarm.cancel()  # the work is over; half an undoing would be worse than a late one
        self._compensating = compensating
        if self.execution.concluded is not None and not compensating:
            return
        records = [self._record("execution.compensating", None, {})] if compensating else []
        await self._works.store.conclude(
            self.execution.id,
            {**conclusion._asdict(), "compensate": compensating},
            compensating=compensating,
            records=records,
        )


def _final_status(conclusion: Conclusion, compensation: Result | None) -> ExecutionStatus:
    if conclusion.status == "completed":
        return ExecutionStatus.COMPLETED
    if compensation is not None and compensation["status"] == "failed":
        return ExecutionStatus.COMPENSATION_FAILED
    if compensation is not None and compensation["output"]["compensated"]:
        return ExecutionStatus.COMPENSATED
    return ExecutionStatus(conclusion.status)
