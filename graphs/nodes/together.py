"""Several steps in one body, side by side: what LangGraph does for a body is done once for all of them.

Each has its own result all the same, kept when it settles. LangGraph hears of them together, when the last has settled.
"""

import asyncio
from collections.abc import Sequence
from contextvars import copy_context

from langchain_core.runnables import RunnableConfig
from langchain_core.runnables.config import var_child_runnable_config
from langgraph.errors import GraphInterrupt

from graphs.nodes.body import PlanContext
from graphs.nodes.perform import Act, Update, settle, update


async def side_by_side(names: Sequence[str], context: PlanContext, config: RunnableConfig, act: Act) -> Update:
    """Carry steps from dispatch to result.

    Raises:
        GraphInterrupt: the flow parks; run those without a result again on resume.
    """
    # A graph that a function runs would take itself for a subgraph of ours, and all of them for the same one.
    surroundings = copy_context()
    surroundings.run(var_child_runnable_config.set, None)
    loop = asyncio.get_running_loop()
    bodies = [
        loop.create_task(_settled(name, context, config, act), name=name, context=surroundings.copy()) for name in names
    ]
    if not await _all(bodies):
        raise GraphInterrupt(())
    return update(context, names)


async def _settled(name: str, context: PlanContext, config: RunnableConfig, act: Act) -> bool:
    """Whether the step has a result, and that is kept; otherwise it is parked."""
    try:
        await settle(name, context, config, act)
    except GraphInterrupt:
        return False
    return True


async def _all(bodies: Sequence[asyncio.Task[bool]]) -> bool:
    try:
        return await bodies[0] if len(bodies) == 1 else all(await asyncio.gather(*bodies))
    finally:
        # One that cannot go on ends the others, and none outlives the body that it belongs to.
        if late := [body for body in bodies if not body.done()]:
            for body in late:
                body.cancel()
            await asyncio.wait(late)
