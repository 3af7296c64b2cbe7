"""A roll call: as many bodies must begin as were dispatched."""

from typing import Protocol

from graphs.clock import Alarm, SystemClock
from graphs.errors import EngineError

_SECONDS = 30.0
"""After which every dispatched body must have begun. They begin at once; the rest is for slow machines."""

_RINGS = 3
"""How often it is looked meanwhile whether the process keeps up."""

_LATE = 0.5
"""Seconds by which an alarm rings late in a process that does not: thousands of executions begin at the same time, or
it was stopped for a while. Then nobody can have begun, and the time does not count."""


class Dispatched(Protocol):
    """Whose bodies are counted."""

    @property
    def dispatched(self) -> frozenset[str]: ...

    def not_entered(self) -> list[str]:
        """Who is to be at work, and has not begun."""
        ...

    def lost(self, error: BaseException) -> None:
        """It cannot go on."""
        ...


class RollCall:
    """Counts those who have begun, some time after they were dispatched."""

    def __init__(self, flow: Dispatched) -> None:
        self._flow = flow
        self._alarm: Alarm | None = None

    def call(self) -> None:
        """They were dispatched now."""
        self._count_later(_RINGS)

    def over(self) -> None:
        """Nobody is to be counted any more."""
        if self._alarm is not None:
            self._alarm.cancel()

    def _count_later(self, left: int) -> None:
        self.over()
        # The machine's clock: what is watched here is this process, not the workflow.
        clock, seconds = SystemClock(), _SECONDS / _RINGS
        due = clock.monotonic() + seconds
        self._alarm = clock.call_later(seconds, lambda: self._count(left, late=clock.monotonic() - due))

    def _count(self, left: int, *, late: float) -> None:
        missing = self._flow.not_entered()
        if not missing:
            return
        if late < _LATE:
            left -= 1
        if left:
            self._count_later(left)
        else:  # one that never begins would be waited for, for ever
            self._flow.lost(not_begun(missing, len(self._flow.dispatched)))


def not_begun(missing: list[str], dispatched: int) -> EngineError:
    """Some bodies were sent and never began: a defect, or a foreign hand in the graph."""
    return EngineError(
        f"{len(missing)} of {dispatched} dispatched steps have not begun: {missing[:5]}.",
        hint="Only this engine may carry out a workflow's graph.",
        code="steps_not_begun",
    )
