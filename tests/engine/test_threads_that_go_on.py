"""Sync functions that go on after their time is over: nothing else is done at their step while they may still act."""

import asyncio
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from agents import Functions, Tools, tool
from graphs.clock import ManualClock
from orchestrator.engine import Orchestrator
from tests.support.engine.engines import act, engine, finished, rings_in, statuses, turns, until, workflow
from tests.support.engine.steps import Effects

LIMIT, GRACE = 5.0, 20.0


class Shop:
    """Functions that act when they are let, in threads; and what they did, in order."""

    def __init__(self) -> None:
        self.did: list[str] = []
        self.at_work = 0
        self.most = 0
        self.go = threading.Semaphore(0)
        self._lock = threading.Lock()

    def pay(self, fail: bool = False) -> dict[str, int]:
        with self._lock:
            self.at_work += 1
            self.most = max(self.most, self.at_work)
            self.did.append("begin")
        self.go.acquire(timeout=60)
        with self._lock:
            self.at_work -= 1
            self.did.append("paid")
        if fail:
            raise ValueError("no money")
        return {"payment": len(self.did)}

    def refund(self, payment: int) -> None:
        self.did.append(f"refunded {payment}")

    def give_back(self) -> None:
        self.did.append("gave back")


@pytest.fixture
def shop() -> Iterator[Shop]:
    shop = Shop()
    yield shop
    shop.go.release(100)


def given(shop: Shop) -> list[Any]:
    tools = [
        tool(name="pay", description="Pays.", undo="refund")(shop.pay),
        tool(name="refund", description="Refunds.")(shop.refund),
    ]
    return [Tools(tools), Functions([shop.pay, shop.give_back])]


def pay(kind: str = "function", **more: Any) -> dict[str, Any]:
    retry = {"max_attempts": 2, "initial_delay": 1, "jitter": 0} | more.pop("retry", {})
    return {"name": "pay", "type": kind, "timeout": LIMIT, "config": {kind: "pay"}, "retry": retry, **more}


async def comes_to(condition: Any) -> None:
    """Threads are not on the loop: it turns until something holds, with a bound."""
    async with asyncio.timeout(60):
        while not condition():
            await asyncio.sleep(0.001)


async def out_of_time(clock: ManualClock, shop: Shop) -> None:
    """The call at work is late, and waited for."""
    await comes_to(lambda: shop.at_work == 1)
    clock.advance(LIMIT)
    await until(rings_in(clock, GRACE))


async def kinds(baton: Orchestrator, execution: Any, *wanted: str) -> list[tuple[str, Any]]:
    return [(one.kind, one.data) for one in await baton.records(execution.id) if one.kind in wanted]


@pytest.mark.capability("E07", "E01")
async def test_a_function_that_is_late_is_waited_for_before_it_is_called_again(database: Path, shop: Shop) -> None:
    """The attempt has timed out all the same, and what it came to is kept."""
    clock = ManualClock()
    async with engine(database, clock=clock, resources=given(shop), thread_grace=GRACE) as baton:
        execution = await baton.start(workflow("w", [pay()]))
        await out_of_time(clock, shop)
        await turns(baton)
        assert shop.did == ["begin"]
        shop.go.release()
        await comes_to(rings_in(clock, 1))  # the pause before the next attempt
        clock.advance(1)
        await comes_to(lambda: shop.at_work == 1)
        shop.go.release()
        execution = await finished(baton, execution)
        assert await kinds(baton, execution, "step.came_late", "step.still_acting") == [
            ("step.came_late", {"attempt": 1, "outcome": "returned", "result": {"payment": 2}})
        ]
        result = (await baton.results(execution.id))["pay"]
    assert (execution.status, result["attempts"], shop.most) == ("completed", 2, 1)
    assert shop.did == ["begin", "paid", "begin", "paid"]


@pytest.mark.capability("E07", "E01")
@pytest.mark.parametrize("fail", [False, True])
async def test_one_that_does_not_come_back_is_not_called_again(database: Path, shop: Shop, fail: bool) -> None:
    """What it has done is not known: the step fails with that, and hears of it when it comes."""
    clock = ManualClock()
    step = pay(config={"function": "pay", "args": {"fail": fail}})
    async with engine(database, clock=clock, resources=given(shop), thread_grace=GRACE) as baton:
        execution = await baton.start(workflow("w", [step]))
        await out_of_time(clock, shop)
        clock.advance(GRACE)
        execution = await finished(baton, execution)
        result = (await baton.results(execution.id))["pay"]
        assert (execution.status, result["status"], result["attempts"]) == ("timed_out", "timed_out", 1)
        assert result["error"]["code"] == "outcome_unknown"
        assert result["error"]["message"] == (
            "step 'pay' went on after its time was over, and did not come back within 20 s: what it has done is not "
            "known."
        )
        shop.go.release()
        came = (
            {"outcome": "raised", "error": "ValueError"} if fail else {"outcome": "returned", "result": {"payment": 2}}
        )
        said = [("step.still_acting", {"attempt": 1, "waited": GRACE}), ("step.came_late", {"attempt": 1, **came})]
        wanted = ("step.still_acting", "step.came_late", "alert.raised")
        async with asyncio.timeout(60):
            while (told := await kinds(baton, execution, *wanted))[:2] != said or len(told) != (2 if fail else 3):
                await asyncio.sleep(0.001)
    if not fail:
        assert told[2][1]["message"] == "step 'pay' came back when its execution had ended: what it did stands."
    assert shop.did == ["begin", "paid"]


@pytest.mark.capability("E01", "E03")
async def test_whoever_names_timeouts_in_retry_on_says_that_it_may_be_called_twice(database: Path, shop: Shop) -> None:
    """Under the same idempotency key, which is for exactly that."""
    clock = ManualClock()
    async with engine(database, clock=clock, resources=given(shop), thread_grace=GRACE) as baton:
        execution = await baton.start(workflow("w", [pay(retry={"retry_on": ["timeout"]})]))
        await out_of_time(clock, shop)
        clock.advance(GRACE)
        await until(rings_in(clock, 1))
        clock.advance(1)
        await comes_to(lambda: shop.at_work == 2)
        shop.go.release(2)
        assert (await finished(baton, execution)).status == "completed"


@pytest.mark.capability("E11", "D03")
async def test_a_retry_by_hand_waits_for_it_too(database: Path, shop: Shop) -> None:
    clock = ManualClock()
    async with engine(database, clock=clock, resources=given(shop), thread_grace=GRACE) as baton:
        execution = await baton.start(workflow("w", [pay()]))
        await out_of_time(clock, shop)
        clock.advance(GRACE)
        await finished(baton, execution)
        await baton.retry(execution.id)
        await until(rings_in(clock, GRACE))
        clock.advance(GRACE)
        execution = await finished(baton, execution)
        assert execution.error is not None
        assert execution.error["message"] == (
            "step 'pay' does not begin: an earlier call of 'pay' has not come back: what it has done is not known."
        )
        await baton.retry(execution.id)
        await until(rings_in(clock, GRACE))
        shop.go.release(2)
        execution = await finished(baton, execution)
    assert execution.status == "completed" and shop.most == 1


@pytest.mark.capability("E11", "I05", "X24")
async def test_a_tool_that_is_late_is_undone_as_any_other(database: Path, shop: Shop) -> None:
    """It writes down what it has done when it comes; until then nothing is undone."""
    clock = ManualClock()
    steps = [act("first", compensate=act("undo_first")), pay("tool", depends_on=["first"], retry={"max_attempts": 1})]
    effects = Effects()
    async with engine(database, clock=clock, effects=effects, resources=given(shop), thread_grace=GRACE) as baton:
        execution = await baton.start(workflow("w", steps))
        await out_of_time(clock, shop)
        await turns(baton)
        assert effects.began == ["first"]
        shop.go.release()
        execution = await finished(baton, execution)
    assert shop.did == ["begin", "paid", "refunded 2"] and effects.began[-1] == "~compensation.undo_first"


@pytest.mark.capability("E11", "I05")
async def test_what_is_cancelled_is_waited_for_before_anything_is_undone(database: Path, shop: Shop) -> None:
    """The step is over at once, and says so; the undoing begins when it has come back."""
    clock = ManualClock()
    async with engine(database, clock=clock, resources=given(shop), thread_grace=GRACE) as baton:
        execution = await baton.start(workflow("w", [pay("tool")]))
        await comes_to(lambda: shop.at_work == 1)
        await baton.cancel(execution.id, compensate=True)
        await until(rings_in(clock, GRACE))
        assert await statuses(baton, execution) == {"pay": "cancelled"}
        await turns(baton)
        assert shop.did == ["begin"]
        shop.go.release()
        execution = await finished(baton, execution)
    assert execution.status == "compensated" and shop.did == ["begin", "paid", "refunded 2"]


@pytest.mark.capability("E11", "E12", "X24")
async def test_what_may_still_act_is_not_undone(database: Path, shop: Shop) -> None:
    """Undone too early, it would stand in the end: it is a dead letter, and is undone when somebody redrives that."""
    clock = ManualClock()
    undo = {"name": "give_back", "type": "function", "config": {"function": "give_back"}}
    step = pay(compensate=undo, compensate_failed=True)
    async with engine(database, clock=clock, resources=given(shop), thread_grace=GRACE) as baton:
        execution = await baton.start(workflow("w", [step]))
        await comes_to(lambda: shop.at_work == 1)
        clock.advance(LIMIT)
        for _ in range(2):  # by the step, and by the step that undoes
            await until(rings_in(clock, GRACE))
            clock.advance(GRACE)
            await turns(baton)
        await finished(baton, execution)
        (letter,) = await baton.dead_letters(execution_id=execution.id, kind="compensation")
        assert letter.error["message"] == (
            "step '~compensation.give_back' is not undone: an earlier call of 'pay' has not come back: what it has "
            f"done is not known. It undoes 'pay', which was cut off: what that did is not known; its key is "
            f"'{execution.id}:pay:0'."
        )
        shop.go.release()
        await comes_to(lambda: "paid" in shop.did)
        await baton.redrive([letter.id])
        await finished(baton, execution)
    assert shop.did == ["begin", "paid", "gave back"]


async def test_an_engine_that_stops_does_not_wait_for_it(database: Path, shop: Shop) -> None:
    """The process ends, and the thread with it."""
    clock = ManualClock()
    async with engine(database, clock=clock, resources=given(shop), thread_grace=GRACE) as baton:
        execution = await baton.start(workflow("w", [pay()]))
        await out_of_time(clock, shop)
    async with engine(database, clock=clock, resources=given(shop), drive=False) as baton:
        assert (await baton.get(execution.id)).status == "queued" and await baton.results(execution.id) == {}
    assert shop.did == ["begin"]


async def test_an_async_function_is_cancelled_and_has_its_say(database: Path) -> None:
    """What it does on its way out is over before the next attempt begins."""
    said: list[str] = []

    async def slow() -> None:
        said.append("begin")
        try:
            await asyncio.Event().wait()
        finally:
            await asyncio.sleep(0)
            said.append("end")

    clock = ManualClock()
    step = {"name": "slow", "type": "function", "config": {"function": "slow"}, "timeout": LIMIT}
    step["retry"] = {"max_attempts": 2, "initial_delay": 0, "jitter": 0}
    async with engine(database, clock=clock, resources=[Functions([slow])]) as baton:
        execution = await baton.start(workflow("w", [step]))
        for count in (1, 2):
            await until(lambda count=count: said.count("begin") == count)
            await until(rings_in(clock, LIMIT))
            clock.advance(LIMIT)
        await finished(baton, execution)
    assert said == ["begin", "end"] * 2
