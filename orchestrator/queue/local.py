"""The queue inside this process. The tables are its memory: what it holds itself is rebuilt from them."""

import asyncio
import heapq
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from datetime import datetime
from traceback import format_exception

from graphs.clock import Alarm, Clock
from graphs.errors import BatonError
from graphs.steps import Logger
from orchestrator.queue.line import Line
from orchestrator.queue.port import Performer, Ticket
from orchestrator.store.acts import nobodys
from orchestrator.store.served.putting import NewRun, Put
from orchestrator.store.served.runs import Runs
from orchestrator.store.served.values import Ended, Run, Stop, Thread
from orchestrator.store.units import Beside

_AFTER_LOST_COMMIT = 2.0
"""Seconds until it is tried again to take a run up, or to keep its end, where that failed; longer each time."""

_LONGEST_PAUSE = 30.0


class LocalQueue:
    """Implements orchestrator.queue.port.RunQueue.

    Args:
        store: Where runs are kept.
        clock: For runs that begin later.
        log: Where what went wrong is said.
        places: Runs performed at the same time at most.
        grace: Seconds that runs get to finish when the queue stops.
    """

    def __init__(self, store: Runs, clock: Clock, log: Logger, *, places: int, grace: float) -> None:
        self._store = store
        self._clock = clock
        self._log = log
        self._places = places
        self._grace = grace
        self._line = Line()
        self._tickets: dict[str, Ticket] = {}
        self._tasks: set[asyncio.Task[None]] = set()
        self._pauses: dict[str, asyncio.Event] = {}
        """Of runs that are tried again in a while."""
        self._later: list[tuple[datetime, int, Run]] = []
        self._alarm: Alarm | None = None
        self._performer: Performer | None = None
        self._draining = False

    # -- what clients ask ----------------------------------------------------------------------------------------

    async def put(self, run: Run, new_thread: Thread | None, beside: Sequence[Beside] = ()) -> Put:
        """See the port."""
        return (await self.put_all([NewRun(run, new_thread, beside)]))[0]

    async def put_all(self, news: Sequence[NewRun]) -> Sequence[Put]:
        """See the port."""
        puts = await self._store.put_runs(news)
        for put in puts:
            for dropped in put.dropped:
                self._forget(dropped, put.run.multitask)
            if put.stopped is not None:
                self._cut_off(put.stopped.id, put.stopped.stop)
            if not put.repeated:
                self._add(put.run)
        self._pump()
        return puts

    async def stop(self, run_id: str, tenant: str, how: Stop) -> Run:
        """See the port."""
        run = await self._store.stop_run(run_id, tenant, how)
        if run.status == "interrupted":
            self._forget(run, how)
        elif self._cut_off(run_id, how) is False:
            self._add(run)  # nobody performs it: it was asked to end between two processes
            self._pump()
        return run

    def _forget(self, run: Run, how: str) -> None:
        self._line.remove(run.id)
        if self._performer is not None:
            self._performer.ended(run, Ended(status="interrupted", thread="idle"))

    def _cut_off(self, run_id: str, how: Stop | None) -> bool:
        if (ticket := self._tickets.get(run_id)) is None:
            return False
        if ticket.stop is None:
            ticket.stop = how
            if ticket.task is not None:
                ticket.task.cancel()
            elif (pause := self._pauses.get(run_id)) is not None:
                pause.set()
        return True

    # -- serving -------------------------------------------------------------------------------------------------

    @asynccontextmanager
    async def serving(self, performer: Performer) -> AsyncIterator[None]:
        """See the port."""
        self._performer = performer
        for run in await self._store.open_runs():
            self._add(run)
        self._pump()
        try:
            yield
        finally:
            await self.drain()
            if self._alarm is not None:
                self._alarm.cancel()

    async def drain(self) -> None:
        """See the port."""
        self._draining = True
        for pause in self._pauses.values():
            pause.set()
        if self._tasks:
            _, late = await asyncio.wait(self._tasks, timeout=self._grace)
            for task in late:
                task.cancel()
            await asyncio.gather(*late, return_exceptions=True)

    def _add(self, run: Run) -> None:
        # One that was under way goes before all others of its thread: it has begun, and they have not.
        if run.status == "running" and self._line.is_free(run.thread_id):
            self._begin(run)
        elif run.due_at is not None and run.due_at > self._clock.now():
            heapq.heappush(self._later, (run.due_at, run.seq, run))
            self._arm()
        else:
            self._line.add(run)

    def _pump(self) -> None:
        """Begin what may begin."""
        while self._has_place:
            run = self._line.next()
            if run is None:
                return
            self._begin(run)

    @property
    def _has_place(self) -> bool:
        at_work = len(self._tickets) - len(self._pauses)
        return not self._draining and self._performer is not None and at_work < self._places

    def _begin(self, run: Run) -> None:
        self._line.occupy(run)
        ticket = self._tickets[run.id] = Ticket(run, run.stop)
        task = asyncio.create_task(self._carry(ticket), name=f"run {run.id}")
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _carry(self, ticket: Ticket) -> None:
        nobodys()
        run = ticket.run
        try:
            await self._until_kept(ticket)
        finally:
            del self._tickets[run.id]
            self._line.free(run.thread_id)
            self._pump()

    async def _until_kept(self, ticket: Ticket) -> None:
        """Perform a run and keep how it ended, however often the store fails meanwhile. Its thread is its own until
        then: for the tables it is under way, and nobody may overtake it."""
        ended, pause = None, _AFTER_LOST_COMMIT
        while True:
            try:
                ended = ended or await self._performed(ticket)
                if ended is not None:
                    await self._end(ticket.run, ended)
                return
            except BatonError as error:
                self._log.error("run.failed", **{**error.as_dict(), "run_id": ticket.run.id})
            except Exception as error:  # noqa: BLE001 - the edge of a run: whatever broke, somebody waits for its end
                self._log_broken(ticket.run, error)
            if not await self._pause(ticket.run.id, pause):
                return
            pause = min(2 * pause, _LONGEST_PAUSE)

    async def _performed(self, ticket: Ticket) -> Ended | None:
        """How the run ended; None when it is no longer there.

        Raises:
            BatonError: it could not be performed now; nothing is wrong with the run.
        """
        assert self._performer is not None
        run = ticket.run
        mark = run.begun_at if run.begun_at is not None else await self._performer.begins(run)
        begun = await self._store.begin_run(run.id, mark)
        if begun is None:
            return None
        ticket.run = begun
        ticket.stop = ticket.stop or begun.stop
        ticket.task = asyncio.current_task()
        try:
            return await self._performer.perform(ticket)
        except BatonError:
            raise
        except Exception as error:  # noqa: BLE001 - a performer that breaks has ended its run
            self._log_broken(begun, error)
            return broken(error)
        finally:
            ticket.task = None  # whoever cuts it off now comes too late to change how it ended

    async def _end(self, run: Run, ended: Ended) -> None:
        kept = await self._store.end_run(run.id, ended)
        if kept is not None and self._performer is not None:
            self._performer.ended(kept, ended)

    async def _pause(self, run_id: str, seconds: float) -> bool:
        """Wait before another attempt, and leave the place to others meanwhile; False when the queue stops."""
        over = self._pauses[run_id] = asyncio.Event()
        alarm = self._clock.call_later(seconds, over.set)
        self._pump()
        try:
            if not self._draining:
                await over.wait()
        finally:
            alarm.cancel()
            del self._pauses[run_id]
        return not self._draining

    def _log_broken(self, run: Run, error: Exception) -> None:
        # As text: a structured traceback would show the values of locals, secrets among them.
        self._log.error("run.broken", run_id=run.id, trace="".join(format_exception(error)))

    # -- time ----------------------------------------------------------------------------------------------------

    def _arm(self) -> None:
        if self._alarm is not None:
            self._alarm.cancel()
            self._alarm = None
        if self._later:
            left = (self._later[0][0] - self._clock.now()).total_seconds()
            self._alarm = self._clock.call_later(max(0.0, left), self._ring)

    def _ring(self) -> None:
        now = self._clock.now()
        while self._later and self._later[0][0] <= now:
            self._line.add(heapq.heappop(self._later)[2])
        self._alarm = None
        self._arm()
        self._pump()


def broken(error: Exception) -> Ended:
    """The end of a run whose performing broke."""
    return Ended(status="error", thread="error", error={"error": type(error).__name__, "message": str(error)})
