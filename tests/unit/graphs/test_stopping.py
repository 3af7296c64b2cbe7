"""Stopping work in its own task: by its limit, by whoever ends the plan, by somebody outside."""

import asyncio

import pytest

from graphs.clock import ManualClock
from graphs.errors import StepCancelledError, StepTimeoutError
from graphs.stopping import Stoppable


async def _held(work: Stoppable, clean_up: list[str]) -> str:
    async with work:
        try:
            await asyncio.Event().wait()
        finally:
            clean_up.append("cleaned up")
    return "never"


@pytest.mark.capability("E07")
async def test_the_limit_ends_the_work_with_a_timeout() -> None:
    """Its `finally` runs, and the task is as good as before."""
    clock, seen = ManualClock(), list[str]()
    task = asyncio.create_task(_held(Stoppable(clock, 5, "a.b"), seen))
    await asyncio.sleep(0)
    clock.advance(4.9)
    await asyncio.sleep(0)
    assert not task.done()
    clock.advance(0.1)
    with pytest.raises(StepTimeoutError, match=r"step 'a.b' took longer than its 5 s") as caught:
        await task
    assert caught.value.details == {"limit": 5} and seen == ["cleaned up"] and task.cancelling() == 0


async def test_stop_ends_the_work_as_cancelled() -> None:
    """Which is no timeout and no failure."""
    work = Stoppable(ManualClock(), 5, "a")
    task = asyncio.create_task(_held(work, []))
    await asyncio.sleep(0)
    work.stop()
    with pytest.raises(StepCancelledError, match="step 'a' was stopped"):
        await task


async def test_work_that_was_stopped_before_it_began_does_not_begin() -> None:
    """The plan may have ended in between."""
    work, seen = Stoppable(ManualClock(), None, "a"), list[str]()
    work.stop()
    with pytest.raises(StepCancelledError):
        await _held(work, seen)
    assert seen == []


async def test_a_cancel_from_outside_stays_a_cancel() -> None:
    """A drive that is cut off must not look like a step that was stopped, even when both happen at once."""
    for also_stopped in (False, True):
        work = Stoppable(ManualClock(), 5, "a")
        task = asyncio.create_task(_held(work, []))
        await asyncio.sleep(0)
        if also_stopped:
            work.stop()
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        assert task.cancelled()


async def test_the_outer_of_two_may_be_stopped_while_the_inner_has_a_limit() -> None:
    """A step's whole work and one attempt of it: whoever is asked is the one that ends."""
    clock = ManualClock()
    outer, inner = Stoppable(clock, None, "outer"), Stoppable(clock, 5, "inner")

    async def both() -> None:
        async with outer, inner:
            await asyncio.Event().wait()

    task = asyncio.create_task(both())
    await asyncio.sleep(0)
    outer.stop()
    with pytest.raises(StepCancelledError, match="'outer'"):
        await task
    task = asyncio.create_task(_nested(clock))
    await asyncio.sleep(0)
    clock.advance(5)
    assert await task == "inner timed out, outer went on"


async def _nested(clock: ManualClock) -> str:
    async with Stoppable(clock, 60, "outer"):
        try:
            async with Stoppable(clock, 5, "inner"):
                await asyncio.Event().wait()
        except StepTimeoutError:
            await asyncio.sleep(0)
            return "inner timed out, outer went on"
    return "?"


async def test_both_at_the_same_moment() -> None:
    """The limit and the stop in one turn of the loop: the outer one decides, and nothing leaks out."""
    clock = ManualClock()
    outer = Stoppable(clock, None, "outer")

    async def both() -> None:
        async with outer, Stoppable(clock, 5, "inner"):
            await asyncio.Event().wait()

    task = asyncio.create_task(both())
    await asyncio.sleep(0)
    clock.advance(5)
    outer.stop()
    with pytest.raises(StepCancelledError, match="'outer'"):
        await task
    assert task.cancelling() == 0


async def test_an_error_of_the_work_itself_goes_through() -> None:
    """And work that ends in time leaves no alarm behind."""
    clock = ManualClock()
    with pytest.raises(KeyError):
        async with Stoppable(clock, 5, "a"):
            raise KeyError("x")
    async with Stoppable(clock, 5, "a"):
        pass
    assert clock.next_alarm is None


async def test_stop_after_the_end_does_nothing() -> None:
    """Whoever ends a plan need not know what is still at work."""
    work = Stoppable(ManualClock(), None, "a")
    async with work:
        pass
    work.stop()
    await asyncio.sleep(0)
    task = asyncio.current_task()
    assert task is not None and task.cancelling() == 0
