"""The steps of the document that act, and what all steps have. Each compiles to a step of the model:

    AgentStep        agent            its answer becomes the variable of the step's name
    ToolStep         tool             a mapping it gives is merged into the variables
    ConditionalStep  conditional      (in `composites`, as the next two)
    ParallelStep     parallel
    LoopStep         loop

Each has the document's two forms: everything in the constructor, or one thing after the other.
"""

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Self

from agents import Agent, Tool
from graphs.building.options import step_of
from graphs.errors import InputError
from graphs.spec import RetryPolicy, Step
from orchestrator.faces.answering import ERROR_HANDLER, WITH_HANDLER
from orchestrator.faces.callables import gives, holds

Condition = Callable[[Any], Any]
ALL_FAILURES = ("transient", "resource", "dependency", "timeout", "logic")
"""What `with_retry` retries: anything a step's code may raise, but not what it says is wrong with its input (X13)."""


@dataclass(frozen=True, slots=True)
class Making:
    """What is known while steps are compiled.

    Attributes:
        handlers: Error handlers by step id, already dressed.
        handler: The workflow's error handler, dressed for a step, and how many attempts it may grant.
        retry: What the steps around say about retries, for steps inside that say nothing: only what acts can be tried
            again.
    """

    handlers: Mapping[str, Any] = field(default_factory=dict)
    handler: Callable[["WorkflowStep"], Any] | None = None
    granted: int = 0
    retry: RetryPolicy | None = None


class WorkflowStep(ABC):
    """What every step has."""

    def __init__(self, step_id: str) -> None:
        self.step_id = step_id
        self.timeout: float | None = None
        self.retry: RetryPolicy | None = None
        self.conditions: list[Condition] = []

    def with_timeout(self, seconds: float) -> Self:
        """One attempt may take so many seconds; of a step with steps inside, all of it."""
        self.timeout = seconds
        return self

    def with_retry(
        self,
        max_retries: int | None = None,
        *,
        max_attempts: int | None = None,
        initial_delay: float = 1.0,
        max_delay: float = 300.0,
        multiplier: float = 2.0,
    ) -> Self:
        """Try again when it fails.

        Args:
            max_retries: Tries after the first one: `with_retry(3)` makes four attempts at most.
            max_attempts: All tries, the first one too (X01). Give one of the two.
            initial_delay, max_delay, multiplier: Seconds between attempts: the first, the most, how they grow.

        Raises:
            InputError: both are given, or neither, or a number below what makes sense.
        """
        if (max_retries is None) == (max_attempts is None):
            raise InputError(
                f"step '{self.step_id}': give with_retry either max_retries or max_attempts.",
                hint="Attempts count the first try too: max_attempts is max_retries + 1.",
                code="retries_and_attempts",
            )
        attempts = max_attempts if max_attempts is not None else (max_retries or 0) + 1
        if attempts < 1:
            raise InputError(f"step '{self.step_id}': it is tried once at least.", code="retries_invalid")
        self.retry = RetryPolicy(
            max_attempts=attempts,
            initial_delay=initial_delay,
            max_delay=max_delay,
            multiplier=multiplier,
            retry_on=ALL_FAILURES,
        )
        return self

    def add_condition(self, condition: Condition) -> Self:
        """Run it only if the condition holds, and every other that was added; otherwise it is skipped."""
        self.conditions.append(condition)
        return self

    @abstractmethod
    def to_step(self, making: Making) -> Step:
        """The step of the model."""

    def _options(self, making: Making) -> dict[str, Any]:
        options: dict[str, Any] = {}
        if self.timeout is not None:
            options["timeout"] = self.timeout
        if self.conditions:
            options["condition"] = holds(*self.conditions)
        if (handler := making.handlers.get(self.step_id)) is not None:
            asking = step_of(f"{self.step_id}_on_error", ERROR_HANDLER, {"handler": handler}, {})
            options["on_failure"] = {"action": "fallback", "fallback": asking}
        return options

    def _composite(self, kind: str, making: Making, config: Mapping[str, Any], **inside: Any) -> Step:
        """A step with steps inside, which inherit what this one says of retries."""
        options: Any = self._options(making)
        return step_of(self.step_id, kind, config, options, **inside)

    def _inside(self, making: Making) -> Making:
        return replace(making, retry=self.retry or making.retry)


class _Leaf(WorkflowStep):
    """A step that acts."""

    def _leaf(self, kind: str, making: Making, config: dict[str, Any], variables: Any) -> Step:
        options: Any = {**self._options(making), "variables": variables}
        retry = self.retry or making.retry
        if making.handler is not None and self.step_id not in making.handlers:
            kind = WITH_HANDLER[kind]
            own = retry or RetryPolicy(max_attempts=1, retry_on=ALL_FAILURES)
            config |= {"handler": making.handler(self), "policy": own.model_dump(mode="json", exclude_defaults=True)}
            if (limit := options.pop("timeout", None)) is not None:
                config["time_limit"] = limit
            retry = own.model_copy(update={"max_attempts": own.max_attempts + making.granted})
        if retry is not None:
            options["retry"] = retry
        return step_of(self.step_id, kind, config, options)


class AgentStep(_Leaf):
    """Runs an agent.

    Args:
        agent: An `Agent`, or the name of a registered one; without it, the one that has the step's id.
        message: What is asked. Like all texts of a definition it may hold `{{ expressions }}`.
    """

    def __init__(self, step_id: str, agent: Agent | str | None = None, message: str | None = None) -> None:
        super().__init__(step_id)
        self.agent = agent
        self._message: Any = message
        self._context: Any = None

    def with_input(self, text: str) -> Self:
        """What is asked."""
        self._message = text
        return self

    def with_input_function(self, function: Callable[[Any], Any]) -> Self:
        """What is asked, from the state."""
        self._message = gives(function)
        return self

    def with_context_function(self, function: Callable[[Any], Any]) -> Self:
        """Further facts for the agent, from the state."""
        self._context = gives(function)
        return self

    def to_step(self, making: Making) -> Step:
        config: dict[str, Any] = {"agent": self.agent or self.step_id}
        if self._message is not None:
            config["message"] = self._message
        if self._context is not None:
            config["context"] = self._context
        return self._leaf("agent", making, config, self._variables())

    def _variables(self) -> dict[str, str]:
        """The answer under the step's id; fields that its form promises also under their own names."""
        schema = self.agent.output_schema if isinstance(self.agent, Agent) else None
        if isinstance(schema, type):
            schema = schema.model_json_schema()
        fields = {
            name: f"{{{{ output.structured['{name}'] | default(none) }}}}"
            for name in (schema or {}).get("properties", {})
        }
        return {**fields, self.step_id: "{{ output.structured | default(output.answer) }}"}


class ToolStep(_Leaf):
    """Runs a tool.

    Args:
        tool: A `Tool`, or the name of a registered one; without it, the one that has the step's id (X30).
        args: Arguments by name. Texts in them may hold `{{ expressions }}`.
    """

    def __init__(self, step_id: str, tool: Tool | str | None = None, args: Mapping[str, Any] | None = None) -> None:
        super().__init__(step_id)
        self.tool = tool
        self._args: Any = None if args is None else dict(args)

    def with_params_function(self, function: Callable[[Any], Any]) -> Self:
        """Arguments by name, from the state."""
        self._args = gives(function)
        return self

    def to_step(self, making: Making) -> Step:
        config = {key: value for key, value in (("tool", self.tool), ("args", self._args)) if value is not None}
        return self._leaf("tool", making, config, "merge")
