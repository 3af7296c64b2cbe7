"""When the plan inside a step must be over: the step's own time, and what the workflow that it runs says (E07, E08)."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import datetime, timedelta
from typing import Any

from graphs.clock import Alarm
from graphs.composites import Composite
from graphs.flow import AtWork, Flow, seconds_of
from graphs.nodes.body import Body
from graphs.planner import Halt, PlannedStep
from graphs.scope import Frame

_SOON = 0.001
"""Seconds that do not count: a clock may ring that much early."""
_AT_REST = 0.5
"""Seconds between two looks at what waits for the world outside, and so does not come nearer to its end."""


def when_over(body: Body, frame: Frame) -> dict[str, str]:
    """When its time is over, and why; fixed when it opens, so that a crash or a wait does not move it."""
    limits: list[tuple[float, str]] = []
    if (own := body.planned.step.timeout) is not None:
        limits.append((own, f"step '{body.path}' took longer than its {own:g} s"))
    if frame.workflow is not None and (deadline := frame.config.deadline) is not None:
        why = f"the deadline of {deadline:g} s of workflow '{frame.workflow.name}' in step '{body.path}' is over"
        limits.append((deadline, why))
    if not limits:
        return {}
    seconds, why = min(limits)
    return {"until": (body.host.clock.now() + timedelta(seconds=seconds)).isoformat(), "why": why}


@contextmanager
def limited(body: Body, flow: Flow, frame: Frame, over: Mapping[str, Any]) -> Iterator[None]:
    """Stop the plan inside when its time is over.

    Args:
        over: What `when_over` said when it opened.
    """
    with _until(body, flow, over), _at_work(body, flow, frame):
        yield


@contextmanager
def _until(body: Body, flow: Flow, over: Mapping[str, Any]) -> Iterator[None]:
    """By the clock: also when that is while nothing runs."""
    if "until" not in over:
        yield
        return
    host, due = body.host, datetime.fromisoformat(over["until"])
    halt = Halt("timeout", over.get("why", f"the time of step '{body.path}' is over"), True)
    if due <= host.clock.now():  # it came due while nobody was there
        flow.board.stop(halt)
    host.remind(body.path, due, lambda: flow.board.stop(halt))
    try:
        yield
    finally:
        host.forget(body.path)


@contextmanager
def _at_work(body: Body, flow: Flow, frame: Frame) -> Iterator[None]:
    """A workflow in a step, by the time it is at work."""
    timeout = frame.config.timeout if frame.workflow is not None else None
    if timeout is None or frame.workflow is None:
        yield
        return
    clock, board = body.host.clock, flow.board
    before = seconds_of(result for name, result in board.results.items() if _acts(body, board.plan.steps[name]))
    work = flow.work = AtWork(clock, before)
    why = f"workflow '{frame.workflow.name}' in step '{body.path}' was at work for longer than its {timeout:g} s"
    alarms: list[Alarm] = []

    def look() -> None:
        left = timeout - work.seconds
        if left <= _SOON:
            board.stop(Halt("timeout", why, True))
        else:  # it waited in between, which does not count
            alarms[:] = [clock.call_later(max(left, _AT_REST) if work.rests else left, look)]

    look()
    try:
        yield
    finally:
        for alarm in alarms:
            alarm.cancel()


def _acts(body: Body, planned: PlannedStep) -> bool:
    return planned.node != "human_approval" and not isinstance(body.host.library.kind(planned.step), Composite)
