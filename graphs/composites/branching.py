"""One way or another: `conditional` (if/else) and `switch` (cases, or a model that chooses)."""

from collections.abc import Iterable
from typing import Any, ClassVar

from pydantic import Field

from graphs.composites.base import Composite, Data, Opening, plan_of, told
from graphs.composites.choosing import QUESTION, Choosing, chooser_of, is_choosing
from graphs.errors import Problem, StepError
from graphs.expressions import EvaluationContext
from graphs.planner import Conclusion, Plan, PlannedStep, Results, plan_steps
from graphs.prepare import Library, Test
from graphs.scope import Frame
from graphs.spec import Case, Step
from graphs.steps import Node, StepConfig


class _Branching(Composite):
    node: ClassVar[Node] = "conditional_router"

    def plan(self, step: Step, data: Data, library: Library) -> Plan:
        return plan_of(plan_steps(self.chosen(step, data["route"]), library.node_of, sequential=True))

    def chosen(self, step: Step, route: str) -> tuple[Step, ...]:
        """The steps of a route."""
        raise NotImplementedError

    def response(
        self, step: Step, data: Data, frame: Frame, conclusion: Conclusion, evaluation: EvaluationContext
    ) -> Any:
        plan, results = frame.plan, frame.results
        own = [name for name in plan.steps if not is_choosing(name)]
        return {
            "route": self.route(step, data, results),
            **told(plan, own, results),
        } | ({"explanation": why} if (why := self.explanation(data, step, results)) else {})

    def explanation(self, data: Data, step: Step, results: Results) -> str | None:
        """Why it went that way, where somebody says."""
        return data.get("explanation")


class ConditionalConfig(StepConfig):
    """`if` is a condition: an expression that gives a boolean."""

    if_: Any = Field(alias="if")


class Conditional(_Branching):
    """If and else (F13); without `else` nothing happens when the condition is false."""

    name: ClassVar[str] = "conditional"
    summary: ClassVar[str] = "runs 'then' or 'else', by a condition"
    Config = ConditionalConfig
    containers: ClassVar[frozenset[str]] = frozenset({"then", "else"})
    required_containers: ClassVar[frozenset[str]] = frozenset({"then"})
    deferred: ClassVar[frozenset[str]] = frozenset({"if"})

    async def open(self, opening: Opening) -> Data:
        holds = Test(opening.config.if_).holds(opening.names, opening.evaluation, opening.state)
        return {"route": "then" if holds else "else"}

    def chosen(self, step: Step, route: str) -> tuple[Step, ...]:
        return (step.then if route == "then" else step.else_) or ()


class SwitchConfig(StepConfig):
    """`on` is compared with each case's `equals`; with `model`, a model chooses among the cases' names."""

    on: Any = None
    model: str | None = None
    prompt: str = "Choose the route that fits best."
    reasks: int = Field(default=2, ge=0, le=10)
    default_route: str | None = None
    """With `model`: the case taken when it names no known route after all; without it, `default`, or failure."""


_OF_MODELS = ("prompt", "reasks", "default_route")
"""Keys that only a model that chooses has a use for."""

DEFAULT = "default"
_OF_CALLS = ("retry", "limits", "breaker")


class Switch(_Branching):
    """Ordered cases, the first that fits is taken, with a default (F14); or a model chooses (F17)."""

    name: ClassVar[str] = "switch"
    summary: ClassVar[str] = "runs the first case that fits, or the default; a model may choose"
    Config = SwitchConfig
    containers: ClassVar[frozenset[str]] = frozenset({"cases", "default"})
    required_containers: ClassVar[frozenset[str]] = frozenset({"cases"})

    def growing(self, step: Step) -> bool:
        return "model" in step.config

    def tells_as_its_own(self, inner: str | None) -> bool:
        return inner is None or is_choosing(inner)

    async def open(self, opening: Opening) -> Data:
        config: SwitchConfig = opening.config
        if config.model is not None:
            return self._question(opening, config)
        for index, case in enumerate(opening.step.cases):
            if _fits(case, config.on, opening):
                return {"route": case_name(case, index)}
        if opening.step.default is not None:
            return {"route": DEFAULT}
        raise StepError(
            f"step '{opening.step.name}': no case fits{'' if config.on is None else f' {config.on!r}'}, "
            "and there is no default.",
            category="logic",
            code="no_matching_case",
            hint="Add a case or a 'default'.",
        )

    def _question(self, opening: Opening, config: SwitchConfig) -> Data:
        state = config.on if config.on is not None else dict(opening.state().data)
        question = {
            "model": opening.instead.get("model", config.model or ""),
            "prompt": config.prompt,
            "routes": {case_name(case, index): case.description for index, case in enumerate(opening.step.cases)},
            "state": chooser_of(opening.context).shown(state),
        }
        default = config.default_route or (DEFAULT if opening.step.default is not None else None)
        return {QUESTION: question, "reasks": config.reasks, "default": default}

    def plan(self, step: Step, data: Data, library: Library) -> Plan:
        if QUESTION not in data:
            return super().plan(step, data, library)
        return plan_of(self._planned(step, data, data["results"], library))

    def grow(
        self, step: Step, data: Data, frame: Frame, library: Library, evaluation: EvaluationContext
    ) -> list[PlannedStep]:
        if QUESTION not in data:
            return []
        if (failure := Choosing(step, data, frame.results).ended()) is not None:
            raise failure
        known = frame.plan.steps
        return [planned for planned in self._planned(step, data, frame.results, library) if planned.name not in known]

    def _planned(self, step: Step, data: Data, results: Results, library: Library) -> list[PlannedStep]:
        choosing = Choosing(step, data, results)
        planned = list(choosing.planned())
        if (route := choosing.route) is not None:
            planned += plan_steps(self.chosen(step, route), library.node_of, sequential=True)
        return planned

    def route(self, step: Step, data: Data, results: Results) -> str | None:
        return Choosing(step, data, results).route if QUESTION in data else super().route(step, data, results)

    def explanation(self, data: Data, step: Step, results: Results) -> str | None:
        return Choosing(step, data, results).explanation if QUESTION in data else data.get("explanation")

    def chosen(self, step: Step, route: str) -> tuple[Step, ...]:
        for index, case in enumerate(step.cases):
            if case_name(case, index) == route:
                return case.steps
        return step.default or ()

    def check(self, step: Step) -> Iterable[Problem]:
        by_model = "model" in step.config
        # A model that chooses is asked as one is by an agent: again, under its limits, behind its breaker.
        yield from (problem for problem in super().check(step) if not (by_model and problem.where in _OF_CALLS))
        for key in () if by_model else (key for key in _OF_MODELS if key in step.config):
            yield Problem(
                code="model_missing",
                message=f"step '{step.name}' has no model that chooses, so '{key}' says nothing.",
                hint=f"Take '{key}' away, or name a 'model'.",
                where=f"config.{key}",
                severity="warning",
            )
        for index, case in enumerate(step.cases):
            said = [key for key in ("when", "equals") if getattr(case, key) is not None]
            if not by_model and not said:
                yield Problem(
                    code="case_without_test",
                    message=f"case {index + 1} of step '{step.name}' says neither 'when' nor 'equals'.",
                    hint="Give it one, or make it the 'default'.",
                    where=f"cases[{index}]",
                )
            for key in said if by_model else ():
                yield Problem(
                    code="case_test_not_used",
                    message=f"case {index + 1} of step '{step.name}': a model chooses, so '{key}' says nothing.",
                    hint=f"Take '{key}' away, or take 'model' away.",
                    where=f"cases[{index}].{key}",
                )


def _fits(case: Case, value: Any, opening: Opening) -> bool:
    if case.when is not None and not Test(case.when).holds(opening.names, opening.evaluation, opening.state):
        return False
    return case.equals is None or same_value(case.equals, value)


def same_value(expected: Any, value: Any) -> bool:
    """Whether a value is the one that a case expects."""
    # True == 1 in Python, and a case for 1 is not a case for true.
    return isinstance(expected, bool) == isinstance(value, bool) and bool(expected == value)


def case_name(case: Case, index: int) -> str:
    """The route's name: its own, or its number."""
    return case.name or f"case_{index}"
