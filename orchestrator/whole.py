"""Work that is done whole or not at all, whoever is cancelled meanwhile; and tasks that are stopped."""

import asyncio
from collections.abc import Coroutine
from typing import Any, TypeVar

T = TypeVar("T")


async def whole(work: Coroutine[Any, Any, T]) -> T:
    """Carry it out to its end also when this is cancelled meanwhile: an execution that is half begun is nobody's."""
    doing = asyncio.ensure_future(work)
    try:
        return await asyncio.shield(doing)
    except asyncio.CancelledError:
        await asyncio.wait([doing])
        raise


async def stopped(task: "asyncio.Task[Any]") -> None:
    """Cancel a task, and return when it has ended. A cancel of whoever waits for that is not taken for the task's.

    Raises:
        BaseException: what it ended with, if not with that.
    """
    task.cancel()
    await asyncio.wait([task])
    if not task.cancelled():
        task.result()
