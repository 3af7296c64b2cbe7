"""Again and again: `loop`, while a condition holds or over the items of a list, always with a bound."""

from collections.abc import Iterable
from dataclasses import replace
from typing import Any, ClassVar, Literal

from pydantic import Field

from graphs.composites.base import Composite, Data, Opening, last_output, plan_of, too_many
from graphs.errors import Problem, StepError
from graphs.expressions import EvaluationContext
from graphs.planner import Conclusion, Need, Plan, PlannedStep, plan_steps
from graphs.prepare import Library, Test
from graphs.scope import Frame
from graphs.spec import Step
from graphs.state_view import StateView
from graphs.steps import StepConfig

BOUND = 100
"""Iterations of a loop over no items that says nothing itself (F21)."""
MOST_ITERATIONS = 100_000


class LoopConfig(StepConfig):
    """`while` is asked before every iteration, `until` after; both see `loop`, `index` and the last one's steps.

    Without `max_iterations`, a loop over `items` is bounded by them, and any other by `BOUND`.
    """

    while_: Any = Field(default=None, alias="while")
    until: Any = None
    items: list[Any] | None = None
    as_: str | None = Field(default=None, alias="as", pattern=r"^[a-z_][a-z0-9_]*$")
    max_iterations: int | None = Field(default=None, ge=1, le=MOST_ITERATIONS)
    on_limit: Literal["fail", "stop"] = "fail"
    """What reaching `max_iterations` means, when the loop would go on."""


class Loop(Composite):
    """Iterations one after the other (F19, F20, F21, X31). Each may use the results of the one before."""

    name: ClassVar[str] = "loop"
    summary: ClassVar[str] = "repeats steps while a condition holds, or for every item in turn"
    Config = LoopConfig
    containers: ClassVar[frozenset[str]] = frozenset({"steps"})
    required_containers: ClassVar[frozenset[str]] = frozenset({"steps"})
    deferred: ClassVar[frozenset[str]] = frozenset({"while", "until"})
    grows: ClassVar[bool] = True

    async def open(self, opening: Opening) -> Data:
        config: LoopConfig = opening.config
        if config.items is not None and len(config.items) > MOST_ITERATIONS:
            raise too_many(opening.step.name, len(config.items), MOST_ITERATIONS)
        bound = config.max_iterations or (BOUND if config.items is None else len(config.items))
        data = config.model_dump(mode="python", by_alias=True, exclude={"while_", "until"})
        return data | {"max_iterations": bound, "iterations": 0}

    def plan(self, step: Step, data: Data, library: Library) -> Plan:
        planned: list[PlannedStep] = []
        for index in range(data["iterations"]):
            planned += _iteration(step, index, library, planned)
        return plan_of(planned)

    def frame(self, frame: Frame, step: Step, data: Data, library: Library) -> Frame:
        if data.get("items") is not None:
            frame.items = list(data["items"])
        frame.item_name = data.get("as")
        return frame

    def grow(
        self, step: Step, data: Data, frame: Frame, library: Library, evaluation: EvaluationContext
    ) -> list[PlannedStep]:
        done = iterations(frame.plan)
        items = data.get("items")
        if items is not None and done >= len(items):
            return []
        if done and step.config.get("until") is not None and self._holds(step, "until", done - 1, frame, evaluation):
            return []
        if step.config.get("while") is not None and not self._holds(step, "while", done, frame, evaluation):
            return []
        if done >= data["max_iterations"]:
            if data["on_limit"] == "stop":
                return []
            raise StepError(
                f"step '{step.name}' would go on after {done} iterations, which is its limit.",
                category="logic",
                code="loop_limit",
                hint="Raise config.max_iterations, or set config.on_limit to 'stop'.",
            )
        return _iteration(step, done, library, frame.plan.steps.values())

    def _holds(self, step: Step, key: str, index: int, frame: Frame, evaluation: EvaluationContext) -> bool:
        # The condition stands where the next step would: it sees the steps of the iteration before it.
        seen = max(iterations(frame.plan) - 1, 0)
        place = PlannedStep(f"[{index}]", step, "orchestrator", local=f"[{seen}].", index=index)
        names = frame.names(place) | {"loop": _loop_value(frame, index)}
        return Test(step.config[key]).holds(names, evaluation, lambda: LoopState(frame, names))

    def response(
        self, step: Step, data: Data, frame: Frame, conclusion: Conclusion, evaluation: EvaluationContext
    ) -> Any:
        results = _results(frame)
        return {"iterations": len(results), "results": results, "last": results[-1] if results else None}

    def check(self, step: Step) -> Iterable[Problem]:
        yield from super().check(step)
        if not {"while", "until", "items"} & step.config.keys():
            yield Problem(
                code="loop_without_condition",
                message=f"step '{step.name}' says neither 'while', 'until' nor 'items'.",
                hint="Say in 'config' how long it goes on.",
                where="config",
            )


class LoopState(StateView):
    """The state a loop's condition sees: everything so far, and `iteration`."""

    def __init__(self, frame: Frame, names: Any) -> None:
        super().__init__(frame, None, names)

    @property
    def iteration(self) -> int:
        return int(self._names["index"])


def _iteration(step: Step, index: int, library: Library, before: Iterable[PlannedStep]) -> list[PlannedStep]:
    """The steps of one iteration, which come after those of the one before and so see the variables these set."""
    planned = plan_steps(step.steps, library.node_of, local=f"[{index}].", index=index, sequential=True)
    last = [item for item in before if item.index == index - 1]
    awaited = {need.step for item in last for need in item.needs}
    ends = tuple(Need(item.name, "settled") for item in last if item.name not in awaited and item.stands_for is None)
    return [item if item.needs else replace(item, needs=ends) for item in planned]


def iterations(plan: Plan) -> int:
    """How many iterations a loop's plan has so far."""
    return 1 + max((planned.index for planned in plan.steps.values() if planned.index is not None), default=-1)


def _results(frame: Frame) -> list[Any]:
    by_index: dict[int, list[str]] = {}
    for name, planned in frame.plan.steps.items():
        by_index.setdefault(planned.index or 0, []).append(name)
    return [last_output(frame.plan, names, frame.results) for _, names in sorted(by_index.items())]


def _loop_value(frame: Frame, index: int) -> dict[str, Any]:
    results = _results(frame)
    return {"iteration": index, "results": results, "last": results[-1] if results else None}
