"""The course's `WorkflowStep`, with every field of M03 and its default."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from enum import StrEnum
from typing import Any, Self

from graphs.state import Result
from graphs.state import StepStatus as SettledStatus


class StepType(StrEnum):
    """What kind of step it is (T12)."""

    SINGLE = "single"
    PARALLEL = "parallel"
    CONDITIONAL = "conditional"
    LOOP = "loop"


class StepStatus(StrEnum):
    """Where a step stands (ST3)."""

    PENDING = "pending"
    RUNNING = "running"
    COMPLETED = "completed"
    FAILED = "failed"
    SKIPPED = "skipped"
    WAITING = "waiting"
    RETRYING = "retrying"


@dataclass
class WorkflowStep:
    """A step (M03).

    Attributes:
        name: For people; kept as the description.
        action: What is done: `send_mail` (a registered function), `tool:mail`, `agent:clerk`, `workflow:clean-up`,
            `approval:Ship it?`, `event:order.paid`.
        agent_capability: An agent that has it does what `action` says in words, or answers to its arguments.
        timeout: Seconds an attempt may take. Of a step with steps inside: all of it, where it is not the default.
        input_mapping: Arguments by name, each from a place in the data: `order.id`, `steps.charge.output.id`, or an
            expression in braces.
        output_mapping: Variables by name, each from a place in what the step gave: `id`, `receipt.number`.
        input_validation: JSON Schema of the arguments, or of each one by name.
        dependencies: Steps that must have ended well.
        conditions: All must hold: `{"expression": "…"}`, or `{"field": "order.total", "operator": "greater_than",
            "value": 100}`. Of a conditional step, each may name the step that follows: `"next": "review"`.
        next_steps: Steps that follow. Of a conditional step: the one that follows when its conditions hold, and the
            one that follows when not.
        error_handlers: Steps of the workflow, or actions: the first answers a failure, the second that one's …
        retry_policy: `max_attempts` (or `max_retries`), `backoff` (or `backoff_strategy`), `initial_delay`,
            `max_delay`, `multiplier` (or `backoff_multiplier`), `jitter`, `retry_on`; `continue_on_failure`; and of
            a parallel step `parallel_failure_threshold`, the least rate of successes (X14).
        rollback_actions: Actions that undo it, in this order, when the workflow fails.
        parallel_steps: Steps inside of a parallel step or a loop.
        loop_condition: An expression; the loop goes on while it holds.
        custom_metrics: Kept as the label `custom_metrics`.
        status, start_time, end_time, execution_data, error_info, retry_count: How a run went, see `observed`; a
            definition has none of it.
    """

    # Core identification
    step_id: str
    name: str
    step_type: StepType = StepType.SINGLE

    # Execution configuration
    action: str | None = None
    agent_capability: str | None = None
    timeout: int = 300

    # Input/Output configuration
    input_mapping: dict[str, str] = field(default_factory=dict)
    output_mapping: dict[str, str] = field(default_factory=dict)
    input_validation: dict[str, Any] = field(default_factory=dict)

    # Control flow
    dependencies: list[str] = field(default_factory=list)
    conditions: list[dict[str, Any]] = field(default_factory=list)
    next_steps: list[str] = field(default_factory=list)
    error_handlers: list[str] = field(default_factory=list)

    # Retry and error handling
    retry_policy: dict[str, Any] = field(default_factory=dict)
    rollback_actions: list[str] = field(default_factory=list)

    # Parallel and loop configuration
    parallel_steps: list["WorkflowStep"] = field(default_factory=list)
    loop_condition: str | None = None
    loop_max_iterations: int = 100

    # Monitoring and observability
    metrics_enabled: bool = True
    custom_metrics: list[str] = field(default_factory=list)

    # Runtime state
    status: StepStatus = StepStatus.PENDING
    start_time: str | None = None
    end_time: str | None = None
    execution_data: dict[str, Any] = field(default_factory=dict)
    error_info: dict[str, Any] | None = None
    retry_count: int = 0

    def observed(self, result: Result | None) -> Self:
        """The same step with how a run of it went."""
        if result is None:
            return replace(self, status=StepStatus.PENDING)
        output: Any = result.get("output", {})
        error = result.get("error")
        return replace(
            self,
            status=_STATUSES.get(SettledStatus(result["status"]), StepStatus.FAILED),
            start_time=result.get("started_at"),
            end_time=result.get("ended_at"),
            execution_data=dict(output)
            if isinstance(output, Mapping)
            else {}
            if output is None
            else {"output": output},
            error_info={"error": error.get("message"), "timestamp": result.get("ended_at")} if error else None,
            retry_count=max(0, result.get("attempts", 0) - 1),
        )


_STATUSES: Mapping[SettledStatus, StepStatus] = {
    SettledStatus.COMPLETED: StepStatus.COMPLETED,
    SettledStatus.SKIPPED: StepStatus.SKIPPED,
}
"""Whatever else a settled step is (failed, timed out, cancelled) the course calls failed."""
