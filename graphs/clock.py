"""Time as a dependency: nothing in Baton reads a clock it was not handed."""

import asyncio
import time
from collections.abc import Callable
from contextvars import Context
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Protocol


class Alarm(Protocol):
    """A call that has been arranged."""

    def cancel(self) -> None: ...


class Clock(Protocol):
    """What time it is, and how to wait for a later one."""

    def now(self) -> datetime:
        """The wall clock, timezone-aware, in UTC (X19)."""
        ...

    def monotonic(self) -> float:
        """Seconds that never go back; only differences mean anything."""
        ...

    async def sleep(self, seconds: float) -> None:
        """Wait. Cancelling the caller cancels the wait."""
        ...

    def call_later(self, seconds: float, callback: Callable[[], None]) -> Alarm:
        """Call back on the running event loop after so many seconds, unless cancelled before."""
        ...


class SystemClock:
    """The machine's clock."""

    def now(self) -> datetime:
        return datetime.now(UTC)

    def monotonic(self) -> float:
        return time.monotonic()

    async def sleep(self, seconds: float) -> None:
        await asyncio.sleep(seconds)

    def call_later(self, seconds: float, callback: Callable[[], None]) -> Alarm:
        # The loop remembers cancelled calls until they are due, and with them whatever their context holds: a plan.
        return asyncio.get_running_loop().call_later(seconds, callback, context=Context())


class ManualClock:
    """A clock that moves only when told to: ships with the product, for tests of workflows that wait for days."""

    def __init__(self, start: datetime = datetime(2026, 1, 1, tzinfo=UTC)) -> None:
        self._now = start
        self._alarms: list[_ManualAlarm] = []

    def now(self) -> datetime:
        return self._now

    def monotonic(self) -> float:
        return self._now.timestamp()

    async def sleep(self, seconds: float) -> None:
        if seconds <= 0:
            await asyncio.sleep(0)
            return
        woken = asyncio.Event()
        alarm = self.call_later(seconds, woken.set)
        try:
            await woken.wait()
        finally:
            alarm.cancel()

    def call_later(self, seconds: float, callback: Callable[[], None]) -> "_ManualAlarm":
        alarm = _ManualAlarm(self._now + timedelta(seconds=seconds), callback)
        self._alarms.append(alarm)
        return alarm

    def advance(self, seconds: float) -> None:
        """Move time on and make every call that is due, earliest first."""
        self._now += timedelta(seconds=seconds)
        due = sorted((alarm for alarm in self._alarms if alarm.at <= self._now), key=lambda alarm: alarm.at)
        self._alarms = [alarm for alarm in self._alarms if alarm.at > self._now and not alarm.cancelled]
        for alarm in due:
            if not alarm.cancelled:
                alarm.callback()

    @property
    def next_alarm(self) -> float | None:
        """Seconds until somebody wants to be woken; None when nobody does."""
        pending = [alarm.at for alarm in self._alarms if not alarm.cancelled]
        return (min(pending) - self._now).total_seconds() if pending else None


@dataclass(eq=False)
class _ManualAlarm:
    at: datetime
    callback: Callable[[], None]
    cancelled: bool = False

    def cancel(self) -> None:
        self.cancelled = True
