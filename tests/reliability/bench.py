"""Crashes at named places, and what they must leave behind: held against a model, and against a run without them."""

import asyncio
import signal
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from itertools import count
from pathlib import Path

from tests.reliability import checker, traces
from tests.reliability.job import Job
from tests.reliability.lives import Lives, Place, ended
from tests.reliability.nursery import Nursery
from tests.reliability.sizes import IS_LONG
from tests.reliability.steering import forks
from tests.reliability.stores import STORES, Store
from tests.reliability.traces import Evidence, Kill

STAGES = ("before", "uncommitted", "committed", "after")


def stages(*families: str) -> list[str]:
    """The four places of what is stored."""
    return [f"{family}.{stage}" for family in families for stage in STAGES]


STEADY = ("start", "decision", "event", "finish", "result", "effect", "record", "checkpoint")
"""Come by as often in every run. How often somebody rests is a matter of milliseconds: an answer may find him awake."""

MOST: dict[str, int] = (
    {}
    if IS_LONG
    else {"record": 2, "checkpoint": 2, "result.before": 2, "result.heard": 2, "result.released": 2, "result.after": 2}
)
"""By family or place. What is handed over beside the results comes by often, and each time is like the one before; and
what is in the file after a death before a commit, or after one, is the same as in the middle of it, and right after."""

KEPT = {
    "start": "SELECT count(*) FROM executions",
    "decision": "SELECT count(*) FROM waits WHERE status = 'answered' AND kind = 'approval'",
    "event": "SELECT count(*) FROM waits WHERE status = 'answered' AND kind = 'event'",
    "cancel": "SELECT count(*) FROM executions WHERE cancel_requested <> 'null'",
    "pause": "SELECT count(*) FROM executions WHERE pause_requested <> 'null'",
    "edit": "SELECT count(*) FROM dead_letters WHERE edit <> 'null'",
    "rewind": "SELECT count(*) FROM records WHERE kind = 'execution.rewound'",
    "redrive": "SELECT count(*) FROM dead_letters WHERE kind = 'compensation' AND status = 'redriven'",
    "undo": "SELECT count(*) FROM dead_letters WHERE status = 'discarded'",
    "fork": "SELECT count(*) FROM executions WHERE parent IS NOT NULL",
    "finish": "SELECT count(*) FROM records WHERE kind LIKE 'execution.comp%ed'",
}
"""How often something has been kept, for what is kept exactly when it is said to be."""


NAMES = ("reviewer-first", "reviewer-second", "reviewer-third")


def evidence(place: Place, job: Job, kills: Iterable[Kill] = ()) -> Evidence:
    return Evidence(
        database=place.database,
        journal=place.journal,
        requests=[],
        effects=[],
        expected={job.id: job.status, **forks([job])},
        reads={},
        kills=list(kills),
        steered=frozenset({job.id, *forks([job])} if job.steered else ()),
    )


class Bench:
    """Makes crashes and holds them against the run without one."""

    def __init__(self, folder: Path, nursery: Nursery, store: Store = STORES[0]) -> None:
        self._folder = folder
        self._store = store
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
        most = min(times, MOST.get(point, MOST.get(family, times))) if family in STEADY else 100

        async def every_other(number: int) -> int:
            while number <= most and await self.crash(job, *before, f"{point}:{number}"):
                number += 2
            return number

        made = min(await asyncio.gather(every_other(1), every_other(2))) - 1
        assert family not in STEADY or made == most, f"{point} is come by {most} times, and {made} crashes were made"
        return made

    async def crash_at_places_of(self, job: Job, family: str, *, most: int = 2) -> int:
        """As `crash_at_each`, at all places of a family, each come by so many times at most; how many crashes."""
        reached, at_once = await self.reached(job), asyncio.Semaphore(2)
        places = [place for place in reached if place.partition(".")[0] == family]
        assert places, f"{job.id} does not come by {family}"

        async def once(crash_at: str) -> bool:
            async with at_once:
                return await self.crash(job, crash_at)

        crashes = [f"{place}:{number}" for place in places for number in range(1, min(most, reached[place]) + 1)]
        made = dict(zip(crashes, await asyncio.gather(*map(once, crashes)), strict=True))
        # How often breakers change, or somebody rests, is a matter of milliseconds.
        assert all(made[f"{place}:1"] for place in places), f"never come by: {made}"
        return sum(made.values())

    async def _left(self, place: Place, job: Job, before: list[Kill]) -> Kill:
        copy = await place.copy(f"kill-{len(before)}")
        lines = len(traces.lines_of(place.journal))
        kill = Kill(requests=0, lines=lines, copy=copy, acknowledged=place.acknowledged())
        cut = traces.in_flight(evidence(place, job, [*before, kill]), copy, len(before))
        return Kill(requests=0, lines=lines, copy=copy, acknowledged=kill.acknowledged, in_flight=cut)

    def _check(self, place: Place, job: Job, kills: list[Kill]) -> None:
        found = checker.check(evidence(place, job, kills), self._undisturbed[job.id])
        wrong = found.wrong + place.complaints()
        assert wrong == [], f"{place.folder}: {wrong}"
        # Not "at most": what was cut off has been done once more, and nothing else has.
        done = _acts(evidence(place, job, kills)) - _acts(self._undisturbed[job.id])
        again = Counter(step for (step, _), times in done.items() for _ in range(times))
        assert again == Counter(step for kill in kills for step in kill.in_flight), f"{place.folder}: {again}"

    def _new_place(self) -> Place:
        place = Place(self._folder / f"run-{next(self._numbers)}", self._store)
        place.folder.mkdir()
        self._store.begin(place.folder)
        return place


def _acts(seen: Evidence) -> Counter[tuple[traces.Step, str]]:
    return Counter((act.step, act.what) for act in traces.acts(seen))


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
