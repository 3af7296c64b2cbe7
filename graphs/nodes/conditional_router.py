"""`conditional_router`: settles which way to go (a condition, the first case that fits, a model), and goes it."""

from langchain_core.runnables import RunnableConfig
from langgraph.runtime import Runtime

from graphs.nodes import composite
from graphs.nodes.body import Dispatch, PlanContext
from graphs.nodes.perform import Update, perform


async def conditional_router(dispatch: Dispatch, runtime: Runtime[PlanContext], config: RunnableConfig) -> Update:
    """Perform one `conditional` or `switch` step."""
    return await perform(dispatch, runtime.context, config, composite.act)
