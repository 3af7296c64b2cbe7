"""Lanes: one after the other in each, side by side among them."""

import asyncio

from orchestrator.webhooks.lanes import Lanes


def no_trouble(error: Exception) -> None:
    raise AssertionError("a lane broke") from error


async def test_one_lane_does_one_thing_at_a_time_and_misses_no_asking() -> None:
    lanes, at_work, done = Lanes(8, broken=no_trouble), 0, 0

    async def work() -> None:
        nonlocal at_work, done
        at_work += 1
        assert at_work == 1
        await asyncio.sleep(0)
        at_work -= 1
        done += 1

    lanes.ask("a", work)
    await asyncio.sleep(0)
    for _ in range(5):  # while it is at work: all of them together are one more
        lanes.ask("a", work)
    await lanes.idle()
    assert done == 2


async def test_a_lane_that_hangs_or_breaks_leaves_the_others_alone() -> None:
    broken: list[Exception] = []
    lanes, done = Lanes(8, broken=broken.append), asyncio.Event()

    async def hangs() -> None:
        await asyncio.Event().wait()

    async def breaks() -> None:
        raise RuntimeError("no")

    async def works() -> None:
        done.set()

    for name, work in (("hangs", hangs), ("breaks", breaks), ("works", works)):
        lanes.ask(name, work)
    async with asyncio.timeout(60):
        await done.wait()
    assert [str(error) for error in broken] == ["no"]
    await lanes.close()


async def test_an_owner_has_only_so_many_places() -> None:
    lanes, gate = Lanes(2, broken=no_trouble), asyncio.Event()
    inside: list[str] = []

    async def work(owner: str) -> None:
        async with lanes.place(owner):
            inside.append(owner)
            await gate.wait()

    for number in range(4):
        lanes.ask(("ours", number), lambda: work("ours"))
    lanes.ask("theirs", lambda: work("theirs"))
    for _ in range(10):
        await asyncio.sleep(0)
    assert sorted(inside) == ["ours", "ours", "theirs"]
    gate.set()
    await lanes.idle()
    assert len(inside) == 5
