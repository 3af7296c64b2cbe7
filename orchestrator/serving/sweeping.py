"""What has had its time is deleted: threads and items with a time to live, what runs said a day ago."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from datetime import timedelta

from graphs.clock import Alarm, Clock
from graphs.errors import BatonError, NotFoundError
from graphs.steps import Logger
from orchestrator.store.sqlite import SqliteStore

_REMEMBERED = timedelta(days=1)
"""How long what a resumable run said can be read after its end."""

_LONGEST = 3600.0
_SHORTEST = 1.0
"""Seconds between two sweeps: those that come due together go together."""


class Sweeper:
    """Sweeps when something is due, and once an hour."""

    def __init__(self, store: SqliteStore, clock: Clock, log: Logger) -> None:
        self._store = store
        self._clock = clock
        self._log = log
        self._alarm: Alarm | None = None
        self._sweeping: asyncio.Task[None] | None = None
        self._open = False

    @asynccontextmanager
    async def serving(self) -> AsyncIterator[None]:
        """Sweep until the block ends, first what came due while nobody was there."""
        self._open = True
        await self.sweep()
        try:
            yield
        finally:
            self._open = False
            if self._alarm is not None:
                self._alarm.cancel()
            if self._sweeping is not None:
                self._sweeping.cancel()
                with suppress(asyncio.CancelledError):
                    await self._sweeping

    def arm(self) -> None:
        """Something with a time to live was kept: look again when it ends."""
        if self._alarm is not None:
            self._alarm.cancel()
            self._alarm = None
        if self._open:
            ends = [self._store.next_expiry(), self._store.next_item_expiry()]
            left = [(end - self._clock.now()).total_seconds() for end in ends if end is not None]
            self._alarm = self._clock.call_later(max(_SHORTEST, min([*left, _LONGEST])), self._ring)

    async def sweep(self) -> None:
        """Delete what is over."""
        try:
            for thread_id, tenant in await self._store.expired_threads():
                with suppress(NotFoundError):
                    await self._store.delete_thread(thread_id, tenant)
            await self._store.sweep_items()
            await self._store.sweep_events(self._clock.now() - _REMEMBERED)
        except BatonError as error:  # the store cannot write now; what is over stays over
            self._log.error("sweep.failed", **error.as_dict())
        self.arm()

    def _ring(self) -> None:
        if self._sweeping is None or self._sweeping.done():
            self._sweeping = asyncio.create_task(self.sweep(), name="sweep")
