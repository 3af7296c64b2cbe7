"""Waiting for what nothing can be awaited for."""

import asyncio
from collections.abc import Awaitable, Callable

DEADLINE_SECONDS = 60.0
"""For tests that will fail; a busy machine must not make one."""


async def until(fact: Callable[[], Awaitable[bool]], what: str) -> None:
    """Look again and again until something is so; a test that waited in vain says for what."""
    try:
        async with asyncio.timeout(DEADLINE_SECONDS):
            while not await fact():
                await asyncio.sleep(0.005)
    except TimeoutError:
        raise AssertionError(f"Waited {DEADLINE_SECONDS:g} s in vain: {what}") from None
