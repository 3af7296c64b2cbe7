"""The past of workflows and agents, asked of the store once in a while: an execution must not wait for it."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from typing import Any, Final, TypeVar

from agents.reasoning.capability import Track
from graphs.analysis import Past
from graphs.clock import Clock
from orchestrator.store.sqlite import SqliteStore

T = TypeVar("T")
_FRESH: Final = 10.0
"""Seconds for which what is known of a workflow is not asked again: it changes little with one more execution."""
_MOST: Final = 1000


class PastOfAll:
    """What the store knows of the past, remembered for a while."""

    def __init__(self, store: SqliteStore, clock: Clock) -> None:
        self._store = store
        self._clock = clock
        self._known: dict[Any, tuple[float, asyncio.Future[Any]]] = {}

    async def of(self, workflow: str, tenant: str) -> Past | None:
        """How the last executions of a workflow went."""
        return await self._remembered(("workflow", workflow, tenant), lambda: self._store.past_of(workflow, tenant))

    async def tracks(self, tenant: str) -> Mapping[str, Track]:
        """What agents have done when chosen for a capability. Never remembered: each choice changes the load."""
        await self._store.barrier()  # what was chosen a moment ago is load now
        return await self._store.tracks(tenant)

    async def _remembered(self, key: Any, ask: Callable[[], Awaitable[T]]) -> T:
        """Asked once for all who want to know it at the same time: they may be thousands."""
        now = self._clock.monotonic()
        since, asked = self._known.get(key, (now, None))
        if asked is None or now - since >= _FRESH or _in_vain(asked):
            if len(self._known) >= _MOST:
                self._known.clear()
            asked = asyncio.ensure_future(ask())
            self._known[key] = (now, asked)
        return await asyncio.shield(asked)


def _in_vain(asked: asyncio.Future[Any]) -> bool:
    return asked.done() and (asked.cancelled() or asked.exception() is not None)
