"""Time limits: of attempts, of the execution's own work, of the whole; and waits that survive the process."""

import asyncio
from pathlib import Path
from typing import Any

import pytest

from graphs.clock import ManualClock
from tests.support.engine.engines import (
    act,
    ask,
    engine,
    finished,
    rested,
    rings_in,
    run,
    statuses,
    turns,
    until,
    workflow,
)
from tests.support.engine.steps import Effects, Gates


@pytest.mark.capability("E07", "P02")
async def test_an_attempt_that_takes_too_long_is_stopped_and_tried_again(
    database: Path, effects: Effects, gates: Gates
) -> None:
    """The limit is for each attempt; the step times out when no attempt is left."""
    clock = ManualClock()
    slow = act("slow", gate="g", timeout=5, retry={"max_attempts": 2, "initial_delay": 1, "jitter": 0})
    async with engine(database, clock=clock, effects=effects, gates=gates) as baton:
        execution = await baton.start(workflow("w", [slow, act("after", "slow")]))
        await gates.reached("g")
        clock.advance(5)
        await until(rings_in(clock, 1))
        clock.advance(1)
        await until(lambda: effects.counts["slow"] == 2)
        clock.advance(5)
        execution = await finished(baton, execution)
        results = await baton.results(execution.id)
    assert execution.status == "timed_out"
    assert results["slow"]["status"] == "timed_out" and results["slow"]["attempts"] == 2
    assert results["slow"]["error"]["code"] == "step_timeout"


@pytest.mark.capability("P02", "M03")
async def test_without_a_limit_of_its_own_an_attempt_may_take_five_minutes(database: Path, gates: Gates) -> None:
    """The type's default; `step_timeout` of the workflow replaces it."""
    for config, limit in (({}, 300), ({"step_timeout": 20}, 20)):
        clock = ManualClock()
        async with engine(database, clock=clock, gates=gates) as baton:
            execution = await baton.start(workflow("w", [act("slow", gate=f"g{limit}")], config=config))
            await gates.reached(f"g{limit}")
            clock.advance(limit - 1)
            await turns(baton)
            assert not (await baton.get(execution.id)).status.final
            clock.advance(1)
            assert (await finished(baton, execution)).status == "timed_out"


@pytest.mark.capability("E08", "ST4", "P01")
async def test_an_execution_at_work_longer_than_its_timeout_is_timed_out(database: Path, gates: Gates) -> None:
    """What runs is stopped, what has not begun is skipped, what is done stays."""
    clock = ManualClock()
    steps = [act("quick"), act("slow", "quick", gate="g", timeout=99), act("never", "slow")]
    async with engine(database, clock=clock, gates=gates) as baton:
        execution = await baton.start(workflow("w", steps, config={"timeout": 30}))
        await gates.reached("g")
        clock.advance(30)
        execution = await finished(baton, execution)
        assert await statuses(baton, execution) == {"quick": "completed", "slow": "cancelled", "never": "skipped"}
    assert execution.status == "timed_out"
    assert execution.error is not None and "timeout of 30 s" in execution.error["message"]


@pytest.mark.capability("X33")
async def test_a_deadline_bounds_the_whole_while_it_rests(database: Path) -> None:
    """An execution that waits for a person for ever ends at its deadline, without anybody asking."""
    clock = ManualClock()
    async with engine(database, clock=clock) as baton:
        execution = await baton.start(workflow("w", [ask("q")], config={"deadline": 100}))
        await rested(baton, execution)
        clock.advance(99)
        await turns(baton)
        assert (await baton.get(execution.id)).status == "waiting"
        clock.advance(1)
        execution = await finished(baton, execution)
        assert await baton.waits(execution.id) == []
    assert execution.status == "timed_out"
    assert execution.error is not None and "deadline of 100 s" in execution.error["message"]


@pytest.mark.capability("X33", "D01")
async def test_a_deadline_that_passed_while_nobody_was_there_is_noticed_at_once(database: Path) -> None:
    """The engine opens after it, and the execution ends before anything of it begins again."""
    clock = ManualClock()
    async with engine(database, clock=clock) as baton:
        execution = await baton.start(workflow("w", [ask("q"), act("after", "q")], config={"deadline": 100}))
        await rested(baton, execution)
    clock.advance(1000)
    async with engine(database, clock=clock) as baton:
        execution = await finished(baton, execution)
    assert execution.status == "timed_out"


@pytest.mark.capability("D05", "T16", "X08")
async def test_a_delay_of_days_survives_the_process(database: Path, effects: Effects) -> None:
    """The end of the wait is kept: neither reopening nor waiting again moves it."""
    clock = ManualClock()
    steps = [{"name": "d", "type": "delay", "config": {"duration": "3d"}}, act("after", "d")]
    async with engine(database, clock=clock, effects=effects) as baton:
        execution = await rested(baton, await baton.start(workflow("w", steps)))
    clock.advance(2 * 86400)
    async with engine(database, clock=clock, effects=effects) as baton:
        await rested(baton, execution)
        clock.advance(86400 - 1)
        await turns(baton)
        assert effects.began == []
        clock.advance(1)
        execution = await finished(baton, execution)
    assert execution.status == "completed" and effects.began == ["after"]


@pytest.mark.capability("T16", "X08")
async def test_a_timer_that_rang_while_nobody_was_there_is_over_at_once(database: Path) -> None:
    """The engine finds it when it opens."""
    clock = ManualClock()
    steps = [{"name": "d", "type": "delay", "config": {"seconds": 50}}, act("after", "d")]
    async with engine(database, clock=clock) as baton:
        execution = await rested(baton, await baton.start(workflow("w", steps)))
    clock.advance(51)
    async with engine(database, clock=clock) as baton:
        assert (await finished(baton, execution)).status == "completed"


@pytest.mark.capability("P09", "I08")
@pytest.mark.parametrize(
    ("on_timeout", "status", "step"),
    [
        ("fail", "timed_out", "timed_out"),
        ("approve", "completed", "completed"),
        ("reject", "failed", "failed"),
        ("continue", "completed", "completed"),
    ],
)
async def test_a_question_nobody_answers_in_time(on_timeout: str, status: str, step: str, database: Path) -> None:
    """What it means is the step's to say."""
    clock = ManualClock()
    async with engine(database, clock=clock) as baton:
        execution = await baton.start(workflow("w", [ask("q", timeout="48h", on_timeout=on_timeout)]))
        await rested(baton, execution)
        clock.advance(48 * 3600)
        execution = await finished(baton, execution)
        assert (await statuses(baton, execution))["q"] == step
    assert execution.status == status


@pytest.mark.capability("P09", "I08", "I04", "E05")
async def test_an_output_stands_for_an_answer_that_did_not_come(database: Path) -> None:
    """For a question and for an event alike."""
    late = {"action": "continue", "output": {"late": True}}
    event = {"name": "e", "type": "wait_for_event", "config": {"event_type": "never", "timeout": 60}}
    clock = ManualClock()
    async with engine(database, clock=clock) as baton:
        steps = [{**ask("q", timeout=60), "on_timeout": late}, {**event, "on_timeout": late}]
        execution = await rested(baton, await baton.start(workflow("w", steps)))
        clock.advance(60)
        execution = await finished(baton, execution)
        results = await baton.results(execution.id)
    assert execution.status == "completed"
    assert [results[name].get("output") for name in ("q", "e")] == [{"late": True}] * 2


async def test_a_timeout_ends_nothing_that_has_ended(database: Path) -> None:
    """Its alarm is taken down with the drive."""
    clock = ManualClock()
    async with engine(database, clock=clock) as baton:
        execution = await run(baton, workflow("w", [act("a")], config={"timeout": 5, "deadline": 5}))
        clock.advance(10)
        await turns(baton)
        assert (await baton.get(execution.id)).status == "completed"
        assert clock.next_alarm is None


@pytest.mark.capability("E07", "P02", "D05")
async def test_a_step_with_steps_inside_has_its_time_also_while_it_rests_in_another_process(database: Path) -> None:
    """Its end is fixed when it opens: neither a wait nor a new engine moves it, and nobody has to ask."""
    clock = ManualClock()
    group = {"name": "g", "type": "parallel", "timeout": 100, "steps": [act("x"), ask("q")]}
    async with engine(database, clock=clock) as baton:
        execution = await rested(baton, await baton.start(workflow("w", [group, act("after", "g")])))
    clock.advance(60)
    async with engine(database, clock=clock) as baton:
        await baton.resume(execution.id)
        await rested(baton, execution)
        clock.advance(39)
        await turns(baton)
        assert (await baton.get(execution.id)).status == "waiting"
        clock.advance(1)
        execution = await finished(baton, execution)
        settled = await statuses(baton, execution)
        assert await baton.waits(execution.id) == []
    assert (execution.status, settled["g"], settled["g.x"], settled["after"]) == (
        "timed_out",
        "timed_out",
        "completed",
        "skipped",
    )


WHOLE = {"max_attempts": 100, "backoff": "fixed", "initial_delay": "20s", "jitter": 0}


@pytest.mark.capability("E07", "E01", "Q03", "Q07")
async def test_a_step_with_all_its_attempts_ends_by_its_deadline(database: Path, effects: Effects) -> None:
    """Also over several processes; no pause is begun that would outlast it."""
    clock = ManualClock()
    definition = workflow("w", [act("a", fail=True, retry=WHOLE, deadline="50s")])
    async with engine(database, clock=clock, effects=effects) as baton:
        execution = await rested(baton, await baton.start(definition))
    clock.advance(20)
    async with engine(database, clock=clock, effects=effects) as baton:
        await until(lambda: effects.counts["a"] == 2)
        await rested(baton, execution)
        clock.advance(20)
        execution = await finished(baton, execution)
        error = (await baton.results(execution.id))["a"]["error"]
    assert execution.status == "timed_out" and effects.counts["a"] == 3
    assert (error["code"], error["category"], error["limit"]) == ("step_deadline", "timeout", 50)
    assert error["message"] == (
        "step 'a': its deadline of 50s leaves no time for another attempt. The last one: asked to fail"
    )


@pytest.mark.capability("E07")
async def test_an_attempt_is_stopped_when_the_steps_deadline_is_over(database: Path, gates: Gates) -> None:
    """Though its own limit is not; what `on_timeout` says of the step is done."""
    clock = ManualClock()
    step = act("a", gate="g", timeout=300, deadline=30, on_timeout={"action": "continue", "output": {"late": True}})
    async with engine(database, clock=clock, gates=gates) as baton:
        execution = await baton.start(workflow("w", [step, act("after", "a")]))
        await gates.reached("g")
        clock.advance(30)
        execution = await finished(baton, execution)
        result = (await baton.results(execution.id))["a"]
    assert execution.status == "completed"
    assert (result["status"], result["error"]["code"], result["output"]) == (
        "timed_out",
        "step_deadline",
        {"late": True},
    )


def _instead(step: dict[str, Any]) -> dict[str, Any]:
    return {"on_failure": {"action": "fallback", "fallback": step}}


BOSS = {"name": "boss", "type": "approval", "config": {"message": "Really?", "assignees": ["boss"]}}
LATE = act("late", depends_on=[{"step": "w", "outcome": "failed"}])


@pytest.mark.capability("P09", "I08", "E05", "E14", "E17", "X15")
@pytest.mark.parametrize("kind", ["approval", "wait_for_event"])
@pytest.mark.parametrize(
    ("more", "next_", "status", "began"),
    [
        ({}, LATE, "timed_out", ["late", "~compensation.undo"]),
        (
            _instead(act("instead")),
            act("b", "w"),
            "completed",
            ["w~fallback", "b"],
        ),
        (_instead(BOSS), act("b", "w"), "completed", ["b"]),
        ({"on_timeout": {"action": "continue"}}, act("b", "w"), "completed", ["b"]),
        (
            {"on_timeout": {"action": "compensate", "compensation_workflow": "clean"}},
            act("b", "w"),
            "timed_out",
            ["~compensation.clean.sweep"],
        ),
    ],
    ids=["another branch", "something instead", "somebody else", "go on", "a workflow that cleans up"],
)
async def test_what_happens_when_nobody_answers_in_time(
    more: dict[str, Any],
    next_: dict[str, Any],
    status: str,
    began: list[str],
    kind: str,
    database: Path,
    effects: Effects,
) -> None:
    """The step says it; when nothing is said, what was done is undone as after any failure."""
    clock = ManualClock()
    config = {"timeout": "24h"} | ({"event_type": "paid"} if kind == "wait_for_event" else {})
    steps = [
        act("a", compensate=act("undo")),
        {"name": "w", "type": kind, "depends_on": ["a"], "config": config, **more},
        next_,
    ]
    definition = workflow("w", steps, config={"failure_policy": "continue"})
    async with engine(database, clock=clock, effects=effects, workflows=[workflow("clean", [act("sweep")])]) as baton:
        await baton.publish(workflow("clean", [act("sweep")]))
        execution = await rested(baton, await baton.start(definition))
        clock.advance(24 * 3600)
        while not (execution := await baton.get(execution.id)).status.final:
            for wait in await baton.waits(execution.id):
                if wait.wait.assignees == ("boss",):
                    await baton.decide(execution.id, wait.path, "approve", by="boss")
            await asyncio.sleep(0)
    assert (execution.status, effects.began[1:]) == (status, began)
    assert execution.compensation == ("compensated" if status == "timed_out" else None)
