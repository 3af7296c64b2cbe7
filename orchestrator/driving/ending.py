"""The end: how it is concluded, what is undone, what is left over."""

from collections.abc import Mapping
from functools import partial
from typing import Any

from graphs.errors import ConflictError
from graphs.expressions import EvaluationContext
from graphs.outcome import workflow_output
from graphs.planner import Conclusion
from graphs.policies import as_step_error, asked_by, error_value
from graphs.spec import Config
from graphs.spec import Undoing as Wanted
from graphs.state import ExecutionStatus, Result
from graphs.undo import COMPENSATION, Undoing, compensations
from orchestrator.anew import failed_paths, is_inside
from orchestrator.driving.aftermath import alert, alert_level, gone_on_from, keeps_failures, left_undone, letter
from orchestrator.driving.resting import Left, Resting
from orchestrator.store.port import TIMEOUT_BY, DeadLetter, Record


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
        letters, alerts = await self._left_behind(conclusion, status, error)
        try:
            await self._works.store.finish(
                self.execution.id,
                status,
                output=output,
                error=error,
                active_seconds=self.active_seconds,
                records=[*alerts, record],
                letters=letters,
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

    async def _left_behind(
        self, conclusion: Conclusion, status: ExecutionStatus, error: Mapping[str, Any] | None
    ) -> tuple[list[DeadLetter], list[Record]]:
        """What people find afterwards: dead letters, and what they are told."""
        execution, now, config = self.execution, self.clock.now(), self.workflow.spec.config
        if execution.replay is not None:  # nothing has failed in the world outside
            return [], []
        letters = list(left_undone(execution, self.board.extras, now))
        if self._keeps_failures():
            letters += gone_on_from(execution, await self.results(""), now)
        asked = None
        if conclusion.status in ("failed", "timed_out"):
            asked = asked_by(error, config, timed_out=conclusion.status == "timed_out")
            if asked.dead_letter:
                letters.append(await self._failure(conclusion, error or {}, asked.escalate))
        level = alert_level(asked, status, letters)
        if level == "none":
            return letters, []
        escalated = any(one.escalated for one in letters) or (asked is not None and asked.escalate)
        return letters, [alert(execution, level, status, error, now, escalated=escalated)]

    async def _failure(self, conclusion: Conclusion, error: Mapping[str, Any], escalated: bool) -> DeadLetter:
        paths = failed_paths(self.workflow, await self.results(""), self.library)
        top = conclusion.step or ""
        inner = [path for path in paths if path == top or is_inside(path, top)] if top else []
        compensation = self.board.extras.get(COMPENSATION)
        done = compensation["output"]["compensated"] if compensation is not None else ()
        undone = [one.planned.undoes for one in await self._undoings(conclusion) if one.planned.name in done]
        return letter(
            self.execution,
            "failure",
            (inner or [top])[0],
            error,
            self.clock.now(),
            escalated=escalated,
            paths=paths,
            undone=list(dict.fromkeys(path for path in undone if path is not None)),
        )

    def _keeps_failures(self) -> bool:
        pinned = [self.library.workflow(digest) for digest in self.execution.pins.values()]
        return any(
            self.library.remember("keeps_failures", one.digest, partial(keeps_failures, one))
            for one in (self.workflow, *pinned)
            if one is not None
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
