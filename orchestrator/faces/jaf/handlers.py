"""The document's error handlers and logger, dressed as the engine wants them."""

from collections.abc import Callable, Mapping
from functools import cached_property
from typing import Any

from graphs.errors import StepError
from graphs.planner import COMPANION
from graphs.state import Result
from graphs.steps import Logger, StepContext
from orchestrator.faces.answering import Answer, Told
from orchestrator.faces.callables import Dressed
from orchestrator.faces.jaf.context import StepResult, WorkflowContext
from orchestrator.faces.jaf.results import name_of, said, step_result
from orchestrator.faces.jaf.steps import Making, WorkflowStep
from orchestrator.logs import logger
from orchestrator.settings import Settings

ForStep = Callable[[StepResult, WorkflowContext], Any]
ForWorkflow = Callable[[Any, WorkflowStep, Any], Any]


class HandlesStep(Dressed):
    """Asks `handler(step_result, context)`: it gives a step to run, or `{"action": "fail" | "continue"}` (A04)."""

    def __init__(self, step_id: str, handler: ForStep) -> None:
        super().__init__(handler)
        self._step_id = step_id

    def __call__(self, error: Told, state: Told) -> Answer:
        late = error.get("category") == "timeout"
        result = StepResult(
            self._step_id,
            "timed_out" if late else "failed",
            error=said(error),
            attempts=error.get("attempt", 0),
            path=self._step_id,
        )
        return self._read(self.ask(result, _context(state)))

    def _read(self, answer: Any) -> Answer:
        if answer is None:
            return Answer("fail")
        if isinstance(answer, WorkflowStep):
            return Answer("run", answer.to_step(Making()))
        action = answer.get("action") if isinstance(answer, Mapping) else None
        if action not in ("fail", "continue"):
            raise StepError(
                f"the error handler of step '{self._step_id}' gave {answer!r}.",
                code="handler_answer_invalid",
                hint="It gives a step to run in its place, or {'action': 'fail'} or {'action': 'continue'}. "
                "To try the same step again, use with_retry, or the workflow's error handler.",
            )
        return Answer(action, None, _flags(answer))


class HandlesWorkflow(Dressed):
    """Asks `handler(error, step, state)`: it gives `{"action": "retry" | "fail", …}` (A10, M15)."""

    def __init__(self, step: WorkflowStep, handler: ForWorkflow) -> None:
        super().__init__(handler)
        self._step = step

    def __call__(self, error: StepError, context: StepContext) -> Answer:
        answer = self.ask(error, self._step, context.state)
        if answer is None:
            return Answer("fail")
        action = answer.get("action") if isinstance(answer, Mapping) else None
        if action not in ("retry", "fail"):
            raise StepError(
                f"the workflow's error handler gave {answer!r} about step '{self._step.step_id}'.",
                code="handler_answer_invalid",
                hint="It gives {'action': 'retry'} or {'action': 'fail'}, with 'escalate' and 'notify_team' if wanted. "
                "A step to run in place of one that failed is given by that step's own handler (add_error_handler).",
            )
        return Answer(action, None, _flags(answer))


def _flags(answer: Mapping[str, Any]) -> dict[str, Any]:
    return {str(key): value for key, value in answer.items() if key != "action"}


def _context(state: Told) -> WorkflowContext:
    given = state["input"]
    return WorkflowContext(
        workflow_id=state["metadata"].get("workflow_id") or state["workflow_id"] or "",
        user_context=state["user_context"],
        variables=state["variables"],
        metadata=state["metadata"],
        initial_data=given if isinstance(given, Mapping) else {},
    )


class WorkflowLogger:
    """Told when steps start and complete (O11); subclass it. What it is here writes structured log lines."""

    @cached_property
    def _log(self) -> Logger:
        log: Logger = logger(Settings(log_level="info"))
        return log

    def log_step_start(self, step_name: str, state: Any) -> None:
        """A step begins.

        Args:
            step_name: Its id.
            state: A mapping over data and variables, with `workflow_id`, `data`, `variables`, `metadata`.
        """
        self._log.info("step.start", workflow_id=state.workflow_id, step_name=step_name, state_keys=sorted(state.data))

    def log_step_complete(self, step_name: str, result: StepResult, duration_ms: float) -> None:
        """A step has ended, well or not; skipped steps are not told."""
        self._log.info("step.complete", step_name=step_name, duration_ms=duration_ms, success=result.success)


class LoggerHook:
    """A `WorkflowLogger` as an engine's hook."""

    def __init__(self, logger: WorkflowLogger) -> None:
        self._logger = logger

    def on_step_start(self, path: str, state: Any) -> None:
        if not path.endswith(COMPANION):
            self._logger.log_step_start(name_of(path), state)

    def on_step_complete(self, path: str, result: Result, duration_ms: float) -> None:
        if result["status"] != "skipped" and not path.endswith(COMPANION):
            self._logger.log_step_complete(name_of(path), step_result(name_of(path), path, result), duration_ms)
