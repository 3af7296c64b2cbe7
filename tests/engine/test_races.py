"""A decision, another decision, the same one again, a time limit and a cancel at the same moment: one wins (R9).

Each interleaving comes from its own seed; two thousand of them with `--hypothesis-profile=long`. What everybody was
told must agree with one order in which they could have come.
"""

import asyncio
import random
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import settings

from graphs.clock import ManualClock
from graphs.errors import BatonError, ConflictError, NotFoundError
from graphs.state import ExecutionStatus
from orchestrator.driving.dues import Dues
from orchestrator.engine import Orchestrator
from orchestrator.store.port import Execution, OpenWait
from tests.support.engine.engines import act, ask, engine, workflow
from tests.support.engine.steps import Effects

LONG = settings.get_current_profile_name() == "long"
INTERLEAVINGS, IN_ONE_TEST = (2000 if LONG else 200), 100
APPROVED, CANCELLED = "approved", "cancelled"


@dataclass
class Told:
    """What each of those who raced was told: None for "it is kept", or the error."""

    heard: dict[str, BatonError | None] = field(default_factory=dict)

    @property
    def kept(self) -> set[str]:
        return {name for name, error in self.heard.items() if error is None}


class Race:
    """One execution that waits for an answer, and all that may come to it."""

    def __init__(self, baton: Orchestrator, other: Orchestrator, clock: ManualClock, seed: int) -> None:
        self.chance = random.Random(seed)
        self.baton, self.other, self.clock = baton, other, clock
        self.key = f"race-{seed}"
        self.told = Told()

    async def run(self) -> tuple[Execution, OpenWait | None]:
        limit = self.chance.choice(["wait", "execution", "none"])
        config = {"deadline": 60} if limit == "execution" else {}
        more: dict[str, Any] = {"timeout": 60, "on_timeout": "reject"} if limit == "wait" else {}
        undo = act("undo_a") if self.chance.random() < 0.5 else None
        steps = [act("a", compensate=undo), ask("q", "a", on_reject="continue", **more), act("b", "q")]
        if undo is None:
            del steps[0]["compensate"]
        await self.baton.start(
            workflow(f"race-{limit}-{undo is not None}", steps, config=config), execution_id=self.key
        )
        await asyncio.wait_for(self.baton.wait(self.key, "rest"), 60)
        runners = [
            self._decide("ann", "approve"),
            self._decide("bob", "reject"),
            self._decide("ann again", "approve"),
            self._cancel("eve"),
            self._cancel("mallory"),
            *([self._time()] if limit != "none" else []),
        ]
        self.chance.shuffle(runners)
        await asyncio.gather(*runners[: self.chance.randint(2, len(runners))], return_exceptions=False)
        for runner in runners:
            runner.close()
        execution = await self._settled()
        waits = await self.baton.store.waits(self.key, status=None)
        return execution, next((wait for wait in waits if wait.path == "q"), None)

    async def _decide(self, name: str, decision: Any) -> None:
        await self._after_a_while()
        await self._note(name, self._engine().decide(self.key, "q", decision, by=name))

    async def _cancel(self, name: str) -> None:
        compensate = self.chance.choice([None, True])
        await self._after_a_while()
        await self._note(name, self._engine().cancel(self.key, by=name, compensate=compensate))

    async def _time(self) -> None:
        await self._after_a_while()
        self.clock.advance(61)

    async def _note(self, name: str, asked: Any) -> None:
        try:
            await asked
            self.told.heard[name] = None
        except (ConflictError, NotFoundError) as error:
            self.told.heard[name] = error

    def _engine(self) -> Orchestrator:
        return self.chance.choice([self.baton, self.other])

    async def _after_a_while(self) -> None:
        for _ in range(self.chance.choice([0, 0, 0, 1, 2, 5, 10, 30])):
            await asyncio.sleep(0)

    async def _settled(self) -> Execution:
        """As it ends, or rests because nobody decided it."""
        while True:
            execution = await asyncio.wait_for(self.baton.wait(self.key, "rest"), 60)
            if execution.status.final:
                return execution
            if not self.told.kept:
                await self._note("last", self.baton.decide(self.key, "q", "approve", by="last"))
            await asyncio.sleep(0.002)  # what the other process stored is heard by looking


def _judge(race: Race, execution: Execution, wait: OpenWait | None, effects: Effects) -> None:
    kept = race.told.kept
    deciders, cancellers = kept & {"ann", "bob", "ann again", "last"}, kept & {"eve", "mallory"}
    assert wait is not None and wait.status != "open", "the question is closed by somebody"
    assert len(deciders) <= 1, f"{deciders} were all told that their decision counts"
    request = execution.cancel_requested or {}
    if len(cancellers) > 1:  # the second one found it being undone, and stopped that
        assert request["concluded"] and execution.status in ("compensated", "compensation_failed")
    # Whoever was told "yes" is who the table says; whoever was told "no" was told who it was.
    if deciders:
        assert wait.status == "answered" and wait.answer is not None and wait.answer.by == next(iter(deciders))
    else:
        assert wait.status in ("elapsed", "cancelled")
    for name, error in race.told.heard.items():
        if error is None or error.code == "execution_ended":
            continue
        if error.code == "execution_time_over":
            assert datetime.fromisoformat(error.details["at"]) <= race.clock.now(), f"{name} was told {error}"
            continue
        if error.code == "wait_elapsed" and wait.wait.due is not None:
            assert wait.status in ("elapsed", CANCELLED)  # its time was over, whether that was written down or not
        elif error.code.startswith("wait_"):
            assert error.code == f"wait_{wait.status}", f"{name} was told {error}"
            winner = wait.answer.by if wait.answer is not None else None
            told = error.details.get("by")
            assert told == winner, f"{name} was told it was {told}, and it was {winner}"
        else:
            assert error.code in ("ending_already", "nothing_asked", "wait_not_found"), error
    # What came of it agrees with who won.
    ran = [path.rsplit(".", 1)[-1] for path in effects.began]
    assert ran.count("b") <= 1 and ran.count("undo_a") <= 1
    if execution.status is ExecutionStatus.COMPLETED:
        assert not cancellers and ran.count("b") == 1 and wait.status in ("answered", "elapsed")
    if cancellers:
        assert execution.status in (CANCELLED, "compensated", "compensation_failed")
        assert request["by"] in cancellers
    if execution.status == "timed_out":
        assert not cancellers
    effects.began.clear()


@pytest.mark.capability("I08", "O23")
@pytest.mark.parametrize("first", range(0, INTERLEAVINGS, IN_ONE_TEST))
async def test_one_wins(first: int, database: Path, effects: Effects) -> None:
    clock = ManualClock()
    driving = engine(database, effects=effects, clock=clock, short_wait=0)
    async with driving as baton, engine(database, drive=False, clock=clock) as other:
        for seed in range(first, first + IN_ONE_TEST):
            race = Race(baton, other, clock, seed)
            execution, wait = await race.run()
            try:
                _judge(race, execution, wait, effects)
            except AssertionError as error:
                raise AssertionError(f"seed {seed}: {error}; told {race.told}; {execution}; {wait}") from error
    assert clock.now() >= ManualClock().now() + timedelta(seconds=61)


@pytest.mark.capability("I08", "O23")
@pytest.mark.parametrize("what", ["decision", "cancel", "pause"])
async def test_what_comes_when_a_drive_has_just_gone_to_rest_is_heard(
    what: str, database: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The drive is over and the engine has not said goodbye to it: nothing may be told to what hears no more."""
    gone, go_on = asyncio.Event(), asyncio.Event()
    noted = Dues.remember

    async def held(self: Dues, *args: Any) -> None:
        gone.set()
        await go_on.wait()
        await noted(self, *args)

    monkeypatch.setattr(Dues, "remember", held)
    async with engine(database, linger=0) as baton:
        execution = await baton.start(workflow("w", [ask("q")]))
        await asyncio.wait_for(gone.wait(), 60)
        if what == "decision":
            await baton.decide(execution.id, "q", "approve", by="ann")
        else:
            await (baton.cancel if what == "cancel" else baton.pause)(execution.id, by="ann")
        go_on.set()
        execution = await asyncio.wait_for(baton.wait(execution.id, "rest"), 60)
        for _ in range(2000):
            if execution.status != "waiting":
                break
            await asyncio.sleep(0.002)
            execution = await asyncio.wait_for(baton.wait(execution.id, "rest"), 60)
    assert execution.status == {"decision": "completed", "cancel": "cancelled", "pause": "paused"}[what]
