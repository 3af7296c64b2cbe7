"""Undoing what was done inside composite steps: completed or failed, however deep, in reverse by commit order."""

from pathlib import Path
from typing import Any

import pytest

from graphs.clock import ManualClock
from tests.support.engine.engines import act, ask, engine, finished, rested, run, wind, workflow
from tests.support.engine.steps import Effects, Gates

BAD = act("bad", "all", fail=True)


def _undone(name: str, *needs: str, undo: Any = None, **more: Any) -> dict[str, Any]:
    return act(name, *needs, compensate=act(f"undo_{name}", value=undo), **more)


def _undoing(effects: Effects) -> list[str]:
    return [path.removeprefix("~compensation.") for path in effects.began if path.startswith("~compensation.")]


@pytest.mark.capability("E11", "F08", "X11")
async def test_every_item_of_a_map_is_undone_and_sees_what_it_saw(database: Path, effects: Effects) -> None:
    """The item, its siblings' outputs, its own input and output; the last done first, over all items."""
    items = {
        "name": "all",
        "type": "map",
        "config": {"items": ["x", "y"], "as": "letter", "max_concurrency": 1},
        "steps": [
            act(
                "reserve",
                value="{{ 'r' ~ item }}",
                compensate=act("release", value="{{ [letter, index, output.value] }}"),
            ),
            act(
                "charge",
                value="c",
                input={"of": "{{ item }}"},
                compensate=act("refund", value="{{ [item, input.of, steps.reserve.output.value] }}"),
            ),
        ],
    }
    async with engine(database, effects=effects) as baton:
        execution = await run(baton, workflow("w", [items, BAD]))
        results = await baton.results(execution.id)
    done = [path for path in effects.done if path.startswith("all")]
    other = {"reserve": "release", "charge": "refund"}
    assert execution.status == "compensated"
    assert _undoing(effects) == [f"{path[:7]}{other[path[7:]]}" for path in reversed(done)]
    given = {path: result["output"]["value"] for path, result in results.items() if path.startswith("~compensation.")}
    assert given == {
        "~compensation.all[0].release": ["x", 0, "rx"],
        "~compensation.all[0].refund": ["x", "x", "rx"],
        "~compensation.all[1].release": ["y", 1, "ry"],
        "~compensation.all[1].refund": ["y", "y", "ry"],
    }


@pytest.mark.capability("E11", "E14", "F24")
async def test_a_failed_sub_workflow_is_undone_with_its_own_clean_up(database: Path, effects: Effects) -> None:
    """Its steps see its own input; its clean-up list runs after them, before what was done earlier around it."""
    inner = workflow(
        "inner",
        [_undone("a", undo="{{ input.n }}"), act("broken", "a", fail=True)],
        compensation={"steps": [act("sweep", value="{{ input.n }}")]},
    )
    steps = [_undone("first"), {"name": "sub", "type": "workflow", "depends_on": ["first"]}]
    steps[1]["config"] = {"workflow": "inner", "input": {"n": 5}}
    async with engine(database, effects=effects, workflows=[inner]) as baton:
        definition = workflow("w", steps, compensation={"steps": [act("sweep")]})
        execution = await run(baton, definition, {"n": 1})
        results = await baton.results(execution.id)
    assert execution.status == "compensated"
    assert _undoing(effects) == ["sub.undo_a", "sub.sweep", "undo_first", "sweep"]
    assert results["~compensation.sub.undo_a"]["output"]["value"] == 5
    assert results["~compensation.sub.sweep"]["output"]["value"] == 5


@pytest.mark.capability("E11")
async def test_branches_loops_and_choices_are_undone_where_they_were_gone(database: Path, effects: Effects) -> None:
    """Every kind of composite, one inside another; what was not done is not undone."""
    branches = {"name": "both", "type": "parallel", "config": {"max_concurrency": 1}}
    branches["branches"] = {"left": [_undone("l")], "right": [_undone("r", condition="false"), _undone("r2")]}
    choice = {"name": "choice", "type": "conditional", "config": {"if": "index == 1"}, "then": [_undone("t")]}
    loop = {"name": "loop", "type": "loop", "depends_on": ["both"], "config": {"while": "index < 2"}}
    loop["steps"] = [_undone("again", undo="{{ index }}"), choice]
    group = {"name": "all", "type": "sequence", "steps": [branches, {**loop, "depends_on": []}]}
    async with engine(database, effects=effects) as baton:
        execution = await run(baton, workflow("w", [group, BAD]))
        results = await baton.results(execution.id)
    assert execution.status == "compensated"
    assert _undoing(effects)[:3] == [
        "all.loop[1].choice.undo_t",
        "all.loop[1].undo_again",
        "all.loop[0].undo_again",
    ]
    assert sorted(_undoing(effects)[3:]) == ["all.both.left.undo_l", "all.both.right.undo_r2"]
    assert results["~compensation.all.loop[1].undo_again"]["output"]["value"] == 1


@pytest.mark.capability("E11")
async def test_a_composite_and_what_is_in_it_are_both_undone(database: Path, effects: Effects) -> None:
    """The composite was done last, so it is undone first."""
    group = {"name": "all", "type": "sequence", "steps": [_undone("a")], "compensate": act("undo_all")}
    async with engine(database, effects=effects) as baton:
        await run(baton, workflow("w", [group, BAD]))
    assert _undoing(effects) == ["undo_all", "all.undo_a"]


@pytest.mark.capability("E11", "D06")
async def test_a_compensation_sees_the_variables_of_its_own_item(database: Path) -> None:
    """Not those that another item set, and also those that were set outside later."""
    items = {"name": "all", "type": "map", "config": {"items": [1, 2]}}
    items["steps"] = [act("a", value="{{ item }}", variables={"got": "{{ output.value }}"})]
    items["steps"].append(act("b", compensate=act("undo", value="{{ [vars.got, vars.late] }}")))
    late = act("late", "all", variables={"late": "{{ 9 }}"})
    async with engine(database) as baton:
        execution = await run(baton, workflow("w", [items, late, act("bad", "late", fail=True)]))
        results = await baton.results(execution.id)
    assert [results[f"~compensation.all[{i}].undo"]["output"]["value"] for i in (0, 1)] == [[1, 9], [2, 9]]


@pytest.mark.capability("X24")
async def test_a_failed_step_may_have_acted(database: Path, effects: Effects) -> None:
    """It is undone when the workflow or the step says so, and a step may say otherwise."""
    steps = [
        _undone("a", fail=True),
        _undone("b", fail=True, compensate_failed=False),
        _undone("c", fail=True, compensate_failed=True),
        _undone("skipped", "a"),
    ]
    config = {"failure_policy": "continue"}
    for included, expected in ((True, ["undo_a", "undo_c"]), (False, ["undo_c"])):
        effects.began.clear()
        definition = workflow(
            f"w{included:d}", steps, config=config, compensation={"include_failed": included, "steps": []}
        )
        async with engine(database, effects=effects) as baton:
            await run(baton, definition)
        assert sorted(_undoing(effects)) == expected


@pytest.mark.capability("E12", "E17")
async def test_a_compensation_may_fall_back(database: Path, effects: Effects) -> None:
    """What its fallback does counts as undone; a fallback that fails too does not."""
    instead = {"action": "fallback", "fallback": act("by_hand", value="{{ [error.message, output.value] }}")}
    steps = [act("a", value=3, compensate=act("undo_a", fail=True, on_failure=instead)), act("bad", "a", fail=True)]
    async with engine(database, effects=effects) as baton:
        execution = await run(baton, workflow("w", steps))
        results = await baton.results(execution.id)
    assert execution.status == "compensated"
    assert results["~compensation"]["output"] == {"compensated": ["undo_a"], "failed": []}
    assert results["~compensation.undo_a~fallback"]["output"]["value"] == ["asked to fail", 3]


@pytest.mark.capability("E12")
async def test_a_failing_compensation_is_tried_again_by_its_own_policy(database: Path, effects: Effects) -> None:
    """Not by the policy of the step it undoes."""
    undo = act("undo", fail=2, retry={"max_attempts": 3, "initial_delay": 0, "jitter": 0})
    async with engine(database, effects=effects) as baton:
        execution = await run(baton, workflow("w", [act("a", compensate=undo), act("bad", "a", fail=True)]))
    assert execution.status == "compensated" and effects.counts["~compensation.undo"] == 3


@pytest.mark.capability("E11", "D02", "I08")
async def test_undoing_inside_goes_on_in_another_process(database: Path, effects: Effects) -> None:
    """A person is asked between two of them; nothing is undone twice, nothing is forgotten."""
    items = {"name": "all", "type": "map", "config": {"items": [1, 2, 3], "max_concurrency": 1}}
    items["steps"] = [act("a", compensate=ask("may_i")), _undone("b", undo="{{ item }}")]
    for _ in range(3):
        async with engine(database, effects=effects) as baton:
            if await baton.store.execution("e") is None:
                await baton.start(workflow("w", [items, BAD]), execution_id="e")
            assert (await rested(baton, "e")).status == "waiting"
            (wait,) = await baton.waits("e")
            await baton.decide("e", wait.path, "approve", by="ann")
            await rested(baton, "e")
    async with engine(database, effects=effects) as baton:
        execution = await wind(baton, "e")
        results = await baton.results("e")
    assert execution.status == "compensated"
    assert sorted(_undoing(effects)) == [f"all[{i}].undo_b" for i in range(3)]
    assert sum(path.endswith("may_i") for path in results) == 3


@pytest.mark.capability("E11", "D03")
async def test_what_was_undone_before_a_retry_is_done_and_undone_anew(database: Path, effects: Effects) -> None:
    """Also the step before the one that is named: it was undone, and what follows it builds on it."""
    group = {"name": "all", "type": "sequence", "steps": [_undone("a"), _undone("b")]}
    async with engine(database, effects=effects) as baton:
        execution = await run(baton, workflow("w", [group, BAD]))
        await baton.retry(execution.id, from_step="all.b", again=True)
        execution = await finished(baton, execution)
    assert execution.status == "compensated"
    assert _undoing(effects) == ["all.undo_b", "all.undo_a"] * 2


@pytest.mark.capability("D03", "E11")
async def test_a_fork_undoes_what_it_did_itself_inside(database: Path, effects: Effects) -> None:
    """In the composite step that it shares with its parent, whose items are left alone."""
    items = {"name": "all", "type": "map", "config": {"items": [1, 2]}, "steps": [_undone("a", undo="{{ item }}")]}
    async with engine(database, effects=effects) as baton:
        definition = workflow("w", [items, act("bad", "all", fail="{{ input.broken }}")])
        execution = await run(baton, definition, {"broken": False})
        fork = await finished(baton, await baton.fork(execution.id, "all[1].a", edit={"broken": True}))
        end = (await baton.records(fork.id))[-1]
    assert fork.status == "compensated" and _undoing(effects) == ["all[1].undo_a"]
    assert end.data["undone"] == ["all[1].a"] and end.data["left_alone"] == {"all[0].a": execution.id}


async def test_a_cancel_during_an_undoing_holds_in_the_next_process_too(
    database: Path, effects: Effects, gates: Gates
) -> None:
    """Why it ended stays the failure, whatever was asked for later."""
    clock = ManualClock()
    steps = [act("a", compensate=ask("may_i")), act("bad", "a", fail=True), act("c", "bad")]
    async with engine(database, effects=effects, clock=clock) as baton:
        execution = await rested(baton, await baton.start(workflow("w", steps)))
    async with engine(database, drive=False, clock=clock) as baton:
        await baton.cancel(execution.id, by="ann")
    async with engine(database, effects=effects, clock=clock) as baton:
        execution = await finished(baton, execution)
    assert execution.status == "compensation_failed" and execution.error is not None
    assert execution.error["step"] == "bad"
