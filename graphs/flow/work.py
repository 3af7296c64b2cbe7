"""How long a plan has been at work, waiting for the world outside left out (X33)."""

from collections.abc import Iterable
from datetime import datetime

from graphs.clock import Clock
from graphs.state import Result


class AtWork:
    """Seconds during which somebody in a plan had something to do.

    Args:
        before: Seconds that earlier processes were at work on it.
    """

    def __init__(self, clock: Clock, before: float = 0.0) -> None:
        self._clock = clock
        self._seconds = before
        self._since: float | None = clock.monotonic()

    @property
    def seconds(self) -> float:
        return self._seconds + (self._clock.monotonic() - self._since if self._since is not None else 0.0)

    @property
    def rests(self) -> bool:
        return self._since is None

    def rest(self) -> None:
        """Everybody waits."""
        self._seconds, self._since = self.seconds, None

    def stir(self) -> None:
        """Somebody goes on."""
        if self._since is None:
            self._since = self._clock.monotonic()


def seconds_of(results: Iterable[Result]) -> float:
    """How long steps were at work, those side by side counted once."""
    spans = sorted(
        (datetime.fromisoformat(result["started_at"]), datetime.fromisoformat(result["ended_at"]))
        for result in results
        if "started_at" in result and "ended_at" in result
    )
    total, reached = 0.0, None
    for began, ended in spans:
        begins = began if reached is None else max(began, reached)
        if ended > begins:
            total += (ended - begins).total_seconds()
            reached = ended
    return total
