"""Telling others what happens and how runs ended (Standard Webhooks): when there is something to tell, and when the
next attempt is due. Everybody who is told has a lane; one that does not answer delays nobody else.
"""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Final

from graphs.steps import Logger
from orchestrator.engine import Orchestrator
from orchestrator.serving.bell import Bell
from orchestrator.store.served.values import Run
from orchestrator.webhooks.lanes import Lanes
from orchestrator.webhooks.records import RecordWebhooks
from orchestrator.webhooks.runs import RunWebhooks

_PLACES: Final = 32
"""Messages of a tenant that are under way at the same time."""

_BREATH: Final = 0.02
"""Seconds between two looks: what happens in between is told together."""

_AFTER_TROUBLE: Final = 5.0
_UNHEARD: Final = 30.0
"""Seconds between looks for records that another process kept, of which nobody tells this one."""


class Outbound:
    """Sends. One for each engine that drives.

    Args:
        baton: Whose records and runs.
        networks: Networks that may be called besides the public one.
        log: Where is said what could not be told.

    Attributes:
        runs: Tells how runs ended.
    """

    def __init__(self, baton: Orchestrator, networks: tuple[str, ...], log: Logger) -> None:
        self.runs = RunWebhooks(baton, networks, log)
        self._baton = baton
        self._records = RecordWebhooks(baton, networks, log)
        self._log = log
        self._bell = Bell(baton.clock, "webhooks", self._left, self._look)
        self._lanes = Lanes(_PLACES, broken=self._broken, over=self._bell.arm)
        self._news = True
        self._trouble = False
        self._kinds: frozenset[str] = frozenset()
        self._hearing: asyncio.Task[None] | None = None

    def wake(self) -> None:
        """There may be something to tell."""
        if not self._news:
            self._news = True
            self._bell.arm()

    def run_ended(self, run: Run) -> None:
        """A run has ended; somebody may want to know."""
        if run.request.get("webhook") is not None:
            self.wake()

    @asynccontextmanager
    async def serving(self) -> AsyncIterator[None]:
        """Send until the block ends, first what an earlier process left."""
        try:
            async with self._bell.serving():
                yield
        finally:
            await self._hear(frozenset())
            await self._lanes.close()

    async def once(self) -> None:
        """Tell everybody who is due what they do not know yet; return when that is done."""
        await self._look()
        await self._lanes.idle()

    def _left(self) -> float | None:
        if self._news:
            return 0.0
        attempts = (self._baton.store.next_target(), self._baton.store.next_run_webhook())
        now = self._baton.clock.now()
        left = [max(0.0, (at - now).total_seconds()) for at in attempts if at is not None]
        return min([*left, *([_UNHEARD] if self._kinds else [])], default=None)

    async def _look(self) -> float:
        """Have everybody told who is due; gives the seconds until the next look at least."""
        self._news = self._trouble = False
        try:
            targets = await self._baton.store.targets()
            await self._hear(frozenset(kind for target in targets for kind in target.kinds))
            self._records.look(targets, self._lanes)
            await self.runs.look(self._lanes)
        except Exception as error:  # noqa: BLE001 - the edge of a task: whatever broke a look, there is a next one
            self._broken(error)
        return _AFTER_TROUBLE if self._trouble else _BREATH

    def _broken(self, error: Exception) -> None:
        self._log.warning("webhooks.stuck", error=f"{type(error).__name__}: {error}")
        self._news = self._trouble = True
        self._bell.arm(_AFTER_TROUBLE)

    async def _hear(self, kinds: frozenset[str]) -> None:
        """Listen to records of these kinds, before it is looked what there is of them."""
        if kinds == self._kinds:
            return
        self._kinds = kinds
        if self._hearing is not None:
            self._hearing.cancel()
            await asyncio.gather(self._hearing, return_exceptions=True)
            self._hearing = None
        if kinds:
            listening = asyncio.Event()
            self._hearing = asyncio.create_task(self._listen(kinds, listening), name="records for webhooks")
            await listening.wait()

    async def _listen(self, kinds: frozenset[str], listening: asyncio.Event) -> None:
        with self._baton.listen(kinds=kinds) as records:
            listening.set()
            async for _ in records:
                self.wake()
