"""LangGraph's nodes without the run managers of LangChain's callbacks, where nobody listens to them.

LangGraph runs every node as a sequence that tells callbacks of its start and its end, in a task of its own. With no
callback and no tracer that is a tenth of what a step costs; with one, everything is as LangGraph does it.
"""

from typing import Any

from langchain_core.callbacks import BaseCallbackManager
from langchain_core.runnables import RunnableConfig
from langchain_core.runnables.config import var_child_runnable_config
from langgraph._internal._runnable import RunnableSeq
from langgraph.pregel import Pregel


class Untraced(RunnableSeq):
    """A node and its writers; traced only where somebody listens."""

    async def ainvoke(self, input: Any, config: RunnableConfig | None = None, **kwargs: Any) -> Any:  # noqa: A002
        if config is None or kwargs or _is_heard(config):
            return await super().ainvoke(input, config, **kwargs)
        # LangGraph runs each node in a task of its own, so that this is seen by nobody else.
        var_child_runnable_config.set(config)
        for step in self.steps:
            input = await step.ainvoke(input, config)  # noqa: A001
        return input


def _is_heard(config: RunnableConfig) -> bool:
    manager = config.get("callbacks")
    if isinstance(manager, BaseCallbackManager):
        return bool(manager.handlers)
    return bool(manager)


def untraced(graph: Pregel[Any, Any, Any, Any]) -> None:
    """Make the graph's nodes quiet."""
    for node in graph.nodes.values():
        sequence = node.node
        if type(sequence) is RunnableSeq:
            quiet = Untraced(*sequence.steps, name=sequence.name, trace_policy=sequence.trace_policy)
            quiet.trace_inputs = sequence.trace_inputs
            node.__dict__["node"] = quiet  # in the place of what LangGraph has worked out and remembered
