"""What every chapter of a drive knows: the execution, its board and frame, the store."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from functools import cached_property
from math import inf
from typing import Any

from graphs.analysis import Past
from graphs.clock import Clock
from graphs.compile import CompiledGraph
from graphs.composites.subworkflow import root_plan
from graphs.flow import Board, Flow
from graphs.host import Facts
from graphs.lasting import Lasting
from graphs.planner import Conclusion
from graphs.prepare import Library
from graphs.scope import Frame
from graphs.spec import Workflow
from graphs.state import Happened, Result
from graphs.steps import Logger
from orchestrator.driving.taken import Taken
from orchestrator.driving.working_time import WorkingTime
from orchestrator.resources import for_tenant
from orchestrator.secrets import EngineSecrets
from orchestrator.store.port import Record
from orchestrator.time_travel.other_agents import instead
from orchestrator.time_travel.recorded import Recorded


class Base:
    """The execution that is driven, and the graph's view of it."""

    flow: Flow
    """Its live side; made by `Drive`, which is what the flow tells when nobody can go on."""

    def __init__(self, taken: Taken) -> None:
        works, execution, workflow = taken.works, taken.execution, taken.workflow
        self._works = works
        self._new = taken.new
        self._sealer = taken.sealer
        self._resources = for_tenant(works.resources, execution.tenant)
        self._log = works.log.bind(
            execution_id=execution.id, workflow_id=workflow.name, run=execution.drives, tenant=execution.tenant
        )
        self._began_at = works.clock.now()
        self._working = WorkingTime(works.clock, execution.active_seconds)
        self._seeds: Mapping[str, Result] | None = None
        self._order: Mapping[str, int] | None = None
        self.execution = execution
        self.workflow = workflow
        self.board = Board(root_plan(workflow, works.library))
        if execution.concluded is not None:
            self.board.concluded = Conclusion(*(execution.concluded[key] for key in Conclusion._fields))
        self.frame = self._frame()
        self.recording: Recorded | None = None

    @property
    def active_seconds(self) -> float:
        """Seconds at work in all, waiting for the world outside left out."""
        return self._working.seconds

    def pauses_until(self, path: str) -> datetime | None:
        return self._working.pauses_until(path)

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
