"""When something is due although nobody says so: the earliest of all times, and one alarm for it."""

import asyncio
import heapq
from collections.abc import Callable
from datetime import datetime

from graphs.clock import Alarm, Clock


class Reminders:
    """Times at which executions are looked at again. One that is not needed any more does no harm.

    Args:
        clock: Whose time it is.
        ring: Told the execution's id when its time has come.
    """

    def __init__(self, clock: Clock, ring: Callable[[str], None]) -> None:
        self._clock = clock
        self._tell = ring
        self._due: list[tuple[datetime, str]] = []
        self._alarm: Alarm | None = None

    def add(self, execution_id: str, due: datetime) -> None:
        """Have an execution looked at then."""
        heapq.heappush(self._due, (due, execution_id))
        if self._due[0] == (due, execution_id):
            self._arm()

    def look_again(self) -> None:
        """The wall clock has jumped: what is due now?"""
        self._arm()

    def stop(self) -> None:
        """Ring no more."""
        if self._alarm is not None:
            self._alarm.cancel()
            self._alarm = None

    def _arm(self) -> None:
        self.stop()
        if self._due:
            left = (self._due[0][0] - self._clock.now()).total_seconds()
            if left > 0:
                self._alarm = self._clock.call_later(left, self._ring)
            else:  # over already: it came due while nobody was there
                asyncio.get_running_loop().call_soon(self._ring)

    def _ring(self) -> None:
        now = self._clock.now()
        while self._due and self._due[0][0] <= now:
            _, execution_id = heapq.heappop(self._due)
            self._tell(execution_id)
        self._arm()
