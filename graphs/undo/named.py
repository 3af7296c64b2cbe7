"""The workflow that cleans up in place of everything else, because a step that ran out of time names it (E05, E14)."""

from collections.abc import Iterator, Sequence

from graphs.planner import Conclusion
from graphs.scope import Frame
from graphs.spec import Step
from graphs.state import Happened, join_path
from graphs.undo.inheritance import Inheritance
from graphs.undo.places import Place, Places


def named_workflow(
    frame: Frame, places: Places, deeds: Sequence[Happened], conclusion: Conclusion, inheritance: Inheritance
) -> tuple[Step, Place] | None:
    """The step that runs it, and the step that names it: the innermost of those that ended the plan by their time.

    Args:
        frame: The frame of the whole workflow.
        deeds: What was done, in the order of commits.
    """
    if conclusion.step is None or conclusion.status != "timed_out":
        return None
    for place in _ran_out(Place(frame, "", frame.plan.steps[conclusion.step]), places, deeds):
        on_timeout = place.planned.step.on_timeout
        if on_timeout is None or on_timeout.compensation_workflow is None:
            continue
        given = on_timeout.compensation_input
        step = Step(
            name=on_timeout.compensation_workflow.replace(".", "-"),
            type="workflow",
            config={
                "workflow": on_timeout.compensation_workflow,
                "input": _all_there_is(place, inheritance) if given is None else given,
            },
        )
        return step, place
    return None


def _ran_out(top: Place, places: Places, deeds: Sequence[Happened]) -> Iterator[Place]:
    """The step whose time was over first, and those around it that ended with it, from the inside outwards."""
    late = {deed.path: deed for deed in deeds if _is_late(deed)}
    chain, path = [top], top.planned.name
    while (inside := places.inside.get(path)) is not None:
        names = (name for name in inside.plan.steps if join_path(path, name) in late)
        first = min(names, key=lambda name: late[join_path(path, name)].seq, default=None)
        if first is None:
            break
        chain.append(Place(inside, path, inside.plan.steps[first]))
        path = join_path(path, first)
    return reversed(chain)


def _is_late(deed: Happened) -> bool:
    return deed.kind == "settled" and deed.data.get("status") == "timed_out" and not deed.data.get("continued")


def _all_there_is(place: Place, inheritance: Inheritance) -> dict[str, object]:
    """The input, and the outputs of the steps beside the one that names it."""
    local, outputs = place.planned.local, {}
    for name, planned in place.frame.plan.steps.items():
        short = planned.step.name
        beside = planned.stands_for is None and planned.local == local and short.isidentifier()
        if beside and inheritance.owner_of(join_path(place.around, name)) is None:
            outputs[short] = f"{{{{ steps.{short}.output | default(none) }}}}"
    return {"input": "{{ input }}", "steps": outputs}
