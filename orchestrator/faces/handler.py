"""Error handlers written in Python, mapped on the language (E15, E16, E17).

A step's handler is asked once, when the step has failed for good, and may name another step to run:

    on_failure: {action: fallback, fallback: {type: error_handler, config: {handler: …}}}

`error_handler` is a composite step. It asks the handler when it opens, and the answer is kept with its plan before
anything is done about it; the step that was named is the plan. After a crash the handler is asked again with what it
was told then (a step made in Python cannot be kept), and has to name the same step.

A workflow's handler says of each failure whether to try again. That cannot be a fallback: a step tried again under
another path has another idempotency key, and a payment would be made twice. So `tool_with_handler` and
`agent_with_handler` ask it inside the attempt, as retry policies are asked, and the key stays.
"""

import hashlib
import random
from collections.abc import Awaitable, Callable, Iterable, Mapping
from typing import Any, ClassVar, Literal, NamedTuple, Protocol

import orjson
from pydantic import Field

from agents.reasoning.agent import AgentStep
from agents.reasoning.agent_config import AgentConfig
from agents.tools.tool_call import ToolConfig, ToolStep
from graphs.composites import Composite, Opening
from graphs.composites.base import Data, last_output, plan_of
from graphs.errors import Problem, StepCancelledError, StepError
from graphs.expressions import EvaluationContext, mask
from graphs.planner import Conclusion, Plan, plan_steps
from graphs.policies import ONCE, Again, after_failure, as_step_error, error_value
from graphs.prepare import Library
from graphs.scope import Frame
from graphs.spec import RetryPolicy, Step, plain
from graphs.steps import NOBODY, Action, StepConfig, StepContext, StepType
from graphs.stopping import Stoppable
from graphs.values import json_object

ERROR_HANDLER = "error_handler"
WITH_HANDLER = {"tool": "tool_with_handler", "agent": "agent_with_handler"}
ESCALATION, TEAM = "workflow.escalation", "workflow.team_notification"
"""Events that a handler's `escalate` and `notify_team` publish, for whoever waits for them or is started by them."""

Told = Mapping[str, Any]


class Answer(NamedTuple):
    """What a handler decided.

    `step` goes with `run`. `flags` are what it said besides (`escalate`, `notify_team` …).
    """

    action: Literal["run", "retry", "fail", "continue"]
    step: Step | None = None
    flags: Mapping[str, Any] = {}


class StepHandler(Protocol):
    """Asked when a step has failed for good."""

    def __call__(self, error: Told, state: Told) -> Answer:
        """What to do about it. Must give the same answer for the same arguments.

        Raises:
            StepError: the handler's answer means nothing.
        """
        ...


class WorkflowHandler(Protocol):
    """Asked when an attempt has failed and the step's own policy gives up."""

    def __call__(self, error: StepError, context: StepContext) -> Answer: ...


def told(state: Any) -> dict[str, Any]:
    """What a handler is told of an execution: JSON values, kept so that it can be told the same again."""
    facts = {
        "workflow_id": state.workflow_id,
        "input": state.input,
        "variables": {**state.variables, **{key: state[key] for key in ("item", "index") if key in state}},
        "user_context": dict(state.user_context),
        "metadata": dict(state.metadata),
    }
    return json_object(mask(facts))


# -- a step's handler ------------------------------------------------------------------------------------------------


class ErrorHandlerConfig(StepConfig):
    """Whose failure is handled, and by whom."""

    handler: Any


class _Chosen(dict[str, Any]):
    """The kept answer, and the step it names as long as this process lives."""

    step: Step | None = None


class ErrorHandler(Composite):
    """Asks a Python function what is to be done about a step's failure, and does it."""

    name: ClassVar[str] = ERROR_HANDLER
    summary: ClassVar[str] = "asks a Python function about a step's failure, and runs the step it names"
    written_in = NOBODY
    Config = ErrorHandlerConfig

    async def open(self, opening: Opening) -> Data:
        error = dict(opening.names.get("error") or {})
        state = told(opening.state())
        handler: StepHandler = opening.config.handler
        answer = handler(error, state)
        await announce(opening.context, answer, error)
        if answer.action == "fail":
            raise _as_raised(error, answer.flags)
        data = _Chosen({"action": answer.action, "error": error, "state": state, "flags": dict(answer.flags)})
        data["step"] = _digest(answer.step)
        data.step = answer.step
        return data

    def plan(self, step: Step, data: Data, library: Library) -> Plan:
        chosen = data.step if isinstance(data, _Chosen) else _asked_again(step, data)
        return plan_of(plan_steps((chosen,), library.node_of) if chosen is not None else ())

    def response(
        self, step: Step, data: Data, frame: Frame, conclusion: Conclusion, evaluation: EvaluationContext
    ) -> Any:
        return last_output(frame.plan, frame.plan.steps, frame.results)

    def check(self, step: Step) -> Iterable[Problem]:
        yield from super().check(step)
        if not callable(step.config.get("handler")):
            yield Problem(
                code="handler_needs_python",
                message=f"step '{step.name}' asks a handler, which only Python can give.",
                hint="Write the fallback itself under 'on_failure': a switch on error.category chooses among several.",
                where="config.handler",
            )


def _asked_again(step: Step, data: Data) -> Step | None:
    if data["step"] is None:
        return None
    handler: StepHandler = step.config["handler"]
    answer = handler(data["error"], data["state"])
    if _digest(answer.step) != data["step"]:
        raise StepError(
            f"step '{step.name}': the handler named another step after a restart than before it.",
            code="handler_not_repeatable",
            hint="A handler decides by what it is given and nothing else.",
        )
    return answer.step


def _digest(step: Step | None) -> str | None:
    if step is None:
        return None
    return hashlib.sha256(orjson.dumps(plain(step), option=orjson.OPT_SORT_KEYS)).hexdigest()


def _as_raised(error: Told, flags: Mapping[str, Any]) -> StepError:
    known = ("code", "message", "category", "hint", "attempt")
    return StepError(
        error.get("message", "it failed"),
        category=error.get("category", "logic"),
        retryable=False,
        code=error.get("code", "step_failed"),
        hint=error.get("hint"),
        **{key: value for key, value in error.items() if key not in known},
        **flags,
    )


# -- a workflow's handler --------------------------------------------------------------------------------------------


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


async def announce(context: StepContext, answer: Answer, error: Told) -> None:
    """Publish what a handler flags. An event with a key is published once, however often this is run."""
    for flag, event in (("escalate", ESCALATION), ("notify_team", TEAM)):
        if answer.flags.get(flag) and context.emit_event is not None:
            data = {
                "execution_id": context.execution_id,
                "workflow": context.workflow,
                "step": context.path.removesuffix("~fallback"),
                "action": answer.action,
                "error": dict(error),
            }
            await context.emit_event(event, data, key=f"{context.idempotency_key}:{context.attempt}:{flag}")


def step_types() -> tuple[StepType, ...]:
    """The step types that only faces make; for the entry point `baton.step_types`."""
    return (ErrorHandler(), ToolWithHandler(), AgentWithHandler())
