"""Which executions are driven, and each of them from being taken up until it is left: ended, resting, put back."""

import asyncio
from traceback import format_exception
from typing import Final

from graphs.errors import BatonError, CommitError, EngineError
from graphs.state import ExecutionStatus
from orchestrator.bus import DRIVE_FAILED, RESTED
from orchestrator.catalogue import Catalogue
from orchestrator.driving.backlog import Backlog
from orchestrator.driving.drive import Drive
from orchestrator.driving.dues import Dues
from orchestrator.driving.mishaps import end_broken, end_poisoned, put_back
from orchestrator.driving.resting import Left
from orchestrator.driving.seats import Room, Seat
from orchestrator.driving.taken import Taken
from orchestrator.driving.works import Works
from orchestrator.needs import check_needs
from orchestrator.store.acts import nobodys
from orchestrator.store.port import Execution, Record
from orchestrator.urgency import turn_of

RECOVER: Final = "recover"
"""Why an execution is taken up that an engine found when it began."""
_AFTER_LOST_COMMIT = 2.0
"""Seconds until an execution whose results could not be kept is taken up again."""


class Carrier:
    """Carries executions, each as far as it goes."""

    def __init__(self, works: Works, catalogue: Catalogue) -> None:
        self._works = works
        self._catalogue = catalogue
        self._drives: dict[str, Drive | None] = {}
        self._again: set[str] = set()
        self._asked: set[str] = set()
        """Of those about to be driven: what was asked of them has been stored since they were read."""
        self._lost: set[str] = set()
        """Those whose last results could not be kept, which was said: it is tried every other second."""
        self._tasks: dict[str, asyncio.Task[None]] = {}
        self._room = Room(
            works.settings.max_executions,
            lingering=works.settings.max_lingering,
            seconds=works.settings.linger,
            clock=works.clock,
        )
        self._dues = Dues(works, self._comes_due)
        self._draining = False
        self._began = works.clock.now()
        self._backlog = Backlog(self._take_up_one, works.settings.max_executions)

    def take(self, execution_id: str, reason: str, *, new: Execution | None = None) -> None:
        """Take an execution up, unless it is being driven; then it is looked at once more when that has ended."""
        if self._draining:
            return
        if self._backlog.drop(execution_id):  # it goes before others now, and has its turn as it was
            reason = RECOVER
        if execution_id in self._drives:
            self._again.add(execution_id)
            self._let_go(execution_id)
            return
        self._drives[execution_id] = None
        task = asyncio.create_task(self._drive(execution_id, reason, new), name=f"drive {execution_id}")
        self._tasks[execution_id] = task
        task.add_done_callback(lambda _: self._over(execution_id, task))

    def _take_up_one(self, execution_id: str) -> bool:
        """Whether it waits for a seat now; otherwise it is at work already, or nobody begins anything any more."""
        before = execution_id in self._drives
        self.take(execution_id, RECOVER)
        return not before and execution_id in self._drives

    def _over(self, execution_id: str, task: asyncio.Task[None]) -> None:
        if self._tasks.get(execution_id) is task:  # it may have been taken up again before this is heard
            del self._tasks[execution_id]

    def _let_go(self, execution_id: str) -> None:
        """Park what rests in memory."""
        drive = self._drives.get(execution_id)
        if drive is not None and drive.resting:
            drive.let_go()

    async def _drive(self, execution_id: str, reason: str, new: Execution | None) -> None:
        nobodys()
        seat = None
        try:
            seat = await self._room.enter(
                lambda: self._announce_rest(execution_id),
                lambda: self._let_go(execution_id),
                turn=await self._turn(execution_id, reason, new),
            )
            self._backlog.seated(execution_id)
            while not self._draining:
                self._again.discard(execution_id)
                left = await self._once(execution_id, reason, new, seat)
                new = None
                again = left in ("resting", "paused") and execution_id in self._again
                if left != "stirred" and not again and execution_id not in self._asked:
                    break
        finally:
            self._drives.pop(execution_id, None)
            self._again.discard(execution_id)
            self._asked.discard(execution_id)
            self._backlog.seated(execution_id)
            if seat is not None:
                seat.leave()
            self._announce_rest(execution_id)

    async def _turn(self, execution_id: str, reason: str, new: Execution | None) -> float:
        """How urgent it is; nobody asks where there is room for all."""
        if not self._room.full:
            return 0.0
        execution = new or await self._works.store.execution(execution_id)
        since = self._began if reason == RECOVER else self._works.clock.now()
        return turn_of(since, execution.priority if execution is not None else 0)

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
        self._lost.discard(execution_id)
        if left == "resting":
            await self._dues.remember(execution_id)
        return left

    async def _carry(self, execution_id: str, reason: str, new: Execution | None, seat: Seat) -> Left:
        execution = new
        while True:
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
            if execution_id not in self._asked:  # otherwise it was read before that: a cancel would never be heard
                break
        drive = Drive(Taken(self._works, execution, workflow, sealer, seat, new=execution is new))
        self._drives[execution_id] = drive
        if new is not None:
            self._works.publish([Record(execution_id, "execution.started", self._works.clock.now())])
        return await drive.run()

    async def _left_with(self, execution_id: str, error: BatonError) -> None:
        """A drive could not go on: the execution is left as it is, and the reason is said.

        When the store could not write (a full disk), the work goes on once it can again: it is tried again and again.
        """
        again = isinstance(error, CommitError) and execution_id in self._lost
        log = self._works.log.debug if again else self._works.log.error
        log("drive.failed", **{**error.as_dict(), "execution_id": execution_id})
        note = Record(execution_id, DRIVE_FAILED, self._works.clock.now(), data=error.as_dict())
        if not isinstance(error, CommitError):
            await put_back(self._works, note)
            return
        self._works.publish([note])
        self._lost.add(execution_id)
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
