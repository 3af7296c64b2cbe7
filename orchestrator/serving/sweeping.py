"""What has had its time is deleted: threads and items with a time to live, what runs said a day ago."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from datetime import timedelta

from graphs.clock import Clock
from graphs.errors import BatonError, NotFoundError
from graphs.steps import Logger
from orchestrator.serving.bell import Bell
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
        self._bell = Bell(clock, "sweep", self._left, self._sweep)

    @asynccontextmanager
    async def serving(self) -> AsyncIterator[None]:
        """Sweep until the block ends, first what came due while nobody was there."""
        await self._sweep()
        async with self._bell.serving():
            yield

    def arm(self) -> None:
        """Something with a time to live was kept: look again when it ends."""
        self._bell.arm()

    def _left(self) -> float:
        ends = [self._store.next_expiry(), self._store.next_item_expiry()]
        left = [(end - self._clock.now()).total_seconds() for end in ends if end is not None]
        return max(_SHORTEST, min([*left, _LONGEST]))

    async def _sweep(self) -> float:
        """Delete what is over."""
        try:
            for thread_id, tenant in await self._store.expired_threads():
                with suppress(NotFoundError):
                    await self._store.delete_thread(thread_id, tenant)
            await self._store.sweep_items()
            await self._store.sweep_events(self._clock.now() - _REMEMBERED)
        except BatonError as error:  # the store cannot write now; what is over stays over
            self._log.error("sweep.failed", **error.as_dict())
        return 0.0
