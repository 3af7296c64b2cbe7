"""`agent`: let a model reason and act with tools until it has an answer (I05, I07, T07).

An agent step is a composite: its plan grows by one turn at a time, and the parts of a turn are steps like any other.

    ask[0].model       one call of the model          react_agent
    ask[0].refund-0    one call of a tool             parallel_executor
    ask[1].model       the next call of the model, told what the tools gave

So each call has a result that is committed before anything builds on it, an idempotency key that stays the same over
crashes and retries, a time limit, a record; what a killed process had completed is neither paid nor done again.
What LangChain's agent is used for is one turn (`react`): its own loop keeps its place in checkpoints of its
own, which an edit or a retry from a step would void, and ends its supersteps with the slowest tool.
"""

from collections.abc import Iterable, Iterator, Mapping
from typing import Any, ClassVar

from agents.loading import load_now
from agents.models.models import model_name, split_name
from agents.reasoning.agent_config import AgentConfig
from agents.reasoning.agents import Agent
from agents.reasoning.assignment import assign
from agents.reasoning.conversation import Conversation
from agents.reasoning.turns import Course
from agents.tools.offers import NO_SUCH_STEP, no_such_step
from graphs.composites.base import Composite, Data, Opening, plan_of
from graphs.errors import Problem, StepError
from graphs.expressions import EvaluationContext
from graphs.planner import Conclusion, Plan, PlannedStep, Results
from graphs.prepare import Library
from graphs.scope import Frame
from graphs.spec import Budget, Step
from graphs.steps import Action, Node
from graphs.values import json_object


class AgentStep(Composite):
    """Runs an agent.

    The response is `{"answer", "structured", "messages", "tool_calls", "usage", "turns", "refused", "agent",
    "model"}` (`tool_calls`: with the `args` they were made with, and what was `asked` where a person changed them;
    `refused`: how many calls were not made; a `usage` that is `estimated` is of a provider that did not
    count all of it); that of a step that failed holds what was done until then.
    """

    name: ClassVar[str] = "agent"
    summary: ClassVar[str] = "lets a model reason and act with tools until it has an answer"
    node: ClassVar[Node] = "react_agent"
    Config: ClassVar[type[AgentConfig]] = AgentConfig
    takes = ("message",)
    containers: ClassVar[frozenset[str]] = frozenset({"steps"})
    """Steps that the model may call as tools: their `input_schema` says with which `args`."""
    side_by_side: ClassVar[bool] = True
    adds: ClassVar[frozenset[str]] = frozenset({"args"})
    grows: ClassVar[bool] = True
    see_through: ClassVar[bool] = True
    hands_on: ClassVar[frozenset[str]] = frozenset({"retry", "limits", "breaker"})

    def limit(self, config: AgentConfig) -> str | None:
        own = config.agent.model if isinstance(config.agent, Agent) else None
        return model_name(config.model or own)

    def acts(self, step: Step) -> bool | None:
        tools = step.config.get("tools")
        return False if "agent" not in step.config and "agent_capability" not in step.config and not tools else None

    def check(self, step: Step) -> Iterable[Problem]:
        yield from super().check(step)
        yield from _said_of_steps(step)
        model, schema = step.config.get("model"), step.config.get("output_schema")
        if isinstance(model, str) and "{{" not in model:
            try:
                split_name(model)
            except StepError as error:
                yield Problem("model_invalid", error.message, error.hint, where="config.model")
        if isinstance(schema, dict):
            try:
                load_now("agents.schemas").check_schema(schema)
            except StepError as error:
                yield Problem("schema_invalid", error.message, error.hint, where="config.output_schema")

    async def open(self, opening: Opening) -> Data:
        return json_object(await assign(opening))

    def plan(self, step: Step, data: Data, library: Library) -> Plan:
        return plan_of(self._course(step, data, data["results"], library).planned(), failure_policy="stop")

    def frame(self, frame: Frame, step: Step, data: Data, library: Library) -> Frame:
        frame.items, frame.item_name = self._course(step, data, data["results"], library).arguments, "args"
        # For what its tools have inside them: agents in a workflow that it calls spend what it may spend.
        frame.budgets = {scope: Budget.model_validate(budget) for scope, budget in data["budgets"].items()}
        frame.timed = any(budget.call_seconds is not None for budget in frame.budgets.values())
        return frame

    def grow(
        self, step: Step, data: Data, frame: Frame, library: Library, evaluation: EvaluationContext
    ) -> list[PlannedStep]:
        if "course" not in frame.memo:  # a long conversation is not read anew for every call
            frame.memo["course"] = self._course(step, data, frame.results, library)
        course: Course = frame.memo["course"]
        frame.items = course.arguments
        more = course.more(frame.plan.steps)
        if not more and not course.over:
            raise course.ended()
        return more

    def response(
        self, step: Step, data: Data, frame: Frame, conclusion: Conclusion, evaluation: EvaluationContext
    ) -> Any:
        return Conversation(data, frame.results).response()

    def _course(self, step: Step, data: Data, results: Results, library: Library) -> Course:
        return Course(step, data, results, self.asking, library)

    def asking(self, step: Step, call: Action) -> Action:
        """What performs a call of the model; for step types that put something around it."""
        return call


def _said_of_steps(step: Step) -> Iterator[Problem]:
    """What is wrong with what `tools` says of the steps inside."""
    tools, inside = step.config.get("tools"), {one.name: one for one in step.steps}
    for index, use in enumerate(tools if isinstance(tools, list | tuple) else ()):
        name, effect = _of_use(use, "step"), _of_use(use, "effect")
        if name is None or "{{" in name:
            continue
        where = f"config.tools[{index}]"
        if (named := inside.get(name)) is None:
            yield Problem(NO_SUCH_STEP, *no_such_step(name, inside), where=f"{where}.step")
        elif named.compensate is not None and effect in ("none", "irreversible"):
            words = f"step '{name}' says what undoes it, and as a tool its effect is '{effect}'."
            yield Problem("tool_undo", words, "Leave 'effect' out, or 'compensate'.", where=f"{where}.effect")


def _of_use(use: Any, key: str) -> str | None:
    value = use.get(key) if isinstance(use, Mapping) else getattr(use, key, None)
    return value if isinstance(value, str) else None
