"""What plans before this one have carried out, and which steps of a new one would do it again. Pure.

A step is known by its name, inside other steps by theirs too: `trip.flight` is the step `flight` inside `trip`, however
deep, whichever branch or item it was for.
"""

from collections.abc import Iterable, Iterator, Mapping
from typing import Any, Final

from graphs.spec import Step, Workflow

_LEAVE_OUT: Final = "leave it out, and write what you need of its result into this plan."
_IN_PART: Final = (
    "leave out those that are done ('done' names them), and call the step that does the others something else."
)


def carried_out(steps: Mapping[str, Any], before: Mapping[str, Any]) -> dict[str, Any]:
    """What was done until now, for whoever plans on.

    Args:
        steps: What each step of the plan came to, with what was `inside`.
        before: What this gave after the plan before.

    Returns:
        `done`: results by step, and by path for what was done inside a step that failed; `done_inside`: the names of
        all that was done inside steps; `in_part`: those of them that were done for some items, and not for others;
        `left_inside`: the names of what was not done, inside steps of the last plan.
    """
    done = {name: one.get("output") for name, one in steps.items() if one["status"] == "completed"}
    finished, unfinished = set[str](), set[str]()
    for name, one in steps.items():
        for path, inner in one.get("inside", {}).items():
            whole = inner["status"] == "completed"
            (finished if whole else unfinished).add(_name_of(path))
            if whole and name not in done:
                done[path] = inner.get("output")
    return {
        "done": done,
        "done_inside": sorted(finished | {*before.get("done_inside", ())}),
        "in_part": sorted((finished & unfinished) | {*before.get("in_part", ())}),
        "left_inside": sorted(unfinished - finished),
    }


def repeated(workflow: Workflow, after: Mapping[str, Any] | None) -> list[str]:
    """What is wrong with a plan, as far as it would do again what was done, in words for whoever wrote it."""
    if after is None:
        return []
    tops = {name for name in after["done"] if "." not in name and "[" not in name}
    inside = {*after.get("done_inside", ())}
    in_part = {*after.get("in_part", ())}
    unfinished = {*after["failed"], *(name.partition(".")[2] for name in (*in_part, *after.get("left_inside", ())))}
    names = tops | {name.partition(".")[2] for name in inside}
    problems = []
    for step in workflow.spec.steps:
        if told := _whole(step, tops, inside):
            problems.append(told)
        for inner in _within([step]):
            place = "" if inner is step else f" inside '{step.name}'"
            if f"{step.name}.{inner.name}" in in_part:
                problems.append(
                    f"step '{inner.name}'{place} was carried out in part by a plan before this one: {_IN_PART}"
                )
            elif f"{step.name}.{inner.name}" in inside or (
                inner.name in names - unfinished and not (inner is step and step.name in tops)
            ):
                problems.append(f"step '{inner.name}'{place} was carried out by a plan before this one: {_LEAVE_OUT}")
    return problems


def _whole(step: Step, tops: Iterable[str], inside: Iterable[str]) -> str | None:
    """Steps that are named again, or that do what nobody sees written in them: a workflow, an agent."""
    if step.name in tops:
        return f"step '{step.name}' was carried out by the plan before this one: {_LEAVE_OUT}"
    parts = [name for name in inside if name.startswith(f"{step.name}.")]
    if step.type in ("workflow", "agent") and parts:
        return (
            f"step '{step.name}' was carried out in part by the plan before this one ({', '.join(sorted(parts))}): "
            "plan what is left of it as other steps."
        )
    return None


def _within(steps: Iterable[Step]) -> Iterator[Step]:
    for step in steps:
        yield step
        for _, inner in step.containers():
            yield from _within(inner)


def _name_of(path: str) -> str:
    """`visit[0].book` is `visit.book`, and `trip.air.flight` is `trip.flight`."""
    first = path.partition(".")[0].partition("[")[0]
    return f"{first}.{path.rpartition('.')[2]}"
