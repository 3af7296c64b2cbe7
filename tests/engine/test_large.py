"""Very large plans: concurrent partitions, with dependencies, questions and crashes across them."""

import asyncio
import random
from pathlib import Path
from typing import Any

import pytest

from graphs.spec import Workflow
from tests.support.engine.crashes import Crash, crashing, either
from tests.support.engine.engines import act, ask, chain, engine, finished, rested, run, until, wind, workflow
from tests.support.engine.steps import Effects, Gates


def fan(count: int) -> list[dict[str, Any]]:
    """One, then very many side by side, then one."""
    middle = [act(f"m{i}", "first") for i in range(count - 2)]
    return [act("first"), *middle, act("last", *(step["name"] for step in middle))]


def tangle(count: int, seed: int = 1) -> list[dict[str, Any]]:
    """Every step depends on up to three earlier ones, wherever these are."""
    chance = random.Random(seed)
    return [act(f"s{i}", *{f"s{chance.randrange(i)}" for _ in range(chance.randint(0, 3)) if i}) for i in range(count)]


SHAPES = {"chain": chain, "fan": fan, "tangle": tangle}


def _in_order(steps: list[dict[str, Any]], done: list[str]) -> bool:
    place = {name: index for index, name in enumerate(done)}
    return all(place[need] < place[step["name"]] for step in steps for need in step["depends_on"])


@pytest.mark.capability("F03", "F07")
@pytest.mark.parametrize("shape", SHAPES)
async def test_a_thousand_steps_in_partitions(shape: str, database: Path, effects: Effects) -> None:
    """Each once, each after all it needs, though what it needs is in another partition."""
    steps = SHAPES[shape](1000)
    async with engine(database, effects=effects) as baton:
        execution = await run(baton, workflow("w", steps, config={"max_parallel_steps": 1000}))
        [planned] = [record for record in await baton.records(execution.id) if record.kind == "execution.planned"]
    assert execution.status == "completed" and planned.data["execution_strategy"]["dispatch"] == "partitioned"
    assert set(effects.counts.values()) == {1} and len(effects.began) == 1000
    assert _in_order(steps, effects.done)


@pytest.mark.capability("F03")
async def test_five_thousand_steps(database: Path, effects: Effects) -> None:
    """The size the design was measured at."""
    steps = tangle(5000)
    async with engine(database, effects=effects) as baton:
        execution = await run(baton, workflow("w", steps, config={"max_parallel_steps": 5000}))
    assert execution.status == "completed" and len(effects.began) == 5000
    assert _in_order(steps, effects.done)


def asking(count: int) -> Workflow:
    """A tangle in which every fiftieth step is a question."""
    steps = [ask(step["name"], *step["depends_on"]) if i % 50 == 9 else step for i, step in enumerate(tangle(count, 3))]
    return workflow("w", steps, config={"max_parallel_steps": 1000})


async def test_questions_inside_partitions_stop_only_what_hangs_on_them(database: Path, effects: Effects) -> None:
    """The others go on; answered one after the other, parked in between; nothing is run twice."""
    definition = asking(400)
    behind: set[str] = set()
    for step in definition.spec.steps:
        if step.type == "approval" or behind & {need.step for need in step.depends_on}:
            behind.add(step.name)
    async with engine(database, effects=effects, partition_size=50) as baton:
        execution = await rested(baton, await baton.start(definition))
        assert set(effects.done) == {step.name for step in definition.spec.steps} - behind
    async with engine(database, effects=effects, partition_size=50) as baton:
        execution = await wind(baton, execution)
    assert execution.status == "completed" and set(effects.counts.values()) == {1}
    assert len(effects.began) == 400 - 8


@pytest.mark.parametrize("point", [30, 150, 400])
async def test_a_crash_in_the_middle_of_partitions(point: int, tmp_path: Path) -> None:
    """What was kept is not done again, whichever partition it was in; the partitions stay as they were cut."""
    definition, effects, crash = asking(400), Effects(), Crash(point)
    database = tmp_path / "a.db"

    async def live() -> Any:
        async with engine(database, effects=effects, partition_size=50) as baton:
            if await baton.store.execution("e") is None:
                await baton.start(definition, execution_id="e")
            return await wind(baton, "e")

    with crashing(crash):
        await either(live(), crash)
    assert crash.happened.is_set()
    kept = len(effects.done)
    execution = await asyncio.wait_for(live(), 60)
    assert execution.status == "completed" and set(effects.began) >= {"s0", "s399"}
    assert set(effects.counts.values()) <= {1, 2}
    assert kept >= point // 3, "it was in the middle"


@pytest.mark.capability("X18")
async def test_a_failure_in_one_partition_ends_the_others(database: Path, effects: Effects) -> None:
    """And is compensated once all of them have ended."""
    steps = [*chain(60), act("bad", "s5", fail=True), act("after", "bad")]
    steps[3]["compensate"] = act("undo")
    async with engine(database, effects=effects, partition_size=10) as baton:
        execution = await run(baton, workflow("w", steps))
    assert execution.status == "compensated" and effects.began[-1] == "~compensation.undo"
    assert "after" not in effects.began and "s59" not in effects.began


async def test_cancel_reaches_every_partition(database: Path, gates: Gates, effects: Effects) -> None:
    """What runs in them is stopped."""
    steps = [act(f"s{i}", gate="g") for i in range(60)]
    async with engine(database, gates=gates, effects=effects, partition_size=10) as baton:
        execution = await baton.start(workflow("w", steps, config={"max_parallel_steps": 60}))
        await until(lambda: len(effects.began) == 60)
        await baton.cancel(execution.id)
        execution = await finished(baton, execution)
        results = await baton.results(execution.id)
    assert execution.status == "cancelled" and len(results) == 60
    assert {result["status"] for result in results.values()} == {"cancelled"}


async def test_a_map_of_a_thousand_items_and_one_inside_another(database: Path, effects: Effects) -> None:
    """A composite's plan is split as the outermost one is; items keep their order."""
    inner = {"name": "m", "type": "map", "config": {"items": list(range(1000)), "max_concurrency": 50}}
    inner["steps"] = [act("x", value="{{ item }}")]
    async with engine(database, effects=effects) as baton:
        execution = await run(baton, workflow("w", [inner], config={"max_parallel_steps": 100}))
    assert [result["value"] for result in execution.output["results"]] == list(range(1000))
    assert effects.most["m/"] <= 50
