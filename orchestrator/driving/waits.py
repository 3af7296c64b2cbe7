"""Waits: kept before anybody rests on them, and woken by what was kept."""

import asyncio
from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import datetime
from typing import Any, Literal

from graphs.clock import Alarm
from graphs.errors import StepCancelledError
from graphs.flow import Flow, Woken
from graphs.state import Result
from graphs.steps import Answer, Wait
from orchestrator.driving.steps import Steps
from orchestrator.driving.taken import Taken
from orchestrator.driving.together import ALONG, Shared, Together, shared_by, told_along
from orchestrator.driving.wall import WallAlarms
from orchestrator.store.port import OpenWait

PAUSES = ("retry", "breaker")
"""Reasons of timers that are no waiting for the world outside: what rests between two attempts is at work (X33)."""


class Waits(Steps):
    """The chapter on waits."""

    def __init__(self, taken: Taken) -> None:
        super().__init__(taken)
        self._answers: dict[str, Answer] = {}
        self._expected: dict[str, tuple[Flow, str, datetime | None, Alarm | None]] = {}
        self._reminders: dict[str, tuple[datetime, Alarm]] = {}
        self._over_budget: set[str] = set()
        self._together: Together | None = None
        self._along: set[tuple[str, str, int]] = set()
        self._stopped: set[str] = set()
        self._handed_on: dict[str, asyncio.Task[Any]] = {}
        self.wall = WallAlarms(taken.works.clock)

    async def open_wait(self, path: str, wait: Wait, state: Any) -> tuple[Wait, Answer | None]:
        shared = shared_by(wait)
        if shared is not None:
            together = await self._who_asks()
            if (asker := together.asker(shared, path, wait)) != path:
                self._tell_start(path, 1, state)
                if (answer := self._answers.get(asker)) is None:
                    self._over_budget.add(path)
                    self._tell_along(path, asker, wait)
                return wait, answer
        return await self._ask(path, wait, state)

    def _tell_along(self, path: str, asker: str, wait: Wait) -> None:
        """Say of a step that it waits, and with whom: it has no wait of its own to be seen by."""
        said = (path, asker, self._facts.generation_at(path))
        self.note(ALONG, path, told_along(asker, wait), keep=said not in self._along)
        self._along.add(said)

    async def _who_asks(self) -> Together:
        if self._together is None:
            together = Together()
            for kept, shared in [] if self._new else await self._asked_before():
                together.asked(shared, kept.path)
                if kept.answer is not None:
                    self._answers.setdefault(kept.path, kept.answer)
            self._together = self._together or together  # two may have looked at once
        return self._together

    async def _asked_before(self) -> list[tuple[OpenWait, Shared]]:
        """What is open, and what was answered since the execution was last tried anew: it may be asked again then."""
        store, key = self._works.store, self.execution.id
        asked = [(kept, shared) for kept in await store.waits(key, status=None) if (shared := shared_by(kept.wait))]
        for record in (await store.records_of_kinds([key], [ALONG])).get(key, ()) if asked else ():
            self._along.add((record.path or "", str(record.data["with"]), record.generation))
        decided = set[str | None]()
        if any(kept.status == "answered" for kept, _ in asked):
            for record in (await store.records_of_kinds([key], ["execution.rewound", "approval.decided"])).get(key, ()):
                decided = {*decided, record.path} if record.kind == "approval.decided" else set()
        return [
            (kept, shared)
            for kept, shared in asked
            if (kept.status == "open" and kept.path not in self._stopped)
            or (kept.status == "answered" and kept.path in decided)
        ]

    def settled(self, path: str, result: Result) -> None:
        super().settled(path, result)
        if result["status"] not in ("cancelled", "skipped"):
            return
        if self._together is None:
            if not self._new:  # what it asked in an earlier process is still written down
                self._stopped.add(path)
        elif (found := self._together.next_after(path, self._still_waits)) is not None:
            # Whoever asked is stopped, and others wait for the answer: one of them asks in its place.
            path, wait = found
            self._handed_on[path] = asyncio.create_task(self._ask(path, wait, {}))
            for other, theirs in self._together.along_with(path).items():
                self._tell_along(other, path, theirs)

    def _still_waits(self, path: str) -> bool:
        expected = self._expected.get(path)
        return expected is not None and not expected[0].board.over_for(expected[1])

    async def all_asked(self) -> None:
        """Return when no question is on its way to the table: nobody may rest on one that is not there."""
        await asyncio.gather(*self._handed_on.values())

    async def _ask(self, path: str, wait: Wait, state: Any) -> tuple[Wait, Answer | None]:
        if self._new:  # its wait is kept, and says to every process that it began
            self._tell_start(path, 1, state)
        question = {"kind": wait.kind, **wait.question, "due": wait.due.isoformat() if wait.due else None}
        kept = await self._works.store.open_wait(
            self.execution.id,
            path,
            self._facts.generation_at(path),
            wait,
            self.execution.created_at,  # what came since it was acknowledged is not missed, whoever was there to drive
            records=[self._record("step.waiting", path, question)],
        )
        if kept.status == "cancelled":
            raise StepCancelledError(f"step '{path}' was stopped while it waited.")
        if kept.opened_at >= self._began_at:  # otherwise it began earlier, and looks whether it was answered
            self._tell_start(path, 1, state)
        if kept.status == "open" and shared_by(wait) is not None:
            self._over_budget.add(path)
        return replace(kept.wait, on_timeout=wait.on_timeout), answer_of(kept)

    async def set_timer(self, path: str, wait: Wait, *, record: tuple[str, Mapping[str, Any]] | None = None) -> None:
        self._answers.pop(path, None)  # it was for the timer before
        records = [self._record(record[0], path, record[1])] if record is not None else []
        await self._works.store.set_timer(self.execution.id, path, self._facts.generation_at(path), wait, records)

    async def end_timer(self, path: str) -> None:
        await self._works.store.end_timer(self.execution.id, path)

    async def close_wait(self, path: str, *, elapsed: bool) -> Answer | None:
        self._over_budget.discard(path)
        if self._together is not None and self._together.leaves(path):
            return None
        status: Literal["elapsed", "cancelled"] = "elapsed" if elapsed else "cancelled"
        if path in self._handed_on:
            await self._handed_on[path]
        kept = await self._works.store.close_wait(self.execution.id, path, self._facts.generation_at(path), status)
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
            self._working.pause(path, wait.due)
        return None

    def unexpect(self, path: str) -> None:
        if (expected := self._expected.pop(path, None)) and expected[3] is not None:
            expected[3].cancel()
        if not self.flow.closing:  # parked, it pauses still
            self._working.end_pause(path)

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
        along = self._together.released(path) if self._together is not None else []
        for released in (path, *along):
            self._answers[released] = answer
            self._over_budget.discard(released)
            if expected := self._expected.get(released):
                expected[0].wake(expected[1], Woken.GO)


def answer_of(kept: OpenWait) -> Answer | None:
    """How a kept wait ended; None while it is open, or when it was cancelled."""
    if kept.status == "elapsed":
        return Answer("elapsed", at=kept.wait.due)
    return kept.answer if kept.status == "answered" else None
