"""A roll call: as many bodies must begin as were dispatched."""

from typing import Protocol

from graphs.clock import Alarm, SystemClock
from graphs.errors import EngineError

_SECONDS = 30.0
"""After which every dispatched body must have begun. They begin at once; the rest is for slow machines."""


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
        self._count_later(again=True)

    def over(self) -> None:
        """Nobody is to be counted any more."""
        if self._alarm is not None:
            self._alarm.cancel()

    def _count_later(self, *, again: bool) -> None:
        self.over()
        # The machine's clock: what is watched here is this process, not the workflow.
        self._alarm = SystemClock().call_later(_SECONDS, lambda: self._count(again))

    def _count(self, again: bool) -> None:
        missing = self._flow.not_entered()
        if missing and again:  # the process may have been stopped for a while, right after the dispatch
            self._count_later(again=False)
        elif missing:  # one that never begins would be waited for, for ever
            self._flow.lost(not_begun(missing, len(self._flow.dispatched)))


def not_begun(missing: list[str], dispatched: int) -> EngineError:
    """Some bodies were sent and never began: a defect, or a foreign hand in the graph."""
    return EngineError(
        f"{len(missing)} of {dispatched} dispatched steps have not begun: {missing[:5]}.",
        hint="Only this engine may carry out a workflow's graph.",
        code="steps_not_begun",
    )
