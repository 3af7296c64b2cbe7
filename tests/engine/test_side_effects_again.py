"""Who goes back is told what has changed something outside and will do so once more."""

from pathlib import Path

import pytest

from graphs.errors import NotFoundError
from tests.support.engine.engines import act, ask, engine, finished, rested, run, workflow

STEPS = [
    act("look"),
    {"name": "ok", "type": "approval", "depends_on": ["look"]},
    {"name": "each", "type": "map", "depends_on": ["ok"], "config": {"items": [1, 2]}, "steps": [act("pay")]},
    act("skipped", "each", condition="false"),
    act("bad", "each", fail="{{ input.broken }}"),
    act("never", "bad"),
]


@pytest.mark.capability("D03", "E16", "Q01")
async def test_steps_that_acted_and_are_made_anew_are_named(database: Path) -> None:
    """Also those inside of others; not those that were never tried, nor questions, nor what stays as it is."""
    async with engine(database) as baton:
        execution = await rested(baton, await baton.start(workflow("w", STEPS), {"broken": True}))
        await baton.decide(execution.id, "ok", "approve")
        await finished(baton, execution)
        assert await baton.side_effects_again(execution.id) == ["bad"]
        assert await baton.side_effects_again(execution.id, "ok") == ["each[0].pay", "each[1].pay", "bad"]
        assert await baton.side_effects_again(execution.id, "each[1].pay") == ["each[1].pay", "bad"]
        assert await baton.side_effects_again(execution.id, "never") == []
        with pytest.raises(NotFoundError, match="There is no step 'bda'"):
            await baton.side_effects_again(execution.id, "bda")


@pytest.mark.capability("D03")
async def test_a_fork_that_changes_nothing_outside_says_nothing(database: Path) -> None:
    """A question and a pause: asked again, they do no harm."""
    steps = [ask("q"), {"name": "wait", "type": "delay", "depends_on": ["q"], "config": {"seconds": 0}}]
    async with engine(database) as baton:
        execution = await rested(baton, await baton.start(workflow("w", steps)))
        await baton.decide(execution.id, "q", "approve")
        await finished(baton, execution)
        assert await baton.side_effects_again(execution.id, "q") == []


@pytest.mark.capability("D03")
async def test_nothing_failed_nothing_is_named(database: Path) -> None:
    async with engine(database) as baton:
        execution = await run(baton, workflow("w", [act("a")]))
        assert await baton.side_effects_again(execution.id) == []


@pytest.mark.capability("E10", "E14", "D03")
@pytest.mark.parametrize("named", [False, True], ids=["its own", "a named one"])
async def test_what_cleaned_up_as_a_whole_is_named_where_other_steps_stay(named: bool, database: Path) -> None:
    """Nobody knows which of them it undid. Who begins before all of them need not judge that."""
    late = {"on_timeout": {"action": "compensate", "compensation_workflow": "sweeper"}}
    steps = [act("a"), act("bad", "a", fail=True, category="timeout", **(late if named else {}))]
    given = {} if named else {"compensation": {"steps": [act("sweep")]}}
    async with engine(database, workflows=[workflow("sweeper", [act("sweep")])]) as baton:
        execution = await run(baton, workflow("w", steps, **given))
        swept = "~compensation.sweeper" if named else "~compensation.sweep"
        assert await baton.cleaned_up(execution.id) == [swept]
        assert await baton.cleaned_up(execution.id, "a") == []
