"""Clocks that do what clocks of real machines do."""

from datetime import datetime, timedelta

from graphs.clock import ManualClock


class JumpingClock(ManualClock):
    """Its wall clock can be set, as by hand or by a machine that was asleep; the time that alarms count goes on."""

    def __init__(self) -> None:
        super().__init__()
        self._set = timedelta(0)

    def now(self) -> datetime:
        return super().now() + self._set

    def jump(self, seconds: float) -> None:
        """Set the wall clock."""
        self._set += timedelta(seconds=seconds)
