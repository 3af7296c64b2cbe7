"""Where every step of an execution stands, in frames rebuilt from what composite steps kept when they opened."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from graphs.composites import Composite
from graphs.composites.subworkflow import SubWorkflow
from graphs.planner import PlannedStep
from graphs.prepare import Library
from graphs.scope import Frame
from graphs.spec import Step
from graphs.state import Happened, join_path

Unseal = Callable[[Any], Any]


@dataclass(frozen=True, slots=True)
class Place:
    """A step of some plan: the frame of that plan, the path of the step around, and the step."""

    frame: Frame
    around: str
    planned: PlannedStep


class Places:
    """Where every step stands, in frames rebuilt from what composite steps kept when they opened."""

    def __init__(self, library: Library, history: Sequence[Happened], unseal: Unseal) -> None:
        self._library = library
        self._unseal = unseal
        alive = [deed for deed in history if not deed.superseded]
        self._opened = {deed.path: deed.data for deed in alive if deed.kind == "opened"}
        self._results = {deed.path: deed.data for deed in alive if deed.kind == "settled"}
        self._steps: dict[str, Place] = {}
        self.inside: dict[str, Frame] = {}

    def find(self, path: str) -> Place | None:
        return self._steps.get(path)

    def add(self, frame: Frame, around: str) -> None:
        for name, planned in frame.plan.steps.items():
            path = join_path(around, name)
            self._steps[path] = Place(frame, around, planned)
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
        if kind.growing(planned.step):
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


def prefixes(name: str) -> Iterator[str]:
    """A name and all that stands before it in paths: those it stands inside of."""
    yield name
    for position, letter in enumerate(name):
        if letter in ".[":
            yield name[:position]
