"""What error handlers written in Python are told, and what they answer."""

from collections.abc import Mapping
from typing import Any, Literal, NamedTuple, Protocol

from graphs.errors import StepError
from graphs.expressions import mask
from graphs.spec import Step
from graphs.steps import StepContext
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
