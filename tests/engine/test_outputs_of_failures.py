"""What a failed step with steps inside still gives to those that go on without it."""

import json
from pathlib import Path
from typing import Any

import pytest

from tests.support.engine.engines import act, engine, run, values, workflow
from tests.support.engine.steps import Gates

MAPPING = {
    "good": "{{ response.successful_steps }}",
    "left": "{{ response.branch_results.left.value }}",
    "right": "{{ response.branch_results.right.value }}",
}


def _group(**more: Any) -> dict[str, Any]:
    branches = {"left": [act("a", value=7)], "right": [act("b", fail=True)]}
    return {"name": "both", "type": "parallel", "branches": branches, "output": MAPPING, **more}


@pytest.mark.capability("Y10", "D09", "M11", "Y11")
async def test_its_output_mapping_holds_for_what_there_is(database: Path) -> None:
    """The names are the same as of a group that went well; what a failed child did not give is missing, not null."""
    steps = [
        _group(on_failure={"action": "continue"}),
        act("after", "both", value="{{ [steps.both.output.good, steps.both.output.left] }}"),
        act("careful", "both", value="{{ steps.both.output.right | default('none') }}"),
        act("sure", "both", value="{{ steps.both.output.right }}", on_failure={"action": "continue"}),
    ]
    async with engine(database) as baton:
        done = await run(baton, workflow("w", steps))
        assert done.status == "completed", done.error
        results = await baton.results(done.id)
        assert results["both"]["status"] == "failed"
        assert results["both"]["error"]["message"].startswith("step 'both' failed inside")
        assert results["both"]["output"] == {"good": 1, "left": 7}
        assert await values(baton, done) == {"both.left.a": 7, "after": [1, 7], "careful": "none"}
        assert "right" in results["sure"]["error"]["message"]


@pytest.mark.capability("Y10", "Y11")
async def test_the_output_that_stands_for_it_wins(database: Path) -> None:
    group = _group(on_failure={"action": "continue", "output": {"good": 0}})
    async with engine(database) as baton:
        done = await run(baton, workflow("w", [group]))
        assert (await baton.results(done.id))["both"]["output"] == {"good": 0}


@pytest.mark.capability("D09")
async def test_without_a_response_there_is_nothing_to_map(database: Path) -> None:
    """A sub-workflow that failed gives nothing, also where a part of the mapping needs nothing."""
    inner = workflow("inner", [act("a", fail=True)])
    sub = {"name": "sub", "type": "workflow", "config": {"workflow": "inner"}, "output": {"kind": "inner"}}
    async with engine(database, workflows=[inner]) as baton:
        done = await run(baton, workflow("w", [sub]))
        assert done.status == "failed"
        assert (await baton.results(done.id))["sub"].get("output") is None


@pytest.mark.capability("M11", "E19")
async def test_an_item_that_failed_gives_nothing(database: Path) -> None:
    """Not what its first steps gave, which would look like success."""
    steps = [act("a", value="{{ item }}"), act("b", fail="{{ item == 2 }}")]
    each = {"name": "each", "type": "map", "config": {"items": [1, 2, 3], "min_success": 1}, "steps": steps}
    async with engine(database) as baton:
        done = await run(baton, workflow("w", [each]))
        assert done.status == "completed", done.error
        output = (await baton.results(done.id))["each"]["output"]
        assert [one is None for one in output["results"]] == [False, True, False]
        assert (output["successful_steps"], output["failed_steps"]) == (2, 1)


@pytest.mark.capability("F12", "X32", "E19")
async def test_a_branch_that_was_skipped_does_not_win(database: Path) -> None:
    """The first to succeed is the first that has done something."""
    branches = {"idle": [act("a", condition=False)], "busy": [act("b", value=5)]}
    race = {"name": "race", "type": "parallel", "config": {"first": 1}, "branches": branches}
    async with engine(database) as baton:
        done = await run(baton, workflow("w", [race]))
        assert done.status == "completed", done.error
        output = (await baton.results(done.id))["race"]["output"]
        assert output["branch_results"]["busy"]["value"] == 5
        assert (output["total_steps"], output["successful_steps"], output["failed_steps"]) == (2, 1, 0)


@pytest.mark.capability("F24", "D04")
async def test_lists_in_lists_tell_each_output_once_for_every_level(database: Path) -> None:
    """Not twice, which would be a thousand times for ten levels."""
    step = act("leaf", value="x" * 1000)
    for level in range(10):
        kind = {"type": "sequence"} if level % 2 else {"type": "conditional", "config": {"if": "true"}}
        step = {"name": f"s{level}", **kind, ("steps" if level % 2 else "then"): [step]}
    async with engine(database) as baton:
        done = await run(baton, workflow("w", [step]))
        results = await baton.results(done.id)
        outer = results["s9"]["output"]
        assert outer["output"]["value"] == "x" * 1000
        assert outer["steps"]["s8"]["steps"]["s7"]["output"] == outer["output"]
        assert len(json.dumps(outer)) < 15_000


@pytest.mark.capability("E05", "E15", "Y12")
async def test_a_step_that_is_gone_on_from_when_its_time_is_over_needs_no_fallback(database: Path) -> None:
    """The fallback is for its other failures."""
    slow = act("slow", sleep=60) | {
        "timeout": 0.05,
        "on_timeout": {"action": "continue", "output": 5},
        "on_failure": {"action": "fallback", "fallback": act("instead")},
    }
    async with engine(database) as baton:
        done = await run(baton, workflow("w", [slow, act("after", "slow", value="{{ steps.slow.output }}")]))
        assert done.status == "completed", done.error
        assert (await values(baton, done))["after"] == 5
        assert (await baton.results(done.id))["slow~fallback"]["status"] == "skipped"


def _levels(bottom: dict[str, Any]) -> dict[str, Any]:
    """A list in an item of a list in a workflow."""
    inside = {"name": "group", "type": "parallel", "branches": {"left": [bottom], "right": [act("fine")]}}
    return {"name": "each", "type": "map", "config": {"items": [1]}, "steps": [inside]}


@pytest.mark.capability("M11", "E21")
@pytest.mark.parametrize(
    ("bottom", "why"),
    [
        (act("b", fail=True), "'sub.each[0].group.left.b' failed: asked to fail"),
        (act("b", value="{{ input.none }}"), "'sub.each[0].group.left.b' failed: no field 'none'"),
        (act("b", value="{{ input.none }}", on_failure={"message": "No"}), "'sub.each[0].group.left.b' failed: No: "),
        (act("b", gate="never", timeout=0.01), "'sub.each[0].group.left.b' took longer"),
    ],
)
async def test_it_is_told_once_where_and_why(database: Path, bottom: dict[str, Any], why: str) -> None:
    """However deep it was: every level names the step at the bottom, and does not repeat what those between say."""
    sub = {"name": "sub", "type": "workflow", "config": {"workflow": "inner"}}
    async with engine(database, gates=Gates(), workflows=[workflow("inner", [_levels(bottom)])]) as baton:
        done = await run(baton, workflow("w", [sub]))
        told = [result["error"]["message"] for result in (await baton.results(done.id)).values() if "error" in result]
    levels = ["sub.each[0].group", "sub.each[0]", "sub.each", "sub"]
    assert done.error is not None and done.error["message"] in told
    for message in told[1:]:
        where, inside, said = message.partition(" failed inside: ")
        assert where.removeprefix("step '").removesuffix("'") in levels and inside, message
        assert said.startswith(why) and said.count("step '") <= 1 and said.count("failed inside") == 0, message
    assert len(told) == 4
