"""Event triggers: published workflows that events start (I16).

Events are looked at one after the other, in the order in which they were published, by whoever publishes them. The
tables say up to which; a crash in between looks at one again, and the start's idempotency key, which is made of the
event, keeps it from starting twice.
"""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager, suppress
from typing import Final

from graphs.errors import BatonError, ConflictError, InputError, NotFoundError, StoreError
from graphs.expressions import parse_template
from graphs.spec import Trigger
from graphs.steps import Logger
from orchestrator.engine import Orchestrator
from orchestrator.fingerprints import KEY_REUSED
from orchestrator.placed import Off, Placed, asked_for, placed_in
from orchestrator.quota import UNLIMITED, Quota, TooManyRunsError
from orchestrator.store.port import Execution
from orchestrator.store.triggers import KeptEvent, Triggering
from orchestrator.tenancy import STARTED_BY, TenantView
from orchestrator.whole import stopped

DEPTH: Final = "trigger_depth"
"""The key of an execution's metadata that says how many triggers in a row led to it."""

_DEEPEST: Final = 10
"""Workflows that start one another by events go on for ever otherwise."""

_BATCH: Final = 100
_ANYWAY: Final = 30.0
"""Seconds after which it looks though nobody has told it of an event."""

_NO_ROOM: Final = 5.0
"""Seconds after which it tries again what a tenant had no room for."""

_BROKEN: Final = 1.0
"""Seconds after a round that broke."""


class Triggers:
    """Starts workflows; one for each engine that drives. Use as `async with triggers.serving()`.

    Args:
        baton: Whose events and workflows.
        log: Where what could not be started is said.
        quota: How much of a tenant's there may be at once; what there is no room for is started when there is.
    """

    def __init__(self, baton: Orchestrator, log: Logger, quota: Quota = UNLIMITED) -> None:
        self._baton = baton
        self._quota = quota
        self._store = baton.store
        self._log = log

    @asynccontextmanager
    async def serving(self) -> AsyncIterator[None]:
        """Start what events ask for until the block ends, first what came while nobody was there."""
        task = asyncio.create_task(self._run(), name="triggers")
        try:
            yield
        finally:
            await stopped(task)

    async def _run(self) -> None:
        news = self._store.news = asyncio.Event()
        while True:
            news.clear()
            try:
                await self.once()
                pause = _ANYWAY if await self.again() else _NO_ROOM
            except Exception as error:  # noqa: BLE001 - the edge of a task: whatever broke a round, the next one is tried
                self._log.error("triggers.stuck", error=f"{type(error).__name__}: {error}")
                await self._baton.clock.sleep(pause := _BROKEN)
            with suppress(TimeoutError):
                await asyncio.wait_for(news.wait(), pause)

    async def once(self) -> None:
        """Look at every event that was not looked at yet."""
        while events := await self._store.untold_events(_BATCH):
            workflows = await self._store.triggering()
            off = await self._store.triggers_off()
            for event in events:
                taken = [await self._look(event, workflow, off) for workflow in workflows]
                await self._store.triggers_saw(event.seq, taken=any(taken))

    async def again(self) -> bool:
        """Start what there was no room for; whether all of it is started."""
        full: set[str] = set()
        for tenant, workflow, name, event in await self._store.unstarted(TooManyRunsError.code, _BATCH):
            if tenant in full:
                continue
            try:
                placed = await self.get(tenant, workflow, name)
                if placed.enabled:
                    await self.redrive(placed, event)
            except TooManyRunsError:
                full.add(tenant)
            except StoreError:
                raise
            except BatonError as error:
                await self._store.not_triggered(tenant, workflow, name, event, error)
        return not full

    async def _look(self, event: KeptEvent, workflow: Triggering, off: Off) -> bool:
        """Start what a workflow's triggers ask for; whether they started anything."""
        taken = False
        for placed in asked_for(workflow, off, event):
            try:
                taken = await self.fire(placed, event) is not None or taken
            except StoreError:
                raise
            except BatonError as error:
                self._log.error("trigger.failed", trigger=placed.trigger.called, **error.as_dict())
                await self._store.not_triggered(*placed.place, event.name, error)
        return taken

    async def fire(self, placed: Placed, event: KeptEvent) -> Execution | None:
        """Start the workflow for an event; None when the trigger's condition does not hold.

        Raises:
            BatonError: it cannot be started: the input does not fit, an expression cannot be evaluated.
        """
        trigger = placed.trigger
        cause = await self._cause(event)
        depth = _depth(cause)
        if not placed.holds(event):
            return None
        given = event.data if trigger.input is None else parse_template(trigger.input).render(*placed.scope(event))
        if depth > _DEEPEST:
            raise ConflictError(
                f"Event '{event.type}' comes from {_DEEPEST} workflows that started one another by events.",
                hint="Give the trigger a condition that ends the circle.",
                code="trigger_circle",
            )
        view = TenantView(self._baton, placed.tenant, _starter(event, cause, trigger), quota=self._quota)
        try:
            return await view.start(
                placed.workflow,
                given,
                version=placed.version,
                idempotency_key=f"trigger:{event.id}:{placed.workflow}:{trigger.called}",
                metadata={"trigger": trigger.called, "event_id": event.name, "event_type": event.type, DEPTH: depth},
            )
        except InputError as error:
            if error.code != KEY_REUSED:
                raise
            # The event has started it already; the definition was changed since, which is no mistake of anybody.
            return await view.get(str(error.details["execution_id"]))

    async def _cause(self, event: KeptEvent) -> Execution | None:
        """The execution that published it, if one has."""
        cause = await self._store.execution(event.source) if event.source is not None else None
        return cause if cause is not None and cause.tenant == event.tenant else None

    # -- for whoever looks after them ------------------------------------------------------------------------------

    async def list(self, tenant: str) -> Sequence[Placed]:
        """The triggers of a tenant's published workflows."""
        off = await self._store.triggers_off()
        return [placed for workflow in await self._store.triggering(tenant) for placed in placed_in(workflow, off)]

    async def get(self, tenant: str, workflow: str, name: str) -> Placed:
        """A trigger.

        Raises:
            NotFoundError: the workflow has none of that name, in the version that starts by name.
        """
        for placed in await self.list(tenant):
            if (placed.workflow, placed.trigger.called) == (workflow, name):
                return placed
        raise NotFoundError(
            f"Workflow '{workflow}' has no trigger '{name}'.",
            hint="List what there is: GET /v1/triggers.",
            code="trigger_not_found",
        )

    async def redrive(self, placed: Placed, event_id: str) -> Execution | None:
        """Start the workflow for an event after all.

        Raises:
            NotFoundError: the event is not kept (any more).
            BatonError: it still cannot be started.
        """
        event = self._store.event_of(event_id, placed.tenant)
        if event is None:
            raise NotFoundError(f"There is no event '{event_id}'.", code="event_not_found")
        started = await self.fire(placed, event)
        await self._store.triggered_after_all(*placed.place, event.name)
        return started


def _depth(cause: Execution | None) -> int:
    before = cause.metadata.get(DEPTH) if cause is not None else None
    # Whoever starts an execution says what its metadata are: less than none would let a circle go on.
    return max(before, 0) + 1 if isinstance(before, int) else 1


def _starter(event: KeptEvent, cause: Execution | None, trigger: Trigger) -> str:
    """Who is behind what an event starts: where duties are separate, they do not approve it."""
    person = event.source if cause is None else cause.metadata.get(STARTED_BY)
    return str(person or f"trigger:{trigger.called}")
