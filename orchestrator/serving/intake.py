"""Runs that clients want are taken on here: judged first, then kept, all that are wanted together or none."""

from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

from graphs.clock import Clock
from graphs.errors import BatonError, ConflictError, NotAllowedError, NotFoundError
from orchestrator.ids import shown_id
from orchestrator.queue.port import RunQueue
from orchestrator.serving.admission import Admission
from orchestrator.serving.assistants import version_of
from orchestrator.serving.carrying import SINCE
from orchestrator.serving.consent import fits
from orchestrator.serving.front import Shown
from orchestrator.serving.outcomes import Outcomes
from orchestrator.serving.served import Caller, Served
from orchestrator.serving.shelf import Shelf
from orchestrator.serving.wanted import Wanted, run_of
from orchestrator.store.served.putting import NewRun, refusal
from orchestrator.store.served.values import Cron, Run, Search, Thread
from orchestrator.store.sqlite import SqliteStore
from orchestrator.store.units import Beside


@dataclass(frozen=True, slots=True)
class _Ready:
    """A run that may be kept; `answers` says that it is an answer to what its thread asks."""

    new: NewRun
    by: Caller
    answers: bool


class Intake:
    """Takes runs on.

    Args:
        shown: What was in front when somebody read a thread.
        most: Runs of one tenant that have not ended at most; 0 for any number.
    """

    def __init__(
        self,
        store: SqliteStore,
        queue: RunQueue,
        shelf: Shelf,
        clock: Clock,
        admission: Admission,
        outcomes: Outcomes,
        shown: Shown,
        most: int,
    ) -> None:
        self._store = store
        self._queue = queue
        self._shelf = shelf
        self._clock = clock
        self._admission = admission
        self._outcomes = outcomes
        self._shown = shown
        self._most = most

    async def put(self, wanted: Sequence[Wanted]) -> list[Run]:
        """Take runs on; they are kept when this returns, in one transaction.

        Raises:
            NotFoundError: there is no such assistant, graph or thread.
            ConflictError: the thread is busy and others shall not wait, or does not take this now.
            InputError: it is no such request, or its idempotency key was sent before with another.
            NotAllowedError: it is not for whoever asks.
            TooManyRunsError: the tenant has as many that have not ended as it may.
        """
        ready: list[_Ready] = []
        refused: dict[int, BatonError] = {}
        for index, each in enumerate(wanted):
            try:
                ready.append(await self._ready(each))
            except BatonError as error:
                refused[index] = error
        if refused:
            raise refusal(refused, len(wanted))
        logs = [self._outcomes.expect(one.new.run) for one in ready]
        try:
            puts = await self._queue.put_all([one.new for one in ready])
        except BaseException:
            for one in ready:
                self._outcomes.let_go(one.new.run)
            raise
        for one, put, log in zip(ready, puts, logs, strict=True):
            if one.answers:
                await self._shown.forget(one.by, one.new.run.thread_id)
            if put.repeated:
                self._outcomes.let_go(one.new.run)
            else:
                run = put.run
                log.say("metadata", {"run_id": run.id, "thread_id": shown_id(run.thread_id), "attempt": 1})
        return [put.run for put in puts]

    async def put_due(self, cron: Cron, by: Caller, key: str) -> Run:
        """Take a cron's run on, in somebody's name.

        Raises:
            ConflictError: its workflow is offered no more, or it shall not overlap what it started before.
            BatonError: as `put`.
        """
        assistant = await self._admission.assistants.get(cron.assistant_id, cron.tenant)
        await self._shelf.refuse_withdrawn(assistant.graph, cron.tenant)
        request = dict(cron.request)
        multitask, priority = request.pop("multitask_strategy", "enqueue"), request.pop("priority", 0)
        if cron.thread_id is None:
            request["on_completion"] = cron.on_run_completed or "delete"
            if multitask == "reject":
                await self._refuse_beside(cron, key)
        wanted = Wanted(
            assistant=cron.assistant_id,
            by=by,
            thread_id=cron.thread_id,
            request=request,
            metadata={**cron.metadata, "cron_id": cron.id},
            multitask=multitask,
            priority=priority,
            idempotency_key=key,
            meant={"cron": cron.id},  # it may have been changed since a process died over this
        )
        return (await self.put([wanted]))[0]

    async def _refuse_beside(self, cron: Cron, key: str) -> None:
        if self._store.run_of_key(key, cron.tenant) is not None:
            return  # it was started for this due time, and a process died over it
        # Of threads, because the run of an execution that waits for somebody is over.
        going_on = Search(
            tenant=cron.tenant, metadata={"cron_id": cron.id}, among={"status": ("busy", "interrupted")}, limit=1
        )
        for thread in await self._store.threads(going_on):
            raise ConflictError(
                f"Cron '{cron.id}' starts nothing beside thread '{shown_id(thread.id)}', which goes on.",
                hint="It tries again when it is next due. Without multitask_strategy 'reject' it starts one beside it.",
                code="cron_goes_on",
            )

    async def refuse_unfit(self, wanted: Wanted) -> None:
        """Refuse what a cron's runs would be refused for whenever they are due: an input that does not fit.

        Raises:
            InputError: as for a start.
        """
        assistant = await self._admission.assistants.get(wanted.assistant, wanted.by.tenant)
        version = version_of(assistant)
        served = await self._shelf.get(assistant.graph, wanted.by.tenant, version)
        with suppress(ConflictError, NotFoundError, NotAllowedError):  # by then it may be otherwise
            await served.admit(run_of(wanted, assistant, version, None, self._clock.now()), wanted.by)

    async def _ready(self, wanted: Wanted) -> _Ready:
        # As it was sent: what the application's own code makes of it may be another thing each time.
        wish = wanted.wish()
        wanted = await self._admission.admitted(wanted)
        by = wanted.by
        assistant = await self._admission.assistants.get(wanted.assistant, by.tenant)
        version = version_of(assistant)
        served = await self._shelf.get(assistant.graph, by.tenant, version)
        asked_for = served.fingerprint(wish) if wanted.idempotency_key is not None else None
        run = run_of(wanted, assistant, version, asked_for, self._clock.now())
        there = await self._admission.is_there(wanted)
        new = None if there else self._admission.threads.new(run.thread_id, run.tenant, wanted.metadata)
        answers = (run.request.get("command") or {}).get("resume") is not None
        if answers:
            by = replace(by, shown=self._shown.last(by, run.thread_id))
            # What the answer sets going begins at once, and may be over before the run is performed.
            since = self._store.newest_record(run.thread_id)
            run = replace(run, request={**run.request, SINCE: since})
        beside = [*await self._admit(served, run, by), *self._room(run)]
        run = replace(run, request=served.sealed(run.request))
        return _Ready(NewRun(run, new, beside, partial(_is_theirs, wanted.only)), by, answers)

    def _room(self, run: Run) -> Sequence[Beside]:
        return [self._store.room(run.tenant, self._most)] if self._most else []

    async def _admit(self, served: Served, run: Run, by: Caller) -> Sequence[Beside]:
        key = run.idempotency_key
        if key is None or self._store.run_of_key(key, run.tenant) is None:
            return await served.admit(run, by)
        return ()


def _is_theirs(only: Mapping[str, Any], thread: Thread) -> bool:
    return fits(thread.metadata, only)
