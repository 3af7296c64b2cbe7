"""Power cuts: whatever was written and not synced is gone, and yet nothing that was acknowledged is (R7).

A process is killed while it works; of its files is left what had been synced until then (`synced.c`).
"""

import asyncio
import random
import shutil
import signal
import subprocess
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from itertools import count
from pathlib import Path

import pytest

from tests.reliability import checker, traces
from tests.reliability.jobs import MANY
from tests.reliability.lives import Lives, Place, ended, watched
from tests.reliability.nursery import Nursery
from tests.reliability.traces import Evidence, Kill

pytestmark = [
    pytest.mark.chaos,
    pytest.mark.skipif(shutil.which("cc") is None, reason="what is synced is seen by a piece of C, and there is no cc"),
]

CUTS = 10
CARRIED_ON = 3
JOBS = MANY[:30]


class Plug:
    """Pulls it."""

    def __init__(self, folder: Path, nursery: Nursery, synchronous: str) -> None:
        self._folder = folder
        self._nursery = nursery
        self._lives = Lives(synchronous=synchronous)
        self._numbers = count(1)

    @classmethod
    @asynccontextmanager
    async def on(cls, folder: Path, synchronous: str = "full") -> AsyncIterator["Plug"]:
        shim = folder / "synced.so"
        source = Path(__file__).with_name("synced.c")
        subprocess.run(["cc", "-shared", "-fPIC", "-O1", "-o", shim, source, "-ldl"], check=True)
        async with Nursery.running(folder / "nursery.log", {"LD_PRELOAD": str(shim)}) as nursery:
            yield cls(folder, nursery, synchronous)

    async def pulled(self, chance: random.Random) -> tuple[Place, Kill]:
        """Let an engine work until it has acknowledged some things, and take its power away. What is left of it."""
        place = Place(self._folder / f"run-{next(self._numbers)}")
        place.folder.mkdir()
        said = chance.randint(5, 250)
        life = await self._lives.start(self._nursery, place, JOBS, answers_as="reviewer-rita", records=True)
        async with watched(life, place):
            while len(place.acknowledged()) < said and not life.ended.done():
                await asyncio.sleep(0.002)
        life.send(signal.SIGKILL)
        assert await ended(life, place) == -signal.SIGKILL, place.output.read_text()
        left = Place(place.folder / "left")
        left.folder.mkdir()
        for name in ("baton.db", "baton.db-wal"):
            if (durable := place.folder / f"{name}.durable").exists():
                shutil.copyfile(durable, left.folder / name)
        shutil.copyfile(place.journal, left.journal)
        kill = Kill(
            requests=0,
            lines=len(traces.lines_of(left.journal)),
            copy=await left.copy("cut"),
            acknowledged=place.acknowledged(),
        )
        return left, replace(kill, in_flight=traces.in_flight(evidence(left, kill), kill.copy, 0))

    async def carry_on(self, place: Place) -> None:
        """An engine takes up what is left, and ends it."""
        life = await self._lives.start(self._nursery, place, JOBS, answers_as="reviewer-otto")
        assert await ended(life, place) == 0, place.output.read_text()
        place.summary()


def evidence(place: Place, *kills: Kill) -> Evidence:
    return Evidence(
        database=place.database,
        journal=place.journal,
        requests=[],
        effects=[],
        expected={job.id: job.status for job in JOBS},
        reads={},
        kills=kills,
    )


@pytest.mark.capability("D01", "D02", "D05", "D22")
async def test_a_power_cut_takes_nothing_that_was_acknowledged(tmp_path: Path) -> None:
    chance = random.Random(11)
    async with Plug.on(tmp_path) as plug:
        for number in range(CUTS):
            place, kill = await plug.pulled(chance)
            assert traces.integrity(kill.copy) == "ok"
            assert checker.lost_acknowledgements(kill.copy, kill.acknowledged) == []
            # One step at a time in each execution: were there two, one of them ran on a result that is gone.
            assert set(Counter(step.execution for step in kill.in_flight).values()) <= {1}
            if number < CARRIED_ON:
                await plug.carry_on(place)
                assert checker.check(evidence(place, kill)).wrong == []


async def test_without_full_syncs_it_would(tmp_path: Path) -> None:
    """`synchronous: normal` says that the last commits may be lost. They are; so the test above would notice."""
    chance = random.Random(11)
    async with Plug.on(tmp_path, "normal") as plug:
        place, kill = await plug.pulled(chance)
        assert traces.integrity(kill.copy) == "ok"
        assert checker.lost_acknowledgements(kill.copy, kill.acknowledged)
        await plug.carry_on(place)
        assert dict(traces.rows(place.database, "SELECT id, status FROM executions")) == {
            job.id: job.status for job in JOBS
        }
