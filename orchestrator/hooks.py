"""What others may do when it is decided how, when a step starts or completes: log, count, alert. They never decide."""

from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any

from graphs.state import Result
from graphs.steps import Logger


class Hooks:
    """Calls every hook that has the method; a hook that fails is logged and does no harm.

    A hook is any object with some of `on_step_start(step, state)`, `on_step_complete(step, result, duration_ms)` and
    `on_orchestration_decision(workflow_id, strategy, complexity)`.
    """

    def __init__(self, hooks: Iterable[Any], log: Logger, *, log_steps: bool) -> None:
        """Args:
        log_steps: Whether the log's level lets a line about every step through.
        """
        hooks = list(hooks)
        self._starts = [hook.on_step_start for hook in hooks if hasattr(hook, "on_step_start")]
        self._completes = [hook.on_step_complete for hook in hooks if hasattr(hook, "on_step_complete")]
        self._decisions = [
            hook.on_orchestration_decision for hook in hooks if hasattr(hook, "on_orchestration_decision")
        ]
        self._log = log
        self._log_steps = log_steps

    def planned(self, workflow_id: str, found: Mapping[str, Any]) -> None:
        """Tell how an execution is carried out (A52)."""
        for call in self._decisions:
            strategy, analysis = found["execution_strategy"], found["task_analysis"]
            self._safely(call, workflow_id, strategy["pattern"], analysis["complexity_score"])

    def step_started(self, log: Logger, path: str, attempt: int, state: Any) -> None:
        """Tell that a step begins.

        Args:
            log: Knows whose step it is.
        """
        if self._log_steps:
            log.info("step.started", step=path, attempt=attempt, state_keys=list(state))
        for call in self._starts:
            self._safely(call, path, state)

    def step_completed(self, log: Logger, path: str, result: Result) -> None:
        """Tell that a step has a result, whichever."""
        if not self._log_steps and not self._completes:
            return
        duration_ms = duration(result) * 1000
        log.info(
            f"step.{result['status']}",
            step=path,
            attempts=result.get("attempts", 0),
            duration_ms=round(duration_ms, 3),
            success=result["status"] == "completed",
        )
        for call in self._completes:
            self._safely(call, path, result, duration_ms)

    def _safely(self, call: Any, *arguments: Any) -> None:
        try:
            call(*arguments)
        except Exception as error:  # noqa: BLE001 - somebody else's code, which must not hurt the execution
            self._log.error("hook.failed", hook=getattr(call, "__qualname__", repr(call)), error=repr(error))


def duration(result: Result) -> float:
    """Seconds a step was at work."""
    started, ended = result.get("started_at"), result.get("ended_at")
    if not started or not ended:
        return 0.0
    return (datetime.fromisoformat(ended) - datetime.fromisoformat(started)).total_seconds()
