"""One drive: an execution taken up, carried as far as it goes, and left ended, resting or drained.

The drive is the `Host` that the graph's nodes talk to. It owns nothing that must survive: whatever it knows that
matters is in the tables, and another process may take the execution up from there.
"""

import asyncio
from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any, Literal

from langchain_core.runnables import RunnableConfig
from langgraph.errors import GraphInterrupt

from graphs.budget import Ledger
from graphs.clock import Alarm, Clock
from graphs.compile import FOREVER, CompiledGraph
from graphs.composites.subworkflow import root_plan
from graphs.errors import ConflictError, StepCancelledError
from graphs.expressions import EvaluationContext
from graphs.flow import Board, Flow, Woken, deadlock, not_begun
from graphs.graph_state import EnterpriseWorkflowState
from graphs.host import Facts, missing, run_graph
from graphs.nodes.perform import PlanContext
from graphs.outcome import workflow_output
from graphs.planner import Conclusion, Halt
from graphs.policies import as_step_error
from graphs.policies.limits import Limit
from graphs.policies.named import NamedLimits
from graphs.prepare import Library
from graphs.scope import Frame
from graphs.spec import Budget, Config, Workflow
from graphs.state import FINALLY, ExecutionStatus, Happened, Result
from graphs.steps import Answer, Logger, Wait
from graphs.undo import COMPENSATION, compensations
from orchestrator.breakers import Breakers, Guarded
from orchestrator.hooks import Hooks
from orchestrator.places import Places
from orchestrator.sealing import Sealer
from orchestrator.seats import Seat
from orchestrator.settings import Settings
from orchestrator.store.port import TIMEOUT_BY, DeadLetter, Execution, OpenWait, Record
from orchestrator.store.sqlite import SqliteStore

Left = Literal["ended", "resting", "stirred", "drained", "paused"]
"""How a drive was left; `stirred`: something was stored between the last look and parking."""
_LAST_PLANS: Mapping[str, Literal["compensation", "finally"]] = {COMPENSATION: "compensation", FINALLY: "finally"}
_SOON = 0.001
"""Seconds that do not count: a clock may ring that much early."""

_LATE_START = 0.2
"""Seconds (up to twice that) after which a step still at work gets a record of its start, for other processes."""


@dataclass(frozen=True, slots=True)
class Works:
    """What all drives of an engine share."""

    store: SqliteStore
    clock: Clock
    graph: CompiledGraph
    library: Library
    resources: Mapping[type, Any]
    settings: Settings
    hooks: Hooks
    log: Logger
    publish: Callable[[list[Record]], None]
    emit_event: Callable[..., Awaitable[Any]]
    places: Places
    limits: NamedLimits
    breakers: Breakers
    environment: Mapping[str, str]


class Drive:
    """Drives one execution once. Use `run`; everything else is for the graph's nodes and for the engine."""

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
        self._tried: Mapping[str, Mapping[str, Any]] | None = None
        self._expected: dict[str, tuple[Flow, str, datetime | None, Alarm | None]] = {}
        self._starting: dict[str, Record | None] = {}
        self._late_starts: Alarm | None = None
        self._ledger: Ledger | None = None
        self._ledger_read: asyncio.Future[None] | None = None
        self._over_budget: set[str] = set()
        self._limits: list[Alarm] = []
        self._reminders: list[datetime] = []
        self._endings: list[asyncio.Future[None]] = []
        self._began = works.clock.monotonic()
        self._began_at = works.clock.now()
        self._idle_since: float | None = None
        self._idle_seconds = 0.0
        self._places = Limit("execution", workflow.spec.config.max_parallel_steps)
        self._log = works.log.bind(
            execution_id=execution.id, workflow_id=workflow.name, run=execution.drives, tenant=execution.tenant
        )
        self.execution = execution
        self.workflow = workflow
        self.board = Board(root_plan(workflow, works.library))
        if execution.concluded is not None:
            self.board.concluded = Conclusion(*(execution.concluded[key] for key in Conclusion._fields))
        self.flow = Flow(self.board, self, path="", generation=execution.generation)
        self.frame = self._frame()
        self.draining = False
        self._request: Mapping[str, Any] | None = None
        self.stopped: Halt | None = None
        self.terminated: Halt | None = None
        self.deadline: datetime | None = None

    # -- the drive itself --------------------------------------------------------------------------------------

    async def run(self) -> Left:
        """Carry the execution as far as it goes.

        Raises:
            StoreError: something could not be kept or read; the execution can be taken up again.
            EngineError: the engine's rules were broken.
        """
        self._task = asyncio.current_task()
        try:
            await self._carry_out()
        except asyncio.CancelledError:
            if self._abort is None:
                if self.draining:  # cut at the end of the grace time: its steps run again
                    await self._rest()
                raise
            self._task and self._task.uncancel()
            raise self._abort from None
        finally:
            if self._settling is not None:
                self._settling.cancel()
            for alarm in (*self._limits, self._late_starts):
                if alarm is not None:
                    alarm.cancel()
        if missing := self.flow.unsettled() or self.board.remaining():
            if not self.flow.closing:
                raise not_begun(missing, len(self.flow.dispatched))
            return await self._rest()
        return await self._finish()

    async def _carry_out(self) -> None:
        saver, thread = self._works.store.saver, self.execution.id
        saved = None if self._new else await saver.saved(thread, "")
        plan = self.board.plan.steps
        seeds = await self.seeds() if saved is None or missing(saved, plan) else {}
        kept = {name: seeds[name] for name in plan if name in seeds}
        if saved is not None:
            self.board.prime({**kept, **saved.results})
            self.flow.dispatch(saved.dispatched, fresh=False)
        else:
            self.board.prime(kept)
            saver.expect_new(thread, "")
        await self._watch_limits()
        saver.listen(thread, "", self.flow)
        name = f"{self.workflow.name}@{self.workflow.version}"
        given: EnterpriseWorkflowState = {"workflow_id": name, "digest": self.workflow.digest, "path": ""}
        config: RunnableConfig = {"configurable": {"thread_id": thread}, "recursion_limit": FOREVER}
        try:
            context = PlanContext(self, self.flow, self.frame)
            await run_graph(self._works.graph, None if saved else given, config, context)
        except GraphInterrupt:
            pass  # parked
        finally:
            saver.forget(thread, "")
            self.flow.close()

    async def _rest(self) -> Left:
        status = ExecutionStatus.QUEUED if self.draining else self._resting
        rested = await self._works.store.rest(self.execution.id, self._signal, status, self.active_seconds)
        if self.draining:
            return "drained"
        return "resting" if rested else "stirred"

    @property
    def _resting(self) -> ExecutionStatus:
        return ExecutionStatus.BUDGET_EXCEEDED if self._over_budget else ExecutionStatus.WAITING

    async def _finish(self) -> Left:
        conclusion = self.board.conclusion()
        compensation = self.board.extras.get(COMPENSATION)
        output, error = None, conclusion.error
        if conclusion.status == "completed":
            try:
                evaluation = EvaluationContext(now=self.clock.now(), seed=self.execution.id)
                output = workflow_output(self.workflow, self.frame, evaluation)
            except Exception as failure:  # noqa: BLE001 - a callable of the definition may raise anything
                error = as_step_error(failure).as_dict()
                conclusion = Conclusion("failed", None, error)
        if conclusion.status == "completed" and self.board.concluded is None and self._cancelled_by_somebody:
            # All is done, but they were told that it is cancelled before anybody was told that it is completed.
            conclusion = Conclusion("cancelled", None, {"code": "cancelled", "message": self._why_stopped})
            output, error = None, conclusion.error
        if (
            conclusion.status != "completed"
            and self.board.concluded is None
            and await self._is_undone_after_all(conclusion)
        ):
            return "stirred"
        status = _final_status(conclusion, compensation)
        if error is None and conclusion.status in ("timed_out", "cancelled"):
            error = {"code": conclusion.status, "message": self.board.halt.detail if self.board.halt else ""}
        if error is not None and conclusion.step is not None:
            error = {**error, "step": conclusion.step}
        data = {"output": output, "error": error, "seconds": round(self.active_seconds, 6)}
        record = Record(self.execution.id, f"execution.{status}", self.clock.now(), None, self.facts.generation, data)
        try:
            await self._works.store.finish(
                self.execution.id,
                status,
                output=output,
                error=error,
                active_seconds=self.active_seconds,
                records=[record],
                letters=list(self._letters()),
                unless_cancelled=status is ExecutionStatus.COMPLETED and self.board.concluded is None,
            )
        except ConflictError as refusal:
            if refusal.code != "cancelled_first":
                raise
            self.halt(refusal.details["request"])
            return await self._finish()
        return "ended"

    @property
    def _cancelled_by_somebody(self) -> bool:
        return self._request is not None and self._request.get("by") != TIMEOUT_BY

    @property
    def _why_stopped(self) -> str:
        return self.board.halt.detail if self.board.halt is not None else ""

    async def _is_undone_after_all(self, conclusion: Conclusion) -> bool:
        """It ended badly though every step went well (its output fits nowhere, a cancel came at the last moment): what
        it did is undone by another drive, which begins with that."""
        if self.terminated is not None or COMPENSATION in self.board.extras:
            return False
        if not self.compensates(conclusion.status, self.workflow.spec.config):
            return False
        if not compensations(self.frame, await self.history(), conclusion, self.library, self.unseal):
            return False
        await self._works.store.conclude(
            self.execution.id,
            {**conclusion._asdict(), "compensate": True},
            compensating=True,
            records=[self._record("execution.compensating", None, {})],
            anew=True,
        )
        return True

    def _letters(self) -> Iterator[DeadLetter]:
        """What was not undone, and what failed of that which runs in any case."""
        for plan, kind in _LAST_PLANS.items():
            result = self.board.extras.get(plan)
            unfinished = result.get("unfinished", {}) if result is not None else {}
            for name, error in unfinished.items():
                yield DeadLetter(
                    execution_id=self.execution.id,
                    path=f"{plan}.{name}",
                    kind=kind,
                    workflow=f"{self.workflow.name}@{self.workflow.version}",
                    tenant=self.execution.tenant,
                    error=error["error"],
                    about={key: value for key, value in error.items() if key != "error"},
                    created_at=self.clock.now(),
                )

    @property
    def active_seconds(self) -> float:
        """Seconds at work in all, waiting for the world outside left out."""
        idle = self._idle_seconds
        if self._idle_since is not None:
            idle += self.clock.monotonic() - self._idle_since
        return max(0.0, self.execution.active_seconds + self.clock.monotonic() - self._began - idle)

    # -- time limits, cancelling, draining ---------------------------------------------------------------------

    async def _watch_limits(self) -> None:
        if request := self.execution.cancel_requested:
            self.halt(request)
        if self.board.concluded is not None:
            return  # its time is over already, or does not matter any more
        config = self.workflow.spec.config
        if (timeout := config.timeout) is not None:
            why = f"it was at work for longer than its timeout of {timeout:g} s"
            await self._limit(lambda: timeout - self.active_seconds, why)
        if config.deadline is not None:
            end = self.deadline = await self._counted_from() + timedelta(seconds=config.deadline)
            why = f"its deadline of {config.deadline:g} s from its start is over"
            await self._limit(lambda: (end - self.clock.now()).total_seconds(), why)

    async def _counted_from(self) -> datetime:
        """When the deadline began: at the start, or at the latest retry, which would otherwise end at once."""
        started = self.execution.started_at or self._began_at
        if self._new:
            return started
        records = await self._works.store.records(self.execution.id)
        return max([started, *(record.at for record in records if record.kind == "execution.rewound")])

    async def _limit(self, left: Callable[[], float], why: str) -> None:
        if left() > 0:
            self._limits.append(self.clock.call_later(left(), lambda: self._ring(left, why)))
        else:
            await self._time_is_over(why)

    def _ring(self, left: Callable[[], float], why: str) -> None:
        if left() > _SOON:  # it waited in between, which does not count against a timeout
            self._limits.append(self.clock.call_later(left(), lambda: self._ring(left, why)))
            return
        ending = asyncio.ensure_future(self._time_is_over(why))
        ending.add_done_callback(lambda done: done.cancelled() or done.exception())
        self._endings.append(ending)

    async def _time_is_over(self, why: str) -> None:
        # Kept first: a crash after the steps were stopped must not make it look like a cancel.
        # (`compensate`, because time must not stop an undoing that has just begun.)
        execution = await self._works.store.request_cancel(
            self.execution.id, by=TIMEOUT_BY, reason=why, compensate=True
        )
        self.halt(execution.cancel_requested or {"by": TIMEOUT_BY, "reason": why})

    def halt(self, request: Mapping[str, Any]) -> None:
        """A cancel, or the end of time, was stored: stop everything, or what undoes it."""
        self._request = request
        by, why = request.get("by"), request.get("reason")
        if by == TIMEOUT_BY:
            halt = Halt("timeout", f"execution '{self.execution.id}' was stopped: {why}", True)
        else:
            word = "terminated" if request.get("terminate") else "cancelled"
            halt = Halt("cancelled", f"{word}{f' by {by}' if by else ''}{f': {why}' if why else ''}", True)
        if request.get("terminate"):
            self.terminated = halt
        if self.terminated or request.get("concluded"):
            self.stopped = halt
        if self.board.concluded is None:
            self.board.stop(halt)
        if self.stopped is not None:
            self.flow.stop_inside(halt, also_last=self.terminated is not None)

    def drain(self) -> None:
        """Start nothing new; what runs may finish. What rests keeps resting."""
        self.draining = not self.resting
        self.let_go()

    def pause(self) -> None:
        """Start nothing new; what runs may finish. What was stored says so: going to rest will look again."""
        self.let_go()

    @property
    def reminders(self) -> list[datetime]:
        """When it is to be taken up again, should it rest then."""
        return self._reminders

    def knows(self, path: str) -> bool:
        """Whether the answer for this path was delivered already."""
        return path in self._answers

    def deliver(self, path: str, answer: Answer) -> None:
        """An answer was stored: hand it to the body that waits for it."""
        self._answers[path] = answer
        self._over_budget.discard(path)
        if expected := self._expected.get(path):
            expected[0].wake(expected[1], Woken.GO)

    # -- Host: facts -------------------------------------------------------------------------------------------

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
        return self._works.resources

    @property
    def checkpoints(self) -> Any:
        return self._works.store.saver

    @property
    def graph(self) -> CompiledGraph:
        return self._works.graph

    def pinned(self, name: str, version: str | None) -> Workflow | None:
        digest = self.execution.pins.get(f"{name}@{version}" if version else name)
        return self.library.workflow(digest) if digest else None

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
            user_context=execution.user_context,
            metadata=execution.metadata,
            workflow=workflow,
        )

    # -- Host: flow --------------------------------------------------------------------------------------------

    def idle(self) -> None:
        if self.flow.closing:
            return  # parked or draining: whoever rests now has been sent home, and waits for nobody
        if stalled := self.flow.stalled():
            self.failed(deadlock(stalled))
            return
        self._idle_since = self.clock.monotonic()
        soon = self.clock.now() + timedelta(seconds=self._works.settings.short_wait)
        if any(due is not None and due <= soon for _, _, due, _ in self._expected.values()):
            return  # an alarm is about to ring: parking and coming back would cost more than waiting
        if not self._seat.may_linger:
            self.flow.park()
        elif self._settling is None:
            self._settling = asyncio.ensure_future(self._settle())

    def stirred(self) -> None:
        if self._idle_since is not None:
            self._idle_seconds += self.clock.monotonic() - self._idle_since
            self._idle_since = None
        self._stirs += 1
        if self._seat.given_up:
            self._seat.take_back()
        elif not self._lying_down:
            return
        # Before anything else of it: whatever it does while it is kept as waiting, a crash would leave unfinished.
        status = ExecutionStatus.COMPENSATING if self._compensating else ExecutionStatus.RUNNING
        self._works.store.stirred(self.execution.id, self._facts.generation, status)

    async def _settle(self) -> None:
        """Go to rest and stay in memory: an answer finds every body where it waits."""
        try:
            while self._idle_since is not None and not self._seat.given_up and not self.flow.closing:
                if not await self._lie_down():
                    await self._catch_up()
        except Exception as error:  # noqa: BLE001 - nobody else waits for this task
            self.failed(error)
        finally:
            self._settling = None

    async def _lie_down(self) -> bool:
        stirs, self._lying_down = self._stirs, True
        try:
            rested = await self._works.store.rest(
                self.execution.id, self._signal, self._resting, self.active_seconds, lingers=True
            )
        finally:
            self._lying_down = False
        if rested and stirs == self._stirs and not self.flow.closing:
            self._seat.give_up()
        return rested

    async def _catch_up(self) -> None:
        """Something was stored since the last look."""
        execution = await self._works.store.execution(self.execution.id)
        if execution is None:
            return
        self._signal = execution.signal
        if execution.cancel_requested is not None:
            self.halt(execution.cancel_requested)
        for kept in await self._works.store.waits(self.execution.id, status="answered"):
            if (answer := answer_of(kept)) is not None and not self.knows(kept.path):
                self.deliver(kept.path, answer)

    @property
    def resting(self) -> bool:
        """Whether it waits for the world outside, and that is stored."""
        return self._seat.given_up

    def let_go(self) -> None:
        """It has rested in memory for long enough: park it."""
        if self._seat.given_up:
            self._seat.take_back()
        self.flow.park()

    def failed(self, error: BaseException) -> None:
        if self._abort is None:
            self._abort = error
            if self._task is not None:
                self._task.cancel()

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

    # -- Host: records and hooks -------------------------------------------------------------------------------

    def started(self, path: str, attempt: int, names: Any) -> None:
        if path in self._starting:
            return
        record = self._record("step.started", path, {"attempt": attempt})
        self._works.publish([record])
        self._works.hooks.step_started(self._log, path, attempt, names)
        self._starting[path] = record
        if self._late_starts is None:
            self._late_starts = self.clock.call_later(_LATE_START, self._keep_late_starts)

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
        if self._ledger is not None:
            self._ledger.take(kind, path, data)
        if keep:
            self._works.store.append(record)
        else:
            self._works.publish([record])

    def _record(self, kind: str, path: str | None, data: Mapping[str, Any]) -> Record:
        return Record(self.execution.id, kind, self.clock.now(), path, self._facts.generation, data)

    # -- Host: waits -------------------------------------------------------------------------------------------

    async def open_wait(self, path: str, wait: Wait, state: Any) -> tuple[Wait, Answer | None]:
        if self._new:
            self.started(path, 1, state)
        question = {"kind": wait.kind, **wait.question, "due": wait.due.isoformat() if wait.due else None}
        kept = await self._works.store.open_wait(
            self.execution.id,
            path,
            self._facts.generation,
            wait,
            self._facts.started_at,
            records=[self._record("step.waiting", path, question)],
        )
        if kept.status == "cancelled":
            raise StepCancelledError(f"step '{path}' was stopped while it waited.")
        if kept.opened_at >= self._began_at:  # otherwise it began earlier, and looks whether it was answered
            self.started(path, 1, state)
        if kept.status == "open" and wait.question.get("budget"):
            self._over_budget.add(path)
        return replace(kept.wait, on_timeout=wait.on_timeout), answer_of(kept)

    async def set_timer(self, path: str, wait: Wait, *, record: tuple[str, Mapping[str, Any]] | None = None) -> None:
        self._answers.pop(path, None)  # it was for the timer before
        records = [self._record(record[0], path, record[1])] if record is not None else []
        await self._works.store.set_timer(self.execution.id, path, self._facts.generation, wait, records)

    def refuses(self, name: str) -> bool:
        return self._works.breakers.refuses(name)

    async def end_timer(self, path: str) -> None:
        await self._works.store.end_timer(self.execution.id, path)

    async def tried(self, path: str) -> Mapping[str, Any] | None:
        if self._tried is None:
            self._tried = {} if self._new else await self._works.store.tried(self.execution.id)
        return self._tried.get(path)

    async def remind(self, path: str, due: datetime) -> None:
        self._reminders.append(due)

    async def close_wait(self, path: str, *, elapsed: bool) -> Answer | None:
        status: Literal["elapsed", "cancelled"] = "elapsed" if elapsed else "cancelled"
        kept = await self._works.store.close_wait(self.execution.id, path, self._facts.generation, status)
        return answer_of(kept)

    def expect(self, path: str, wait: Wait, flow: Flow, name: str) -> Answer | None:
        if path in self._answers:
            return self._answers[path]
        now = self.clock.now()
        if wait.due is not None and wait.due <= now:
            return Answer("elapsed", at=wait.due)
        self.unexpect(path)
        alarm = None
        if wait.due is not None:
            alarm = self.clock.call_later((wait.due - now).total_seconds(), lambda: flow.wake(name, Woken.GO))
        self._expected[path] = (flow, name, wait.due, alarm)
        return None

    def unexpect(self, path: str) -> None:
        if (expected := self._expected.pop(path, None)) and expected[3] is not None:
            expected[3].cancel()

    # -- Host: the end ------------------------------------------------------------------------------------------

    def compensates(self, status: str, config: Config) -> bool:
        if self.execution.concluded is not None:  # that was settled before
            return bool(self.execution.concluded["compensate"])
        request = self._request
        if request is None or request.get("by") == TIMEOUT_BY:
            return status != "timed_out" or config.compensate_on_timeout
        # Whoever cancels leaves things as they are: undoing is asked for in words, not assumed.
        wanted = request.get("compensate")
        return config.compensate_on_cancel if wanted is None else bool(wanted)

    # -- Host: the rest ----------------------------------------------------------------------------------------

    async def results(self, prefix: str) -> Mapping[str, Result]:
        return await self._works.store.results(self.execution.id, prefix)

    async def seeds(self) -> Mapping[str, Result]:
        if self._seeds is None:
            self._seeds = {} if self._new else await self.results("")
        return self._seeds

    async def history(self) -> Sequence[Happened]:
        return await self._works.store.history(self.execution.id)

    async def concluded(self, conclusion: Conclusion, *, compensating: bool) -> None:
        for alarm in self._limits:
            alarm.cancel()  # the work is over; half an undoing would be worse than a late one
        self._compensating = compensating
        if self.execution.concluded is not None and not compensating:
            return
        records = [self._record("execution.compensating", None, {})] if compensating else []
        await self._works.store.conclude(
            self.execution.id,
            {**conclusion._asdict(), "compensate": compensating},
            compensating=compensating,
            records=records,
        )

    async def effect(self, path: str, effect: Mapping[str, Any]) -> None:
        await self._works.store.keep(self._record("step.effect", path, self._sealer.seal(effect)))

    @property
    def budget(self) -> Budget | None:
        return self.workflow.spec.config.budget

    async def ledger(self) -> Ledger:
        if self._ledger is None:
            # First the ledger, which hears what is noted from now on, and then what was kept: a fact counts once.
            self._ledger = Ledger()
            self._ledger_read = asyncio.ensure_future(self._read_ledger(self._ledger))
        if self._ledger_read is not None:
            await asyncio.shield(self._ledger_read)
        return self._ledger

    async def _read_ledger(self, ledger: Ledger) -> None:
        await self._works.store.barrier()
        for record in await self._works.store.records(self.execution.id):
            ledger.take(record.kind, record.path or "", record.data)

    async def emit_event(self, event_type: str, data: Any = None, *, key: str | None = None) -> None:
        own = {"source": self.execution.id, "tenant": self.execution.tenant}
        await self._works.emit_event(event_type, data, key=key, **own)

    def seal(self, value: Any) -> Any:
        return self._sealer.seal(value)

    def unseal(self, value: Any) -> Any:
        return self._sealer.unseal(value)


def answer_of(kept: OpenWait) -> Answer | None:
    """How a kept wait ended; None while it is open, or when it was cancelled."""
    if kept.status == "elapsed":
        return Answer("elapsed", at=kept.wait.due)
    return kept.answer if kept.status == "answered" else None


def _final_status(conclusion: Conclusion, compensation: Result | None) -> ExecutionStatus:
    if conclusion.status == "completed":
        return ExecutionStatus.COMPLETED
    if compensation is not None and compensation["status"] == "failed":
        return ExecutionStatus.COMPENSATION_FAILED
    if compensation is not None and compensation["output"]["compensated"]:
        return ExecutionStatus.COMPENSATED
    return ExecutionStatus(conclusion.status)
