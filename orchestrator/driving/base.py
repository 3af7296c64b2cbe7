"""What every chapter of a drive knows: the execution, its board and frame, the store."""

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from functools import cached_property
from math import inf
from typing import Any

from graphs.analysis import Past
from graphs.budget import Ledger
from graphs.clock import Alarm, Clock
from graphs.compile import CompiledGraph
from graphs.composites.subworkflow import root_plan
from graphs.flow import Board, Flow
from graphs.host import Facts
from graphs.lasting import Lasting
from graphs.planner import Conclusion, Halt
from graphs.policies.limits import Limit
from graphs.prepare import Library
from graphs.scope import Frame
from graphs.spec import Workflow
from graphs.state import Happened, Result
from graphs.steps import Answer, Logger
from orchestrator.driving.seats import Seat
from orchestrator.driving.together import Together
from orchestrator.driving.wall import WallAlarms
from orchestrator.driving.works import Works
from orchestrator.resources import for_tenant
from orchestrator.sealing import Sealer
from orchestrator.secrets import EngineSecrets
from orchestrator.store.port import Execution, Record
from orchestrator.time_travel.anew import is_inside
from orchestrator.time_travel.other_agents import instead
from orchestrator.time_travel.recorded import Recorded


class Base:
    """The execution that is driven, and the graph's view of it."""

    flow: Flow
    """Its live side; made by `Drive`, which is what the flow tells when nobody can go on."""

    def __init__(
        self, works: Works, execution: Execution, workflow: Workflow, sealer: Sealer, seat: Seat, *, new: bool
    ) -> None:
        self._works = works
        self._new = new
        self._seat = seat
        self._signal = execution.signal
        self._settling: asyncio.Future[None] | None = None
        self._lying_down = False
        self._stirs = 0
        self._compensating = False
        self._sealer = sealer
        self._task: asyncio.Task[Any] | None = None
        self._abort: BaseException | None = None
        self._answers: dict[str, Answer] = {}
        self._seeds: Mapping[str, Result] | None = None
        self._order: Mapping[str, int] | None = None
        self._tried: Mapping[str, Mapping[str, Any]] | None = None
        self._expected: dict[str, tuple[Flow, str, datetime | None, Alarm | None]] = {}
        self._starting: dict[str, Record | None] = {}
        self._late_starts: Alarm | None = None
        self._ledger = Ledger()
        self._ledger_read: asyncio.Future[None] | None = None
        self._over_budget: set[str] = set()
        self._together: Together | None = None
        self._stopped: set[str] = set()
        self._handed_on: dict[str, asyncio.Task[Any]] = {}
        self._limits: list[Alarm] = []
        self._reminders: dict[str, tuple[datetime, Alarm]] = {}
        self.wall = WallAlarms(works.clock)
        self._endings: list[asyncio.Future[None]] = []
        self._began = works.clock.monotonic()
        self._began_at = works.clock.now()
        self._idle_since: float | None = None
        self._idle_pause = 0.0
        self._idle_seconds = 0.0
        self._pauses: dict[str, datetime] = {}
        self._resources = for_tenant(works.resources, execution.tenant)
        self._places = Limit("execution", workflow.spec.config.max_parallel_steps)
        self._log = works.log.bind(
            execution_id=execution.id, workflow_id=workflow.name, run=execution.drives, tenant=execution.tenant
        )
        self.execution = execution
        self.workflow = workflow
        self.board = Board(root_plan(workflow, works.library))
        if execution.concluded is not None:
            self.board.concluded = Conclusion(*(execution.concluded[key] for key in Conclusion._fields))
        self.frame = self._frame()
        self.draining = False
        self.recording: Recorded | None = None
        self._request: Mapping[str, Any] | None = None
        self.stopped: Halt | None = None
        self.terminated: Halt | None = None
        self.deadline: datetime | None = None

    @property
    def active_seconds(self) -> float:
        """Seconds at work in all, waiting for the world outside left out."""
        idle = self._idle_seconds + self._idle_now
        return max(0.0, self.execution.active_seconds + self.clock.monotonic() - self._began - idle)

    @property
    def _idle_now(self) -> float:
        """Seconds since it has nothing to do but to wait; the pauses of steps between attempts are work."""
        if self._idle_since is None:
            return 0.0
        return max(0.0, self.clock.monotonic() - self._idle_since - self._idle_pause)

    def pauses_until(self, path: str) -> datetime | None:
        return max((until for pausing, until in self._pauses.items() if is_inside(pausing, path)), default=None)

    @property
    def _pauses_until(self) -> datetime | None:
        return self.pauses_until("")

    @property
    def facts(self) -> Facts:
        return self._facts

    @property
    def clock(self) -> Clock:
        return self._works.clock

    @property
    def log(self) -> Logger:
        return self._log

    @property
    def library(self) -> Library:
        return self._works.library

    @property
    def resources(self) -> Mapping[type, Any]:
        return self._resources

    def instead(self, path: str) -> Mapping[str, str]:
        changes = instead(self.execution.changes or {}, path)
        return changes if self.recording is None else {**changes, **self.recording.instead(path)}

    def edit(self, path: str) -> Mapping[str, Any]:
        found: Mapping[str, Any] = ((self.execution.changes or {}).get("inputs") or {}).get(path, {})
        return found

    @property
    def lasting(self) -> Lasting:
        return self._works.lasting

    @property
    def checkpoints(self) -> Any:
        return self._works.store.saver

    @property
    def graph(self) -> CompiledGraph:
        return self._works.graph

    def pinned(self, name: str, version: str | None) -> Workflow | None:
        digest = self.execution.pins.get(f"{name}@{version}" if version else name)
        return self.library.workflow(digest) if digest else None

    def workflows(self) -> Mapping[str, Workflow]:
        found = {name: self.library.workflow(digest) for name, digest in self.execution.pins.items()}
        return {name: workflow for name, workflow in found.items() if workflow is not None}

    async def past(self, workflow: Workflow) -> Past | None:
        return await self._works.pasts.of(workflow.name, self.execution.tenant)

    async def tracks(self) -> Mapping[str, Any]:
        return await self._works.pasts.tracks(self.execution.tenant)

    def _frame(self) -> Frame:
        execution, workflow = self.execution, self.workflow
        started_at = execution.started_at or execution.created_at
        self._facts = Facts(
            execution_id=execution.id,
            workflow=workflow.name,
            version=workflow.version,
            generation=execution.generation,
            started_at=started_at,
            user_context=execution.user_context,
            metadata=execution.metadata,
            partition_size=self._works.settings.partition_size,
            short_wait=self._works.settings.short_wait,
            max_result_bytes=self._works.settings.max_result_bytes,
            thread_grace=self._works.settings.thread_grace,
        )
        return Frame(
            plan=self.board.plan,
            results=self.board.results,
            input=self._sealer.open_input(execution.input),
            variables={**workflow.spec.variables, **execution.variables},
            execution={
                "id": execution.id,
                "workflow": workflow.name,
                "version": workflow.version,
                "tenant": execution.tenant,
                "started_at": started_at.isoformat(),
            },
            config=workflow.spec.config,
            environment=self._works.environment,
            secrets=self._resources[EngineSecrets].values,
            user_context=execution.user_context,
            metadata=execution.metadata,
            budgets={"": budget} if (budget := workflow.spec.config.budget) is not None else {},
            begun=started_at,
            workflow=workflow,
        )

    def _record(self, kind: str, path: str | None, data: Mapping[str, Any]) -> Record:
        generation = self._facts.generation_at(path or "")
        return Record(self.execution.id, kind, self.clock.now(), path, generation, data)

    async def results(self, prefix: str) -> Mapping[str, Result]:
        return await self._works.store.results(self.execution.id, prefix)

    async def _count_rewinds(self) -> None:
        """Before anything is done: what it is done under may hang on that."""
        if not self._new:
            gone_back = await self._works.store.rewinds(self.execution.id)
            self._facts = replace(self._facts, gone_back=gone_back)

    async def seeds(self) -> Mapping[str, Result]:
        if self._seeds is None:
            self._seeds = {} if self._new else await self.results("")
        return self._seeds

    @cached_property
    def broke_off(self) -> bool:
        return not self._new and self._works.store.broke_off(self.execution.id)

    def place(self, path: str) -> float:
        if self._order is None:
            self._order = {kept: place for place, kept in enumerate(self._seeds or ())}
        return self._order.get(path, inf)

    async def history(self) -> Sequence[Happened]:
        return await self._works.store.history(self.execution.id)

    async def emit_event(
        self,
        event_type: str,
        data: Any = None,
        *,
        key: str | None = None,
        id: str | None = None,  # noqa: A002 - the event's own word
    ) -> None:
        own = {"source": self.execution.id, "tenant": self.execution.tenant}
        await self._works.emit_event(event_type, data, key=key, id=id, **own)

    def seal(self, value: Any) -> Any:
        return self._sealer.seal(value)

    def unseal(self, value: Any) -> Any:
        return self._sealer.unseal(value)
