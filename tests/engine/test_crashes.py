"""A process that dies between any two commits: every point of one workflow that has everything in it."""

import asyncio
from collections import Counter
from pathlib import Path

import pytest

from graphs.clock import ManualClock
from graphs.spec import Workflow
from orchestrator.engine import Orchestrator
from tests.support.engine.crashes import Crash, crashing, either
from tests.support.engine.engines import act, ask, engine, workflow
from tests.support.engine.engines import wind as answered
from tests.support.engine.steps import Effects

SUB = workflow("sub", [act("x", value="{{ input.n }}"), ask("q", "x"), act("y", "q")])
EVERYTHING = workflow(
    "everything",
    [
        act("a", value=1, variables={"sum": "{{ output.value }}"}),
        act("flaky", fail=1, retry={"max_attempts": 2, "initial_delay": 0}),
        {**act("bad", "a", fail=True), "on_failure": {"action": "fallback", "fallback": act("instead", value=2)}},
        {
            "name": "m",
            "type": "map",
            "depends_on": ["bad"],
            "config": {"items": [1, 2]},
            "steps": [act("i", value="{{ item }}"), ask("ok"), act("j")],
        },
        {"name": "l", "type": "loop", "config": {"while": "index < 3"}, "steps": [act("k", value="{{ index }}")]},
        {"name": "s", "type": "workflow", "depends_on": ["l"], "config": {"workflow": "sub", "input": {"n": 3}}},
        {"name": "d", "type": "delay", "depends_on": ["flaky"], "config": {"seconds": 100}},
        act("end", "m", "s", "d", value="{{ vars.sum + steps.bad.output.value }}"),
    ],
    config={"strategy": "auto"},
)
STAGED = EVERYTHING.model_validate(
    {**EVERYTHING.as_document(), "spec": {**EVERYTHING.as_document()["spec"], "config": {"strategy": "staged"}}}
)
FAILING = workflow(
    "failing",
    [
        act("a", compensate=act("undo_a")),
        act("b", "a", compensate=act("undo_b")),
        {"name": "p", "type": "parallel", "depends_on": ["b"], "steps": [act("c"), act("d", fail=True)]},
        act("never", "p"),
    ],
    compensation={"steps": [act("sweep")]},
)


async def _live(
    database: Path, definition: Workflow, clock: ManualClock, effects: Effects, linger: float
) -> Orchestrator:
    async with engine(
        database, effects=effects, clock=clock, workflows=[SUB], partition_size=10, linger=linger
    ) as baton:
        if await baton.store.execution("e") is None:
            await baton.start(definition, {}, execution_id="e")
        await answered(baton, "e")
        return baton


async def _result(
    database: Path, definition: Workflow, effects: Effects, crash: Crash | None, linger: float
) -> tuple[object, ...]:
    """Everything the execution came to."""
    clock = ManualClock()
    if crash is not None:
        with crashing(crash):
            await either(_live(database, definition, clock, effects, linger), crash)
    await asyncio.wait_for(_live(database, definition, clock, effects, linger), 60)
    async with engine(database, drive=False) as baton:
        execution = await baton.get("e")
        results = await baton.results("e")
        records = Counter(record.path for record in await baton.records("e") if record.path in results)
        settled = Counter(record.path for record in await baton.records("e") if record.kind.split(".")[1] in _SETTLED)
    assert set(settled.values()) == {1}, "each result is kept once"
    outputs = {
        path: (result["status"], result.get("output"), result.get("attempts")) for path, result in results.items()
    }
    return execution.status, execution.output, outputs, len(records)


_SETTLED = ("completed", "failed", "skipped", "cancelled", "timed_out")


@pytest.mark.capability("D01", "D02", "D03", "X16")
@pytest.mark.parametrize(
    ("unheard", "linger"),
    [(False, 0.0), (True, 0.0), (False, 30.0)],
    ids=["lost", "kept but not heard", "lost, lingering"],
)
@pytest.mark.parametrize("definition", [EVERYTHING, STAGED, FAILING], ids=["everything", "staged", "failing"])
async def test_it_does_not_matter_where_the_process_dies(
    definition: Workflow, unheard: bool, linger: float, tmp_path: Path
) -> None:
    """After every single commit in turn: same end, same results, each kept once; at most what was in flight acts
    again."""
    once = Effects()
    expected = await _result(tmp_path / "once.db", definition, once, None, linger)
    point = 0
    while True:
        point += 1
        effects, crash = Effects(), Crash(point, unheard=unheard)
        found = await _result(tmp_path / f"{point}.db", definition, effects, crash, linger)
        assert found[:3] == expected[:3], f"after {point} commits"
        repeated = effects.counts - once.counts
        assert set(repeated.values()) <= {1, 2} and len(repeated) <= 4, f"after {point} commits: {repeated}"
        assert set(effects.began) == set(once.began)
        if not crash.happened.is_set():
            break
    assert point > 20
