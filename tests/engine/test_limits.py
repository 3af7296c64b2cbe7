"""Limits over all executions of an engine: by name, in turn, and the waiting recorded as such."""

import asyncio
from pathlib import Path
from typing import Any, ClassVar

import pytest

from agents.services.services import Service, Services
from graphs.clock import ManualClock
from graphs.policies.named import Bounds
from tests.support.engine.engines import act, engine, finished, rings_in, run, turns, until, workflow
from tests.support.engine.steps import Act, ActConfig, Effects, Gates, step_types


class Dial(Act):
    """An `act` that uses something everybody uses."""

    name: ClassVar[str] = "dial"

    def limit(self, config: ActConfig) -> str | None:
        return "lines:one"


TYPES = step_types(Dial())


def dial(name: str, *needs: str, **more: Any) -> dict[str, Any]:
    return {**act(name, *needs, **more), "type": "dial"}


@pytest.mark.capability("P06", "Q05")
async def test_a_bulkhead_counts_over_all_executions_and_in_turn(
    database: Path, effects: Effects, gates: Gates
) -> None:
    """The small execution does not wait for all that the large one has."""
    many = workflow("many", [dial(f"m{i}", gate=f"m{i}") for i in range(6)])
    few = workflow("few", [dial("f", gate="f")])
    limits = {"lines": Bounds(max_concurrency=1)}
    clock = ManualClock()
    async with engine(
        database, clock=clock, effects=effects, gates=gates, types=TYPES, limits=limits, synchronous="off"
    ) as baton:
        large = await baton.start(many)
        await until(lambda: len(effects.began) == 1)
        small = await baton.start(few)
        await turns(baton)
        assert len(effects.began) == 1
        clock.advance(3)
        gates.open("m0")
        await until(lambda: len(effects.began) == 2)
        gates.open(effects.began[1])
        await until(lambda: len(effects.began) == 3)
        assert "f" in effects.began[1:3], "its turn comes second"
        for name in ("f", *(f"m{i}" for i in range(6))):
            gates.open(name)
        await finished(baton, large)
        await finished(baton, small)
        results = await baton.results(small.id)
        first = (await baton.results(large.id))[effects.began[0]]
        record = next(one for one in await baton.records(small.id) if one.kind == "step.completed")
        note = next(one for one in await baton.records(small.id) if one.kind == "step.queued")
    assert (note.path, note.data) == ("f", {"limit": "lines"})
    assert results["f"]["queued"] == 3 and record.data["queued"] == 3
    assert "queued" not in first
    assert effects.most[""] == 1


async def test_a_full_service_does_not_hold_up_others(database: Path, effects: Effects, gates: Gates) -> None:
    """Whoever queues for it takes no place of the execution or of the engine."""
    steps = [*(dial(f"d{i}", gate="g") for i in range(5)), act("a"), act("b", "a")]
    limits = {"lines": Bounds(max_concurrency=1)}
    async with engine(database, effects=effects, gates=gates, types=TYPES, limits=limits, max_steps=2) as baton:
        execution = await baton.start(workflow("w", steps, config={"max_parallel_steps": 2}))
        await until(lambda: "b" in effects.done)
        gates.open("g")
        assert (await finished(baton, execution)).status == "completed"


@pytest.mark.capability("P06")
async def test_a_rate_spreads_beginnings_over_time(database: Path, effects: Effects) -> None:
    """Two in ten seconds, whichever execution they are of."""
    clock = ManualClock()
    limits = {"lines": Bounds(rate="2/10s")}
    async with engine(database, clock=clock, effects=effects, types=TYPES, limits=limits) as baton:
        executions = [await baton.start(workflow("w", [dial("a"), dial("b", "a")])) for _ in range(3)]
        for begun in (2, 4):
            await until(lambda begun=begun: len(effects.began) == begun)
            await until(rings_in(clock, 10))
            await turns(baton)
            assert len(effects.began) == begun
            clock.advance(10)
        for execution in executions:
            assert (await finished(baton, execution)).status == "completed"
    assert len(effects.began) == 6


async def test_steps_name_further_limits(database: Path, effects: Effects, gates: Gates) -> None:
    """A class of work, whatever its type: `limits: gpu`."""
    heavy = [act(f"h{i}", gate="g", limits="gpu") for i in range(4)]
    async with engine(database, effects=effects, gates=gates, limits={"gpu": Bounds(max_concurrency=2)}) as baton:
        execution = await baton.start(workflow("w", [*heavy, act("light")]))
        await until(lambda: "light" in effects.done and len(effects.began) == 3)
        gates.open("g")
        assert (await finished(baton, execution)).status == "completed"
    assert effects.most["h0/"] == 1 and effects.most[""] <= 3


async def test_cancelling_takes_a_waiting_step_out_of_the_queue(database: Path, effects: Effects, gates: Gates) -> None:
    """Its place in it goes to the next."""
    limits = {"lines": Bounds(max_concurrency=1)}
    async with engine(database, effects=effects, gates=gates, types=TYPES, limits=limits) as baton:
        first = await baton.start(workflow("first", [dial("a", gate="a")]))
        await gates.reached("a")
        second = await baton.start(workflow("second", [dial("b")]))
        await turns(baton)
        third = await baton.start(workflow("third", [dial("c")]))
        await turns(baton)
        await baton.cancel(second.id)
        assert (await finished(baton, second)).status == "cancelled"
        gates.open("a")
        assert (await finished(baton, third)).status == "completed"
        assert (await finished(baton, first)).status == "completed"
    assert effects.began == ["a", "c"]


async def test_a_queue_is_gone_with_its_engine_and_stands_again_in_the_next(
    database: Path, effects: Effects, gates: Gates
) -> None:
    """Nothing new begins while the engine drains, though a place becomes free."""
    limits = {"lines": Bounds(max_concurrency=1)}
    definition = workflow("w", [dial("a", gate="a"), dial("b")])
    async with engine(database, effects=effects, gates=gates, types=TYPES, limits=limits, grace=5.0) as baton:
        execution = await baton.start(definition)
        await gates.reached("a")
        await turns(baton)
        draining = asyncio.ensure_future(baton.drain())
        await turns(baton)
        gates.open("a")
        await draining
        assert effects.began == ["a"]
        assert (await baton.get(execution.id)).status == "queued"
    async with engine(database, effects=effects, gates=gates, types=TYPES, limits=limits) as baton:
        assert (await finished(baton, execution)).status == "completed"
    assert effects.began == ["a", "b"]


async def test_without_limits_nobody_queues(database: Path) -> None:
    """And no result speaks of it."""
    async with engine(database, types=TYPES) as baton:
        execution = await run(baton, workflow("w", [dial("a"), dial("b")]))
        assert all("queued" not in result for result in (await baton.results(execution.id)).values())


@pytest.mark.capability("P06", "Q05")
async def test_a_limit_that_is_called_almost_like_a_service_is_told(
    database: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """It would bound nobody; a class of work with a name of its own is meant as it is."""
    services = Services([Service(name="payment-service", base_url="http://127.0.0.1:9")])
    limits = {name: Bounds(max_concurrency=1) for name in ("paymnt-service", "gpu")}
    async with engine(database, limits=limits, resources=[services], log_level="warning"):
        pass
    said = capsys.readouterr().err
    assert "Did you mean 'payment-service' in BATON_LIMITS?" in said and "gpu" not in said
