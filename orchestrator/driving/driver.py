"""The driving side of an engine: takes executions up, hears of answers, watches the time, stops in order.

Whatever wakes it was stored first. A signal from another process, an answer given here, a timer's end: each only
says "look again", and a second "look again" does no harm.
"""

import asyncio
from collections.abc import AsyncIterator, Iterable, Mapping
from contextlib import asynccontextmanager
from traceback import format_exception
from typing import Any

from graphs.errors import BatonError, CommitError, EngineError
from graphs.state import ExecutionStatus
from orchestrator.bus import DRIVE_FAILED, RESTED
from orchestrator.catalogue import Catalogue
from orchestrator.driving.drive import Drive
from orchestrator.driving.dues import Dues
from orchestrator.driving.mishaps import end_broken, end_poisoned, put_back
from orchestrator.driving.resting import Left
from orchestrator.driving.seats import Room, Seat
from orchestrator.driving.signals import Signals
from orchestrator.driving.suspects import one_by_one
from orchestrator.driving.waits import answer_of
from orchestrator.driving.works import Works
from orchestrator.needs import check_needs
from orchestrator.store.port import Execution, OpenWait, Record
from orchestrator.urgency import turn_of
from orchestrator.whole import stopped

_AFTER_LOST_COMMIT = 2.0
"""Seconds until an execution whose results could not be kept is taken up again."""


class Driver:
    """Drives every unfinished execution of a file."""

    def __init__(self, works: Works, catalogue: Catalogue) -> None:
        self._works = works
        self._catalogue = catalogue
        self._drives: dict[str, Drive | None] = {}
        self._again: set[str] = set()
        self._asked: set[str] = set()
        """Of those about to be driven: what was asked of them has been stored since they were read."""
        self._tasks: dict[str, asyncio.Task[None]] = {}
        self._room = Room(
            works.settings.max_executions,
            lingering=works.settings.max_lingering,
            seconds=works.settings.linger,
            clock=works.clock,
        )
        self._signals = Signals(works, self)
        self._dues = Dues(works, self._comes_due)
        self._draining = False
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

    def take(self, execution_id: str, reason: str, *, new: Execution | None = None) -> None:
        """Take an execution up, unless it is being driven; then it is looked at once more when that has ended."""
        if self._draining:
            return
        if execution_id in self._drives:
            self._again.add(execution_id)
            self._let_go(execution_id)
            return
        self._drives[execution_id] = None
        task = asyncio.create_task(self._drive(execution_id, reason, new), name=f"drive {execution_id}")
        self._tasks[execution_id] = task
        task.add_done_callback(lambda _: self._over(execution_id, task))

    def _over(self, execution_id: str, task: asyncio.Task[None]) -> None:
        if self._tasks.get(execution_id) is task:  # it may have been taken up again before this is heard
            del self._tasks[execution_id]

    def _let_go(self, execution_id: str) -> None:
        """Park what rests in memory."""
        drive = self._drives.get(execution_id)
        if drive is not None and drive.resting:
            drive.let_go()

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

    async def breaker_reset(self, name: str) -> None:
        """Somebody closed a breaker by hand."""
        await self._works.breakers.reload(name)

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
            return False
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
        for execution_id in await self._works.store.to_take_up():
            if execution_id not in suspects:
                self.take(execution_id, "recover")
        if suspects:
            self._works.log.info("recovery.one_by_one", executions=len(suspects))
            self._taking = asyncio.create_task(one_by_one(suspects, self._take_suspect), name="suspects")
        await self._dues.remember_all()

    def _take_suspect(self, execution_id: str) -> asyncio.Task[None] | None:
        self.take(execution_id, "recover")
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

    # -- driving one execution ---------------------------------------------------------------------------------

    async def _drive(self, execution_id: str, reason: str, new: Execution | None) -> None:
        seat = None
        try:
            seat = await self._room.enter(
                lambda: self._announce_rest(execution_id),
                lambda: self._let_go(execution_id),
                turn=await self._turn(execution_id, new),
            )
            while not self._draining:
                self._again.discard(execution_id)
                left = await self._once(execution_id, reason, new, seat)
                new = None
                again = left == "resting" and execution_id in self._again
                if left != "stirred" and not again and execution_id not in self._asked:
                    break
        finally:
            self._drives.pop(execution_id, None)
            self._again.discard(execution_id)
            self._asked.discard(execution_id)
            if seat is not None:
                seat.leave()
            self._announce_rest(execution_id)

    async def _turn(self, execution_id: str, new: Execution | None) -> float:
        """How urgent it is; nobody asks where there is room for all."""
        if not self._room.full:
            return 0.0
        execution = new or await self._works.store.execution(execution_id)
        return turn_of(self._works.clock.now(), execution.priority if execution is not None else 0)

    async def _once(self, execution_id: str, reason: str, new: Execution | None, seat: Seat) -> Left:
        """Drive once, and see to what is left."""
        try:
            left = await self._carry(execution_id, reason, new, seat)
        except EngineError as error:
            await self._broken(execution_id, error)
            return "ended"
        except BatonError as error:
            if error.code == "execution_moved_on":  # started anew while it rested: as it stands now, then
                return "stirred"
            if error.code != "execution_ended":  # somebody said "look again" of one that has just ended
                await self._left_with(execution_id, error)
            return "ended"
        except Exception as error:  # noqa: BLE001 - the edge of a drive: whatever broke it must be heard
            # As text: a structured traceback would show the values of locals, secrets among them.
            trace = "".join(format_exception(error))
            self._works.log.error("drive.broken", execution_id=execution_id, trace=trace)
            broken = EngineError(f"the drive broke: {type(error).__name__}: {error}", code="drive_broken")
            await self._left_with(execution_id, broken)
            return "ended"
        # It hears nothing any more: whatever is stored from now on is a reason to look again.
        self._drives[execution_id] = None
        if left == "resting":
            await self._dues.remember(execution_id)
        return left

    async def _carry(self, execution_id: str, reason: str, new: Execution | None, seat: Seat) -> Left:
        execution = new
        if execution is None or execution_id in self._asked:
            self._asked.discard(execution_id)
            execution = await self._works.store.begin_drive(execution_id, reason)
            if execution.status is ExecutionStatus.PAUSED:
                return "paused"
            if execution.deaths >= self._works.settings.poison_after:
                await end_poisoned(self._works, execution)
                return "ended"
        workflow = await self._catalogue.pinned(execution)
        if execution.drives > 1:  # somebody has begun it who could
            check_needs(execution, workflow, self._works.library, self._works.resources)
        sealer = await self._catalogue.sealer(execution)
        drive = Drive(self._works, execution, workflow, sealer, seat, new=execution is new)
        self._drives[execution_id] = drive
        if new is not None:
            self._works.publish([Record(execution_id, "execution.started", self._works.clock.now())])
        return await drive.run()

    async def _left_with(self, execution_id: str, error: BatonError) -> None:
        """A drive could not go on: the execution is left as it is, and the reason is said.

        When the store could not write (a full disk), the work goes on once it can again: it is tried again and again.
        """
        self._works.log.error("drive.failed", **{**error.as_dict(), "execution_id": execution_id})
        note = Record(execution_id, DRIVE_FAILED, self._works.clock.now(), data=error.as_dict())
        if not isinstance(error, CommitError):
            await put_back(self._works, note)
            return
        self._works.publish([note])
        if not self._draining:
            self._dues.after(execution_id, _AFTER_LOST_COMMIT)

    async def _broken(self, execution_id: str, error: EngineError) -> None:
        drive = self._drives.get(execution_id)
        try:
            await end_broken(self._works, execution_id, error, drive.active_seconds if drive is not None else 0.0)
        except BatonError as failure:
            await self._left_with(execution_id, failure)

    def _announce_rest(self, execution_id: str) -> None:
        self._works.publish([Record(execution_id, RESTED, self._works.clock.now())])

    def _comes_due(self, execution_id: str) -> None:
        if execution_id not in self._drives:  # a live drive has alarms of its own
            self.take(execution_id, "timer")
