"""What a failed step with steps inside still gives to those that go on without it."""

from pathlib import Path
from typing import Any

import pytest

from tests.support.engine.engines import act, engine, run, values, workflow

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
