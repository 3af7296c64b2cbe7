"""A step's error handler written in Python, mapped on the language (E15, E16, E17).

It is asked once, when the step has failed for good, and may name another step to run:

    on_failure: {action: fallback, fallback: {type: error_handler, config: {handler: …}}}

`error_handler` is a composite step. It asks the handler when it opens, and the answer is kept with its plan before
anything is done about it; the step that was named is the plan. After a crash the handler is asked again with what it
was told then (a step made in Python cannot be kept), and has to name the same step.
"""

import hashlib
from collections.abc import Iterable, Mapping
from typing import Any, ClassVar

import orjson

from graphs.composites import Composite, Opening
from graphs.composites.base import Data, last_output, plan_of
from graphs.errors import Problem, StepError
from graphs.expressions import EvaluationContext
from graphs.planner import Conclusion, Plan, plan_steps
from graphs.prepare import Library
from graphs.scope import Frame
from graphs.spec import Step, plain
from graphs.steps import NOBODY, StepConfig, StepType
from orchestrator.faces.answering import (
    ERROR_HANDLER,
    StepHandler,
    Told,
    announce,
    told,
)
from orchestrator.faces.asking import AgentWithHandler, ToolWithHandler


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


def step_types() -> tuple[StepType, ...]:
    """The step types that only faces make; for the entry point `baton.step_types`."""
    return (ErrorHandler(), ToolWithHandler(), AgentWithHandler())
