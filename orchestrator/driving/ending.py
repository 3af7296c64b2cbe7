"""The end: how it is concluded, what it gives, how it is kept."""

from typing import Any

from agents.tools.undoing import IRREVERSIBLE
from graphs.errors import ConflictError
from graphs.expressions import EvaluationContext
from graphs.outcome import workflow_output
from graphs.planner import Conclusion
from graphs.policies import as_step_error, error_value
from graphs.state import ExecutionStatus, Result
from graphs.undo import COMPENSATION, may_go_on
from orchestrator.driving.leaving import Leaving
from orchestrator.driving.resting import Left
from orchestrator.driving.standing import left_standing, parts_within
from orchestrator.store.port import TIMEOUT_BY


class Ending(Leaving):
    """The chapter on the end."""

    async def _finish(self) -> Left:
        conclusion, output = self._came_to()
        if await self._is_undone_after_all(conclusion):
            return "stirred"
        compensation = _came_of_undoing(self.board.extras.get(COMPENSATION))
        status, error = _final_status(conclusion, compensation), self._why(conclusion)
        data = {"output": output, "error": error, "seconds": round(self.active_seconds, 6)}
        if compensation is not None:
            data["compensation"] = compensation.value
        undone = await self._undone(conclusion)
        if undone:
            data["undone"] = undone
        if left_alone := await self._left_alone(conclusion):
            data["left_alone"] = left_alone
        if left_standing := await self._left_standing(conclusion):
            data["left_standing"] = left_standing
        letters, alerts = await self._left_behind(conclusion, status, error, undone)
        try:
            await self._works.store.finish(
                self.execution.id,
                status,
                output=output,
                error=error,
                active_seconds=self.active_seconds,
                records=[*alerts, self._record(f"execution.{status}", None, data), *await self._heirs(undone)],
                letters=letters,
                compensation=compensation,
                unless_cancelled=status is ExecutionStatus.COMPLETED and self.board.concluded is None,
            )
        except ConflictError as refusal:
            if refusal.code != "cancelled_first":
                raise
            self.halt(refusal.details["request"])
            return await self._finish()
        return "ended"

    def _came_to(self) -> tuple[Conclusion, Any]:
        """How it ended, and what it gives."""
        conclusion = self.board.conclusion()
        if conclusion.status != "completed":
            return conclusion, None
        if self.board.concluded is None and self._cancelled_by_somebody:
            # All is done, but they were told that it is cancelled before anybody was told that it is completed.
            return Conclusion("cancelled", None, {"code": "cancelled", "message": self._why_stopped}), None
        try:
            evaluation = EvaluationContext(now=self.clock.now(), seed=self.execution.id)
            return conclusion, workflow_output(self.workflow, self.frame, evaluation)
        except Exception as failure:  # noqa: BLE001 - a callable of the definition may raise anything
            return Conclusion("failed", None, error_value(as_step_error(failure), attempt=1)), None

    def _why(self, conclusion: Conclusion) -> dict[str, Any] | None:
        error = conclusion.error
        if error is None and conclusion.status in ("timed_out", "cancelled"):
            error = {"code": conclusion.status, "message": self._why_stopped}
        return error if error is None or conclusion.step is None else {**error, "step": conclusion.step}

    @property
    def _cancelled_by_somebody(self) -> bool:
        return self._request is not None and self._request.get("by") != TIMEOUT_BY

    @property
    def _why_stopped(self) -> str:
        return self.board.halt.detail if self.board.halt is not None else ""

    async def _is_undone_after_all(self, conclusion: Conclusion) -> bool:
        """It ended badly though every step went well (its output fits nowhere, a cancel came at the last moment), or it
        ended well and parts of it did not: what was done there is undone by another drive, which begins with that."""
        if self.board.concluded is not None:
            return False
        if conclusion.status == "completed" and not self._may_go_on():
            return False
        if self.terminated is not None or COMPENSATION in self.board.extras:
            return False
        await self.lasting.quiet(self.execution.id, self.clock, self.facts.thread_grace)
        if not (await self._compensation(conclusion)).undoings:
            return False
        await self._works.store.conclude(
            self.execution.id,
            {**conclusion._asdict(), "compensate": True},
            compensating=True,
            records=[self._record("execution.compensating", None, {})],
            anew=True,
        )
        return True

    async def _left_standing(self, conclusion: Conclusion) -> list[dict[str, Any]]:
        """What it did that cannot be undone, or was not; of one that has come to a good end, in the parts that did not,
        and before they were made anew."""
        well = conclusion.status == "completed" and not self._may_go_on() and not self.execution.generation
        if self.execution.replay is not None or well:
            return []
        compensation = self.board.extras.get(COMPENSATION)
        unfinished = compensation.get("unfinished", {}) if compensation is not None else {}
        kept = await self._works.store.records_of_kinds([self.execution.id], [IRREVERSIBLE])
        calls = kept.get(self.execution.id, ())
        if not calls and not unfinished:
            return []
        history = await self.history()
        within = parts_within(conclusion, history, self.workflow.spec.config)
        return left_standing(calls, history, unfinished, within)

    def _may_go_on(self) -> bool:
        return self.library.remember("may_go_on", self.workflow.digest, lambda: may_go_on(self.workflow))

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


def _came_of_undoing(compensation: Result | None) -> ExecutionStatus | None:
    if compensation is not None and compensation["status"] == "failed":
        return ExecutionStatus.COMPENSATION_FAILED
    if compensation is not None and compensation["output"]["compensated"]:
        return ExecutionStatus.COMPENSATED
    return None


def _final_status(conclusion: Conclusion, compensation: ExecutionStatus | None) -> ExecutionStatus:
    """A time that was over stays the end, whatever became of undoing what was done in it."""
    if conclusion.status in ("completed", "timed_out") or compensation is None:
        return ExecutionStatus(conclusion.status)
    return compensation
