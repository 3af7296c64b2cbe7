"""Flows without LangGraph and without a database: bodies are tasks, commits are calls."""

import asyncio
from collections.abc import Iterable, Mapping
from math import inf
from typing import Any

from graphs.flow import Board, Flow, Woken, deadlock
from graphs.planner import Plan, Run
from graphs.state import Result
from tests.support.engine.plans import COMPLETED


class FakeRoot:
    """A drive that parks when everybody rests, and notes what it was told."""

    def __init__(self, *, parks: bool = True) -> None:
        self.parks = parks
        self.idles = 0
        self.errors: list[BaseException] = []
        self.flow: Flow | None = None
        self.places: dict[str, float] = {}

    def stirred(self) -> None:
        pass

    def idle(self) -> None:
        self.idles += 1
        if self.flow is None or self.flow.closing:
            return
        if stalled := self.flow.stalled():
            self.failed(deadlock(stalled))
        elif self.parks:
            self.flow.park()

    def failed(self, error: BaseException) -> None:
        self.errors.append(error)

    broke_off = False

    def asked(self, end: Mapping[str, Any] | None, *, held: bool) -> None:
        """Nobody asks for the end here."""

    def place(self, path: str) -> float:
        return self.places.get(path, inf)


class Bodies:
    """Runs a body for each dispatched step: it waits for its dependencies, then does what `acts` says of it.

    Attributes:
        woken: How each step's wait ended.
        ran: Steps that ran, in order.
        results: What a step gives; COMPLETED when it is not named.
    """

    def __init__(self, flow: Flow, results: dict[str, Result] | None = None, outside: Iterable[str] = ()) -> None:
        self.flow = flow
        self.results = results or {}
        self.outside = set(outside)
        self.woken: dict[str, Woken] = {}
        self.ran: list[str] = []
        self.tasks: dict[str, asyncio.Task[None]] = {}

    def start(self, names: Iterable[str] | None = None, *, dispatch: bool = True) -> None:
        names = list(self.flow.board.plan.steps) if names is None else list(names)
        if dispatch:
            self.flow.dispatch(names)
        for name in names:
            self.tasks[name] = asyncio.create_task(self._body(name))

    async def _body(self, name: str) -> None:
        woken = self.woken[name] = await self.flow.dependencies(name)
        if woken is Woken.PARK:
            return
        result: Result = {"status": "skipped", "reason": "halted"}
        if woken is Woken.GO:
            if name in self.outside:
                woken = self.woken[name] = await self.flow.outside(name)
                if woken is Woken.PARK:
                    return
            if isinstance(self.flow.board.plan.verdict(name, self.flow.board.results), Run):
                self.ran.append(name)
                result = self.results.get(name, COMPLETED)
        await asyncio.sleep(0)
        self.flow.committed({name: result})

    async def end(self) -> None:
        """Wait until every body has ended."""
        await asyncio.wait_for(asyncio.gather(*self.tasks.values()), 60)


def flow_of(plan: Plan, root: FakeRoot, *, path: str = "") -> Flow:
    """The outermost flow of a plan."""
    root.flow = Flow(Board(plan), root, path=path, generation=0)
    return root.flow
