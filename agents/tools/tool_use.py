"""What an agent may do with a tool: how often, for how long, and whether a person must approve."""

from collections.abc import Mapping
from typing import Any, Final, Literal, Self

from pydantic import Field, field_validator, model_validator

from graphs.clock import Clock
from graphs.durations import Duration
from graphs.errors import ExpressionError
from graphs.expressions import ANY, EvaluationContext, check, parse_condition
from graphs.expressions.shape import object_shape
from graphs.steps import StepConfig

_SEEN: Final = object_shape({"args": ANY})


class ToolApproval(StepConfig):
    """When a person must approve a call of a tool, and who.

    Attributes:
        when: `always`, `never`, or an expression over the call's `args`: `args.amount > 100`.
        message: What is asked; without it, the call itself is shown.
        assignees, groups: Who may decide; with none, whoever may approve at all.
        timeout: Seconds until the question is closed; without it, it stays open.
        on_timeout: What happens then.
    """

    when: str = "always"
    message: str | None = None
    assignees: tuple[str, ...] = ()
    groups: tuple[str, ...] = ()
    timeout: Duration | None = None
    on_timeout: Literal["reject", "approve", "fail"] = "reject"

    @model_validator(mode="before")
    @classmethod
    def _in_one_word(cls, value: Any) -> Any:
        return {"when": value} if isinstance(value, str) else value

    @field_validator("assignees", "groups", mode="before")
    @classmethod
    def _one_is_a_list(cls, value: Any) -> Any:
        return (value,) if isinstance(value, str) else value

    @field_validator("when")
    @classmethod
    def _an_expression(cls, value: str) -> str:
        if value not in ("always", "never"):
            try:
                wrong = check(parse_condition(value), _SEEN)
            except ExpressionError as error:
                raise ValueError(f"it is 'always', 'never' or a condition over 'args': {error.message}") from None
            if wrong:
                raise ValueError(f"it is a condition over 'args', the arguments of the call: {wrong[0].message}")
        return value

    def asks(self, args: Mapping[str, Any], clock: Clock) -> bool:
        """Whether a person must approve this call. What cannot be judged (an argument is missing) is asked."""
        if self.when in ("always", "never"):
            return self.when == "always"
        try:
            evaluation = EvaluationContext(now=clock.now(), seed="")
            return bool(parse_condition(self.when).evaluate({"args": dict(args)}, evaluation))
        except ExpressionError:
            return True


class ToolUse(StepConfig):
    """A tool of an agent, where more is said than its name.

    Attributes:
        tool: A registered tool's name.
        workflow, version: In place of `tool`: a published workflow, which runs as part of this execution.
        name, description: What the model is told, in place of the tool's or the workflow's own.
        approval: When a person must approve. What the tool itself asks for cannot be taken back here.
        max_calls: How often the agent may call it in one step.
        timeout: Seconds one call may take.
    """

    tool: str | None = None
    workflow: str | None = None
    version: str | None = None
    name: str | None = Field(default=None, pattern=r"^[A-Za-z0-9_-]{1,64}$")
    description: str | None = None
    approval: ToolApproval | None = None
    max_calls: int | None = Field(default=None, ge=1)
    timeout: Duration | None = None

    @model_validator(mode="after")
    def _one_of_them(self) -> Self:
        if (self.tool is None) == (self.workflow is None):
            raise ValueError("give one of 'tool' and 'workflow'")
        if self.version is not None and self.workflow is None:
            raise ValueError("'version' goes with 'workflow'")
        return self
