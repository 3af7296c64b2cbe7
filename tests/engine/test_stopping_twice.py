"""Somebody who asks twice that an engine stops means at once, whenever the second time comes."""

import asyncio
from pathlib import Path

import pytest

from tests.support.engine.engines import act, engine, workflow
from tests.support.engine.steps import Gates


@pytest.mark.capability("D01")
@pytest.mark.parametrize("turns", [0, 1, 2, 5, 50])
async def test_a_second_cancel_ends_the_grace_time(database: Path, gates: Gates, turns: int) -> None:
    """Also in the first turns of the stop, where everything is being put away; what ran is run again."""
    ready = asyncio.Event()

    async def live() -> None:
        async with engine(database, gates=gates, grace=600) as baton:
            await baton.start(workflow("w", [act("a", gate="never")]), execution_id="e")
            await gates.reached("never")
            ready.set()
            await asyncio.Event().wait()

    life = asyncio.create_task(live())
    await ready.wait()
    life.cancel()
    for _ in range(turns + 1):  # the first of them takes the first cancel to where it is heard
        await asyncio.sleep(0)
    life.cancel()
    _, late = await asyncio.wait([life], timeout=20)
    assert not late and life.cancelled()
    async with engine(database, drive=False) as baton:
        assert (await baton.get("e")).status == "queued"
