"""Waits: kept before anybody rests on them, and woken by what was kept."""

from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import datetime
from typing import Any, Literal

from graphs.errors import StepCancelledError
from graphs.flow import Flow, Woken
from graphs.steps import Answer, Wait
from orchestrator.driving.steps import Steps
from orchestrator.store.port import OpenWait

PAUSES = ("retry", "breaker")
"""Reasons of timers that are no waiting for the world outside: what rests between two attempts is at work (X33)."""


class Waits(Steps):
    """The chapter on waits."""

    async def open_wait(self, path: str, wait: Wait, state: Any) -> tuple[Wait, Answer | None]:
        if self._new:  # its wait is kept, and says to every process that it began
            self._tell_start(path, 1, state)
        question = {"kind": wait.kind, **wait.question, "due": wait.due.isoformat() if wait.due else None}
        kept = await self._works.store.open_wait(
            self.execution.id,
            path,
            self._facts.generation,
            wait,
            self.execution.created_at,  # what came since it was acknowledged is not missed, whoever was there to drive
            records=[self._record("step.waiting", path, question)],
        )
        if kept.status == "cancelled":
            raise StepCancelledError(f"step '{path}' was stopped while it waited.")
        if kept.opened_at >= self._began_at:  # otherwise it began earlier, and looks whether it was answered
            self._tell_start(path, 1, state)
        if kept.status == "open" and wait.question.get("budget"):
            self._over_budget.add(path)
        return replace(kept.wait, on_timeout=wait.on_timeout), answer_of(kept)

    async def set_timer(self, path: str, wait: Wait, *, record: tuple[str, Mapping[str, Any]] | None = None) -> None:
        self._answers.pop(path, None)  # it was for the timer before
        records = [self._record(record[0], path, record[1])] if record is not None else []
        await self._works.store.set_timer(self.execution.id, path, self._facts.generation, wait, records)

    async def end_timer(self, path: str) -> None:
        await self._works.store.end_timer(self.execution.id, path)

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
            alarm = self.wall.at(wait.due, lambda: flow.wake(name, Woken.GO))
        self._expected[path] = (flow, name, wait.due, alarm)
        if wait.due is not None and wait.question.get("reason") in PAUSES:
            self._pauses[path] = wait.due
        return None

    def unexpect(self, path: str) -> None:
        if (expected := self._expected.pop(path, None)) and expected[3] is not None:
            expected[3].cancel()
        if not self.flow.closing:  # parked, it pauses still
            self._pauses.pop(path, None)

    def remind(self, path: str, due: datetime, call: Callable[[], None]) -> None:
        self._reminders[path] = due, self.wall.at(due, call)

    def forget(self, path: str) -> None:
        reminder = self._reminders[path] if self.flow.closing else self._reminders.pop(path)  # parked, it runs on
        reminder[1].cancel()

    def knows(self, path: str) -> bool:
        """Whether the answer for this path was delivered already."""
        return path in self._answers

    def deliver(self, path: str, answer: Answer) -> None:
        """An answer was stored: hand it to the body that waits for it."""
        self._answers[path] = answer
        self._over_budget.discard(path)
        if expected := self._expected.get(path):
            expected[0].wake(expected[1], Woken.GO)


def answer_of(kept: OpenWait) -> Answer | None:
    """How a kept wait ended; None while it is open, or when it was cancelled."""
    if kept.status == "elapsed":
        return Answer("elapsed", at=kept.wait.due)
    return kept.answer if kept.status == "answered" else None
