"""The live side of a superstep: which bodies wait for which results, and when nobody can go on.

Every unfinished step of a plan is dispatched at once. Its body waits here until what it depends on has been
*committed*; when every live body waits, the flow parks, and the process may die. One `Flow` for each plan that is
being carried out; the plans of composite steps hang below it as children.

    active    dispatched, not settled, not resting: something will happen without help from outside
    resting   waits for another step, for the world outside, or for a child flow in which everybody rests

Rules that keep it whole: what was dispatched counts, not what has started; dependents are woken before the settled
step stops being active; a commit looks only at its own dependents.
"""

import asyncio
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from contextvars import Context
from dataclasses import replace
from enum import Enum
from typing import Protocol

from graphs.errors import BatonError, DeadlockError, EngineError
from graphs.planner import Conclusion, Halt, Plan, PlannedStep, Tally
from graphs.policies.limits import Limit
from graphs.state import FINALLY, Result
from graphs.stopping import Stoppable

_ROLL_CALL_SECONDS = 30.0
"""After which every dispatched body must have begun. They begin at once; the rest is for slow machines."""


class Woken(Enum):
    """Why a waiting body goes on."""

    GO = "go"
    """What it waited for is there."""
    PARK = "park"
    """Nobody can go on, or the engine drains: be run again on resume."""
    HALT = "halt"
    """The plan has ended early."""


class Root(Protocol):
    """What a tree of flows asks of the drive it belongs to."""

    def idle(self) -> None:
        """Everybody rests. Park (now or later), or find that this is a deadlock."""
        ...

    def failed(self, error: BaseException) -> None:
        """A commit was lost: end this drive."""
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
        self.concluded: Conclusion | None = None
        """How the plan ended, once that is settled for good: when what it did is being undone."""
        self.error: BatonError | None = None
        """Why the plan could not go on growing (a loop's condition that cannot be evaluated, its limit)."""
        self.tally: Tally = plan.tally()
        self.flows: list[Flow] = []
        self._missing: dict[str, int] = {}
        self._dependents: dict[str, list[tuple[Flow, str]]] = {}
        self.places = Limit("plan", plan.max_parallel) if plan.max_parallel else None

    def prime(self, results: Mapping[str, Result]) -> None:
        """Take over results that were committed earlier (and what they mean for the plan)."""
        for name, result in results.items():
            if name not in self.plan.steps:
                self.extras[name] = result
                self.prime(result.get("inner") or {})
        known = self.plan.steps
        new = {name: result for name, result in results.items() if name in known and name not in self.results}
        self.results.update(new)
        self._release(new)
        for name in new:
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

    def register(self, flow: "Flow", name: str) -> bool:
        """Note what a body waits for. False: nothing, it may go on."""
        unsettled = [other for other in self.plan.awaits(name) if other not in self.results]
        if not unsettled:
            return False
        self._missing[name] = len(unsettled)
        for other in unsettled:
            self._dependents.setdefault(other, []).append((flow, name))
        return True

    def stop(self, halt: Halt) -> None:
        """End the plan early. The first reason stands, but a later one may still stop what runs."""
        if self.halt is not None and (self.halt.cancel or not halt.cancel):
            return
        stronger = self.halt is None or halt.reason in ("cancelled", "timeout")
        self.halt = halt if stronger or self.halt is None else self.halt._replace(cancel=True)
        for flow in list(self.flows):
            flow.apply(self.halt)

    def extend(self, steps: Mapping[str, PlannedStep]) -> None:
        """The plan has grown by steps of which none has been dispatched yet."""
        self.plan = replace(self.plan, steps=steps)
        self.tally = self.plan.tally()

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
            self.stop(halt)


class Flow:
    """One plan, or one partition of one, while it is being carried out."""

    def __init__(
        self,
        board: Board,
        root: Root,
        *,
        path: str,
        generation: int,
        parent: "Flow | None" = None,
        step: str = "",
        detached: bool = False,
    ) -> None:
        """Args:
        detached: The end of the plan around is not this one's (compensation runs after it).
        """
        self.board = board
        self.root = root
        self.path = path
        self.generation = generation
        self.parent = parent
        self.step = step
        self._detached = detached
        self.dispatched: frozenset[str] = frozenset()
        self.fresh = True
        """Whether the running superstep was dispatched by this process, so that nothing inside it can be kept yet."""
        self.entered: set[str] = set()
        self.closing: bool = parent is not None and parent.closing
        self._active: set[str] = set()
        self._resting: set[str] = set()
        self._waiters: dict[str, asyncio.Future[Woken]] = {}
        self._outside: set[str] = set()
        self._quiet: asyncio.Future[None] | None = None
        self._running: dict[str, Stoppable] = {}
        self._children: dict[str, Flow] = {}
        self._roll: asyncio.TimerHandle | None = None
        board.flows.append(self)
        if parent is not None:
            parent._children[step] = self
            if parent.board.halt is not None and parent.board is not board and not detached:
                board.stop(_inherited(parent.board.halt))

    # -- dispatching and committing ----------------------------------------------------------------------------

    def dispatch(self, names: Iterable[str], *, fresh: bool = True) -> None:
        """Must happen before any body runs: idleness is judged by what was sent, not by what has started."""
        self.dispatched = frozenset(names)
        self.fresh = fresh
        self.entered.clear()
        self._active = {
            name for name in self.dispatched if name not in self.board.results and name not in self.board.extras
        }
        self._call_the_roll(_ROLL_CALL_SECONDS)

    def committed(self, results: Mapping[str, Result]) -> None:
        """Results of this flow are durable: release whoever waits for them, then let their steps go."""
        self.board.commit(results)
        for name in results:
            self._active.discard(name)
            self._resting.discard(name)
        if self._quiet is not None and not self._active and not self._resting and not self._quiet.done():
            self._quiet.set_result(None)
        self._test_idle()

    def _call_the_roll(self, seconds: float, *, again: bool = True) -> None:
        if self._roll is not None:
            self._roll.cancel()
        # The loop's own clock: what is watched here is this process, not the workflow.
        loop, count = asyncio.get_running_loop(), self._count_those_who_entered
        # Cancelled calls are remembered until they are due, and with them whatever their context holds: this plan.
        self._roll = loop.call_later(seconds, count, again, context=Context())

    def _count_those_who_entered(self, again: bool) -> None:
        """As many bodies must have begun as were dispatched; one that never does would be waited for, for ever."""
        missing = sorted(self._active - self.entered)
        if missing and again:  # the process may have been stopped for a while, right after the dispatch
            self._call_the_roll(_ROLL_CALL_SECONDS, again=False)
        elif missing:
            self.root.failed(not_begun(missing, len(self.dispatched)))

    def unsettled(self) -> list[str]:
        """What was dispatched and has no result: steps, partitions, compensation."""
        return sorted(self._active | self._resting)

    async def quiet(self) -> None:
        """Wait until everything of the superstep before is committed.

        LangGraph goes on to the next superstep when the bodies have returned; their results may still be on the way
        to the disk, and whoever plans needs them.
        """
        if self._active or self._resting:
            self._quiet = asyncio.get_running_loop().create_future()
            await self._quiet

    def lost(self, error: BaseException) -> None:
        self.root.failed(error)

    def close(self) -> None:
        """The plan's graph run is over."""
        self.board.flows.remove(self)
        if self._roll is not None:
            self._roll.cancel()
        if self.parent is not None:
            self.parent._children.pop(self.step, None)

    def places(self) -> list[Limit]:
        """What a step of this flow needs a place under: every plan around that limits them, outermost first."""
        around = self.parent.places() if self.parent is not None else []
        if self.board.places is None or (self.parent is not None and self.parent.board is self.board):
            return around
        return [*around, self.board.places]

    # -- what bodies call --------------------------------------------------------------------------------------

    async def dependencies(self, name: str) -> Woken:
        """Wait until everything the step awaits has settled."""
        self.entered.add(name)
        if self.board.halt is not None:
            return Woken.HALT
        if self.closing:
            return Woken.PARK
        if not self.board.register(self, name):
            return Woken.GO
        return await self._wait(name)

    async def outside(self, name: str) -> Woken:
        """Wait for the world outside while others still run. `wake` it with GO when an answer is stored."""
        if self.closing:
            return Woken.PARK
        if self.board.halt is not None:
            return Woken.HALT
        self._outside.add(name)
        try:
            return await self._wait(name)
        finally:
            self._outside.discard(name)

    @contextmanager
    def running(self, name: str, work: Stoppable) -> Iterator[None]:
        """While the step is at work, a policy can stop it."""
        self._running[name] = work
        try:
            if self.board.halt is not None and self.board.halt.cancel:
                work.stop()
            yield
        finally:
            self._running.pop(name, None)

    def wake(self, name: str, why: Woken) -> None:
        waiter = self._waiters.pop(name, None)
        if waiter is None or waiter.done():
            return
        self._stir(name)
        waiter.set_result(why)

    # -- ending early, parking ---------------------------------------------------------------------------------

    def apply(self, halt: Halt) -> None:
        """The plan has ended early: nothing new starts, waits are over; `halt.cancel` also stops what runs."""
        for name in list(self._waiters):
            self.wake(name, Woken.HALT)
        if halt.cancel:
            for work in list(self._running.values()):
                work.stop()
        for child in list(self._children.values()):
            if child.board is not self.board and not child._detached:
                child.board.stop(_inherited(halt))

    def stop_inside(self, halt: Halt, *, also_last: bool) -> None:
        """Stop what undoes, and with `also_last` the `finally` steps too, however deep inside."""
        for child in list(self._children.values()):
            if also_last or not child.step.endswith(FINALLY):
                child.board.stop(halt)
                child.stop_inside(halt, also_last=also_last)

    def park(self) -> None:
        """Nobody can go on: everybody who waits is to be run again on resume."""
        self.closing = True
        for name in list(self._waiters):
            waiter = self._waiters.pop(name)
            if not waiter.done():
                waiter.set_result(Woken.PARK)
        for child in list(self._children.values()):
            child.park()

    def stalled(self) -> list[str]:
        """Paths of resting steps, when none of them waits for the world outside: a deadlock. Otherwise empty."""
        names, waits = self._at_rest()
        return [] if waits else names

    def _at_rest(self) -> tuple[list[str], bool]:
        names = [f"{self.path}.{name}" if self.path else name for name in sorted(self._resting - self._children.keys())]
        waits = bool(self._outside)
        for child in self._children.values():
            below, outside = child._at_rest()
            names += below
            waits = waits or outside
        return names, waits

    # -- bookkeeping -------------------------------------------------------------------------------------------

    async def _wait(self, name: str) -> Woken:
        waiter: asyncio.Future[Woken] = asyncio.get_running_loop().create_future()
        self._waiters[name] = waiter
        self._rest(name)
        try:
            return await waiter
        finally:
            self._waiters.pop(name, None)

    def _rest(self, name: str) -> None:
        self._active.discard(name)
        self._resting.add(name)
        self._test_idle()

    def _stir(self, name: str) -> None:
        self._resting.discard(name)
        self._active.add(name)
        if self.parent is not None:
            self.parent._stir(self.step)

    def _test_idle(self) -> None:
        if self._active or not self._resting:  # none resting: all settled, and the graph run is about to end
            return
        if self.parent is not None:
            self.parent._rest(self.step)
        else:
            self.root.idle()


def _inherited(halt: Halt) -> Halt:
    """What the end of a plan means for the plans of its composite steps."""
    return halt if halt.reason in ("cancelled", "timeout") else Halt("cancelled", halt.detail, halt.cancel)


def deadlock(paths: list[str]) -> DeadlockError:
    """Nothing can go on, and nothing from outside is awaited (F27)."""
    return DeadlockError(
        f"nothing can go on: {', '.join(paths)} wait for each other, and nothing from outside is awaited.",
        remaining=paths,
    )


def not_begun(missing: list[str], dispatched: int) -> EngineError:
    """Some bodies were sent and never began: a defect, or a foreign hand in the graph."""
    return EngineError(
        f"{len(missing)} of {dispatched} dispatched steps have not begun: {missing[:5]}.",
        hint="Only this engine may carry out a workflow's graph.",
        code="steps_not_begun",
    )
