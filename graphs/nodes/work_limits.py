"""A workflow in a step, by the time it is at work: in this process and in those before it (X33).

What that comes to is kept whenever everybody in it has gone to rest or somebody goes on, and at each tenth of the time
it may take: a process that dies takes no more than that with it.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from typing import Final

from graphs.clock import Alarm
from graphs.flow import AtWork, Flow, seconds_before
from graphs.nodes.body import Body
from graphs.planner import Halt
from graphs.scope import Frame

COUNTED: Final = "work.counted"
_SOON: Final = 0.001
"""Seconds that do not count: a clock may ring that much early."""
_MARKS: Final = 10


def work_limit(frame: Frame) -> float | None:
    """Seconds that a plan may be at work, where it is that of a workflow that says so."""
    return frame.config.timeout if frame.workflow is not None else None


async def worked_before(body: Body) -> float:
    """Seconds that earlier processes were at work on the plan inside a step."""
    kept = await body.host.worked(body.path)
    return 0.0 if kept is None else seconds_before(kept, body.host.clock.now())


@contextmanager
def at_work(body: Body, flow: Flow, frame: Frame, before: float) -> Iterator[None]:
    """Stop the plan inside a step when it has been at work for as long as its workflow may be.

    Args:
        before: Seconds, of earlier processes.
    """
    timeout = work_limit(frame)
    if timeout is None or frame.workflow is None:
        yield
        return
    why = f"workflow '{frame.workflow.name}' in step '{body.path}' was at work for longer than its {timeout:g} s"
    limit = _Limit(body, flow, timeout, why, before)
    flow.work = limit.work
    limit.work.changed = limit.count
    limit.count()
    try:
        yield
    finally:
        limit.leave()


class _Limit:
    def __init__(self, body: Body, flow: Flow, timeout: float, why: str, before: float) -> None:
        self._host = body.host
        self._path = body.path
        self._flow = flow
        self._timeout = timeout
        self._why = why
        self._alarm: Alarm | None = None
        self._due = f"{body.path}~work"
        self._reminded = False
        self.work = AtWork(self._host.clock, before, pauses_until=lambda: self._host.pauses_until(body.path))

    def count(self) -> None:
        """Keep how long it has been at work, and look when that will be too long."""
        self._host.note(COUNTED, self._path, self.work.kept(), keep=True)
        self._disarm()
        left = self._timeout - self.work.seconds
        if left <= _SOON:
            self._flow.board.stop(Halt("timeout", self._why, True))
        elif not self.work.rests:
            part = self._timeout / _MARKS
            self._alarm = self._host.clock.call_later(min(left, part), self.count)
        elif self.work.pause >= left:  # its time is over in the middle of that, also when nobody is there
            self._reminded = True
            self._host.remind(self._due, self._host.clock.now() + timedelta(seconds=left), self.count)

    def leave(self) -> None:
        """It has ended, or the flow parks."""
        if self._flow.closing and not self.work.rests:
            self._host.note(COUNTED, self._path, self.work.kept(over=True), keep=True)
        self._disarm()

    def _disarm(self) -> None:
        if self._alarm is not None:
            self._alarm.cancel()
            self._alarm = None
        if self._reminded:
            self._reminded = False
            self._host.forget(self._due)
