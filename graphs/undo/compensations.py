"""From what was done to the steps that undo it."""

from collections.abc import Sequence

from graphs.planner import Conclusion, PlannedStep, companion_of
from graphs.prepare import Library
from graphs.scope import Frame
from graphs.spec import Step
from graphs.state import Happened
from graphs.undo.line import Line, Undoing
from graphs.undo.places import Place, Places, Unseal


def compensations(
    frame: Frame,
    history: Sequence[Happened],
    conclusion: Conclusion,
    library: Library,
    unseal: Unseal,
    *,
    clean_up: bool = True,
) -> list[Undoing]:
    """The steps that undo, one after the other, each also when the one before it failed (E10, E11, E12, E14).

    Args:
        frame: The frame of the whole workflow.
        history: What was done, in the order in which it was committed.
        conclusion: How the workflow's plan ended.
        unseal: Opens what composite steps kept when they opened.
        clean_up: What cleans up runs also when nothing had been done.
    """
    workflow, line = frame.workflow, Line(library, history)
    assert workflow is not None
    named = _named_workflow(frame, conclusion)
    if named is not None:
        line.clean_up([named], "", frame)
        return line.undoings
    deeds = [deed for deed in history if not deed.superseded and not deed.path.startswith("~")]
    clean_up = clean_up or any(map(_was_done, deeds))
    places = Places(library, history, unseal)
    places.add(frame, "")
    places.add_alone(frame)
    _in_reverse(line, deeds, places, frame, unseal, clean_up)
    if clean_up:
        line.clean_up(workflow.spec.compensation.steps, "", frame)
    return line.undoings


def _was_done(deed: Happened) -> bool:
    return deed.kind == "effect" or (deed.kind == "settled" and deed.data.get("status") == "completed")


def _in_reverse(
    line: Line, deeds: Sequence[Happened], places: Places, frame: Frame, unseal: Unseal, clean_up: bool
) -> None:
    """What undoes the deeds, the last one first; what a workflow inside cleans up with comes after all of its own."""
    first_opened = {deed.path: deed.seq for deed in reversed(deeds) if deed.kind == "opened"}
    nowhere = Place(frame, "", PlannedStep("", Step(name="nowhere"), "error_recovery"))
    last: set[tuple[str, ...]] = set()
    for deed in reversed(deeds):
        what = (deed.path, deed.kind, str(deed.data["key"]) if deed.kind == "effect" else "")
        if deed.kind == "opened":
            inside = places.inside.get(deed.path)
            begins = first_opened[deed.path] == deed.seq
            if clean_up and begins and inside is not None and inside.workflow is not None:
                line.clean_up(inside.workflow.spec.compensation.steps, deed.path, inside)
        elif what not in last:
            line.undo(deed, places.find(deed.path) or nowhere, unseal)
        last.add(what)


def with_companions(steps: Sequence[PlannedStep], library: Library) -> list[PlannedStep]:
    """The steps, and what they fall back on."""
    planned = []
    for step in steps:
        planned.append(step)
        if (companion := companion_of(step, library.node_of)) is not None:
            planned.append(companion)
    return planned


def _named_workflow(frame: Frame, conclusion: Conclusion) -> Step | None:
    """E05, E14: the step that ran out of time may name a workflow that cleans up in place of everything else."""
    if conclusion.step is None or conclusion.status != "timed_out":
        return None
    on_timeout = frame.plan.steps[conclusion.step].step.on_timeout
    if on_timeout is None or on_timeout.compensation_workflow is None:
        return None
    given = on_timeout.compensation_input
    if given is None:
        names = [name for name, planned in frame.plan.steps.items() if planned.stands_for is None]
        outputs = {name: f"{{{{ steps.{name}.output | default(none) }}}}" for name in names if name.isidentifier()}
        given = {"input": "{{ input }}", "steps": outputs}
    return Step(
        name=on_timeout.compensation_workflow.replace(".", "-"),
        type="workflow",
        config={"workflow": on_timeout.compensation_workflow, "input": given},
    )
