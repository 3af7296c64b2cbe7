"""How long a plan has been at work, waiting for the world outside left out (X33)."""

from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any

from graphs.clock import Clock


class AtWork:
    """Seconds during which somebody in a plan had something to do; the pauses of steps between two attempts count.

    Args:
        before: Seconds that earlier processes were at work on it.
        pauses_until: When the last of its steps that rest between attempts goes on; None where none does.

    Attributes:
        changed: Called when everybody has gone to rest, and when somebody goes on.
    """

    def __init__(
        self, clock: Clock, before: float = 0.0, *, pauses_until: Callable[[], datetime | None] = lambda: None
    ) -> None:
        self._clock = clock
        self._seconds = before
        self._since = clock.monotonic()
        self._pauses_until = pauses_until
        self._pause = 0.0
        self.rests = False
        self.changed: Callable[[], None] = lambda: None

    @property
    def seconds(self) -> float:
        passed = self._clock.monotonic() - self._since
        return self._seconds + (min(passed, self._pause) if self.rests else passed)

    @property
    def pause(self) -> float:
        """Seconds, of those that it rests from now on, that count all the same."""
        return max(0.0, self._pause - (self._clock.monotonic() - self._since)) if self.rests else 0.0

    def kept(self, *, over: bool = False) -> dict[str, Any]:
        """What another process goes on from.

        Args:
            over: Nobody is at work from now on, though nobody has gone to rest.
        """
        until = self._pauses_until() if self.rests else None
        kept: dict[str, Any] = {"seconds": round(self.seconds, 3), "rests": self.rests or over}
        return kept | ({"pauses_until": until.isoformat()} if until is not None else {})

    def rest(self) -> None:
        """Everybody waits."""
        if not self.rests:
            until = self._pauses_until()
            self._turn(rests=True)
            self._pause = 0.0 if until is None else max(0.0, (until - self._clock.now()).total_seconds())
            self.changed()

    def stir(self) -> None:
        """Somebody goes on."""
        if self.rests:
            self._turn(rests=False)
            self.changed()

    def _turn(self, *, rests: bool) -> None:
        self._seconds, self._since, self.rests = self.seconds, self._clock.monotonic(), rests


def seconds_before(kept: Mapping[str, Any], now: datetime) -> float:
    """How long earlier processes were at work on a plan.

    Args:
        kept: What the last of them kept, with when (`at`) and, where something was done in the plan after that, the
            last time (`last`).
    """
    at, seconds = datetime.fromisoformat(kept["at"]), float(kept["seconds"])
    if not kept["rests"]:  # it died at work: as far as is known
        until: str | None = kept.get("last")
    else:
        until = kept.get("pauses_until")
    if until is None:
        return seconds
    return seconds + max(0.0, (min(datetime.fromisoformat(until), now) - at).total_seconds())
