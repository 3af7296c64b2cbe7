"""How long an execution has been at work: what its timeout counts (X33)."""

from datetime import datetime

from graphs.clock import Clock
from orchestrator.time_travel.anew import is_inside


class WorkingTime:
    """Waiting for the world outside is no work; a step's pause between two attempts is.

    Args:
        clock: Whose seconds count.
        before: Seconds at work in earlier drives.
    """

    def __init__(self, clock: Clock, before: float) -> None:
        self._clock = clock
        self._before = before
        self._began = clock.monotonic()
        self._idle_since: float | None = None
        self._idle_pause = 0.0
        self._idle_seconds = 0.0
        self._pauses: dict[str, datetime] = {}

    @property
    def seconds(self) -> float:
        """In all."""
        idle = self._idle_seconds + self._idle_now
        return max(0.0, self._before + self._clock.monotonic() - self._began - idle)

    @property
    def is_idle(self) -> bool:
        """Whether there is nothing to do but to wait."""
        return self._idle_since is not None

    def stop(self) -> None:
        """From now on there is nothing to do but to wait, though some may pause first."""
        self._idle_since = self._clock.monotonic()
        until = self.pauses_until("")
        self._idle_pause = 0.0 if until is None else max(0.0, (until - self._clock.now()).total_seconds())

    def go_on(self) -> None:
        """There is something to do again."""
        if self._idle_since is not None:
            self._idle_seconds += self._idle_now
            self._idle_since = None

    def pause(self, path: str, until: datetime) -> None:
        """A step pauses between two attempts."""
        self._pauses[path] = until

    def end_pause(self, path: str) -> None:
        """It pauses no more, if it did."""
        self._pauses.pop(path, None)

    def pauses_until(self, path: str) -> datetime | None:
        """When the last pause at a path or inside of it is over; None where nothing pauses."""
        return max((until for pausing, until in self._pauses.items() if is_inside(pausing, path)), default=None)

    @property
    def _idle_now(self) -> float:
        if self._idle_since is None:
            return 0.0
        return max(0.0, self._clock.monotonic() - self._idle_since - self._idle_pause)
