"""A set of planned steps that settle together, and what it says of results."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Literal

from graphs.errors import EngineError
from graphs.planner.decisions import Conclusion, Halt, Join, Run, Skip, all_is_well, failed, unmet
from graphs.planner.planned import PlannedStep
from graphs.spec import Step
from graphs.state import Result

Results = Mapping[str, Result]
FailurePolicy = Literal["stop", "cancel", "continue"]


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

    def _downstream(self, *names: str) -> set[str]:
        gone = set(names)
        for other in self.steps:
            if any(need in gone for need in self.awaits(other)):
                gone.add(other)
        return gone

    def handling(self, name: str) -> frozenset[str]:
        """The steps that are there for a step's failure, and all that comes after them: its end is not theirs."""
        asked = [
            other
            for other, planned in self.steps.items()
            if any(need.step == name and need.outcome != "succeeded" for need in planned.needs)
        ]
        return frozenset(self._downstream(*asked)) if asked else frozenset()

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
        if (companion := self.companions.get(name)) and failed(result) and not result.get("continued"):
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
            if own_companion and result.get("continued"):
                return Skip("unneeded", f"'{need.step}' was gone on from")
            if (why := unmet(need, result)) is None:
                continue
            reason = "unneeded" if all_is_well(result) else "upstream"
            if skip is None or reason == "upstream":
                skip = Skip(reason, f"'{need.step}' {why}")
            if reason == "upstream":
                break
        return skip or _RUN

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
            fared = [self.fared(group, results) for group in self.groups]
            if fared.count("succeeded") >= self.join.needed(len(fared) - fared.count("idle")):
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

    def fared(self, group: str, results: Results) -> Literal["succeeded", "failed", "idle"]:
        """How a settled branch or item went. Idle: nothing went wrong, and nothing was done."""
        found = [self.effective(name, results) for name in self._members(group)]
        if not all(all_is_well(result) for result in found):
            return "failed"
        return "succeeded" if any(result["status"] == "completed" for result in found) else "idle"

    def _members(self, group: str) -> list[str]:
        return [name for name in self.groups[group] if not self.steps[name].stands_for]


def _writes(step: Step) -> bool:
    inside = [inner for _, steps in step.containers() for inner in steps]
    if step.on_failure.fallback is not None:
        inside.append(step.on_failure.fallback)
    return bool(step.variables) or any(_writes(inner) for inner in inside)


_RUN = Run()
_COMPLETED = Conclusion("completed")
