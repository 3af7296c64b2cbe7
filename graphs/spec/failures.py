"""How often a step is tried, and what its failure asks for."""

from typing import Any, Literal

from pydantic import Field, field_validator

from graphs.durations import Duration
from graphs.errors import Category
from graphs.spec.base import Model


class RetryPolicy(Model):
    """How often and how long apart a step is tried (Y04, P03, P04). `max_attempts` counts the first try (X01).

    No pause is longer than `max_delay`, jitter included; but when a server asks for more patience (`Retry-After`), it
    is given that, up to an hour.
    """

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
    keep: bool = False
    """What a call did that was cut off stands where somebody responds: their answer says what it gave, and it is undone
    with the execution only. Without it, it is undone in any case, and the answer stands for something else."""

    @field_validator("assignees", "groups", mode="before")
    @classmethod
    def _one_is_a_list(cls, value: Any) -> Any:
        return (value,) if isinstance(value, str) else value
