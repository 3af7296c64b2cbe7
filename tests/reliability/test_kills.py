"""Engines are killed, and whatever they carried out is finished all the same: nothing lost, nothing done twice."""

from collections.abc import Sequence
from pathlib import Path

import pytest

from tests.reliability import chaos
from tests.reliability.harness import Harness
from tests.reliability.job import Job
from tests.reliability.jobs import AGENTS, BATCH, GONE_BACK, IN_PROCESS
from tests.reliability.stores import Store

pytestmark = pytest.mark.chaos

KILLS = 20


@pytest.mark.capability("D01", "D02", "D05", "D22", "X-1", "X-14", "X-20", "F08", "F24", "I04", "I08", "E11")
async def test_twenty_kills_with_work_in_flight(store: Store, tmp_path: Path) -> None:
    async with Harness.running(tmp_path, store) as harness:
        summary = await chaos.kill(harness, KILLS, 20, BATCH, at_once=(len(BATCH), len(BATCH)), fresh=0.0)
    print(summary)
    assert summary.kills >= KILLS
    assert (summary.lost, summary.doubled, summary.wrong) == (0, 0, [])
    # What is cut off is done again: kills without a repeat would have killed nothing worth the name.
    assert summary.repeats >= KILLS


@pytest.mark.capability("D01", "R01")
async def test_an_engine_with_an_interpreter_of_its_own(store: Store, tmp_path: Path) -> None:
    async with Harness.running(tmp_path, store) as harness:
        summary = await chaos.kill(harness, 1, 1, [IN_PROCESS], at_once=(1, 1), fresh=1.0)
    assert summary.fresh >= 2
    assert (summary.kills, summary.lost, summary.doubled) == (1, 0, 0)


@pytest.mark.capability("D01", "D03", "O23", "E22", "X-4", "X-17", "X-22", "I05", "I27")
@pytest.mark.parametrize("jobs", [GONE_BACK, AGENTS], ids=["steered", "agents"])
async def test_kills_while_people_steer_and_agents_hand_over(store: Store, jobs: Sequence[Job], tmp_path: Path) -> None:
    """Paused, continued, cancelled, redriven, retried and forked from outside; documents, agents, tools."""
    async with Harness.running(tmp_path, store) as harness:
        summary = await chaos.kill(harness, 4, 6, jobs, at_once=(len(jobs), len(jobs)), fresh=0.0)
    print(summary)
    assert (summary.lost, summary.doubled, summary.wrong) == (0, 0, [])
    assert summary.repeats > 0
