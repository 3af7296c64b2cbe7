"""What other processes stored, heard by whoever drives: answers, events, cancels, pauses, resets."""

import asyncio
from typing import Protocol

from graphs.errors import BatonError
from orchestrator.driving.wall import Jumps
from orchestrator.driving.works import Works
from orchestrator.store.port import Execution, Signal


class Hearer(Protocol):
    """Who acts on it. Each call only says "look again", and a second one does no harm."""

    def take(self, execution_id: str, reason: str) -> None: ...
    def cancelled(self, execution: Execution) -> None: ...
    def paused(self, execution_id: str) -> None: ...
    def breaker_reset(self, name: str) -> None: ...
    async def answered_elsewhere(self, execution: Execution, path: str | None) -> None: ...
    def look_at_the_clock(self) -> None: ...


class Signals:
    """Listens to a file.

    Args:
        hearer: Told of everything that is stored from `begin` on.

    Attributes:
        seen: The number of the last signal that was heard.
    """

    def __init__(self, works: Works, hearer: Hearer) -> None:
        self._works = works
        self._hearer = hearer
        self.seen = 0

    async def begin(self) -> None:
        """What is stored so far is taken up otherwise."""
        self._works.store.changed()
        signals = await self._works.store.signals(0)
        self.seen = signals[-1].seq if signals else 0

    async def listen(self) -> None:
        """Hear what other processes stored. One look at shared memory while nobody commits."""
        jumps, missed = Jumps(self._works.clock), False
        while True:
            await asyncio.sleep(self._works.settings.poll)
            if jumps.happened():
                self._hearer.look_at_the_clock()
            if not self._works.store.changed() and not missed:
                continue
            try:
                for signal in await self._works.store.signals(self.seen):
                    await self._hear(signal)
                    self.seen = signal.seq
                missed = False
            except BatonError as error:
                if not missed:  # until it can be read again: once is enough
                    self._works.log.error("signals.unreadable", error=str(error))
                missed = True

    async def _hear(self, signal: Signal) -> None:
        if signal.kind == "breaker":
            self._hearer.breaker_reset(signal.path or "")
            return
        if signal.kind == "published":
            self._works.store.has_news()
            return
        execution = await self._works.store.execution(signal.execution_id)
        if execution is None or execution.status.final:
            return
        if signal.kind == "cancel":
            self._hearer.cancelled(execution)
        elif signal.kind == "pause":
            if execution.pause_requested is not None:  # otherwise somebody has let it go on since, and it may run
                self._hearer.paused(execution.id)
        elif signal.kind in ("answer", "event"):
            await self._tell_what_was_decided(execution.id, signal.path)
            await self._hearer.answered_elsewhere(execution, signal.path)
        else:
            self._hearer.take(execution.id, "signal")

    async def _tell_what_was_decided(self, execution_id: str, path: str | None) -> None:
        """Another process kept the record; who listens in this one has not seen it."""
        records = await self._works.store.records(execution_id)
        decided = [record for record in records if record.kind == "approval.decided" and record.path == path]
        self._works.publish(decided[-1:])
