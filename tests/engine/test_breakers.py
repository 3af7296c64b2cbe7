"""Circuit breakers, shared by every execution of the engine and by the processes after it."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any, ClassVar

import pytest

from agents import Failure, Models, Script, Turn
from graphs.clock import ManualClock
from graphs.errors import NotFoundError
from graphs.policies.breaker import BreakerPolicy
from graphs.policies.named import Bounds
from orchestrator.engine import Orchestrator
from tests.support.engine.engines import act, engine, finished, rested, run, turns, until, workflow
from tests.support.engine.steps import Act, ActConfig, Effects, Gates, step_types


class Dial(Act):
    """An `act` on a line that may be down."""

    name: ClassVar[str] = "dial"

    def limit(self, config: ActConfig) -> str | None:
        return "lines:one"


class Line:
    """Whether the line is down: what `Ring` asks before it acts."""

    def __init__(self) -> None:
        self.down = True


class Ring(Dial):
    """A `dial` that fails while the line is down."""

    name: ClassVar[str] = "ring"

    async def run(self, context: Any, config: ActConfig) -> Any:
        down = context.resource(Line).down
        return await super().run(context, config.model_copy(update={"fail": down, "category": "dependency"}))


TYPES = step_types(Dial(), Ring())
BAD = workflow("bad", [{**act("d", fail=True, category="dependency"), "type": "dial"}])
RING = workflow("ring", [{**act("r"), "type": "ring"}])


@asynccontextmanager
async def opened(database: Path, clock: ManualClock, effects: Effects, **more: Any) -> AsyncIterator[Orchestrator]:
    """An engine in which five calls on the line have failed."""
    async with engine(database, clock=clock, effects=effects, types=TYPES, **more) as baton:
        for number in range(5):
            [kept] = await baton.breakers() or [None]
            assert (kept.failures if kept is not None else 0) == number
            assert (await run(baton, BAD)).status == "failed"
            await baton.store.barrier()
        effects.began.clear()
        yield baton


@pytest.mark.capability("E09", "P05")
async def test_who_meets_an_open_breaker_rests_until_it_may_be_probed(database: Path, effects: Effects) -> None:
    """One of them probes; when it went well, all the others go on at once."""
    clock, line = ManualClock(), Line()
    async with opened(database, clock, effects, resources=[line]) as baton:
        [breaker] = await baton.breakers()
        assert (breaker.name, breaker.state, breaker.failures) == ("lines", "open", 5)
        assert breaker.until == clock.now() + timedelta(seconds=30)
        executions = [await rested(baton, await baton.start(RING)) for _ in range(3)]
        assert {execution.status for execution in executions} == {"waiting"} and effects.began == []
        waits = [wait for execution in executions for wait in await baton.waits(execution.id)]
        assert [(wait.wait.due - clock.now()).total_seconds() for wait in waits if wait.wait.due] == [30, 31, 32]
        [breaker] = await baton.breakers()
        assert breaker.waiting == 3
        line.down = False
        clock.advance(30)
        for execution in executions:
            assert (await finished(baton, execution)).status == "completed"
            result = (await baton.results(execution.id))["r"]
            assert result["attempts"] == 1, "being held back is no attempt"
        [breaker] = await baton.breakers()
    assert (breaker.state, breaker.failures, breaker.waiting) == ("closed", 0, 0)


@pytest.mark.capability("E09", "P05")
async def test_a_probe_that_fails_opens_it_again(database: Path, effects: Effects) -> None:
    """The others go on resting, and one of them is the next to probe."""
    clock, line = ManualClock(), Line()
    async with opened(database, clock, effects, resources=[line]) as baton:
        first, second = [await rested(baton, await baton.start(RING)) for _ in range(2)]
        clock.advance(30)
        assert (await finished(baton, first)).status == "failed"
        await rested(baton, second)
        clock.advance(1)  # the second comes back a second later, and finds it open
        await until(lambda: not baton.driving(second.id))
        second = await rested(baton, second)
        assert second.status == "waiting" and len(effects.began) == 1
        line.down = False
        clock.advance(30)
        assert (await finished(baton, second)).status == "completed"


@pytest.mark.capability("E09")
async def test_only_one_probes(database: Path, effects: Effects, gates: Gates) -> None:
    """While it is at it, nobody else calls; what it finds out is said to all."""
    clock = ManualClock()
    probe = workflow("probe", [{**act("p", gate="p"), "type": "dial"}])
    other = workflow("other", [{**act("o"), "type": "dial"}])
    async with opened(database, clock, effects, gates=gates) as baton:
        clock.advance(30)
        first = await baton.start(probe)
        await gates.reached("p")
        second = await rested(baton, await baton.start(other))
        assert second.status == "waiting" and effects.began == ["p"]
        await baton.store.barrier()
        assert [breaker.state for breaker in await baton.breakers()] == ["half_open"]
        gates.open("p")
        assert (await finished(baton, second)).status == "completed"
        assert (await finished(baton, first)).status == "completed"


async def test_a_probe_that_is_stopped_leaves_it_to_the_next(database: Path, effects: Effects, gates: Gates) -> None:
    """It has said nothing about the other side."""
    clock = ManualClock()
    probe = workflow("probe", [{**act("p", gate="p"), "type": "dial"}])
    async with opened(database, clock, effects, gates=gates) as baton:
        clock.advance(30)
        first = await baton.start(probe)
        await gates.reached("p")
        await baton.cancel(first.id)
        assert (await finished(baton, first)).status == "cancelled"
        assert (await run(baton, workflow("other", [{**act("o"), "type": "dial"}]))).status == "completed"


@pytest.mark.capability("E09")
async def test_a_step_may_say_that_it_would_rather_fail(database: Path, effects: Effects) -> None:
    """At once, with the reason; a fallback can do its part. The workflow may say so for all of its steps."""
    clock = ManualClock()
    step = {**act("d"), "type": "dial", "breaker": "fail"}
    instead = {**step, "on_failure": {"action": "fallback", "fallback": act("instead", value=7)}}
    async with opened(database, clock, effects) as baton:
        execution = await run(baton, workflow("w", [step]))
        assert execution.error is not None and execution.error["code"] == "breaker_open"
        assert "asked to fail" in execution.error["message"], "it tells what the last failure was"
        del step["breaker"]
        tried = {"breaker": "fail", "retry_policy": {"max_attempts": 3}}
        assert (await run(baton, workflow("x", [step], config=tried))).status == "failed"
        assert (await run(baton, workflow("y", [instead]))).status == "completed"
    assert effects.began == ["instead~fallback"] or effects.began == ["d~fallback"]


@pytest.mark.parametrize(
    "says",
    [{"retry": {"max_attempts": 2, "initial_delay": 1}}, {"on_failure": {"action": "retry", "max_attempts": 2}}],
    ids=["retry", "on_failure"],
)
async def test_a_refusal_can_be_tried_again_like_any_failure(
    database: Path, effects: Effects, says: dict[str, Any]
) -> None:
    """Where the step says so itself. Not before the breaker may be probed."""
    clock = ManualClock()
    step = {**act("d"), "type": "dial", "breaker": "fail", **says}
    async with opened(database, clock, effects) as baton:
        execution = await rested(baton, await baton.start(workflow("w", [step])))
        [timer] = await baton.waits(execution.id)
        assert timer.wait.due == clock.now() + timedelta(seconds=30)
        clock.advance(30)
        execution = await finished(baton, execution)
        assert (await baton.results(execution.id))["d"]["attempts"] == 2
    assert execution.status == "completed"


@pytest.mark.capability("E09", "D01")
async def test_a_restart_keeps_it_open_and_those_who_wait_waiting(database: Path, effects: Effects) -> None:
    """Whoever was probing when the process died is forgotten."""
    clock, line = ManualClock(), Line()
    async with opened(database, clock, effects, resources=[line]) as baton:
        execution = await rested(baton, await baton.start(RING))
        await baton.store.barrier()
    async with engine(database, clock=clock, effects=effects, types=TYPES, resources=[line]) as baton:
        other = await rested(baton, await baton.start(RING))
        assert other.status == "waiting" and effects.began == []
        line.down = False
        clock.advance(30)
        assert (await finished(baton, execution)).status == "completed"
        assert (await finished(baton, other)).status == "completed"


@pytest.mark.capability("E09")
async def test_it_is_reset_from_another_process(database: Path, effects: Effects) -> None:
    """Everybody who waits is called, whether parked or live beside a branch that runs."""
    clock, line, gates = ManualClock(), Line(), Gates()
    beside = workflow("beside", [{**act("r"), "type": "ring"}, act("long", gate="long", timeout=10_000)])
    async with opened(database, clock, effects, resources=[line], gates=gates) as baton:
        parked = await rested(baton, await baton.start(RING))
        live = await baton.start(beside)
        await gates.reached("long")
        await turns(baton)
        line.down = False
        async with engine(database, drive=False) as elsewhere:
            assert [breaker.waiting for breaker in await elsewhere.breakers()] == [2]
            with pytest.raises(NotFoundError, match=r"no circuit breaker 'line' .* There are: lines\."):
                await elsewhere.reset_breaker("line")
            assert (await elsewhere.reset_breaker("lines")).state == "closed"
        assert (await finished(baton, parked)).status == "completed"
        await asyncio.wait_for(_done(effects, 2), 60)
        gates.open("long")
        assert (await finished(baton, live)).status == "completed"
        assert (await run(baton, BAD)).status == "failed"
        await baton.store.barrier()
        assert [breaker.failures for breaker in await baton.breakers()] == [1], "it counts from the beginning"


@pytest.mark.capability("E09")
async def test_a_call_that_ends_meanwhile_does_not_undo_a_reset(
    database: Path, effects: Effects, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The engine keeps the breaker as it knows it, before it hears of the reset."""
    clock = ManualClock()
    async with opened(database, clock, effects, resources=[Line()]) as baton:
        assert baton._driver is not None
        breakers = baton._driver._works.breakers
        (guard,) = breakers.guards("lines:one", ())
        told = list[str]()
        monkeypatch.setattr(breakers, "reset", told.append)  # it is told, and does not hear of it yet
        async with engine(database, drive=False) as elsewhere:
            await elsewhere.reset_breaker("lines")
        assert guard.state.state == "open"
        breakers.changed(guard.name, guard.state, guard.state)
        await until(lambda: told)
        monkeypatch.undo()
        breakers.reset(told[0])
        assert guard.state.state == "closed"
        await baton.store.barrier()
        assert [breaker.state for breaker in await baton.breakers()] == ["closed"]


async def _done(effects: Effects, count: int) -> None:
    while effects.done.count("r") < count:
        await asyncio.sleep(0.01)


@pytest.mark.capability("E21", "X13")
async def test_what_says_nothing_about_the_other_side_does_not_open_it(database: Path, effects: Effects) -> None:
    """Bad input, a defect, an empty budget."""
    steps = [
        {**act(f"s{number}", fail=True, category=category), "type": "dial"}
        for number, category in enumerate(["validation", "logic", "budget", "resource"] * 3)
    ]
    async with engine(database, effects=effects, types=TYPES) as baton:
        await run(baton, workflow("w", steps, config={"failure_policy": "continue"}))
        assert await baton.breakers() == []


async def test_threshold_and_time_are_settings(database: Path, effects: Effects) -> None:
    """By name; or none at all."""
    clock = ManualClock()
    own = {"lines": Bounds(breaker=BreakerPolicy(failure_threshold=2, open_for=600))}
    async with engine(database, clock=clock, effects=effects, types=TYPES, limits=own) as baton:
        for _ in range(2):
            await run(baton, BAD)
        execution = await rested(baton, await baton.start(BAD))
        [timer] = await baton.waits(execution.id)
        assert timer.wait.due == clock.now() + timedelta(minutes=10)
    off = {"*": Bounds(breaker=False)}
    async with engine(database.with_name("off.db"), clock=clock, types=TYPES, limits=off) as baton:
        for _ in range(9):
            assert (await run(baton, BAD)).status == "failed"


async def test_cancelling_ends_the_rest_at_a_breaker(database: Path, effects: Effects) -> None:
    """And nothing is open any more."""
    clock = ManualClock()
    async with opened(database, clock, effects) as baton:
        execution = await rested(baton, await baton.start(BAD))
        assert execution.status == "waiting"
        await baton.cancel(execution.id)
        assert (await finished(baton, execution)).status == "cancelled"
        assert [breaker.waiting for breaker in await baton.breakers()] == [0]


def _model(*failures: Failure) -> list[Any]:
    return [
        Models(allow_real=False, default="scripted:s", scripts=[Script("s", turns=(Turn("hello", failures=failures),))])
    ]


@pytest.mark.capability("E09", "P05", "I05")
async def test_a_providers_models_are_behind_one_breaker(database: Path) -> None:
    """Each call of a model counts; the next agent rests before it has paid for anything."""
    clock = ManualClock()
    ask = {"name": "ask", "type": "agent", "config": {"message": "hi"}}
    resources = _model(*[Failure("server")] * 99)
    async with engine(database, clock=clock, resources=resources) as baton:
        for _ in range(5):
            assert (await run(baton, workflow("w", [ask]))).status == "failed"
        execution = await rested(baton, await baton.start(workflow("w", [ask])))
        [timer] = await baton.waits(execution.id)
        assert (execution.status, timer.path, timer.wait.question["breaker"]) == ("waiting", "ask[0].model", "scripted")


@pytest.mark.capability("E01", "E21", "I05")
async def test_a_provider_that_asks_for_patience_gets_it(database: Path) -> None:
    """The call is tried again when it said, and the agent rests meanwhile."""
    clock = ManualClock()
    ask = {"name": "ask", "type": "agent", "config": {"message": "hi"}, "retry": {"max_attempts": 2, "jitter": 0}}
    async with engine(database, clock=clock, resources=_model(Failure("rate_limit", retry_after=90))) as baton:
        execution = await rested(baton, await baton.start(workflow("w", [ask])))
        [timer] = await baton.waits(execution.id)
        assert timer.wait.due == clock.now() + timedelta(seconds=90)
        clock.advance(90)
        execution = await finished(baton, execution)
        assert (await baton.results(execution.id))["ask[0].model"]["attempts"] == 2
    assert execution.status == "completed"
