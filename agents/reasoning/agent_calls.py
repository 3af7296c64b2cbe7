"""The calls inside an agent step, each performed as a step of its own.

ModelCall       asks the model                                     react_agent
CallApproval    asks a person whether a tool may be called          human_approval
ToolCall        calls a registered tool                            parallel_executor
WorkflowCall    runs a workflow as part of this execution          parallel_executor
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, ClassVar, Final

from agents.approval import Approval, ApprovalConfig
from agents.loading import load
from agents.reasoning.assignment import Assignment, find_tool, open_model
from agents.reasoning.decisions import Decision, edited_to, lets_happen, rejection
from agents.reasoning.spending import Spending, as_kept
from agents.reasoning.trimming import Message
from agents.tools.offers import Offer
from agents.tools.tool_use import ToolApproval
from agents.tools.undoing import announce
from agents.values import shorten
from graphs.composites.base import Data, Opening
from graphs.composites.subworkflow import SubWorkflow, SubWorkflowConfig
from graphs.planner import Plan
from graphs.prepare import Library
from graphs.spec import Step
from graphs.steps import Action, Answer, Node, StepConfig, StepContext, Wait

REFUSED: Final = "tool.refused"
"""The kind of the record of a call that is not made: an unknown tool, one too often, arguments that are none."""

MAX_REASON: Final = 500
"""Characters of the reason that such a record keeps."""

MAX_NAME: Final = 100
"""Characters of the name it keeps: of a tool that there is not, it is whatever a model says."""


class ModelCall(Action):
    """One call of the model. What it gives is in `agents.reasoning.react.turn`.

    Args:
        step: The agent step, for what of its configuration is Python.
        number: Which turn it is, from 0; those that came to nothing for want of budget are not counted.
        reasks: How often an answer has been sent back so far.
        made: How often each tool was called so far.
        conversation: Gives the messages so far; asked only when the call is made.
        read: Those that earlier calls have read already, as LangChain takes them, by identity.
    """

    name: ClassVar[str] = "agent_model"
    summary: ClassVar[str] = "one call of an agent's model"
    node: ClassVar[Node] = "react_agent"

    def __init__(
        self,
        step: Step,
        assignment: Assignment,
        *,
        number: int,
        reasks: int,
        made: Mapping[str, int],
        conversation: Callable[[], Sequence[Message]],
        read: dict[int, tuple[Message, Any]],
    ) -> None:
        self.step = step
        self.assignment = assignment
        self.number = number
        self.reasks = reasks
        self.made = made
        self.conversation = conversation
        self.read = read

    def limit(self, config: StepConfig) -> str | None:
        return self.assignment["model_name"]

    def computes(self, step: Step) -> bool:
        return True

    async def run(self, context: StepContext, config: StepConfig) -> Any:
        told = self.conversation()
        spending = Spending(context, self.assignment, [*told, *self.assignment["tools"]])
        async with spending.allowed() as over:
            if over is not None:
                return {"over": as_kept(over, context.path.rpartition("[")[0])}
            model = await open_model(context, self.assignment, self.step)
            react = await load("agents.reasoning.react")
            context.progress({"kind": "turn", "turn": self.number + 1})
            said: dict[str, Any] = await react.turn(context, model, self, told, spending)
        self._count_refused(context, said["calls"])
        return said

    def _count_refused(self, context: StepContext, calls: Sequence[Mapping[str, Any]]) -> None:
        """Calls that are not made: the model is told, and so is whoever looks at the history."""
        for call in calls:
            if "refused" in call and not call.get("form"):
                whose = {"agent": self.assignment["agent"], "model": self.assignment["model_name"]}
                context.note(
                    REFUSED,
                    {**whose, "tool": shorten(call["name"], MAX_NAME), "why": shorten(call["refused"], MAX_REASON)},
                )


class Summary(Action):
    """Sums up the older part of a conversation that has become too long."""

    name: ClassVar[str] = "agent_summary"
    summary: ClassVar[str] = "sums up the older part of an agent's conversation"
    node: ClassVar[Node] = "react_agent"

    def __init__(self, step: Step, assignment: Assignment, told: Callable[[], Sequence[Message]]) -> None:
        self._step = step
        self._assignment = assignment
        self._told = told

    def limit(self, config: StepConfig) -> str | None:
        return self._assignment["model_name"]

    def computes(self, step: Step) -> bool:
        return True

    async def run(self, context: StepContext, config: StepConfig) -> Any:
        told = self._told()
        spending = Spending(context, self._assignment, told)
        async with spending.allowed() as over:
            if over is not None:
                return {
                    "over": as_kept(over, context.path.rpartition("[")[0])
                }  # the turn itself meets the same budget, and asks for more
            model = await open_model(context, self._assignment, self._step)
            summing = await load("agents.reasoning.summing")
            return await summing.sum_up(context, model, told, self._assignment["model_name"], spending)


@dataclass(frozen=True, slots=True)
class Wanted:
    """A call the model wants.

    Attributes:
        args: As the model gave them.
        decision: What a person said of it (`Approval`'s response); None where nobody is asked.
    """

    offer: Offer
    args: Mapping[str, Any]
    turn: int
    decision: Callable[[], Decision] | None

    @property
    def is_made(self) -> bool:
        """Whether nobody has refused it, or answered in the tool's place."""
        return self.decision is None or lets_happen(self.decision())

    def decided(self) -> tuple[Mapping[str, Any] | None, Any]:
        """The arguments to call with; or None, and the answer a person gave in the tool's place.

        Raises:
            StepError: a person refused; the model is told why.
        """
        said = self.decision() if self.decision is not None else None
        if said is None or lets_happen(said):
            edited = edited_to(said)
            return (self.args if edited is None else edited), None
        if said["decision"] == "responded":
            return None, said["data"]
        raise rejection(self.offer["name"], said)


class ToolCall(Action):
    """One call of a tool that the model asked for."""

    name: ClassVar[str] = "agent_tool"
    summary: ClassVar[str] = "one call of an agent's tool"

    def __init__(self, step: Step, assignment: Assignment, wanted: Wanted) -> None:
        self.step = step
        self.assignment = assignment
        self.wanted = wanted

    def limit(self, config: StepConfig) -> str | None:
        # Where a person has answered in its place, or refused, nothing is called.
        return self.wanted.offer.get("uses") if self.wanted.is_made else None

    async def run(self, context: StepContext, config: StepConfig) -> Any:
        args, answer = self.wanted.decided()
        if args is None:
            return answer
        offer = self.wanted.offer
        tool = find_tool(context, self.assignment, self.step, offer["target"])
        context.progress({"kind": "tool", "turn": self.wanted.turn + 1, "tool": offer["name"], "args": dict(args)})
        if offer.get("effect") == "irreversible" and tool.effect != "irreversible":
            await announce(tool.name, context)
        return await tool.run(args, context)

    def undo_unheard(self, context: StepContext, config: StepConfig) -> Mapping[str, Any] | None:
        args = self.wanted.decided()[0] if self.wanted.is_made else None
        if args is None:
            return None
        return find_tool(context, self.assignment, self.step, self.wanted.offer["target"]).undo_unheard(args, context)


class WorkflowCall(SubWorkflow):
    """A workflow that the model asked for."""

    name: ClassVar[str] = "agent_workflow"
    Config: ClassVar[type[Any]] = StepConfig

    def __init__(self, wanted: Wanted) -> None:
        self.wanted = wanted

    async def open(self, opening: Opening) -> Data:
        args, answer = self.wanted.decided()
        if args is None:
            return {"answer": answer}
        offer = self.wanted.offer
        opening.context.progress(
            {"kind": "tool", "turn": self.wanted.turn + 1, "tool": offer["name"], "args": dict(args)}
        )
        if offer.get("effect") == "irreversible":
            await announce(offer["target"], opening.context)
        config = SubWorkflowConfig(workflow=offer["target"], version=offer.get("version"), input=dict(args))
        return await super().open(replace(opening, config=config))

    def plan(self, step: Step, data: Data, library: Library) -> Plan:
        return Plan({}) if "answer" in data else super().plan(step, data, library)

    def frame(self, frame: Any, step: Step, data: Data, library: Library) -> Any:
        return frame if "answer" in data else super().frame(frame, step, data, library)

    def response(self, step: Step, data: Data, frame: Any, conclusion: Any, evaluation: Any) -> Any:
        if "answer" in data:
            return data["answer"]
        return super().response(step, data, frame, conclusion, evaluation)


class CallApproval(Approval):
    """Asks a person whether a tool may be called."""

    name: ClassVar[str] = "agent_approval"
    Config: ClassVar[type[Any]] = StepConfig

    def __init__(self, agent: str, offer: Offer, args: Mapping[str, Any], rule: ToolApproval) -> None:
        self._agent = agent
        self._offer = offer
        self._config = ApprovalConfig(
            message=rule.message or f"May agent '{agent}' call '{offer['name']}'?",
            payload=dict(args),
            assignees=rule.assignees,
            groups=rule.groups,
            allow=("approve", "reject", "edit", "respond"),
            timeout=rule.timeout,
            on_timeout=rule.on_timeout,
            on_reject="continue",
        )

    def wait(self, context: StepContext, config: Any) -> Wait:
        wait = super().wait(context, self._config)
        more = {
            "agent": self._agent,
            "tool": self._offer["name"],
            "effect": self._offer.get("effect"),
            "edit_schema": self._offer["parameters"],
        }
        return replace(wait, question={**wait.question, **more})

    def settle(self, context: StepContext, config: Any, wait: Wait, answer: Answer) -> Any:
        return super().settle(context, self._config, wait, answer)
