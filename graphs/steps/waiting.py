"""Step types that wait for the world outside: what for, and how that ended."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, ClassVar, Literal

from graphs.spec import Step
from graphs.steps.context import StepContext
from graphs.steps.kinds import Node, StepType


@dataclass(frozen=True, slots=True)
class Wait:
    """What a step waits for.

    Attributes:
        kind: `approval`, `event` or `timer`.
        question: What people and clients are shown (JSON values).
        event_type: For events: the type awaited.
        match: For events: fields of the event's data and the values they must have.
        due: When the wait is over without an answer; for a timer, its end.
        lookback: For events: seconds before the execution's start from which earlier events count.
        on_timeout: What happens at `due`: `fail`, `approve`, `reject`, `continue`.
        response_schema: JSON Schema of an edited or responded value.
        assignees: Who may decide; empty means anyone who may approve.
    """

    kind: Literal["approval", "event", "timer"]
    question: Mapping[str, Any] = field(default_factory=dict)
    event_type: str | None = None
    match: Mapping[str, Any] = field(default_factory=dict)
    due: datetime | None = None
    lookback: float = 0.0
    on_timeout: Literal["fail", "approve", "reject", "continue"] = "fail"
    response_schema: Mapping[str, Any] | None = None
    assignees: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Answer:
    """How a wait ended.

    `outcome` is `approved`, `rejected`, `edited`, `responded`, `event`, `elapsed` (a timer's end, or a deadline).
    """

    outcome: Literal["approved", "rejected", "edited", "responded", "event", "elapsed"]
    data: Any = None
    by: str | None = None
    reason: str | None = None
    at: datetime | None = None


class Waiting(StepType):
    """A step type that waits for the world outside; performed by `human_approval`, the only node that interrupts."""

    node: ClassVar[Node] = "human_approval"

    def acts(self, step: Step) -> bool | None:
        return False

    def wait(self, context: StepContext, config: Any) -> Wait:
        """What is awaited. Pure: it is asked again on every resume and must say the same."""
        raise NotImplementedError

    def settle(self, context: StepContext, config: Any, wait: Wait, answer: Answer) -> Any:
        """The step's `response`, given the answer.

        Raises:
            StepError: the answer means that the step failed.
        """
        raise NotImplementedError
