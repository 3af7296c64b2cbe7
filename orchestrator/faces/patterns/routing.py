"""Patterns that choose: by conditions, or by asking a model."""

import json
import re
from collections.abc import Callable, Sequence
from typing import Any, Protocol, Self

from graphs.building.composites import case
from graphs.building.options import step_of
from graphs.errors import InputError
from graphs.spec import Case, Step
from graphs.state import Result
from orchestrator.faces.callables import called
from orchestrator.faces.patterns.errors import InvalidRouteError, NoMatchingCaseError
from orchestrator.faces.patterns.failures import Failure
from orchestrator.faces.patterns.flows import one_after_the_other
from orchestrator.faces.patterns.making import Acts, Making, Piece, Source, when
from orchestrator.faces.patterns.steps import Pattern, WorkflowStep

Condition = Callable[[Any], Any]


class _Choice(Pattern):
    """A pattern that goes one of several ways."""

    def _case(self, steps: Sequence[WorkflowStep], making: Making, given: Source, name: str) -> tuple[Step, ...]:
        # Every way ends in a step that gives the whole output, also one with no steps at all (X21).
        inside = making.inside()
        return inside.plainly(one_after_the_other(steps, inside, given), name, self).steps


class ConditionalWorkflow(_Choice):
    """The first case whose condition holds for what it is given, or the default (A42, F14).

    A case without steps is legal: it gives what it is given (X21).
    """

    def __init__(self, name: str) -> None:
        super().__init__(name)
        self.cases: list[tuple[Condition, Sequence[WorkflowStep]]] = []
        self.default_case: Sequence[WorkflowStep] | None = None

    def add_case(self, condition: Condition, steps: Sequence[WorkflowStep]) -> Self:
        """Add a case after those there are. The condition is given a dict, and decides by Python's idea of truth."""
        self.cases.append((condition, steps))
        return self

    def add_default(self, steps: Sequence[WorkflowStep]) -> Self:
        """What runs when no case fits."""
        self.default_case = steps
        return self

    def compile(self, making: Making, given: Source) -> Piece:
        if not self.cases:
            return one_after_the_other(self._only_default(), making, given)
        name = making.names.give(self.name, self)
        cases: list[Case] = []
        for index, (condition, steps) in enumerate(self.cases):
            inside = self._case(steps, making, given, f"{name}_{index}")
            cases.append(case(f"case_{index}", inside, when=when(condition, given)))
        default = None if self.default_case is None else self._case(self.default_case, making, given, f"{name}_default")
        step = step_of(name, "switch", {}, {}, cases=tuple(cases), default=default)
        return Piece((step,), Source(name, ("output",)))

    def _only_default(self) -> Sequence[WorkflowStep]:
        if self.default_case is None:
            raise InputError(
                f"ConditionalWorkflow '{self.name}' has no cases.",
                hint="Give it some: .add_case(condition, [step, …]).",
                code="cases_missing",
            )
        return self.default_case

    def explain(self, failure: Failure, path: str, result: Result) -> Exception:
        told = failure.told(result)
        if told.code == "no_matching_case":
            return NoMatchingCaseError(told.message, hint=told.hint)
        return super().explain(failure, path, result)


class Completes(Protocol):
    """A client of a language model."""

    def complete(self, prompt: str) -> Any:
        """The answer: an object with `text`, or text; or an awaitable of one."""
        ...


_PROMPT = """Given the following workflow state, choose the most appropriate routing:
State: {state}
Available routes: {routes}
Respond with only the route name."""


class LLMRoutingWorkflow(_Choice):
    """A model chooses the route (A43, F17).

    What it chose is a step's result: it is asked once, also when the process dies after it has answered.

    Args:
        llm_client: Has `complete(prompt)`.
        max_reasks: How often it is asked again when it names no route (X25).
        default_route: Taken when it never names one; without it that is an `InvalidRouteError`.
    """

    def __init__(
        self,
        llm_client: Completes,
        name: str = "LLMRouting",
        *,
        max_reasks: int = 2,
        default_route: str | None = None,
    ) -> None:
        super().__init__(name)
        self.llm = llm_client
        self.max_reasks = max_reasks
        self.default_route = default_route
        self.routes: dict[str, Sequence[WorkflowStep]] = {}

    def add_route(self, route_name: str, steps: Sequence[WorkflowStep]) -> Self:
        """Add a route."""
        self.routes[route_name] = steps
        return self

    def compile(self, making: Making, given: Source) -> Piece:
        self._check()
        name = making.names.give(self.name, self)
        chosen = making.function(f"{name}_route", self, _Chooses(self), given)
        cases = [
            case(f"route_{index}", self._case(steps, making, given, f"{name}_{index}"), equals=route)
            for index, (route, steps) in enumerate(self.routes.items())
        ]
        on = Source(chosen.result.step, ("route",)).template
        step = step_of(name, "switch", {"on": on}, {}, cases=tuple(cases))
        return Piece((*chosen.steps, step), Source(name, ("output",)))

    def explain(self, failure: Failure, path: str, result: Result) -> Exception:
        told = failure.told(result)
        if told.code == InvalidRouteError.code:
            return InvalidRouteError(told.message, hint=told.hint, retryable=False)
        return super().explain(failure, path, result)

    def _check(self) -> None:
        if not self.routes:
            raise InputError(
                f"LLMRoutingWorkflow '{self.name}' has no routes.",
                hint="Give it some: .add_route('name', [step, …]).",
                code="routes_missing",
            )
        if self.default_route is not None and self.default_route not in self.routes:
            raise InputError(
                f"LLMRoutingWorkflow '{self.name}': the default route '{self.default_route}' is none of "
                f"{', '.join(self.routes)}.",
                code="route_unknown",
            )


class _Chooses(Acts):
    """Asks the model for a route, again when it names none."""

    def __init__(self, workflow: LLMRoutingWorkflow) -> None:
        super().__init__(workflow.llm.complete)
        self._routes = list(workflow.routes)
        self._reasks = workflow.max_reasks
        self._default = workflow.default_route

    async def act(self, value: Any) -> Any:
        prompt = _PROMPT.format(state=json.dumps(value, indent=2, ensure_ascii=False), routes=self._routes)
        said, asked = "", prompt
        for _ in range(self._reasks + 1):
            said = await self._complete(asked)
            if (route := recognised(said, self._routes)) is not None:
                return {"route": route, "said": said}
            asked = (
                f"{prompt}\n\n{said[:100]!r} is none of them. Respond with exactly one of: {', '.join(self._routes)}"
            )
        if self._default is not None:
            return {"route": self._default, "said": said}
        raise InvalidRouteError(
            f"LLM chose invalid route: {said[:100]!r} is none of {', '.join(self._routes)}.",
            hint="Name the routes more clearly, or give a default_route.",
            retryable=False,
        )

    async def _complete(self, prompt: str) -> str:
        answer = await called(self.inner, prompt)
        return str(getattr(answer, "text", answer))


def recognised(said: str, routes: Sequence[str]) -> str | None:
    """The one route that is named, whatever its case, quotes and full stops; None when it is none or several."""
    alike = [route for route in routes if _plain(route) == _plain(said)]
    return said if said in routes else alike[0] if len(alike) == 1 else None


def _plain(text: str) -> str:
    return re.sub(r"[\W_]+", "_", text.casefold()).strip("_")
