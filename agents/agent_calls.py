"""The calls inside an agent step, each performed as a step of its own."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any, ClassVar

from agents.assignment import Assignment, find_tool, open_model
from agents.loading import load
from graphs.spec import Step
from graphs.steps import Action, Node, StepConfig, StepContext

Message = Mapping[str, Any]
"""A message of the conversation: `{"role", "content"}`, `{"ai": …}` as LangChain keeps it, or a tool's result with
its `tool_call_id`."""


class ModelCall(Action):
    """One call of the model. What it gives is in `agents.react.turn`.

    Args:
        step: The agent step, for what of its configuration is Python.
        number: Which turn it is, from 0.
        reasks: How often an answer has been sent back so far.
        conversation: Gives the messages so far; asked only when the call is made.
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
        conversation: Callable[[], Sequence[Message]],
    ) -> None:
        self.step = step
        self.assignment = assignment
        self.number = number
        self.reasks = reasks
        self.conversation = conversation

    def limit(self, config: StepConfig) -> str | None:
        return self.assignment["model_name"]

    async def run(self, context: StepContext, config: StepConfig) -> Any:
        model = await open_model(context, self.assignment, self.step)
        react = await load("agents.react")
        context.progress({"kind": "turn", "turn": self.number + 1})
        return await react.turn(context, model, self)


class ToolCall(Action):
    """One call of a tool that the model asked for."""

    name: ClassVar[str] = "agent_tool"
    summary: ClassVar[str] = "one call of an agent's tool"

    def __init__(self, step: Step, assignment: Assignment, tool: str, args: Mapping[str, Any], turn: int) -> None:
        self.step = step
        self.assignment = assignment
        self.tool = tool
        self.args = args
        self.turn = turn

    async def run(self, context: StepContext, config: StepConfig) -> Any:
        tool = find_tool(context, self.assignment, self.step, self.tool)
        context.progress({"kind": "tool", "turn": self.turn + 1, "tool": self.tool, "args": dict(self.args)})
        return await tool.run(self.args, context)
