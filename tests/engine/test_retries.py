"""Retries whose pauses are long: nothing is held, nothing is forgotten."""

from datetime import timedelta
from pathlib import Path

import pytest

from graphs.clock import ManualClock
from graphs.errors import StepError
from graphs.policies import Classifier
from tests.support.engine.crashes import Crash, crashing, either
from tests.support.engine.engines import act, ask, engine, finished, rested, rings_in, run, turns, until, wind, workflow
from tests.support.engine.steps import Effects, Gates

PATIENT = {"max_attempts": 4, "backoff": "exponential", "initial_delay": "1h", "max_delay": "1d", "jitter": 0}


@pytest.mark.capability("E01", "E02", "D05", "X08")
async def test_a_long_pause_rests_and_survives_the_process(database: Path, effects: Effects) -> None:
    """Another process goes on with the right attempt, after what is left of the pause."""
    clock = ManualClock()
    begun = clock.now()
    definition = workflow("w", [act("a", fail=2, retry=PATIENT), act("b", "a")])
    async with engine(database, clock=clock, effects=effects) as baton:
        execution = await rested(baton, await baton.start(definition))
        assert execution.status == "waiting"
        [timer] = await baton.waits(execution.id)
        assert timer.wait.kind == "timer" and timer.wait.due == begun + timedelta(hours=1)
        assert timer.wait.question["attempt"] == 1 and timer.wait.question["of"] == 4
    clock.advance(1800)
    async with engine(database, clock=clock, effects=effects) as baton:
        assert not baton.driving(execution.id)
        await until(rings_in(clock, 1800))
        clock.advance(1799)
        assert effects.counts["a"] == 1
        clock.advance(1)
        execution = await rested(baton, execution)
        assert execution.status == "waiting" and effects.counts["a"] == 2
    clock.advance(3 * 3600)  # nobody was there when it rang
    async with engine(database, clock=clock, effects=effects) as baton:
        execution = await finished(baton, execution)
        results = await baton.results(execution.id)
        notes = [record for record in await baton.records(execution.id) if record.kind == "step.retrying"]
    assert execution.status == "completed" and effects.began == ["a", "a", "a", "b"]
    assert results["a"]["attempts"] == 3 and results["a"]["output"]["attempt"] == 3
    assert results["a"]["started_at"] == begun.isoformat(), "the step began with its first attempt"
    assert [(note.data["attempt"], note.data["delay"]) for note in notes] == [(1, 3600), (2, 7200)]
    assert all(note.data["error"]["message"] == "asked to fail" for note in notes), "every failure is kept"
    assert set(effects.keys["a"]) == {effects.keys["a"][0]}, "all attempts have one idempotency key"


async def test_a_long_pause_holds_nothing(database: Path, effects: Effects, gates: Gates) -> None:
    """Neither a place nor another branch; its time is the execution's own."""
    clock = ManualClock()
    steps = [act("a", fail=1, retry=PATIENT), act("b", gate="b"), act("c", "b")]
    config = {"max_parallel_steps": 1, "timeout": 3700}
    async with engine(database, clock=clock, effects=effects, gates=gates, max_executions=1) as baton:
        execution = await baton.start(workflow("w", steps, config=config))
        gates.open("b")
        execution = await rested(baton, execution)
        assert effects.began == ["a", "b", "c"]
        other = await run(baton, workflow("other", [act("x")]))
        assert other.status == "completed", "the only place to be driven is free"
        clock.advance(3600)
        execution = await finished(baton, execution)
    assert execution.status == "completed" and execution.active_seconds == 3600


async def test_an_approval_beside_a_pause_is_answered_meanwhile(database: Path, effects: Effects) -> None:
    """Each wakes its own body only."""
    clock = ManualClock()
    steps = [act("a", fail=1, retry=PATIENT), ask("q"), act("b", "q")]
    async with engine(database, clock=clock, effects=effects) as baton:
        execution = await rested(baton, await baton.start(workflow("w", steps)))
        await baton.decide(execution.id, "q", "approve")
        await until(lambda: effects.counts["b"] == 1)
        execution = await rested(baton, execution)
        assert execution.status == "waiting" and effects.counts["a"] == 1
        clock.advance(3600)
        assert (await finished(baton, execution)).status == "completed"


@pytest.mark.parametrize("policy", ["stop", "cancel"])
async def test_a_pause_ends_when_the_plan_does(policy: str, database: Path, gates: Gates) -> None:
    """No further attempt; the result is the failure it had."""
    clock = ManualClock()
    steps = [act("a", fail=True, retry=PATIENT), act("b", gate="b", fail=True, category="logic")]
    async with engine(database, clock=clock, gates=gates) as baton:
        execution = await baton.start(workflow("w", steps, config={"failure_policy": policy}))
        await gates.reached("b")
        await until(rings_in(clock, 3600))
        gates.open("b")
        execution = await finished(baton, execution)
        results = await baton.results(execution.id)
        assert await baton.waits(execution.id) == []
    assert execution.status == "failed"
    assert results["a"]["status"] == "failed" and results["a"]["attempts"] == 1


async def test_cancelling_ends_a_parked_pause(database: Path) -> None:
    """It need not wait for its timer."""
    clock = ManualClock()
    async with engine(database, clock=clock) as baton:
        execution = await rested(baton, await baton.start(workflow("w", [act("a", fail=True, retry=PATIENT)])))
        await baton.cancel(execution.id)
        assert (await finished(baton, execution)).status == "cancelled"


@pytest.mark.parametrize("again", [False, True])
async def test_a_retry_by_hand_begins_at_the_first_attempt(again: bool, database: Path, effects: Effects) -> None:
    """What was tried before belongs to what was superseded."""
    clock = ManualClock()
    definition = workflow("w", [act("a", fail=True, retry={**PATIENT, "max_attempts": 2})])
    async with engine(database, clock=clock, effects=effects) as baton:
        execution = await wind(baton, await baton.start(definition))
        assert execution.status == "failed" and effects.counts["a"] == 2
        await baton.retry(execution.id, again=again)
        execution = await wind(baton, execution)
        assert execution.status == "failed" and effects.counts["a"] == 4
        assert (await baton.results(execution.id))["a"]["attempts"] == 2


async def test_pauses_inside_composites_and_compensations_park_too(database: Path, effects: Effects) -> None:
    """Wherever an action stands."""
    clock = ManualClock()
    inner = act("i", fail=1, retry=PATIENT, compensate=act("undo", fail=1, retry=PATIENT))
    loop = {"name": "m", "type": "map", "config": {"items": [1, 2]}, "steps": [act("k", fail=1, retry=PATIENT)]}
    definition = workflow("w", [inner, {**loop, "depends_on": ["i"]}, act("bad", "m", fail=True)])
    for _ in range(20):
        async with engine(database, clock=clock, effects=effects) as baton:
            if await baton.store.execution("e") is None:
                await baton.start(definition, execution_id="e")
            execution = await rested(baton, "e")
        if execution.status.final:
            break
        clock.advance(3600)
    assert execution.status == "compensated"
    assert effects.counts == {"i": 2, "m[0].k": 2, "m[1].k": 2, "bad": 1, "~compensation.undo": 2}


@pytest.mark.parametrize("strategy", ["partitioned", "staged"])
async def test_pauses_park_in_loops_and_under_every_strategy(strategy: str, database: Path, effects: Effects) -> None:
    """Iterations that came before are not done again."""
    clock = ManualClock()
    loop = {
        "name": "l",
        "type": "loop",
        "config": {"while": "index < 3"},
        "steps": [act("k", value="{{ index }}", fail=1, retry=PATIENT)],
    }
    many = [act(f"s{number}", fail=number % 2, retry=PATIENT) for number in range(24)]
    definition = workflow("w", [loop, *many], config={"strategy": strategy, "max_parallel_steps": 50})
    for _ in range(10):
        async with engine(database, clock=clock, effects=effects, partition_size=10) as baton:
            if await baton.store.execution("e") is None:
                await baton.start(definition, execution_id="e")
            await baton.resume("e")
            while baton.driving("e"):
                await turns(baton, 1)
            execution = await rested(baton, "e")
        if execution.status.final:
            break
        clock.advance(3600)
    assert execution.status == "completed"
    assert {path: effects.counts[path] for path in ("l[0].k", "l[1].k", "l[2].k")} == dict.fromkeys(
        ("l[0].k", "l[1].k", "l[2].k"), 2
    )
    assert [effects.counts[f"s{number}"] for number in range(24)] == [1 + number % 2 for number in range(24)]


@pytest.mark.capability("D01", "E01")
@pytest.mark.parametrize("unheard", [False, True], ids=["lost", "kept but not heard"])
async def test_it_does_not_matter_where_the_process_dies(unheard: bool, tmp_path: Path) -> None:
    """After every commit in turn: the same attempts, the same end; at most the attempt in flight is made again."""
    definition = workflow(
        "w", [act("a", fail=2, retry=PATIENT), act("s", fail=1, retry={**PATIENT, "initial_delay": 0})]
    )

    async def live(database: Path, clock: ManualClock, effects: Effects) -> None:
        async with engine(database, clock=clock, effects=effects) as baton:
            if await baton.store.execution("e") is None:
                await baton.start(definition, {}, execution_id="e")
            await wind(baton, "e")

    point = 0
    while True:
        point += 1
        database, clock, effects, crash = (
            tmp_path / f"{point}.db",
            ManualClock(),
            Effects(),
            Crash(point, unheard=unheard),
        )
        with crashing(crash):
            await either(live(database, clock, effects), crash)
        await live(database, clock, effects)
        async with engine(database, drive=False) as baton:
            results = await baton.results("e")
            assert (await baton.get("e")).status == "completed"
        assert results["a"]["attempts"] == 3 and results["s"]["attempts"] == 2, f"after {point} commits"
        # Nobody waits for what a short pause keeps, so all of its attempts may have been in flight.
        assert effects.counts["a"] in (3, 4) and effects.counts["s"] in (2, 3, 4), f"after {point} commits"
        if not crash.happened.is_set():
            break
    assert point > 6


@pytest.mark.capability("E03", "E21")
async def test_the_application_says_what_its_own_exceptions_mean(database: Path, effects: Effects) -> None:
    """`Classifier` among the resources: the step is tried again where the general rules would have given up."""
    meanings = Classifier({ValueError: lambda error: StepError(f"busy: {error}", category="transient", retry_after=7)})
    step = act("a", raises="ValueError", retry={"max_attempts": 2, "initial_delay": 0})
    clock = ManualClock()
    async with engine(database, clock=clock, effects=effects, resources=[meanings]) as baton:
        execution = await rested(baton, await baton.start(workflow("w", [step])))
        [timer] = await baton.waits(execution.id)
        assert timer.wait.due == clock.now() + timedelta(seconds=7)
        clock.advance(7)
        execution = await finished(baton, execution)
        assert (await baton.results(execution.id))["a"]["error"]["message"] == "busy: oh"
    assert effects.counts["a"] == 2
