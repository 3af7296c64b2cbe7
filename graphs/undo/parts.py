"""What of an execution did not come to a good end though the whole did: parts whose failure was gone on from.

A branch that lost against others, an item that `min_success` does without, a sub-workflow after which the execution
`continue`s or an agent goes on: whatever was done in them is of no use any more, and is undone like a whole execution
that has failed.
"""

from collections.abc import Iterable, Mapping
from itertools import chain
from typing import Final, cast

from graphs.composites.subworkflow import SubWorkflow
from graphs.planner import COMPANION, all_is_well, failed
from graphs.policies import asked_by
from graphs.spec import Config, Step, Workflow
from graphs.state import FINALLY, Happened, Result
from graphs.undo.places import prefixes

_GONE_ON = ("continue", "goto", "escalate")
_GOING_ON = (
    *("first", "min_success", "minimum_success_count", "min_success_rate", "parallel_failure_threshold"),
    *("tools", "agent", "agent_capability"),  # an agent is told of a call that failed
)
_LOST: Final = {"category": "cancelled"}
"""Nothing was wrong with it: others were quicker, or enough."""


def may_go_on(workflow: Workflow) -> bool:
    """Whether a failure of some step may be gone on from: asked before anything is read of what was done."""
    handled = workflow.spec.config.on_failure
    return (handled is not None and handled.action in _GONE_ON) or any(map(_goes_on, workflow.spec.steps))


def _goes_on(step: Step) -> bool:
    handled = step.on_failure.has_answer or step.on_failure.action in _GONE_ON
    if step.type == SubWorkflow.name or handled or "failure_policy" in step.config:
        return True
    if step.on_timeout is not None and step.on_timeout.action == "continue":
        return True
    if step.config.get("wait_for_all", True) is not True or any(key in step.config for key in _GOING_ON):
        return True
    return any(map(_goes_on, chain.from_iterable(steps for _, steps in step.containers())))


def parts_that_failed(deeds: Iterable[Happened], config: Config) -> frozenset[str]:
    """Paths of steps that have failed or lost, or stand in a branch or an item that has. Where nothing is to be undone
    for such a failure, nothing inside is either."""
    parts: set[str] = set()
    left: set[str] = set()
    for path, reason in went_wrong({d.path: cast(Result, d.data) for d in deeds if d.kind == "settled"}).items():
        asked = asked_by(reason.get("error") or _LOST, config, timed_out=reason["status"] == "timed_out")
        (left if asked.compensate == "never" else parts).add(path)
    return frozenset(path for path in parts if left.isdisjoint(prefixes(path)))


def went_wrong(results: Mapping[str, Result]) -> dict[str, Result]:
    """Steps that have failed or lost, and the branches and items they are of: each with the result for which it counts.

    Args:
        results: By path.
    """
    wrong = {path: result for path, result in results.items() if _is_lost(result)}
    groups: dict[str, Result] = {}
    for path, own in results.items():
        around = path[: max(path.rfind("."), path.rfind("["), 0)]
        if not around or around in results or around.endswith(FINALLY) or path.endswith(COMPANION):
            continue  # of a branch, of an item nothing is kept itself
        result = _effective(path, own, results)
        # It may have lost between two of its steps: then one that never began says so.
        if not all_is_well(result) and not _is_lost(groups.get(around, _NONE)):
            groups[around] = result if _is_lost(result) else groups.get(around, result)
    return wrong | groups


def _effective(path: str, own: Result, results: Mapping[str, Result]) -> Result:
    return results.get(f"{path}{COMPANION}", own) if failed(own) and not own.get("continued") else own


_NONE: Final[Result] = {"status": "skipped"}


def _is_lost(result: Result) -> bool:
    return failed(result) or result["status"] == "cancelled"
