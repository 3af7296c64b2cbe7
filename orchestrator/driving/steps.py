"""Steps at work: their places, starts and ends, effects and costs."""

import asyncio
from collections.abc import Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from datetime import timedelta
from typing import Any

from graphs.analysis import PLANNED
from graphs.budget import Ledger
from graphs.clock import Alarm
from graphs.flow import Flow
from graphs.policies.limits import Limit
from graphs.state import Result
from orchestrator.breakers import Guarded
from orchestrator.driving.aftermath import alert
from orchestrator.driving.base import Base
from orchestrator.driving.taken import Taken
from orchestrator.store.port import Record

_LATE_START = 0.2
"""Seconds (up to twice that) after which a step still at work gets a record of its start, for other processes."""


class Steps(Base):
    """The chapter on steps."""

    def __init__(self, taken: Taken) -> None:
        super().__init__(taken)
        self._places = Limit("execution", taken.workflow.spec.config.max_parallel_steps)
        self._starting: dict[str, Record | None] = {}
        self._late_starts: Alarm | None = None
        self._tried: Mapping[str, Mapping[str, Any]] | None = None
        self._ledger = Ledger()
        self._ledger_read: asyncio.Future[None] | None = None

    def slot(self, own: str | None, named: Sequence[str], path: str, flow: Flow) -> AbstractAsyncContextManager[float]:
        works = self._works
        limits = [*flow.places(), self._places, works.places.engine]
        if own is None and not named:
            return works.places.place(limits, self.execution.id, path, self._queues)
        limits += works.limits.of([*named, own] if own is not None else named)
        place = works.places.place(limits, self.execution.id, path, self._queues)
        guards = works.breakers.guards(own, named)
        return Guarded(guards, f"{self.execution.id}:{path}", place) if guards else place

    def _queues(self, path: str, limit: Limit) -> None:
        if limit.named:  # inside its own limits, a large plan always queues: that is no news
            self.note("step.queued", path, {"limit": limit.name}, keep=True)

    def refuses(self, name: str) -> bool:
        return self._works.breakers.refuses(name)

    def started(self, path: str, attempt: int, names: Any) -> None:
        if (record := self._tell_start(path, attempt, names)) is None:
            return
        self._starting[path] = record
        if self._late_starts is None:
            self._late_starts = self.clock.call_later(_LATE_START, self._keep_late_starts)

    def _tell_start(self, path: str, attempt: int, names: Any) -> Record | None:
        """Tell whoever listens, once; the record, unless that was done before."""
        if path in self._starting:
            return None
        record = self._record("step.started", path, {"attempt": attempt})
        self._works.publish([record])
        self._works.hooks.step_started(self._log, path, attempt, names)
        self._starting[path] = None
        return record

    def _keep_late_starts(self) -> None:
        self._late_starts = None
        due, young = self.clock.now() - timedelta(seconds=_LATE_START), False
        for path, record in self._starting.items():
            if record is None:
                continue
            if record.at > due:
                young = True
                continue
            self._works.store.append(record)
            self._starting[path] = None
        if young:
            self._late_starts = self.clock.call_later(_LATE_START, self._keep_late_starts)

    def settled(self, path: str, result: Result) -> None:
        self._starting.pop(path, None)
        self._works.hooks.step_completed(self._log, path, result)

    def note(self, kind: str, path: str, data: Mapping[str, Any], *, keep: bool = False) -> None:
        record = self._record(kind, path or None, data)
        if kind == PLANNED:
            self._works.hooks.planned(self.workflow.name, data)
        if not self._ledger.take(kind, path, data):
            return  # all who waited for a larger budget tell that it was raised
        if keep:
            self._works.store.append(record)
        else:
            self._works.publish([record])

    async def keep(self, kind: str, path: str, data: Mapping[str, Any]) -> None:
        self._ledger.take(kind, path, data)  # at once: who asks meanwhile must not be allowed the same again
        await self._works.store.keep(self._record(kind, path, data))

    def heard(self) -> bool:
        return self._works.follows_words(self.execution.id)

    async def tried(self, path: str) -> Mapping[str, Any] | None:
        if self._tried is None:
            self._tried = {} if self._new else await self._works.store.tried(self.execution.id)
        return self._tried.get(path)

    async def worked(self, path: str) -> Mapping[str, Any] | None:
        return None if self._new else await self._works.store.worked(self.execution.id, path)

    async def effect(self, path: str, effect: Mapping[str, Any]) -> None:
        await self.keep("step.effect", path, self._sealer.seal(effect))

    async def came_late(self, path: str, said: Mapping[str, Any]) -> None:
        await self.keep("step.came_late", path, said)
        execution = await self._works.store.execution(self.execution.id)
        if execution is None or not execution.status.final or said["outcome"] != "returned":
            return
        error = {
            "code": "came_late",
            "message": f"step '{path}' came back when its execution had ended: what it did stands.",
            "step": path,
        }
        await self._works.store.keep(
            alert(execution, "warning", execution.status, error, self.clock.now(), escalated=False)
        )

    async def ledger(self) -> Ledger:
        if self._ledger_read is None:
            # It hears what is noted, and reads what was kept: a fact counts once.
            self._ledger_read = asyncio.ensure_future(self._read_ledger(self._ledger))
        await asyncio.shield(self._ledger_read)
        return self._ledger

    async def _read_ledger(self, ledger: Ledger) -> None:
        await self._works.store.barrier()
        for record in await self._works.store.records(self.execution.id):
            ledger.take(record.kind, record.path or "", record.data)
        ledger.lose()  # what others held; of this process nobody holds anything before there is a ledger
