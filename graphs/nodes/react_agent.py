"""`react_agent`: performs agent steps: a model that reasons, acts through tools, and answers."""

from langchain_core.runnables import RunnableConfig
from langgraph.runtime import Runtime

from graphs.nodes import action
from graphs.nodes.perform import Dispatch, PlanContext, Update, perform


async def react_agent(dispatch: Dispatch, runtime: Runtime[PlanContext], config: RunnableConfig) -> Update:
    """Perform one `agent` step."""
    return await perform(dispatch, runtime.context, config, action.act)
