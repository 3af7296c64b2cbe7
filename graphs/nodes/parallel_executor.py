"""`parallel_executor`: performs automatic steps, many at once under limits; composite ones and partitions too."""

from langchain_core.runnables import RunnableConfig
from langgraph.runtime import Runtime
from langgraph.types import Command

from graphs.composites import Composite
from graphs.nodes import action, composite
from graphs.nodes.body import Body, Dispatch, PlanContext
from graphs.nodes.child import run_partition
from graphs.nodes.perform import Update, perform
from graphs.nodes.together import side_by_side
from graphs.state import Result


async def parallel_executor(dispatch: Dispatch, runtime: Runtime[PlanContext], config: RunnableConfig) -> Update:
    """Perform steps side by side: all plain ones of a plan in one body; or one composite step, or one partition of a
    very large plan, each in a body of its own."""
    context = runtime.context
    if together := dispatch.get("steps"):
        return await side_by_side(together, context, config, action.act)
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
    change = {"steps": {name: result}}
    if context.has_last_steps or (context.is_root and (board.halt is not None or _some_failed(context, names))):
        return Command(update=change, goto="error_recovery")
    return change


def _some_failed(context: PlanContext, names: list[str]) -> bool:
    board = context.flow.board
    return any(board.plan.failed_for_good(name, board.results) for name in names)
