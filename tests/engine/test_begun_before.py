"""What an earlier process had begun when it died goes on to its end, or is stopped and may have to be undone.

Nobody may take it for a step that never did anything: only the world outside knows what it has done.
"""

import asyncio
from pathlib import Path
from typing import Any

import pytest

from graphs.spec import Workflow
from tests.support.engine.crashes import Crash, crashing, either
from tests.support.engine.engines import act, ask, engine, finished, statuses, workflow
from tests.support.engine.steps import Effects, Gates

pytestmark = pytest.mark.capability("D01", "E10", "E19")

PAY = act("pay", gate="g", compensate=act("refund"), compensate_failed=True)


async def _cut(database: Path, effects: Effects, definition: Workflow, settled: str) -> str:
    """An engine that is gone while a step stands at the gate `g`, after another has settled; the execution's id."""
    gates = Gates()
    async with engine(database, effects=effects, gates=gates) as baton:
        execution = await baton.start(definition)
        await gates.reached("g")
        gates.open("fails")
        while settled and settled not in await baton.results(execution.id):
            await asyncio.sleep(0)
    return execution.id


@pytest.mark.parametrize("inside", [False, True], ids=["plain", "inside a composite"])
async def test_what_was_at_work_beside_a_failure_is_carried_out_and_undone(
    inside: bool, database: Path, effects: Effects, gates: Gates
) -> None:
    """As it would have been had the process lived; under the same key."""
    pay: Any = {"name": "p", "type": "sequence", "steps": [PAY, act("next", "pay")]} if inside else PAY
    path = "p.pay" if inside else "pay"
    key = await _cut(database, effects, workflow("w", [act("bad", fail=True, gate="fails"), pay]), "bad")
    gates.open("g")
    async with engine(database, effects=effects, gates=gates) as baton:
        execution = await finished(baton, key)
        found = await statuses(baton, execution)
    assert execution.status == "compensated", found
    assert found[path] == "completed"
    assert effects.began == ["bad", path, path, f"~compensation.{'p.' if inside else ''}refund"]
    assert len(set(effects.keys[path])) == 1
    if inside:
        assert found["p.next"] == "skipped", "what had not begun does not begin"


@pytest.mark.parametrize("rest", ["finish", "cancel"])
async def test_what_was_at_work_when_enough_had_succeeded(
    rest: str, database: Path, effects: Effects, gates: Gates
) -> None:
    """`rest: finish` lets it finish; stopped, it may have acted, and is undone as such."""
    branches = {"a": [act("quick")], "b": [PAY]}
    group = {"name": "r", "type": "parallel", "config": {"first": 1, "rest": "finish"}, "branches": branches}
    steps = [group, act("boom", "r", fail=True)]
    key = await _cut(database, effects, workflow("w", steps), "r.a.quick")
    if rest == "finish":
        gates.open("g")
    async with engine(database, effects=effects, gates=gates) as baton:
        if rest == "cancel":
            await baton.cancel(key, compensate=True)
        execution = await finished(baton, key)
        found = await statuses(baton, execution)
    assert found["r.b.pay"] == ("completed" if rest == "finish" else "cancelled")
    assert "~compensation.r.b.refund" in effects.began
    assert execution.status == "compensated"


async def test_a_cancel_that_comes_while_nobody_drives_undoes_what_was_at_work(
    database: Path, effects: Effects
) -> None:
    """It is not begun again, and says that nobody knows what it has done."""
    key = await _cut(database, effects, workflow("w", [PAY]), "")
    async with engine(database, drive=False) as baton:
        await baton.cancel(key, compensate=True)
    async with engine(database, effects=effects) as baton:
        await finished(baton, key)
        results = await baton.results(key)
    assert effects.began == ["pay", "~compensation.refund"]
    assert results["pay"]["status"] == "cancelled"
    assert "not known" in results["pay"]["detail"]


@pytest.mark.parametrize("inside", [False, True], ids=["plain", "inside a composite"])
@pytest.mark.parametrize("after", [0, 1, 2, 3])
async def test_what_was_sent_just_before_a_crash_is_not_taken_for_what_never_began(
    after: int, inside: bool, database: Path, effects: Effects
) -> None:
    """Not even that it was sent may be kept by then. Whatever began is undone; what is not known says so."""
    pay: Any = {"name": "p", "type": "sequence", "steps": [PAY, act("next", "pay")]} if inside else PAY
    path, refund = ("p.pay", "p.refund") if inside else ("pay", "refund")
    gates, crash = Gates(), Crash(10_000)

    async def live() -> None:
        async with engine(database, effects=effects, gates=gates) as baton:
            key = (await baton.start(workflow("w", [act("first"), pay]))).id
            crash.left = after  # commits after the one of its start
            await gates.reached("g")
            crash.left = 0
            await baton.cancel(key)  # of which nobody ever hears

    with crashing(crash):
        assert not await either(live(), crash)
    began = path in effects.began
    async with engine(database, drive=False) as baton:
        (execution,) = await baton.list()
        await baton.cancel(execution.id, compensate=True)
    async with engine(database, effects=effects) as baton:
        execution = await finished(baton, execution)
        result = (await baton.results(execution.id))[path]
    assert effects.counts[path] == began
    assert result["status"] == "cancelled" and result["outcome"] == "unknown"
    assert "not known" in result["detail"] and result["idempotency_key"] == f"{execution.id}:{path}:0"
    assert effects.counts[f"~compensation.{refund}"] == 1 and execution.status == "compensated"


async def test_a_dependent_of_what_settled_after_the_end_had_not_begun(
    database: Path, effects: Effects, gates: Gates
) -> None:
    """Order is told by commits: its dependency settled when the plan had ended already."""
    steps = [act("bad", fail=True, gate="fails"), act("slow", gate="g"), act("next", "slow"), act("other", gate="h")]
    first = Gates()
    async with engine(database, effects=effects, gates=first) as baton:
        key = (await baton.start(workflow("w", steps))).id
        await first.reached("h")
        await first.reached("g")
        first.open("fails")
        while "bad" not in await baton.results(key):
            await asyncio.sleep(0)
        first.open("g")
        while "slow" not in await baton.results(key):
            await asyncio.sleep(0)
    gates.open("h")
    async with engine(database, effects=effects, gates=gates) as baton:
        found = await statuses(baton, await finished(baton, key))
    assert "next" not in effects.began
    assert found["next"] == "skipped"


async def test_a_question_is_not_asked_again_when_the_plan_has_ended(database: Path, effects: Effects) -> None:
    """Waiting is no acting."""
    key = await _cut(database, effects, workflow("w", [PAY, ask("q")]), "")
    async with engine(database, drive=False) as baton:
        await baton.cancel(key)
    async with engine(database, effects=effects) as baton:
        found = await statuses(baton, await finished(baton, key))
    assert found == {"pay": "cancelled", "q": "skipped"}
