"""Two executions side by side: where they went apart, step by step. Pure."""

from collections.abc import Mapping
from typing import Any

from graphs.state import Result
from orchestrator.store.port import Execution

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


def compare(
    left: Execution, left_results: Mapping[str, Result], right: Execution, right_results: Mapping[str, Result]
) -> dict[str, Any]:
    """What differs between two executions, as JSON values.

    `facts` and the `differs` of each step name only what is not the same; `steps` are in the order in which they were
    committed on the left, then those only the right has. `only` says which side alone has settled a step.
    """
    paths = [*left_results, *(path for path in right_results if path not in left_results)]
    steps = [_step(path, left_results.get(path), right_results.get(path)) for path in paths]
    return {
        "left": left.id,
        "right": right.id,
        "facts": _apart(
            {name: getattr(left, name) for name in _FACTS}, {name: getattr(right, name) for name in _FACTS}
        ),
        "steps": steps,
        "same": sum(step["only"] is None and not step["differs"] for step in steps),
    }


def _step(path: str, left: Result | None, right: Result | None) -> dict[str, Any]:
    only = "left" if right is None else "right" if left is None else None
    differs = _apart(_about(left), _about(right)) if left is not None and right is not None else {}
    return {"path": path, "only": only, "differs": differs}


def _about(result: Result) -> dict[str, Any]:
    return {name: result.get(name) for name in _ABOUT_A_STEP}


def _apart(left: Mapping[str, Any], right: Mapping[str, Any]) -> dict[str, Any]:
    return {name: {"left": left[name], "right": right[name]} for name in left if left[name] != right[name]}
