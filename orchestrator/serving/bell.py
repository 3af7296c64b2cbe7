"""Doing something when its time has come."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

from graphs.clock import Alarm, Clock
from orchestrator.whole import stopped


class Bell:
    """Rings when something is due; what it calls to work is never called twice at once.

    Args:
        name: Of the task, for whoever looks at what runs.
        left: Gives the seconds until something is due; None when nothing ever is.
        work: Does what is due; gives the seconds for which it rings no more at least.
    """

    def __init__(
        self, clock: Clock, name: str, left: Callable[[], float | None], work: Callable[[], Awaitable[float]]
    ) -> None:
        self._clock = clock
        self._name = name
        self._left = left
        self._work = work
        self._alarm: Alarm | None = None
        self._working: asyncio.Task[None] | None = None
        self._open = False

    @asynccontextmanager
    async def serving(self) -> AsyncIterator[None]:
        """Ring until the block ends, first for what came due while nobody was there."""
        self._open = True
        self.arm()
        try:
            yield
        finally:
            self._open = False
            if self._alarm is not None:
                self._alarm.cancel()
            if self._working is not None:
                await stopped(self._working)

    def arm(self, at_least: float = 0.0) -> None:
        """What is due has changed: look again when it is.

        Args:
            at_least: Seconds before which it does not ring.
        """
        if self._alarm is not None:
            self._alarm.cancel()
            self._alarm = None
        left = self._left() if self._open else None
        if left is not None:
            self._alarm = self._clock.call_later(max(at_least, left), self._ring)

    def _ring(self) -> None:
        if self._working is None or self._working.done():
            self._working = asyncio.create_task(self._do(), name=self._name)

    async def _do(self) -> None:
        self.arm(await self._work())
