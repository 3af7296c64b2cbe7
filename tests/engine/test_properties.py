"""Random workflows: straight through, parked and reopened, crashed. Always the same end, as a simple model says it.

More of them: `pytest tests/engine/test_properties.py --hypothesis-profile=long`.
"""

import asyncio
import contextlib
import sqlite3
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from graphs.clock import ManualClock
from graphs.spec import Workflow
from graphs.state import Result
from graphs.steps import StepContext
from orchestrator.engine import Orchestrator
from tests.support.engine.crashes import Crash, crashing, either
from tests.support.engine.engines import engine, finished, rested
from tests.support.engine.kinds import Flowchart, Made
from tests.support.engine.model import Expected, expect
from tests.support.engine.steps import Effects
from tests.support.engine.strategies import flowcharts

KEY = "e"
LINGER = st.sampled_from([0.0, 30.0])
"""Parked at once, or at rest in memory first."""
PATIENCE = 120


class Case:
    """One random workflow on one file, and everything that must hold of it."""

    def __init__(self, chart: Flowchart, folder: str, linger: float = 0.0) -> None:
        self.chart = chart
        self.linger = linger
        self.expected: Expected = expect(chart)
        self.database = Path(folder) / "a.db"
        self.clock = ManualClock()
        self.effects = Effects(watchers=[self._watch])
        # Stage by stage it must come to the same; which way it goes is drawn with the workflow.
        self.workflow = Workflow.model_validate(chart.document(strategy="staged" if chart.staged else "auto"))
        self.subworkflows = [Workflow.model_validate(document) for document in chart.subworkflows()]
        self.made = {made.name: made for made in chart.everything()}
        self.wrong: list[str] = []
        self._file: sqlite3.Connection | None = None

    def _watch(self, context: StepContext) -> None:
        """A step begins only when what it needs is durable, and never after its own result is."""
        if self._file is None:
            self._file = sqlite3.connect(self.database)
        rows = self._file.execute("SELECT path FROM records WHERE kind LIKE 'step.%ed' AND kind <> 'step.started'")
        kept = {path for (path,) in rows}
        if context.path in kept:
            self.wrong.append(f"{context.path} began after it had ended")
        if missing := self.expected.before.get(context.path, {"it should not begin at all"}) - kept:
            self.wrong.append(f"{context.path} began before {missing}")

    def open(self, **more: Any) -> contextlib.AbstractAsyncContextManager[Orchestrator]:
        return engine(
            self.database,
            effects=self.effects,
            clock=self.clock,
            workflows=self.subworkflows,
            linger=self.linger,
            **more,
        )

    async def begin(self, baton: Orchestrator) -> None:
        if await baton.store.execution(KEY) is None:
            await baton.start(self.workflow, execution_id=KEY)

    async def answer(self, baton: Orchestrator, chosen: Sequence[int] = ()) -> None:
        """Answer what is asked (all of it, or one), or else move the clock."""
        waits = [wait for wait in await baton.waits(KEY) if wait.wait.kind != "timer"]
        if chosen and waits:
            waits = [waits[chosen[0] % len(waits)]]
        for wait in waits:
            made = self._step(wait.path)
            if wait.wait.kind == "approval":
                await baton.decide(KEY, wait.path, "reject" if made.reject else "approve")
            else:
                await baton.publish_event(f"ev-{made.name}", {"n": made.base})
        if not waits and self.clock.next_alarm is not None:
            self.clock.advance(self.clock.next_alarm)

    def _step(self, path: str) -> Made:
        return self.made[path.rsplit(".", 1)[-1]]

    async def wind(self, baton: Orchestrator) -> None:
        """Go on until the end."""
        await self.begin(baton)
        while not (await rested(baton, KEY)).status.final:
            await self.answer(baton)

    async def live(self) -> None:
        """The life of one engine, to the end of the execution."""
        async with self.open() as baton:
            await self.wind(baton)

    async def check(self) -> None:
        """Everything that must hold at the end."""
        async with self.open() as baton:
            execution = await finished(baton, KEY)
            results = await baton.results(KEY)
        if self._file is not None:
            self._file.close()
        assert not self.wrong, self.wrong
        assert {path: result["status"] for path, result in results.items()} == {
            path: settled.status for path, settled in self.expected.settled.items()
        }
        assert {path: _number(result) for path, result in results.items() if result["status"] == "completed"} == {
            path: settled.number for path, settled in self.expected.settled.items() if settled.status == "completed"
        }
        assert execution.status == self.expected.status
        undone = [self.expected.undos[path] for path in results if path in self.expected.undos]
        undoing = [path for path in results if path in self.expected.undos.values()]
        assert undoing == undone[::-1], "what was done last is undone first"
        for path, attempts in self.expected.acts.items():
            assert results[path]["attempts"] == attempts

    def check_effects(self) -> None:
        """Nothing crashed, so every attempt was made exactly once."""
        assert dict(self.effects.counts) == self.expected.acts


def _number(result: Result) -> Any:
    return result["output"].get("n", 0)


CI = settings(max_examples=70, deadline=None, report_multiple_bugs=False)


def _examples(test: Any) -> Any:
    """The short profile, unless a longer one was asked for."""
    return test if settings.get_current_profile_name() == "long" else CI(test)


def _run(work: Any) -> None:
    asyncio.run(asyncio.wait_for(work, PATIENCE))


@pytest.mark.capability("F01", "F03", "F30", "X16", "X17", "A36", "A55")
@_examples
@given(flowcharts(), LINGER)
def test_straight_through_it_ends_as_the_model_says(chart: Flowchart, linger: float) -> None:
    """Every status, every number, every attempt; nothing early, nothing twice."""

    async def work(case: Case) -> None:
        await case.live()
        await case.check()
        case.check_effects()

    with tempfile.TemporaryDirectory() as folder:
        _run(work(Case(chart, folder, linger)))


@pytest.mark.capability("D01", "D02", "X08")
@_examples
@given(flowcharts(), st.lists(st.integers(0, 6), min_size=4, max_size=4), st.integers(0, 3), LINGER)
def test_parked_and_reopened_it_ends_the_same(chart: Flowchart, chosen: list[int], live: int, linger: float) -> None:
    """Whatever order the answers come in, one at a time or all, in the process that asked or in another."""

    async def work(case: Case) -> None:
        turn, final = 0, False
        while not final:
            async with case.open() as baton:
                await case.begin(baton)
                for _ in range(live + 1):
                    final = (await rested(baton, KEY)).status.final
                    if final:
                        break
                    await case.answer(baton, chosen[turn % 4 :] if turn < 12 else ())
                    turn += 1
        await case.check()
        case.check_effects()

    with tempfile.TemporaryDirectory() as folder:
        _run(work(Case(chart, folder, linger)))


@pytest.mark.capability("D01", "D02")
@_examples
@given(flowcharts(), st.lists(st.tuples(st.integers(1, 40), st.booleans()), min_size=1, max_size=4), LINGER)
def test_crashed_at_any_commit_it_ends_the_same(
    chart: Flowchart, points: list[tuple[int, bool]], linger: float
) -> None:
    """Only steps that were in flight may act again; what was kept is never done again."""

    async def work(case: Case) -> None:
        for after, unheard in points:
            crash = Crash(after, unheard=unheard)
            with crashing(crash):
                if await either(case.live(), crash):
                    break
        await case.live()
        await case.check()

    with tempfile.TemporaryDirectory() as folder:
        _run(work(Case(chart, folder, linger)))
