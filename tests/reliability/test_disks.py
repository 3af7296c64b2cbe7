"""A disk that is full, read-only or broken for a while, under an engine at work (R6): commits fail with a clear error,
nothing is half written, and the work goes on by itself once the disk can be written again.
"""

import asyncio
import os
import random
import shutil
import signal
import subprocess
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import replace
from pathlib import Path

import pytest

from graphs.clock import ManualClock
from graphs.errors import CommitError
from tests.reliability import checker, traces
from tests.reliability.child import STOP_AFTER_LOSS
from tests.reliability.jobs import MANY_IN_PROCESS
from tests.reliability.lives import Lives, Place, ended, watched
from tests.reliability.nursery import Child, Nursery
from tests.reliability.traces import Evidence, Kill
from tests.support.engine.engines import act, engine, finished, run, workflow
from tests.support.engine.steps import Effects

pytestmark = pytest.mark.chaos

JOBS = MANY_IN_PROCESS
FAULTS = {"full": "full", "read-only": "cannot be written", "sync": "cannot be written"}
TMPFS = "4m"


@asynccontextmanager
async def nursery(folder: Path) -> AsyncIterator[Nursery]:
    """Its children's disk fails while there is a file that says so (`failing.c`)."""
    if shutil.which("cc") is None:
        pytest.skip("the disk is made to fail by a piece of C, and there is no cc")
    shim = folder / "failing.so"
    source = Path(__file__).with_name("failing.c")
    subprocess.run(["cc", "-shared", "-fPIC", "-O1", "-o", shim, source, "-ldl"], check=True, timeout=60)
    async with Nursery.running(folder / "nursery.log", {"LD_PRELOAD": str(shim), STOP_AFTER_LOSS: "1"}) as made:
        yield made


@pytest.fixture
def effects() -> Effects:
    """What steps did."""
    return Effects()


def evidence(place: Place, *kills: Kill) -> Evidence:
    expected = {job.id: job.status for job in JOBS}
    return Evidence(
        database=place.database,
        journal=place.journal,
        requests=[],
        effects=[],
        expected=expected,
        reads={},
        kills=kills,
    )


def stopped(pid: int) -> bool:
    """Whether a process was stopped (SIGSTOP), and not told to go on since."""
    return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] == "T"


async def fail_for_a_while(life: Child, place: Place, fault: str, after: int) -> Kill:
    """Let the disk fail once so many steps have begun, until the engine has said so. What there was at the end."""
    said, fired = place.folder / "fault", place.folder / "fired"
    async with watched(life, place):
        while place.begun() < after and not life.ended.done():
            await asyncio.sleep(0.002)
        said.write_text(fault)
        while "drive.failed" not in place.output.read_text() and not life.ended.done():
            await asyncio.sleep(0.002)
        assert fired.exists() and not life.ended.done(), "nothing was written while the disk failed"
        said.unlink()
        while not stopped(life.pid):  # what is in flight then may be done again; nothing else
            assert not life.ended.done(), "it did not try again"
            await asyncio.sleep(0.002)
        try:
            lines = len(traces.lines_of(place.journal))
            kill = Kill(requests=0, lines=lines, copy=place.seen("failed"), acknowledged=place.acknowledged())
            # Asked of the file as the engine has it open: a copy would take for committed what reached the WAL before
            # the commit failed.
            return replace(kill, in_flight=traces.in_flight(evidence(place, kill), place.database, 0))
        finally:
            life.send(signal.SIGCONT)


@pytest.mark.capability("D01", "D02", "R6")
@pytest.mark.parametrize("fault", FAULTS)
async def test_a_disk_that_fails_for_a_while(tmp_path: Path, fault: str) -> None:
    chance = random.Random(fault)
    async with nursery(tmp_path) as forks:
        place = Place(tmp_path / "run")
        place.folder.mkdir()
        life = await Lives().start(forks, place, JOBS)
        kill = await fail_for_a_while(life, place, fault, chance.randint(5, 25))
        assert kill.counts, "nothing was in flight"
        assert await ended(life, place) == 0, place.output.read_text()
    assert checker.check(evidence(place, kill)).wrong == []
    told = place.output.read_text()
    assert FAULTS[fault] in told and "commit_failed" in told and "Traceback" not in told


@pytest.mark.capability("D01", "R6")
async def test_a_small_disk_that_is_full(tmp_path: Path, effects: Effects) -> None:
    """A real one, in memory: who starts something is told, what was kept is whole, and room is all it takes."""
    disk = tmp_path / "disk"
    disk.mkdir()
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", f"size={TMPFS}", "tmpfs", disk], capture_output=True, timeout=20, check=False
    )
    if mounted.returncode:
        pytest.skip(f"this user may not mount a disk: {mounted.stderr.decode().strip()}")
    try:
        database, clock, filling = disk / "baton.db", ManualClock(), disk / "filling"
        definition = workflow("w", [act("a", value="{{ input }}"), act("b", "a", value=1)])
        async with engine(database, effects=effects, clock=clock, synchronous="full") as baton:
            assert (await run(baton, definition, "x")).status == "completed"
            with filling.open("wb", buffering=0) as file, suppress(OSError):
                while file.write(b"x" * 4096):
                    pass
            with pytest.raises(CommitError, match=r"full. Nothing of this was kept. Make room") as told:
                for _ in range(500):
                    await baton.start(definition, "x" * 2000)
            assert told.value.code == "commit_failed"
            started = [execution.id for execution in await baton.list()]
            filling.unlink()
            for execution_id in started:
                while not (execution := await baton.get(execution_id)).status.final:
                    clock.advance(2)  # after a lost commit it is tried again in a moment
                    with suppress(TimeoutError):
                        await asyncio.wait_for(baton.wait(execution_id), 0.5)
                assert execution.status == "completed"
            assert (await finished(baton, await baton.start(definition, "y"))).status == "completed"
        assert traces.integrity(database) == "ok"
        assert {row[0] for row in traces.rows(database, "SELECT status FROM executions")} == {"completed"}
    finally:
        subprocess.run(["umount", disk], check=True, timeout=20)
    assert not os.path.ismount(disk)
