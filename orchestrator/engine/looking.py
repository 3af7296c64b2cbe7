"""Looking at executions: as they stand, as they go, until they end."""

from collections.abc import AsyncIterator, Collection, Iterable, Mapping, Sequence
from contextlib import AbstractContextManager
from datetime import datetime
from typing import Any, Literal

from agents.tools.mcp_connections import McpConnections, McpStatus
from graphs.errors import ConflictError
from graphs.state import ExecutionStatus, Result
from graphs.validation import Known
from orchestrator.brain.advice import Advice, advise, past_of_steps
from orchestrator.bus import DRIVE_FAILED, RESTED, Subscription, given_up
from orchestrator.engine.base import Base
from orchestrator.needs import known_of
from orchestrator.resources import for_tenant
from orchestrator.store.port import DEFAULT_TENANT, Execution, ExecutionFilter, OpenWait, Record
from orchestrator.time_travel.comparing import Side, compare
from orchestrator.usage import SPENDING, Usage, spent_in_all, usage_of


class Looking(Base):
    """Nothing here changes anything."""

    async def list(self, which: ExecutionFilter | None = None) -> Sequence[Execution]:
        """Executions, newest first."""
        return await self.store.executions(which or ExecutionFilter())

    async def wait(self, execution_id: str, until: Literal["end", "rest"] = "end") -> Execution:
        """Wait until an execution has ended, or (`rest`) until it ended or waits for the world outside.

        Raises:
            BatonError: this engine gave it up: it lacks what the execution needs, say, and leaves it for another.
            ConflictError: the engine is closed meanwhile.
        """
        with self._bus.subscribe(execution_id, kinds=STOPS) as stops:
            while True:
                if not self.driving(execution_id):
                    execution = await self.get(execution_id)
                    if execution.status.final or (until == "rest" and execution.status in _AT_REST):
                        return execution
                if (record := await stops.next()) is None:
                    raise ConflictError(
                        "the engine was closed while somebody waited for an execution.", code="engine_closed"
                    )
                if (failure := given_up(record)) is not None:
                    raise failure

    async def undriven(self, executions: Iterable[Execution]) -> Mapping[str, datetime]:
        """Of these, by id, what would go on if an engine drove the file: when it was last heard of.

        A process that is killed says nothing, and what others answer is kept until somebody drives. The next engine
        goes on with all of it.
        """
        unfinished = [one for one in executions if not one.status.final]
        if not unfinished or self.store.driven():
            return {}
        waiting = {one.id for one in unfinished if one.status in _AT_REST}
        now = self.clock.now()
        due = {wait.execution_id for wait in await self.store.waits() if wait.wait.due and wait.wait.due <= now}
        ready = {*await self.store.to_take_up(), *(due & waiting)}
        found = {}
        for one in unfinished:
            if one.id in ready:
                last = await self.store.last_record(one.id)
                times = (one.created_at, one.started_at, last.at if last is not None else None)
                found[one.id] = max(at for at in times if at is not None)
        return found

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

    async def left_standing(self, execution: Execution) -> Sequence[Mapping[str, Any]]:
        """What an execution that failed, was stopped or was undone did and is not undone: each with its `path`, the
        `reason` (`irreversible`, `not_undone`), the `idempotency_key` where that is known, and `outcome: unknown` where
        nobody knows whether it was done at all."""
        at_once = execution.compensation is None and not execution.generation
        if not execution.status.final or (execution.status is ExecutionStatus.COMPLETED and at_once):
            return []
        ends = (await self.store.records_of_kinds([execution.id], [*_LAST_RECORDS])).get(execution.id)
        return ends[-1].data.get("left_standing", ()) if ends else []

    async def compare(self, left: str, right: str) -> dict[str, Any]:
        """What differs between two executions: path, result, cost and time; see `orchestrator.time_travel.comparing`.

        Raises:
            NotFoundError: there is no such execution.
        """
        sides = [Side(await self.get(one), await self.results(one), await self.records(one)) for one in (left, right)]
        return compare(*sides)

    async def advice(self, name: str, *, version: str | None = None, tenant: str = DEFAULT_TENANT) -> Sequence[Advice]:
        """What the last executions of a published workflow say could be better about it (O16).

        Raises:
            NotFoundError: none of that name is published.
        """
        workflow = await self.catalogue.definition_of(name, version, tenant)
        past = past_of_steps(await self.store.steps_past(workflow.name, tenant))
        return advise(workflow, past, self.catalogue.library.step_types)

    async def usage(self, execution_id: str) -> Sequence[Usage]:
        """What its models have cost, by step, agent and model."""
        return usage_of(await self.records(execution_id))

    async def spent(self, execution_ids: Sequence[str]) -> Mapping[str, Usage]:
        """What the models of each have cost in all."""
        records = await self.store.records_of_kinds(execution_ids, SPENDING)
        return {each: spent_in_all(usage_of(records.get(each, ()))) for each in execution_ids}

    async def watch(self, execution_id: str | None = None) -> AsyncIterator[Record]:
        """Records as they happen in this process; of one execution until it ends, or of all."""
        with self._bus.subscribe(execution_id) as records:
            async for record in records:
                yield record
                if execution_id is not None and record.kind in _LAST_RECORDS:
                    return

    def listen(
        self, execution_id: str | None = None, *, kinds: Collection[str] | None = None, words: bool = False
    ) -> AbstractContextManager[Subscription]:
        """Like `watch`, listening from the moment the block is entered, and until it is left.

        Args:
            kinds: Of records; None for all.
            words: Let the execution's models tell what they say as they say it (`step.progress`).
        """
        return self._bus.subscribe(execution_id, kinds=kinds, words=words)

    @property
    def resources(self) -> Mapping[type, Any]:
        """What this engine's steps are given by type; nothing where it does not drive."""
        return self._driver.resources if self._driver is not None else {}

    def offers(self, tenant: str = DEFAULT_TENANT) -> Known:
        """What a tenant's steps may name here; nothing is known where it does not drive."""
        return known_of(for_tenant(self._driver.resources, tenant)) if self._driver is not None else Known()

    def mcp_servers(self) -> Sequence[McpStatus]:
        """How it stands with each MCP server; nothing is known where it does not drive."""
        connections = self.resources.get(McpConnections)
        return connections.statuses() if connections is not None else []

    async def waits(self, execution_id: str | None = None) -> Sequence[OpenWait]:
        """Open waits: approvals, awaited events, timers."""
        return await self.store.waits(execution_id)


_LAST_RECORDS = frozenset(f"execution.{status}" for status in ExecutionStatus if status.final)
STOPS = _LAST_RECORDS | {RESTED, DRIVE_FAILED}
"""Kinds of the records after which nothing happens for a while, or ever."""

_AT_REST = (ExecutionStatus.WAITING, ExecutionStatus.BUDGET_EXCEEDED, ExecutionStatus.PAUSED)
