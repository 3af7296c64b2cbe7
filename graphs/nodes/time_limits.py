"""When the plan inside a step must be over: the step's own time, and what the workflow that it runs says (E07, E08)."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import datetime, timedelta
from typing import Any

from graphs.flow import Flow
from graphs.nodes.body import Body
from graphs.planner import Halt
from graphs.scope import Frame


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
def until_over(body: Body, flow: Flow, over: Mapping[str, Any]) -> Iterator[None]:
    """Stop the plan inside when its time is over by the clock: also when that is while nothing runs.

    Args:
        over: What `when_over` said when it opened.
    """
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
