"""Engines that are told to stop (SIGTERM) while they work, again and again, as a rolling restart does it (R15).

What runs may finish: no step is cut off, so nothing at all is done twice, and every process is gone in time.
"""

import asyncio
import random
import signal
import time
from collections.abc import Sequence
from pathlib import Path

import pytest

from tests.reliability import checker, traces
from tests.reliability.jobs import MANY, MANY_IN_PROCESS, TAKEN_BACK_INSIDE
from tests.reliability.lives import Lives, Place, ended, watched
from tests.reliability.nursery import Nursery
from tests.reliability.sizes import SIZES
from tests.reliability.stores import Store
from tests.reliability.traces import Evidence, Kill

pytestmark = pytest.mark.chaos

STOPS = SIZES.stops
DRAIN_SECONDS = 30.0
JOBS = (*MANY[:12], *MANY_IN_PROCESS, TAKEN_BACK_INSIDE)


@pytest.mark.capability("D01", "D02", "D05", "R15")
async def test_engines_that_are_stopped_under_load(store: Store, tmp_path: Path) -> None:
    chance, stops = random.Random(15), 0
    async with Nursery.running(tmp_path / "nursery.log") as nursery:
        for number in range(STOPS):  # each run is stopped at least once
            place = Place(tmp_path / f"run-{number}", store)
            place.folder.mkdir()
            made = await _stop_again_and_again(nursery, place, chance)
            assert made, "there was no load to stop"
            stops += made
            if stops >= STOPS:
                break


async def _stop_again_and_again(nursery: Nursery, place: Place, chance: random.Random) -> int:
    """One run of the jobs; how often it was stopped."""
    lives, stops = Lives(), list[Kill]()
    while True:
        life = await lives.start(nursery, place, JOBS, answers_as="reviewer-rita")
        began, most = place.begun(), chance.randint(1, 3)
        async with watched(life, place):
            while place.begun() - began < most and not life.ended.done():
                await asyncio.sleep(0.002)
        told = time.monotonic()
        life.send(signal.SIGTERM)
        assert await ended(life, place) == 0, place.output.read_text()
        assert time.monotonic() - told < DRAIN_SECONDS
        if place.summary()["statuses"]:  # everything was done before it heard
            break
        stops.append(await _left(place, len(stops)))
    # Nothing was in flight: whatever is done again was done twice.
    assert checker.check(_evidence(place, stops)).wrong == []
    return len(stops)


async def _left(place: Place, number: int) -> Kill:
    """As a kill that cut nothing off."""
    lines, acknowledged = len(traces.lines_of(place.journal)), place.acknowledged()
    return Kill(requests=0, lines=lines, copy=await place.copy(f"stop-{number}"), acknowledged=acknowledged)


def _evidence(place: Place, kills: Sequence[Kill]) -> Evidence:
    expected = {job.id: job.status for job in JOBS}
    seen = {"requests": [], "effects": [], "reads": {}, "expected": expected}
    return Evidence(database=place.database, journal=place.journal, kills=kills, **seen)
