"""`parallel_executor`: performs automatic steps, many at once under limits; composite ones and partitions too."""

from typing import Any

from langchain_core.runnables import RunnableConfig
from langgraph.runtime import Runtime

from graphs.composites import Composite
from graphs.nodes import action, composite
from graphs.nodes.child import run_partition
from graphs.nodes.perform import Body, Dispatch, PlanContext, Update, perform
from graphs.state import Result


async def parallel_executor(
    dispatch: Dispatch, runtime: Runtime[PlanContext], config: RunnableConfig
) -> dict[str, Any]:
    """Perform one step (many of these bodies run side by side), or one partition of a very large plan."""
    context = runtime.context
    if names := dispatch.get("partition"):
        return await _partition(context, dispatch["step"], names, config)
    return await perform(dispatch, context, config, _act)


async def _act(body: Body) -> Result:
    if isinstance(body.prepared.kind, Composite):
        return await composite.act(body)
    return await action.act(body)


async def _partition(context: PlanContext, name: str, names: list[str], config: RunnableConfig) -> Update:
    context.flow.entered.add(name)
    await run_partition(context, name, names, config)
    board = context.flow.board
    result: Result = {"status": "completed", "inner": {inner: board.results[inner] for inner in names}}
    update: Update = {"steps": {name: result}}
    if context.is_root and board.failed():
        update["next_action"] = "error"
    return update
