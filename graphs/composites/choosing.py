"""A model that chooses a route (F17): each time it is asked is a step of its own, committed before the next.

    route[0].model     it names none of the routes
    route[1].model     asked again, it names one
    route[1].budget    in place of that, where a budget allowed no call: a person is asked for more
    route.bill         the steps of the route

So what a killed process had heard is neither asked nor paid again.
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, ClassVar, Final

from graphs.budget import amount
from graphs.composites.base import Data, RouteChooser
from graphs.errors import StepError
from graphs.planner import Need, PlannedStep, Results
from graphs.policies import ONCE
from graphs.spec import OnFailure, Step
from graphs.steps import Action, Answer, Node, StepConfig, StepContext, Wait, Waiting

QUESTION: Final = "question"
"""In what a switch finds out when it opens: what its model is asked."""

_SHOWN: Final = 100


def chooser_of(context: StepContext) -> RouteChooser:
    """Who chooses."""
    chooser: RouteChooser = context.resource(RouteChooser)  # type: ignore[type-abstract]
    return chooser


class ChooseRoute(Action):
    """Asks the model once.

    Args:
        said: What it said before, each time none of the routes.
    """

    name: ClassVar[str] = "choose_route"
    summary: ClassVar[str] = "asks a model for a route once"
    node: ClassVar[Node] = "react_agent"

    def __init__(self, question: Mapping[str, Any], said: Sequence[str]) -> None:
        self._question = question
        self._said = said

    def uses(self, context: StepContext, config: Any) -> str | None:
        return chooser_of(context).uses(context, self._question["model"])

    def computes(self, step: Step) -> bool:
        return True

    async def run(self, context: StepContext, config: Any) -> Any:
        return await chooser_of(context).ask(context, self._question, self._said)


class MoreForRoutes(Waiting):
    """Asks a person for a larger budget."""

    name: ClassVar[str] = "choose_route_budget"
    Config: ClassVar[type[Any]] = StepConfig

    def __init__(self, over: Mapping[str, Any]) -> None:
        self._over = over

    def wait(self, context: StepContext, config: Any) -> Wait:
        return self._asking(context).wait(context, config)

    def settle(self, context: StepContext, config: Any, wait: Wait, answer: Answer) -> Any:
        return self._asking(context).settle(context, config, wait, answer)

    def _asking(self, context: StepContext) -> Waiting:
        return chooser_of(context).more_budget(context, self._over)


class Choosing:
    """How far the choice is, read from the results of its steps. Pure.

    Args:
        step: The switch.
        data: What it found out when it opened.
    """

    def __init__(self, step: Step, data: Data, results: Results) -> None:
        self._step = step
        self._data = data
        self._results = results

    @property
    def route(self) -> str | None:
        """The route, once there is one."""
        return self._chosen()[0]

    @property
    def explanation(self) -> str:
        """Why it is that one."""
        return self._chosen()[1]

    def planned(self) -> Iterator[PlannedStep]:
        """The times it was asked, as far as is known, and the next."""
        needs: tuple[Need, ...] = ()
        said: list[str] = []
        answers = list(self._answers())
        for number, answer in enumerate(answers):
            yield self._asking(number, said, needs)
            needs = (Need(_model(number), "succeeded"),)
            if "over" in answer:
                yield self._more(number, answer["over"], needs)
                needs = (Need(_budget(number), "settled"),)
                if not self._raised(number):
                    return
            elif "route" in answer or len(said) >= self._data["reasks"]:
                return
            else:
                said.append(answer["said"])
        yield self._asking(len(answers), said, needs)

    def ended(self) -> StepError | None:
        """Why there is no route, when there will be none."""
        answers = list(self._answers())
        if not answers or self.route is not None or _model(len(answers)) in self._results:
            return None
        last = answers[-1]
        if (over := last.get("over")) is not None:
            if not self._refused(len(answers) - 1):
                return None
            return StepError(
                f"the model that chooses may not be asked: a budget of {amount(over)} is used up, and nobody "
                "raised it.",
                category="budget",
                code="budget_exceeded",
                **over,
            )
        if sum("said" in answer for answer in answers) <= self._data["reasks"]:
            return None
        return StepError(
            f"the model named {_short(last['said'])}, which is none of the routes {', '.join(self._routes)}.",
            code="route_unknown",
            hint="Describe the routes more clearly, or give the switch a default.",
        )

    @property
    def _routes(self) -> Mapping[str, str]:
        routes: Mapping[str, str] = self._data[QUESTION]["routes"]
        return routes

    def _answers(self) -> Iterator[Mapping[str, Any]]:
        number = 0
        while (result := self._results.get(_model(number))) is not None and result["status"] == "completed":
            yield result["output"]
            number += 1

    def _chosen(self) -> tuple[str | None, str]:
        said = ""
        times = 0
        for answer in self._answers():
            if "route" in answer:
                return answer["route"], answer["explanation"]
            if "said" in answer:
                said, times = answer["said"], times + 1
        default = self._data["default"]
        if default is not None and times > self._data["reasks"]:
            return default, f"default: the model named no route; it last said {_short(said)}"
        return None, ""

    def _asking(self, number: int, said: Sequence[str], needs: tuple[Need, ...]) -> PlannedStep:
        own, again = self._step, self._step.on_failure
        step = Step(
            name="model",
            type=own.type,
            limits=own.limits,
            breaker=own.breaker,
            retry=own.retry,
            on_failure=OnFailure(
                action="retry" if again.action == "retry" else "terminate", max_attempts=again.max_attempts
            ),
        )
        kind = ChooseRoute(self._data[QUESTION], tuple(said))
        return PlannedStep(_model(number), step, kind.node, needs, local=f"[{number}].", kind=kind)

    def _more(self, number: int, over: Mapping[str, Any], needs: tuple[Need, ...]) -> PlannedStep:
        kind = MoreForRoutes(over)
        step = Step(name="budget", type="approval", retry=ONCE, on_failure=OnFailure(action="continue"))
        return PlannedStep(_budget(number), step, kind.node, needs, local=f"[{number}].", kind=kind)

    def _raised(self, number: int) -> bool:
        result = self._results.get(_budget(number))
        return result is not None and result["status"] == "completed" and bool(result["output"]["approved"])

    def _refused(self, number: int) -> bool:
        return _budget(number) in self._results and not self._raised(number)


def is_choosing(name: str) -> bool:
    """Whether a step of a switch's plan belongs to its choice, and not to a route."""
    return name.startswith("[")


def _model(number: int) -> str:
    return f"[{number}].model"


def _budget(number: int) -> str:
    return f"[{number}].budget"


def _short(said: str) -> str:
    return repr(said if len(said) <= _SHOWN else f"{said[:_SHOWN]}…")
