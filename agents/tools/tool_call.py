"""`tool`: run one tool with given arguments (I06, T08)."""

from collections.abc import Mapping
from typing import Any

from agents.services.redaction import Redaction
from agents.tools.tools import Tool, Tools
from graphs.steps import Action, StepConfig, StepContext


class ToolConfig(StepConfig):
    """What a `tool` step is told.

    Attributes:
        tool: A registered tool's name, or (from Python) the tool; without it, the step's own name is looked up (X30).
        args: Arguments by name; without them, the step's input is given, as to a `function`.
        by_name: Of that input only what has an argument's name is taken, and never the whole of it for a single one.
    """

    tool: str | Tool | None = None
    args: dict[str, Any] | None = None
    by_name: bool = False


class ToolStep(Action):
    """Runs a tool."""

    name = "tool"
    summary = "runs one of the application's tools"
    Config = ToolConfig
    takes = ("args",)

    def uses(self, context: StepContext, config: ToolConfig) -> str | None:
        return _tool(context, config).uses

    async def run(self, context: StepContext, config: ToolConfig) -> Any:
        tool = _tool(context, config)
        arguments = _arguments(tool, context, config)
        redaction = Redaction([arguments])
        with redaction.of_errors():
            return redaction.value(await tool.run(arguments, redaction.context(context)))

    def undo_unheard(self, context: StepContext, config: ToolConfig) -> Mapping[str, Any] | None:
        tool = _tool(context, config)
        arguments = _arguments(tool, context, config)
        return tool.undo_unheard(arguments, context)


def _arguments(tool: Tool, context: StepContext, config: ToolConfig) -> Mapping[str, Any]:
    if config.args is not None:
        return config.args
    return tool.arguments_of(context.input, by_name=config.by_name)


def _tool(context: StepContext, config: ToolConfig) -> Tool:
    wanted = config.tool or context.name
    return wanted if isinstance(wanted, Tool) else context.resource(Tools).get(wanted)
