"""Two executions side by side: where they went apart, what that came to, what it cost and how long it took. Pure."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from graphs.state import Result
from orchestrator.store.port import Execution, Record
from orchestrator.usage import usage_of

_FACTS = (
    "workflow",
    "version",
    "digest",
    "status",
    "input",
    "output",
    "error",
    "active_seconds",
    "parent",
    "forked_at",
)
_ABOUT_A_STEP = ("status", "output", "error", "reason", "attempts", "decided_by", "route")


@dataclass(frozen=True, slots=True)
class Side:
    """One of the two, with its settled steps by path and its history."""

    execution: Execution
    results: Mapping[str, Result]
    records: Sequence[Record] = ()


def compare(left: Side, right: Side) -> dict[str, Any]:
    """What differs between two executions, as JSON values.

    `facts` and the `differs` of each step name only what is not the same; `steps` are in the order in which they were
    committed on the left, then those only the right has. `only` says which side alone has settled a step. `cost` is
    that of the models each side asked for itself: what a fork took over from the other is in neither. `seconds` are
    those at work in all steps, as long as what was served from a record took when it was recorded. `changes` says what
    the right one gave agents in place of what they say, where it is a replay.
    """
    paths = [*left.results, *(path for path in right.results if path not in left.results)]
    steps = [_step(path, left.results.get(path), right.results.get(path)) for path in paths]
    shared = {path for path, result in left.results.items() if _alone(right.results.get(path)) == _alone(result)}
    return {
        "left": left.execution.id,
        "right": right.execution.id,
        "changes": dict((right.execution.replay or {}).get("changes", {})),
        "facts": _apart(_facts(left.execution), _facts(right.execution)),
        "steps": steps,
        "same": sum(step["only"] is None and not step["differs"] for step in steps),
        "cost": {"left": _cost(left, shared), "right": _cost(right, shared)},
        "seconds": {"left": _seconds(left.results), "right": _seconds(right.results)},
        "not_recorded": [path for path, result in right.results.items() if _not_recorded(result)],
    }


def _facts(execution: Execution) -> dict[str, Any]:
    return {name: getattr(execution, name) for name in _FACTS}


def _step(path: str, left: Result | None, right: Result | None) -> dict[str, Any]:
    only = "left" if right is None else "right" if left is None else None
    differs = _apart(_about(left), _about(right)) if left is not None and right is not None else {}
    return {"path": path, "only": only, "differs": differs}


def _about(result: Result) -> dict[str, Any]:
    return {name: result.get(name) for name in _ABOUT_A_STEP}


def _apart(left: Mapping[str, Any], right: Mapping[str, Any]) -> dict[str, Any]:
    return {name: {"left": left[name], "right": right[name]} for name in left if left[name] != right[name]}


def _alone(result: Result | None) -> dict[str, Any]:
    """A result without whose it was first."""
    return {name: value for name, value in (result or {}).items() if name != "inherited"}


def _cost(side: Side, shared: set[str]) -> dict[str, Any]:
    """What its models cost; `cost` is None where the price of one is not known."""
    usages = usage_of(record for record in side.records if record.path not in shared)
    costs = [usage.cost for usage in usages]
    return {
        "calls": sum(usage.calls for usage in usages),
        "tokens": sum(usage.input_tokens + usage.output_tokens for usage in usages),
        "cost": None if None in costs else round(sum(cost or 0 for cost in costs), 9),
        "models": sorted({usage.model for usage in usages}),
    }


def _seconds(results: Mapping[str, Result]) -> float:
    inner = {path[: max(path.rfind("."), path.rfind("["))] for path in results if "." in path or "[" in path}
    around = {outer for path in inner for outer in _outer(path)} | inner
    return round(sum(_took(result) for path, result in results.items() if path not in around), 3)


def _outer(path: str) -> list[str]:
    """`a.b[3]` is inside of `a.b` and of `a`."""
    return [path[:index] for index, char in enumerate(path) if char in ".["]


def _took(result: Result) -> float:
    began, ended = result.get("started_at"), result.get("ended_at")
    if began is None or ended is None:
        return 0.0
    return max(0.0, (datetime.fromisoformat(ended) - datetime.fromisoformat(began)).total_seconds())


def _not_recorded(result: Result) -> bool:
    return result.get("error", {}).get("code") == "not_recorded"
