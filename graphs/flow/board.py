"""What the bodies of one plan know together."""

from collections.abc import Iterable, Mapping
from dataclasses import replace
from enum import Enum
from typing import Protocol

from graphs.errors import BatonError
from graphs.planner import Conclusion, Halt, Plan, PlannedStep, Tally
from graphs.policies.limits import Limit
from graphs.state import Result


class Woken(Enum):
    """Why a waiting body goes on."""

    GO = "go"
    """What it waited for is there."""
    PARK = "park"
    """Nobody can go on, or the engine drains: be run again on resume."""
    HALT = "halt"
    """The plan has ended early."""


class Bodies(Protocol):
    """Those who wait for the results of a plan: its flow, or that of one of its partitions."""

    def wake(self, name: str, why: Woken) -> None:
        """Let a waiting body go on."""
        ...

    def apply(self, halt: Halt) -> None:
        """The plan has ended early."""
        ...


class Board:
    """What the bodies of one plan know together: results, who waits for them, whether the plan has ended early.

    Shared by the partitions of a very large plan, so that a step may depend on one in another partition.
    """

    def __init__(self, plan: Plan, results: dict[str, Result] | None = None) -> None:
        """Args:
        results: Where they are kept, when somebody looks at them there; empty.
        """
        self.plan = plan
        self.results: dict[str, Result] = {} if results is None else results
        self.extras: dict[str, Result] = {}
        """Results that are no step's: of partitions (`#0`), of compensation (`~compensation`)."""
        self.halt: Halt | None = None
        self.spared: frozenset[str] = frozenset()
        """Steps that go on though the plan has ended early: they handle the failure that ended it."""
        self.ended_by: str | None = None
        """The step whose result first ended the plan, when it was one."""
        self.concluded: Conclusion | None = None
        """How the plan ended, once that is settled for good: when what it did is being undone."""
        self.error: BatonError | None = None
        """Why the plan could not go on growing (a loop's condition that cannot be evaluated, its limit)."""
        self.tally = Tally(plan)
        self.flows: list[Bodies] = []
        self._missing: dict[str, int] = {}
        self._dependents: dict[str, list[tuple[Bodies, str]]] = {}
        self.places = Limit("plan", plan.max_parallel) if plan.max_parallel else None

    def prime(self, results: Mapping[str, Result]) -> None:
        """Take over results that were committed earlier (and what they mean for the plan)."""
        for name, result in results.items():
            if name not in self.plan.steps:
                self.extras[name] = result
                self.prime(result.get("inner") or {})
        known = self.plan.steps
        for name, result in results.items():
            if name in known and name not in self.results:  # one by one, as they came: what ended it, ends it again
                self.results[name] = result
                self._release((name,))
                self._count(name)

    def commit(self, results: Mapping[str, Result]) -> None:
        """Results that have just become durable."""
        for name, result in results.items():
            if name in self.plan.steps:
                self.results[name] = result
                self._release((name,))
                self._count(name)
            else:
                self.extras[name] = result

    def register(self, flow: Bodies, name: str) -> bool:
        """Note what a body waits for. False: nothing, it may go on."""
        unsettled = [other for other in self.plan.awaits(name) if other not in self.results]
        if not unsettled:
            return False
        self._missing[name] = len(unsettled)
        for other in unsettled:
            self._dependents.setdefault(other, []).append((flow, name))
        return True

    def over_for(self, name: str) -> bool:
        """Whether the plan has ended early, and the step does not go on all the same."""
        return self.halt is not None and name not in self.spared

    def stop(self, halt: Halt, spared: frozenset[str] = frozenset()) -> None:
        """End the plan early. The first reason stands, but a later one may still stop what runs."""
        if self.halt is not None and (self.halt.cancel or not halt.cancel):
            return
        stronger = self.halt is None or halt.reason in ("cancelled", "timeout")
        self.halt = halt if stronger or self.halt is None else self.halt._replace(cancel=True)
        self.spared = frozenset() if halt.cancel else spared
        for flow in list(self.flows):
            flow.apply(self.halt)

    def extend(self, steps: Mapping[str, PlannedStep]) -> None:
        """The plan has grown by steps of which none has been dispatched yet."""
        self.plan = replace(self.plan, steps=steps)
        self.tally = Tally(self.plan)

    def failed(self) -> bool:
        """Whether the plan, now that everything has settled, has not gone well."""
        return self.error is not None or self.conclusion().status != "completed"

    def conclusion(self) -> Conclusion:
        """How the plan ended, now that everything has settled."""
        return self.concluded or self.plan.conclude(self.results, self.halt)

    def remaining(self) -> list[str]:
        return self.plan.unfinished(self.results)

    def _release(self, settled: Iterable[str]) -> None:
        for name in settled:
            for flow, dependent in self._dependents.pop(name, ()):
                self._missing[dependent] -= 1
                if not self._missing[dependent]:
                    flow.wake(dependent, Woken.GO)

    def _count(self, name: str) -> None:
        if halt := self.tally.settle(name, self.results):
            self.ended_by = self.ended_by or name
            self.stop(halt, self.plan.handling(self.plan.steps[name].stands_for or name))
