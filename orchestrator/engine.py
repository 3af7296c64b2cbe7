"""`Orchestrator`: start workflows, answer them, look at them, stop them. The face of the engine.

    async with Orchestrator.open(Settings(database=Path("baton.db"))) as baton:
        execution = await baton.start(workflow, {"amount": 12})
        execution = await baton.wait(execution.id)

Every call that changes something is durable when it returns.
"""

from collections.abc import AsyncIterator, Iterable, Mapping, Sequence
from contextlib import AbstractContextManager, AsyncExitStack, asynccontextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any, Literal

from graphs.clock import Clock, SystemClock
from graphs.errors import ConflictError, InputError, NotFoundError
from graphs.spec import Workflow
from graphs.state import ExecutionStatus, Result
from graphs.steps import StepTypes
from graphs.values import json_value
from orchestrator.approvals.inbox import Inbox
from orchestrator.approvals.rules import Given
from orchestrator.approvals.values import Decision, Person
from orchestrator.bus import RESTED, Bus, Subscription
from orchestrator.catalogue import Catalogue
from orchestrator.driver import Driver
from orchestrator.parts import assemble
from orchestrator.redo import fork_start, rewound
from orchestrator.settings import Settings
from orchestrator.starting import Start, new_execution, pin
from orchestrator.store.dead_letters import no_letter
from orchestrator.store.port import (
    DEFAULT_TENANT,
    TIMEOUT_BY,
    DeadLetter,
    Execution,
    ExecutionFilter,
    KeptBreaker,
    OpenWait,
    PublishedEvent,
    Record,
)
from orchestrator.store.sqlite import SqliteStore
from orchestrator.usage import Usage, usage_of


class Orchestrator:
    """Made by `open`."""

    def __init__(self, store: SqliteStore, catalogue: Catalogue, driver: Driver | None, bus: Bus, clock: Clock) -> None:
        self.store = store
        self.catalogue = catalogue
        self.clock = clock
        self.inbox = Inbox(store, clock.now, self._driver_hears)
        self._driver = driver
        self._bus = bus

    @classmethod
    @asynccontextmanager
    async def open(
        cls,
        settings: Settings | None = None,
        *,
        resources: Iterable[Any] = (),
        hooks: Iterable[Any] = (),
        workflows: Iterable[Workflow] = (),
        step_types: StepTypes | None = None,
        clock: Clock | None = None,
        drive: bool = True,
    ) -> AsyncIterator["Orchestrator"]:
        """Open the engine on a database; on leaving, running steps get `settings.grace` seconds to finish.

        Args:
            settings: How to run; without them, the environment's.
            resources: Values that steps ask for by type: services, functions, tools, agents, models.
            hooks: Objects with `on_step_start` or `on_step_complete`.
            workflows: Workflows that hold Python callables and may be resumed; others are read from the database.
            step_types: Without them, all that installed packages offer.
            clock: Without it, the machine's.
            drive: False to look, answer and cancel only, while another process drives the file.

        Raises:
            EngineBusyError: another process drives this file.
            StoreError: the file cannot be opened.
        """
        clock = clock or SystemClock()
        async with AsyncExitStack() as stack:
            parts = await assemble(
                stack,
                settings or Settings(),
                resources=resources,
                hooks=hooks,
                workflows=workflows,
                step_types=step_types,
                clock=clock,
                drive=drive,
            )
            baton = cls(parts.store, parts.catalogue, parts.driver, parts.bus, clock)
            if parts.driver is not None:
                await stack.enter_async_context(parts.driver.serving())
            yield baton

    # -- starting, waiting, looking ----------------------------------------------------------------------------

    async def start(
        self,
        workflow: Workflow | str,
        input: Any = None,  # noqa: A002 - the word of the language
        *,
        version: str | None = None,
        execution_id: str | None = None,
        idempotency_key: str | None = None,
        metadata: Mapping[str, Any] | None = None,
        user_context: Mapping[str, Any] | None = None,
        variables: Mapping[str, Any] | None = None,
        priority: int = 0,
        tenant: str = DEFAULT_TENANT,
    ) -> Execution:
        """Start a workflow, given as it is or by the name it is published under.

        Raises:
            NotFoundError: no such workflow is published.
            InputError: the input does not fit its schema.
            ConflictError: the execution id is taken.
        """
        start = Start(
            execution_id=execution_id,
            idempotency_key=idempotency_key,
            metadata=metadata or {},
            user_context=user_context or {},
            variables=variables or {},
            priority=priority,
            tenant=tenant,
        )
        definition = await self.catalogue.definition_of(workflow, version, tenant)
        return await self._create(definition, input, start)

    async def _create(self, workflow: Workflow, given: Any, start: Start, **fork: Any) -> Execution:
        pins = await pin(workflow, self.catalogue.find, start.tenant)
        execution, secrets = new_execution(workflow, given, start, pins, self.clock, self.catalogue.cipher)
        # With the same id and the same key, what comes back may be an older execution: that is not begun again.
        known = start.execution_id is not None and await self.store.execution(start.execution_id) is not None
        at_once = not fork and self._driver is not None and self._driver.has_room
        created = await self.store.create(execution, secrets, taken_up=at_once, **fork)
        if created.id == execution.id and not known:
            self._driver_takes(created.id, "start", new=created if at_once else None)
        return created

    def _driver_takes(self, execution_id: str, reason: str, *, new: Execution | None = None) -> None:
        if self._driver is not None:
            self._driver.take(execution_id, reason, new=new)

    async def get(self, execution_id: str) -> Execution:
        """An execution as it stands.

        Raises:
            NotFoundError: there is none of that id.
        """
        execution = await self.store.execution(execution_id)
        if execution is None:
            raise no_such_execution(execution_id)
        return execution

    async def list(self, which: ExecutionFilter | None = None) -> Sequence[Execution]:
        """Executions, newest first."""
        return await self.store.executions(which or ExecutionFilter())

    async def wait(self, execution_id: str, until: Literal["end", "rest"] = "end") -> Execution:
        """Wait until an execution has ended, or (`rest`) until it ended or waits for the world outside."""
        with self._bus.subscribe(execution_id, kinds=_STOPS) as stops:
            while True:
                if not self.driving(execution_id):
                    execution = await self.get(execution_id)
                    if execution.status.final or (until == "rest" and execution.status in _AT_REST):
                        return execution
                if await stops.next() is None:
                    raise ConflictError(
                        "the engine was closed while somebody waited for an execution.", code="engine_closed"
                    )

    def driving(self, execution_id: str) -> bool:
        """Whether this process is carrying the execution out at this moment."""
        return self._driver is not None and self._driver.driving(execution_id)

    async def results(self, execution_id: str, prefix: str = "") -> Mapping[str, Result]:
        """Results of settled steps by path, in the order in which they were committed."""
        return await self.store.results(execution_id, prefix)

    async def records(self, execution_id: str, *, after: int = 0) -> Sequence[Record]:
        """The history of an execution."""
        await self.get(execution_id)
        return await self.store.records(execution_id, after=after)

    async def usage(self, execution_id: str) -> Sequence[Usage]:
        """What its models have cost, by step, agent and model."""
        return usage_of(await self.records(execution_id))

    async def watch(self, execution_id: str | None = None) -> AsyncIterator[Record]:
        """Records as they happen in this process; of one execution until it ends, or of all."""
        with self._bus.subscribe(execution_id) as records:
            async for record in records:
                yield record
                if execution_id is not None and record.kind in _LAST_RECORDS:
                    return

    def listen(self, execution_id: str | None = None) -> AbstractContextManager[Subscription]:
        """Like `watch`, listening from the moment the block is entered, and until it is left."""
        return self._bus.subscribe(execution_id)

    async def waits(self, execution_id: str | None = None) -> Sequence[OpenWait]:
        """Open waits: approvals, awaited events, timers."""
        return await self.store.waits(execution_id)

    # -- answering ---------------------------------------------------------------------------------------------

    async def decide(
        self,
        execution_id: str,
        path: str,
        decision: Decision,
        *,
        by: str | None = None,
        reason: str | None = None,
        data: Any = None,
    ) -> OpenWait:
        """Decide an approval. The first decision wins; where several are needed, it is one of them.

        Whoever calls this is trusted to say who decides; `inbox` checks whether they may.

        Raises:
            NotFoundError: there is no such approval.
            ConflictError: it is decided or over; the message names who won.
            InputError: it does not allow this decision, or the edited value does not fit its schema.
        """
        given = Given(decision=decision, data=data, reason=reason)
        try:
            return await self.inbox.decide(execution_id, path, Person(by), given)
        except NotFoundError:
            await self.get(execution_id)  # when it is the execution that is not there, that is what to say
            raise

    def _driver_hears(self, answered: OpenWait) -> None:
        if self._driver is not None:
            self._driver.answered(answered)

    async def publish_event(
        self,
        type: str,  # noqa: A002 - the word of the language
        data: Any = None,
        *,
        key: str | None = None,
        id: str | None = None,  # noqa: A002 - the event's own word
        source: str | None = None,
        tenant: str | None = None,
    ) -> PublishedEvent:
        """Publish an event: every open wait it matches is answered; it is kept for waits that come later (X07).

        Args:
            key: What it is about; the same type and key again changes nothing. Waits may ask for it.
            id: Another name by which it is known when it comes again.
            source: Who says so.
            tenant: Whose executions it may answer; without one, everybody's.

        Raises:
            InputError: one of its names is empty.
        """
        if not type.strip() or "" in (key, id):
            what = "type" if not type.strip() else "key" if key == "" else "id"
            raise InputError(f"The event's {what} is empty.", hint="Give it a name.", code="event_invalid")
        event = await self.store.publish_event(type, json_value(data), key=key, source=source, id=id, tenant=tenant)
        if self._driver is not None:
            await self._driver.event_matched(event.matched)
        return event

    # -- stopping, going on, going back ------------------------------------------------------------------------

    async def cancel(
        self,
        execution_id: str,
        *,
        by: str | None = None,
        reason: str | None = None,
        compensate: bool | None = None,
    ) -> Execution:
        """Ask an execution to end: what runs is stopped, `finally` steps run. While it is being undone, this stops
        the undoing.

        Args:
            compensate: Undo what was done, or do not; None: as `config.compensate_on_cancel` says.

        Raises:
            NotFoundError, ConflictError: there is none, it has ended, or somebody else's asking came first (its time
                limit's too); the error names who.
        """
        return await self._end(execution_id, by, reason, compensate=compensate)

    async def terminate(self, execution_id: str, *, by: str | None = None, reason: str | None = None) -> Execution:
        """End an execution at once: nothing is undone, and no `finally` step runs. It is heard after a cancel too.

        Raises:
            NotFoundError, ConflictError: as for `cancel`.
        """
        return await self._end(execution_id, by, reason, terminate=True)

    async def pause(self, execution_id: str, *, by: str | None = None, reason: str | None = None) -> Execution:
        """Hold an execution: nothing new starts, what runs may finish; answers are kept until it goes on.

        Raises:
            NotFoundError, ConflictError: there is none, it has ended, or it is ending.
        """
        execution = await self.store.request_pause(execution_id, by=by, reason=reason)
        if self._driver is not None:
            self._driver.paused(execution_id)
        return execution

    async def continue_(self, execution_id: str) -> Execution:
        """Let a paused execution go on.

        Raises:
            NotFoundError, ConflictError: there is none, or nobody has paused it.
        """
        execution = await self.store.request_go_on(execution_id)
        self._driver_takes(execution_id, "resume")
        return execution

    # -- dead letters ------------------------------------------------------------------------------------------

    async def dead_letters(
        self, *, status: str | None = "open", execution_id: str | None = None, limit: int = 1000
    ) -> Sequence[DeadLetter]:
        """What failed for good and needs a person, newest first; without a status, what is closed too."""
        return await self.store.dead_letters(status=status, execution_id=execution_id, limit=limit)

    async def dead_letter(self, letter_id: int) -> DeadLetter:
        """One of them.

        Raises:
            NotFoundError: there is none of that number.
        """
        letter = await self.store.dead_letter(letter_id)
        if letter is None:
            raise no_letter(letter_id)
        return letter

    async def redrive(self, letter_ids: Sequence[int], *, by: str | None = None) -> Sequence[str]:
        """Try again what dead letters are about; what else was done or undone is not done again.

        Returns:
            Ids of the executions that go on.

        Raises:
            NotFoundError, ConflictError: there is none, it is closed, or its execution has not ended.
        """
        redriven = await self.store.redrive(letter_ids, by=by)
        for execution_id in redriven:
            self._driver_takes(execution_id, "redrive")
        return redriven

    async def discard(
        self, letter_ids: Sequence[int], *, by: str | None = None, note: str | None = None
    ) -> Sequence[DeadLetter]:
        """Close dead letters for good: somebody saw to it.

        Raises:
            NotFoundError, ConflictError: there is none, or it is closed.
        """
        return await self.store.discard(letter_ids, by=by, note=note)

    # -- how executions end ------------------------------------------------------------------------------------

    async def _end(self, execution_id: str, by: str | None, reason: str | None, **how: Any) -> Execution:
        execution = await self.store.request_cancel(execution_id, by=by, reason=reason, **how)
        if self._driver is not None:
            self._driver.cancelled(execution)
        request = execution.cancel_requested
        asked = {"by": by, "reason": reason, **how}
        if request is not None and all(request.get(key) == value for key, value in asked.items()):
            return execution
        raise ending_already(execution)

    async def resume(self, execution_id: str) -> Execution:
        """Take an execution up that was left queued, interrupted or resting."""
        execution = await self.get(execution_id)
        if execution.status.final:
            raise ConflictError(
                f"Execution '{execution_id}' has ended ({execution.status}); there is nothing to resume.",
                hint=f"To go on from one of its steps: baton retry {execution_id} --from STEP.",
                code="execution_ended",
            )
        if execution.pause_requested is not None:
            raise ConflictError(
                f"Execution '{execution_id}' is paused.",
                hint=f"To let it go on: baton continue {execution_id}.",
                code="execution_paused",
            )
        self._driver_takes(execution_id, "resume")
        return execution

    async def retry(
        self,
        execution_id: str,
        *,
        from_step: str | None = None,
        again: bool = False,
        newest: bool = False,
    ) -> Execution:
        """Go on in the same execution from a step: its result and everything downstream of it is made anew.

        Args:
            from_step: A path; without it, every step that failed.
            again: Effects should happen again: a new generation of idempotency keys.
            newest: On the newest published definition instead of the pinned one.
        """
        if self._driver is not None:
            await self._driver.put_away(execution_id)
        execution = await self.get(execution_id)
        workflow = await self.catalogue.definition_for_retry(execution, newest=newest)
        pins = await pin(workflow, self.catalogue.find, execution.tenant) if newest else execution.pins
        await rewound(self.store, self.catalogue.library, execution, workflow, from_step, again=again, pins=pins)
        self._driver_takes(execution_id, "retry")
        return await self.get(execution_id)

    async def fork(
        self,
        execution_id: str,
        at: str,
        *,
        edit: Mapping[str, Any] | None = None,
        newest: bool = False,
        metadata: Mapping[str, Any] | None = None,
    ) -> Execution:
        """Start a new execution with this one's results up to a step, and another input.

        Args:
            at: The path of the first step that is made anew.
            edit: Changes to the input, merged into it key by key.
            metadata: The same for its metadata.
        """
        execution = await self.get(execution_id)
        workflow = await self.catalogue.definition_for_retry(execution, newest=newest)
        return await fork_start(self, execution, workflow, at, edit or {}, self._create, metadata=metadata or {})

    # -- breakers ----------------------------------------------------------------------------------------------

    async def breakers(self) -> Sequence[KeptBreaker]:
        """Every circuit breaker that has ever counted a failure, by name."""
        return await self.store.breakers()

    async def reset_breaker(self, name: str) -> KeptBreaker:
        """Close a circuit breaker: what it guards is well again. Every step that waits for it goes on.

        Raises:
            NotFoundError: it has never counted a failure; the message names those that have.
        """
        reset = await self.store.reset_breaker(name)
        if self._driver is not None:
            await self._driver.breaker_reset(name)
        return reset

    # -- the file ----------------------------------------------------------------------------------------------

    async def publish(self, workflow: Workflow, *, by: str | None = None) -> Any:
        """Add a workflow's version to the catalogue."""
        return await self.catalogue.publish(workflow, by=by)

    async def prune(self, older_than: timedelta, *, keep: Sequence[ExecutionStatus] = (), dry_run: bool = False) -> int:
        """Delete executions that ended longer ago than that; gives how many."""
        return await self.store.prune(before=self.clock.now() - older_than, keep=keep, dry_run=dry_run)

    async def backup(self, target: Path) -> None:
        """Copy the live database safely."""
        await self.store.backup(target)

    async def drain(self) -> None:
        """Stop taking work up; what runs may finish within the grace time."""
        if self._driver is not None:
            await self._driver.drain()


_LAST_RECORDS = frozenset(f"execution.{status}" for status in ExecutionStatus if status.final)
_STOPS = _LAST_RECORDS | {RESTED}
_AT_REST = (ExecutionStatus.WAITING, ExecutionStatus.BUDGET_EXCEEDED, ExecutionStatus.PAUSED)


def no_such_execution(execution_id: str) -> NotFoundError:
    """The error for an id that names nothing."""
    return NotFoundError(
        f"There is no execution '{execution_id}'.", hint="List what there is: baton list.", code="execution_not_found"
    )


def ending_already(execution: Execution) -> ConflictError:
    """The error for who asks for an end that somebody else has asked for, or that has come by itself."""
    request = execution.cancel_requested
    if request is None:
        status = (execution.concluded or {}).get("status", execution.status)
        return ConflictError(
            f"Execution '{execution.id}' is ending already: it has {status.replace('_', ' ')}.",
            code="ending_already",
            execution_id=execution.id,
        )
    who = "its time limit" if request["by"] == TIMEOUT_BY else request["by"] or "somebody"
    return ConflictError(
        f"Execution '{execution.id}' is ending already: {who} asked for that at {request['at']}.",
        hint=f"To end it at once, without undoing anything: baton terminate {execution.id}.",
        code="ending_already",
        execution_id=execution.id,
        by=request["by"],
        at=request["at"],
    )
