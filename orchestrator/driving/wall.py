"""Calls at times of the wall clock, also when somebody sets that clock or the machine was asleep."""

from collections.abc import Callable
from datetime import datetime

from graphs.clock import Alarm, Clock


class WallAlarms:
    """Calls that are due at a time of day. What rings is counted in seconds; who sees the wall clock jump says so."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._alarms: set[_WallAlarm] = set()

    def at(self, due: datetime, call: Callable[[], None]) -> Alarm:
        """Call then, unless cancelled before."""
        alarm = _WallAlarm(self._clock, self._alarms, due, call)
        self._alarms.add(alarm)
        alarm.arm()
        return alarm

    def look_again(self) -> None:
        """The wall clock has jumped."""
        for alarm in list(self._alarms):
            alarm.arm()


class _WallAlarm:
    __slots__ = ("_alarms", "_call", "_clock", "_due", "_inner")

    def __init__(self, clock: Clock, alarms: "set[_WallAlarm]", due: datetime, call: Callable[[], None]) -> None:
        self._clock, self._alarms, self._due, self._call = clock, alarms, due, call
        self._inner: Alarm | None = None

    def arm(self) -> None:
        if self._inner is not None:
            self._inner.cancel()
        self._inner = self._clock.call_later(max(self._left, 0.0), self._ring)

    def cancel(self) -> None:
        self._alarms.discard(self)
        if self._inner is not None:
            self._inner.cancel()

    @property
    def _left(self) -> float:
        return (self._due - self._clock.now()).total_seconds()

    def _ring(self) -> None:
        if self._left > 0:  # set back, or rung a little early
            self.arm()
        else:
            self._alarms.discard(self)
            self._call()


class Jumps:
    """Says whether the wall clock has gone otherwise than time has."""

    _SECONDS = 0.5

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._apart = self._now_apart()

    def happened(self) -> bool:
        """Whether it has jumped since this was last asked."""
        apart = self._now_apart()
        if abs(apart - self._apart) < self._SECONDS:
            return False
        self._apart = apart
        return True

    def _now_apart(self) -> float:
        return self._clock.now().timestamp() - self._clock.monotonic()
