"""Executions over which processes have died in a row are taken up one after the other.

Whichever of them kills the process: it must not take the others with it each time, until all look guilty. But most are
innocent, and whoever waits for them must not wait the longer the more there are.
"""

import asyncio
from collections.abc import Callable, Sequence

_SUSPECTED = 5.0
"""Seconds after which an execution that has not killed the process is not suspected any more."""

_IN_ALL = 30.0
"""Seconds within which all of them are taken up."""


async def one_by_one(suspects: Sequence[str], take: Callable[[str], asyncio.Task[None] | None]) -> None:
    """Take them up, each when the one before it has been left, or has been at work for long enough.

    Args:
        suspects: The least suspect first.
        take: Takes one up; its drive, if it is driven now.
    """
    for execution_id in suspects:
        if (task := take(execution_id)) is not None:
            await asyncio.wait([task], timeout=min(_SUSPECTED, _IN_ALL / len(suspects)))
