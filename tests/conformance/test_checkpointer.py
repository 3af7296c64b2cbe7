"""LangGraph's own suite for checkpointers, over our saver."""

from collections.abc import AsyncIterator
from pathlib import Path

from langgraph.checkpoint.conformance import checkpointer_test, validate
from langgraph.checkpoint.conformance.capabilities import Capability

from graphs.clock import SystemClock
from orchestrator.store.saver import BatonSaver
from orchestrator.store.sqlite import SqliteStore


async def test_our_saver_does_all_that_langgraph_asks(tmp_path: Path) -> None:
    files = iter(range(100))

    @checkpointer_test(name="BatonSaver")
    async def baton() -> AsyncIterator[BatonSaver]:
        path = tmp_path / f"{next(files)}.db"
        async with SqliteStore.open(path, clock=SystemClock(), synchronous="off") as store:
            yield store.saver

    report = await validate(baton)
    failures = {name: found.failures for name, found in report.results.items() if not found.passed}
    assert failures == {}
    assert set(report.results) == {capability.value for capability in Capability}
