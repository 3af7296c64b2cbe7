"""Rest: in memory for a while, then only in the database; nothing that is stored meanwhile is lost."""

import asyncio
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any, Literal

from graphs.flow import deadlock
from graphs.state import ExecutionStatus
from orchestrator.driving.stopping import Stopping
from orchestrator.driving.taken import Taken
from orchestrator.driving.waits import answer_of

Left = Literal["ended", "resting", "stirred", "drained", "paused"]
"""How a drive was left; `stirred`: something was stored between the last look and parking."""


class Resting(Stopping):
    """The chapter on rest."""

    def __init__(self, taken: Taken) -> None:
        super().__init__(taken)
        self._seat = taken.seat
        self._signal = taken.execution.signal
        self._settling: asyncio.Future[None] | None = None
        self._lying_down = False
        self._stirs = 0
        self._compensating = False
        self.draining = False

    def idle(self) -> None:
        if self.flow.closing:
            return  # parked or draining: whoever rests now has been sent home, and waits for nobody
        if stalled := self.flow.stalled():
            self.failed(deadlock(stalled))
            return
        self._working.stop()
        soon = self.clock.now() + timedelta(seconds=self._works.settings.short_wait)
        if any(due is not None and due <= soon for _, _, due, _ in self._expected.values()):
            return  # an alarm is about to ring: parking and coming back would cost more than waiting
        if not self._seat.may_linger:
            self.flow.park()
        elif self._settling is None:
            self._settling = asyncio.ensure_future(self._settle())

    def stirred(self) -> None:
        self._working.go_on()
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
            while self._working.is_idle and not self._seat.given_up and not self.flow.closing:
                if not await self._lie_down():
                    await self._catch_up()
        except Exception as error:  # noqa: BLE001 - nobody else waits for this task
            self.failed(error)
        finally:
            self._settling = None

    async def _lie_down(self) -> bool:
        stirs, self._lying_down = self._stirs, True
        try:
            await self.all_asked()
            rested = await self._works.store.rest(
                self.execution.id,
                self._signal,
                self._resting,
                self.active_seconds,
                lingers=True,
                pauses_until=self._pauses_until,
                wake_at=self._wake_at,
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
    def _wake_at(self) -> datetime | None:
        """When it is to be taken up again at the latest: a composite step's time is over, or its own."""
        dues = [due for due, _ in self._reminders.values()]
        if self.board.concluded is None:
            dues += [self.deadline] if self.deadline is not None else []
            if (timeout := self.workflow.spec.config.timeout) is not None and self._pauses_until is not None:
                dues.append(self.clock.now() + timedelta(seconds=timeout - self.active_seconds))
        return min(dues, default=None)

    @property
    def _resting(self) -> ExecutionStatus:
        return ExecutionStatus.BUDGET_EXCEEDED if self._over_budget else ExecutionStatus.WAITING

    @property
    def resting(self) -> bool:
        """Whether it waits for the world outside, and that is stored."""
        return self._seat.given_up

    def let_go(self) -> None:
        """It has rested in memory for long enough: park it."""
        if self._seat.given_up:
            self._seat.take_back()
        self.flow.park()

    def drain(self) -> None:
        """Start nothing new; what runs may finish. What rests keeps resting."""
        self.draining = not self.resting
        self.let_go()

    def pause(self) -> None:
        """Start nothing new; what runs may finish. What was stored says so: going to rest will look again."""
        self.let_go()

    def asked(self, end: Mapping[str, Any] | None, *, held: bool) -> None:
        """The commit of a result found what another process stored, before anybody heard of it."""
        if end is not None and end != self._request:
            self.halt(end)
        if held:
            self.pause()

    async def _rest(self) -> Left:
        status = ExecutionStatus.QUEUED if self.draining else self._resting
        pauses_until = None if self.draining else self._pauses_until
        await self.all_asked()
        rested = await self._works.store.rest(
            self.execution.id,
            self._signal,
            status,
            self.active_seconds,
            pauses_until=pauses_until,
            wake_at=self._wake_at,
        )
        if self.draining:
            return "drained"
        return "resting" if rested else "stirred"
