"""`Desk`: runs and threads as the gateway asks for them. It parses nothing and knows no HTTP."""

import asyncio
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import replace
from typing import Any

from graphs.clock import Clock
from graphs.errors import BatonError, ConflictError, CorruptStateError, NotFoundError, StoreError
from graphs.steps import Logger
from orchestrator.ids import shown_id
from orchestrator.queue.port import RunQueue, Ticket
from orchestrator.serving.admission import Admission
from orchestrator.serving.assistants import AssistantDesk
from orchestrator.serving.crons import CronDesk, Judge, anybody
from orchestrator.serving.events import Hub
from orchestrator.serving.front import Shown
from orchestrator.serving.intake import Intake
from orchestrator.serving.items import ItemStore
from orchestrator.serving.outcomes import Outcomes
from orchestrator.serving.served import Edit, Place, Served
from orchestrator.serving.shelf import Shelf
from orchestrator.serving.streams import RunLog, Said, Streams
from orchestrator.serving.sweeping import Sweeper
from orchestrator.serving.threads import ThreadDesk
from orchestrator.serving.wanted import WORKFLOW_VERSION, Wanted, resumable
from orchestrator.store.acts import about
from orchestrator.store.served.runs import no_run
from orchestrator.store.served.values import Ended, Run, Search, Stop
from orchestrator.store.sqlite import SqliteStore


class Desk:
    """Takes runs on, performs them when the queue says so, and tells how they ended; implements queue.port.Performer.

    Attributes:
        threads, assistants, crons: The other counters.
        admission: Judges who wants what.
        hub: What happens on threads, for whoever watches them.
        sweeper: Deletes what has had its time.
        streams: What runs say.
        shown: What was in front when somebody read a thread.
    """

    def __init__(
        self,
        store: SqliteStore,
        queue: RunQueue,
        shelf: Shelf,
        clock: Clock,
        log: Logger,
        on_end: Callable[[Run], None],
        most: int = 0,
        judge: Judge = anybody,
    ) -> None:
        self.streams = Streams(lambda run_id, said: store.keep_event(run_id, said.seq, said.event, said.data))
        self.assistants = AssistantDesk(store, shelf, clock)
        self.sweeper = Sweeper(store, clock, log)
        self.threads = ThreadDesk(store, shelf, clock, self.sweeper.arm)
        self.admission = Admission(self.threads, self.assistants)
        self.hub = Hub()
        self.shown = Shown(store)
        self._outcomes = Outcomes(self.streams)
        self._intake = Intake(store, queue, shelf, clock, self.admission, self._outcomes, self.shown, most)
        self.crons = CronDesk(store, clock, log, self._intake.put_due, judge)
        self._store = store
        self._queue = queue
        self._shelf = shelf
        self._on_end = on_end

    # -- for clients ---------------------------------------------------------------------------------------------

    async def put(self, wanted: Wanted) -> Run:
        """Take a run on; it is kept when this returns. See `Intake.put` for what it raises."""
        return (await self.put_all([wanted]))[0]

    async def put_all(self, wanted: Sequence[Wanted]) -> list[Run]:
        """Take runs on, all of them or none."""
        return await self._intake.put(wanted)

    async def refuse_unfit(self, wanted: Wanted) -> None:
        """Refuse what could not be started whenever it is due; see `Intake`."""
        await self._intake.refuse_unfit(wanted)

    def get(self, run_id: str, thread_id: str | None, tenant: str) -> Run:
        """A run.

        Raises:
            NotFoundError: there is none on that thread.
        """
        run = self._store.run(run_id, tenant)
        if run is None or thread_id not in (None, run.thread_id):
            raise no_run(run_id)
        return run

    def items(self, tenant: str) -> ItemStore:
        """What a tenant keeps beside its threads."""
        return ItemStore(self._store, tenant, self.sweeper.arm)

    async def search(self, which: Search) -> Sequence[Run]:
        """Runs that fit."""
        return await self._store.runs(which)

    async def outcome(self, run: Run) -> Ended:
        """Wait until a run has ended; how it did, or what its thread holds now when it ended a while ago."""
        if (ended := await self._outcomes.of(run)) is not None:
            return ended
        found, thread = self._store.run(run.id, run.tenant), self._store.thread(run.thread_id, run.tenant)
        status = found.status if found is not None else "interrupted"
        error = found.error if found is not None else None
        if thread is None:
            return Ended(status=status, thread="idle", error=error)
        return Ended(status=status, thread=thread.status, state=thread.state, interrupts=thread.interrupts, error=error)

    async def log(self, run: Run, *, begun: bool = False) -> RunLog:
        """What a run says; of one that an earlier process knew, what it kept of it. `begun`: in this process."""
        if (log := self.streams.find(run.id)) is not None:
            return log
        kept = [Said(*row) for row in await self._store.events_of_run(run.id)]
        if (log := self.streams.find(run.id)) is not None:  # somebody else was faster
            return log
        log = self.streams.open(run.id, resumable=resumable(run)) if run.open else RunLog()
        # Attempts are counted when a run is taken up: before and after that are different numbers in every process.
        log.recall(kept, 2 * run.attempts - begun)
        if not run.open:
            log.close()
        return log

    async def stop(self, run: Run, how: Stop) -> Run:
        """Cut a run off."""
        about({"thread_id": run.thread_id, "run_id": run.id})
        return await self._queue.stop(run.id, run.tenant, how)

    async def abandon(self, run: Run) -> None:
        """Cut a run off whose client has gone, unless it has ended meanwhile."""
        with suppress(NotFoundError, ConflictError):
            await self.stop(run, "interrupt")

    async def remove_threads_of(self, assistant_id: str, tenant: str) -> None:
        """Delete the threads that ran with an assistant, but for executions of workflows."""
        which = Search(tenant=tenant, metadata={"assistant_id": assistant_id}, limit=1_000_000)
        for thread in await self._store.threads(which):
            if await self._store.execution(thread.id) is None:
                await self.remove_thread(thread.id, tenant)

    async def remove_thread(self, thread_id: str, tenant: str) -> None:
        """Delete a thread; what runs on it is cut off first."""
        await self.threads.kept(thread_id, tenant)
        among = {"status": ["pending", "running"]}
        for run in await self._store.runs(
            Search(tenant=tenant, fields={"thread_id": thread_id}, among=among, limit=10_000)
        ):
            await self.abandon(run)
            await self.outcome(run)
        await self.threads.delete(thread_id, tenant)

    async def edit(self, thread_id: str, tenant: str, edits: Sequence[Sequence[Edit]]) -> Place:
        """See `ThreadDesk.edit`; whoever follows the thread is told."""
        place = await self.threads.edit(thread_id, tenant, edits)
        if self.hub.is_watched(thread_id):
            state = await self.threads.state(thread_id, tenant, Place(), subgraphs=False)
            self.hub.changed(thread_id, state)
        return place

    async def drain(self) -> None:
        """Begin nothing new; what runs may finish within the time there is."""
        await self._queue.drain()

    async def delete(self, run: Run) -> None:
        """Forget a run that has ended."""
        await self._store.delete_run(run.id, run.tenant)

    # -- queue.port.Performer --------------------------------------------------------------------------------------

    async def begins(self, run: Run) -> Any:
        """See the port."""
        return self._store.standing(run.thread_id)

    async def perform(self, ticket: Ticket) -> Ended:
        """See the port."""
        # Cut off in here, it could not say how it ended, and whoever waits for its end would wait for ever.
        reached, ticket.task = ticket.task, None
        run, log = ticket.run, await self.log(ticket.run, begun=True)
        if run.attempts > 1 or not log.last:  # what was said of a model call that was cut off is void
            log.say("metadata", {"run_id": run.id, "thread_id": shown_id(run.thread_id), "attempt": run.attempts})
        if (served := await self._served(ticket)) is None:
            return Ended(status="interrupted", thread="idle")
        async with self.threads.alone(run.thread_id):
            ticket.task = reached
            try:
                return await self._performed(served, ticket, log)
            except asyncio.CancelledError:
                task = asyncio.current_task()
                if ticket.stop is None or task is None:
                    raise
                task.uncancel()
                return await served.after_stop(ticket)

    async def _served(self, ticket: Ticket) -> Served | None:
        """What performs a run; None where nothing does any more, and the run is only to be cut off.

        Raises:
            NotFoundError: nothing does now. A run is not lost over that: it may be served again.
        """
        run = ticket.run
        try:
            return await self._shelf.get(run.graph, run.tenant, run.request.get(WORKFLOW_VERSION))
        except NotFoundError:
            if ticket.stop is None:
                raise
            return None

    async def _performed(self, served: Served, ticket: Ticket, log: RunLog) -> Ended:
        if ticket.stop is not None:
            return await served.after_stop(ticket)
        try:
            self.hub.begins(ticket.run)
            return await served.perform(ticket, self.hub.both(ticket.run, log.say))
        except CorruptStateError as error:  # it would be refused again, however often
            log.say("error", said := error.as_dict() | {"error": error.code})
            return Ended(status="error", thread="error", error=said)
        except StoreError:
            raise  # nothing is wrong with the run: it goes on once the store can write again
        except Exception as error:  # noqa: BLE001 - a user's graph may raise anything; the client is told
            code = {"code": error.code} if isinstance(error, BatonError) else {}
            said = {"error": type(error).__name__, "message": str(error), **code}
            log.say("error", said)
            left = await served.left(ticket.run)
            return replace(left, status="error", thread="error", error=said)

    def ended(self, run: Run, ended: Ended) -> None:
        """See the port."""
        self.streams.end(run.id)
        self.hub.ends(run, ended)
        self._on_end(run)
        self._outcomes.ended(run, ended)

    def awaited(self, run: Run) -> None:
        """A run of an earlier process will be performed here: whoever asks for it can wait."""
        self._outcomes.again(run)

    def close(self) -> None:
        """Let everybody go who listens or waits."""
        self.streams.close()
        self.hub.close()
        self._outcomes.close()
