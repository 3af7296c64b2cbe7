"""What an agent may do with a tool: how often, for how long, and whether a person must approve."""

from collections.abc import Mapping
from typing import Any, Final, Literal, Self

from pydantic import Field, field_validator, model_validator

from agents.tools.endpoint_use import EndpointUse
from graphs.clock import Clock
from graphs.durations import Duration
from graphs.errors import ExpressionError
from graphs.expressions import ANY, EvaluationContext, check, parse_condition
from graphs.expressions.shape import object_shape
from graphs.spec import RetryPolicy
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


class ToolUse(EndpointUse):
    """A tool of an agent, where more is said than its name.

    Attributes:
        tool: A registered tool's name.
        workflow, version: In place of `tool`: a published workflow, which runs as part of this execution.
        step: In place of `tool`: one of the steps that are written inside the agent step. (Those of which nothing is
            said are tools as well.)
        service: In place of `tool`: an endpoint of a service, of which is said what `EndpointUse` has.
        name, description: What the model is told, in place of the tool's own; an endpoint has none.
        effect: What a call does to the world outside. Of what is said here and what the tool itself says, the graver.
        approval: When a person must approve. What the tool itself asks for cannot be taken back here.
        max_calls: How often the agent may call it in one step, under whichever name.
        timeout: Seconds one call may take.
        retry: How often a failed call of an endpoint is made again, where it honours idempotency keys.
    """

    tool: str | None = None
    step: str | None = None
    workflow: str | None = None
    version: str | None = None
    name: str | None = Field(default=None, pattern=r"^[A-Za-z0-9_-]{1,64}$")
    description: str | None = None
    approval: ToolApproval | None = None
    max_calls: int | None = Field(default=None, ge=1)
    timeout: Duration | None = None
    retry: RetryPolicy | None = None

    @model_validator(mode="after")
    def _one_of_them(self) -> Self:
        if [self.tool, self.step, self.workflow, self.service].count(None) != 3:
            raise ValueError("give one of 'tool', 'step', 'workflow' and 'service'")
        if self.version is not None and self.workflow is None:
            raise ValueError("'version' goes with 'workflow'")
        if self.retry is not None and self.service is None:
            raise ValueError("'retry' goes with 'service': other tools say themselves whether they may be tried again")
        if self.service is not None and not (self.name and (self.description or "").strip()):
            raise ValueError("an endpoint needs a 'name' and a 'description': a model has nothing else to go by")
        return self
