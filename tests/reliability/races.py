"""`python -m tests.reliability.races --tries 2000 --seed 1`: everything people may ask of one execution, at one moment.

Decisions, cancels, terminates, pauses, continues, retries, forks, redrives, discards and the end of time come in an
order that nobody chose, some from the driving process and some from another one. For each of them exactly one of two
things holds: it was told "it is kept", and what the file says bears that out, once; or it was refused, nothing of it is
in the file, and it was told who had been first (R9).

Each interleaving comes from its own seed. An execution either asks something (`asked`) or has failed and left a dead
letter (`failed`).
"""

import argparse
import asyncio
import random
import sys
import tempfile
import time
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, ClassVar

from graphs.clock import ManualClock
from graphs.errors import ConflictError, NotFoundError, StepError
from graphs.steps import Action, StepConfig, StepContext
from orchestrator.alerts.opening import AlertSettings
from orchestrator.engine import Orchestrator
from orchestrator.store.port import Execution, LetterFilter
from tests.reliability.race_judge import DISCARDS, REDRIVES, Judge, Raced, Told
from tests.reliability.stores import STORES, Store, named
from tests.support.engine.engines import ask, workflow
from tests.support.engine.steps import step_types

PATIENCE = 90.0
SCENES = ("asked", "failed")


@dataclass
class World:
    """What the steps of all executions have in common. A resource of the engine.

    Attributes:
        broken: Executions whose step `b` fails.
        held: Those whose step `b` stays at work until this is set.
        ran: How often each step of each execution has begun.
    """

    broken: set[str] = field(default_factory=set)
    held: dict[str, asyncio.Event] = field(default_factory=dict)
    ran: Counter[tuple[str, str]] = field(default_factory=Counter)


class Do(Action):
    """A step of these executions."""

    name: ClassVar[str] = "do"
    Config = StepConfig

    async def run(self, context: StepContext, config: StepConfig) -> Any:
        world = context.resource(World)
        name = context.path.rsplit(".", 1)[-1]
        world.ran[context.execution_id, name] += 1
        if name == "b":
            if context.execution_id in world.broken:
                raise StepError("it is broken", category="logic", code="broken")
            if (held := world.held.get(context.execution_id)) is not None:
                await held.wait()
        return {}


TYPES = step_types(Do())


class Race:
    """One execution, and all that comes to it at once."""

    def __init__(self, baton: Orchestrator, other: Orchestrator, clock: ManualClock, world: World, seed: int) -> None:
        self.chance = random.Random(seed)
        self.baton, self.other, self.clock, self.world = baton, other, clock, world
        self.key = f"race-{seed}"
        self.scene = self.chance.choice(SCENES)
        self.told = Told()
        self.undoes = self.chance.random() < 0.5
        self.limit = self.chance.choice(["none", "none", "wait", "execution"]) if self.scene == "asked" else "none"
        self.letter: int | None = None

    async def run(self) -> Execution:
        """Begin it, let everybody race, and bring it to its end."""
        await self._begin()
        racers = self._asked() if self.scene == "asked" else self._failed()
        self.chance.shuffle(racers)
        some = racers[: self.chance.randint(2, 6)]
        await asyncio.gather(*(self._after_a_while(name, act) for name, act in some))
        if (held := self.world.held.pop(self.key, None)) is not None:
            held.set()
        if self.told.heard.get("fay", self) is None:
            fork = await self._ended(f"{self.key}-fork")
            well = ("completed", "timed_out") if "time" in self.told.heard else ("completed",)
            assert fork.status in well, f"its fork {fork.status.said}: {fork.error}"
        return await self._ended(self.key)

    def over(self) -> Raced:
        """What there is to judge."""
        ran = Counter({step: times for (key, step), times in self.world.ran.items() if key == self.key})
        return Raced(self.scene, self.undoes, self.limit, self.told, ran)

    async def _begin(self) -> None:
        a: dict[str, Any] = {"name": "a", "type": "do"}
        if self.undoes:
            a["compensate"] = {"name": "undo_a", "type": "do"}
        limit = {"timeout": 60, "on_timeout": "reject"} if self.limit == "wait" else {}
        config = {"deadline": 60} if self.limit == "execution" else {}
        question = [ask("q", "a", on_reject="continue", **limit)] if self.scene == "asked" else []
        b = {"name": "b", "type": "do", "depends_on": ["q" if question else "a"]}
        definition = workflow(f"{self.scene}-{self.undoes}-{self.limit}", [a, *question, b], config=config)
        self.world.held[self.key] = asyncio.Event()
        if self.scene == "failed":
            self.world.broken.add(self.key)
        await self.baton.start(definition, execution_id=self.key)
        await asyncio.wait_for(self.baton.wait(self.key, "rest"), PATIENCE)
        self.world.broken.discard(self.key)
        for letter in await self.baton.dead_letters(execution_id=self.key):
            self.letter = letter.id

    def _asked(self) -> list[tuple[str, Callable[[Orchestrator], Awaitable[Any]]]]:
        return [
            ("ann", lambda baton: baton.decide(self.key, "q", "approve", by="ann")),
            ("bob", lambda baton: baton.decide(self.key, "q", "reject", by="bob")),
            *self._both(),
            ("ray", lambda baton: baton.retry(self.key, from_step="a", by="ray")),
            ("rob", lambda baton: baton.retry(self.key, from_step="q", again=True, by="rob")),
            ("fay", lambda baton: baton.fork(self.key, "q", new_id=f"{self.key}-fork")),
            *([("time", self._time)] if self.limit != "none" else []),
        ]

    def _failed(self) -> list[tuple[str, Callable[[Orchestrator], Awaitable[Any]]]]:
        return [
            *self._both(),
            ("ray", lambda baton: baton.retry(self.key, by="ray")),
            ("rob", lambda baton: baton.retry(self.key, from_step="b", again=True, by="rob")),
            ("fay", lambda baton: baton.fork(self.key, "b", new_id=f"{self.key}-fork")),
            *((name, self._of_the_letter(name)) for name in (*REDRIVES, *DISCARDS)),
        ]

    def _both(self) -> list[tuple[str, Callable[[Orchestrator], Awaitable[Any]]]]:
        compensate = self.chance.choice([None, True, False])
        return [
            ("eve", lambda baton: baton.cancel(self.key, by="eve", compensate=compensate)),
            ("carl", lambda baton: baton.cancel(self.key, by="carl")),
            ("terry", lambda baton: baton.terminate(self.key, by="terry")),
            ("pat", lambda baton: baton.pause(self.key, by="pat")),
            ("paul", lambda baton: baton.pause(self.key, by="paul")),
            ("cora", lambda baton: baton.continue_(self.key)),
        ]

    def _of_the_letter(self, name: str) -> Callable[[Orchestrator], Awaitable[Any]]:
        letters = [self.letter] if self.letter is not None else []
        if name in REDRIVES:
            return lambda baton: baton.redrive(letters, by=name)
        return lambda baton: baton.discard(letters, by=name)

    async def _time(self, _: Orchestrator) -> None:
        self.clock.advance(61)

    async def _after_a_while(self, name: str, act: Callable[[Orchestrator], Awaitable[Any]]) -> None:
        for _ in range(self.chance.choice([0, 0, 0, 1, 2, 5, 10, 30])):
            await asyncio.sleep(0)
        await self._note(name, act(self.chance.choice([self.baton, self.other])))

    async def _note(self, name: str, asked: Awaitable[Any]) -> None:
        try:
            await asked
            self.told.heard[name] = None
        except (ConflictError, NotFoundError) as error:
            self.told.heard[name] = error

    async def _ended(self, key: str) -> Execution:
        """What it comes to once nobody asks anything more: whoever is missing then lets it go on."""
        end, by = time.monotonic() + PATIENCE, "last" if key == self.key else "of the fork"
        while time.monotonic() < end:
            execution = await asyncio.wait_for(self.baton.wait(key, "rest"), PATIENCE)
            if execution.status.final:
                return execution
            if execution.status == "paused":
                await self._note("tidy", self.baton.continue_(key))
            elif await self.baton.waits(key):
                await self._note(by, self.baton.decide(key, "q", "approve", by=by))
            await asyncio.sleep(0.002)  # what the other process stored is heard by looking
        raise AssertionError(f"it does not end: {await self.baton.get(key)}")


@dataclass
class Findings:
    """What came of many races."""

    races: int = 0
    kept: Counter[str] = field(default_factory=Counter)
    refused: Counter[str] = field(default_factory=Counter)
    faults: list[str] = field(default_factory=list)

    def add(self, race: Race) -> None:
        self.races += 1
        for name, error in race.told.heard.items():
            if error is None:
                self.kept[name] += 1
            else:
                self.refused[f"{error.code}"] += 1

    def __str__(self) -> str:
        kept = ", ".join(f"{name} {count}" for name, count in sorted(self.kept.items()))
        refused = ", ".join(f"{code} {count}" for code, count in sorted(self.refused.items()))
        return f"{self.races} races; kept: {kept}; refused: {refused}; faults: {len(self.faults)}"


@asynccontextmanager
async def _engines(
    store: Store, folder: Path, clock: ManualClock, world: World
) -> AsyncIterator[tuple[Orchestrator, Orchestrator]]:
    more: Mapping[str, Any] = {"types": TYPES, "clock": clock, "alerts": AlertSettings(log=False)}
    async with (
        store.engine(folder, resources=[world], short_wait=0, **more) as baton,
        store.engine(folder, drive=False, **more) as other,
    ):
        yield baton, other


async def races(store: Store, folder: Path, seeds: Sequence[int], *, stop: bool = True) -> Findings:
    """Run races, one after the other, on one store.

    Args:
        stop: At the first fault, with an AssertionError; otherwise they are collected.
    """
    clock, world, findings = ManualClock(), World(), Findings()
    async with _engines(store, folder, clock, world) as (baton, other):
        for seed in seeds:
            race = Race(baton, other, clock, world, seed)
            try:
                execution = await race.run()
                records = await baton.records(race.key)
                which = LetterFilter(execution_id=race.key, status=None)
                Judge(race.over(), execution, records, await baton.store.dead_letters(which)).judge()
            except (AssertionError, TimeoutError) as error:
                said = f"seed {seed} ({race.scene}): {error!r}; told {race.told.heard}"
                if stop:
                    raise AssertionError(said) from error
                findings.faults.append(said)
            findings.add(race)
    return findings


async def _main(tries: int, first: int, store: Store) -> int:
    began = time.monotonic()
    with tempfile.TemporaryDirectory(prefix="baton-races-") as folder:
        findings = await races(store, Path(folder), range(first, first + tries), stop=False)
    for fault in findings.faults:
        sys.stderr.write(f"{fault}\n")
    print(f"{store.name}: {findings}, {time.monotonic() - began:.0f} s")
    return 1 if findings.faults else 0


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.reliability.races", description=__doc__)
    parser.add_argument("--tries", type=int, default=2000)
    parser.add_argument("--seed", type=int, default=1, help="the first seed")
    parser.add_argument("--store", choices=[store.name for store in STORES], default=STORES[0].name)
    given = parser.parse_args()
    return asyncio.run(_main(given.tries, given.seed, named(given.store)))


if __name__ == "__main__":
    sys.exit(main())
