"""A program that may be killed starts its executions again under the ids and keys it used before."""

import asyncio
from pathlib import Path

import pytest

from tests.support.engine.engines import Effects, act, engine, finished, run, turns, workflow


@pytest.mark.capability("D01", "D20", "D22")
async def test_an_execution_is_not_started_again_by_its_key(tmp_path: Path) -> None:
    effects, definition = Effects(), workflow("w", [act("a"), act("b", "a")])
    async with engine(tmp_path / "baton.db", effects=effects) as baton:
        first = await run(baton, definition, idempotency_key="k")
        assert (await baton.start(definition, idempotency_key="k")).id == first.id
        await turns(baton, 20)
    assert effects.began == ["a", "b"]


@pytest.mark.capability("D01", "D20", "D22")
async def test_nor_by_its_id_and_its_key_together(tmp_path: Path) -> None:
    effects, definition = Effects(), workflow("w", [act("a"), act("b", "a")])
    async with engine(tmp_path / "baton.db", effects=effects) as baton:
        await run(baton, definition, execution_id="x", idempotency_key="k")
        again = await baton.start(definition, execution_id="x", idempotency_key="k")
        assert (await finished(baton, again)).status == "completed"
        async with asyncio.timeout(60):
            while baton.driving("x"):
                await asyncio.sleep(0.01)
    assert effects.began == ["a", "b"]
