"""What of an execution did not come to a good end though the whole did: parts whose failure was gone on from.

A branch that lost against others, an item that `min_success` does without, a sub-workflow after which the execution
`continue`s: whatever was done in them is of no use any more, and is undone like a whole execution that has failed.
"""

from collections.abc import Iterable
from itertools import chain
from typing import Final, cast

from graphs.composites.subworkflow import SubWorkflow
from graphs.planner import all_is_well, failed
from graphs.policies import asked_by
from graphs.spec import Config, Step, Workflow
from graphs.state import Happened, Result
from graphs.undo.places import Place, Places, prefixes

_GONE_ON = ("continue", "fallback", "goto", "escalate")
_TOLERANT = ("first", "min_success", "minimum_success_count", "min_success_rate", "parallel_failure_threshold")
_LOST: Final = {"category": "cancelled"}
"""Nothing was wrong with it: others were quicker, or enough."""


def may_go_on(workflow: Workflow) -> bool:
    """Whether a failure of some step may be gone on from: asked before anything is read of what was done."""
    handled = workflow.spec.config.on_failure
    return (handled is not None and handled.action in _GONE_ON) or any(map(_goes_on, workflow.spec.steps))


def _goes_on(step: Step) -> bool:
    if step.type == SubWorkflow.name or step.on_failure.action in _GONE_ON or "failure_policy" in step.config:
        return True
    if step.on_timeout is not None and step.on_timeout.action == "continue":
        return True
    if any(key in step.config for key in _TOLERANT) or step.config.get("wait_for_all", True) is not True:
        return True
    return any(map(_goes_on, chain.from_iterable(steps for _, steps in step.containers())))


def any_went_wrong(deeds: Iterable[Happened]) -> bool:
    """Whether there may be such parts at all."""
    results = (cast(Result, deed.data) for deed in deeds if deed.kind == "settled")
    return any(_is_lost(result) or not all_is_well(result) for result in results)


def parts_that_failed(places: Places, config: Config) -> frozenset[str]:
    """Paths of steps that have failed or lost, or stand in a branch or an item that has. Where nothing is to be undone
    for such a failure, nothing inside is either."""
    parts: set[str] = set()
    left: set[str] = set()
    for path, place in places.each():
        result = place.frame.results.get(place.planned.name)
        if result is not None and (reason := _reason(place, result)) is not None:
            error = reason.get("error") or _LOST
            asked = asked_by(error, config, timed_out=reason["status"] == "timed_out")
            (left if asked.compensate == "never" else parts).add(path)
    return frozenset(path for path in parts if left.isdisjoint(prefixes(path)))


def _reason(place: Place, result: Result) -> Result | None:
    """The result for which a step counts as part of a failure; None where it does not."""
    if _is_lost(result):
        return result
    plan, results, group = place.frame.plan, place.frame.results, place.planned.group
    if plan.join is None or group is None or not all(name in results for name in plan.groups[group]):
        return None
    if plan.fared(group, results) != "failed":
        return None
    # It may have lost between two steps: then one that never began says so.
    members = (plan.effective(name, results) for name in plan.groups[group] if not plan.steps[name].stands_for)
    wrong = [result for result in members if not all_is_well(result)]
    return next(filter(_is_lost, wrong), wrong[0])


def _is_lost(result: Result) -> bool:
    return failed(result) or result["status"] == "cancelled"
