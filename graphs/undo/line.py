"""The undoing steps in a line: each after the one before it, also when that one failed."""

import itertools
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from graphs.errors import NotFoundError
from graphs.planner import Need, PlannedStep
from graphs.prepare import Library
from graphs.scope import Frame
from graphs.spec import Compensation, Step, Workflow
from graphs.state import COMPENSATION, UNHEARD, Happened, Result, join_path
from graphs.steps import Node
from graphs.undo.inheritance import Inheritance
from graphs.undo.places import Place, Unseal, prefixes

_NOWHERE = PlannedStep("", Step(name="nowhere"), "error_recovery")


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

    def wanted(self, code: str | None) -> dict[str, Any]:
        """What people may say so that it is undone after all, and of which call, when undoing it failed; otherwise
        nothing: what a call gave of which nobody knows what it did, with the key it was made with; or what an effect is
        undone with, where what is known is not enough.

        Args:
            code: Of the error that undoing it failed with.
        """
        if self.result is not None and self.result.get("outcome") == "unknown":
            return {"outcome": "unknown", "idempotency_key": self.result.get("idempotency_key"), "wanted": "output"}
        if self.effect is None:
            return {}
        found = {"wanted": "arguments", "effect": self.effect["key"]}
        if self.effect.get("outcome") == "unknown":
            key = str(self.effect["key"]).removesuffix(UNHEARD)
            return {"outcome": "unknown", "idempotency_key": key, **found}
        return found if code == "arguments_invalid" else {}


class Line:
    """The undoing steps, each after the one before it.

    Attributes:
        left_alone: What would be undone, and is another execution's: paths, and whose it is.
    """

    def __init__(self, library: Library, history: Sequence[Happened], inheritance: Inheritance) -> None:
        self.undoings: list[Undoing] = []
        self.left_alone: dict[str, str] = {}
        self._library = library
        self._inheritance = inheritance
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

    def undo(self, deed: Happened, place: Place, unseal: Unseal) -> None:
        """Undo a step or an effect, if it says how and that was not done before."""
        step = place.planned.step.compensate
        if deed.kind == "effect" and deed.owner is not None:
            self.left_alone[deed.path] = deed.owner
        elif deed.kind == "effect" and self._was_heard(deed):
            return
        elif deed.kind == "effect":
            # Numbered over all there ever were: the undoing step's idempotency key must not depend on what came later.
            number, effect = self._effects[deed.path][deed.data["key"]], self._completed(unseal(deed.data))
            name = f"{deed.path}.{effect['undo']['name']}-{number}"
            step = _undoing_effect(effect["undo"], self._library)
            self._append(step, name, f"{deed.path}.", place, deed, effect=effect)
        elif step is not None and _may_have_acted(place, deed.data):
            if (owner := self._inheritance.owner_of(deed.path)) is not None:
                self.left_alone[deed.path] = owner
                return
            result: Any = deed.data
            local = join_path(place.around, place.planned.local + "_")[:-1]
            other = f"{local}{step.name}-{place.planned.step.name}"
            self._append(step, self._free(local + step.name, other), local, place, deed, result=result)

    def clean_up(self, steps: Sequence[Step], around: str, frame: Frame, *, beside: PlannedStep = _NOWHERE) -> None:
        """The steps a workflow cleans up with. One that reads what another execution did may undo that: it is not
        taken.

        Args:
            beside: The step in whose place they stand: what is beside it, they see.
        """
        local = join_path(around, beside.local + "_")[:-1]
        for step in steps:
            if (owner := self._inheritance.owner_of_what_is_read(step, around)) is not None:
                self.left_alone[join_path(COMPENSATION, join_path(around, step.name))] = owner
                continue
            name = self._free(local + step.name, local + step.name)
            place = PlannedStep("", step, "error_recovery", local=beside.local, index=beside.index)
            self._append(step, name, local, Place(frame, around, place), None)

    def _append(self, step: Step, name: str, local: str, place: Place, deed: Happened | None, **more: Any) -> None:
        if deed is not None and self._undone_since(name, deed):
            return
        self._taken.add(name)
        self._before.update(prefixes(name))
        needs = (Need(self.undoings[-1].planned.name, "settled"),) if self.undoings else ()
        undoes = deed.path if deed is not None else None
        planned = PlannedStep(name, step, _node_of(step, self._library), needs, local=local, undoes=undoes)
        self.undoings.append(Undoing(planned, place.frame, place.planned, **more))

    def _completed(self, effect: Mapping[str, Any]) -> Mapping[str, Any]:
        """The effect, with what people found out since of what undoing it needs."""
        if not (given := effect.get("given")):
            return effect
        undo, config = effect["undo"], effect["undo"].get("config") or {}
        kind = self._library.step_types.get(undo["type"])
        takes = kind.takes if kind is not None else ()
        where = next((key for key in takes if isinstance(config.get(key), Mapping)), None)
        if where is not None:
            return {**effect, "undo": {**undo, "config": {**config, where: given}}}
        return {**effect, "undo": {**undo, "input": {**(undo.get("input") or {}), **given}}}

    def _was_heard(self, deed: Happened) -> bool:
        """Whether it is about a call that was cut off, and of which is known now what it did: it came late, or was made
        again under the same key."""
        own = str(deed.data["key"])
        same = own.removesuffix(UNHEARD) + "/"
        return deed.data.get("outcome") == "unknown" and any(
            key != own and key.startswith(same) for key in self._effects[deed.path]
        )

    def _undone_since(self, name: str, deed: Happened) -> bool:
        """Whether an earlier compensation, before a retry, has undone the same thing already."""
        return self._undone.get(join_path(COMPENSATION, name), 0) > deed.seq

    def _free(self, name: str, other: str) -> str:
        """Two steps may be undone by compensations of the same name."""
        numbered = (f"{other}-{number}" for number in itertools.count(2))
        return next(wanted for wanted in itertools.chain((name, other), numbered) if not self._meets(wanted))

    def _meets(self, name: str) -> bool:
        return name in self._before or any(prefix in self._taken for prefix in prefixes(name))


def _may_have_acted(place: Place, result: Mapping[str, Any]) -> bool:
    if result["status"] == "completed":
        return True
    stopped = result["status"] == "cancelled" and result.get("reason") == "cancelled"
    if not stopped and result["status"] not in ("failed", "timed_out"):
        return False
    wanted = place.planned.step.compensate_failed
    if wanted is not None:
        return wanted
    workflow = _workflow_around(place.frame)
    compensation = workflow.spec.compensation if workflow is not None else Compensation()
    if "include_failed" in compensation.model_fields_set:
        return compensation.include_failed
    return result.get("outcome") == "unknown"


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
