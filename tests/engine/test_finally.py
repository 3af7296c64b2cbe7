"""`finally` steps run however it ended: well, badly, out of time, cancelled; never twice, never not at all."""

from pathlib import Path
from typing import Any

import pytest

from graphs.clock import ManualClock
from graphs.errors import ConflictError
from tests.support.engine.engines import act, ask, chain, engine, finished, rested, run, wind, workflow
from tests.support.engine.steps import Effects, Gates

LAST = [act("close", value="{{ [outcome, error.code if outcome != 'completed' else 'fine'] }}"), act("sweep")]


def _last(effects: Effects) -> list[str]:
    return [path for path in effects.began if path.startswith("~")]


@pytest.mark.capability("E17", "E25", "X15")
@pytest.mark.parametrize(
    ("steps", "status", "outcome"),
    [
        ([act("a")], "completed", ["completed", "fine"]),
        ([act("a", fail=True)], "failed", ["failed", "step_failed"]),
        ([act("a", compensate=act("undo")), act("bad", "a", fail=True)], "compensated", ["failed", "step_failed"]),
        ([act("a", fail=True, on_failure={"action": "continue"})], "completed", ["completed", "fine"]),
    ],
)
async def test_they_run_last_and_see_how_it_ended(
    steps: list[Any], status: str, outcome: list[str], database: Path, effects: Effects
) -> None:
    async with engine(database, effects=effects) as baton:
        execution = await run(baton, workflow("w", steps, **{"finally": LAST}))
        results = await baton.results(execution.id)
    assert execution.status == status
    assert _last(effects)[-2:] == ["~finally.close", "~finally.sweep"]
    assert results["~finally.close"]["output"]["value"] == outcome
    assert results["~finally"]["output"] == {"completed": ["close", "sweep"], "failed": []}
    assert results["~finally"]["started_at"] == results["~finally.close"]["started_at"], "it took as long as they did"


@pytest.mark.capability("E17")
async def test_one_that_fails_does_not_keep_the_others_from_running(database: Path, effects: Effects) -> None:
    """Nor does it change how the execution ended."""
    last = [act("broken", fail=True), act("sweep")]
    async with engine(database, effects=effects) as baton:
        execution = await run(baton, workflow("w", [act("a", value=1)], **{"finally": last}))
        results = await baton.results(execution.id)
    assert execution.status == "completed" and execution.output["value"] == 1
    assert results["~finally"]["output"] == {"completed": ["sweep"], "failed": ["broken"]}


@pytest.mark.capability("O23", "E06", "E25")
@pytest.mark.parametrize("how", ["cancel", "timeout", "terminate"])
async def test_after_a_cancel_and_a_time_limit_too(how: str, database: Path, effects: Effects, gates: Gates) -> None:
    """Only who terminates wants nothing more to run."""
    clock = ManualClock()
    definition = workflow("w", [act("slow", gate="never", timeout=999)], config={"timeout": 60}, **{"finally": LAST})
    async with engine(database, effects=effects, gates=gates, clock=clock) as baton:
        execution = await baton.start(definition)
        await gates.reached("never")
        if how == "timeout":
            clock.advance(61)
        else:
            await (baton.cancel if how == "cancel" else baton.terminate)(execution.id, by="ann")
        execution = await finished(baton, execution)
    assert execution.status == {"timeout": "timed_out"}.get(how, "cancelled")
    assert _last(effects) == ([] if how == "terminate" else ["~finally.close", "~finally.sweep"])


@pytest.mark.capability("O23")
async def test_a_cancel_while_they_run_changes_nothing(database: Path, effects: Effects, gates: Gates) -> None:
    last = [act("close", gate="g"), act("sweep")]
    async with engine(database, effects=effects, gates=gates) as baton:
        execution = await baton.start(workflow("w", [act("a", value=1)], **{"finally": last}))
        await gates.reached("g")
        with pytest.raises(ConflictError, match="is ending already: it has completed"):
            await baton.cancel(execution.id, by="ann")
        gates.open("g")
        execution = await finished(baton, execution)
    assert execution.status == "completed" and _last(effects) == ["~finally.close", "~finally.sweep"]


@pytest.mark.capability("O23")
async def test_who_terminates_ends_them_too(database: Path, effects: Effects, gates: Gates) -> None:
    last = [act("close", gate="g"), act("sweep")]
    async with engine(database, effects=effects, gates=gates) as baton:
        execution = await baton.start(workflow("w", [act("a")], **{"finally": last}))
        await gates.reached("g")
        await baton.terminate(execution.id, by="ann")
        execution = await finished(baton, execution)
    assert execution.status == "completed" and _last(effects) == ["~finally.close"]


@pytest.mark.capability("F24")
@pytest.mark.parametrize("fails", [False, True])
async def test_a_sub_workflow_has_its_own(fails: bool, database: Path, effects: Effects) -> None:
    """They are over before the step is; what follows it waits for them."""
    inner = workflow("inner", [act("a", fail=fails)], **{"finally": [act("close", value="{{ outcome }}")]})
    steps = [{"name": "sub", "type": "workflow", "config": {"workflow": "inner"}}, act("after", "sub")]
    async with engine(database, effects=effects, workflows=[inner]) as baton:
        execution = await run(baton, workflow("w", steps))
        results = await baton.results(execution.id)
    assert effects.began == ["sub.a", "sub.~finally.close", *([] if fails else ["after"])]
    assert results["sub.~finally.close"]["output"]["value"] == ("failed" if fails else "completed")
    assert execution.status == ("failed" if fails else "completed")


async def test_they_outlive_the_process(database: Path, effects: Effects) -> None:
    """After a compensation, with a question in between; nothing is done twice."""
    steps = [act("a", compensate=act("undo")), act("bad", "a", fail=True), act("c", "bad")]
    definition = workflow("w", steps, **{"finally": [act("one"), ask("may_i"), act("two", value="{{ outcome }}")]})
    async with engine(database, effects=effects) as baton:
        execution = await rested(baton, await baton.start(definition))
        assert [wait.path for wait in await baton.waits(execution.id)] == ["~finally.may_i"]
    for _ in range(2):
        async with engine(database, effects=effects) as baton:
            await baton.resume(execution.id)
            assert (await rested(baton, execution)).status == "waiting"
    async with engine(database, effects=effects) as baton:
        execution = await wind(baton, execution)
        results = await baton.results(execution.id)
    assert execution.status == "compensated"
    assert effects.began == ["a", "bad", "~compensation.undo", "~finally.one", "~finally.two"]
    assert results["~finally.two"]["output"]["value"] == "failed"


async def test_a_large_staged_and_empty_plan_has_them_too(database: Path, effects: Effects) -> None:
    """However its steps are sent."""
    for strategy in ("partitioned", "staged", "dataflow"):
        effects.began.clear()
        definition = workflow(f"w{strategy}", chain(32), config={"strategy": strategy}, **{"finally": LAST})
        async with engine(database, effects=effects, partition_size=10) as baton:
            assert (await run(baton, definition)).status == "completed"
        assert len(effects.began) == 34 and _last(effects) == ["~finally.close", "~finally.sweep"]


@pytest.mark.capability("E25", "D03")
@pytest.mark.parametrize("way", ["retry", "fork", "redrive"])
async def test_an_execution_that_goes_on_comes_to_an_end_again(way: str, database: Path, effects: Effects) -> None:
    """And runs them then, under a new key: who honours the one of the end before would do nothing."""
    definition = workflow("w", [act("a"), act("b", "a", fail=True)], **{"finally": LAST})
    async with engine(database, effects=effects) as baton:
        execution = await run(baton, definition)
        if way == "retry":
            await baton.retry(execution.id)
        elif way == "fork":
            execution = await baton.fork(execution.id, "b")
        else:
            await baton.redrive([letter.id for letter in await baton.dead_letters()])
        execution = await finished(baton, execution)
        results = await baton.results(execution.id)
    assert execution.status == "failed" and results["~finally.close"]["status"] == "completed"
    assert _last(effects) == ["~finally.close", "~finally.sweep"] * 2
    assert len(set(effects.keys["~finally.close"])) == 2
    assert len(set(effects.keys["b"])) == (2 if way == "fork" else 1), "what failed keeps its key"


@pytest.mark.capability("F24", "E25")
async def test_a_sub_workflow_that_goes_on_has_them_again(database: Path, effects: Effects) -> None:
    last = [act("close", value="{{ outcome }}")]
    inner = workflow("inner", [act("a"), act("b", "a", fail=True)], **{"finally": last})
    steps = [{"name": "sub", "type": "workflow", "config": {"workflow": "inner"}}]
    async with engine(database, effects=effects, workflows=[inner]) as baton:
        execution = await run(baton, workflow("w", steps))
        await baton.retry(execution.id)
        execution = await finished(baton, execution)
        results = await baton.results(execution.id)
    assert execution.status == "failed" and results["sub.~finally.close"]["output"]["value"] == "failed"
    assert effects.began == ["sub.a", "sub.b", "sub.~finally.close", "sub.b", "sub.~finally.close"]
    assert len(set(effects.keys["sub.~finally.close"])) == 2


async def test_going_back_to_one_of_them_makes_them_anew_and_nothing_else(database: Path, effects: Effects) -> None:
    definition = workflow("w", [act("a"), act("b")], **{"finally": LAST})
    async with engine(database, effects=effects) as baton:
        execution = await run(baton, definition)
        await baton.retry(execution.id, from_step="~finally.sweep")
        await finished(baton, execution)
    assert sorted(effects.began) == ["a", "b", *["~finally.close"] * 2, *["~finally.sweep"] * 2]


async def test_a_crash_among_them_does_not_change_their_keys(database: Path, effects: Effects) -> None:
    """Of the end that was come to last, in whichever process."""
    definition = workflow("w", [act("a", fail=True)], **{"finally": [act("one"), ask("may_i"), act("two")]})
    async with engine(database, effects=effects) as baton:
        execution = await wind(baton, await baton.start(definition))
        await baton.retry(execution.id)
        execution = await rested(baton, execution)
        assert execution.status == "waiting"
    async with engine(database, effects=effects) as baton:
        await baton.resume(execution.id)
        execution = await wind(baton, execution)
    keys = effects.keys
    ends = [key.rpartition(":")[2] for key in keys["~finally.one"]]
    assert execution.status == "failed"
    assert ends == [key.rpartition(":")[2] for key in keys["~finally.two"]] == ["0", "1"]
