"""The file copied while an engine writes it, at instants nobody chose: each copy is whole and holds what was said (R7).

The engine is stopped (SIGSTOP) for the time of a copy: that is what a snapshot of a disk is, and what a power cut
would find if it lost nothing that was written. `test_power` takes away what was not synced, too.
"""

import asyncio
import random
import shutil
import signal
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest

from orchestrator.store import backup
from tests.reliability import checker, traces
from tests.reliability.job import Job
from tests.reliability.jobs import MANY
from tests.reliability.lives import END_SECONDS, Lives, Place, ended, watched
from tests.reliability.nursery import Child, Nursery
from tests.reliability.traces import Evidence, Kill

pytestmark = pytest.mark.chaos

COPIES = 24
BACKUPS = 6
CARRIED_ON = 3
JOBS = MANY[:40]


@dataclass(frozen=True, slots=True)
class Snapshot:
    """A copy, and what had been acknowledged before it was made."""

    folder: Path
    database: Path
    acknowledged: list[dict[str, Any]]
    lines: int
    wal: int


def evidence(place: Place, jobs: list[Job], *kills: Kill) -> Evidence:
    return Evidence(
        database=place.database,
        journal=place.journal,
        requests=[],
        effects=[],
        expected={job.id: job.status for job in jobs},
        reads={},
        kills=kills,
    )


async def stopped(life: Child) -> bool:
    """Hold every thread of the process. False: it has ended."""
    life.send(signal.SIGSTOP)
    async with asyncio.timeout(END_SECONDS):
        while not life.ended.done():
            # A thread may have just ended.
            with suppress(FileNotFoundError, ProcessLookupError):
                if {_state(stat) for stat in Path(f"/proc/{life.pid}/task").glob("*/stat")} == {"T"}:
                    return True
            await asyncio.sleep(0.001)
    return False


def _state(stat: Path) -> str:
    return stat.read_text().rpartition(")")[2].split()[0]


async def snapshot(life: Child, place: Place, number: int) -> Snapshot | None:
    """A copy of everything as it is this instant; None when there is nobody left to copy from."""
    if not await stopped(life):
        return None
    try:
        acknowledged, lines = place.acknowledged(), len(traces.lines_of(place.journal))
        wal = Path(f"{place.database}-wal")
        size = wal.stat().st_size if wal.exists() else 0
        database = await place.copy(f"copy-{number}")
        if place.journal.exists():
            shutil.copyfile(place.journal, database.with_name("journal"))
        return Snapshot(database.parent, database, acknowledged, lines, size)
    finally:
        life.send(signal.SIGCONT)


@pytest.mark.capability("D01", "D02", "D05")
async def test_copies_of_a_file_that_is_being_written(tmp_path: Path) -> None:
    chance, lives, shots = random.Random(7), Lives(), list[Snapshot]()
    place = Place(tmp_path / "run")
    place.folder.mkdir()
    async with Nursery.running(tmp_path / "nursery.log") as nursery:
        life = await lives.start(nursery, place, JOBS, answers_as="reviewer-rita", records=True)
        while len(shots) < COPIES and not life.ended.done():
            await asyncio.wait([life.ended], timeout=chance.uniform(0.0, 0.08))
            if not place.acknowledged():  # it is still starting, however long that takes where others are at work
                continue
            if shot := await snapshot(life, place, len(shots)):
                shots.append(shot)
        assert await ended(life, place) == 0, place.output.read_text()
        place.summary()
        found = checker.check(evidence(place, list(JOBS)))
        assert found.wrong == []
        for shot in shots:
            _check_copy(shot.database, shot.acknowledged, place)
        # Otherwise nothing happened while it was copied, and nothing has been shown.
        busy = [shot for shot in shots if shot.wal > 0 and traces.unfinished(shot.database)]
        assert len(busy) >= COPIES // 2
        assert len({len(shot.acknowledged) for shot in busy}) >= COPIES // 3
        for shot in chance.sample(busy, CARRIED_ON):
            await _carry_on(shot, lives, nursery)


def _check_copy(copy: Path, acknowledged: list[dict[str, Any]], place: Place) -> None:
    assert traces.integrity(copy) == "ok"
    assert checker.lost_acknowledgements(copy, acknowledged) == []
    for sql in (
        "SELECT seq, execution_id, kind, path, generation, at, data FROM records",
        "SELECT execution_id, path, generation, answer FROM waits WHERE status = 'answered'",
    ):
        assert set(traces.rows(copy, sql)) <= set(traces.rows(place.database, sql))


async def _carry_on(shot: Snapshot, lives: Lives, nursery: Nursery) -> None:
    """An engine takes a copy up and brings everything in it to its end, as after a kill at that instant."""
    place = Place(shot.folder)
    kill = Kill(requests=0, lines=shot.lines, copy=await place.copy("before"), acknowledged=shot.acknowledged)
    jobs = list(JOBS)
    kill = replace(kill, in_flight=traces.in_flight(evidence(place, jobs, kill), kill.copy, 0))
    life = await lives.start(nursery, place, jobs, answers_as="reviewer-otto")
    assert await ended(life, place) == 0, place.output.read_text()
    assert checker.check(evidence(place, jobs, kill)).wrong == []


@pytest.mark.capability("D01", "D05")
async def test_backups_of_a_file_that_is_being_written(tmp_path: Path) -> None:
    """`baton backup` takes whole files, without a WAL beside them, from an engine that goes on."""
    place = Place(tmp_path / "run")
    place.folder.mkdir()
    taken = []
    async with Nursery.running(tmp_path / "nursery.log") as nursery:
        life = await Lives().start(nursery, place, JOBS, answers_as="reviewer-rita", records=True)
        while len(taken) < BACKUPS:
            before = len(place.acknowledged())
            async with watched(life, place):
                while len(place.acknowledged()) == before and not life.ended.done():
                    await asyncio.sleep(0.01)
            acknowledged, target = place.acknowledged(), tmp_path / f"backup-{len(taken)}.db"
            await asyncio.to_thread(backup.copy, place.database, target)
            taken.append((target, acknowledged))
        assert await ended(life, place) == 0, place.output.read_text()
    for target, acknowledged in taken:
        assert not Path(f"{target}-wal").exists()
        _check_copy(target, acknowledged, place)
