"""Branches never wait for one another: not for a person, not for the slowest neighbour."""

from datetime import timedelta
from pathlib import Path

import pytest

from graphs.clock import ManualClock
from tests.support.engine.engines import act, ask, chain, engine, finished, rested, rings_in, until, workflow
from tests.support.engine.steps import Effects, Gates


def two_branches() -> list[dict[str, object]]:
    quick = chain(10, "b")
    return [ask("a"), act("a_after", "a"), *quick, act("join", "a_after", "b9")]


@pytest.mark.capability("F29", "F30", "X17", "F04")
async def test_one_branch_finishes_while_the_other_waits_for_a_person(database: Path, effects: Effects) -> None:
    """And on resume nothing of it runs again."""
    async with engine(database, effects=effects) as baton:
        execution = await rested(baton, await baton.start(workflow("w", two_branches())))
        assert execution.status == "waiting" and "b9" in effects.done and "a_after" not in effects.began
    async with engine(database, effects=effects) as baton:
        await baton.decide(execution.id, "a", "approve", by="ann")
        execution = await finished(baton, execution)
    assert execution.status == "completed"
    assert set(effects.counts.values()) == {1}


@pytest.mark.capability("F29", "I08")
async def test_an_answer_given_while_the_other_branch_runs_is_taken_up_at_once(
    database: Path, effects: Effects, gates: Gates
) -> None:
    """The step after the question runs while the other branch still stands at its gate."""
    steps = [ask("a"), act("a_after", "a"), act("b0", gate="g"), act("b1", "b0"), act("join", "a_after", "b1")]
    async with engine(database, effects=effects, gates=gates) as baton:
        execution = await baton.start(workflow("w", steps))
        await gates.reached("g")
        while not await baton.waits(execution.id):
            await baton.store.barrier()
        await baton.decide(execution.id, "a", "approve", by="ann")
        await until(lambda: "a_after" in effects.done)
        assert "b0" not in effects.done
        gates.open("g")
        execution = await finished(baton, execution)
    assert execution.status == "completed" and set(effects.counts.values()) == {1}


@pytest.mark.capability("X17", "F03")
async def test_a_quick_chain_does_not_wait_for_a_slow_neighbour(database: Path, effects: Effects, gates: Gates) -> None:
    """Where supersteps would, each of its steps waits for the neighbour of the one before."""
    async with engine(database, effects=effects, gates=gates) as baton:
        execution = await baton.start(workflow("w", [act("slow", gate="g"), *chain(10, "b")]))
        await gates.reached("g")
        await until(lambda: "b9" in effects.done)
        assert "slow" not in effects.done
        gates.open("g")
        assert (await finished(baton, execution)).status == "completed"


@pytest.mark.capability("F24", "F29")
async def test_a_wait_deep_inside_stops_only_what_depends_on_it(database: Path, effects: Effects) -> None:
    """A group with a question inside, and a chain beside the group."""
    group = {"name": "group", "type": "parallel", "steps": [ask("q"), act("x")]}
    async with engine(database, effects=effects) as baton:
        execution = await rested(
            baton, await baton.start(workflow("w", [group, act("after", "group"), *chain(3, "b")]))
        )
        assert {"group.x", "b2"} <= set(effects.done) and "after" not in effects.began
        [question] = await baton.waits(execution.id)
        await baton.decide(execution.id, question.path, "approve", by="ann")
        assert (await finished(baton, execution)).status == "completed"
    assert set(effects.counts.values()) == {1}


@pytest.mark.capability("E17", "E18", "X17")
async def test_a_fallback_does_not_wait_for_an_unrelated_question(database: Path, effects: Effects) -> None:
    """It is sent together with the step it answers for; or else it would stand behind a person for days."""
    bad = act("bad", fail=True, on_failure={"action": "fallback", "fallback": act("instead")})
    async with engine(database, effects=effects) as baton:
        execution = await rested(baton, await baton.start(workflow("w", [ask("q"), bad, act("after", "bad")])))
        assert effects.done == ["bad~fallback", "after"] and execution.status == "waiting"
        saved = await baton.store.saver.aget_tuple({"configurable": {"thread_id": execution.id}})
        assert saved is not None and saved.checkpoint["channel_values"]["dispatched"] == [
            "q",
            "bad",
            "bad~fallback",
            "after",
        ]
        await baton.decide(execution.id, "q", "approve")
        assert (await finished(baton, execution)).status == "completed"


@pytest.mark.capability("F29", "F30", "X17", "D01", "D05")
@pytest.mark.parametrize("answered_after", [5, None], ids=["while the branch runs", "two days later"])
async def test_a_branch_keeps_its_own_time_however_long_a_person_takes(
    answered_after: int | None, database: Path, effects: Effects
) -> None:
    """Ten steps of 50 ms take 500 ms beside a question; who answers meanwhile is heard at that very moment."""
    clock, pace = ManualClock(), timedelta(milliseconds=50)
    begun = clock.now()
    slow = chain(10, "b", sleep=pace.total_seconds())
    steps = [ask("a"), act("a_after", "a"), *slow, act("join", "a_after", "b9")]
    async with engine(database, effects=effects, clock=clock) as baton:
        execution = await baton.start(workflow("w", steps))
        for index in range(10):
            await until(lambda index=index: f"b{index}" in effects.began and rings_in(clock, 0.05)())
            if index == answered_after:
                await baton.decide(execution.id, "a", "approve", by="ann")
                await until(lambda: "a_after" in effects.done)
                assert f"b{index}" not in effects.done
            clock.advance(pace.total_seconds())
        execution = await rested(baton, execution)
        results = await baton.results(execution.id)
    spans = [(results[f"b{index}"]["started_at"], results[f"b{index}"]["ended_at"]) for index in range(10)]
    assert spans == [((begun + pace * i).isoformat(), (begun + pace * (i + 1)).isoformat()) for i in range(10)]
    if answered_after is not None:
        assert results["a_after"]["started_at"] == (begun + pace * answered_after).isoformat()
        assert execution.ended_at == begun + pace * 10
        return
    assert execution.status == "waiting" and "a_after" not in effects.began
    clock.advance(timedelta(days=2).total_seconds())
    async with engine(database, effects=effects, clock=clock) as baton:
        await baton.decide(execution.id, "a", "approve", by="ann")
        execution = await finished(baton, execution)
        again = await baton.results(execution.id)
    assert execution.status == "completed" and set(effects.counts.values()) == {1}
    assert {path: again[path] for path in results} == results, "nothing of the branch is touched"
