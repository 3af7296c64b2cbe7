"""The real side of the state machine: an engine on a file, what it is asked, and its crashes."""

import asyncio
import operator
import sqlite3
import tempfile
from collections import Counter
from collections.abc import Callable, Mapping
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from graphs.clock import ManualClock
from graphs.errors import ConflictError, NotFoundError
from orchestrator.alerts.opening import AlertSettings
from orchestrator.driving import suspects
from orchestrator.engine import Orchestrator
from tests.reliability.by_hand import TYPES, WORKFLOWS, Hands
from tests.reliability.reference import DONE, FAILED, NEEDS, NOT_DONE, UNDONE, Story, World, undo
from tests.support.engine.crashes import Crash, crashing
from tests.support.engine.engines import engine, turns

PATIENCE = 120.0
"""Seconds after which what should have come has not; nothing is decided by them otherwise."""
NEVER = 1_000_000
TURNS = 3
_WAITS = "SELECT count(*) FROM waits WHERE execution_id = ? AND path = ? AND NOT superseded"
_ENDS = (
    "SELECT count(*) FROM records WHERE execution_id = ? AND path = ? AND NOT superseded "
    "AND kind IN ('step.completed', 'step.failed', 'step.retrying')"
)


class Bench:
    """One file, and at most one engine that drives it."""

    def __init__(self, happened: Counter[str]) -> None:
        self._happened = happened
        self._runner = asyncio.Runner()
        self._folder = tempfile.TemporaryDirectory(prefix="baton-history-")
        self._database = Path(self._folder.name) / "baton.db"
        self._clock = ManualClock()
        self.hands = Hands()
        self.linger = 0.0
        self._crash = Crash(NEVER)
        self._baton: Orchestrator | None = None
        self._life: asyncio.Task[None] | None = None
        self._over = asyncio.Event()

    # -- engines -------------------------------------------------------------------------------------------------------

    def open(self) -> None:
        self._runner.run(self._open())

    async def _open(self) -> None:
        self._crash, self._over = Crash(NEVER), asyncio.Event()
        ready: asyncio.Future[Orchestrator] = asyncio.get_running_loop().create_future()
        self._life = asyncio.create_task(self._live(ready))
        await asyncio.wait({self._life, ready}, timeout=PATIENCE, return_when=asyncio.FIRST_COMPLETED)
        if not ready.done():
            await self._life
        self._baton = ready.result()

    async def _live(self, ready: asyncio.Future[Orchestrator]) -> None:
        with crashing(self._crash), pytest.MonkeyPatch.context() as patch:
            # No execution is to blame for these crashes; suspected, they would be taken up one after the other.
            patch.setattr(suspects, "_IN_ALL", 0.0)
            async with self._engine(linger=self.linger, short_wait=0) as baton:
                ready.set_result(baton)
                await self._over.wait()

    def _engine(self, **more: Any) -> Any:
        # Crashes come so often here that any execution would soon be put aside as one that kills its engine.
        more |= {"poison_after": NEVER, "alerts": AlertSettings(log=False)}
        return engine(self._database, types=TYPES, clock=self._clock, resources=[self.hands], **more)

    def stop(self) -> None:
        """In order."""

        async def stop() -> None:
            self._over.set()
            assert self._life is not None
            await asyncio.wait_for(self._life, PATIENCE)
            self._baton = None

        self._runner.run(stop())
        self.hands.begun.clear()

    def crash(self, commits: int, then: World, *asked: Any) -> bool:
        """Drop the engine after so many further commits, while it is asked for something. Whether that is kept.

        Args:
            then: What it would come to; when it has, no more commits come, and the engine is dropped as it is.
        """
        before = self._fact(*asked) if asked else None
        acknowledged = self._runner.run(self._drop(commits, then, asked))
        self.hands.begun.clear()
        assert not self.hands.at_work
        kept = bool(asked) and self._fact(*asked) != before
        self._happened["crash" if not asked else "crash, kept" if kept else "crash, lost"] += 1
        assert kept or not acknowledged, f"{asked} was acknowledged, and is not kept"
        return kept

    async def _drop(self, commits: int, then: World, asked: tuple[Any, ...]) -> bool:
        assert self._life is not None
        self._crash.left = commits
        asking = asyncio.ensure_future(self._ask(self._baton, *asked)) if asked else None
        await self._until(lambda seen, expected: self._crash.happened.is_set() or seen == expected, then)
        self._crash.left = min(self._crash.left, 0)
        told = asking is not None and asking.done() and asking.exception() is None
        self._life.cancel()
        await asyncio.wait({self._life}, timeout=0.01)  # as `crashes.either`
        self._crash.bury()
        for task in (asking, self._life):
            if task is not None:
                task.cancel()
                await asyncio.wait({task}, timeout=PATIENCE)
        async with asyncio.timeout(PATIENCE):  # cancelled twice, an engine does not wait for its last words
            while left := asyncio.all_tasks() - {asyncio.current_task()}:
                await asyncio.wait(left)
        self._baton = None
        return told and asked[0] != "end"  # whose end is heard by nobody

    def close(self) -> None:
        async def close() -> None:
            if self._life is not None and not self._life.done():
                self._over.set()
                await asyncio.wait_for(self._life, PATIENCE)

        try:
            self._runner.run(close())
        finally:
            self._runner.close()
            self._folder.cleanup()

    # -- what is asked -------------------------------------------------------------------------------------------------

    def do(self, *asked: Any) -> Any:
        """Ask the engine, or, when there is none, by another process's means."""
        self._happened[asked[0]] += 1
        if asked[0] == "retry":
            self.hands.begun.clear()
        return self._runner.run(asyncio.wait_for(self._do(*asked), PATIENCE))

    def advance(self, seconds: float) -> None:
        async def advance() -> None:
            self._clock.advance(seconds)

        self._runner.run(advance())

    def refused(self, *asked: Any) -> None:
        try:
            self.do(*asked)
        except (ConflictError, NotFoundError):
            return
        raise AssertionError(f"{asked} was to be refused")

    async def _do(self, *asked: Any) -> Any:
        if self._baton is not None:
            return await self._ask(self._baton, *asked)
        async with self._engine(drive=False) as other:
            return await self._ask(other, *asked)

    async def _ask(self, baton: Any, what: str, *more: Any) -> Any:
        match what, more:
            case "start", (name, topic, patient):
                return await baton.start(WORKFLOWS[patient], {"topic": topic}, execution_id=name)
            case "end", (name, step, well):
                return self.hands.at_work[name, step].set_result(well)
            case "decide", (name, approve):
                return await baton.decide(name, "q", "approve" if approve else "reject", by="ann")
            case "publish", (topic,):
                return await baton.publish_event("news", {"topic": topic})
            case "cancel", (name, compensate):
                return await baton.cancel(name, by="eve", compensate=compensate)
            case "retry", (name, step, again):
                return await baton.retry(name, from_step=step, again=again)
            case "fork", (name, step):
                return (await baton.fork(name, step)).id
        raise AssertionError(what)

    # -- what is kept --------------------------------------------------------------------------------------------------

    def _rows(self, sql: str, *values: Any) -> list[tuple[Any, ...]]:
        with closing(sqlite3.connect(self._database)) as db:
            return db.execute(sql, values).fetchall()

    def _fact(self, what: str, name: str, *more: Any) -> Any:
        """What changes in the file when this is kept."""
        match what:
            case "cancel":
                return self._rows("SELECT cancel_requested <> 'null' FROM executions WHERE id = ?", name)
            case "retry":
                sql = "SELECT count(*) FROM records WHERE execution_id = ? AND kind = 'execution.rewound'"
                return self._rows(sql, name)
            case "decide":
                return self._rows(f"{_WAITS} AND status = 'answered'", name, "q")
        return self._rows(_ENDS, name, more[0])

    def asked(self, name: str) -> bool:
        return self.keeps_wait(name, "q")

    def keeps_wait(self, name: str, step: str) -> bool:
        """Whether an open wait of the step is in the file."""
        return self._rows(f"{_WAITS} AND status = 'open'", name, step) != [(0,)]

    # -- what holds ----------------------------------------------------------------------------------------------------

    def agrees_with(self, world: World) -> None:
        """The engine comes to what the model says, and to nothing more."""
        self._runner.run(self._agrees(world))

    async def _agrees(self, world: World) -> None:
        await self._until(operator.eq, world)
        assert self._baton is not None
        await turns(self._baton, TURNS)
        self._happened.update({story.status for story in world.stories.values()})
        await self._until(operator.eq, world)  # for a moment it may be at work: who hears of an answer late looks again
        assert set(self.hands.begun.values()) <= {1}, self.hands.begun
        assert set(self.hands.keys.values()) == set().union(*(story.keys() for story in world.stories.values()))

    async def _until(self, holds: Callable[[Any, Any], bool], world: World) -> None:
        baton, expected, end = self._baton, _expected(world), asyncio.get_running_loop().time() + PATIENCE
        assert baton is not None
        while not holds(seen := await self._seen(baton, world), expected):
            assert asyncio.get_running_loop().time() < end, f"expected {expected}, and it is {seen}"
            await asyncio.sleep(0.001)

    async def _seen(self, baton: Orchestrator, world: World) -> dict[str, Any]:
        seen = {}
        for name, story in world.stories.items():
            execution, results = await baton.get(name), await baton.results(name)
            kept = {path: result["status"] for path, result in results.items() if path in PATHS}
            # Stopped between two attempts, it has failed; the model says that it was not done.
            kept |= {step: NOT_DONE for step in story.short_of if kept.get(step) == FAILED}
            waits = {wait.path for wait in await baton.waits(name)}
            at_work = {step for other, step in self.hands.at_work if other == name}
            seen[name] = (str(execution.status), _plain(kept), waits, at_work)
        return seen


PATHS = {*NEEDS, *(undo(step) for step in UNDONE)}


def _expected(world: World) -> dict[str, Any]:
    return {story.id: _told(story) for story in world.stories.values()}


def _told(story: Story) -> tuple[Any, ...]:
    return story.status, _plain(story.results), story.waits(), set(story.at_work())


def _plain(results: Mapping[str, str]) -> tuple[Any, ...]:
    """Results without what is told apart nowhere; and in which order was done what is undone."""
    plain = {path: how if how in (DONE, FAILED) else NOT_DONE for path, how in results.items()}
    return plain, [path for path, how in plain.items() if path[0] == "~" or (path in UNDONE and how == DONE)]
