"""A workflow's error handler, asked inside the attempts of its steps (E15, E16, E17).

It says of each failure whether to try again. That cannot be a fallback: a step tried again under another path has
another idempotency key, and a payment would be made twice. So `tool_with_handler` and `agent_with_handler` ask it
inside the attempt, as retry policies are asked, and the key stays.
"""

import random
from collections.abc import Awaitable, Callable
from typing import Any, ClassVar

from pydantic import Field

from agents.reasoning.agent import AgentStep
from agents.reasoning.agent_config import AgentConfig
from agents.tools.tool_call import ToolConfig, ToolStep
from graphs.errors import StepCancelledError, StepError
from graphs.policies import ONCE, Again, after_failure, as_step_error, error_value
from graphs.spec import RetryPolicy, Step
from graphs.steps import NOBODY, Action, StepConfig, StepContext
from graphs.stopping import Stoppable
from orchestrator.faces.answering import (
    WITH_HANDLER,
    WorkflowHandler,
    announce,
)


class Asking(StepConfig):
    """What steps with a workflow's handler are told besides.

    Attributes:
        handler: Who is asked.
        policy: The step's own retries; when they are used up, or do not apply, the handler is asked.
        time_limit: Seconds one attempt may take. Kept here and not in the step's `timeout`, so that the handler is
            asked about late attempts too.
    """

    handler: Any
    policy: RetryPolicy = ONCE
    time_limit: float | None = Field(default=300.0, gt=0)


class ToolWithHandlerConfig(ToolConfig, Asking):
    """A `tool` with a handler."""


class ToolWithHandler(ToolStep):
    """Runs a tool; a Python function says whether a failed attempt is followed by another."""

    name = WITH_HANDLER["tool"]
    summary = "Run a tool; a workflow's error handler is asked about its failures."
    written_in = NOBODY
    Config: ClassVar[type[ToolConfig]] = ToolWithHandlerConfig
    default_timeout: ClassVar[float | None] = None

    async def run(self, context: StepContext, config: ToolConfig) -> Any:
        return await _asking(super().run, context, config)


class AgentWithHandlerConfig(AgentConfig, Asking):
    """An `agent` with a handler."""


class AgentWithHandler(AgentStep):
    """Runs an agent; a Python function says whether a failed call of its model is followed by another."""

    name = WITH_HANDLER["agent"]
    summary = "Run an agent; a workflow's error handler is asked about its failures."
    written_in = NOBODY
    Config: ClassVar[type[AgentConfig]] = AgentWithHandlerConfig

    def asking(self, step: Step, call: Action) -> Action:
        told = {key: value for key, value in step.config.items() if key in Asking.model_fields}
        return _ModelCallWithHandler(call, Asking.model_validate(told))


class _ModelCallWithHandler(Action):
    """A call of an agent's model; a Python function says whether a failed one is followed by another."""

    name = "agent_model_with_handler"
    node = "react_agent"
    default_timeout: ClassVar[float | None] = None

    def __init__(self, call: Action, asking: Asking) -> None:
        self._call = call
        self._config = asking

    def computes(self, step: Step) -> bool:
        return self._call.computes(step)

    async def run(self, context: StepContext, config: StepConfig) -> Any:
        async def call(context: StepContext, _: Any) -> Any:
            return await self._call.run(context, config)

        return await _asking(call, context, self._config)


async def _asking(run: Callable[[StepContext, Any], Awaitable[Any]], context: StepContext, config: Any) -> Any:
    try:
        async with Stoppable(context.clock, config.time_limit, context.path):
            return await run(context, config)
    except StepCancelledError:
        raise
    except Exception as raised:
        # A step's code may raise anything; the handler is asked about all of it.
        error = as_step_error(raised)
        if not isinstance(after_failure(config.policy, context.attempt, error, _NO_CHANCE), Again):
            await _ask(config.handler, context, error)
        raise error from raised


_NO_CHANCE = random.Random(0)
"""Only whether there is another attempt is asked here, not when."""


async def _ask(handler: WorkflowHandler, context: StepContext, error: StepError) -> None:
    try:
        answer = handler(error, context)
    except StepError as refused:
        refused.retryable = False  # a handler that cannot answer would not the next time either
        raise
    await announce(context, answer, error_value(error, attempt=context.attempt))
    error.retryable = answer.action == "retry"
    error.details = {**error.details, **answer.flags}
