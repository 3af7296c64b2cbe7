"""What a step can see: the names of its expressions, and the state that Python callables are handed.

Frames mirror plans: each plan has one, below it hang the frames of the composite steps inside. A name is looked up
among the step's siblings first, then among the siblings of the composite step it is in, and so on outwards. A
sub-workflow's frame has no way out: it sees its own input only.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import Any

from graphs.planner import Plan, PlannedStep
from graphs.spec import Budget, Config, Workflow, is_name
from graphs.state import Result, join_path

_LONG_AGO = datetime.min.replace(tzinfo=UTC)
_PENDING = {"status": "pending", "completed": False, "attempts": 0}


@dataclass(slots=True, eq=False)
class Frame:
    """What the steps of one plan see.

    Attributes:
        plan, results: The plan and its results; `results` grows while the plan is carried out.
        input: The input of the (sub-)workflow.
        variables: First values of the (sub-)workflow's variables.
        config: Limits and defaults of the (sub-)workflow.
        execution: `execution.id`, `.started_at`, `.version`, `.workflow`.
        items: Items of a map or a loop over data, by index.
        item_name: A second name for `item`.
        extra: Further root names (`error`, `output` in compensations; `loop` in loops).
        views: In the plan that compensates: the frame of each of its steps, for each stands where what it undoes did.
        afterwards: It belongs to a compensation: all that the plans around have set is seen.
        below: The results of all that was done inside, by path from the plan on; only where somebody tells of them.
        memo: What a composite type that grows need not work out anew each time; gone with the process.
        workflow: The workflow this frame is the outermost of; None inside composites.
        path: Where the plan stands in its execution.
        begun: When its steps could begin: what `now()` is for those that wait for no other.
        budgets: What models may cost here: "" for the execution's, a path for that of the sub-workflow or agent there.
        timed: What steps here take counts against these budgets: an agent has them done.
        parent, parent_step: The frame around, and the step of it this plan is inside of.
    """

    plan: Plan
    results: Mapping[str, Result]
    input: Any
    variables: Mapping[str, Any]
    execution: Mapping[str, Any]
    config: Config = field(default_factory=Config)
    environment: Mapping[str, Any] = field(default_factory=dict)
    secrets: Mapping[str, Any] = field(default_factory=dict)
    user_context: Mapping[str, Any] = field(default_factory=dict)
    metadata: Mapping[str, Any] = field(default_factory=dict)
    items: list[Any] | None = None
    item_name: str | None = None
    extra: Mapping[str, Any] = field(default_factory=dict)
    views: Mapping[str, "Frame"] = field(default_factory=dict)
    afterwards: bool = False
    below: Mapping[str, Result] = field(default_factory=dict)
    memo: dict[str, Any] = field(default_factory=dict)
    path: str = ""
    begun: datetime = _LONG_AGO
    budgets: Mapping[str, Budget] = field(default_factory=dict)
    timed: bool = False
    workflow: Workflow | None = None
    parent: "Frame | None" = None
    parent_step: PlannedStep | None = None
    _written: dict[str, dict[str, tuple[int, Any]]] = field(default_factory=dict)

    def inside(self, planned: PlannedStep, plan: Plan, results: Mapping[str, Result]) -> "Frame":
        """The frame of a plan inside one of this plan's steps."""
        return replace(
            self,
            plan=plan,
            results=results,
            items=None,
            item_name=None,
            views={},
            afterwards=False,
            below={},
            memo={},
            path=join_path(self.path, planned.name),
            begun=self.time_of(planned),
            workflow=None,
            parent=self,
            parent_step=planned,
            _written={},
        )

    def time_of(self, planned: PlannedStep) -> datetime:
        """When a step could begin: what it awaits had settled. Any process that performs it comes to the same.

        For what is no step of the plan: when all of that had settled.
        """
        awaited = self.plan.awaits(planned.name) if planned.name in self.plan.steps else self.results
        ends = (self.results[name].get("ended_at") for name in awaited if name in self.results)
        return max([self.begun, *(datetime.fromisoformat(end) for end in ends if end is not None)])

    def names(self, planned: PlannedStep | None) -> dict[str, Any]:
        """The root names of a step's expressions. Without a step: those of the plan's end (outputs)."""
        names: dict[str, Any] = {
            "input": self.input,
            "steps": StepsView(self, planned),
            "vars": VariablesView(self, planned),
            "execution": self.execution,
            "env": self.environment,
            "secrets": self.secrets,
        }
        self._add_around(names, planned)
        return names

    def _add_around(self, names: dict[str, Any], planned: PlannedStep | None) -> None:
        """What the plans around add, the innermost last: items, the error a fallback answers, what is undone."""
        if self.parent is not None:
            self.parent._add_around(names, self.parent_step)
        if planned is not None and planned.index is not None:
            names["index"] = planned.index
            if self.items is not None and planned.index < len(self.items):
                names["item"] = self.items[planned.index]
                if self.item_name:
                    names[self.item_name] = names["item"]
        names.update(self.extra)
        if planned is not None and planned.stands_for is not None:
            names["error"] = self.results[planned.stands_for].get("error")

    def variables_at(self, planned: PlannedStep | None) -> dict[str, Any]:
        """Variables as a step sees them: what its ancestors set, later ones in the plan's order winning.

        Steps that are not ancestors may be running at the same time, so what they set is not seen: the value would
        depend on who was faster. Without a step of the plan: what the whole plan leaves behind.
        """
        outer = self._variables_around()
        if not self.plan.writers:
            return outer
        inside = planned is not None and planned.name in self.plan.steps
        written = self._written_before(planned) if planned is not None and inside else self._all_written()
        return outer | {name: value for name, (_, value) in written.items()}

    def _variables_around(self) -> dict[str, Any]:
        if self.parent is None:
            return dict(self.variables)
        if self.afterwards and self.parent_step is not None:
            return self.parent.variables_after(self.parent_step)
        return self.parent.variables_at(self.parent_step)

    def variables_after(self, planned: PlannedStep) -> dict[str, Any]:
        """Variables when all has settled, as the compensation of a step sees them: of a map, its own item's only."""
        merged = self._written_before(planned) if planned.name in self.plan.steps else {}
        for order, (name, other) in enumerate(self.plan.steps.items()):
            if other.local == planned.local and (result := self.results.get(name)):
                merged |= {key: (order, value) for key, value in (result.get("variables") or {}).items()}
        return self._variables_around() | {name: value for name, (_, value) in merged.items()}

    def written(self) -> dict[str, Any]:
        """What the steps of this plan have set, for the composite step around it to pass on."""
        return {name: value for name, (_, value) in self._all_written().items()} if self.plan.writers else {}

    def _all_written(self) -> dict[str, tuple[int, Any]]:
        merged: dict[str, tuple[int, Any]] = {}
        for order, name in enumerate(self.plan.steps):
            if result := self.results.get(name):
                merged |= {key: (order, value) for key, value in (result.get("variables") or {}).items()}
        return merged

    def _written_before(self, planned: PlannedStep) -> dict[str, tuple[int, Any]]:
        merged: dict[str, tuple[int, Any]] = {}
        for name in self.plan.awaits(planned.name):
            for key, (order, value) in self._written_by(name).items():
                if key not in merged or merged[key][0] < order:
                    merged[key] = (order, value)
        return merged

    def _written_by(self, name: str) -> dict[str, tuple[int, Any]]:
        """By a settled step or its ancestors. Filled oldest first, because a chain of thousands would recurse."""
        stack = [name]
        while stack:
            current = stack[-1]
            missing = [other for other in self.plan.awaits(current) if other not in self._written]
            if current in self._written:
                stack.pop()
            elif missing:
                stack += missing
            else:
                own = (self.results[current].get("variables") or {}) if current in self.results else {}
                order = self.plan.position[current]
                before = self._written_before(self.plan.steps[current])
                self._written[current] = before | {key: (order, value) for key, value in own.items()}
                stack.pop()
        return self._written[name]


class StepsView(Mapping[str, Any]):
    """`steps.NAME` in expressions: `output`, `status`, `completed`, `error`, `attempts`, `route`."""

    __slots__ = ("_frame", "_planned")

    def __init__(self, frame: Frame, planned: PlannedStep | None) -> None:
        self._frame = frame
        self._planned = planned

    def __getitem__(self, name: str) -> dict[str, Any]:
        for frame, local in self._outwards():
            if local + name in frame.plan.steps:
                return _step_value(frame.plan, local + name, frame.results)
        raise KeyError(name)

    def __iter__(self) -> Iterator[str]:
        seen: set[str] = set()
        for frame, local in self._outwards():
            for name in frame.plan.steps:
                short = name[len(local) :]
                if name.startswith(local) and is_name(short) and short not in seen:
                    seen.add(short)
                    yield short

    def _outwards(self) -> Iterator[tuple[Frame, str]]:
        frame: Frame | None = self._frame
        planned = self._planned
        while frame is not None:
            yield frame, planned.local if planned else ""
            planned = frame.parent_step
            frame = frame.parent

    def __len__(self) -> int:
        return sum(1 for _ in self)


def _step_value(plan: Plan, name: str, results: Mapping[str, Result]) -> dict[str, Any]:
    if name not in results:
        return dict(_PENDING)
    result = plan.effective(name, results)
    value: dict[str, Any] = {
        "status": result["status"],
        "completed": result["status"] == "completed",
        "attempts": result.get("attempts", 0),
    }
    if "output" in result:
        value["output"] = result["output"]
    for key in ("error", "route"):
        if key in result:
            value[key] = result[key]
    return value


class VariablesView(Mapping[str, Any]):
    """`vars.NAME` in expressions; folded only when something reads it."""

    __slots__ = ("_frame", "_planned", "_values")

    def __init__(self, frame: Frame, planned: PlannedStep | None) -> None:
        self._frame = frame
        self._planned = planned
        self._values: dict[str, Any] | None = None

    def _folded(self) -> dict[str, Any]:
        if self._values is None:
            self._values = self._frame.variables_at(self._planned)
        return self._values

    def __getitem__(self, name: str) -> Any:
        return self._folded()[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._folded())

    def __len__(self) -> int:
        return len(self._folded())
