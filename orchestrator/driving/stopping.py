"""Time limits and cancels: whatever stops an execution was kept first."""

import asyncio
from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from typing import Any

from graphs.clock import Alarm
from graphs.planner import Halt
from orchestrator.driving.taken import Taken
from orchestrator.driving.waits import Waits
from orchestrator.store.port import TIMEOUT_BY

_SOON = 0.001
"""Seconds that do not count: a clock may ring that much early."""
_AT_REST = 0.5
"""Seconds between two looks at what waits for the world outside, and so does not come nearer to its end."""


class Stopping(Waits):
    """The chapter on what ends an execution early."""

    def __init__(self, taken: Taken) -> None:
        super().__init__(taken)
        self._task: asyncio.Task[Any] | None = None
        self._abort: BaseException | None = None
        self._limits: list[Alarm] = []
        self._endings: list[asyncio.Future[None]] = []
        self._request: Mapping[str, Any] | None = None
        self.stopped: Halt | None = None
        self.terminated: Halt | None = None
        self.deadline: datetime | None = None

    async def _watch_limits(self) -> None:
        if request := self.execution.cancel_requested:
            self.halt(request)
        if self.execution.generation:  # what is made anew is made later
            self.frame.begun = await self._counted_from()
        if self.board.concluded is not None:
            return  # its time is over already, or does not matter any more
        config = self.workflow.spec.config
        if (timeout := config.timeout) is not None:
            why = f"it was at work for longer than its timeout of {timeout:g} s"
            await self._limit(lambda: timeout - self.active_seconds, why)
        if config.deadline is not None:
            end = self.deadline = await self._counted_from() + timedelta(seconds=config.deadline)
            why = f"its deadline of {config.deadline:g} s from its start is over"
            if end <= self.clock.now():
                await self._time_is_over(why)
            else:
                self._limits.append(self.wall.at(end, lambda: self._end_later(why)))

    async def _counted_from(self) -> datetime:
        """When the deadline began: at the start, or at the latest retry, which would otherwise end at once."""
        started = self.execution.started_at or self._began_at
        if self._new:
            return started
        records = await self._works.store.records(self.execution.id)
        return max([started, *(record.at for record in records if record.kind == "execution.rewound")])

    async def _limit(self, left: Callable[[], float], why: str) -> None:
        if left() > 0:
            self._limits.append(self.clock.call_later(left(), lambda: self._ring(left, why)))
        else:
            await self._time_is_over(why)

    def _ring(self, left: Callable[[], float], why: str) -> None:
        if left() > _SOON:  # it waited in between, which does not count against a timeout
            again = max(left(), _AT_REST) if self._working.is_idle else left()
            self._limits.append(self.clock.call_later(again, lambda: self._ring(left, why)))
            return
        self._end_later(why)

    def _end_later(self, why: str) -> None:
        ending = asyncio.ensure_future(self._time_is_over(why))
        ending.add_done_callback(lambda done: done.cancelled() or done.exception())
        self._endings.append(ending)

    async def _time_is_over(self, why: str) -> None:
        # Kept first: a crash after the steps were stopped must not make it look like a cancel.
        # (`compensate`, because time must not stop an undoing that has just begun.)
        execution = await self._works.store.request_cancel(
            self.execution.id, by=TIMEOUT_BY, reason=why, compensate=True
        )
        self.halt(execution.cancel_requested or {"by": TIMEOUT_BY, "reason": why})

    def halt(self, request: Mapping[str, Any]) -> None:
        """A cancel, or the end of time, was stored: stop everything, or what undoes it."""
        self._request = request
        by, why = request.get("by"), request.get("reason")
        if by == TIMEOUT_BY:
            halt = Halt("timeout", f"execution '{self.execution.id}' was stopped: {why}", True)
        else:
            word = "terminated" if request.get("terminate") else "cancelled"
            halt = Halt("cancelled", f"{word}{f' by {by}' if by else ''}{f': {why}' if why else ''}", True)
        if request.get("terminate"):
            self.terminated = halt
        if self.terminated or request.get("concluded"):
            self.stopped = halt
        if self.board.concluded is None:
            self.board.stop(halt)
        if self.stopped is not None:
            self.flow.stop_inside(halt, also_last=self.terminated is not None)

    def failed(self, error: BaseException) -> None:
        if self._abort is None:
            self._abort = error
            if self._task is not None:
                self._task.cancel()
