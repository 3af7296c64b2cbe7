"""The driving side of an engine: takes executions up, hears of answers, watches the time, stops in order.

Whatever wakes it was stored first. A signal from another process, an answer given here, a timer's end: each only
says "look again", and a second "look again" does no harm.
"""

import asyncio
from collections.abc import AsyncIterator, Iterable, Mapping
from contextlib import asynccontextmanager
from typing import Any

from orchestrator.catalogue import Catalogue
from orchestrator.driving.carrier import RECOVER, Carrier
from orchestrator.driving.signals import Signals
from orchestrator.driving.suspects import one_by_one
from orchestrator.driving.waits import answer_of
from orchestrator.driving.works import Works
from orchestrator.store.port import Execution, OpenWait
from orchestrator.whole import stopped


class Driver(Carrier):
    """Drives every unfinished execution of a file."""

    def __init__(self, works: Works, catalogue: Catalogue) -> None:
        super().__init__(works, catalogue)
        self._signals = Signals(works, self)
        self._taking: asyncio.Task[None] | None = None

    # -- what wakes it -----------------------------------------------------------------------------------------

    @property
    def resources(self) -> Mapping[type, Any]:
        """What steps are given by type."""
        return self._works.resources

    @property
    def has_room(self) -> bool:
        """Whether one more execution would be driven at once."""
        return not self._draining and not self._room.full

    async def put_away(self, execution_id: str) -> None:
        """Return when an execution that rests is only in the database."""
        self._let_go(execution_id)
        task = self._tasks.get(execution_id)
        if task is not None and not self.driving(execution_id):
            await asyncio.wait([task])

    def answered(self, wait: OpenWait) -> None:
        """A wait was answered: tell the live body, or take the execution up."""
        answer = answer_of(wait)
        drive = self._drives.get(wait.execution_id)
        if drive is not None and answer is not None:
            # If it is just ending: it cannot go to rest without seeing that something was stored.
            drive.deliver(wait.path, answer)
        else:
            self.take(wait.execution_id, "answer")

    async def event_matched(self, matched: Iterable[tuple[str, str]]) -> None:
        for execution_id, path in matched:
            await self._look(execution_id, path)

    async def _look(self, execution_id: str, path: str | None) -> None:
        for wait in await self._works.store.waits(execution_id, status="answered"):
            if wait.path == path:
                self.answered(wait)
                return
        self.take(execution_id, "signal")

    def cancelled(self, execution: Execution) -> None:
        drive = self._drives.get(execution.id)
        if drive is not None and execution.cancel_requested is not None:
            drive.halt(execution.cancel_requested)
        elif execution.id in self._drives:
            self._asked.add(execution.id)
        else:
            self.take(execution.id, "cancel")

    def breaker_reset(self, name: str) -> None:
        """Somebody closed a breaker by hand."""
        self._works.breakers.reset(name)

    def paused(self, execution_id: str) -> None:
        """It is to be held: nothing new starts."""
        drive = self._drives.get(execution_id)
        if drive is not None:
            drive.pause()
        elif execution_id in self._drives:
            self._asked.add(execution_id)

    def driving(self, execution_id: str) -> bool:
        """Whether it is at work on an execution, or about to be."""
        if execution_id not in self._drives:
            return execution_id in self._backlog
        drive = self._drives[execution_id]
        return drive is None or not drive.resting

    # -- serving -----------------------------------------------------------------------------------------------

    @asynccontextmanager
    async def serving(self) -> AsyncIterator[None]:
        """Take up what is to be done, and go on until the block ends; then stop in order.

        What rests costs nothing but a reminder of when its waits and its deadline are over.
        """
        at_once = False
        try:
            await self._take_up()
            listening = asyncio.create_task(self._signals.listen(), name="signals")
            try:
                yield
            finally:
                at_once = True  # unless nobody asks a second time
                await stopped(listening)
                at_once = False
        finally:
            if self._taking is not None:
                self._taking.cancel()
            try:
                await self.drain(at_once=at_once)
            finally:
                await self._works.lasting.close()
                self._dues.stop()

    async def _take_up(self) -> None:
        await self._signals.begin()
        suspects = await self._works.store.suspects()
        self._began = self._works.clock.now()
        found = await self._works.store.to_take_up()
        self._backlog.add(execution_id for execution_id in found if execution_id not in suspects)
        if suspects:
            self._works.log.info("recovery.one_by_one", executions=len(suspects))
            self._taking = asyncio.create_task(one_by_one(suspects, self._take_suspect), name="suspects")
        await self._dues.remember_all()

    def _take_suspect(self, execution_id: str) -> asyncio.Task[None] | None:
        self.take(execution_id, RECOVER)
        return self._tasks.get(execution_id)

    def look_at_the_clock(self) -> None:
        """It was set, or the machine was asleep: what is due by it may be due now, or not yet."""
        self._dues.look_again()
        for drive in self._drives.values():
            if drive is not None:
                drive.wall.look_again()

    async def answered_elsewhere(self, execution: Execution, path: str | None) -> None:
        """Another process stored an answer: look at it, unless the live drive knows it already."""
        drive = self._drives.get(execution.id)
        if drive is not None and path is not None and drive.knows(path):
            return
        if drive is not None or execution.status.resting:
            await self._look(execution.id, path)

    async def drain(self, *, at_once: bool = False) -> None:
        """Start nothing new; running steps get the grace time, then they are cut and will be run again.

        Args:
            at_once: Nobody gets the grace time.
        """
        self._draining = True
        for execution_id in self._backlog.clear():
            self._announce_rest(execution_id)
        for drive in self._drives.values():
            if drive is not None:
                drive.drain()
        if not (tasks := set(self._tasks.values())):
            return
        try:
            await asyncio.wait(tasks, timeout=0 if at_once else self._works.settings.grace)
        finally:  # also when nobody waits for them any more: the file may soon have another engine
            for task in tasks:
                task.cancel()
            await asyncio.wait(tasks)  # not `gather`, which would hand on a cancel: twice, and LangGraph leaves bodies
