"""What a composite step type says: how it opens, which plan it becomes, what its result is."""

from abc import abstractmethod
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, ClassVar, Literal, Protocol

from graphs.errors import Problem, StepError
from graphs.expressions import EvaluationContext
from graphs.planner import Conclusion, FailurePolicy, Join, Plan, PlannedStep, Results, ordered
from graphs.prepare import Library
from graphs.scope import Frame
from graphs.spec import Step, Workflow
from graphs.state_view import StateView
from graphs.steps import StepContext, StepType, Waiting

Data = Mapping[str, Any]
"""What a composite step found out when it opened: JSON values, kept with its plan's checkpoint, never asked again."""

MAX_NESTING = 16
"""Lists of steps inside steps. Each level is a checkpoint namespace of its own, and nobody reads deeper ones."""

CONTINUE = "continue_on_partial_failure"
FailurePolicyWord = Literal["continue", "stop", "cancel", "fail_fast", "continue_on_partial_failure"]


class RouteChooser(Protocol):
    """Chooses one of several named routes (F17): a resource, so that this room needs no models."""

    def uses(self, context: StepContext, model: str) -> str | None:
        """The model that is asked, whose limits and breaker the question is under."""
        return model or None

    def shown(self, state: Any) -> str:
        """What of the state it is shown: text, in which nothing is secret."""
        ...

    async def ask(self, context: StepContext, question: Mapping[str, Any], said: Sequence[str]) -> dict[str, Any]:
        """Ask once, for `route` and `explanation`.

        Args:
            question: `model`, `prompt`, `routes` (descriptions by name) and `state`.
            said: What was said before, each time none of the routes.

        Returns:
            Where none of the routes was named, `said`; where a budget allows no call, `over`.
        """
        ...

    def more_budget(self, context: StepContext, over: Mapping[str, Any]) -> Waiting:
        """What asks a person for a larger budget."""
        ...


@dataclass(frozen=True, slots=True)
class Opening:
    """What a composite step type may use when it opens.

    Attributes:
        config: Its rendered configuration.
        names, evaluation, state: For what it evaluates itself (conditions).
        context: As for an action.
        workflow: The workflow of that name the execution is pinned to.
    """

    step: Step
    config: Any
    names: Mapping[str, Any]
    evaluation: EvaluationContext
    state: Callable[[], StateView]
    context: StepContext
    library: Library
    workflow: Callable[[str, str | None], Workflow]
    resources: Mapping[type, Any]
    around: Workflow | None = None
    """The workflow whose own step it is; None for steps inside others."""
    instead: Mapping[str, str] = field(default_factory=dict)
    """What it is given in place of what its configuration says, when it is made anew: `model`, `agent`,
    `instructions`."""
    tracks: Callable[[], Awaitable[Mapping[str, Any]]] | None = None
    """What is known of agents that were chosen for a capability, by name."""


class Composite(StepType):
    """A step type with steps inside."""

    grows: ClassVar[bool] = False
    """Whether its plan gets more steps as it goes (loops)."""
    side_by_side: ClassVar[bool] = False
    """Whether the steps under `steps` do not follow one another."""
    adds: ClassVar[frozenset[str]] = frozenset()
    """Names that expressions of the steps inside see besides."""
    hands_on: ClassVar[frozenset[str]] = frozenset()
    """Which of `retry`, `limits` and `breaker` are meant for the steps it makes inside (agents)."""
    see_through: ClassVar[bool] = False
    """Whether a failure inside is told as the step's own: nobody wrote the steps inside (agents)."""
    isolated: ClassVar[bool] = False
    """Whether the steps inside see their own input only (sub-workflows)."""

    def growing(self, step: Step) -> bool:
        """Whether that step's plan gets more steps as it goes."""
        return self.grows

    def tells_as_its_own(self, inner: str | None) -> bool:
        """Whether a failure of that step inside (None: of none of them) is told as the step's own."""
        return self.see_through

    def route(self, step: Step, data: Data, results: Results) -> str | None:
        """Which way it went, for those that have several."""
        return data.get("route")

    async def open(self, opening: Opening) -> Data:
        """Look once at what the step is given; everything after follows from the answer and the definition.

        Raises:
            StepError: the step cannot be opened.
        """
        return {}

    @abstractmethod
    def plan(self, step: Step, data: Data, library: Library) -> Plan:
        """The plan inside. Pure: a resumed execution asks again and must get the same.

        For types that grow, `data` also holds what is known of the plan: `iterations`, how many of them have begun,
        and `results`, by step name.
        """

    def frame(self, frame: Frame, step: Step, data: Data, library: Library) -> Frame:
        """Change what the steps inside see (items, input) where that differs from what is around."""
        return frame

    def grow(
        self, step: Step, data: Data, frame: Frame, library: Library, evaluation: EvaluationContext
    ) -> list[PlannedStep]:
        """For types that grow: the steps to add, now that all so far have settled; none when it is over."""
        return []

    def tells_all(self, data: Data, conclusion: Conclusion) -> bool:
        """Whether its response says what came of everything inside, however deep: then `frame.below` holds it."""
        return False

    @abstractmethod
    def response(
        self, step: Step, data: Data, frame: Frame, conclusion: Conclusion, evaluation: EvaluationContext
    ) -> Any:
        """What the composite step gives; called for failures too, so that what each child did is known (M11)."""

    def acts(self, step: Step) -> bool | None:
        return False

    def check(self, step: Step) -> Iterable[Problem]:
        if step.retry is not None and "retry" not in self.hands_on:
            yield Problem(
                code="composite_retry",
                message=f"step '{step.name}' has steps inside, and only these can be retried.",
                hint="Move 'retry' to the steps inside.",
                where="retry",
            )
        if step.deadline is not None:
            yield Problem(
                code="composite_deadline",
                message=f"step '{step.name}' has steps inside, and is carried out once.",
                hint="Say 'timeout': it bounds the whole of such a step.",
                where="deadline",
            )
        for key in ("limits", "breaker"):
            if getattr(step, key) and key not in self.hands_on:
                yield Problem(
                    code=f"composite_{key}",
                    message=f"step '{step.name}' has steps inside, and only these use anything outside.",
                    hint=f"Move '{key}' to the steps inside.",
                    where=key,
                )


def plan_of(
    planned: Iterable[PlannedStep],
    *,
    failure_policy: FailurePolicy = "stop",
    join: Join | None = None,
    max_parallel: int | None = None,
    staged: bool = False,
) -> Plan:
    """A plan from planned steps, its groups gathered."""
    steps = ordered(planned)
    groups: dict[str, list[str]] = {}
    for name, step in steps.items():
        if step.group is not None:
            groups.setdefault(step.group, []).append(name)
    return Plan(
        steps,
        failure_policy=failure_policy,
        join=join,
        max_parallel=max_parallel,
        staged=staged,
        groups={group: tuple(names) for group, names in groups.items()},
    )


def last_output(plan: Plan, names: Iterable[str], results: Results) -> Any:
    """The output of the last of these steps that completed: what a list of steps gives."""
    last = _last(plan, names, results)
    return plan.effective(last, results).get("output") if last is not None else None


def _last(plan: Plan, names: Iterable[str], results: Results) -> str | None:
    found = None
    for name in names:
        if name in results and plan.steps[name].stands_for is None:
            result = plan.effective(name, results)
            if result["status"] == "completed" or "output" in result:
                found = name
    return found


def told(plan: Plan, names: Sequence[str], results: Results) -> dict[str, Any]:
    """What a list of steps gives as one step: the output of the last, and those of all by name.

    Where the last is such a list itself, its own last output is given, not all that it tells: that stands under `steps`
    already, and would double with every level.
    """
    given = outputs(plan, results)
    output = None
    if (last := _last(plan, names, results)) is not None:
        output = plan.effective(last, results).get("output")
        step = plan.steps[last].step
        is_list = step.output is None and any(step.containers())
        if is_list and isinstance(output, Mapping) and {"output", "steps"} <= output.keys():
            output = output["output"]
    return {"output": output, "steps": {name: given[name] for name in names if name in given}}


def outputs(plan: Plan, results: Results) -> dict[str, Any]:
    """Outputs by step name, of those that have one."""
    return {
        name: plan.effective(name, results).get("output")
        for name, planned in plan.steps.items()
        if name in results and planned.stands_for is None and "output" in plan.effective(name, results)
    }


def too_many(name: str, count: int, most: int) -> StepError:
    """The failure of a step that was given more items than are run in one."""
    return StepError(
        f"step '{name}' was given {count:,} items, and at most {most:,} are run in one step.",
        category="validation",
        code="too_many_items",
        hint="Split the list, for example by a map over chunks with a map inside.",
    )
