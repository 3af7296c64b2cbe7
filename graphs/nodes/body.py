"""One step while it is being performed: what it is handed, what it can see, and the results it can come to."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property
from typing import Any, Final, TypedDict, cast

from langchain_core.runnables import RunnableConfig
from pydantic import BaseModel

from graphs.effects import effect_value
from graphs.errors import StepError
from graphs.expressions import EvaluationContext, mask
from graphs.flow import Flow
from graphs.host import Host
from graphs.nodes.edits import with_edited_config
from graphs.planner import PlannedStep
from graphs.policies import error_value
from graphs.prepare import Prepared, Value
from graphs.scope import Frame
from graphs.state import Result, join_path
from graphs.state_view import StateView
from graphs.steps import Action, StepContext
from graphs.values import json_object, json_value


class Dispatch(TypedDict, total=False):
    """What a `Send` carries: the step's name and little else, never the state.

    Attributes:
        step: The step, or the partition.
        steps: Instead: several that one body performs side by side.
        partition: The steps of a partition.
    """

    step: str
    steps: list[str]
    partition: list[str]


@dataclass(slots=True)
class PlanContext:
    """What the nodes of one graph run are handed (LangGraph's `Runtime.context`).

    Attributes:
        host: Whoever drives the execution.
        flow, frame: The live side of the plan, and what its steps see.
        grow: For loops: adds the steps of the next iteration to the plan; False when there is none.
        partition: For a partition of a very large plan: the names of its steps.
    """

    host: Host
    flow: Flow
    frame: Frame
    grow: Callable[[], bool] | None = None
    partition: list[str] | None = None

    @property
    def is_root(self) -> bool:
        return self.flow.parent is None

    @property
    def has_last_steps(self) -> bool:
        """Whether this is the plan of a whole workflow that has `finally` steps."""
        workflow = self.frame.workflow
        return workflow is not None and bool(workflow.spec.finally_) and self.partition is None


@dataclass
class Body:
    """One step while it is being performed."""

    context: PlanContext
    planned: PlannedStep
    config: RunnableConfig
    _started_at: str | None = None
    end: datetime | None = None
    """When its deadline is over."""
    queued: float = 0.0
    """Seconds it has waited for a place to act in."""
    late: bool = False
    """Whether an earlier process may have begun it."""
    unheard: bool = False
    """Whether an attempt was cut off that may have acted."""

    @cached_property
    def path(self) -> str:
        return join_path(self.context.flow.path, self.planned.name)

    @property
    def host(self) -> Host:
        return self.context.host

    @cached_property
    def prepared(self) -> Prepared:
        if self.planned.kind is not None:  # made at run time: of use to this body only
            return Prepared(self.planned.step, self.planned.kind)
        return self.host.library.prepare(self.planned.step)

    @property
    def may_act(self) -> bool:
        """Whether it changes something outside itself, or nobody knows that it does not."""
        kind, step = self.prepared.kind, self.planned.step
        return isinstance(kind, Action) and kind.acts(step) is not False and not kind.computes(step)

    @cached_property
    def names(self) -> dict[str, Any]:
        return self.context.frame.names(self.planned)

    @cached_property
    def evaluation(self) -> EvaluationContext:
        # One `now()` for everything a step evaluates, and random-looking values; both such that a second run, after a
        # crash or a wait, repeats them: what is sent under one idempotency key is the same each time.
        return EvaluationContext(now=self.context.frame.time_of(self.planned), seed=self.idempotency_key)

    @cached_property
    def idempotency_key(self) -> str:
        facts = self.host.facts
        return f"{facts.execution_id}:{self.path}:{facts.generation_at(self.path)}"

    def state(self) -> StateView:
        return StateView(self.context.frame, self.planned, self.names)

    async def keep_effect(self, context: StepContext, undo: Any, **more: Any) -> None:
        """What the step has done to the world outside; durable when it returns."""
        await self.host.effect(self.path, effect_value(context, undo, **more))

    async def rendered_config(self) -> BaseModel:
        """The step's configuration, every expression evaluated.

        Raises:
            StepError, ExpressionError: an expression cannot be, or the whole does not fit the step type.
        """
        if self.prepared.constant_config is None and self.prepared.slow:
            # A password hash takes a fifth of a second on purpose, and others want the loop.
            config = await asyncio.to_thread(self.prepared.config, self.names, self.evaluation, self.state)
        else:
            config = self.prepared.constant_config or self.prepared.config(self.names, self.evaluation, self.state)
        if edit := self.host.edit(self.path):
            config = with_edited_config(config, edit, self.planned.step, self.prepared.kind)
        return config

    def begin(self) -> None:
        """The step's own time begins now: it has waited for others, and for a place."""
        if self._started_at is None:
            self._started_at = self.host.clock.now().isoformat()

    @property
    def began(self) -> str:
        """When its own time began, in ISO 8601; now, when it has not yet."""
        return self._started_at or self.host.clock.now().isoformat()

    def began_at(self, began: str) -> None:
        """An earlier process began it."""
        self._started_at = began

    def completed(self, response: Any, *, attempts: int = 1, **more: Any) -> Result:
        """The result of a step that went well: outputs and variables mapped, everything made plain JSON."""
        output = response
        if self.prepared.output is not None:
            output = self.prepared.output.render(self.names | {"response": response}, self.evaluation, self.state)
        result: Result = {"status": "completed", "output": self._kept(output), "attempts": attempts}
        if variables := self._variables(output):
            result["variables"] = variables
        return self._timed(cast(Result, {**result, **more}))

    def what_there_is(self, response: Any) -> Any:
        """The output of a step that failed and yet has a response: what its mapping can still make of it.

        A dependent that goes on all the same reads the names it knows. What cannot be built is left out and not null,
        so that who reads it is told, and `default` stands in for it.
        """
        mapping = self.planned.step.output
        if mapping is None or response is None:
            return response
        output = {}
        for key, source in mapping.items():
            try:
                value = Value(source).render(self.names | {"response": response}, self.evaluation, self.state)
                output[key] = json_value(mask(value))
            except Exception as error:  # noqa: BLE001 - a mapping may call Python; the step's own failure is what counts
                self.host.log.info("output.left_out", step=self.path, output=key, error=str(error))
        return output

    def failed(self, error: StepError, *, attempts: int, **more: Any) -> Result:
        """The result of a step that did not go well, with what its `on_failure` or `on_timeout` says of it."""
        timed_out = error.category == "timeout"
        step = self.planned.step
        result: Result = {
            "status": "timed_out" if timed_out else "cancelled" if error.category == "cancelled" else "failed",
            "error": json_value(mask(error_value(error, attempt=attempts))),
            "attempts": attempts,
        }
        if step.on_failure.response is not None:
            said = step.on_failure.response.model_dump(exclude_none=True)
            result["error"]["response"] = result["error"].get("response", {}) | said
        if step.on_failure.message and not timed_out:
            result["error"]["message"] = f"{step.on_failure.message}: {result['error']['message']}"
        if step.on_failure.goto is not None and not (timed_out and step.on_timeout is not None):
            result["goto"] = step.on_failure.goto
        goes_on, output = _goes_on(self.planned, timed_out)
        if goes_on:
            result["continued"] = True
            if output is not None:
                result["output"] = output
        result |= self._unknown(self.unheard)
        return self._timed(cast(Result, {**more, **result}))  # an output that stands for a failed step's wins

    def skipped(self, reason: str, detail: str = "") -> Result:
        now = self.host.clock.now().isoformat()
        result: Result = {"status": "skipped", "reason": reason, "attempts": 0, "ended_at": now}
        if detail:
            result["detail"] = detail
        return self._counted(result)

    def cancelled(self, reason: str, detail: str) -> Result:
        if self.late:
            detail = "; ".join(filter(None, (detail, _MAY_HAVE_BEGUN)))
        result: Result = {"status": "cancelled", "reason": reason, "detail": detail}
        return self._timed(result | self._unknown(self.late or self.unheard))

    def _unknown(self, unknown: bool) -> Result:
        said = {"outcome": "unknown", "idempotency_key": self.idempotency_key} if unknown and self.may_act else {}
        return cast(Result, said)

    def _variables(self, output: Any) -> dict[str, Any]:
        if self.planned.step.variables == "merge":
            return self._kept(output) if isinstance(output, dict) else {self.planned.step.name: json_value(output)}
        if self.prepared.variables is None:
            return {}
        names = self.names | {"output": output}
        return json_object(self._kept(self.prepared.variables.render(names, self.evaluation, self.state)))

    def _kept(self, value: Any) -> Any:
        """As it is kept.

        Raises:
            InputError, StepError: it cannot be, or is too large.
        """
        return json_value(mask(value), most=self.host.facts.max_result_bytes)

    def _timed(self, result: Result) -> Result:
        now = self.host.clock.now().isoformat()
        result["started_at"] = self._started_at or now
        result["ended_at"] = now
        if self.queued:
            result["queued"] = round(self.queued, 6)
        return self._counted(result)

    def _counted(self, result: Result) -> Result:
        if not self.planned.step.metrics_enabled:
            result["uncounted"] = True
        return result


_MAY_HAVE_BEGUN: Final = "it may have begun in an earlier process: what it has done is not known"


def _goes_on(planned: PlannedStep, timed_out: bool) -> tuple[bool, Any]:
    step = planned.step
    if timed_out and step.on_timeout is not None:
        return step.on_timeout.action == "continue", step.on_timeout.output
    return step.on_failure.action == "continue", step.on_failure.output
