"""What happens next: pure decisions over a plan and the results so far. No clock, no database, no LangGraph.

    plan_steps()        steps of a definition  ->  planned steps (needs, node, companions)
    Plan                a set of planned steps, ordered, with its policies
    Plan.verdict()      may this step run, now that everything it waits for has settled?
    Tally.settle()      does this result end the plan early?
    Plan.conclude()     how did the plan end?

A step that fails may have a *companion*, `pay~fallback`: a step of the same plan that rests until `pay` has settled
and whose result then stands for the failed one. Dependents of `pay` wait for both.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any, Literal, NamedTuple

from graphs.errors import EngineError
from graphs.spec import Outcome, Step
from graphs.state import Result
from graphs.steps import Node, StepType

COMPANION = "~fallback"

Results = Mapping[str, Result]
FailurePolicy = Literal["stop", "cancel", "continue"]


class Need(NamedTuple):
    """A step of the same plan that must settle first, and how."""

    step: str
    outcome: Outcome


@dataclass(frozen=True, slots=True, eq=False)
class PlannedStep:
    """A step in its place.

    Attributes:
        name: Unique in its plan: `charge`, `[3].charge`, `left.fetch`, `charge~fallback`.
        local: What stands before the names of its siblings: `[3].`, `left.` or "".
        index: Which item of a map or a loop it belongs to.
        group: The branch or item it counts for in a join.
        stands_for: For a companion: the step whose failure it answers.
        undoes: For a compensation: the step whose effect it undoes.
        kind: For a step that was made at run time: what performs it, with all it needs. Such a step is written
            nowhere, so nothing in it is an expression.
    """

    name: str
    step: Step
    node: Node
    needs: tuple[Need, ...] = ()
    local: str = ""
    index: int | None = None
    group: str | None = None
    stands_for: str | None = None
    undoes: str | None = None
    kind: StepType | None = None


class Run(NamedTuple):
    """The step may run."""


class Skip(NamedTuple):
    """The step is not to run; `reason` as in `Result`, `detail` for people."""

    reason: str
    detail: str


class Halt(NamedTuple):
    """The plan ends early: nothing new starts; `cancel` also stops what runs."""

    reason: Literal["failure", "join", "cancelled", "timeout"]
    detail: str
    cancel: bool


@dataclass(frozen=True, slots=True)
class Join:
    """When a composite has enough (E19, F12, X32).

    Attributes:
        required: Groups that must succeed for the whole to succeed.
        first: The join is released as soon as `required` groups have succeeded; nothing new starts then.
        cancel: What runs then is cancelled; otherwise it may finish.
    """

    required: int
    first: bool = False
    cancel: bool = True


class Conclusion(NamedTuple):
    """How a plan ended. `step` is the one whose failure decided it."""

    status: Literal["completed", "failed", "timed_out", "cancelled"]
    step: str | None = None
    error: dict[str, Any] | None = None


@dataclass(frozen=True, eq=False)
class Plan:
    """Steps that settle together.

    Attributes:
        steps: By name, each after everything it needs (topological order).
        join: For parallel groups and maps; None where every step must go well.
        staged: Ready steps only are dispatched, and the orchestrator plans again when they have settled.
        max_parallel: How many of its steps may be at work at once; None for the execution's own limit only.
    """

    steps: Mapping[str, PlannedStep]
    failure_policy: FailurePolicy = "stop"
    join: Join | None = None
    staged: bool = False
    max_parallel: int | None = None
    groups: Mapping[str, tuple[str, ...]] = field(default_factory=dict)

    @cached_property
    def companions(self) -> Mapping[str, str]:
        """From a step to the companion that answers its failure."""
        return {planned.stands_for: name for name, planned in self.steps.items() if planned.stands_for}

    @cached_property
    def jumps(self) -> Mapping[str, tuple[str, ...]]:
        """From a step to those whose failure is gone on with there."""
        found: dict[str, tuple[str, ...]] = {}
        for name, planned in self.steps.items():
            if (goto := planned.step.on_failure.goto) is not None and planned.stands_for is None:
                target = planned.local + goto
                found[target] = (*found.get(target, ()), name)
        return found

    def _downstream(self, name: str) -> set[str]:
        gone = {name}
        for other in self.steps:
            if any(need in gone for need in self.awaits(other)):
                gone.add(other)
        return gone

    @cached_property
    def position(self) -> Mapping[str, int]:
        """Each step's place in the order."""
        return {name: place for place, name in enumerate(self.steps)}

    @cached_property
    def writers(self) -> bool:
        """Whether any step, however deep inside, sets variables."""
        return any(_writes(planned.step) for planned in self.steps.values())

    @cached_property
    def _awaited(self) -> Mapping[str, tuple[str, ...]]:
        return {name: tuple(self._with_companions(planned)) for name, planned in self.steps.items()}

    def _with_companions(self, planned: PlannedStep) -> Iterator[str]:
        for need in planned.needs:
            yield need.step
            if (companion := self.companions.get(need.step)) and companion != planned.name:
                yield companion

    def awaits(self, name: str) -> tuple[str, ...]:
        """The steps that must have settled before anything can be said about this one."""
        return self._awaited[name]

    def unfinished(self, results: Results) -> list[str]:
        """Names of the steps that have not settled, in order."""
        return [name for name in self.steps if name not in results]

    def ready(self, results: Results) -> list[str]:
        """Of the unfinished, those that wait for nothing."""
        return [name for name in self.unfinished(results) if all(other in results for other in self.awaits(name))]

    def effective(self, name: str, results: Results) -> Result:
        """The result that stands for a settled step: its own, or its companion's when it failed and that one ran."""
        result = results[name]
        if (companion := self.companions.get(name)) and failed(result):
            return results.get(companion, result)
        return result

    def verdict(self, name: str, results: Results) -> Run | Skip:
        """Whether a step may run, once everything in `awaits(name)` has settled."""
        planned = self.steps[name]
        skip: Skip | None = None
        excused: set[str] = set()
        if self.jumps and name in self.jumps:
            jumped = [other for other in self.jumps[name] if "goto" in results[other]]
            if not jumped and all(
                need.step in self.jumps[name] and need.outcome == "settled" for need in planned.needs
            ):
                return Skip("unneeded", f"it is there for a failure of '{self.jumps[name][0]}'")
            excused = set[str]().union(*(self._downstream(other) for other in jumped))
        for need in planned.needs:
            if need.step in excused:
                continue
            own_companion = planned.stands_for == need.step
            result = results[need.step] if own_companion else self.effective(need.step, results)
            if (why := _unmet(need, result)) is None:
                continue
            reason = "unneeded" if _all_is_well(result) else "upstream"
            if skip is None or reason == "upstream":
                skip = Skip(reason, f"'{need.step}' {why}")
            if reason == "upstream":
                break
        return skip or _RUN

    def tally(self) -> "Tally":
        """A fresh count of how the plan goes."""
        return Tally(self)

    def conclude(self, results: Results, halt: Halt | None = None) -> Conclusion:
        """How the plan ended, once every step has settled.

        Raises:
            EngineError: some step has not settled.
        """
        if missing := self.unfinished(results):
            raise EngineError(f"the plan was concluded though {', '.join(missing[:5])} had not settled.")
        if halt and halt.reason in ("cancelled", "timeout") and self._cut_short(results):
            return Conclusion("cancelled" if halt.reason == "cancelled" else "timed_out", None, None)
        failures = [name for name in self.steps if self.failed_for_good(name, results)]
        if self.join is not None:
            succeeded = sum(self.group_succeeded(group, results) for group in self.groups)
            if succeeded >= self.join.required:
                return _COMPLETED
            return self._failure(failures, results) if failures else Conclusion("cancelled")
        if failures:
            return self._failure(failures, results)
        return Conclusion("cancelled") if self._stopped(results) else _COMPLETED

    def _cut_short(self, results: Results) -> bool:
        return any(result.get("reason") in ("halted", "cancelled") for result in results.values())

    def _stopped(self, results: Results) -> bool:
        return any(result["status"] == "cancelled" for result in results.values())

    def _failure(self, failures: list[str], results: Results) -> Conclusion:
        name = min(failures, key=lambda failure: self.effective(failure, results).get("ended_at", ""))
        result = self.effective(name, results)
        return Conclusion("timed_out" if result["status"] == "timed_out" else "failed", name, result.get("error"))

    def failed_for_good(self, name: str, results: Results) -> bool:
        """Whether a settled step's failure is the plan's: nothing stands for it and it does not go on."""
        if self.steps[name].stands_for:
            return False  # counted under the step it stands for
        result = self.effective(name, results)
        return failed(result) and not result.get("continued", False) and "goto" not in result

    def group_succeeded(self, group: str, results: Results) -> bool:
        """Whether every step of a settled branch or item went well."""
        return all(_all_is_well(self.effective(name, results)) for name in self._members(group))

    def _members(self, group: str) -> list[str]:
        return [name for name in self.groups[group] if not self.steps[name].stands_for]


def _writes(step: Step) -> bool:
    inside = [inner for _, steps in step.containers() for inner in steps]
    if step.on_failure.fallback is not None:
        inside.append(step.on_failure.fallback)
    return bool(step.variables) or any(_writes(inner) for inner in inside)


_RUN = Run()
_COMPLETED = Conclusion("completed")


def failed(result: Result) -> bool:
    """Whether a step failed or ran out of time."""
    return result["status"] in ("failed", "timed_out")


def _went_well(result: Result) -> bool:
    status = result["status"]
    return (
        status == "completed"
        or (status == "skipped" and result.get("reason") == "condition")
        or (failed(result) and result.get("continued", False))
    )


def _all_is_well(result: Result) -> bool:
    """Whether nothing went wrong: it went well, was there for a failure that did not come, or was gone on from."""
    return _went_well(result) or result.get("reason") == "unneeded" or "goto" in result


def _unmet(need: Need, result: Result) -> str | None:
    if need.outcome == "settled":
        return None
    if need.outcome == "failed":
        return None if failed(result) else f"was to fail, and is {result['status']}"
    return None if _went_well(result) else f"is {result['status'].replace('_', ' ')}"


class Tally:
    """Counts results as they are committed and says when the plan ends early.

    It looks at one result at a time, so a plan of thousands of steps costs no more per step than one of ten.
    """

    def __init__(self, plan: Plan) -> None:
        self._plan = plan
        self._open = {group: len(members) for group, members in plan.groups.items()}
        self._succeeded = 0
        self._lost = 0

    def settle(self, name: str, results: Results) -> Halt | None:
        """Count one result that is already in `results`."""
        planned = self._plan.steps[name]
        if self._plan.join is not None and planned.group is not None:
            return self._count(self._plan.join, planned.group, results)
        subject = planned.stands_for or name
        companion = self._plan.companions.get(subject)
        if companion is not None and companion not in results:
            return None  # its companion decides
        if subject not in results or not self._plan.failed_for_good(subject, results):
            return None
        return self._failure(subject, results)

    def _count(self, join: Join, group: str, results: Results) -> Halt | None:
        self._open[group] -= 1
        if self._open[group]:
            return None
        if self._plan.group_succeeded(group, results):
            self._succeeded += 1
        else:
            self._lost += 1
        if join.first and self._succeeded == join.required:
            return Halt("join", f"{join.required} of {len(self._plan.groups)} have succeeded", join.cancel)
        if len(self._plan.groups) - self._lost < join.required:
            return self._failure(group, results)
        return None

    def _failure(self, subject: str, results: Results) -> Halt | None:
        if self._plan.failure_policy == "continue":
            return None
        status = results[subject]["status"] if subject in results else "failed"
        return Halt(
            "failure", f"'{subject.rstrip('.')}' {status.replace('_', ' ')}", self._plan.failure_policy == "cancel"
        )


def plan_steps(
    steps: Sequence[Step],
    node_of: Callable[[Step], Node],
    *,
    local: str = "",
    index: int | None = None,
    group: str | None = None,
    sequential: bool = False,
) -> list[PlannedStep]:
    """Put steps in their places.

    Args:
        steps: A list of the definition, in the order it is written.
        node_of: Which of the six nodes performs a step of this type.
        local: What stands before their names in the plan.
        index, group: As in `PlannedStep`.
        sequential: Each step without dependencies of its own needs the one before it (branches, loop bodies).
    """
    planned: list[PlannedStep] = []
    follows = _links(steps)
    jumped_to: dict[str, list[str]] = {}
    for step in steps:
        if step.on_failure.goto is not None:
            jumped_to.setdefault(step.on_failure.goto, []).append(step.name)
    previous: str | None = None
    for step in steps:
        needs = [Need(local + need.step, need.outcome) for need in step.depends_on]
        needs += [
            Need(local + name, "succeeded") for name in follows.get(step.name, ()) if local + name not in _of(needs)
        ]
        if sequential and not needs and previous is not None:
            needs = [Need(local + previous, "succeeded")]
        jumps = jumped_to.get(step.name, ())
        needs += [Need(local + name, "settled") for name in jumps if local + name not in _of(needs)]
        name = local + step.name
        planned.append(PlannedStep(name, step, node_of(step), tuple(needs), local, index, group))
        if (companion := companion_of(planned[-1], node_of)) is not None:
            planned.append(companion)
        previous = step.name
    return planned


def companion_of(subject: PlannedStep, node_of: Callable[[Step], Node]) -> PlannedStep | None:
    """The step that answers a planned step's failure, if there is one."""
    fallback = subject.step.answer
    if fallback is None:
        return None
    # Whoever waits for the world outside does so in the one node that interrupts, also as a fallback.
    node: Node = "human_approval" if node_of(fallback) == "human_approval" else "error_recovery"
    return replace(
        subject,
        name=subject.name + COMPANION,
        step=fallback,
        node=node,
        needs=(Need(subject.name, "failed"),),
        stands_for=subject.name,
    )


def _of(needs: Iterable[Need]) -> set[str]:
    return {need.step for need in needs}


def _links(steps: Sequence[Step]) -> dict[str, list[str]]:
    follows: dict[str, list[str]] = {}
    for step in steps:
        for successor in step.next:
            follows.setdefault(successor, []).append(step.name)
    return follows


def ordered(planned: Iterable[PlannedStep]) -> dict[str, PlannedStep]:
    """By name, each after everything it needs; otherwise in the order given.

    Raises:
        EngineError: needs that are circular, or name no step of the plan (validation finds these earlier).
    """
    steps = {step.name: step for step in planned}
    missing = dict.fromkeys(steps, 0)
    dependents: dict[str, list[str]] = {}
    for step in steps.values():
        for need in step.needs:
            if need.step not in steps:
                raise EngineError(f"step '{step.name}' needs '{need.step}', which is not in its plan.")
            missing[step.name] += 1
            dependents.setdefault(need.step, []).append(step.name)
    queue = [name for name, count in missing.items() if not count]
    order: dict[str, PlannedStep] = {}
    for name in queue:
        order[name] = steps[name]
        for dependent in dependents.get(name, ()):
            missing[dependent] -= 1
            if not missing[dependent]:
                queue.append(dependent)
    if len(order) < len(steps):
        rest = [name for name in steps if name not in order]
        raise EngineError(f"the steps {', '.join(rest)} need each other in a circle.")
    return order
