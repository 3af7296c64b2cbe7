"""What an engine finds to be taken up: only as many of it as there is room for are more than a name."""

import asyncio
from pathlib import Path

import pytest

from orchestrator.driving.backlog import Backlog
from tests.support.engine.engines import act, engine, finished, until, workflow
from tests.support.engine.steps import Effects, Gates

MANY, ROOM = 60, 3


def _drives() -> int:
    return sum(task.get_name().startswith("drive ") for task in asyncio.all_tasks())


async def _left(database: Path, **more: int) -> list[str]:
    """Executions that nobody has taken up, the last one the most urgent."""
    async with engine(database, drive=False) as baton:
        definition = workflow("w", [act("a", gate="go")])
        return [(await baton.start(definition, priority=number // (MANY - 1))).id for number in range(MANY)]


@pytest.mark.capability("P06", "R14")
async def test_only_those_there_is_room_for_have_a_task(database: Path, effects: Effects, gates: Gates) -> None:
    """As many are at work, and as many wait for a seat; all are carried out."""
    ids = await _left(database)
    async with engine(database, effects=effects, gates=gates, max_executions=ROOM) as baton:
        await gates.reached("go")
        assert _drives() <= 2 * ROOM
        assert all(baton.driving(key) for key in ids), "who waits for the last of them waits for its end"
        gates.open("go")
        for key in ids:
            assert (await finished(baton, await baton.get(key))).status == "completed"
            assert _drives() <= 2 * ROOM
    assert effects.counts["a"] == MANY


@pytest.mark.capability("P06", "E09")
async def test_what_is_asked_of_one_that_is_not_its_turn_yet_counts(
    database: Path, effects: Effects, gates: Gates
) -> None:
    """A cancel, a pause, something new that is urgent: nobody waits for the rest."""
    ids = await _left(database)
    async with engine(database, effects=effects, gates=gates, max_executions=1) as baton:
        await gates.reached("go")
        await baton.pause(ids[20])
        await baton.cancel(ids[21])
        urgent = await baton.start(workflow("u", [act("urgent")]), priority=100)
        gates.open("go")
        assert (await finished(baton, urgent)).status == "completed"
        assert effects.began.index("urgent") <= 3
        for key in (*ids[:20], *ids[22:]):
            await finished(baton, await baton.get(key))
        assert (await finished(baton, await baton.get(ids[21]))).status == "cancelled"
        await until(lambda: not baton.driving(ids[20]))
        assert (await baton.get(ids[20])).status == "paused"
        await baton.continue_(ids[20])
        assert (await finished(baton, await baton.get(ids[20]))).status == "completed"
    assert effects.counts["a"] == MANY - 1, "the one that was cancelled did nothing"


@pytest.mark.capability("P06")
async def test_an_engine_that_ends_leaves_the_rest_to_the_next(database: Path, effects: Effects, gates: Gates) -> None:
    ids = await _left(database)
    async with engine(database, effects=effects, gates=gates, max_executions=1, grace=0) as baton:
        await gates.reached("go")
    gates.open("go")
    async with engine(database, effects=effects, gates=gates, max_executions=ROOM) as baton:
        for key in ids:
            assert (await finished(baton, await baton.get(key))).status == "completed"


def test_room_that_appears_is_for_the_next() -> None:
    """Also where some of them are at work already, or were taken up by another way."""
    taken = list[str]()

    def take(key: str) -> bool:
        taken.append(key)
        return key != "busy"

    backlog = Backlog(take, 2)
    backlog.add(["a", "busy", "b", "c", "other", "d"])
    assert taken == ["a", "busy", "b"] and "c" in backlog and "a" not in backlog
    backlog.drop("other")
    backlog.seated("nobody")
    assert taken == ["a", "busy", "b"]
    backlog.seated("a")
    assert taken[-1] == "c"
    assert backlog.clear() == ["d"]
    backlog.seated("b")
    assert taken[-1] == "c"
