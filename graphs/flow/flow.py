"""The bodies of one plan: who is at work, who rests, and what wakes them."""

import asyncio
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from math import inf
from typing import Any

from graphs.flow.board import Board, Woken
from graphs.flow.roll import RollCall
from graphs.flow.root import Root
from graphs.flow.work import AtWork
from graphs.planner import Halt
from graphs.policies.limits import Limit
from graphs.state import FINALLY, Result, join_path
from graphs.stopping import Stoppable


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
        self.work: AtWork | None = None
        self.closing: bool = parent is not None and parent.closing
        self._active: set[str] = set()
        self._resting: set[str] = set()
        self._waiters: dict[str, asyncio.Future[Woken]] = {}
        self._outside: set[str] = set()
        self._quiet: asyncio.Future[None] | None = None
        self._idle = False
        self._running: dict[str, Stoppable] = {}
        self._children: dict[str, Flow] = {}
        self._roll = RollCall(self)
        board.flows.append(self)
        if parent is not None:
            parent._children[step] = self
            halt = parent.board.halt
            if halt is not None and parent.board.over_for(step) and parent.board is not board and not detached:
                board.stop(_inherited(halt))

    # -- dispatching and committing ----------------------------------------------------------------------------

    def dispatch(self, names: Iterable[str], *, fresh: bool = True) -> None:
        """Must happen before any body runs: idleness is judged by what was sent, not by what has started."""
        self.dispatched = frozenset(names)
        self.fresh = fresh
        self.entered.clear()
        self._active = {
            name for name in self.dispatched if name not in self.board.results and name not in self.board.extras
        }
        self._roll.call()

    def committed(self, results: Mapping[str, Result]) -> None:
        """Results of this flow are durable: release whoever waits for them, then let their steps go."""
        self.board.commit(results)
        for name in results:
            self._active.discard(name)
            self._resting.discard(name)
        if self._quiet is not None and not self._active and not self._resting and not self._quiet.done():
            self._quiet.set_result(None)
        self._test_idle()

    def not_entered(self) -> list[str]:
        """Who was dispatched, and has neither begun nor settled."""
        return sorted(self._active - self.entered)

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

    def asked(self, end: Mapping[str, Any] | None, *, held: bool) -> None:
        self.root.asked(end, held=held)

    def lost(self, error: BaseException) -> None:
        self.root.failed(error)

    def close(self) -> None:
        """The plan's graph run is over."""
        self.board.flows.remove(self)
        self._roll.over()
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
        if self.board.over_for(name):
            return Woken.GO if self.may_have_begun(name) else Woken.HALT
        if self.closing:
            return Woken.PARK
        if not self.board.register(self, name):
            return Woken.GO
        return await self._wait(name)

    def may_have_begun(self, name: str) -> bool:
        """Whether an earlier process, which dispatched the step, may have begun it before its plan ended.

        What began goes on to its end, or is stopped: nobody may take it for one that never did anything.
        """
        planned, results = self.board.plan.steps[name], self.board.results
        # Waiting is no acting. Of what a process dispatched just before it died, nothing is kept.
        if planned.node == "human_approval" or (self.fresh and not self.root.broke_off):
            return False
        end, awaited = min(self._ends(), default=inf), self.board.plan.awaits(name)
        places = [self.root.place(join_path(self.path, other)) for other in awaited if other in results]
        return len(places) == len(awaited) and all(place < inf and place <= end for place in places)

    def _ends(self) -> Iterator[float]:
        """Where the results stand that ended this plan, or one of those around it."""
        flow: Flow | None = self
        while flow is not None:
            if flow.board.ended_by is not None:
                yield self.root.place(join_path(flow.path, flow.board.ended_by))
            flow = None if flow._detached else flow.parent

    async def outside(self, name: str) -> Woken:
        """Wait for the world outside while others still run. `wake` it with GO when an answer is stored."""
        if self.closing:
            return Woken.PARK
        if self.board.over_for(name):
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
            if self.board.over_for(name):
                self.wake(name, Woken.HALT)
        if halt.cancel:
            for work in list(self._running.values()):
                work.stop()
        for child in list(self._children.values()):
            if child.board is not self.board and not child._detached and self.board.over_for(child.step):
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
        if self.work is not None:
            self.work.stir()
        if self.parent is not None:
            self.parent._stir(self.step)
        elif self._idle:
            self._idle = False
            self.root.stirred()

    def _test_idle(self) -> None:
        if self._active or not self._resting:  # none resting: all settled, and the graph run is about to end
            return
        if self.work is not None:
            self.work.rest()
        if self.parent is not None:
            self.parent._rest(self.step)
        else:
            self._idle = True
            self.root.idle()


def _inherited(halt: Halt) -> Halt:
    """What the end of a plan means for the plans of its composite steps."""
    return halt if halt.reason in ("cancelled", "timeout") else Halt("cancelled", halt.detail, halt.cancel)
