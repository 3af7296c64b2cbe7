"""A process that is killed while a step rests between two attempts, at every place of keeping its timer."""

import asyncio
import json
import os
import signal
import sqlite3
import sys
from collections import Counter
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

from tests.reliability.child import CRASH_AT
from tests.reliability.patient import PAUSE

STAGES = ("before", "uncommitted", "committed", "after")
SECONDS = 150.0


async def _life(folder: Path, crash_at: str | None = None) -> int:
    environment = {**os.environ, **({CRASH_AT: crash_at} if crash_at else {})}
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "tests.reliability.patient", str(folder / "baton.db"), str(folder / "lines")),
        env=environment,
    )
    async with asyncio.timeout(SECONDS):
        return await process.wait()


def _attempts(folder: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in (folder / "lines").read_text().splitlines()]


@pytest.mark.chaos
@pytest.mark.capability("E01", "D01", "D05", "D22")
@pytest.mark.parametrize("number", [1, 2])
@pytest.mark.parametrize("stage", STAGES)
async def test_a_kill_while_a_pause_is_kept(stage: str, number: int, tmp_path: Path) -> None:
    """What was committed counts: the next process makes the next attempt, and not before its time. What was not is
    done again, under the same number and the same key."""
    assert await _life(tmp_path, f"timer.{stage}:{number}") == -signal.SIGKILL, "the place was never come by"
    assert [one["attempt"] for one in _attempts(tmp_path)] == list(range(1, number + 1))
    kept = stage in ("committed", "after")
    with sqlite3.connect(tmp_path / "baton.db") as db:
        rows = db.execute("SELECT json_extract(data, '$.attempt') FROM records WHERE kind = 'step.retrying'").fetchall()
    assert [attempt for (attempt,) in rows] == list(range(1, number + kept))
    assert await _life(tmp_path) == 0
    attempts = _attempts(tmp_path)
    again = {} if kept else {number: 2}
    assert Counter(one["attempt"] for one in attempts) == {1: 1, 2: 1, 3: 1} | again
    assert len({one["key"] for one in attempts}) == 1
    for before, after in pairwise(attempts):
        if after["attempt"] > before["attempt"]:
            assert after["at"] - before["at"] >= PAUSE, "it began before its time"
