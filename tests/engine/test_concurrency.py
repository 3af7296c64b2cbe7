"""How many at once: never more than the group, the workflow and the engine allow; joins that do not wait for all."""

import threading
from pathlib import Path
from typing import Any

import pytest

from agents import Functions
from graphs.clock import ManualClock
from graphs.validation import validate
from tests.support.engine.engines import (
    TYPES,
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


def _many(count: int, **more: Any) -> list[dict[str, Any]]:
    return [act(f"s{i}", yields=i % 5, **more) for i in range(count)]


@pytest.mark.capability("F11", "P06", "O15")
@pytest.mark.parametrize(("limit", "most"), [(None, 10), (1, 1), (3, 3), (50, 30)])
async def test_never_more_steps_of_a_workflow_at_work_than_it_allows(
    limit: int | None, most: int, database: Path, effects: Effects, gates: Gates
) -> None:
    """Ten unless it is said; and as many as that, not fewer."""
    config = {} if limit is None else {"max_parallel_steps": limit}
    async with engine(database, effects=effects, gates=gates) as baton:
        execution = await baton.start(workflow("w", _many(30, gate="g"), config=config))
        await until(lambda: len(effects.began) == most)
        await turns(baton)
        gates.open("g")
        await finished(baton, execution)
    assert effects.most[""] == most


@pytest.mark.capability("F11", "P06")
async def test_a_group_has_a_limit_of_its_own(database: Path, effects: Effects) -> None:
    """Nested groups are under all of them; composite steps themselves take no place, or they would block each other."""
    inner = {"name": "in", "type": "map", "config": {"items": list(range(6)), "max_concurrency": 4}}
    inner["steps"] = [act("x", yields=3)]
    outer = {"name": "g", "type": "parallel", "config": {"max_concurrency": 3}, "steps": [inner, *_many(6)]}
    other = {"name": "h", "type": "map", "config": {"items": list(range(8)), "max_concurrency": 2}}
    other["steps"] = [act("y", yields=2)]
    async with engine(database, effects=effects) as baton:
        execution = await run(baton, workflow("w", [outer, other], config={"max_parallel_steps": 4}))
    assert execution.status == "completed"
    assert effects.most["g/"] <= 3 and effects.most["h/"] <= 2 and effects.most[""] <= 4


@pytest.mark.capability("P06", "O15", "A53")
async def test_the_engine_limits_steps_and_executions_over_all(database: Path, effects: Effects, gates: Gates) -> None:
    """A second execution waits for its turn when there is no room, and gets it."""
    async with engine(database, effects=effects, gates=gates, max_executions=2, max_steps=3) as baton:
        started = [await baton.start(workflow("w", _many(4, gate="g"))) for _ in range(4)]
        await until(lambda: len(effects.began) == 3)
        await turns(baton)
        assert len(effects.began) == 3
        gates.open("g")
        assert {(await finished(baton, execution)).status for execution in started} == {"completed"}
    assert effects.most[""] == 3


@pytest.mark.capability("F29")
async def test_a_step_that_waits_for_the_world_outside_takes_no_place(database: Path, effects: Effects) -> None:
    """Twenty open questions do not stop the one step that is allowed to run."""
    steps = [*(ask(f"q{i}") for i in range(20)), act("a")]
    async with engine(database, effects=effects) as baton:
        await rested(baton, await baton.start(workflow("w", steps, config={"max_parallel_steps": 1})))
    assert effects.done == ["a"]


@pytest.mark.capability("F12", "X32")
@pytest.mark.parametrize("config", [{"first": 2}, {"wait_for_all": False, "min_success": 2}])
async def test_the_first_so_many_release_the_join_and_the_rest_is_cancelled(
    config: dict[str, Any], database: Path, effects: Effects, gates: Gates
) -> None:
    """What runs is stopped, what waits is not begun, and the group has succeeded."""
    steps = [act("a"), act("b"), act("slow", gate="never"), ask("q"), act("later", "slow")]
    group = {"name": "g", "type": "parallel", "config": config, "steps": steps}
    async with engine(database, effects=effects, gates=gates) as baton:
        execution = await run(baton, workflow("w", [group, act("after", "g")]))
        settled = await statuses(baton, execution)
        assert await baton.waits(execution.id) == []
    assert execution.status == "completed" and settled["after"] == "completed"
    assert settled["g.slow"] == "cancelled" and settled["g.later"] == "skipped"
    assert settled["g.q"] in ("cancelled", "skipped")


@pytest.mark.capability("F12", "X32", "F08")
async def test_first_counts_whole_items_of_a_map(database: Path, gates: Gates) -> None:
    """An item has succeeded when its last step has."""
    steps = [act("a", gate="g{{ item }}"), act("b")]
    group = {"name": "m", "type": "map", "config": {"items": [0, 1, 2], "first": 1}, "steps": steps}
    async with engine(database, gates=gates) as baton:
        execution = await baton.start(workflow("w", [group]))
        gates.open("g1")
        execution = await finished(baton, execution)
        settled = await statuses(baton, execution)
    assert {path: settled[path] for path in ("m[1].a", "m[1].b", "m[0].a", "m[0].b")} == {
        "m[1].a": "completed",
        "m[1].b": "completed",
        "m[0].a": "cancelled",
        "m[0].b": "skipped",
    }


@pytest.mark.capability("E19", "F07")
@pytest.mark.parametrize(
    ("config", "status"),
    [
        ({}, "failed"),
        ({"min_success": 2}, "completed"),
        ({"min_success": 3}, "failed"),
        ({"min_success_rate": 0.5}, "completed"),
        ({"failure_policy": "continue_on_partial_failure"}, "completed"),
    ],
)
async def test_a_group_succeeds_with_as_many_as_it_asks_for(
    config: dict[str, Any], status: str, database: Path
) -> None:
    """All, so many, a rate, or at least one; and it says what each of them did."""
    group = {"name": "g", "type": "parallel", "config": config, "steps": [act("a"), act("b"), act("bad", fail=True)]}
    async with engine(database) as baton:
        execution = await run(baton, workflow("w", [group]))
        output = (await baton.results(execution.id))["g"]["output"]
    assert execution.status == status
    assert (output["successful_steps"], output["failed_steps"]) == (2, 1)
    assert [failure["step_id"] for failure in output["failures"]] == ["bad"]


@pytest.mark.capability("E19", "F07", "F22")
@pytest.mark.parametrize("word", ["min_success", "first"])
@pytest.mark.parametrize("kind", ["map", "parallel"])
async def test_more_successes_than_there_are_steps_are_a_failure_before_anything_is_done(
    kind: str, word: str, database: Path, effects: Effects
) -> None:
    """Known only at run time; what is known before is a problem of the definition."""
    config: dict[str, Any] = {word: "{{ input.least }}"}
    if kind == "map":
        config["items"], more = "{{ input.items }}", {"steps": [act("a")]}
    else:
        more = {}
        config["steps_from"] = [{"name": "x", "type": "act"}, {"name": "y", "type": "act"}]
    group = {"name": "g", "type": kind, "config": config, **more}
    async with engine(database, effects=effects) as baton:
        execution = await run(baton, workflow("w", [group]), {"items": [1, 2], "least": 3})
        assert execution.error is not None and execution.error["code"] == f"{word}_impossible"
        assert execution.error["message"] == f"step 'g': 3 must succeed ('{word}'), and there are 2."
        assert execution.error["hint"] == "Ask for 2 at most, or add what is missing."
        assert effects.began == []
        assert (await run(baton, workflow("w", [group]), {"items": [1, 2], "least": 2})).status == "completed"


@pytest.mark.capability("E19", "F07")
@pytest.mark.parametrize(
    "group",
    [
        {"type": "parallel", "steps": [act("a"), act("b")]},
        {"type": "parallel", "branches": {"x": [act("a")], "y": [act("a")]}},
        {"type": "map", "config": {"items": [1, 2]}, "steps": [act("a")]},
    ],
)
def test_more_successes_than_there_can_be_are_a_problem_of_the_definition(group: dict[str, Any]) -> None:
    hint = "Ask for 2 at most, or add what is missing."
    for word, key in (("min_success", "min_success"), ("minimum_success_count", "min_success"), ("first", "first")):
        for least in (2, 3):
            step = {"name": "g", **group, "config": {**group.get("config", {}), word: least}}
            found = list(validate(workflow("w", [step]), TYPES))
            wrong = [problem for problem in found if problem.code == f"{key}_impossible"]
            assert [(problem.message, problem.hint, problem.where) for problem in wrong] == (
                [("step 'g': 3 must succeed, and there are 2.", hint, f"steps.g.config.{key}")] if least == 3 else []
            )


async def test_a_step_that_is_there_for_a_failure_does_not_spoil_the_group(database: Path) -> None:
    """When nothing fails it is not needed, which is no reason for the group not to succeed."""
    group = {"name": "g", "type": "parallel", "steps": [act("a"), act("handler", fail=False)]}
    group["steps"][1]["depends_on"] = [{"step": "a", "outcome": "failed"}]
    async with engine(database) as baton:
        execution = await run(baton, workflow("w", [group]))
        results = await baton.results(execution.id)
    assert execution.status == "completed"
    assert results["g.handler"]["status"] == "skipped" and results["g.handler"]["reason"] == "unneeded"


@pytest.mark.capability("F10", "X17")
async def test_items_of_a_map_overlap_each_at_its_own_stage(database: Path, effects: Effects, gates: Gates) -> None:
    """A slow item holds up nobody (pipeline parallelism)."""
    steps = [act("a", gate="a{{ item }}"), act("b")]
    async with engine(database, effects=effects, gates=gates) as baton:
        group = {"name": "m", "type": "map", "config": {"items": [0, 1, 2]}, "steps": steps}
        execution = await baton.start(workflow("w", [group]))
        gates.open("a1")
        gates.open("a2")
        await until(lambda: {"m[1].b", "m[2].b"} <= set(effects.done))
        assert "m[0].a" not in effects.done
        gates.open("a0")
        assert (await finished(baton, execution)).status == "completed"


async def test_a_retry_is_no_second_place(database: Path, effects: Effects) -> None:
    """While one step waits for its next attempt, the place is another's."""
    clock = ManualClock()
    retry = {"max_attempts": 2, "initial_delay": 30, "jitter": 0}
    steps = [act("flaky", fail=1, retry=retry), *_many(3)]
    async with engine(database, effects=effects, clock=clock) as baton:
        execution = await baton.start(workflow("w", steps, config={"max_parallel_steps": 1}))
        await until(rings_in(clock, 30))
        await until(lambda: len(effects.done) == 3)
        clock.advance(30)
        assert (await finished(baton, execution)).status == "completed"
    assert effects.most[""] == 1


@pytest.mark.capability("X32", "X18", "M11")
async def test_what_runs_when_enough_have_succeeded_may_finish(database: Path, effects: Effects, gates: Gates) -> None:
    """Nothing new begins, what has begun is not cut off, and what each did stands in the result."""
    steps = [act("a", gate="go"), act("slow", gate="slow"), act("later", "slow")]
    group = {"name": "g", "type": "parallel", "config": {"first": 1, "rest": "finish"}, "steps": steps}
    async with engine(database, effects=effects, gates=gates) as baton:
        execution = await baton.start(workflow("w", [group]))
        await gates.reached("slow")
        gates.open("go")
        while "g.a" not in await baton.results(execution.id):
            await turns(baton)
        gates.open("slow")
        execution = await finished(baton, execution)
    assert execution.status == "completed" and effects.done == ["g.a", "g.slow"]
    assert execution.output["not_completed"] == {"later": "skipped"}


@pytest.mark.capability("Q08")
async def test_an_analysis_that_holds_its_thread_holds_up_no_other_execution(database: Path) -> None:
    """A plain function that computes for long, in one execution: another begins and ends meanwhile."""
    began, go_on = threading.Event(), threading.Event()

    def analyse() -> bool:
        began.set()
        return go_on.wait(60)

    deep = {"name": "deep", "type": "function", "config": {"function": "analyse"}}
    async with engine(database, resources=[Functions([analyse])]) as baton:
        try:
            execution = await baton.start(workflow("deep", [deep]))
            await until(began.is_set)
            assert (await run(baton, workflow("quick", [act("a")]))).status == "completed"
            assert (await baton.get(execution.id)).status == "running"
        finally:
            go_on.set()
        assert (await finished(baton, execution)).status == "completed"
