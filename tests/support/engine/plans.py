"""Plans and results in one line, for tests of what is pure."""

from typing import Any

from graphs.composites.base import plan_of
from graphs.planner import FailurePolicy, Join, Need, Plan, PlannedStep
from graphs.spec import Outcome, Step
from graphs.state import Result

COMPLETED: Result = {"status": "completed"}
FAILED: Result = {"status": "failed", "error": {"code": "x", "message": "oh"}}
TIMED_OUT: Result = {"status": "timed_out", "error": {"code": "y", "message": "late"}}
CONTINUED: Result = {"status": "failed", "continued": True}
CANCELLED: Result = {"status": "cancelled", "reason": "cancelled"}
SKIPPED: Result = {"status": "skipped", "reason": "condition"}
UPSTREAM: Result = {"status": "skipped", "reason": "upstream"}
UNNEEDED: Result = {"status": "skipped", "reason": "unneeded"}
HALTED: Result = {"status": "skipped", "reason": "halted"}


def planned(
    name: str,
    *needs: str,
    group: str | None = None,
    stands_for: str | None = None,
    index: int | None = None,
    **step: Any,
) -> PlannedStep:
    """A step in its place; `a!failed` needs that `a` failed, `[0].a` stands at item 0."""
    links = tuple(Need(need.split("!")[0], _outcome(need)) for need in needs)
    own = name.split("~")[0].rsplit(".", 1)[-1]
    local = name.split("~")[0].removesuffix(own)
    return PlannedStep(
        name, Step(name=own, **step), "parallel_executor", links, local, index, group=group, stands_for=stands_for
    )


def _outcome(need: str) -> Outcome:
    return need.split("!")[1] if "!" in need else "succeeded"  # type: ignore[return-value]


def companion(name: str) -> PlannedStep:
    """The step that answers another's failure."""
    return planned(f"{name}~fallback", f"{name}!failed", stands_for=name)


def plan(*steps: PlannedStep, policy: FailurePolicy = "stop", join: Join | None = None) -> Plan:
    """A plan, its groups gathered."""
    return plan_of(steps, failure_policy=policy, join=join)


def at(result: Result, time: str) -> Result:
    """The result, ended at that time."""
    return {**result, "ended_at": time}
