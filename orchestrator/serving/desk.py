"""`Desk`: runs and threads as the gateway asks for them. It parses nothing and knows no HTTP."""

import asyncio
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import replace
from typing import Any

from graphs.clock import Clock
from graphs.errors import ConflictError, CorruptStateError, NotFoundError, StoreError
from graphs.steps import Logger
from orchestrator.queue.port import RunQueue, Ticket
from orchestrator.serving.admission import Admission
from orchestrator.serving.assistants import AssistantDesk, version_of
from orchestrator.serving.carrying import SINCE
from orchestrator.serving.crons import CronDesk, Judge
from orchestrator.serving.events import Hub
from orchestrator.serving.front import Shown
from orchestrator.serving.items import ItemStore
from orchestrator.serving.served import Caller, Served
from orchestrator.serving.shelf import Shelf
from orchestrator.serving.streams import RunLog, Said, Streams
from orchestrator.serving.sweeping import Sweeper
from orchestrator.serving.threads import ThreadDesk
from orchestrator.serving.wanted import WORKFLOW_VERSION, Wanted, resumable, run_of
from orchestrator.store.served.runs import no_run
from orchestrator.store.served.values import Cron, Ended, Run, Search, Stop
from orchestrator.store.sqlite import SqliteStore
from orchestrator.store.units import Beside


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
        judge: Judge = lambda _: None,
    ) -> None:
        self.streams = Streams(lambda run_id, said: store.keep_event(run_id, said.seq, said.event, said.data))
        self.assistants = AssistantDesk(store, shelf, clock)
        self.sweeper = Sweeper(store, clock, log)
        self.threads = ThreadDesk(store, shelf, clock, self.sweeper.arm)
        self.admission = Admission(self.threads, self.assistants)
        self.hub = Hub()
        self.shown = Shown()
        self.crons = CronDesk(store, clock, log, self._put_due, judge)
        self._store = store
        self._queue = queue
        self._shelf = shelf
        self._clock = clock
        self._on_end = on_end
        self._most = most
        self._awaited: dict[str, asyncio.Future[Ended | None]] = {}

    # -- for clients ---------------------------------------------------------------------------------------------

    async def put(self, wanted: Wanted) -> Run:
        """Take a run on; it is kept when this returns.

        Raises:
            NotFoundError: there is no such assistant, graph or thread.
            ConflictError: the thread is busy and others shall not wait, or does not take this now.
            InputError: it is no such request, or its idempotency key was sent before with another.
            NotAllowedError: it is not for whoever asks.
            TooManyRunsError: the tenant has as many that have not ended as it may.
        """
        # As it was sent: what the application's own code makes of it may be another thing each time.
        wish = wanted.wish()
        wanted = await self.admission.admitted(wanted)
        tenant = wanted.by.tenant
        assistant = await self.assistants.get(wanted.assistant, tenant)
        served = await self._shelf.get(assistant.graph, tenant, version_of(assistant))
        asked_for = served.fingerprint(wish) if wanted.idempotency_key is not None else None
        run = run_of(wanted, assistant, version_of(assistant), asked_for, self._clock.now())
        new = (
            None
            if await self.admission.is_there(wanted)
            else self.threads.new(run.thread_id, run.tenant, wanted.metadata)
        )
        by = wanted.by
        answers = (run.request.get("command") or {}).get("resume") is not None
        if answers:
            by = replace(by, shown=self.shown.last(by, run.thread_id))
            # What the answer sets going begins at once, and may be over before the run is performed.
            since = self._store.newest_record(run.thread_id)
            run = replace(run, request={**run.request, SINCE: since})
        beside = [*await self._admit(served, run, by), *self._room(run)]
        run = replace(run, request=served.sealed(run.request))
        log = self.streams.open(run.id, resumable=resumable(run))
        self._awaited[run.id] = asyncio.get_running_loop().create_future()
        try:
            put = await self._queue.put(run, new, beside)
        except BaseException:
            self._let_go(run.id)
            raise
        if answers:
            self.shown.forget(by, run.thread_id)
        if put.repeated:
            self._let_go(run.id)
        else:
            log.say("metadata", {"run_id": run.id, "thread_id": run.thread_id, "attempt": 1})
        return put.run

    def _room(self, run: Run) -> Sequence[Beside]:
        return [self._store.room(run.tenant, self._most)] if self._most else []

    async def _put_due(self, cron: Cron, key: str) -> Run:
        await self._shelf.refuse_withdrawn(
            (await self.assistants.get(cron.assistant_id, cron.tenant)).graph, cron.tenant
        )
        request = dict(cron.request)
        multitask, priority = request.pop("multitask_strategy", "enqueue"), request.pop("priority", 0)
        if cron.thread_id is None:
            request["on_completion"] = cron.on_run_completed or "delete"
        return await self.put(
            Wanted(
                assistant=cron.assistant_id,
                by=Caller(tenant=cron.tenant, decides=False, redrives=False),
                thread_id=cron.thread_id,
                request=request,
                metadata={**cron.metadata, "cron_id": cron.id},
                multitask=multitask,
                priority=priority,
                idempotency_key=key,
                meant={"cron": cron.id},  # it may have been changed since a process died over this
            )
        )

    async def _admit(self, served: Served, run: Run, by: Caller) -> Sequence[Beside]:
        key = run.idempotency_key
        if key is None or self._store.run_of_key(key, run.tenant) is None:
            return await served.admit(run, by)
        return ()

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
        if (future := self._awaited.get(run.id)) is not None:
            ended = await asyncio.shield(future)
            if ended is not None:
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
            log.say("metadata", {"run_id": run.id, "thread_id": run.thread_id, "attempt": run.attempts})
        served = await self._shelf.get(run.graph, run.tenant, run.request.get(WORKFLOW_VERSION))
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
            said = {"error": type(error).__name__, "message": str(error)}
            log.say("error", said)
            left = await served.left(ticket.run)
            return replace(left, status="error", thread="error", error=said)

    def ended(self, run: Run, ended: Ended) -> None:
        """See the port."""
        self.streams.end(run.id)
        self.hub.ends(run, ended)
        self._on_end(run)
        if (future := self._awaited.pop(run.id, None)) is not None and not future.done():
            future.set_result(ended)

    def awaited(self, run: Run) -> None:
        """A run of an earlier process will be performed here: whoever asks for it can wait."""
        self._awaited.setdefault(run.id, asyncio.get_running_loop().create_future())

    def close(self) -> None:
        """Let everybody go who listens or waits."""
        self.streams.close()
        self.hub.close()
        for future in self._awaited.values():
            if not future.done():
                future.set_result(None)

    def _let_go(self, run_id: str) -> None:
        self._awaited.pop(run_id, None)
        self.streams.drop(run_id)
