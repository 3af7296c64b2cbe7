"""From what was done to the steps that undo it."""

from collections.abc import Sequence
from typing import NamedTuple

from graphs.planner import Conclusion, PlannedStep, companion_of
from graphs.prepare import Library
from graphs.scope import Frame
from graphs.spec import Step
from graphs.state import Happened
from graphs.undo.answered import as_answered
from graphs.undo.inheritance import Inheritance
from graphs.undo.line import Line, Undoing
from graphs.undo.named import named_workflow
from graphs.undo.parts import parts_that_failed
from graphs.undo.places import Place, Places, Unseal, prefixes


class Compensation(NamedTuple):
    """What undoes, in order; and what is left alone, by path: whose it is."""

    undoings: list[Undoing]
    left_alone: dict[str, str]


def compensations(
    frame: Frame,
    history: Sequence[Happened],
    conclusion: Conclusion,
    library: Library,
    unseal: Unseal,
    *,
    clean_up: bool = True,
) -> Compensation:
    """The steps that undo, one after the other, each also when the one before it failed (E10, E11, E12, E14).

    A fork undoes what it did itself; what it found done is its parent's to undo, and is left alone. Of an execution
    that has come to a good end, the parts are undone that have not.

    Args:
        frame: The frame of the whole workflow.
        history: What was done, in the order in which it was committed.
        conclusion: How the workflow's plan ended.
        unseal: Opens what composite steps kept when they opened.
        clean_up: What cleans up runs also when nothing had been done.
    """
    history = as_answered(history, unseal)
    workflow, inheritance = frame.workflow, Inheritance(history)
    line = Line(library, history, inheritance)
    assert workflow is not None
    deeds = [deed for deed in history if not deed.superseded and not deed.path.startswith("~")]
    went_well = conclusion.status == "completed"
    if went_well:
        parts = parts_that_failed(deeds, workflow.spec.config)
        deeds = [deed for deed in deeds if not parts.isdisjoint(prefixes(deed.path))]
        if not deeds:  # what composite steps opened with need not be read
            return Compensation([], {})
    places = Places(library, history, unseal)
    places.add(frame, "")
    places.add_alone(frame)
    if (named := named_workflow(frame, places, deeds, conclusion, inheritance)) is not None:
        step, place = named
        line.clean_up([step], place.around, place.frame, beside=place.planned)
    if line.undoings:
        return Compensation(line.undoings, line.left_alone)
    clean_up = clean_up or any(map(_was_done, deeds))
    _in_reverse(line, deeds, places, frame, unseal, clean_up)
    if clean_up and not went_well:
        line.clean_up(workflow.spec.compensation.steps, "", frame)
    return Compensation(line.undoings, line.left_alone)


def _was_done(deed: Happened) -> bool:
    if deed.owner is not None:
        return False
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
            if clean_up and begins and inside is not None and inside.workflow is not None and _is_own(deed, deeds):
                line.clean_up(inside.workflow.spec.compensation.steps, deed.path, inside)
        elif what not in last:
            line.undo(deed, places.find(deed.path) or nowhere, unseal)
        last.add(what)


def _is_own(opened: Happened, deeds: Sequence[Happened]) -> bool:
    """Whether this execution began a composite step, or has done anything inside of one that it found begun."""
    below = (f"{opened.path}.", f"{opened.path}[")
    return opened.owner is None or any(deed.owner is None and deed.path.startswith(below) for deed in deeds)


def with_companions(steps: Sequence[PlannedStep], library: Library) -> list[PlannedStep]:
    """The steps, and what they fall back on."""
    planned = []
    for step in steps:
        planned.append(step)
        if (companion := companion_of(step, library.node_of)) is not None:
            planned.append(companion)
    return planned
