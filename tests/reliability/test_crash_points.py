"""Every place at which a process can die while it stores something, one after the other (R2, R3).

The workflows go one step at a time, so that what a crash leaves behind is known beforehand: how much is kept, that no
more than one step was being done, and that nothing has begun on a result that was not durable.
"""

import asyncio
import signal
from collections import Counter
from collections.abc import AsyncIterator, Iterable
from dataclasses import dataclass
from itertools import count
from pathlib import Path

import pytest
import pytest_asyncio

from tests.reliability import checker, traces
from tests.reliability.jobs import EVERY_POINT, LINGERING, TAKEN_BACK, TAKEN_BACK_BADLY, TAKEN_BACK_INSIDE, Job
from tests.reliability.lives import Lives, Place, ended
from tests.reliability.nursery import Nursery
from tests.reliability.traces import Evidence, Kill

pytestmark = [pytest.mark.chaos, pytest.mark.asyncio(loop_scope="module")]

STAGES = ("before", "uncommitted", "committed", "after")
IN_MEMORY = ("result.heard", "result.released", "effect.begun", "effect.done")
ASKED = ("answer.stored", "answer.delivered", "park.before", "park.after")


def _names(*families: str) -> list[str]:
    return [f"{family}.{stage}" for family in families for stage in STAGES]


POINTS = {
    EVERY_POINT.id: [
        *_names("start", "begin", "wait", "decision", "event", "rest", "finish"),
        *_names("result", "record", "checkpoint", "interrupt"),
        *IN_MEMORY,
        *ASKED,
    ],
    LINGERING.id: [
        *_names("start", "wait", "decision", "event", "rest", "stirred", "finish"),
        *_names("result", "record", "checkpoint"),
        *(place for place in (*IN_MEMORY, *ASKED) if not place.startswith("park")),
    ],
    TAKEN_BACK.id: [*_names("start", "finish", "result", "record", "checkpoint"), *IN_MEMORY],
    TAKEN_BACK_INSIDE.id: [*_names("start", "finish", "result", "record", "checkpoint"), *IN_MEMORY],
    TAKEN_BACK_BADLY.id: [*_names("start", "finish", "result", "record", "checkpoint"), *IN_MEMORY],
}
"""Every place that these executions come by; `test_no_place_is_left_out` says so."""

STEADY = ("start", "decision", "event", "finish", "result", "effect", "record", "checkpoint")
"""Come by as often in every run. How often somebody rests is a matter of milliseconds: an answer may find him awake."""

MOST = {"record": 2, "checkpoint": 2}
"""What is handed over beside the results comes by often, and each time is like the one before."""

KEPT = {
    "start": "SELECT count(*) FROM executions",
    "decision": "SELECT count(*) FROM waits WHERE status = 'answered' AND kind = 'approval'",
    "event": "SELECT count(*) FROM waits WHERE status = 'answered' AND kind = 'event'",
    "finish": "SELECT count(*) FROM records WHERE kind LIKE 'execution.comp%ed'",
}
"""How often something has been kept, for what is kept exactly when it is said to be."""


class Bench:
    """Makes crashes and holds them against the run without one."""

    def __init__(self, folder: Path, nursery: Nursery) -> None:
        self._folder = folder
        self._nursery = nursery
        self._lives = Lives()
        self._numbers = count(1)
        self._undisturbed: dict[str, Evidence] = {}
        self._reached: dict[str, Counter[str]] = {}

    async def reached(self, job: Job) -> Counter[str]:
        """How often an undisturbed run comes by each place."""
        if job.id not in self._reached:
            place = self._new_place()
            life = await self._lives.start(self._nursery, place, [job], answers_as=NAMES[0], crash_at="count")
            assert await ended(life, place) == 0
            self._reached[job.id] = Counter(place.summary()["points"])
            self._undisturbed[job.id] = evidence(place, job)
            assert checker.check(self._undisturbed[job.id]).wrong == []
        return self._reached[job.id]

    async def crash(self, job: Job, *crashes: str) -> bool:
        """One process for each place to die at, and one that brings everything to its end.

        Returns:
            Whether the last of the places was come by.
        """
        place, kills = self._new_place(), list[Kill]()
        for crash_at, name in zip(crashes, NAMES, strict=False):
            life = await self._lives.start(self._nursery, place, [job], answers_as=name, crash_at=crash_at)
            code = await ended(life, place)
            assert code in (0, -signal.SIGKILL), f"{crash_at}: {place.output.read_text()}"
            if code == 0:
                break
            kill = await self._left(place, job, kills)
            _check_model(crash_at, kill, first=not kills)
            kills.append(kill)
        else:
            life = await self._lives.start(self._nursery, place, [job], answers_as="reviewer-last")
            assert await ended(life, place) == 0, place.output.read_text()
        place.summary()
        self._check(place, job, kills)
        return len(kills) == len(crashes)

    async def crash_at_each(self, job: Job, point: str, *before: str) -> int:
        """Die at a place when it is come by for the first time, for the second …; gives how often that was.

        Two at a time: most of a crash is waiting for disks and processes.
        """

        family = point.partition(".")[0]
        times = (await self.reached(job))[point]
        most = min(times, MOST.get(family, times)) if family in STEADY else 100

        async def every_other(number: int) -> int:
            while number <= most and await self.crash(job, *before, f"{point}:{number}"):
                number += 2
            return number

        made = min(await asyncio.gather(every_other(1), every_other(2))) - 1
        assert family not in STEADY or made == most, f"{point} is come by {most} times, and {made} crashes were made"
        return made

    async def _left(self, place: Place, job: Job, before: list[Kill]) -> Kill:
        copy = await place.copy(f"kill-{len(before)}")
        lines = len(traces.lines_of(place.journal))
        kill = Kill(requests=0, lines=lines, copy=copy, acknowledged=place.acknowledged())
        cut = traces.in_flight(evidence(place, job, [*before, kill]), copy, len(before))
        return Kill(requests=0, lines=lines, copy=copy, acknowledged=kill.acknowledged, in_flight=cut)

    def _check(self, place: Place, job: Job, kills: list[Kill]) -> None:
        found = checker.check(evidence(place, job, kills), self._undisturbed[job.id])
        assert found.wrong + place.complaints() == [], place.folder
        # Not "at most": what was cut off has been done once more, and nothing else has.
        done = Counter((act.step, act.what) for act in traces.acts(evidence(place, job, kills)))
        again = Counter(step for (step, _), times in done.items() for _ in range(times - 1))
        assert again == Counter(step for kill in kills for step in kill.in_flight), place.folder

    def _new_place(self) -> Place:
        folder = self._folder / f"run-{next(self._numbers)}"
        folder.mkdir()
        return Place(folder)


NAMES = ("reviewer-first", "reviewer-second", "reviewer-third")


def evidence(place: Place, job: Job, kills: Iterable[Kill] = ()) -> Evidence:
    return Evidence(
        database=place.database,
        journal=place.journal,
        requests=[],
        effects=[],
        expected={job.id: job.status},
        reads={},
        kills=list(kills),
    )


@dataclass(frozen=True, slots=True)
class _Point:
    family: str
    stage: str
    number: int

    @classmethod
    def of(cls, crash_at: str) -> "_Point":
        name, _, number = crash_at.rpartition(":")
        family, _, stage = name.partition(".")
        return cls(family, stage, int(number))


def _check_model(crash_at: str, kill: Kill, *, first: bool) -> None:
    """What a crash at this place must leave behind."""
    # One step at a time: were another begun, it would have begun on a result that can still be lost.
    assert len(kill.in_flight) <= 1, f"{crash_at}: {sorted(map(str, kill.in_flight))}"
    point = _Point.of(crash_at)
    if not first:
        return
    if point.family == "wait" and point.number == 1:  # later it may be the same one, entered again
        ((kept,),) = traces.rows(kill.copy, "SELECT count(*) FROM waits")
        assert kept == (point.stage in ("committed", "after")), f"{crash_at}: {kept} kept"
    if point.family in KEPT:
        ((kept,),) = traces.rows(kill.copy, KEPT[point.family])
        assert kept == point.number - (point.stage in ("before", "uncommitted")), f"{crash_at}: {kept} kept"
    if point.family == "result" and point.stage != "after":  # where it may be on its way
        kept = sum(len(results) for results in traces.settled(kill.copy).values())
        assert kept == point.number - (point.stage in ("before", "uncommitted")), f"{crash_at}: {kept} kept"
    if point.family == "effect":
        assert len(kill.in_flight) == 1, crash_at


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def bench(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Bench]:
    folder = tmp_path_factory.mktemp("crashes")
    async with Nursery.running(folder / "nursery.log") as nursery:
        yield Bench(folder, nursery)


@pytest.mark.parametrize(
    "job", [EVERY_POINT, LINGERING, TAKEN_BACK, TAKEN_BACK_INSIDE, TAKEN_BACK_BADLY], ids=lambda job: job.id
)
async def test_no_place_is_left_out(bench: Bench, job: Job) -> None:
    assert sorted(await bench.reached(job)) == sorted(POINTS[job.id])


@pytest.mark.capability("D01", "D02", "D05", "D22", "I04", "I08", "F24")
@pytest.mark.parametrize("point", POINTS[EVERY_POINT.id])
async def test_a_crash_at_every_place(bench: Bench, point: str) -> None:
    assert await bench.crash_at_each(EVERY_POINT, point) > 0


@pytest.mark.capability("D01", "D02", "X08")
@pytest.mark.parametrize("point", _names("rest", "stirred", "decision", "event"))
async def test_a_crash_while_it_rests_in_memory(bench: Bench, point: str) -> None:
    assert await bench.crash_at_each(LINGERING, point) > 0


@pytest.mark.capability("D01", "D22", "E10", "E11", "E12", "X11")
@pytest.mark.parametrize("point", POINTS[TAKEN_BACK.id])
async def test_a_crash_at_every_place_of_a_compensation(bench: Bench, point: str) -> None:
    assert await bench.crash_at_each(TAKEN_BACK, point) > 0


@pytest.mark.capability("D01", "D22", "E10", "E11", "E17")
@pytest.mark.parametrize("point", POINTS[TAKEN_BACK_INSIDE.id])
async def test_a_crash_at_every_place_of_an_undoing_inside(bench: Bench, point: str) -> None:
    assert await bench.crash_at_each(TAKEN_BACK_INSIDE, point) > 0


@pytest.mark.capability("D01", "D22", "E10", "E12", "E22")
@pytest.mark.parametrize("point", [*_names("finish", "result"), *IN_MEMORY])
async def test_a_crash_at_every_place_of_a_compensation_that_fails(bench: Bench, point: str) -> None:
    """In reverse, each undoing tried as often as it may be, the failed one dead-lettered once, and the rest undone."""
    assert await bench.crash_at_each(TAKEN_BACK_BADLY, point) > 0


@pytest.mark.capability("D01", "D05", "D22")
@pytest.mark.parametrize("point", POINTS[EVERY_POINT.id])
async def test_a_crash_while_taking_up_what_a_crash_left(bench: Bench, point: str) -> None:
    await bench.reached(EVERY_POINT)
    # The second step has acted; its result has not been kept.
    came_by = await bench.crash(EVERY_POINT, "result.uncommitted:3", f"{point}:1")
    assert came_by or point in (*_names("decision", "record"), *_names("start")[1:]), "both were over before"
