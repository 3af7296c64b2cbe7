"""Killing engines at moments nobody chose, and starting them again, until everything has ended."""

import asyncio
import json
import random
import shutil
import signal
import time
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from dataclasses import dataclass, field, replace
from itertools import count
from pathlib import Path
from typing import Any

import httpx

from api.demo.services.names import SERVICE_NAMES
from api.demo.services.process import Services, running_services
from orchestrator.engine import Orchestrator
from orchestrator.settings import Settings
from tests.reliability import checker, traces
from tests.reliability.findings import Findings
from tests.reliability.job import Job
from tests.reliability.lives import Lives, Place, ended, watched
from tests.reliability.nursery import Child, Fresh, Nursery, Starter
from tests.reliability.reviewer import Reviewer
from tests.reliability.steering import Steerer, forks
from tests.reliability.stores import STORES, Store
from tests.reliability.traces import PREPARED, Evidence, Kill, Step

REVIEWER = "reviewer-rita"
HESITATES_SECONDS = 0.15
ACTS_OF_A_LIFE = 3
"""By execution: so many requests and journal entries a process may begin at most before it is killed."""

ANYWHERE_SHARE = 0.15
"""Of the kills: at any time at all."""


@dataclass(slots=True)
class Summary:
    """What came of all runs."""

    kills: int = 0
    not_counted: int = 0
    runs: int = 0
    executions: int = 0
    steps: int = 0
    acts: int = 0
    repeats: int = 0
    in_flight: int = 0
    effects: int = 0
    lost: int = 0
    doubled: int = 0
    undone: int = 0
    fresh: int = 0
    wrong: list[str] = field(default_factory=list)
    recoveries: list[float] = field(default_factory=list)
    """Seconds from starting a process to the moment at which it drives."""

    def add(self, found: Findings, kills: Sequence[Kill]) -> None:
        self.runs += 1
        self.kills += sum(kill.counts for kill in kills)
        self.not_counted += sum(not kill.counts for kill in kills)
        self.in_flight += sum(len(kill.in_flight) for kill in kills)
        for name in ("executions", "steps", "acts", "repeats", "effects", "lost", "doubled", "undone"):
            setattr(self, name, getattr(self, name) + getattr(found, name))
        self.wrong += found.wrong

    def __str__(self) -> str:
        slowest = max(self.recoveries, default=0.0)
        return (
            f"kills counted {self.kills} (not counted, because nothing was in flight: {self.not_counted}), "
            f"runs {self.runs}, executions {self.executions}, "
            f"results {self.steps} ({self.undone} of undoing), effects {self.effects}, "
            f"requests and journal entries {self.acts}, steps in flight at kills {self.in_flight}, "
            f"of their calls repeated {self.repeats}, lost {self.lost}, doubled {self.doubled}, "
            f"other findings {len(self.wrong) - self.lost - self.doubled}, fresh interpreters {self.fresh}, "
            f"slowest start {slowest:.2f} s"
        )


class Harness:
    """Runs batches of executions under kills. Made by `running`."""

    def __init__(
        self, folder: Path, services: Services, client: httpx.AsyncClient, nursery: Nursery, store: Store
    ) -> None:
        self._folder = folder
        self._store = store
        self._services = services
        self._client = client
        self._nursery = nursery
        self._log = folder / "services.db"
        self._numbers = count(1)
        self._lives = Lives(services.url)
        self.summary = Summary()

    @classmethod
    @asynccontextmanager
    async def running(cls, folder: Path, store: Store = STORES[0]) -> AsyncIterator["Harness"]:
        """The services, which outlive every engine, and the nursery."""
        async with (
            running_services(folder / "services.db") as services,
            Nursery.running(folder / "nursery.log") as nursery,
            httpx.AsyncClient(base_url=services.url, timeout=30, verify=False, trust_env=False) as client,
        ):
            yield cls(folder, services, client, nursery, store)

    # -- runs ------------------------------------------------------------------------------------------------------

    async def undisturbed(self, jobs: Sequence[Job]) -> Evidence:
        """The same executions without a kill: what they must come to."""
        place = await self._new_place(jobs)
        life = await self._lives.start(self._nursery, place, jobs, answers_as=REVIEWER)
        await _well(life, place)
        evidence = self._evidence(place, jobs, [])
        found = checker.check(evidence)
        assert found.wrong == [], "undisturbed:\n" + "\n".join(found.wrong)
        assert found.repeats == 0, f"undisturbed, and {found.repeats} calls were made again"
        return evidence

    async def under_kills(
        self, chance: random.Random, most: int, undisturbed: Evidence, jobs: Sequence[Job], *, fresh: float = 0.0
    ) -> Sequence[Kill]:
        """One run of the jobs: killed again and again, at most so many times that count; then checked."""
        place, kills = await self._new_place(jobs), list[Kill]()
        await self._slow_down(chance)
        beside = chance.random() < 0.5
        async with self._answering(place, jobs, chance, beside=beside) as reviewer:
            while True:
                own = chance.random() < fresh
                self.summary.fresh += own
                starter: Starter = Fresh() if own else self._nursery
                life = await self._lives.start(starter, place, jobs, answers_as="" if beside else REVIEWER)
                if sum(kill.counts for kill in kills) >= most:
                    await _well(life, place)
                    break
                anywhere = not own and chance.random() < ANYWHERE_SHARE
                if not await self._moment(life, place, chance, ACTS_OF_A_LIFE * len(jobs), anywhere=anywhere):
                    await _well(life, place)
                    break
                kills.append(await self._kill(life, place, jobs, kills, reviewer))
        found = checker.check(self._evidence(place, jobs, kills), undisturbed)
        found.wrong += place.complaints()
        self.summary.add(found, kills)
        self.summary.recoveries += place.recoveries()
        assert found.wrong == [], f"{place.folder}:\n" + "\n".join(found.wrong)
        shutil.rmtree(place.folder)
        return kills

    # -- one kill -----------------------------------------------------------------------------------------------------

    async def _moment(self, life: Child, place: Place, chance: random.Random, most: int, *, anywhere: bool) -> bool:
        """Wait for the moment to kill; False when the process has ended before.

        Mostly: when the process has begun some acts, and a moment later. Sometimes at any time at all, also while it
        only starts.
        """
        began, acts, later = self._begun(place), chance.randint(1, most), chance.uniform(0.0, 0.06)
        at = time.monotonic() + chance.uniform(0.0, 0.5)
        async with watched(life, place):
            while not life.ended.done():
                if time.monotonic() >= at if anywhere else self._begun(place) - began >= acts:
                    break
                await asyncio.sleep(0.003)
            if not anywhere:
                await asyncio.wait([life.ended], timeout=later)
        return not life.ended.done()

    async def _kill(
        self, life: Child, place: Place, jobs: Sequence[Job], before: Sequence[Kill], reviewer: Reviewer | None
    ) -> Kill:
        """SIGKILL, and a look at what is left, while nobody else writes."""
        async with reviewer.busy if reviewer is not None else asyncio.Lock():
            life.send(signal.SIGKILL)
            assert await ended(life, place) in (-signal.SIGKILL, 0), place.output.read_text()
            kill = await self._left(place, len(before), opened=reviewer is not None)
        cut = traces.in_flight(self._evidence(place, jobs, [*before, kill]), kill.copy, len(before))
        return replace(kill, in_flight=cut)

    async def _left(self, place: Place, number: int, *, opened: bool) -> Kill:
        # What the dead process had sent is read before what comes now, on connections that are made now.
        for _ in range(2):
            async with httpx.AsyncClient(verify=False, trust_env=False, timeout=30) as client:
                (await client.get(f"{self._services.url}/_control/health")).raise_for_status()
        return Kill(
            requests=self._requests(),
            lines=len(traces.lines_of(place.journal)),
            copy=place.seen(f"kill-{number}") if opened else await place.copy(f"kill-{number}"),
            acknowledged=place.acknowledged(),
        )

    # -- the world around ------------------------------------------------------------------------------------------

    async def _new_place(self, jobs: Sequence[Job]) -> Place:
        (await self._client.post("/_control/reset")).raise_for_status()
        place = Place(self._folder / f"run-{next(self._numbers)}", self._store)
        place.folder.mkdir()
        prepared: dict[str, dict[str, str]] = {job.id: {} for job in jobs}
        for job in jobs:
            for number, (path, body, known_as) in enumerate(job.prepare):
                headers = {"Idempotency-Key": f"{PREPARED}-{job.id}-{number}"}
                made = (await self._client.post(path, json=body, headers=headers)).raise_for_status()
                if known_as is not None:
                    prepared[job.id][known_as] = made.json()["id"]
        place.prepared.write_text(json.dumps(prepared))
        return place

    async def _slow_down(self, chance: random.Random) -> None:
        """Requests take a while, before or after their effect, so that there is something to kill."""
        for service in SERVICE_NAMES:
            fault = {"latency_ms": chance.randint(20, 120), "after_effect": chance.random() < 0.5}
            (await self._client.put(f"/_control/faults/{service}", json=fault)).raise_for_status()

    @asynccontextmanager
    async def _answering(
        self, place: Place, jobs: Sequence[Job], chance: random.Random, *, beside: bool
    ) -> AsyncIterator[Reviewer | None]:
        """Somebody who answers from another process than the engine's, namely this one; or nobody."""
        if not beside:
            yield None
            return
        say = _Saying(place.says)
        async with AsyncExitStack() as stack:
            settings = Settings(_env_file=None, **self._store.settings(place.folder))  # type: ignore[call-arg]
            baton = await stack.enter_async_context(Orchestrator.open(settings, drive=False))
            own = random.Random(chance.random())
            reviewer = Reviewer(baton, jobs, REVIEWER, say, hesitates=HESITATES_SECONDS, chance=own)
            steerer = Steerer(baton, jobs, REVIEWER, place.journal, say, place.acknowledged, reviewer.busy)
            serving = [asyncio.create_task(one.serve()) for one in (reviewer, steerer)]
            try:
                yield reviewer
            finally:
                for task in serving:
                    task.cancel()
                    with suppress(asyncio.CancelledError):
                        await task

    def _evidence(self, place: Place, jobs: Sequence[Job], kills: Sequence[Kill]) -> Evidence:
        requests, effects = traces.asked_of(self._services.url)
        return Evidence(
            database=place.database,
            journal=place.journal,
            requests=requests,
            effects=effects,
            expected={job.id: job.status for job in jobs} | forks(jobs),
            reads={read: _steps(job, paths) for job in jobs for read, paths in job.reads.items()},
            kills=kills,
            steered=frozenset(name for job in jobs if job.steered for name in (job.id, *forks([job]))),
        )

    def _requests(self) -> int:
        """The newest request the services have written down."""
        return int(traces.rows(self._log, "SELECT ifnull(max(id), 0) FROM requests")[0][0])

    def _begun(self, place: Place) -> int:
        return self._requests() + place.begun()


def _steps(job: Job, paths: str | tuple[str, ...]) -> list[Step]:
    return [Step(job.id, path, 0) for path in ((paths,) if isinstance(paths, str) else paths)]


async def _well(life: Child, place: Place) -> None:
    """The process ends by itself, with everything done, and has nothing to complain of."""
    code = await ended(life, place)
    assert code == 0, f"{place.folder}: exit {code}\n{place.output.read_text()}"
    place.summary()


class _Saying:
    """Writes what was acknowledged to this process beside what engines said."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def __call__(self, fact: Mapping[str, Any]) -> None:
        with self._path.open("a") as file:
            file.write(json.dumps(fact) + "\n")
