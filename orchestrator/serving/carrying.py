"""Carrying a run of a workflow out: the execution is set going, what happens is said, and how it is left is told."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextlib import suppress
from typing import Any

from graphs.spec import Workflow
from graphs.state import ExecutionStatus
from orchestrator.bus import Subscription, given_up
from orchestrator.engine import Orchestrator
from orchestrator.engine.looking import STOPS
from orchestrator.serving.answers import interrupts_of
from orchestrator.serving.follow import Following
from orchestrator.serving.front import by_turn
from orchestrator.serving.ledger import values_of
from orchestrator.serving.secrets import InputSealer
from orchestrator.serving.served import Say
from orchestrator.serving.speech import modes_of
from orchestrator.serving.voices import MODES, Voices
from orchestrator.store.port import Execution, OpenWait, Record
from orchestrator.store.served.values import Ended, Run, RunStatus, ThreadStatus
from orchestrator.tenancy import STARTED_BY
from orchestrator.whole import whole

SINCE = "since"
"""The key of a run's request that says after which record its part of the history begins."""

_ENDS: Mapping[ExecutionStatus, tuple[RunStatus, ThreadStatus]] = {
    ExecutionStatus.COMPLETED: ("success", "idle"),
    ExecutionStatus.CANCELLED: ("interrupted", "idle"),
    ExecutionStatus.TIMED_OUT: ("timeout", "error"),
    ExecutionStatus.WAITING: ("interrupted", "interrupted"),
    ExecutionStatus.PAUSED: ("interrupted", "interrupted"),
    ExecutionStatus.BUDGET_EXCEEDED: ("interrupted", "interrupted"),
}


class Carrying:
    """Carries runs of one workflow out.

    Args:
        go_back: Lets an execution go on from the checkpoint that a run names.
    """

    def __init__(
        self,
        workflow: Workflow,
        orchestrator: Orchestrator,
        tenant: str,
        sealer: InputSealer,
        go_back: Callable[[Execution, str], Awaitable[Any]],
    ) -> None:
        self._workflow = workflow
        self._baton = orchestrator
        self._tenant = tenant
        self._sealer = sealer
        self._go_back = go_back

    async def perform(self, run: Run, say: Say) -> Ended:
        """Carry a run as far as it goes. See `Performer.perform`."""
        modes = modes_of(run.request.get("stream_mode"))
        telling = _Telling(Following(modes, say), Voices(modes, run, say), self._baton)
        with self._baton.listen(run.thread_id, words=bool(MODES.intersection(modes))) as live:
            await whole(self._set_going(run))
            if run.attempts == 1 and (since := run.request.get(SINCE)) is not None:
                for record in await self._baton.store.records(run.thread_id, after=since):
                    await telling.of(record)
            await self._hear(run.thread_id, live, telling)
        execution, asked = await self._baton.get(run.thread_id), await asked_by(self._baton, run.thread_id)
        if not at_rest(self._baton, execution, asked):
            # The engine stops: what is left is done by the next one, and this run with it.
            raise asyncio.CancelledError
        return await self._say_end(execution, asked, telling.following, say)

    async def _hear(self, execution_id: str, live: Subscription, telling: "_Telling") -> None:
        """Tell what happens until nothing more does."""
        rests = await self._rests(execution_id)
        while not rests and (record := await live.next()) is not None:
            await telling.of(record)
            if (failure := given_up(record)) is not None:
                raise failure
            rests = record.kind in STOPS and await self._rests(execution_id)
        for record in live.left():
            await telling.of(record)

    async def _rests(self, execution_id: str) -> bool:
        return at_rest(self._baton, await self._baton.get(execution_id), await asked_by(self._baton, execution_id))

    async def _say_end(self, execution: Execution, asked: Sequence[OpenWait], following: Following, say: Say) -> Ended:
        following.questions(asked)
        ended = await self.ended(execution)
        interrupts = [each for group in ended.interrupts.values() for each in group]
        following.values({**ended.state, **({"__interrupt__": interrupts} if interrupts else {})})
        if ended.error is not None:
            say("error", ended.error)
        return ended

    async def _set_going(self, run: Run) -> None:
        execution = await self.execution(run.thread_id)
        if execution is None:
            given = self._sealer.input_of(run.request) or {}
            await self._baton.start(
                self._workflow,
                given,
                execution_id=run.thread_id,
                metadata=_signed(run),
                priority=run.priority,
                tenant=self._tenant,
            )
        elif (checkpoint := checkpoint_of(run)) is not None and run.attempts == 1:
            await self._go_back(execution, checkpoint)
        elif not execution.status.final and not self._baton.driving(run.thread_id):
            await self._baton.resume(run.thread_id)

    # -- how it stands -------------------------------------------------------------------------------------------

    async def execution(self, execution_id: str) -> Execution | None:
        """The execution, unless it is another tenant's, which is no other than none."""
        execution = await self._baton.store.execution(execution_id)
        return execution if execution is not None and execution.tenant == self._tenant else None

    async def ended(self, execution: Execution) -> Ended:
        """How a run of the execution ends that leaves it as it is."""
        run, thread = _ENDS.get(execution.status, ("error", "error"))
        standing = await self._baton.left_standing(execution)
        values = values_of(execution, await self._baton.results(execution.id), standing)
        asked = {} if execution.status.final else interrupts_of(await asked_by(self._baton, execution.id))
        error = None
        if execution.error is not None and run in ("error", "timeout"):
            # Chat clients show the message alone, so what to do about it stands in there.
            said = " ".join(str(execution.error[key]) for key in ("message", "hint") if execution.error.get(key))
            error = {"error": execution.error.get("code"), **execution.error, "message": said}
        return Ended(status=run, thread=thread, state=values, interrupts=asked, error=error)


async def until_rest(
    baton: Orchestrator, execution_id: str, seconds: float, tell: Callable[[Record], Awaitable[None]]
) -> Execution:
    """Wait until an execution has ended or waits for others, or the seconds are over; how it is then.

    Args:
        tell: Is told what happens meanwhile.
    """
    with suppress(TimeoutError), baton.listen(execution_id) as live:
        async with asyncio.timeout(seconds):
            while not at_rest(baton, await baton.get(execution_id), await asked_by(baton, execution_id)):
                record = await live.next()
                while record is not None and record.kind not in STOPS:
                    await tell(record)
                    record = await live.next()
                if record is None:
                    break
    return await baton.get(execution_id)


def at_rest(baton: Orchestrator, execution: Execution, asked: Sequence[OpenWait]) -> bool:
    """Whether nothing happens until somebody does something: time alone does not end a run."""
    waiting = execution.status.resting and bool(asked)
    resting = waiting or execution.status is ExecutionStatus.PAUSED
    return execution.status.final or (resting and not baton.driving(execution.id))


async def asked_by(baton: Orchestrator, execution_id: str) -> list[OpenWait]:
    """What the execution waits for that others must give."""
    return by_turn([wait for wait in await baton.waits(execution_id) if wait.wait.kind != "timer"])


class _Telling:
    """Tells of records, of each once: those that were kept before it listened also come live, some of them."""

    def __init__(self, following: Following, voices: Voices, baton: Orchestrator) -> None:
        self.following = following
        self._voices = voices
        self._baton = baton
        self._told = 0

    async def of(self, record: Record) -> None:
        if record.seq is not None:
            if record.seq <= self._told:
                return
            self._told = record.seq
        self._voices.record(record)
        self.following.record(record)
        if record.kind == "step.waiting":
            self.following.questions(await asked_by(self._baton, record.execution_id))


def _signed(run: Run) -> dict[str, Any]:
    """What is kept with the execution: who started it is not for clients to say."""
    given = {key: value for key, value in run.metadata.items() if key != STARTED_BY}
    return given | {STARTED_BY: by} if (by := run.request.get(STARTED_BY)) else given


def checkpoint_of(run: Run) -> str | None:
    """The checkpoint that a run is to go on from, if it names one."""
    given = run.request.get("checkpoint")
    if (run.request.get("command") or {}).get("resume") is not None:
        return None  # clients send along where they stand when they answer
    named = given.get("checkpoint_id") if isinstance(given, Mapping) else None
    found = named or run.request.get("checkpoint_id")
    return str(found) if found is not None else None
