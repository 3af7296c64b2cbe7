"""`react_agent`: performs agent steps (a model that reasons, acts through tools, and answers) and each model call."""

from langchain_core.runnables import RunnableConfig
from langgraph.runtime import Runtime

from graphs.composites import Composite
from graphs.nodes import action, composite
from graphs.nodes.body import Body, Dispatch, PlanContext
from graphs.nodes.perform import Update, perform
from graphs.state import Result


async def react_agent(dispatch: Dispatch, runtime: Runtime[PlanContext], config: RunnableConfig) -> Update:
    """Perform one `agent` step, or one call of a model inside it."""
    return await perform(dispatch, runtime.context, config, _act)


async def _act(body: Body) -> Result:
    if isinstance(body.prepared.kind, Composite):
        return await composite.act(body)
    return await action.act(body)
