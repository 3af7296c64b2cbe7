"""A definition is pinned to its execution: publishing touches nothing that is under way, unless it is asked for."""

from pathlib import Path
from typing import Any

import pytest

from graphs.errors import ConflictError
from graphs.spec import Workflow
from tests.support.engine.engines import act, ask, engine, finished, rested, run, values, workflow
from tests.support.engine.steps import Effects


def _asking(version: str, value: Any) -> Workflow:
    return workflow("w", [ask("q"), act("a", "q", value=value)], version=version)


@pytest.mark.capability("C09", "C15")
async def test_a_new_version_does_not_touch_what_is_in_flight(database: Path) -> None:
    """Not in this process, not in the next one; whoever starts by name afterwards gets the new one."""
    async with engine(database) as baton:
        await baton.publish(_asking("1.0", "old"))
        execution = await rested(baton, await baton.start("w"))
        await baton.publish(_asking("2.0", "new"))
        await baton.catalogue.deprecate("w", "1.0")
    async with engine(database) as baton:
        newer = await rested(baton, await baton.start("w"))
        older = await rested(baton, await baton.start("w", version="1.0"))
        for each in (execution, newer, older):
            await baton.decide(each.id, "q", "approve")
        ended = [await finished(baton, each) for each in (execution, newer, older)]
    assert [(each.version, each.output["value"]) for each in ended] == [("1.0", "old"), ("2.0", "new"), ("1.0", "old")]
    assert ended[0].digest == _asking("1.0", "old").digest != ended[1].digest


@pytest.mark.capability("C09", "F24")
async def test_a_sub_workflow_is_the_one_there_was_at_the_start(database: Path) -> None:
    """However late it is reached, and however deep it stands."""

    def below(version: str, value: str) -> Workflow:
        return workflow("below", [act("x", value=value)], version=version)

    sub = workflow("sub", [{"name": "b", "type": "workflow", "config": {"workflow": "below"}}])
    steps = [ask("q"), {"name": "s", "type": "workflow", "depends_on": ["q"], "config": {"workflow": "sub"}}]
    async with engine(database) as baton:
        for definition in (below("1.0", "old"), sub, workflow("w", steps)):
            await baton.publish(definition)
        execution = await rested(baton, await baton.start("w"))
        await baton.publish(below("2.0", "new"))
    async with engine(database) as baton:
        newer = await rested(baton, await baton.start("w"))
        for each in (execution, newer):
            await baton.decide(each.id, "q", "approve")
            await finished(baton, each)
        assert [(await values(baton, each))["s.b.x"] for each in (execution, newer)] == ["old", "new"]


def _mending(version: str, fail: bool) -> Workflow:
    return workflow("w", [act("a", value=version), act("b", "a", fail=fail, value=version)], version=version)


@pytest.mark.capability("C10", "D03")
async def test_a_failed_execution_is_carried_over_to_the_newest_definition_when_that_is_asked_for(
    database: Path, effects: Effects
) -> None:
    """What it did stays done; without being asked, it stays with its own definition."""
    async with engine(database, effects=effects) as baton:
        await baton.publish(_mending("1.0", fail=True))
        execution = await run(baton, "w")
        await baton.publish(_mending("2.0", fail=False))
        await baton.retry(execution.id)
        assert (await finished(baton, execution)).status == "failed"
        fork = await finished(baton, await baton.fork(execution.id, "b", newest=True))
        assert (fork.status, fork.version, await values(baton, fork)) == ("completed", "2.0", {"a": "1.0", "b": "2.0"})
        await baton.retry(execution.id, newest=True)
        ended = await finished(baton, execution)
        assert (ended.status, await values(baton, ended)) == ("completed", {"a": "1.0", "b": "2.0"})
    assert (ended.version, ended.digest) == ("2.0", _mending("2.0", fail=False).digest) and effects.counts["a"] == 1


@pytest.mark.capability("C10", "F24")
async def test_the_newest_definition_brings_the_sub_workflows_it_names(database: Path) -> None:
    """Those of its own, and the newest of those the older one named too."""
    sub = {"name": "b", "type": "workflow", "config": {"workflow": "sub"}}
    more = {"name": "c", "type": "workflow", "depends_on": ["b"], "config": {"workflow": "more"}}
    async with engine(database) as baton:
        await baton.publish(workflow("sub", [act("x", fail=True)]))
        await baton.publish(workflow("w", [sub]))
        execution = await run(baton, "w")
        await baton.publish(workflow("sub", [act("x", value="new")], version="2.0"))
        await baton.publish(workflow("more", [act("y", value="added")]))
        await baton.publish(workflow("w", [sub, more], version="2.0"))
        await baton.retry(execution.id, newest=True)
        ended = await finished(baton, execution)
        kept = await values(baton, ended)
    assert ended.status == "completed", ended.error
    assert (kept["b.x"], kept["c.y"]) == ("new", "added")


@pytest.mark.capability("C09")
async def test_a_published_version_never_changes(database: Path) -> None:
    """The same again is no change; something else under the same number is refused."""
    async with engine(database) as baton:
        await baton.publish(_asking("1.0", 1))
        await baton.publish(_asking("1.0", 1))
        with pytest.raises(ConflictError, match="give this one a new version"):
            await baton.publish(_asking("1.0", 2))
