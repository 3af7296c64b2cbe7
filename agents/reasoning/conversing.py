"""A conversation as a LangGraph graph: messages in, messages out. What chat clients of LangGraph speak to when nobody
has made anything for them.

It calls the application's default model, with the tools that change nothing in the world outside. Whatever acts belongs
in a workflow, where it is kept, approved and undone.
"""

from collections.abc import Mapping
from typing import Any

from langchain_core.messages import AnyMessage
from langchain_core.runnables import RunnableConfig
from langchain_core.tools import BaseTool, StructuredTool
from langgraph.graph import START, MessagesState, StateGraph
from langgraph.prebuilt import ToolNode, tools_condition

from agents.loading import load
from agents.models.models import Models, model_name
from agents.planning.bounds import AssistantBounds, within
from agents.tools.tools import Tool, Tools
from graphs.clock import Clock
from graphs.errors import StepError
from graphs.steps import Logger, StepContext


def conversing(name: str, resources: Mapping[type, Any], clock: Clock, log: Logger) -> Any:
    """The graph.

    Args:
        name: What it is served as.
        resources: The application's, by type: its models, its tools, and what of them may be used unasked.
    """
    models: Models = resources[Models]
    offered = _Offered(name, resources, clock, log)
    tools = [offered.as_langchain(tool) for tool in _harmless(resources)]

    async def agent(state: MessagesState) -> dict[str, list[AnyMessage]]:
        if models.default is None:
            raise StepError(
                "no model is set that could answer: set BATON_MODEL (openai:gpt-5-mini, say) and start Baton again.",
                category="validation",
                code="model_missing",
                hint="With BATON_MODEL=scripted:echo it repeats what is said, to try things out without a key.",
            )
        model = await models.open()
        speaker = model.bind_tools(tools) if tools else model
        try:
            said: Any = await speaker.ainvoke(state["messages"])
        except Exception as error:
            providers = await load("agents.models.providers")
            explained = providers.explain(error, model_name(models.default) or "the model", clock.now())
            if explained is None:
                raise
            raise explained from error
        return {"messages": [said]}

    graph = StateGraph(MessagesState)
    graph.add_node("agent", agent)
    graph.add_edge(START, "agent")
    if tools:
        graph.add_node("tools", ToolNode(tools))
        graph.add_conditional_edges("agent", tools_condition)
        graph.add_edge("tools", "agent")
    return graph.compile(name=name)


def _harmless(resources: Mapping[type, Any]) -> list[Tool]:
    tools: Tools = resources[Tools]
    bounds: AssistantBounds = resources[AssistantBounds]
    found = [tools.get(name) for name in within(tools.names(), bounds.tools)]
    return [tool for tool in found if tool.effect == "none" and tool.approval is None]


class _Offered:
    """Tools of ours as LangChain has them."""

    def __init__(self, name: str, resources: Mapping[type, Any], clock: Clock, log: Logger) -> None:
        self._name = name
        self._resources = resources
        self._clock = clock
        self._log = log

    def as_langchain(self, tool: Tool) -> BaseTool:
        """One of them."""

        async def call(config: RunnableConfig, **arguments: Any) -> Any:
            return await tool.run(tool.arguments_of(arguments), self._context(tool, config, arguments))

        return StructuredTool(
            name=tool.name, description=tool.description, args_schema=dict(tool.parameters), coroutine=call
        )

    def _context(self, tool: Tool, config: RunnableConfig, arguments: Mapping[str, Any]) -> StepContext:
        thread = str(config.get("configurable", {}).get("thread_id", ""))
        return StepContext(
            execution_id=thread,
            workflow=self._name,
            version="",
            path=f"tools.{tool.name}",
            name=tool.name,
            attempt=1,
            idempotency_key=f"{thread}:{tool.name}",
            input=arguments,
            state={},
            clock=self._clock,
            log=self._log,
            resources=self._resources,
        )
