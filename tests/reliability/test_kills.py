"""Engines are killed, and whatever they carried out is finished all the same: nothing lost, nothing done twice."""

from pathlib import Path

import pytest

from tests.reliability import chaos
from tests.reliability.harness import Harness
from tests.reliability.jobs import BATCH, IN_PROCESS

pytestmark = pytest.mark.chaos

KILLS = 20


@pytest.mark.capability("D01", "D02", "D05", "D22", "X-1", "X-14", "X-20", "F08", "F24", "I04", "I08", "E11")
async def test_twenty_kills_with_work_in_flight(tmp_path: Path) -> None:
    async with Harness.running(tmp_path) as harness:
        summary = await chaos.kill(harness, KILLS, 20, BATCH, at_once=(len(BATCH), len(BATCH)), fresh=0.0)
    print(summary)
    assert summary.kills >= KILLS
    assert (summary.lost, summary.doubled, summary.wrong) == (0, 0, [])
    # What is cut off is done again: kills without a repeat would have killed nothing worth the name.
    assert summary.repeats >= KILLS


@pytest.mark.capability("D01", "R01")
async def test_an_engine_with_an_interpreter_of_its_own(tmp_path: Path) -> None:
    async with Harness.running(tmp_path) as harness:
        summary = await chaos.kill(harness, 1, 1, [IN_PROCESS], at_once=(1, 1), fresh=1.0)
    assert summary.fresh >= 2
    assert (summary.kills, summary.lost, summary.doubled) == (1, 0, 0)
