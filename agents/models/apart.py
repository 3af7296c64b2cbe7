"""Running LangChain inside a step without the graph around it noticing, or the other way round."""

import asyncio
import contextvars
from collections.abc import AsyncIterator, Awaitable, Coroutine
from typing import TypeVar

from langchain_core.runnables.config import var_child_runnable_config

T = TypeVar("T")


async def apart(work: Awaitable[T]) -> T:
    """The result of the work, done without the surrounding graph's configuration.

    LangGraph hands its configuration down in a context variable; an agent that found it would take itself for a
    subgraph of ours, write its checkpoints into our execution's namespaces and its messages into our streams.
    """
    surroundings = contextvars.copy_context()
    surroundings.run(var_child_runnable_config.set, None)
    try:
        return await asyncio.get_running_loop().create_task(_awaited(work), context=surroundings)
    finally:
        if isinstance(work, Coroutine):
            work.close()  # one that was cut off before it began would be told of as forgotten


async def stream_apart(source: AsyncIterator[T]) -> AsyncIterator[T]:
    """The same for what comes piece by piece: each is made without, and handed out with, what is around."""
    while True:
        before = var_child_runnable_config.set(None)
        try:
            piece = await anext(source)
        except StopAsyncIteration:
            return
        finally:
            var_child_runnable_config.reset(before)
        yield piece


async def _awaited(work: Awaitable[T]) -> T:
    return await work
