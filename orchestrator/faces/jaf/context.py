"""What a JAF workflow is given and what it gives: both shapes of the document under one roof (X02)."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from orchestrator.faces.running import Start

_PRIORITIES = {"low": -10, "normal": 0, "high": 10, "urgent": 20, "critical": 20}


@dataclass(frozen=True, eq=False)
class WorkflowContext(Mapping[str, Any]):
    """What a workflow starts with, or what it has come to: a mapping over the data and the variables.

    The engine hands callables a view of the same form: `context.variables.get("priority")` and
    `state["order_id"]` mean the same in conditions, arguments, handlers and loggers.

    Attributes:
        workflow_id: A name for what is being done, such as `order_12345`.
        user_context: On whose behalf.
        variables: What steps read and set.
        metadata: Facts kept with the execution; `priority` may be a number or a word such as `high`.
        initial_data: The workflow's input. What a variable of the same name says wins over it.
    """

    workflow_id: str = ""
    user_context: Mapping[str, Any] = field(default_factory=dict)
    variables: Mapping[str, Any] = field(default_factory=dict)
    metadata: Mapping[str, Any] = field(default_factory=dict)
    initial_data: Mapping[str, Any] = field(default_factory=dict)

    @property
    def data(self) -> dict[str, Any]:
        """Everything, as a dict."""
        return {**self.initial_data, **self.variables}

    def __getitem__(self, key: str) -> Any:
        return self.variables[key] if key in self.variables else self.initial_data[key]

    def __iter__(self) -> Iterator[str]:
        return iter(self.data)

    def __len__(self) -> int:
        return len(self.data)

    def as_start(self, *, execution_id: str | None = None, idempotency_key: str | None = None) -> Start:
        """The same as the engine wants it."""
        named = {"workflow_id": self.workflow_id} if self.workflow_id else {}
        return Start(
            input=dict(self.initial_data),
            variables=self.variables,
            metadata={**named, **self.metadata},
            user_context=self.user_context or {},
            priority=_priority(self.metadata.get("priority")),
            execution_id=execution_id,
            idempotency_key=idempotency_key,
        )


def _priority(given: Any) -> int:
    if isinstance(given, int):
        return int(given)
    return _PRIORITIES.get(str(given).lower(), 0)


@dataclass(frozen=True, slots=True)
class StepResult:
    """How a step settled (M10).

    Attributes:
        status: `completed`, `failed`, `timed_out`, `skipped` or `cancelled`.
        output: What it gave; of a conditional, what the chosen step gave; of an agent, its answer.
        error: Why it failed: the kind of failure and a sentence, `timeout: step 'pay' took longer than its 30 s.`
        path: Where it stands, where it is inside of others: `payment_processing.process_payment`.
    """

    step_id: str
    status: str
    output: Any = None
    error: str | None = None
    execution_time_ms: float = 0.0
    attempts: int = 0
    path: str = ""

    @property
    def is_success(self) -> bool:
        """Whether it completed."""
        return self.status == "completed"

    @property
    def is_failure(self) -> bool:
        """Whether it failed or ran out of time."""
        return self.status in ("failed", "timed_out")

    @property
    def success(self) -> bool:
        """The same as `is_success`."""
        return self.is_success


@dataclass(frozen=True, slots=True)
class WorkflowResult:
    """How a workflow ended, under the names of both forms of the document (M09).

    Attributes:
        status: `completed`, `failed`, `timed_out`, `cancelled` …, as the engine has it.
        steps: Results of the workflow's own steps in the order in which they settled, skipped ones too; a step that
            an error handler named stands after the one it answers.
        total_steps: How many steps the workflow has.
        steps_completed: How many of them completed, some perhaps by what an error handler did.
        context: What it was given, with the variables as they are in the end.
    """

    workflow_id: str
    execution_id: str
    status: str
    steps: list[StepResult]
    total_steps: int
    steps_completed: int
    execution_time_ms: float
    context: WorkflowContext
    output: Any = None
    error: str | None = None

    @property
    def total_execution_time_ms(self) -> float:
        """The same as `execution_time_ms`."""
        return self.execution_time_ms

    @property
    def final_output(self) -> Any:
        """The same as `output`."""
        return self.output

    @property
    def is_success(self) -> bool:
        """Whether it completed."""
        return self.status == "completed"

    @property
    def success_rate(self) -> float:
        """Of the steps that acted, how many in a hundred succeeded; skipped ones are not counted."""
        acted = [step for step in self.steps if step.status != "skipped"]
        if not acted:
            return 100.0 if self.is_success else 0.0
        return 100.0 * sum(step.is_success for step in acted) / len(acted)
