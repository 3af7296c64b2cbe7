"""What is to be undone when an execution has ended badly, and in which order. Pure.

Whatever was done counts, however deep inside composite steps, in the reverse of the order in which it was committed:
steps that say how they are undone (`compensate`), and the effects that steps wrote down while they were at work. The
frames of composite steps are rebuilt from what these found out when they opened, so that an undoing step sees what
the step it undoes saw.
"""

import itertools
import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from graphs.composites import Composite
from graphs.composites.base import Data
from graphs.composites.subworkflow import SubWorkflow
from graphs.errors import NotFoundError
from graphs.planner import Conclusion, Need, PlannedStep, companion_of
from graphs.prepare import Library
from graphs.scope import Frame
from graphs.spec import Step, Workflow
from graphs.state import Happened, Result, join_path
from graphs.steps import Node

COMPENSATION = "~compensation"
"""The name of the plan that compensates, in paths: `~compensation.refund`, `~compensation.orders[3].refund`."""

Unseal = Callable[[Any], Any]


@dataclass(frozen=True, slots=True)
class Undoing:
    """One step of a compensation.

    Attributes:
        planned: Its place in the plan that compensates; `undoes` is the path of what it undoes.
        frame: What is around the step it undoes.
        place: That step; for clean-up steps of a workflow, no step of its plan.
        result: How that step settled; None where it is not a step that is undone.
        effect: The effect it undoes, as it was written down.
    """

    planned: PlannedStep
    frame: Frame
    place: PlannedStep
    result: Result | None = None
    effect: Mapping[str, Any] | None = None


def compensations(
    frame: Frame, history: Sequence[Happened], conclusion: Conclusion, library: Library, unseal: Unseal
) -> list[Undoing]:
    """The steps that undo, one after the other, each also when the one before it failed (E10, E11, E12, E14).

    Args:
        frame: The frame of the whole workflow.
        history: What was done, in the order in which it was committed.
        conclusion: How the workflow's plan ended.
        unseal: Opens what composite steps kept when they opened.
    """
    workflow, line = frame.workflow, _Line(library, history)
    assert workflow is not None
    named = _named_workflow(frame, conclusion)
    if named is not None:
        line.clean_up([named], "", frame)
        return line.undoings
    places = _Places(library, history, unseal)
    places.add(frame, "")
    places.add_alone(frame)
    deeds = [deed for deed in history if not deed.superseded and not deed.path.startswith("~")]
    first_opened = {deed.path: deed.seq for deed in reversed(deeds) if deed.kind == "opened"}
    nowhere = _Place(frame, "", PlannedStep("", Step(name="nowhere"), "error_recovery"))
    last: set[tuple[str, ...]] = set()
    for deed in reversed(deeds):
        what = (deed.path, deed.kind, str(deed.data["key"]) if deed.kind == "effect" else "")
        if deed.kind == "opened":
            inside = places.inside.get(deed.path)
            if first_opened[deed.path] == deed.seq and inside is not None and inside.workflow is not None:
                line.clean_up(inside.workflow.spec.compensation.steps, deed.path, inside)
        elif what not in last:
            line.undo(deed, places.find(deed.path) or nowhere, unseal)
        last.add(what)
    line.clean_up(workflow.spec.compensation.steps, "", frame)
    return line.undoings


def undoable(step: Step, data: Data, library: Library) -> bool:
    """Whether something inside a composite step may have to be undone, so that what it opened with must be kept."""
    if "digest" in data and (workflow := library.workflow(data["digest"])) is not None:
        spec = workflow.spec
        return library.remember(
            "undoable", workflow.digest, lambda: bool(spec.compensation.steps) or any(map(_undoable, spec.steps))
        )
    return bool(data.get("steps")) or any(_undoable(inner) for inner in _inside(step))


def _undoable(step: Step) -> bool:
    # What another workflow says is known only when it opens.
    found = step.compensate is not None or step.type == SubWorkflow.name or "steps_from" in step.config
    return found or any(_undoable(inner) for inner in _inside(step))


def _inside(step: Step) -> Iterator[Step]:
    for _, steps in step.containers():
        yield from steps
    if step.answer is not None:
        yield step.answer


@dataclass(frozen=True, slots=True)
class _Place:
    """A step of some plan: the frame of that plan, the path of the step around, and the step."""

    frame: Frame
    around: str
    planned: PlannedStep


class _Places:
    """Where every step stands, in frames rebuilt from what composite steps kept when they opened."""

    def __init__(self, library: Library, history: Sequence[Happened], unseal: Unseal) -> None:
        self._library = library
        self._unseal = unseal
        alive = [deed for deed in history if not deed.superseded]
        self._opened = {deed.path: deed.data for deed in alive if deed.kind == "opened"}
        self._results = {deed.path: deed.data for deed in alive if deed.kind == "settled"}
        self._steps: dict[str, _Place] = {}
        self.inside: dict[str, Frame] = {}

    def find(self, path: str) -> _Place | None:
        return self._steps.get(path)

    def add(self, frame: Frame, around: str) -> None:
        for name, planned in frame.plan.steps.items():
            path = join_path(around, name)
            self._steps[path] = _Place(frame, around, planned)
            if path in self._opened:
                self.inside[path] = self._frame_inside(frame, planned, path)
                self.add(self.inside[path], path)

    def add_alone(self, frame: Frame) -> None:
        """Sub-workflows in plans that only running makes (an agent called one): they see nothing of what is around."""
        for path, opened in self._opened.items():
            if path not in self.inside and "digest" in opened["frame"] and not path.startswith("~"):
                step = Step(name="called", type=SubWorkflow.name)
                self.inside[path] = self._frame_inside(frame, PlannedStep("", step, "parallel_executor"), path)
                self.add(self.inside[path], path)

    def _frame_inside(self, frame: Frame, planned: PlannedStep, path: str) -> Frame:
        kind, data = self._library.kind(planned.step), self._unseal(self._opened[path]["frame"])
        assert isinstance(kind, Composite)
        if kind.grows:
            data = {**data, "iterations": self._iterations(path), "results": self._inside(path)}
        plan = kind.plan(planned.step, data, self._library)
        names = ((name, self._results.get(join_path(path, name))) for name in plan.steps)
        results: dict[str, Any] = {name: result for name, result in names if result is not None}
        inside = frame.inside(planned, plan, results)
        inside.afterwards = True
        return kind.frame(inside, planned.step, data, self._library)

    def _inside(self, path: str) -> dict[str, Any]:
        cut = len(path)
        below = (f"{path}.", f"{path}[")
        return {
            other[cut:].removeprefix("."): result for other, result in self._results.items() if other.startswith(below)
        }

    def _iterations(self, path: str) -> int:
        cut = len(path) + 1
        indexes = [other[cut : other.index("]", cut)] for other in self._results if other.startswith(f"{path}[")]
        return max((int(index) for index in indexes), default=-1) + 1


class _Line:
    """The undoing steps, each after the one before it."""

    def __init__(self, library: Library, history: Sequence[Happened]) -> None:
        self.undoings: list[Undoing] = []
        self._library = library
        self._effects: dict[str, dict[str, int]] = {}
        self._undone: dict[str, int] = {}
        self._taken: set[str] = set()
        self._before: set[str] = set()
        for deed in history:
            if deed.kind == "effect":
                numbers = self._effects.setdefault(deed.path, {})
                numbers.setdefault(deed.data["key"], len(numbers) + 1)
            elif deed.superseded and deed.path.startswith(COMPENSATION) and deed.data.get("status") == "completed":
                self._undone[deed.path] = deed.seq

    def undo(self, deed: Happened, place: _Place, unseal: Unseal) -> None:
        """Undo a step or an effect, if it says how and that was not done before."""
        step = place.planned.step.compensate
        if deed.kind == "effect":
            # Numbered over all there ever were: the undoing step's idempotency key must not depend on what came later.
            number, undo = self._effects[deed.path][deed.data["key"]], deed.data["undo"]
            name = f"{deed.path}.{undo['name']}-{number}"
            self._append(
                _undoing_effect(undo, self._library), name, f"{deed.path}.", place, deed, effect=unseal(deed.data)
            )
        elif step is not None and _may_have_acted(place, deed.data):
            result: Any = deed.data
            local = join_path(place.around, place.planned.local + "_")[:-1]
            other = f"{local}{step.name}-{place.planned.step.name}"
            self._append(step, self._free(local + step.name, other), local, place, deed, result=result)

    def clean_up(self, steps: Sequence[Step], around: str, frame: Frame) -> None:
        """The steps a workflow cleans up with."""
        local = join_path(around, "_")[:-1]
        for step in steps:
            name = self._free(local + step.name, local + step.name)
            self._append(step, name, local, _Place(frame, around, PlannedStep("", step, "error_recovery")), None)

    def _append(self, step: Step, name: str, local: str, place: _Place, deed: Happened | None, **more: Any) -> None:
        if deed is not None and self._undone_since(name, deed):
            return
        self._taken.add(name)
        self._before.update(_prefixes(name))
        needs = (Need(self.undoings[-1].planned.name, "settled"),) if self.undoings else ()
        undoes = deed.path if deed is not None else None
        planned = PlannedStep(name, step, _node_of(step, self._library), needs, local=local, undoes=undoes)
        self.undoings.append(Undoing(planned, place.frame, place.planned, **more))

    def _undone_since(self, name: str, deed: Happened) -> bool:
        """Whether an earlier compensation, before a retry, has undone the same thing already."""
        return self._undone.get(join_path(COMPENSATION, name), 0) > deed.seq

    def _free(self, name: str, other: str) -> str:
        """Two steps may be undone by compensations of the same name."""
        numbered = (f"{other}-{number}" for number in itertools.count(2))
        return next(wanted for wanted in (name, other, *itertools.islice(numbered, 10_000)) if not self._meets(wanted))

    def _meets(self, name: str) -> bool:
        return name in self._before or any(prefix in self._taken for prefix in _prefixes(name))


def _prefixes(name: str) -> Iterator[str]:
    """A name and all that stands before it in paths: a compensation's own inner steps must not meet these."""
    yield name
    for position, letter in enumerate(name):
        if letter in ".[":
            yield name[:position]


def _may_have_acted(place: _Place, result: Mapping[str, Any]) -> bool:
    if result["status"] == "completed":
        return True
    stopped = result["status"] == "cancelled" and result.get("reason") == "cancelled"
    if not stopped and result["status"] not in ("failed", "timed_out"):
        return False
    wanted = place.planned.step.compensate_failed
    if wanted is not None:
        return wanted
    workflow = _workflow_around(place.frame)
    return workflow is not None and workflow.spec.compensation.include_failed


def _workflow_around(frame: Frame) -> Workflow | None:
    around: Frame | None = frame
    while around is not None and around.workflow is None:
        around = around.parent
    return around.workflow if around is not None else None


def _undoing_effect(undo: Mapping[str, Any], library: Library) -> Step:
    """The step that undoes an effect. What was written down is handed over as it is: none of it is a template."""
    config = {key: f"{{{{ effect.undo.config['{key}'] }}}}" for key in undo.get("config") or {}}
    document = {**undo, "config": config} | ({"input": "{{ effect.undo.input }}"} if "input" in undo else {})
    key = json.dumps(document, sort_keys=True)
    return library.remember("undoing", key, lambda: Step.model_validate(document))


def _node_of(step: Step, library: Library) -> Node:
    try:
        return library.node_of(step)
    except NotFoundError:  # it fails by itself when it is performed; the others must not
        return "error_recovery"


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
