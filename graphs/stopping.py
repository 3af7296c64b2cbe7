"""Stopping a step's own work: by its time limit, or by whoever ends the plan. Built like `asyncio.timeout`.

The work runs in the body's own task, so a step costs no second task; the cancellation is caught before LangGraph
could see it, because a cancelled LangGraph task would be written down as an error.
"""

import asyncio
from types import TracebackType
from typing import Literal, Self

from graphs.clock import Alarm, Clock
from graphs.errors import StepCancelledError, StepTimeoutError


class Stoppable:
    """`async with Stoppable(clock, limit, path) as work:` — `work.stop()` from elsewhere ends the block.

    Raises:
        StepTimeoutError: the limit (seconds) was over first.
        StepCancelledError: somebody called `stop()`.
    """

    __slots__ = ("_alarm", "_cancelling", "_clock", "_limit", "_path", "_task", "_why")

    def __init__(self, clock: Clock, limit: float | None, path: str) -> None:
        self._clock = clock
        self._limit = limit
        self._path = path
        self._why: Literal["limit", "stopped"] | None = None
        self._alarm: Alarm | None = None
        self._task: asyncio.Task[object] | None = None
        self._cancelling = 0

    async def __aenter__(self) -> Self:
        self._task = asyncio.current_task()
        assert self._task is not None
        self._cancelling = self._task.cancelling()
        if self._limit is not None:
            self._alarm = self._clock.call_later(self._limit, self._over)
        if self._why is not None:
            raise StepCancelledError(f"step '{self._path}' was stopped before it began.")
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._alarm is not None:
            self._alarm.cancel()
        task, self._task = self._task, None
        if self._why is None or task is None:
            return
        if task.uncancel() > self._cancelling or kind is not asyncio.CancelledError:
            return
        if self._why == "limit":
            raise StepTimeoutError(
                f"step '{self._path}' took longer than its {self._limit:g} s.", limit=self._limit
            ) from error
        raise StepCancelledError(f"step '{self._path}' was stopped.") from error

    @property
    def ended(self) -> Literal["limit", "stopped"] | None:
        """What has ended the work, if anything has."""
        return self._why

    def stop(self) -> None:
        """End the work now."""
        self._end("stopped")

    def _over(self) -> None:
        self._end("limit")

    def _end(self, why: Literal["limit", "stopped"]) -> None:
        if self._why is None:
            self._why = why
            if self._task is not None:
                self._task.cancel()
