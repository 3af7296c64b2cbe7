"""Workflows that call themselves, or one another, end (A21): at a depth that is said, and others go on."""

from pathlib import Path
from typing import Any

import pytest

from graphs.spec import Workflow
from tests.support.engine.engines import act, engine, workflow


def calls(name: str, other: str) -> Workflow:
    """A workflow whose only step is another workflow."""
    step: dict[str, Any] = {"name": "s", "type": "workflow", "config": {"workflow": other}}
    return Workflow.model_validate({"metadata": {"name": name, "version": "1.0"}, "spec": {"steps": [step]}})


@pytest.mark.parametrize("circle", [["me"], ["a", "b"], ["a", "b", "c"]], ids="-".join)
async def test_a_circle_of_workflows_ends_with_what_it_is(database: Path, circle: list[str]) -> None:
    async with engine(database) as baton:
        for name, other in zip(circle, [*circle[1:], circle[0]], strict=True):
            await baton.publish(calls(name, other))
        started = await baton.start(circle[0], {})
        other = await baton.start(workflow("other", [act("a")]), {})
        ended = await baton.wait(started.id)
        assert (await baton.wait(other.id)).status == "completed"
    assert ended.status == "failed"
    assert ended.error is not None
    assert ended.error["code"] == "too_deep"
    assert ended.error["message"].endswith("is 51 levels deep, and 50 are allowed.")
    assert len(ended.error["message"]) < 1000
