"""What a failure or a time limit of a step means."""

from typing import TYPE_CHECKING, Any, Literal, Self

from pydantic import Field, field_validator, model_validator

from graphs.durations import Duration
from graphs.errors import Category
from graphs.spec.base import Json, Model, Name, WorkflowName

if TYPE_CHECKING:
    from graphs.spec.step import Step


class RetryPolicy(Model):
    """How often and how long apart a step is tried (Y04, P03, P04). `max_attempts` counts the first try (X01)."""

    max_attempts: int = Field(default=3, ge=1, le=1000)
    backoff: Literal["fixed", "linear", "exponential"] = "exponential"
    initial_delay: Duration = 1.0
    max_delay: Duration = 300.0
    multiplier: float = Field(default=2.0, ge=1)
    jitter: float = Field(default=0.1, ge=0, le=1)
    retry_on: tuple[Category, ...] | None = None
    """Which failures are tried again; without it, those of which the table of `graphs.policies.responses` says so."""
    give_up_on: tuple[Category, ...] = ()


Undoing = Literal["never", "done", "always"]
AlertLevel = Literal["none", "warning", "error"]


class Response(Model):
    """What a failure asks for that ends an execution (E21, E22, E24); what is not said here is said by its category."""

    compensate: Undoing | None = None
    """`done`: what had been done by then is undone; where nothing had been, nothing runs. `always`: what cleans up runs
    in any case. `never`: all stays as it is."""
    alert: AlertLevel | None = None
    escalate: bool | None = None
    """Whether people have to see to it: its alert and its dead letter say so."""
    dead_letter: bool | None = None
    """Whether it is kept as a dead letter: to be tried again, with another input perhaps, or to be discarded."""


class Escalation(Model):
    """Whom a failure is put before. They approve (it is tried again), edit (with another input), respond (their answer
    stands for the output, and the workflow goes on) or reject (it fails)."""

    message: str | None = None
    assignees: tuple[str, ...] = ()
    groups: tuple[str, ...] = ()
    timeout: Duration | None = None
    on_timeout: Literal["fail", "continue"] = "fail"
    """When nobody decides in time: it fails, or goes on with `output`."""

    @field_validator("assignees", "groups", mode="before")
    @classmethod
    def _one_is_a_list(cls, value: Any) -> Any:
        return (value,) if isinstance(value, str) else value


class OnFailure(Model):
    """What a step's failure means, once its attempts are used up (Y11, E04, E15, E16, E17)."""

    action: Literal["terminate", "retry", "continue", "fallback", "escalate", "goto"] = "terminate"
    message: str | None = None
    max_attempts: int | None = Field(default=None, ge=1, le=1000)
    output: Json = None
    """With `continue` (and `escalate`, when nobody decides): the output that stands for the failed step's."""
    fallback: "Step | None" = None
    """With `fallback`: the step whose result stands for the failed one's."""
    input: Json = None
    """With `retry`: it is tried once more with this input; `error` is why."""
    config: dict[str, Any] | None = None
    """With `retry`: it is tried once more with these keys of its configuration changed: another model, say."""
    goto: Name | None = None
    """With `goto`: the later step of the same list that is gone on with; those in between are skipped."""
    escalate: Escalation | None = None
    """With `escalate`: whom it is put before."""
    response: Response | None = None
    """What it asks for when the execution ends by it, where that is not what its category asks for. (A step that is
    gone on from leaves a dead letter too where this says so.)"""

    @model_validator(mode="after")
    def _fallback_is_given(self) -> Self:
        if (self.action == "fallback") != (self.fallback is not None):
            raise ValueError("action 'fallback' and the key 'fallback' (a step) go together")
        if self.fallback is not None and self.fallback.on_failure.has_answer:
            raise ValueError("a fallback has no fallback of its own; give it a 'sequence' or a 'switch' instead")
        if self.fallback is not None and self.fallback.on_failure.goto is not None:
            raise ValueError("a fallback stands in no list, so it cannot go to another step")
        if (self.action == "goto") != (self.goto is not None):
            raise ValueError("action 'goto' and the key 'goto' (a step's name) go together")
        if self.escalate is not None and self.action != "escalate":
            raise ValueError("the key 'escalate' goes with action 'escalate'")
        if (self.input is not None or self.config is not None) and self.action != "retry":
            raise ValueError("'input' and 'config' go with action 'retry'")
        return self

    @property
    def has_answer(self) -> bool:
        """Whether another step answers the failure."""
        return self.action in ("fallback", "escalate") or self.input is not None or self.config is not None


class OnTimeout(Model):
    """What a step's time limit means, once it is over (Y12, E05)."""

    action: Literal["terminate", "continue", "compensate", "approve", "reject"] = "terminate"
    compensation_workflow: WorkflowName | None = None
    """With `compensate`: the workflow that cleans up, in place of the compensations (E14)."""
    compensation_input: dict[str, Json] | None = None
    """Its input; without it, the input and the outputs so far: `{"input": …, "steps": {name: output}}`."""
    output: Json = None
