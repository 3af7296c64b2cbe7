"""What another process stores while an engine is busy is heard, however late the engine gets to it."""

import asyncio
from pathlib import Path

import pytest

from graphs.errors import StoreError
from graphs.spec import Workflow
from orchestrator.catalogue import Catalogue
from orchestrator.engine import Orchestrator
from orchestrator.store.drives import Drives
from orchestrator.store.port import Execution
from orchestrator.store.sqlite import SqliteStore
from tests.support.engine.engines import PATIENCE, act, ask, engine, finished, rested, workflow
from tests.support.engine.steps import Effects

pytestmark = pytest.mark.capability("O23")


async def _heard(baton: Orchestrator) -> None:
    """Return when the engine has heard of everything that other processes have stored."""
    assert baton._driver is not None
    [*_, last] = await baton.store.signals(0)
    async with asyncio.timeout(PATIENCE):
        while baton._driver._signals.seen < last.seq:
            await asyncio.sleep(0.002)


@pytest.mark.parametrize("what", ["cancel", "pause"])
async def test_what_comes_while_a_definition_is_read_is_heard_before_a_step_begins(
    what: str, database: Path, effects: Effects, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The execution had been read already, and there was no drive yet that could be told."""
    reads, go_on = asyncio.Event(), asyncio.Event()
    pinned = Catalogue.pinned

    async def held(self: Catalogue, execution: Execution) -> Workflow:
        reads.set()
        await go_on.wait()
        return await pinned(self, execution)

    async with engine(database, drive=False) as other:
        execution = await other.start(workflow("w", [act("a")]))
        monkeypatch.setattr(Catalogue, "pinned", held)
        async with engine(database, effects=effects) as baton:
            await asyncio.wait_for(reads.wait(), PATIENCE)
            await (other.cancel if what == "cancel" else other.pause)(execution.id, by="ann")
            await _heard(baton)
            go_on.set()
            execution = await rested(baton, execution)
    assert (execution.status, effects.began) == ({"cancel": "cancelled", "pause": "paused"}[what], [])


async def test_what_is_continued_while_its_engine_is_told_that_it_is_held_goes_on(
    database: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The engine hears of that first, and then what it had asked before: nobody may be left with the old answer."""
    asked, go_on = asyncio.Event(), asyncio.Event()
    begin = Drives.begin_drive

    async def late(self: Drives, execution_id: str, reason: str) -> Execution:
        answer = await begin(self, execution_id, reason)
        asked.set()
        await go_on.wait()
        return answer

    async with engine(database, drive=False) as other, engine(database) as baton:
        execution = await rested(baton, await baton.start(workflow("w", [ask("q")])))
        monkeypatch.setattr(Drives, "begin_drive", late)
        await baton.pause(execution.id)
        await asyncio.wait_for(asked.wait(), PATIENCE)
        await other.continue_(execution.id, by="ann")
        await _heard(baton)
        go_on.set()
        assert (await rested(baton, execution)).status == "waiting"
        await baton.decide(execution.id, "q", "approve")
        assert (await finished(baton, execution)).status == "completed"


async def test_what_could_not_be_read_when_it_came_is_heard_later(
    database: Path, effects: Effects, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Also when nobody stores anything after it."""
    read, failures = SqliteStore.execution, 3

    async def fails(self: SqliteStore, execution_id: str) -> Execution | None:
        nonlocal failures
        if failures and self is baton.store:
            failures -= 1
            raise StoreError("The disk does not answer.", code="unreadable")
        return await read(self, execution_id)

    async with engine(database, drive=False) as other, engine(database, effects=effects) as baton:
        execution = await rested(baton, await baton.start(workflow("w", [ask("q"), act("a", "q")])))
        monkeypatch.setattr(SqliteStore, "execution", fails)
        await other.decide(execution.id, "q", "approve", by="ann")
        await _heard(baton)
        assert failures == 0
        assert (await finished(baton, execution)).status == "completed"
