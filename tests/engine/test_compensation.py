"""Undoing: what was done is undone in reverse, whatever else fails, wherever the process dies."""

from pathlib import Path
from typing import Any

import pytest

from graphs.clock import ManualClock
from graphs.errors import ConflictError
from tests.support.engine.engines import act, ask, engine, finished, rested, run, statuses, turns, wind, workflow
from tests.support.engine.steps import Effects, Gates


def _undone(name: str, **more: Any) -> dict[str, Any]:
    return act(name, compensate=act(f"undo_{name}", **more))


@pytest.mark.capability("X04", "E10", "E11", "ST1", "X11", "A36", "A55")
async def test_steps_are_undone_in_reverse_and_then_the_workflows_own_clean_up_runs(
    database: Path, effects: Effects, gates: Gates
) -> None:
    """Only what completed; its status says `compensating` meanwhile, and `compensated` in the end."""
    steps = [_undone("a", gate="g"), {**_undone("b"), "depends_on": ["a"]}, act("bad", "b", fail=True), act("c", "bad")]
    definition = workflow(
        "w", steps, compensation={"steps": [act("sweep"), act("tell", condition="false"), act("end")]}
    )
    async with engine(database, effects=effects, gates=gates) as baton:
        execution = await baton.start(definition)
        await gates.reached("g")
        assert (await baton.get(execution.id)).status == "compensating"
        gates.open("g")
        execution = await finished(baton, execution)
        kinds = [record.kind for record in await baton.records(execution.id)]
    undoing = ["undo_b", "undo_a", "sweep", "end"]
    assert effects.began == ["a", "b", "bad", *(f"~compensation.{name}" for name in undoing)]
    assert execution.status == "compensated" and execution.error is not None and execution.error["step"] == "bad"
    assert kinds.count("execution.compensating") == 1
    assert kinds.index("step.failed") < kinds.index("execution.compensating") < kinds.index("execution.compensated")


@pytest.mark.capability("E12")
async def test_a_compensation_that_fails_does_not_stop_the_others(database: Path, effects: Effects) -> None:
    """And the execution says that not everything was undone."""
    steps = [_undone("a"), {**_undone("b", fail=True), "depends_on": ["a"]}, act("bad", "b", fail=True)]
    async with engine(database, effects=effects) as baton:
        execution = await run(baton, workflow("w", steps))
        results = await baton.results(execution.id)
    assert execution.status == "compensation_failed"
    assert effects.began[-2:] == ["~compensation.undo_b", "~compensation.undo_a"]
    assert results["~compensation"]["output"] == {"compensated": ["undo_a"], "failed": ["undo_b"]}


@pytest.mark.capability("E11")
async def test_a_compensation_sees_the_input_and_the_output_of_what_it_undoes(database: Path) -> None:
    """And the error that made it necessary; two of the same name do not hide each other."""
    undo = act("undo", value="{{ [output.value, input, error.message] }}")
    steps = [
        act("a", value=1, input={"order": "{{ input.order }}"}, compensate=undo),
        act("b", "a", value=2, input={"order": "other"}, compensate=undo),
        act("bad", "b", fail=True),
    ]
    async with engine(database) as baton:
        execution = await run(baton, workflow("w", steps), {"order": 7})
        results = await baton.results(execution.id)
    undone = [result["output"]["value"] for path, result in results.items() if path.startswith("~compensation.")]
    assert undone == [[2, {"order": "other"}, "asked to fail"], [1, {"order": 7}, "asked to fail"]]


@pytest.mark.capability("X15", "E14", "E05")
@pytest.mark.parametrize("wanted", [True, False])
async def test_a_time_limit_compensates_unless_it_is_told_not_to(
    wanted: bool, database: Path, effects: Effects, gates: Gates
) -> None:
    """The limit does not end the compensation as well."""
    clock = ManualClock()
    steps = [_undone("a"), act("slow", "a", gate="never", timeout=999)]
    config = {"timeout": 60, "deadline": 61, "compensate_on_timeout": wanted}
    async with engine(database, effects=effects, gates=gates, clock=clock) as baton:
        execution = await baton.start(workflow("w", steps, config=config))
        await gates.reached("never")
        clock.advance(100)
        execution = await finished(baton, execution)
    assert (execution.status, execution.compensation) == ("timed_out", "compensated" if wanted else None)
    assert effects.began == ["a", "slow", *(["~compensation.undo_a"] if wanted else [])]


async def test_a_deadline_does_not_cut_a_compensation_short(database: Path, gates: Gates) -> None:
    """Half an undoing would be worse than a late one; the failure stays the reason."""
    clock = ManualClock()
    steps = [_undone("a", gate="g"), act("bad", "a", fail=True)]
    async with engine(database, gates=gates, clock=clock) as baton:
        execution = await baton.start(workflow("w", steps, config={"deadline": 60, "timeout": 50}))
        await gates.reached("g")
        clock.advance(61)
        await turns(baton)
        gates.open("g")
        execution = await finished(baton, execution)
    assert execution.status == "compensated" and execution.error is not None and execution.error["step"] == "bad"


@pytest.mark.capability("E05", "E14", "F26", "Y12")
async def test_a_wait_that_runs_out_may_start_a_workflow_that_cleans_up(database: Path, effects: Effects) -> None:
    """In place of the compensations, with what is known as its input."""
    clean_up = workflow("clean-up", [act("sweep", value="{{ input.steps.a.value }}")])
    wait = ask("q", "a", timeout=60, on_timeout=None)
    wait["config"].pop("on_timeout")
    wait["on_timeout"] = {"action": "compensate", "compensation_workflow": "clean-up"}
    clock = ManualClock()
    async with engine(database, effects=effects, clock=clock, workflows=[clean_up]) as baton:
        execution = await rested(
            baton, await baton.start(workflow("w", [{**_undone("a"), "config": {"value": 9}}, wait]))
        )
        clock.advance(60)
        execution = await finished(baton, execution)
        results = await baton.results(execution.id)
    assert execution.status == "timed_out" and effects.began == ["a", "~compensation.clean-up.sweep"]
    assert results["~compensation.clean-up.sweep"]["output"]["value"] == 9


@pytest.mark.capability("E05", "E14")
@pytest.mark.parametrize("kind", ["sequence", "map", "workflow", "twice"])
async def test_a_wait_inside_that_runs_out_starts_the_workflow_that_it_names(
    kind: str, database: Path, effects: Effects
) -> None:
    """However deep inside; it sees what is beside that wait, and nothing else is undone."""
    clean_up = workflow("clean-up", [act("sweep", value="{{ input.steps.b.value }}")])
    wait: dict[str, Any] = {"name": "q", "type": "approval", "depends_on": ["b"], "config": {"timeout": 60}}
    wait["on_timeout"] = {"action": "compensate", "compensation_workflow": "clean-up"}
    inner: list[Any] = [act("b", value="{{ item }}" if kind == "map" else 7), wait]
    if kind == "twice":
        inner = [act("b", value=1), {"name": "deep", "type": "sequence", "steps": [act("b", value=7), wait]}]
    step: dict[str, Any] = {"name": "s", "type": "sequence", "depends_on": ["a"], "steps": inner}
    if kind == "map":
        step |= {"type": "map", "config": {"items": [7]}}
    if kind == "workflow":
        step = {"name": "s", "type": "workflow", "depends_on": ["a"], "config": {"workflow": "sub"}}
    clock = ManualClock()
    library = [clean_up, workflow("sub", inner)]
    async with engine(database, effects=effects, clock=clock, workflows=library) as baton:
        execution = await rested(baton, await baton.start(workflow("w", [_undone("a"), step])))
        clock.advance(60)
        execution = await finished(baton, execution)
        results = await baton.results(execution.id)
    assert execution.status == "timed_out"
    assert not [path for path in effects.began if path.endswith("undo_a")]
    (swept,) = (path for path in effects.began if path.endswith("clean-up.sweep"))
    assert results[swept]["output"]["value"] == 7


async def test_a_compensation_may_ask_a_person_and_outlive_the_process(database: Path, effects: Effects) -> None:
    """It parks like anything else; what was undone before is not undone again."""
    steps = [act("a", compensate=ask("may_i")), {**_undone("b"), "depends_on": ["a"]}, act("bad", "b", fail=True)]
    async with engine(database, effects=effects) as baton:
        execution = await rested(baton, await baton.start(workflow("w", steps)))
        assert [wait.path for wait in await baton.waits(execution.id)] == ["~compensation.may_i"]
    for _ in range(2):
        async with engine(database, effects=effects) as baton:
            await baton.resume(execution.id)
            assert (await rested(baton, execution)).status == "waiting"
    async with engine(database, effects=effects) as baton:
        execution = await wind(baton, execution)
        kinds = [record.kind for record in await baton.records(execution.id)]
    assert execution.status == "compensated"
    assert effects.began == ["a", "b", "bad", "~compensation.undo_b"]
    assert kinds.count("execution.compensating") == 1


async def test_a_compensation_that_a_person_stops_has_not_compensated(database: Path, gates: Gates) -> None:
    """It must not be called compensated, nor completed."""
    steps = [_undone("a"), {**_undone("b", gate="g"), "depends_on": ["a"]}, act("bad", "b", fail=True)]
    async with engine(database, gates=gates) as baton:
        execution = await baton.start(workflow("w", steps))
        await gates.reached("g")
        await baton.cancel(execution.id, by="ann")
        execution = await finished(baton, execution)
        settled = await statuses(baton, execution)
    assert execution.status == "compensation_failed"
    assert settled["~compensation"] == "failed" and settled["~compensation.undo_b"] == "cancelled"
    assert settled["~compensation.undo_a"] == "skipped"


@pytest.mark.capability("O23")
async def test_a_cancel_leaves_things_as_they_are(database: Path, effects: Effects, gates: Gates) -> None:
    """Whoever wants them undone says so."""
    async with engine(database, effects=effects, gates=gates) as baton:
        execution = await baton.start(workflow("w", [_undone("a"), act("b", "a", gate="g")]))
        await gates.reached("g")
        await baton.cancel(execution.id)
        execution = await finished(baton, execution)
    assert execution.status == "cancelled" and effects.began == ["a", "b"]


async def test_a_failure_that_leaves_nothing_to_undo_is_just_a_failure(database: Path) -> None:
    """Nothing that completed has a compensation."""
    async with engine(database) as baton:
        execution = await run(baton, workflow("w", [{**_undone("a"), "condition": "false"}, act("bad", fail=True)]))
    assert execution.status == "failed"


@pytest.mark.capability("D03")
async def test_a_retry_after_compensation_begins_from_what_it_is_told(database: Path, effects: Effects) -> None:
    """What was undone is not believed to be done: the person who retries says from where."""
    steps = [_undone("a"), act("bad", "a", fail="{{ input.broken }}")]
    async with engine(database, effects=effects) as baton:
        execution = await run(baton, workflow("w", steps), {"broken": True})
        fork = await finished(baton, await baton.fork(execution.id, "a", edit={"broken": False}))
        assert fork.status == "completed"
        await baton.retry(execution.id, from_step="a", again=True)
        execution = await finished(baton, execution)
    assert execution.status == "compensated" and effects.counts["~compensation.undo_a"] == 2


BROKEN = [_undone("a"), act("keep", "a"), act("bad", "keep", fail="{{ input.broken }}"), act("beside")]


@pytest.mark.capability("D03")
@pytest.mark.parametrize("from_step", [None, "bad"])
async def test_a_retry_does_again_what_was_undone_and_under_new_keys(
    database: Path, effects: Effects, from_step: str | None
) -> None:
    """Otherwise it would go on as if it were still done. All that acts again is named before."""
    async with engine(database, effects=effects) as baton:
        execution = await run(baton, workflow("w", BROKEN), {"broken": True})
        assert execution.status == "compensated"
        assert await baton.side_effects_again(execution.id, from_step) == ["a", "keep", "bad"]
        await baton.retry(execution.id, from_step=from_step)
        execution = await finished(baton, execution)
    assert (execution.status, execution.generation) == ("compensated", 1)
    assert effects.counts["~compensation.undo_a"] == 2 and effects.counts["beside"] == 1
    for step in ("a", "keep", "bad"):
        assert effects.keys[step] == [f"{execution.id}:{step}:0", f"{execution.id}:{step}:1"]


@pytest.mark.capability("D03")
async def test_what_was_undone_after_a_cancel_is_done_again_too(database: Path, effects: Effects, gates: Gates) -> None:
    """No dead letter tells of it."""
    async with engine(database, effects=effects, gates=gates) as baton:
        execution = await baton.start(workflow("w", [_undone("a"), act("b", "a", gate="g")]))
        await gates.reached("g")
        await baton.cancel(execution.id, compensate=True)
        assert (await finished(baton, execution)).status == "compensated"
        gates.open("g")
        await baton.retry(execution.id)
        execution = await finished(baton, execution)
    assert execution.status == "completed" and effects.keys["a"] == [f"{execution.id}:a:0", f"{execution.id}:a:1"]


@pytest.mark.capability("D03", "E12")
async def test_what_is_not_all_undone_is_not_retried(database: Path) -> None:
    """As it is not redriven: when somebody has seen to it, it is."""
    steps = [_undone("a", fail=True), act("bad", "a", fail=True)]
    async with engine(database) as baton:
        execution = await run(baton, workflow("w", steps))
        assert execution.status == "compensation_failed"
        with pytest.raises(ConflictError, match="Not all of what execution") as caught:
            await baton.retry(execution.id)
        assert caught.value.code == "undo_first"
        [letter] = await baton.dead_letters(execution_id=execution.id, kind="compensation")
        await baton.discard([letter.id])
        await baton.retry(execution.id)
        assert (await finished(baton, execution)).status == "compensation_failed"


async def test_what_waits_in_the_middle_of_its_undoing_is_not_retried(database: Path, effects: Effects) -> None:
    """Half of it is undone, and the other half is about to be."""
    steps = [act("a", compensate=ask("may_i")), {**_undone("b"), "depends_on": ["a"]}, act("bad", "b", fail=True)]
    async with engine(database, effects=effects) as baton:
        execution = await rested(baton, await baton.start(workflow("w", steps)))
        with pytest.raises(ConflictError, match="is being undone") as caught:
            await baton.retry(execution.id)
    assert caught.value.code == "undo_first"


@pytest.mark.capability("E10")
@pytest.mark.parametrize("named", [False, True], ids=["its own", "a named one"])
async def test_what_cleans_up_after_each_failure_does_it_under_a_new_key(
    named: bool, database: Path, effects: Effects
) -> None:
    """Who honours the key of the clean-up before would do nothing; what failed keeps its own."""
    sweeper = workflow("sweeper", [act("sweep")])
    steps = [act("a"), act("bad", "a", fail=True, category="logic")]
    given: dict[str, Any] = {"compensation": {"steps": [act("sweep")]}}
    if named:
        late = {"timeout": "1h", "on_timeout": {"action": "compensate", "compensation_workflow": "sweeper"}}
        steps = [act("a"), act("bad", "a", fail=True, category="timeout", **late)]
        given = {}
    path = "~compensation.sweeper.sweep" if named else "~compensation.sweep"
    async with engine(database, effects=effects, workflows=[sweeper]) as baton:
        execution = await run(baton, workflow("w", steps, **given))
        await baton.retry(execution.id)
        await finished(baton, execution)
    assert effects.counts[path] == 2 and effects.counts["bad"] == 2, effects.began
    assert len(set(effects.keys[path])) == 2
    assert len(set(effects.keys["bad"])) == 1
